"""The ledger of a fault run: every scan a gateway has committed, kept by the journal's own file, and what the store made of it.

A trigger writes each committed row a second time, in the same transaction, into a table that nothing trims. So the ledger holds
exactly what was accepted, through any kill, and the gateway under test is the one that is shipped.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.faults_acks import Key
from gateway import rows
from gateway.journal import Journal
from lampwell.history.port import History, SeriesId
from lampwell.points import Value
from lampwell.readings import Scan

TRIGGERS = """
CREATE TABLE IF NOT EXISTS fault_rows (offset INTEGER, body BLOB);
CREATE TABLE IF NOT EXISTS fault_layouts (id INTEGER PRIMARY KEY, body BLOB);
CREATE TRIGGER IF NOT EXISTS fault_row AFTER INSERT ON rows BEGIN INSERT INTO fault_rows VALUES (new.offset, new.body); END;
CREATE TRIGGER IF NOT EXISTS fault_layout AFTER INSERT ON catalogue BEGIN
  INSERT OR REPLACE INTO fault_layouts VALUES (new.id, new.body); END;
"""


async def prepare(path: Path) -> None:
    """Make the journal's file as the gateway would, and put the ledger's triggers in."""
    await Journal.open(path, limit_mb=256, now_ms=0).close()
    database = sqlite3.connect(path)
    database.executescript(TRIGGERS)
    database.close()


@dataclass(frozen=True, slots=True)
class Ledger:
    """What was accepted, and what of it the journal still holds unacknowledged."""

    scans: Sequence[Scan]
    waiting: frozenset[int]
    twice: int

    def readings(self) -> dict[Key, Value | None]:
        """Accepted values by key."""
        found: dict[Key, Value | None] = {}
        for scan in self.scans:
            device, points = scan.layout.device or scan.layout.node.edge, scan.layout.points
            found.update({(device, points[i].path, scan.time): value for i, value in zip(scan.index, scan.values, strict=True)})
        return found


def read(path: Path) -> Ledger:
    """The ledger of a stopped gateway. ``twice`` counts offsets given to two rows: there must be none."""
    database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
    try:
        layouts = {number: rows.unpack_layout(body) for number, body in database.execute("SELECT id, body FROM fault_layouts")}
        kept = database.execute("SELECT offset, body FROM fault_rows ORDER BY rowid").fetchall()
        waiting = frozenset(offset for (offset,) in database.execute("SELECT offset FROM rows"))
    finally:
        database.close()
    scans = []
    for offset, body in kept:
        row = rows.unpack(body)
        scans.append(rows.scan_of(row, layouts[row.layout], offset, ""))
    return Ledger(scans, waiting, len(kept) - len({offset for offset, _ in kept}))


@dataclass(frozen=True, slots=True)
class Verdict:
    """Readings accepted, not found in the store, found with another value, and keys the store holds more than once."""

    accepted: int
    lost: int
    wrong: int
    twice: int


async def compare(accepted: Mapping[Key, Value | None], history: History) -> Verdict:
    """Every accepted reading against the store, by device, point and time."""
    stored, twice = await _stored(history, min(time for *_, time in accepted), max(time for *_, time in accepted) + 1)
    lost = sum(key not in stored for key in accepted)
    wrong = sum(key in stored and not _same(stored[key], value) for key, value in accepted.items())
    return Verdict(len(accepted), lost, wrong, twice)


async def _stored(history: History, start: int, end: int) -> tuple[Mapping[Key, Value | None], int]:
    """All readings of the store in that time, and how many keys it holds more than once."""
    found: dict[Key, Value | None] = {}
    twice = 0
    for info in await history.series():
        readings = await history.readings(info.id, start, end, limit=10_000_000)
        twice += sum(count - 1 for count in Counter(readings.time).values())
        found.update({(*_place(info.id), time): value for time, value in zip(readings.time, readings.value, strict=True)})
    return found, twice


def _place(series: SeriesId) -> tuple[str, str]:
    return series.device or series.node.edge, series.point


def _same(found: Value | None, value: Value | None) -> bool:
    """Equal as a number; stores may keep whole numbers and booleans as float."""
    if isinstance(found, (int, float)) and isinstance(value, (int, float)):
        return float(found) == float(value)
    return found == value
