"""The journal's promises: nothing accepted is lost, nothing is made up, and what is given up is counted."""

import errno
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from gateway.journal import Journal
from gateway.journal_store import JournalInUse, JournalStore
from lampwell.clock import VirtualClock
from lampwell.points import Point
from lampwell.readings import Flag, Layout, Scan

from .conftest import NODE, WELL

Open = Callable[..., Journal]
Make = Callable[[int], Scan]


def row(scan: Scan) -> int:
    """The row number within the segment."""
    assert scan.offset is not None
    return scan.offset & 0xFFFFFFFF


def content(scan: Scan) -> tuple[object, ...]:
    """What of a scan must survive the journal."""
    return scan.layout.device, scan.time, scan.index, scan.values, scan.flags, scan.offset


async def test_rows_come_back_as_they_went_in(open_journal: Open, scan: Make) -> None:
    """Floats, integers, texts, gaps, flags and partial columns survive the file, oldest first."""
    journal = open_journal()
    odd = Scan(WELL, 5, (1, 0), (None, -0.0), (int(Flag.SENTINEL), int(Flag.SPIKE)))
    added = [journal.add(s) for s in (scan(1), odd, scan(2))]
    await journal.flush()
    read = await journal.read(0, 10)
    assert [content(s) for s in read] == [content(s) for s in added]
    assert all(s.historical and s.journal == journal.id for s in read)
    await journal.close()


async def test_uncommitted_rows_are_readable_too(open_journal: Open, scan: Make) -> None:
    """A replay must not miss what the next commit will bring, nor take it for a hole."""
    journal = open_journal()
    journal.add(scan(1))
    await journal.flush()
    journal.add(scan(2))
    assert [row(s) for s in await journal.read(0, 10)] == [1, 2]
    await journal.close()


async def test_offsets_of_a_restarted_gateway_never_repeat(open_journal: Open, scan: Make) -> None:
    """Rows published but lost with the process must not give their offsets to others: the segment has moved on."""
    first = open_journal()
    lost = first.add(scan(1))
    await first.close()
    second = open_journal()
    fresh = second.add(scan(2))
    assert lost.offset is not None
    assert fresh.offset is not None
    assert (fresh.offset >> 32, row(fresh)) == ((lost.offset >> 32) + 1, 1)
    assert second.id == first.id
    await second.close()


async def test_acknowledged_rows_leave_and_stay_gone(open_journal: Open, scan: Make) -> None:
    """What the collector has stored is not replayed, now or after a restart."""
    journal = open_journal()
    offsets = [journal.add(scan(n)).offset for n in range(1, 6)]
    await journal.flush()
    assert journal.acknowledge(offsets[2] or 0)
    assert [row(s) for s in await journal.read(0, 10)] == [4, 5]
    await journal.close()
    again = open_journal()
    assert [row(s) for s in await again.read(0, 10)] == [4, 5]
    assert again.status().backlog == 2
    assert again.acknowledged == {offsets[2] >> 32: offsets[2]}  # type: ignore[operator]
    await again.close()


async def test_rows_stored_before_their_commit_never_reach_the_disk(open_journal: Open, scan: Make) -> None:
    """With the collector at hand the disk is spared, and nothing is waiting."""
    journal = open_journal()
    journal.acknowledge(journal.add(scan(1)).offset or 0)
    assert journal.oldest is None
    await journal.flush()
    assert journal.status().backlog == 0
    await journal.close()


async def test_acknowledgement_of_an_offset_never_given_is_refused(open_journal: Open, scan: Make) -> None:
    """A confused collector must not make us throw away what it has not stored."""
    journal = open_journal()
    offset = journal.add(scan(1)).offset or 0
    assert not journal.acknowledge(offset + 1)
    assert not journal.acknowledge(offset + (1 << 32))
    assert journal.status().backlog == 1
    await journal.close()


async def test_bound_drops_the_oldest_and_never_the_newest(open_journal: Open, scan: Make) -> None:
    """At its size limit the journal gives up its oldest scans, counts them and moves ``first``; the file stays small."""
    journal = open_journal(0.2)
    for start in range(0, 10_000, 500):
        for n in range(start, start + 500):
            journal.add(scan(n))
        await journal.flush()
    status, kept = journal.status(), await journal.read(0, 100_000)
    assert [row(s) for s in kept] == list(range(row(kept[0]), 10_001))
    assert journal.first == kept[0].offset
    assert status.dropped == {"journal full": 10_000 - len(kept)}
    assert status.backlog == len(kept) > 1000
    await journal.close()
    again = open_journal(0.2)
    assert again.first == kept[0].offset
    assert again.status().dropped == status.dropped
    await again.close()


async def test_holds_hours_follows_the_present_rate(open_journal: Open, scan: Make, machine: VirtualClock) -> None:
    """The promise is in hours: twice the readings, half the hours; nothing is promised before anything was seen."""
    journal = open_journal(1)
    assert journal.status().holds_hours is None
    hours = []
    for step in (1, 2):
        for minute in range(40):
            for n in range(60 * step):
                journal.acknowledge(journal.add(scan(minute * 120 + n)).offset or 0)
            machine.elapsed += 60
            await journal.flush()
        hours.append(journal.status().holds_hours or 0)
    assert 3 < hours[0] < 8
    assert hours[1] == pytest.approx(hours[0] / 2, rel=0.2)
    await journal.close()


async def test_the_printed_hours_are_held(open_journal: Open, scan: Make, machine: VirtualClock) -> None:
    """The estimate of a row's size is honest: the file takes what the promise says before anything is dropped."""
    journal = open_journal(1)
    for n in range(600):
        journal.add(scan(n))
        machine.elapsed += 1
    await journal.flush()
    promised = int((journal.status().holds_hours or 0) * 3600)
    for n in range(600, int(promised * 0.97)):
        journal.add(scan(n))
    await journal.flush()
    assert journal.status().dropped == {}
    await journal.close()


async def test_old_rows_stay_readable_after_the_layout_changed(open_journal: Open, scan: Make) -> None:
    """A reload gives a device other points; its backlog still means what it meant."""
    journal = open_journal()
    journal.add(scan(1))
    await journal.close()
    again = open_journal()
    other = Layout(NODE, "well-01", (Point(path="depth"),))
    again.add(Scan(other, 7, (0,), (1.5,), (0,)))
    old, new = await again.read(0, 10)
    assert [p.path for p in old.layout.points] == ["level", "status", "name"]
    assert old.values == (0.1, 1, "no. 1")
    assert new.layout is other
    await again.close()


async def test_equal_layout_of_an_earlier_life_is_the_present_one(open_journal: Open, scan: Make) -> None:
    """After a plain restart the backlog belongs to the layout that is born again, not to a twin of it."""
    journal = open_journal()
    journal.add(scan(1))
    await journal.close()
    again = open_journal()
    twin = Layout(NODE, "well-01", WELL.points)
    again.add(Scan(twin, 7, (0,), (1.5,), (0,)))
    assert [s.layout for s in await again.read(0, 10)] == [twin, twin]
    await again.close()


async def test_full_disk_keeps_rows_in_memory_and_recovers(
    open_journal: Open, scan: Make, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing accepted is lost while the disk is full; it is said once, and everything is written when there is room."""
    journal = open_journal()
    journal.add(scan(1))
    await journal.flush()
    full = [True]
    insert = JournalStore._insert

    def refuse(self: JournalStore, batch: object) -> None:
        if full[0]:
            insert(self, batch)  # type: ignore[arg-type]
            raise sqlite3.OperationalError("database or disk is full")
        insert(self, batch)  # type: ignore[arg-type]

    monkeypatch.setattr(JournalStore, "_insert", refuse)
    for n in (2, 3):
        journal.add(scan(n))
        await journal.flush()
    assert not journal.status().durable
    assert len([r for r in caplog.records if r.levelname == "ERROR"]) == 1
    assert [row(s) for s in await journal.read(0, 10)] == [1, 2, 3]
    full[0] = False
    await journal.flush()
    assert journal.status().durable
    await journal.close()
    again = open_journal()
    assert [row(s) for s in await again.read(0, 10)] == [1, 2, 3]
    await again.close()


async def test_memory_is_bounded_while_the_disk_is_full_and_the_holes_are_accounted_for(
    open_journal: Open, scan: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows given up in memory are the oldest there, are counted, and their offsets still reach the collector, empty."""
    monkeypatch.setattr("gateway.journal.MEMORY_BYTES", 2_000)
    journal = open_journal()
    for n in range(1, 201):
        journal.add(scan(n))
    dropped = journal.status().dropped["disk full"]
    scans = await journal.read(0, 1000)
    assert [row(s) for s in scans] == list(range(1, 201))
    assert [s.index == () for s in scans] == [True] * dropped + [False] * (200 - dropped)
    assert 0 < dropped < 200
    await journal.close()


async def test_damaged_file_is_set_aside_and_said(
    open_journal: Open, scan: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A torn file never stops a gateway: it is kept for people, counted, and a new journal with a new id begins."""
    journal = open_journal()
    for n in range(2000):
        journal.add(scan(n))
    await journal.close()
    path = tmp_path / "journal.db"
    raw = bytearray(path.read_bytes())
    raw[4096:40_960] = bytes(36_864)
    path.write_bytes(raw)
    again = open_journal()
    assert again.id != journal.id
    assert "damaged" in caplog.text
    assert again.status().dropped == {"damaged file": 1}
    assert "journal.db.damaged-1" in os.listdir(tmp_path)  # noqa: PTH208
    await again.close()


async def test_flipped_bit_in_a_row_never_becomes_another_value(open_journal: Open, scan: Make, tmp_path: Path) -> None:
    """SQLite does not see a flipped bit inside a row; the checksum does, and the offset is still accounted for."""
    journal = open_journal()
    for n in range(1, 4):
        journal.add(scan(n))
    await journal.close()
    with closing(sqlite3.connect(tmp_path / "journal.db")) as database, database:
        offset, body = database.execute("SELECT offset, body FROM rows ORDER BY offset LIMIT 1 OFFSET 1").fetchone()
        broken = bytes([*body[:8], body[8] ^ 4, *body[9:]])
        database.execute("UPDATE rows SET body = ? WHERE offset = ?", (broken, offset))
    again = open_journal()
    scans = await again.read(0, 10)
    assert [s.values for s in scans] == [(0.1, 1, "no. 1"), (), (0.3, 3, "no. 3")]
    assert again.status().dropped == {"unreadable row": 1}
    await again.close()


async def test_two_gateways_on_one_journal_are_told_apart(open_journal: Open) -> None:
    """Two processes on one data folder would give out the same offsets: the second is refused in plain words."""
    journal = open_journal()
    with pytest.raises(JournalInUse, match="another process"):
        open_journal()
    await journal.close()


async def test_disk_full_at_the_very_start_still_polls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, scan: Make, caplog: pytest.LogCaptureFixture
) -> None:
    """Where not even the segment can be moved on, a journal of a new identity lives in memory: no offset is given twice."""
    connect = sqlite3.connect

    def refuse(path: object, **options: object) -> sqlite3.Connection:
        if path != ":memory:":
            raise sqlite3.OperationalError(errno.errorcode[errno.ENOSPC])
        return connect(":memory:", **options)  # type: ignore[call-overload, no-any-return]

    monkeypatch.setattr(sqlite3, "connect", refuse)
    journal = Journal.open(tmp_path / "journal.db", limit_mb=1, now_ms=1)
    journal.add(scan(1))
    await journal.flush()
    assert [row(s) for s in await journal.read(0, 10)] == [1]
    assert not journal.status().durable
    assert "in memory" in caplog.text
    await journal.close()
