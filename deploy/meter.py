"""Measures at the store's own door: what was really stored, when, and whether any accepted scan is missing.

It stands between the collector and the history and believes neither: it counts only what ``append`` took without an error, and
compares offset by offset with what the gateways say they have accepted and with what still waits in their journal files.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lampwell.clock import Clock
from lampwell.history.port import History
from lampwell.points import Value
from lampwell.readings import Scan

SEGMENT_SHIFT = 32
LATENCIES = 200_000


@dataclass(slots=True)
class Ranges:
    """A set of whole numbers kept as ranges, half-open: mostly contiguous, so mostly one range."""

    starts: list[int] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)

    def add(self, number: int) -> bool:
        """Put a number in; False if it was there already."""
        at = bisect_right(self.starts, number)
        if at and number < self.ends[at - 1]:
            return False
        touches_left, touches_right = (
            at > 0 and self.ends[at - 1] == number,
            at < len(self.starts) and self.starts[at] == number + 1,
        )
        if touches_left and touches_right:
            self.ends[at - 1] = self.ends.pop(at)
            del self.starts[at]
        elif touches_left:
            self.ends[at - 1] = number + 1
        elif touches_right:
            self.starts[at] = number
        else:
            self.starts.insert(at, number)
            self.ends.insert(at, number + 1)
        return True

    def missing(self, low: int, high: int) -> int:
        """How many numbers of [low, high) are not in the set."""
        have = sum(max(0, min(end, high) - max(start, low)) for start, end in zip(self.starts, self.ends, strict=True))
        return max(0, high - low) - have


class Meter:
    """A History that counts what the one inside has taken. Everything but ``append`` goes straight through."""

    def __init__(self, history: History, clock: Clock) -> None:
        self._history = history
        self._clock = clock
        self.began = clock.monotonic()
        self.readings = 0
        self.scans = 0
        self.duplicates = 0
        self.first_s: float | None = None
        self.latency_ms: deque[int] = deque(maxlen=LATENCIES)
        self.offsets: dict[tuple[str, int], Ranges] = {}
        self._newest: dict[tuple[str, str], tuple[int, Value | None, int]] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._history, name)

    async def append(self, scans: Sequence[Scan], progress: Mapping[str, str]) -> None:
        """Store, then count."""
        await self._history.append(scans, progress)
        now = self._clock.now()
        for scan in scans:
            self._count(scan, now)
        if self.first_s is None and self.readings:
            self.first_s = self._clock.monotonic() - self.began

    def _count(self, scan: Scan, now: int) -> None:
        self.scans += 1
        self.readings += len(scan.index)
        if scan.offset is not None and scan.journal is not None:
            segment, row = scan.offset >> SEGMENT_SHIFT, scan.offset & ((1 << SEGMENT_SHIFT) - 1)
            self.duplicates += not self.offsets.setdefault((scan.journal, segment), Ranges()).add(row)
        if not scan.historical:
            self.latency_ms.append(now - scan.time)
            self._remember(scan)

    def _remember(self, scan: Scan) -> None:
        device, points = scan.layout.device, scan.layout.points
        for index, value, flags in zip(scan.index, scan.values, scan.flags, strict=True):
            self._newest[device, points[index].path] = (scan.time, value, flags)

    def newest(self, device: str, point: str) -> tuple[int, Value | None, int] | None:
        """The newest live reading stored in this run: time, value, flags; None before the first."""
        return self._newest.get((device, point))

    def percentile(self, share: float, speed: float = 1.0) -> float | None:
        """Real milliseconds from a scan's time to its being stored, over live scans; None before the first."""
        ordered = sorted(self.latency_ms)
        return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))] / speed, 1) if ordered else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Scans of this run by what became of them. ``lost`` is what no one can find: neither stored, nor waiting, nor given up."""

    accepted: int
    stored: int
    waiting: int
    dropped: int
    lost: int


def settle(journals: Iterable[Path], accepted: Mapping[str, int], meter: Meter) -> Account:
    """Compare offset by offset once the gateways have stopped. ``accepted``: scans given an offset in this run, by journal."""
    total = stored = waiting = dropped = lost = 0
    for path in journals:
        journal, segment, first, rows = _read_journal(path)
        count = accepted.get(journal, 0)
        given_up = max(0, min(first - (segment << SEGMENT_SHIFT) - 1, count))
        have = meter.offsets.get((journal, segment), Ranges())
        missing = have.missing(given_up + 1, count + 1)
        remaining = sum(1 for row in rows if have.missing(row, row + 1))
        total, waiting, dropped = total + count, waiting + remaining, dropped + given_up
        lost, stored = lost + missing - remaining, stored + count - given_up - missing
    return Account(accepted=total, stored=stored, waiting=waiting, dropped=dropped, lost=lost)


def _read_journal(path: Path) -> tuple[str, int, int, list[int]]:
    """Identity, segment, oldest accounted offset, and the rows of this run's segment that still wait."""
    database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    try:
        meta = dict(database.execute("SELECT key, value FROM meta"))
        segment = int(meta["segment"])
        low = segment << SEGMENT_SHIFT
        rows = [offset - low for (offset,) in database.execute("SELECT offset FROM rows WHERE offset > ?", (low,))]
        return meta["id"], segment, int(meta.get("first", "0")), rows
    finally:
        database.close()
