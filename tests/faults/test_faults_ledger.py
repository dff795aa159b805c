"""The ledger of the fault runs itself: it must see what is lost, changed and doubled, or a clean run proves nothing."""

import sqlite3
from pathlib import Path

import pytest

from bench import faults_ledger
from gateway.journal import Journal
from lampwell.assets import HistorySettings
from lampwell.clock import VirtualClock
from lampwell.history import open_history
from lampwell.points import Kind, Point
from lampwell.readings import Layout, NodeId, Scan

LAYOUT = Layout(NodeId("town", "edge-1"), "meter-0", (Point(path="c0", kind=Kind.INT), Point(path="c1", kind=Kind.INT)))


def scan(number: int, *values: int) -> Scan:
    return Scan(LAYOUT, 1_780_000_000_000 + number * 500, (0, 1), values, (0, 0))


SCANS = [scan(number, number, number + 1) for number in range(20)]


@pytest.fixture
async def ledger(tmp_path: Path) -> faults_ledger.Ledger:
    """Twenty scans committed, acknowledged and trimmed, as in a run without faults."""
    path = tmp_path / "journal.sqlite"
    await faults_ledger.prepare(path)
    journal = Journal.open(path, limit_mb=64, now_ms=0)
    for each in SCANS:
        journal.add(each)
    await journal.flush()
    journal.acknowledge(journal.last)
    await journal.close()
    return faults_ledger.read(path)


async def judged(ledger: faults_ledger.Ledger, folder: Path, *batches: list[Scan]) -> faults_ledger.Verdict:
    history = open_history(HistorySettings(), folder, clock=VirtualClock())
    for batch in batches:
        await history.append(batch, {})
    try:
        return await faults_ledger.compare(ledger.readings(), history)
    finally:
        await history.close()


async def test_ledger_outlives_the_trim(ledger: faults_ledger.Ledger) -> None:
    """The journal has forgotten the rows; the ledger has every one with its content."""
    assert [each.values for each in ledger.scans] == [each.values for each in SCANS]
    assert not ledger.waiting
    assert ledger.twice == 0


async def test_clean_run_is_clean(ledger: faults_ledger.Ledger, tmp_path: Path) -> None:
    """No false alarm."""
    assert await judged(ledger, tmp_path, SCANS) == faults_ledger.Verdict(40, 0, 0, 0)


async def test_a_missing_scan_is_lost(ledger: faults_ledger.Ledger, tmp_path: Path) -> None:
    """One scan of two values not stored."""
    assert (await judged(ledger, tmp_path, SCANS[:7], SCANS[8:])).lost == 2


async def test_another_value_is_wrong(ledger: faults_ledger.Ledger, tmp_path: Path) -> None:
    """Stored under the right key, but not what was read."""
    assert (await judged(ledger, tmp_path, SCANS[:7], [scan(7, 7, 99)], SCANS[8:])).wrong == 1


async def test_a_second_copy_is_twice(ledger: faults_ledger.Ledger, tmp_path: Path) -> None:
    """Both values of a scan that was appended twice."""
    assert (await judged(ledger, tmp_path, SCANS, [SCANS[3]])).twice == 2


async def test_an_offset_given_twice_is_found(tmp_path: Path) -> None:
    """Two rows with one offset would make the collector skip the second; the ledger must not hide that."""
    path = tmp_path / "journal.sqlite"
    await faults_ledger.prepare(path)
    journal = Journal.open(path, limit_mb=64, now_ms=0)
    journal.add(SCANS[0])
    await journal.close()
    database = sqlite3.connect(path)
    with database:
        database.execute("INSERT INTO fault_rows SELECT * FROM fault_rows")
    database.close()
    assert faults_ledger.read(path).twice == 1
