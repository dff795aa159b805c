"""The demo's account of what was lost is a real comparison: it finds a missing scan, a scan stored twice, one that waits."""

import sqlite3
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from deploy.meter import Meter, Ranges, settle
from lampwell.clock import VirtualClock
from lampwell.points import Point
from lampwell.readings import Layout, NodeId, Scan

LAYOUT = Layout(NodeId("town", "edge-1"), "cabinet-01", (Point(path="i_a"),))
SEGMENT = 7


class Store:
    """A history that takes everything, except what it is told to refuse."""

    def __init__(self) -> None:
        self.refuse = False

    async def append(self, scans, progress) -> None:
        if self.refuse:
            raise OSError("disk full")


def scan(row: int, *, time: int = 0, historical: bool = False) -> Scan:
    return Scan(LAYOUT, time, (0,), (1.0,), (0,), (SEGMENT << 32) + row, "j", historical)


def journal(folder: Path, *rows: int, first: int = 0) -> Path:
    path = folder / "journal.sqlite"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE meta (key TEXT, value TEXT)")
        database.execute("CREATE TABLE rows (offset INTEGER, body BLOB)")
        database.executemany("INSERT INTO meta VALUES (?, ?)", [("id", "j"), ("segment", str(SEGMENT)), ("first", str(first))])
        database.executemany("INSERT INTO rows VALUES (?, '')", [((SEGMENT << 32) + row,) for row in rows])
    database.close()
    return path


async def stored(*rows: int) -> Meter:
    meter = Meter(Store(), VirtualClock())  # type: ignore[arg-type]
    for row in rows:
        await meter.append([scan(row)], {})
    return meter


async def test_all_stored_is_nothing_lost(tmp_path: Path) -> None:
    """The good case."""
    account = settle([journal(tmp_path)], {"j": 5}, await stored(1, 2, 3, 4, 5))
    assert (account.accepted, account.stored, account.lost, account.waiting) == (5, 5, 0, 0)


async def test_a_missing_scan_is_found(tmp_path: Path) -> None:
    """Rows 2 and 4 were accepted, are not stored and do not wait: they are lost, and the account must say so."""
    assert settle([journal(tmp_path)], {"j": 5}, await stored(1, 3, 5)).lost == 2


async def test_a_waiting_scan_is_not_lost(tmp_path: Path) -> None:
    """What is still in the journal will be sent again."""
    account = settle([journal(tmp_path, 4, 5)], {"j": 5}, await stored(1, 2, 3))
    assert (account.waiting, account.lost) == (2, 0)


async def test_a_stored_scan_that_was_not_yet_trimmed_is_no_backlog(tmp_path: Path) -> None:
    """The journal trims after the acknowledgement; stored is stored."""
    account = settle([journal(tmp_path, 2, 3)], {"j": 3}, await stored(1, 2, 3))
    assert (account.waiting, account.lost, account.stored) == (0, 0, 3)


async def test_what_the_journal_gave_up_is_dropped_not_lost(tmp_path: Path) -> None:
    """Rows below ``first`` were dropped at the bound and counted there."""
    account = settle([journal(tmp_path, first=(SEGMENT << 32) + 3)], {"j": 4}, await stored(3, 4))
    assert (account.dropped, account.lost) == (2, 0)


async def test_a_second_copy_is_counted() -> None:
    """A scan appended twice is a duplicate in the store."""
    assert (await stored(1, 2, 2, 3, 1)).duplicates == 2


async def test_a_refused_batch_counts_nothing() -> None:
    """Only what the store took is stored."""
    store = Store()
    store.refuse = True
    meter = Meter(store, VirtualClock())  # type: ignore[arg-type]
    for _ in range(2):
        try:
            await meter.append([scan(1)], {})
        except OSError:
            store.refuse = False
    assert (meter.readings, meter.duplicates) == (1, 0)


async def test_latency_leaves_the_backlog_out() -> None:
    """A backlog of an hour says nothing of how fast live readings are."""
    clock = VirtualClock()
    meter = Meter(Store(), clock)  # type: ignore[arg-type]
    await meter.append([scan(1, time=clock.now() - 80), scan(2, time=clock.now() - 3_600_000, historical=True)], {})
    assert meter.percentile(0.99) == 80
    assert meter.percentile(0.99, speed=10) == 8


@given(st.lists(st.integers(0, 30)))
def test_ranges_are_a_set(numbers: list[int]) -> None:
    """Whatever the order of arrival, the ranges hold exactly the numbers."""
    ranges, seen = Ranges(), set()
    for number in numbers:
        assert ranges.add(number) == (number not in seen)
        seen.add(number)
    assert ranges.missing(0, 31) == 31 - len(seen)
    assert ranges.missing(5, 9) == len(set(range(5, 9)) - seen)
    assert all(end < start for end, start in zip(ranges.ends, ranges.starts[1:], strict=False))
