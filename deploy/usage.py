"""What the onebox costs: CPU seconds and memory of this process and its children, read from Linux's /proc.

Memory is the proportional set size (PSS) where the kernel tells it: pages that several processes share count once in the
sum. Elsewhere it is the resident size, and the answer says so.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")
MB = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """``cpu_s``: user and system seconds so far; ``memory_mb``: 10^6 bytes, counted as ``measure`` says (pss or rss)."""

    cpu_s: float
    memory_mb: float
    measure: str
    processes: int


def usage(pid: int | None = None) -> Usage:
    """Of a process and all its descendants now. Processes that end meanwhile are left out."""
    found = list(_tree(pid or os.getpid()))
    pss = [_pss(each) for each in found]
    exact = any(value is not None for value in pss)
    memory = sum(value or 0 for value in pss) if exact else sum(_rss(each) for each in found)
    cpu = sum(_cpu_s(each) for each in found)
    return Usage(cpu_s=cpu, memory_mb=round(memory / MB, 1), measure="pss" if exact else "rss", processes=len(found))


def age_s() -> float:
    """Real seconds since this process was started, imports and all; 0 where the system does not tell."""
    fields = _stat(os.getpid())
    if not fields:
        return 0.0
    return time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[19]) / os.sysconf("SC_CLK_TCK")


def _tree(pid: int) -> Iterator[int]:
    parents = {child: parent for child, parent in _parents() if parent}
    wanted, order = {pid}, [pid]
    for each in order:
        new = [child for child, parent in parents.items() if parent == each and child not in wanted]
        wanted.update(new)
        order.extend(new)
    return iter(order)


def _parents() -> Iterable[tuple[int, int]]:
    for folder in PROC.iterdir() if PROC.is_dir() else ():
        if folder.name.isdigit() and (fields := _stat(int(folder.name))):
            yield int(folder.name), int(fields[1])


def _stat(pid: int) -> list[str]:
    """The fields after the command name (which may hold spaces): state, ppid, ..."""
    return _read(pid, "stat").rpartition(")")[2].split()


def _cpu_s(pid: int) -> float:
    fields = _stat(pid)
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK") if fields else 0.0


def _pss(pid: int) -> int | None:
    found = re.search(r"^Pss:\s+(\d+) kB", _read(pid, "smaps_rollup"), flags=re.MULTILINE)
    return int(found[1]) * 1024 if found else None


def _rss(pid: int) -> int:
    fields = _read(pid, "statm").split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") if fields else 0


def _read(pid: int, name: str) -> str:
    try:
        return (PROC / str(pid) / name).read_text(encoding="ascii", errors="replace")
    except OSError:  # it has ended, or is not ours to look into
        return ""
