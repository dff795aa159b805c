"""What an edge session sends, held against the specification's assertions (docs/wire.md has the table): will and births."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from lampwell.points import Kind, Point
from lampwell.readings import Layout, NodeId, Scan
from lampwell.sparkplug import codec
from lampwell.sparkplug.codec import Payload
from lampwell.sparkplug.datatypes import DataType
from lampwell.sparkplug.edge import EdgeSession

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


# -- connection and will -------------------------------------------------------------------------------------------


@tck(
    "tck-id-message-flow-edge-node-birth-publish-will-message",
    "tck-id-message-flow-edge-node-birth-publish-will-message-topic",
    "tck-id-payloads-ndeath-will-message",
    "tck-id-topics-ndeath-topic",
)
def test_will_is_the_ndeath(life: Any, tck: str) -> None:
    """Each CONNECT carries this node's NDEATH."""
    assert [m.topic for m, _ in life.wills] == ["spBv1.0/taihe/NDEATH/gw-1"] * 2


@tck(
    "tck-id-message-flow-edge-node-birth-publish-will-message-qos",
    "tck-id-message-flow-edge-node-birth-publish-will-message-will-retained",
    "tck-id-payloads-ndeath-will-message-qos",
    "tck-id-payloads-ndeath-will-message-retain",
)
def test_will_is_qos_1_and_not_retained(life: Any, tck: str) -> None:
    """A retained death would greet every new host."""
    assert {(m.qos, m.retain) for m, _ in life.wills} == {(1, False)}


@tck(
    "tck-id-topics-ndeath-payload",
    "tck-id-topics-ndeath-seq",
    "tck-id-payloads-ndeath-seq",
    "tck-id-message-flow-edge-node-birth-publish-will-message-payload",
)
def test_ndeath_is_only_bd_seq(life: Any, tck: str) -> None:
    """NDEATH holds one metric and no seq, as will and on purpose alike."""
    for _, payload in (*life.wills, *life.farewell):
        assert names(payload) == {"bdSeq"}
        assert payload.seq is None


@tck(
    "tck-id-topics-nbirth-bdseq-increment",
    "tck-id-message-flow-edge-node-birth-publish-will-message-payload-bdSeq",
)
def test_bd_seq_grows_with_every_connect(tck: str) -> None:
    """It begins at 0, grows by one per CONNECT and wraps after 255, also when no birth was ever sent."""
    edge = EdgeSession(NODE_LAYOUT, bd_seq=-1, journal="j-1", host_id="lampwell")
    wills = [codec.decode(edge.will(START + i).payload).metrics[0] for i in range(300)]
    assert [m.value for m in wills] == [i % 256 for i in range(300)]
    assert {m.type for m in wills} == {DataType.INT64}


@tck(
    "tck-id-topics-nbirth-bdseq-included",
    "tck-id-topics-nbirth-bdseq-matching",
    "tck-id-payloads-nbirth-bdseq",
    "tck-id-payloads-nbirth-bdseq-repeat",
    "tck-id-payloads-ndeath-bdseq",
    "tck-id-message-flow-edge-node-birth-publish-nbirth-payload-bdSeq",
    "tck-id-operational-behavior-data-commands-rebirth-action-3",
)
def test_births_repeat_the_wills_bd_seq(life: Any, tck: str) -> None:
    """First birth, rebirth and farewell all carry the bdSeq of the will they belong to."""
    for number, session in enumerate(life.sessions):
        births = [p for m, p in session if "/NBIRTH/" in m.topic]
        assert len(births) == 2
        assert [value_of(p, "bdSeq") for p in births] == [number, number]
        assert {x.type for p in births for x in p.metrics if x.name == "bdSeq"} == {DataType.INT64}
        assert value_of(life.wills[number][1], "bdSeq") == value_of(life.farewell[number][1], "bdSeq") == number


@tck(
    "tck-id-payloads-ndeath-will-message-publisher",
    "tck-id-payloads-ndeath-will-message-publisher-disconnect-mqtt311",
    "tck-id-operational-behavior-edge-node-intentional-disconnect-ndeath",
)
def test_leaving_on_purpose_sends_ndeath(life: Any, tck: str) -> None:
    """With MQTT 3.1.1 a DISCONNECT discards the will, so the death must be said."""
    assert [m.topic for m, _ in life.farewell] == ["spBv1.0/taihe/NDEATH/gw-1"] * 2


def test_leaving_twice_says_it_once() -> None:
    """A farewell after the connection is gone has nobody to speak to."""
    edge = EdgeSession(NODE_LAYOUT, bd_seq=3, journal="", host_id="lampwell")
    edge.will(START)
    edge.connected(START, journal_first=0, acknowledged={})
    assert len(edge.leave(START)) == 1
    assert edge.leave(START) == []


# -- subscriptions -------------------------------------------------------------------------------------------------


@tck("tck-id-message-flow-edge-node-ncmd-subscribe", "tck-id-message-flow-device-dcmd-subscribe")
def test_commands_are_subscribed_at_qos_1(tck: str) -> None:
    """Node and device commands both reach the node."""
    found = {s.topic: s.qos for s in EdgeSession(NODE_LAYOUT, bd_seq=0, journal="", host_id="lampwell").subscriptions()}
    assert found["spBv1.0/taihe/NCMD/gw-1"] == 1
    assert found["spBv1.0/taihe/DCMD/gw-1/#"] == 1
    assert found["spBv1.0/STATE/lampwell"] == 1


# -- births --------------------------------------------------------------------------------------------------------


@tck(
    "tck-id-principles-birth-certificates-order",
    "tck-id-payloads-dbirth-order",
    "tck-id-payloads-ndata-order",
    "tck-id-payloads-ddata-order",
    "tck-id-message-flow-device-birth-publish-nbirth-wait",
    "tck-id-message-flow-edge-node-birth-publish-connect",
)
def test_births_come_first(life: Any, tck: str) -> None:
    """NBIRTH, then every DBIRTH, then data; nothing before the connection."""
    for session in life.sessions:
        verbs = [m.topic.split("/")[2] for m, _ in session[:4]]
        assert verbs == ["NBIRTH", "DBIRTH", "DBIRTH", "DDATA"]


def test_nothing_is_sent_before_the_birth_or_after_the_end() -> None:
    """Scans of an unborn session or an unborn device are kept for the birth, not sent."""
    edge = EdgeSession(NODE_LAYOUT, bd_seq=0, journal="", host_id="lampwell")
    edge.device_born(CABINET, scan(CABINET, START, 1.0, False))
    edge.will(START)
    assert edge.scan(scan(CABINET, START, 2.0, True)) is None
    edge.connected(START, journal_first=0, acknowledged={})
    assert edge.scan(scan(WELL, START, 2.0)) is None
    assert edge.scan(scan(CABINET, START, 2.0, True)) is not None
    edge.disconnected()
    assert edge.scan(scan(CABINET, START, 2.0, True)) is None
    assert edge.device_born(WELL, scan(WELL, START, 0.3)) == []
    assert edge.node_layout(NODE_LAYOUT, START) == []


@tck(
    "tck-id-topics-nbirth-topic",
    "tck-id-message-flow-edge-node-birth-publish-nbirth-topic",
)
def test_nbirth_topic(life: Any, tck: str) -> None:
    """Where hosts listen for it."""
    assert {m.topic for m, _ in life.of("NBIRTH")} == {"spBv1.0/taihe/NBIRTH/gw-1"}


@tck(
    "tck-id-topics-dbirth-topic",
    "tck-id-message-flow-device-birth-publish-dbirth-topic",
    "tck-id-message-flow-device-birth-publish-dbirth-match-edge-node-topic",
)
def test_dbirth_topic(life: Any, tck: str) -> None:
    """Group and edge node are those of the NBIRTH."""
    assert {m.topic for m, _ in life.of("DBIRTH")} == {f"spBv1.0/taihe/DBIRTH/gw-1/{d}" for d in ("cabinet-01", "well-01")}


@tck(
    "tck-id-topics-nbirth-mqtt",
    "tck-id-topics-dbirth-mqtt",
    "tck-id-topics-ndata-mqtt",
    "tck-id-topics-ddata-mqtt",
    "tck-id-topics-ddeath-mqtt",
    "tck-id-payloads-nbirth-qos",
    "tck-id-payloads-nbirth-retain",
    "tck-id-payloads-dbirth-qos",
    "tck-id-payloads-dbirth-retain",
    "tck-id-payloads-ndata-qos",
    "tck-id-payloads-ndata-retain",
    "tck-id-payloads-ddata-qos",
    "tck-id-payloads-ddata-retain",
    "tck-id-message-flow-edge-node-birth-publish-nbirth-qos",
    "tck-id-message-flow-edge-node-birth-publish-nbirth-retained",
    "tck-id-message-flow-device-birth-publish-dbirth-qos",
    "tck-id-message-flow-device-birth-publish-dbirth-retained",
)
def test_all_but_the_death_is_qos_0_and_not_retained(life: Any, tck: str) -> None:
    """Retained data would be taken for new after every reconnection."""
    assert {(m.qos, m.retain) for m, _ in life.of(*BIRTHS, *DATA, "DDEATH")} == {(0, False)}


@tck(
    "tck-id-topics-nbirth-timestamp",
    "tck-id-topics-dbirth-timestamp",
    "tck-id-topics-ndata-timestamp",
    "tck-id-topics-ddata-timestamp",
    "tck-id-payloads-nbirth-timestamp",
    "tck-id-payloads-dbirth-timestamp",
    "tck-id-payloads-ndata-timestamp",
    "tck-id-payloads-ddata-timestamp",
    "tck-id-payloads-ddeath-timestamp",
    "tck-id-payloads-timestamp-in-UTC",
    "tck-id-payloads-metric-timestamp-in-UTC",
    "tck-id-payloads-name-birth-data-requirement",
)
def test_every_payload_and_metric_has_its_time(life: Any, tck: str) -> None:
    """Epoch milliseconds UTC, from the clock that was handed in."""
    for _, payload in life.sent:
        assert payload.time is not None
        assert START - 90_000 <= payload.time <= START + 70_000
        assert all(m.time is not None and START - 90_000 <= m.time <= START + 70_000 for m in payload.metrics)


def test_a_replayed_scan_says_when_it_was_sent() -> None:
    """History keeps the time of its readings; the payload has the time of publishing when the caller gives it."""
    edge = EdgeSession(NODE_LAYOUT, bd_seq=0, journal="j-1", host_id="lampwell")
    edge.device_born(WELL, scan(WELL, START, 0.2))
    edge.will(START)
    edge.connected(START, journal_first=0, acknowledged={})
    message = edge.scan(scan(WELL, START - 5_000, 0.3, historical=True), START + 9)
    assert message is not None
    payload = codec.decode(message.payload)
    assert (payload.time, payload.metrics[0].time, payload.metrics[0].historical) == (START + 9, START - 5_000, True)
    assert payload.metrics[0].type == DataType.DOUBLE


@tck(
    "tck-id-payloads-sequence-num-always-included",
    "tck-id-payloads-sequence-num-req-nbirth",
    "tck-id-payloads-sequence-num-incrementing",
    "tck-id-topics-nbirth-seq-num",
    "tck-id-topics-dbirth-seq",
    "tck-id-topics-ndata-seq-num",
    "tck-id-topics-ddata-seq-num",
    "tck-id-topics-ddeath-seq-num",
    "tck-id-payloads-nbirth-seq",
    "tck-id-payloads-dbirth-seq",
    "tck-id-payloads-dbirth-seq-inc",
    "tck-id-payloads-ndata-seq",
    "tck-id-payloads-ndata-seq-inc",
    "tck-id-payloads-ddata-seq",
    "tck-id-payloads-ddata-seq-inc",
    "tck-id-payloads-ddeath-seq",
    "tck-id-payloads-ddeath-seq-inc",
    "tck-id-payloads-ddeath-seq-number",
    "tck-id-message-flow-edge-node-birth-publish-nbirth-payload-seq",
    "tck-id-message-flow-device-birth-publish-dbirth-payload-seq",
)
def test_seq_is_one_counter_from_0_at_birth(life: Any, tck: str) -> None:
    """One counter for births, data and deaths; 0 at every NBIRTH, 0 again after 255."""
    for session in life.sessions:
        for (_, before), (message, after) in pairwise(session):
            assert before.seq is not None
            assert after.seq == (0 if "/NBIRTH/" in message.topic else (before.seq + 1) % 256)
        assert session[0][1].seq == 0


@tck(
    "tck-id-topics-nbirth-metric-reqs",
    "tck-id-operational-behavior-data-publish-nbirth",
)
def test_nbirth_declares_all_the_node_sends(life: Any, tck: str) -> None:
    """Whatever an NDATA holds was in the NBIRTH."""
    declared = names(life.of("NBIRTH")[0][1])
    sent = {name for _, p in life.of("NDATA") for name in names(p)}
    assert sent
    assert sent <= declared


@tck("tck-id-topics-dbirth-metric-reqs", "tck-id-operational-behavior-data-publish-dbirth")
def test_dbirth_declares_all_the_device_sends(life: Any, tck: str) -> None:
    """Whatever a DDATA holds (the journal's offset too) was in its DBIRTH."""
    for device in ("cabinet-01", "well-01"):
        declared = next(names(p) for m, p in life.of("DBIRTH") if m.topic.endswith(device))
        sent = {name for m, p in life.of("DDATA") if m.topic.endswith(device) for name in names(p)}
        assert "journal/offset" in sent
        assert sent <= declared


@tck(
    "tck-id-topics-nbirth-metrics",
    "tck-id-topics-dbirth-metrics",
    "tck-id-payloads-metric-datatype-req",
    "tck-id-payloads-metric-datatype-value",
    "tck-id-payloads-metric-datatype-value-type",
    "tck-id-payloads-name-requirement",
    "tck-id-message-flow-edge-node-birth-publish-nbirth-payload",
    "tck-id-message-flow-device-birth-publish-dbirth-payload",
)
def test_birth_metrics_have_name_and_type(life: Any, tck: str) -> None:
    """A host learns everything about a metric from its birth."""
    for _, payload in life.of(*BIRTHS):
        assert payload.metrics
        assert all(m.name and m.type in set(DataType) - {DataType.UNKNOWN} for m in payload.metrics)


@tck(
    "tck-id-operational-behavior-data-publish-nbirth-values",
    "tck-id-operational-behavior-data-publish-dbirth-values",
)
def test_births_hold_current_values_or_null(life: Any, tck: str) -> None:
    """The rebirth has the values of the last scans with their own times; the well's was null, and null has no value."""
    cabinet = next(p for m, p in life.rebirth if m.topic.endswith("cabinet-01"))
    assert (value_of(cabinet, "loop1/i_a"), value_of(cabinet, "door")) == (600.5, True)
    assert next(m for m in cabinet.metrics if m.name == "door").time == START + 599
    well = next(m for m, _ in life.rebirth if m.topic.endswith("well-01"))
    level = next(m for m in codec.PayloadMessage.FromString(well.payload).metrics if m.name == "level")
    assert level.is_null
    assert level.WhichOneof("value") is None


@tck(
    "tck-id-operational-behavior-data-publish-nbirth-order",
    "tck-id-operational-behavior-data-publish-dbirth-order",
)
def test_live_metrics_never_go_back_in_time(life: Any, tck: str) -> None:
    """In one payload a metric appears once; from payload to payload its live values move forward."""
    last: dict[tuple[str, str], int] = {}
    for message, payload in life.of(*BIRTHS, *DATA):
        place = message.topic.rpartition("/")[2]
        assert len(names(payload)) == len(payload.metrics)
        for metric in payload.metrics:
            if not metric.historical:
                assert metric.time is not None
                assert metric.time >= last.get((place, metric.name), 0)
                last[place, metric.name] = metric.time
