"""Edge nodes of other makes at the host: aliases, any datatype, several times in a payload, no quality flags, no journal."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lampwell.points import Kind
from lampwell.readings import Flag, Layout, NodeId
from lampwell.sparkplug import codec
from lampwell.sparkplug.codec import Metric, Payload, Property
from lampwell.sparkplug.datatypes import DataType
from lampwell.sparkplug.descriptor import PayloadMessage
from lampwell.sparkplug.edge import EdgeSession
from lampwell.sparkplug.host import HostSession
from lampwell.sparkplug.messages import (
    Complaint,
    HostEvent,
    Message,
    NodeBorn,
    ScanReceived,
    dated,
)

NOW = 1_780_000_000_000
BD_SEQ = Metric(name="bdSeq", time=NOW, type=DataType.INT64, value=0)
REBIRTH = Metric(name="Node Control/Rebirth", time=NOW, type=DataType.BOOLEAN, value=False)


def tck(*ids: str) -> pytest.MarkDecorator:
    """The assertions a test stands for; each becomes a test of that name."""
    return pytest.mark.parametrize("tck", ids)


class Foreign:
    """An edge node that sends whatever it is told to, with a proper seq."""

    def __init__(self) -> None:
        self.host = HostSession("lampwell")
        self.seq = -1

    def send(
        self, verb: str, *metrics: Metric, device: str = "", time: int | None = NOW
    ) -> tuple[list[Message], list[HostEvent]]:
        self.seq = 0 if verb == "NBIRTH" else (self.seq + 1) % 256
        payload = codec.encode(Payload(time=time, seq=self.seq, metrics=metrics))
        return self.host.received(f"spBv1.0/plant/{verb}/other" + (f"/{device}" if device else ""), payload, NOW + 50)

    def born(self, *metrics: Metric) -> list[HostEvent]:
        return self.send("NBIRTH", BD_SEQ, REBIRTH, *metrics)[1]


@pytest.fixture
def node() -> Foreign:
    return Foreign()


def number(name: str, value: object, kind: int = DataType.DOUBLE, **more: object) -> Metric:
    return Metric(**{"name": name, "time": NOW, "type": kind, "value": value} | more)  # type: ignore[arg-type]


def readings(events: list[HostEvent]) -> list[tuple[int, list[tuple[str, object, int]]]]:
    """(time, [(point, value, flags)]) of each scan."""
    return [
        (
            e.scan.time,
            [(e.scan.layout.points[i].path, v, f) for i, v, f in zip(e.scan.index, e.scan.values, e.scan.flags, strict=True)],
        )
        for e in events
        if isinstance(e, ScanReceived)
    ]


def test_every_readable_datatype_becomes_a_point(node: Foreign) -> None:
    """Integers, reals, texts and times are points; bytes, files, data sets, templates and arrays are one complaint."""
    metrics = [
        number("i8", -1, DataType.INT8),
        number("u32", 4_000_000_000, DataType.UINT32),
        number("f", 0.5, DataType.FLOAT),
        number("b", True, DataType.BOOLEAN),
        number("t", "泵", DataType.TEXT),
        number("when", NOW, DataType.DATETIME),
        number("blob", b"\0", DataType.BYTES),
        number("set", b"", DataType.DATASET),
        number("list", b"\0", DataType.INT8_ARRAY),
    ]
    born, complaint = node.born(*metrics)
    assert isinstance(born, NodeBorn)
    kinds = {p.path: p.kind for p in born.layout.points}
    assert kinds == {"i8": Kind.INT, "u32": Kind.INT, "f": Kind.FLOAT, "b": Kind.BOOL, "t": Kind.TEXT, "when": Kind.INT}
    assert born.birth.values == (-1, 4_000_000_000, 0.5, True, "泵", NOW)
    assert born.journal is None
    assert isinstance(complaint, Complaint)
    assert all(f"'{name}'" in complaint.reason for name in ("blob", "set", "list"))
    # data for what was skipped is no reason to ask for a rebirth
    assert node.send("NDATA", number("blob", b"\1", DataType.BYTES)) == ([], [])


@tck("tck-id-payloads-alias-uniqueness", "tck-id-payloads-alias-birth-requirement")
def test_aliases_are_resolved_per_node(node: Foreign, tck: str) -> None:
    """Data by alias alone reaches the right metric of the right device."""
    node.born(number("a", 1.0, alias=0))
    node.send("DBIRTH", number("x", 1, DataType.INT16, alias=1), number("y", 2.0, alias=2), device="d1")
    node.send("DBIRTH", number("x", 5.0, alias=3), device="d2")
    by_alias = [number("", -9, DataType.INT16, alias=1), number("", 2.5, alias=2)]
    assert readings(node.send("DDATA", *by_alias, device="d1")[1]) == [(NOW, [("x", -9, 0), ("y", 2.5, 0)])]
    assert readings(node.send("NDATA", number("", 3.5, alias=0))[1]) == [(NOW, [("a", 3.5, 0)])]
    # alias 3 belongs to d2: on d1 it is unknown, and a rebirth is asked for
    messages, events = node.send("DDATA", number("", 7.0, alias=3), device="d1")
    assert readings(events) == []
    assert [m.topic for m in messages] == ["spBv1.0/plant/NCMD/other"]


def test_an_alias_given_twice_names_nothing(node: Foreign) -> None:
    """Guessing which metric was meant would put a value under a wrong name."""
    node.born()
    node.send("DBIRTH", number("x", 1.0, alias=1), device="d1")
    events = node.send("DBIRTH", number("y", 1.0, alias=1), device="d2")[1]
    assert any(isinstance(e, Complaint) and "alias 1" in e.reason for e in events)
    for device in ("d1", "d2"):
        assert readings(node.send("DDATA", number("", 9.0, alias=1), device=device)[1]) == []
    # a new birth of the node clears the table
    node.born(number("new", 1.0))
    node.send("DBIRTH", number("y", 1.0, alias=1), device="d2")
    assert readings(node.send("DDATA", number("", 9.0, alias=1), device="d2")[1]) == [(NOW, [("y", 9.0, 0)])]


def test_data_without_datatypes_is_read_by_the_births(node: Foreign) -> None:
    """A negative Int16 without its type is 4294967287 on the wire."""
    node.born(number("i", 1, DataType.INT16), number("u", 1, DataType.UINT32), number("f", 1.0, DataType.FLOAT))
    message = PayloadMessage(timestamp=NOW, seq=1)
    message.metrics.add(name="i", int_value=(1 << 32) - 9)
    message.metrics.add(name="u", long_value=(1 << 32) - 9)
    message.metrics.add(name="f", float_value=0.25)
    events = node.host.received("spBv1.0/plant/NDATA/other", message.SerializeToString(), NOW)[1]
    assert readings(events) == [(NOW, [("i", -9, 0), ("u", (1 << 32) - 9, 0), ("f", 0.25, 0)])]


def test_several_times_in_a_payload_are_several_scans(node: Foreign) -> None:
    """Each keeps its own time; a metric without one has the payload's; live and historical do not mix."""
    node.born(number("a", 1.0), number("b", 2.0))
    metrics = [
        number("a", 1.0, time=NOW - 10),
        number("a", 2.0, time=NOW - 5),
        number("b", 3.0, time=NOW - 10),
        number("b", 4.0, time=None),
        number("a", 5.0, historical=True),
    ]
    events = node.send("NDATA", *metrics)[1]
    assert readings(events) == [
        (NOW - 10, [("a", 1.0, 0), ("b", 3.0, 0)]),
        (NOW - 5, [("a", 2.0, 0)]),
        (NOW, [("b", 4.0, 0)]),
        (NOW, [("a", 5.0, 0)]),
    ]
    assert [e.scan.historical for e in events if isinstance(e, ScanReceived)] == [False, False, False, True]


def test_one_metric_twice_at_one_time_is_two_scans(node: Foreign) -> None:
    """Neither value is dropped, and no scan has a column twice."""
    node.born(number("a", 1.0))
    events = node.send("NDATA", number("a", 1.5), number("a", 2.5))[1]
    assert readings(events) == [(NOW, [("a", 1.5, 0)]), (NOW, [("a", 2.5, 0)])]


def test_without_any_time_the_hosts_counts(node: Foreign) -> None:
    """Some senders leave both out."""
    node.born(number("a", 1.0))
    assert readings(node.send("NDATA", number("a", 1.5, time=None), time=None)[1]) == [(NOW + 50, [("a", 1.5, 0)])]


def test_a_time_beyond_the_year_9999_is_refused(node: Foreign) -> None:
    """It would break every store; the other metrics count."""
    node.born(number("a", 1.0), number("b", 1.0))
    events = node.send("NDATA", number("a", 1.5, time=(1 << 64) - 1), number("b", 2.5))[1]
    assert readings(events) == [(NOW, [("b", 2.5, 0)])]
    assert any(isinstance(e, Complaint) and "9999" in e.reason for e in events)


@pytest.mark.parametrize(
    ("quality", "flags"), [(192, 0), (500, Flag.STALE), (0, Flag.DEVICE), (64, Flag.DEVICE), (-1, Flag.DEVICE)]
)
def test_quality_without_our_flags(node: Foreign, quality: int, flags: int) -> None:
    """192 is good, 500 stale, everything else bad."""
    node.born(number("a", 1.0))
    found = number("a", 1.5, properties={"Quality": Property(DataType.INT32, quality)})
    assert readings(node.send("NDATA", found)[1]) == [(NOW, [("a", 1.5, flags)])]


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
def test_null_and_nan_are_no_values(node: Foreign, value: float | None) -> None:
    """In births and in data; never 0, never a number."""
    (born,) = node.born(number("a", value))
    assert isinstance(born, NodeBorn)
    assert (born.birth.values, born.birth.flags) == ((None,), (Flag.SENTINEL,))
    assert readings(node.send("NDATA", number("a", value))[1]) == [(NOW, [("a", None, Flag.SENTINEL)])]


def test_an_integer_beyond_64_signed_bits_is_out_of_range(node: Foreign) -> None:
    """Stores hold signed integers; wrapped around it would be a lie."""
    node.born(number("a", 1, DataType.UINT64))
    expected = [(NOW, [("a", None, Flag.SENTINEL | Flag.RANGE)])]
    assert readings(node.send("NDATA", number("a", 1 << 63, DataType.UINT64))[1]) == expected


def test_one_bad_metric_does_not_take_the_others_with_it(node: Foreign) -> None:
    """Wrong field, text that is not UTF-8, unpaired properties, no name: told each, the good one counts."""
    node.born(number("a", 1.0), number("b", True, DataType.BOOLEAN), number("t", "x", DataType.STRING))
    message = PayloadMessage(timestamp=NOW, seq=1)
    message.metrics.add(name="b", double_value=1.0)
    message.metrics.add(double_value=1.0)
    message.metrics.add(name="a", double_value=1.0).properties.keys.append("Quality")
    message.metrics.add(name="a", double_value=2.0)
    data = message.SerializeToString() + b"\x12\x06\x0a\x01t\x7a\x01\xff" + b"\x12\x05\x0a\x01\xff\x58\x01"
    events = node.host.received("spBv1.0/plant/NDATA/other", data, NOW)[1]
    assert readings(events) == [(NOW, [("a", 2.0, 0)])]
    (complaint,) = (e for e in events if isinstance(e, Complaint))
    assert complaint.reason.count(";") == 4


def test_births_tell_when_their_values_were_read(node: Foreign) -> None:
    """``dated`` gives them as scans of their own times, which is how a node without a journal is stored."""
    (born,) = node.born(number("a", 1.0, time=NOW - 9), number("b", 2.0, time=NOW - 5), number("c", 3.0, time=NOW - 9))
    assert isinstance(born, NodeBorn)
    assert born.times == (NOW - 9, NOW - 5, NOW - 9)
    assert [(s.time, s.index, s.values, s.flags) for s in dated(born)] == [
        (NOW - 9, (0, 2), (1.0, 3.0), (0, 0)),
        (NOW - 5, (1,), (2.0,), (0,)),
    ]


def test_a_birth_without_bd_seq_is_accepted_and_told(node: Foreign) -> None:
    """Its data is worth more than its manners."""
    born, complaint = node.send("NBIRTH", number("a", 1.0))[1]
    assert isinstance(born, NodeBorn)
    assert isinstance(complaint, Complaint)
    assert readings(node.send("NDATA", number("a", 2.0))[1]) == [(NOW, [("a", 2.0, 0)])]


def test_names_declared_twice_or_not_at_all(node: Foreign) -> None:
    """The first declaration counts; a nameless metric is none."""
    born, complaint = node.born(number("a", 1.0), number("a", 1, DataType.INT8), number("", 1.0))
    assert isinstance(born, NodeBorn)
    assert [p.kind for p in born.layout.points] == [Kind.FLOAT]
    assert isinstance(complaint, Complaint)
    assert "'a' declared twice" in complaint.reason


def test_journal_names_of_a_node_without_journal_are_points(node: Foreign) -> None:
    """Only ``journal/id`` makes a journal; another make may use the words for something else."""
    (born,) = node.born(number("journal/offset", 4, DataType.INT64))
    assert isinstance(born, NodeBorn)
    assert [p.path for p in born.layout.points] == ["journal/offset"]
    ((_, values),) = readings(node.send("NDATA", number("journal/offset", 5, DataType.INT64))[1])
    assert values == [("journal/offset", 5, 0)]


@given(
    topic=st.sampled_from(["NBIRTH/e", "NDEATH/e", "NDATA/e", "NCMD/e", "DBIRTH/e/d", "DDATA/e/d", "DDEATH/e/d", "X/e", "NDATA"]),
    payload=st.binary(max_size=60),
    born=st.booleans(),
)
@settings(deadline=None, max_examples=300)
def test_no_bytes_from_the_network_raise(topic: str, payload: bytes, born: bool) -> None:
    """On any topic, before and after a birth, at the host and at the edge."""
    host = HostSession("lampwell")
    if born:
        birth = codec.encode(Payload(time=NOW, seq=0, metrics=(BD_SEQ, number("a", 1.0))))
        host.received("spBv1.0/g/NBIRTH/e", birth, NOW)
        host.received("spBv1.0/g/DBIRTH/e/d", codec.encode(Payload(time=NOW, seq=1, metrics=(number("a", 1.0),))), NOW)
    for _ in range(2):
        _, events = host.received(f"spBv1.0/g/{topic}", payload, NOW)
        assert all(e.reason for e in events if isinstance(e, Complaint))
    edge = EdgeSession(Layout(NodeId("g", "e"), "", ()), bd_seq=0, journal="j", host_id="lampwell")
    edge.received(f"spBv1.0/g/{topic}", payload, NOW)
