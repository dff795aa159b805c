"""What an edge session makes of commands, and what its births say of journal and catalogue."""

from __future__ import annotations

import pytest

from lampwell import points as p
from lampwell.points import Deadband, Kind, Point, PollClass
from lampwell.readings import Flag, Layout, NodeId, Scan
from lampwell.sparkplug import codec
from lampwell.sparkplug.codec import Metric, Payload
from lampwell.sparkplug.datatypes import DataType
from lampwell.sparkplug.edge import EdgeSession
from lampwell.sparkplug.host import HostSession
from lampwell.sparkplug.messages import Command, Complaint, DeviceBorn, EdgeEvent, Message, Stored

NODE = NodeId("taihe", "gw-1")
NCMD, DCMD = "spBv1.0/taihe/NCMD/gw-1", "spBv1.0/taihe/DCMD/gw-1/cabinet-01"
NOW = 1_780_000_000_000


@pytest.fixture
def edge() -> EdgeSession:
    session = EdgeSession(Layout(NODE, "", ()), bd_seq=0, journal="j-1", host_id="lampwell")
    session.will(NOW)
    session.connected(NOW, journal_first=1, acknowledged={1: 5})
    return session


def send(edge: EdgeSession, topic: str, *metrics: Metric) -> list[EdgeEvent]:
    messages, events = edge.received(topic, codec.encode(Payload(time=NOW + 1, metrics=metrics)), NOW + 2)
    assert messages == []
    return list(events)


def births(edge: EdgeSession) -> dict[str, Metric]:
    first: Message = edge.node_layout(Layout(NODE, "", ()), NOW)[0]
    return {m.name: m for m in codec.decode(first.payload).metrics}


def test_an_acknowledgement_is_heard_and_repeated_in_the_next_birth(edge: EdgeSession) -> None:
    """Per segment the highest; an older one arriving late takes nothing back."""
    host = HostSession("lampwell")
    for offset in ((2 << 32) + 8, (2 << 32) + 3):
        message = host.stored(NODE, "j-1", offset, NOW)
        assert edge.received(message.topic, message.payload, NOW) == ([], [Stored("j-1", offset)])
    assert births(edge)["journal/acknowledged"].value == f'{{"1":5,"2":{(2 << 32) + 8}}}'


def test_births_of_an_empty_journal() -> None:
    """Nothing acknowledged is the empty text; without a journal none of its metrics is declared."""
    for journal in ("j-1", ""):
        edge = EdgeSession(Layout(NODE, "", ()), bd_seq=0, journal=journal, host_id="lampwell")
        edge.will(NOW)
        found = {m.name: m.value for m in codec.decode(edge.connected(NOW, journal_first=9, acknowledged={})[0].payload).metrics}
        kept = {
            "journal/id": "j-1",
            "journal/first": 9,
            "journal/acknowledged": "",
            "journal/stored": None,
            "journal/offset": None,
        }
        assert found == {"bdSeq": 1, "Node Control/Rebirth": False} | (kept if journal else {})


@pytest.mark.parametrize("journal", ["j-2", None])
def test_an_acknowledgement_for_another_journal_is_refused(edge: EdgeSession, journal: str | None) -> None:
    """After a lost disk the collector still speaks of the old journal; trimming the new one by it would lose readings."""
    named = (Metric(name="journal/id", type=DataType.STRING, value=journal),) if journal else ()
    (event,) = send(edge, NCMD, *named, Metric(name="journal/stored", type=DataType.INT64, value=9))
    assert isinstance(event, Complaint)
    assert "'j-1'" in event.reason


@pytest.mark.parametrize(
    ("number", "value"), [(DataType.INT64, -1), (DataType.DOUBLE, 9.0), (DataType.BOOLEAN, True), (DataType.INT64, None)]
)
def test_an_acknowledgement_that_is_no_offset_is_refused(edge: EdgeSession, number: int, value: float | None) -> None:
    """Negative, not whole, or nothing."""
    metrics = (
        Metric(name="journal/id", type=DataType.STRING, value="j-1"),
        Metric(name="journal/stored", type=number, value=value),
    )
    (event,) = send(edge, NCMD, *metrics)
    assert isinstance(event, Complaint)


def test_other_metrics_are_commands(edge: EdgeSession) -> None:
    """Node and device, with the metric's own time, else the payload's."""
    plan = Metric(name="plan", time=NOW, type=DataType.STRING, value="{}")
    assert send(edge, NCMD, plan) == [Command("", "plan", "{}", NOW)]
    loop = Metric(name="loop1/on", type=DataType.BOOLEAN, value=True)
    assert send(edge, DCMD, loop) == [Command("cabinet-01", "loop1/on", True, NOW + 1)]


def test_control_names_on_a_device_are_ordinary_commands(edge: EdgeSession) -> None:
    """Rebirth is a matter of the node; a DCMD of that name must not reset the sequence."""
    metric = Metric(name="Node Control/Rebirth", time=NOW, type=DataType.BOOLEAN, value=True)
    assert send(edge, DCMD, metric) == [Command("cabinet-01", "Node Control/Rebirth", True, NOW)]


@pytest.mark.parametrize(
    "metric",
    [
        Metric(alias=3, type=DataType.BOOLEAN, value=True),
        Metric(name="x", type=DataType.BYTES, value=b"\0"),
        Metric(name="x", type=99, value=None),
    ],
)
def test_commands_that_cannot_be_understood(edge: EdgeSession, metric: Metric) -> None:
    """By alias (we give none) or of a type no point has: a complaint, never a guess."""
    (event,) = send(edge, NCMD, metric)
    assert isinstance(event, Complaint | Command)
    if isinstance(event, Command):
        assert event.value is None


def test_commands_for_other_nodes_are_complaints(edge: EdgeSession) -> None:
    """A wrong subscription must not switch a neighbour's lamps."""
    (event,) = send(edge, "spBv1.0/taihe/NCMD/gw-2", Metric(name="plan", type=DataType.STRING, value=""))
    assert isinstance(event, Complaint)


def test_the_catalogue_travels_in_the_birth(edge: EdgeSession) -> None:
    """Unit, range, deadband, labels, class and access come back as they were at the host."""
    points = (
        Point(
            path="loop1/i_a",
            unit="A",
            zh="A 相电流",
            en="phase A current",
            poll=PollClass.SLOW,
            deadband=Deadband(absolute=0.1, percent=2.0, heartbeat_s=60.0),
            tests=p.Tests(low=0.0, high=100.0),
            writable=True,
        ),
        Point(path="door", kind=Kind.BOOL),
        Point(path="serial", kind=Kind.TEXT),
        Point(path="energy", kind=Kind.INT, unit="kWh"),
    )
    layout = Layout(NODE, "cabinet-01", points)
    host = HostSession("lampwell")
    for message in (
        *edge.node_layout(Layout(NODE, "", ()), NOW),
        *edge.device_born(layout, Scan(layout, NOW, (0, 2), (1.5, "A7"), (Flag.SPIKE, 0))),
    ):
        _, events = host.received(message.topic, message.payload, NOW)
    (born,) = events
    assert isinstance(born, DeviceBorn)
    assert born.layout.points == points
    assert born.birth.values == (1.5, None, "A7", None)
    assert born.birth.flags == (Flag.SPIKE, Flag.STALE, 0, Flag.STALE)


def test_the_latest_value_is_kept_across_partial_scans(edge: EdgeSession) -> None:
    """Report by exception: a birth joins full and partial scans, each value with its own time; history does not touch it."""
    layout = Layout(NODE, "well-01", (Point(path="a"), Point(path="b"), Point(path="c")))
    edge.device_born(layout, Scan(layout, NOW, (), (), ()))
    edge.scan(Scan(layout, NOW + 1, (0, 1), (1.0, 2.0), (0, 0)))
    edge.scan(Scan(layout, NOW + 2, (1,), (3.0,), (0,)))
    edge.scan(Scan(layout, NOW - 5_000, (0, 1, 2), (9.0, 9.0, 9.0), (0, 0, 0), historical=True))
    birth = edge.node_layout(Layout(NODE, "", ()), NOW + 9)[1]
    found = {m.name: (m.time, m.value) for m in codec.decode(birth.payload).metrics}
    assert found == {"journal/offset": (NOW + 9, None), "a": (NOW + 1, 1.0), "b": (NOW + 2, 3.0), "c": (NOW + 9, None)}
    edge.scan(Scan(layout, NOW + 10, (0, 1, 2), (4.0, 5.0, 6.0), (0, 0, 0)))
    edge.scan(Scan(layout, NOW + 11, (2,), (None,), (Flag.SENTINEL,)))
    birth = edge.device_born(layout, Scan(layout, NOW + 12, (), (), ()))[0]
    assert [m.value for m in codec.decode(birth.payload).metrics] == [None, 4.0, 5.0, None]


@pytest.mark.parametrize("name", ["bdSeq", "Node Control/Rebirth", "journal/offset"])
def test_reserved_names_cannot_be_points(edge: EdgeSession, name: str) -> None:
    """A point of that name would be taken for the session's own metric."""
    layout = Layout(NODE, "well-01", (Point(path=name),))
    with pytest.raises(ValueError, match="reserved"):
        edge.device_born(layout, Scan(layout, NOW, (), (), ()))


def test_a_layout_of_another_node_is_refused(edge: EdgeSession) -> None:
    """One session speaks for one node."""
    layout = Layout(NodeId("taihe", "gw-2"), "well-01", ())
    with pytest.raises(ValueError, match="taihe/gw-2"):
        edge.device_born(layout, Scan(layout, NOW, (), (), ()))
