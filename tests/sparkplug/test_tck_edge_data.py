"""What an edge session sends, held against the specification's assertions (docs/wire.md has the table): rebirth and data."""

from __future__ import annotations

from typing import Any

import pytest

from lampwell.points import Kind, Point
from lampwell.readings import Layout, NodeId, Scan
from lampwell.sparkplug import codec
from lampwell.sparkplug.codec import Metric, Payload
from lampwell.sparkplug.datatypes import DataType
from lampwell.sparkplug.edge import EdgeSession
from lampwell.sparkplug.messages import HostState

NODE = NodeId("taihe", "gw-1")
NODE_LAYOUT = Layout(NODE, "", (Point(path="cycle_s", unit="s"), Point(path="backlog", kind=Kind.INT)))
CABINET = Layout(NODE, "cabinet-01", (Point(path="loop1/i_a", unit="A"), Point(path="door", kind=Kind.BOOL)))
WELL = Layout(NODE, "well-01", (Point(path="level", unit="m"),))
START = 1_780_000_000_000
DATA = ("NDATA", "DDATA")
BIRTHS = ("NBIRTH", "DBIRTH")


def tck(*ids: str) -> pytest.MarkDecorator:
    """The assertions a test stands for; each becomes a test of that name."""
    return pytest.mark.parametrize("tck", ids)


def names(payload: Payload) -> set[str]:
    return {m.name for m in payload.metrics}


def value_of(payload: Payload, name: str) -> object:
    return next(m for m in payload.metrics if m.name == name).value


def scan(layout: Layout, time: int, *values: object, offset: int | None = None, historical: bool = False) -> Scan:
    n = len(values)
    return Scan(layout, time, tuple(range(n)), values, (0,) * n, offset, "j-1", historical)  # type: ignore[arg-type]


def rebirth_request(value: bool = True) -> bytes:
    metric = Metric(name="Node Control/Rebirth", time=START, type=DataType.BOOLEAN, value=value)
    return codec.encode(Payload(time=START, metrics=(metric,)))


@tck(
    "tck-id-topics-nbirth-rebirth-metric",
    "tck-id-payloads-nbirth-rebirth-req",
    "tck-id-operational-behavior-data-commands-rebirth-name",
    "tck-id-operational-behavior-data-commands-rebirth-datatype",
    "tck-id-operational-behavior-data-commands-rebirth-value",
)
def test_nbirth_offers_rebirth(life: Any, tck: str) -> None:
    """The control metric is there, Boolean and false."""
    for _, payload in life.of("NBIRTH"):
        metric = next(m for m in payload.metrics if m.name == "Node Control/Rebirth")
        assert (metric.type, metric.value) == (DataType.BOOLEAN, False)


@tck("tck-id-operational-behavior-data-commands-rebirth-name-aliases")
def test_no_aliases_are_published(life: Any, tck: str) -> None:
    """Names always, so neither the control metric nor any other has an alias."""
    assert all(m.alias is None for _, p in life.sent for m in p.metrics)


@tck(
    "tck-id-operational-behavior-data-commands-rebirth-action-1",
    "tck-id-operational-behavior-data-commands-rebirth-action-2",
)
def test_rebirth_sends_every_birth_again(life: Any, tck: str) -> None:
    """A complete sequence: NBIRTH and the DBIRTHs of the devices that are alive, with no data between."""
    verbs = [m.topic.split("/", 2)[2] for m, _ in life.rebirth[:3]]
    assert verbs == ["NBIRTH/gw-1", "DBIRTH/gw-1/cabinet-01", "DBIRTH/gw-1/well-01"]


def test_a_dead_device_is_not_reborn() -> None:
    """A rebirth must not raise the dead: its DBIRTH would make old values look fresh."""
    edge = EdgeSession(NODE_LAYOUT, bd_seq=0, journal="", host_id="lampwell")
    edge.will(START)
    edge.connected(START, journal_first=0, acknowledged={})
    edge.device_born(WELL, scan(WELL, START, 0.2))
    assert len(edge.device_died("well-01", START + 1)) == 1
    assert edge.device_died("well-01", START + 2) == []
    assert edge.scan(scan(WELL, START + 3, 0.2)) is None
    births, _ = edge.received("spBv1.0/taihe/NCMD/gw-1", rebirth_request(), START + 4)
    assert [m.topic for m in births] == ["spBv1.0/taihe/NBIRTH/gw-1"]


def test_rebirth_false_does_nothing() -> None:
    """Writing false is no request."""
    edge = EdgeSession(NODE_LAYOUT, bd_seq=0, journal="", host_id="lampwell")
    edge.will(START)
    edge.connected(START, journal_first=0, acknowledged={})
    assert edge.received("spBv1.0/taihe/NCMD/gw-1", rebirth_request(value=False), START) == ([], [])


# -- data ----------------------------------------------------------------------------------------------------------


@tck("tck-id-topics-ndata-topic", "tck-id-topics-ddata-topic")
def test_data_topics(life: Any, tck: str) -> None:
    """The node's own points go as NDATA, a device's as DDATA."""
    found = {m.topic for m, _ in life.of(*DATA)}
    assert found == {"spBv1.0/taihe/NDATA/gw-1", "spBv1.0/taihe/DDATA/gw-1/cabinet-01", "spBv1.0/taihe/DDATA/gw-1/well-01"}


@tck("tck-id-topics-ndata-payload", "tck-id-topics-ddata-payload")
def test_data_holds_the_scan_and_nothing_else(life: Any, tck: str) -> None:
    """Only what the scan (already reported by exception) holds, and the journal's mark."""
    first = life.of("DDATA")[0][1]
    assert [(m.name, m.value) for m in first.metrics] == [
        ("loop1/i_a", 1.5),
        ("door", True),
        ("journal/offset", (1 << 32) + 4),
    ]


@tck("tck-id-payloads-metric-datatype-not-req")
def test_live_data_leaves_the_datatype_out(life: Any, tck: str) -> None:
    """It is known from the birth. History carries it on purpose, journal/first as well (once in a long while)."""
    for _, payload in life.of(*DATA):
        for metric in payload.metrics:
            assert (metric.type == DataType.UNKNOWN) == (not metric.historical and metric.name != "journal/first")


# -- death of a device ---------------------------------------------------------------------------------------------


@tck("tck-id-topics-ddeath-topic", "tck-id-operational-behavior-device-ddeath")
def test_a_lost_device_is_said_to_be_dead(life: Any, tck: str) -> None:
    """DDEATH in the device's own name."""
    assert [m.topic for m, _ in life.of("DDEATH")] == ["spBv1.0/taihe/DDEATH/gw-1/well-01"] * 2


# -- the watched host ----------------------------------------------------------------------------------------------


@tck(
    "tck-id-operational-behavior-edge-node-termination-host-offline-timestamp",
    "tck-id-message-flow-edge-node-birth-publish-phid-wait-id",
    "tck-id-message-flow-edge-node-birth-publish-phid-wait-online",
)
def test_an_old_offline_is_not_believed(tck: str) -> None:
    """The will of a host's earlier connection may arrive after it is back: older than its online, it says nothing."""
    edge = EdgeSession(NODE_LAYOUT, bd_seq=0, journal="", host_id="lampwell")
    state = "spBv1.0/STATE/lampwell"
    assert edge.received(state, b'{"online": true, "timestamp": 2000}', START)[1] == [HostState("lampwell", True, 2000)]
    assert edge.received(state, b'{"online": false, "timestamp": 1000}', START)[1] == []
    assert edge.received(state, b'{"online": false, "timestamp": 2000}', START)[1] == [HostState("lampwell", False, 2000)]
    (complaint,) = edge.received("spBv1.0/STATE/other", b'{"online": true, "timestamp": 1}', START)[1]
    assert "not meant for this edge node" in str(complaint)
