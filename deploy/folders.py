"""Where a onebox keeps its data, and how it keeps two times or two runs apart.

On the machine's own clock the county goes on in ``run/<county>``: yesterday's readings stay and the journals catch up. A
shifted or faster clock must never write into those, so a drill has ``run/<county>-drill``, fresh each time; what was there
is put aside, not deleted.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path

from lampwell.errors import LampwellError

MARK = "onebox.json"
OF_SERVICES = (
    "serial",
    "sim.sock",
    "history.sock",
    "bdseq",
    "county",
    "history.duckdb*",
    "ledger.sqlite*",
    "journal.sqlite*",
    "lampwell.log*",
    "lock",
)
"""What gateway, collector and virtual field leave in the same folder when they run alone, beside a folder for each edge node."""


class FolderRefused(LampwellError):
    """The data folder cannot be used; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A data folder ready for use, and one sentence for the screen about what was decided."""

    path: Path
    zh: str
    en: str


def live_folder(county: str) -> Path:
    """Where a county on the machine's own clock keeps its data."""
    return Path("run") / county


def drill_folder(county: str) -> Path:
    """Where a county on a shifted or faster clock keeps its data."""
    return Path("run") / f"{county}-drill"


def prepare(folder: Path, *, county: str, shifted: bool, keep: bool, now: datetime, edges: Collection[str] = ()) -> Prepared:
    """Make the folder ready: go on in it, or put what is there aside and begin afresh. FolderRefused if it is not ours."""
    mark = _read_mark(folder, county, edges)
    if mark is None:
        return _fresh(folder, county, shifted, Prepared(folder, "新数据目录", "new data folder"))
    if keep or not (shifted or mark["shifted"]):
        return Prepared(folder, "沿用原有数据", "going on with the data that is there")
    aside = _free_name(folder, now)
    with locked(folder):
        folder.rename(aside)
    notice = Prepared(folder, f"时钟已变，旧数据移至 {aside}", f"the clock differs: earlier data put aside in {aside}")
    return _fresh(folder, county, shifted, notice)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder for this process; FolderRefused while another one has it. Ends with the process, however it ends."""
    with (folder / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise FolderRefused(f"{folder}: another lampwell demo is running on this data; name another with --data") from None
        yield


def _read_mark(folder: Path, county: str, edges: Collection[str]) -> dict[str, object] | None:
    """What a folder says of itself; None where there is nothing yet. What services running alone have left is real-time data."""
    if not folder.exists() or not any(folder.iterdir()):
        return None
    if not (folder / MARK).exists() and all(_of_services(path.name, edges) for path in folder.iterdir()):
        _write_mark(folder, county, shifted=False)
    try:
        mark = json.loads((folder / MARK).read_text(encoding="utf-8"))
        if mark["county"] != county:
            raise FolderRefused(
                f"{folder}: holds data of the county '{mark['county']}', not of '{county}'; name another with --data"
            )
        return {"shifted": bool(mark["shifted"])}
    except (OSError, ValueError, KeyError, TypeError):
        raise FolderRefused(f"{folder}: is not empty and not a lampwell data folder; name another with --data") from None


def _of_services(name: str, edges: Collection[str]) -> bool:
    return name in edges or any(fnmatchcase(name, pattern) for pattern in OF_SERVICES)


def _write_mark(folder: Path, county: str, *, shifted: bool) -> None:
    (folder / MARK).write_text(json.dumps({"county": county, "shifted": shifted}), encoding="utf-8")


def _fresh(folder: Path, county: str, shifted: bool, notice: Prepared) -> Prepared:
    folder.mkdir(parents=True, exist_ok=True)
    _write_mark(folder, county, shifted=shifted)
    return notice


def _free_name(folder: Path, now: datetime) -> Path:
    name = f"{folder.name}-{now:%Y%m%d-%H%M%S}"
    taken = {path.name for path in folder.parent.iterdir()}
    names = (name if number == 1 else f"{name}-{number}" for number in range(1, 1000))
    return folder.parent / next(candidate for candidate in names if candidate not in taken)
