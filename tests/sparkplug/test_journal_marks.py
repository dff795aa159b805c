"""Offsets at the host: what is handed on in part must not count as stored, what holds nothing must still be accounted for."""

from __future__ import annotations

import pytest

from lampwell.points import Kind, Point
from lampwell.readings import Layout, NodeId, Scan
from lampwell.sparkplug.edge import EdgeSession
from lampwell.sparkplug.host import HostSession
from lampwell.sparkplug.messages import Complaint, HostEvent, JournalMoved, Message, ScanReceived

NODE = NodeId("taihe", "gw-1")
NOW = 1_780_000_000_000
OLD = Layout(NODE, "well-01", (Point(path="level", unit="m"), Point(path="count", kind=Kind.INT)))
NEW = Layout(NODE, "well-01", (Point(path="level", unit="m"), Point(path="count"), Point(path="extra")))


class Pair:
    """An edge with a journal and a host that has its births."""

    def __init__(self) -> None:
        self.edge = EdgeSession(Layout(NODE, "", ()), bd_seq=0, journal="j-1", host_id="lampwell")
        self.host = HostSession("lampwell")
        self.edge.device_born(OLD, Scan(OLD, NOW, (0, 1), (0.5, -1), (0, 0)))
        self.edge.will(NOW)
        for message in self.edge.connected(NOW, journal_first=0, acknowledged={}):
            self.hear(message)

    def hear(self, message: Message | None) -> list[HostEvent]:
        assert message is not None
        return self.host.received(message.topic, message.payload, NOW)[1]


@pytest.fixture
def pair() -> Pair:
    return Pair()


def scans(events: list[HostEvent]) -> list[Scan]:
    return [e.scan for e in events if isinstance(e, ScanReceived)]


def test_a_scan_of_nothing_still_brings_its_offset(pair: Pair) -> None:
    """An offset that never arrives would hold up every acknowledgement above it."""
    (scan,) = scans(pair.hear(pair.edge.scan(Scan(OLD, NOW, (), (), (), 41, "j-1"))))
    assert (scan.offset, scan.journal, scan.index, scan.time) == (41, "j-1", (), NOW)
    (scan,) = scans(pair.hear(pair.edge.scan(Scan(OLD, NOW - 9, (), (), (), 42, "j-1", historical=True))))
    assert (scan.offset, scan.historical) == (42, True)


def test_a_journaled_scan_that_is_understood_in_part_is_left_to_the_journal(pair: Pair) -> None:
    """The DBIRTH of a changed device was lost: ``extra`` is unknown. Storing the rest would acknowledge ``extra`` unstored."""
    pair.edge.device_born(NEW, Scan(NEW, NOW, (), (), ()))
    events = pair.hear(pair.edge.scan(Scan(NEW, NOW + 1, (0, 2), (0.5, 7.5), (0, 0), 43, "j-1")))
    assert scans(events) == []
    assert any(isinstance(e, Complaint) and "'extra' was not in the birth" in e.reason for e in events)
    (scan,) = scans(pair.hear(pair.edge.scan(Scan(NEW, NOW + 1, (0, 2), (0.5, 7.5), (0, 0), 43, "j-1", historical=True))))
    assert [scan.layout.points[i].path for i in scan.index] == ["level", "extra"]
    assert (scan.values, scan.offset) == ((0.5, 7.5), 43)


def test_after_a_gap_a_value_must_be_in_its_types_own_field(pair: Pair) -> None:
    """``count`` became a double, its DBIRTH was lost. The other way round, -1 as an Int64 would be read as 1.8e19."""
    pair.edge.device_born(NEW, Scan(NEW, NOW, (), (), ()))
    events = pair.hear(pair.edge.scan(Scan(NEW, NOW + 1, (1,), (3.0,), (0,))))
    assert scans(events) == []
    pair = Pair()
    for message in pair.edge.device_born(NEW, Scan(NEW, NOW, (), (), ())):
        pair.hear(message)
    pair.edge.device_born(OLD, Scan(OLD, NOW, (), (), ()))
    events = pair.hear(pair.edge.scan(Scan(OLD, NOW + 1, (0, 1), (0.5, -1), (0, 0))))
    (scan,) = scans(events)
    assert scan.values == (0.5,)
    assert any(isinstance(e, Complaint) and "cannot be trusted after a gap" in e.reason for e in events)


def test_history_of_another_kind_is_read_by_its_own_datatype(pair: Pair) -> None:
    """``count`` was a double when the row was written, and is an integer now."""
    was = Layout(NODE, "well-01", (Point(path="count"),))
    (scan,) = scans(pair.hear(pair.edge.scan(Scan(was, NOW - 9, (0,), (2.5,), (0,), 44, "j-1", historical=True))))
    assert (scan.values, scan.layout.points[0].kind) == ((2.5,), Kind.FLOAT)


def test_history_of_an_earlier_layout_is_read_by_its_own_names(pair: Pair) -> None:
    """After a reload the backlog may name points that are gone; dropping them would lose readings the edge had accepted."""
    was = Layout(NODE, "well-01", (Point(path="level", unit="m"), Point(path="gone", kind=Kind.INT)))
    message = pair.edge.scan(Scan(was, NOW - 9, (0, 1), (0.25, -4), (0, 0), 77, "j-1", historical=True))
    assert message is not None
    messages, (event,) = pair.host.received(message.topic, message.payload, NOW)
    assert messages == []
    assert isinstance(event, ScanReceived)
    scan = event.scan
    assert [(scan.layout.points[i].path, v) for i, v in zip(scan.index, scan.values, strict=True)] == [
        ("level", 0.25),
        ("gone", -4),
    ]
    assert (scan.offset, scan.journal, scan.historical) == (77, "j-1", True)
    assert [p.unit for p in scan.layout.points] == ["m", ""]
    # the same shape again is the same layout; a live scan of the old layout is not sent at all
    (again,) = scans(pair.hear(pair.edge.scan(Scan(was, NOW - 8, (0, 1), (0.25, -5), (0, 0), 78, "j-1", historical=True))))
    assert again.layout is scan.layout
    assert pair.edge.scan(Scan(was, NOW, (0,), (0.25,), (0,))) is None


def test_a_journal_that_dropped_rows_says_so(pair: Pair) -> None:
    """The collector must learn that offsets below it will never come; a session that is not born keeps it for the birth."""
    assert pair.hear(pair.edge.journal_first((2 << 32) + 5, NOW)) == [JournalMoved(NODE, "j-1", (2 << 32) + 5)]
    pair.edge.disconnected()
    assert pair.edge.journal_first((2 << 32) + 6, NOW) is None
