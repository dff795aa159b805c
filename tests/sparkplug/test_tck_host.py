"""What a host session sends and what it makes of births and deaths, held against the specification's assertions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from lampwell.points import Point
from lampwell.readings import Layout, NodeId, Scan
from lampwell.sparkplug import codec
from lampwell.sparkplug.codec import Metric, Payload
from lampwell.sparkplug.datatypes import DataType
from lampwell.sparkplug.edge import EdgeSession
from lampwell.sparkplug.host import HostSession
from lampwell.sparkplug.messages import (
    Complaint,
    DeviceBorn,
    DeviceDied,
    Message,
    NodeBorn,
    NodeDied,
    ScanReceived,
)

NODE = NodeId("taihe", "gw-1")
WELL = Layout(NODE, "well-01", (Point(path="level", unit="m"),))
START = 1_780_000_000_000
STATE = "spBv1.0/STATE/lampwell"


def tck(*ids: str) -> pytest.MarkDecorator:
    """The assertions a test stands for; each becomes a test of that name."""
    return pytest.mark.parametrize("tck", ids)


def rebirths(messages: list[Message]) -> list[Message]:
    return [m for m in messages if "/NCMD/" in m.topic]


# -- STATE ---------------------------------------------------------------------------------------------------------


@tck(
    "tck-id-host-topic-phid-death-required",
    "tck-id-host-topic-phid-death-topic",
    "tck-id-host-topic-phid-death-qos",
    "tck-id-host-topic-phid-death-retain",
    "tck-id-host-topic-phid-death-payload",
    "tck-id-host-topic-phid-death-payload-timestamp-connect",
    "tck-id-operational-behavior-host-application-connect-will",
    "tck-id-operational-behavior-host-application-connect-will-topic",
    "tck-id-operational-behavior-host-application-connect-will-payload",
    "tck-id-operational-behavior-host-application-connect-will-qos",
    "tck-id-operational-behavior-host-application-connect-will-retained",
    "tck-id-payloads-state-will-message",
    "tck-id-payloads-state-will-message-qos",
    "tck-id-payloads-state-will-message-retain",
    "tck-id-payloads-state-will-message-payload",
)
def test_the_will_says_offline(tck: str) -> None:
    """JSON, QoS 1, retained, with the time of the CONNECT."""
    will = HostSession("lampwell").will(START)
    assert (will.topic, will.qos, will.retain) == (STATE, 1, True)
    assert json.loads(will.payload) == {"online": False, "timestamp": START}


@tck(
    "tck-id-components-ph-state",
    "tck-id-conformance-primary-host",
    "tck-id-host-topic-phid-birth-message",
    "tck-id-host-topic-phid-birth-qos",
    "tck-id-host-topic-phid-birth-retain",
    "tck-id-host-topic-phid-birth-topic",
    "tck-id-host-topic-phid-birth-required",
    "tck-id-host-topic-phid-birth-payload",
    "tck-id-host-topic-phid-birth-payload-timestamp",
    "tck-id-message-flow-phid-sparkplug-state-publish",
    "tck-id-message-flow-phid-sparkplug-state-publish-payload",
    "tck-id-message-flow-phid-sparkplug-state-publish-payload-timestamp",
    "tck-id-operational-behavior-host-application-connect-birth",
    "tck-id-operational-behavior-host-application-connect-birth-topic",
    "tck-id-operational-behavior-host-application-connect-birth-payload",
    "tck-id-operational-behavior-host-application-connect-birth-qos",
    "tck-id-operational-behavior-host-application-connect-birth-retained",
    "tck-id-payloads-state-birth",
    "tck-id-payloads-state-birth-payload",
)
def test_the_first_message_says_online(tck: str) -> None:
    """Its timestamp is the will's, not the time it is sent."""
    host = HostSession("lampwell")
    host.will(START)
    first = host.connected(START + 700)[0]
    assert (first.topic, first.qos, first.retain) == (STATE, 1, True)
    assert json.loads(first.payload) == {"online": True, "timestamp": START}


@tck(
    "tck-id-host-topic-phid-birth-sub-required",
    "tck-id-message-flow-phid-sparkplug-subscription",
    "tck-id-payloads-state-subscribe",
)
def test_the_host_hears_its_own_state(tck: str) -> None:
    """One subscription covers every Sparkplug topic and the STATE of this host."""
    (subscription,) = HostSession("lampwell").subscriptions()
    assert (subscription.topic, subscription.qos) == ("spBv1.0/#", 1)


@tck("tck-id-message-flow-hid-sparkplug-state-message-delivered")
def test_told_that_it_is_offline_the_host_protests(pair: Any, tck: str) -> None:
    """An old will must not leave it offline for everybody; its own farewell does."""
    back, events = pair.host.received(STATE, b'{"online": false, "timestamp": 5}', START + 9)
    assert [json.loads(m.payload) for m in back] == [{"online": True, "timestamp": START}]
    assert events == []
    assert pair.host.received(STATE, b'{"online": true, "timestamp": 5}', START + 9) == ([], [])
    pair.host.leave(START + 10)
    assert pair.host.received(STATE, b'{"online": false, "timestamp": 5}', START + 11) == ([], [])


@tck(
    "tck-id-host-topic-phid-death-payload-timestamp-disconnect-clean",
    "tck-id-host-topic-phid-death-payload-timestamp-disconnect-with-no-disconnect-packet",
    "tck-id-operational-behavior-host-application-termination",
    "tck-id-operational-behavior-host-application-death-topic",
    "tck-id-operational-behavior-host-application-death-payload",
    "tck-id-operational-behavior-host-application-death-qos",
    "tck-id-operational-behavior-host-application-death-retained",
)
def test_leaving_says_offline_with_the_present_time(pair: Any, tck: str) -> None:
    """Published before the DISCONNECT, which throws the will away."""
    (death,) = pair.host.leave(START + 900)
    assert (death.topic, death.qos, death.retain) == (STATE, 1, True)
    assert json.loads(death.payload) == {"online": False, "timestamp": START + 900}


@pytest.mark.parametrize(
    "payload", [b"ONLINE", b"OFFLINE", b"", b"{}", b"[1]", b'{"online":1,"timestamp":1}', b"\xff", b"[" * 9000]
)
def test_old_or_broken_state_is_a_complaint(pair: Any, payload: bytes) -> None:
    """The text form before Sparkplug 3.0 and plain rubbish are told, at the host and at the edge."""
    messages, (event,) = pair.host.received(STATE, payload, START)
    assert messages == []
    assert isinstance(event, Complaint)
    (event,) = pair.edge.received(STATE, payload, START)[1]
    assert isinstance(event, Complaint)
    assert STATE in event.reason


# -- births and deaths ---------------------------------------------------------------------------------------------


def test_births_become_layouts_and_values(pair: Any) -> None:
    """Units come from the birth, the journal from its metrics, the control metrics are no points."""
    node, device = pair.connect()
    assert isinstance(node, NodeBorn)
    assert (node.journal, node.first, node.layout.points, node.time) == ("j-1", 7, (), START)
    assert isinstance(device, DeviceBorn)
    assert device.layout.points == WELL.points
    assert (device.birth.values, device.times) == ((0.1,), (START,))


@tck(
    "tck-id-operational-behavior-edge-node-termination-host-action-ndeath-node-offline",
    "tck-id-operational-behavior-edge-node-termination-host-action-ndeath-node-tags-stale",
    "tck-id-operational-behavior-edge-node-termination-host-action-ndeath-devices-offline",
    "tck-id-operational-behavior-edge-node-termination-host-action-ndeath-devices-tags-stale",
)
def test_node_death_ends_node_and_devices_at_the_hosts_time(pair: Any, tck: str) -> None:
    """The will's own timestamp is that of the CONNECT, so the host's counts. One event says it for all devices."""
    pair.connect()
    late = pair.data(START + 5, 0.5)
    assert pair.deliver([pair.will], START + 77_000) == [NodeDied(NODE, START + 77_000)]
    messages, (complaint,) = pair.host.received(late.topic, late.payload, START + 77_001)
    assert isinstance(complaint, Complaint)
    assert len(rebirths(messages)) == 1


@tck("tck-id-topic-structure-namespace-duplicate-device-id-across-edge-node")
def test_two_nodes_may_have_a_device_of_one_name(pair: Any, tck: str) -> None:
    """Their readings stay apart."""
    pair.connect()
    other = NodeId("taihe", "gw-2")
    layout = Layout(other, "well-01", (Point(path="level", unit="cm"),))
    edge = EdgeSession(Layout(other, "", ()), bd_seq=0, journal="", host_id="lampwell")
    edge.device_born(layout, Scan(layout, START, (0,), (50.0,), (0,)))
    edge.will(START)
    born = pair.deliver(edge.connected(START, journal_first=0, acknowledged={}), START)[1]
    assert isinstance(born, DeviceBorn)
    assert (born.layout.node, born.layout.points[0].unit) == (other, "cm")
    (mine,) = pair.deliver([pair.data(START + 1, 0.5)], START + 1)
    assert isinstance(mine, ScanReceived)
    assert (mine.scan.layout.node, mine.scan.layout.points[0].unit) == (NODE, "m")


def test_death_of_an_earlier_connection_is_ignored(pair: Any) -> None:
    """After a quick reconnection the broker delivers the old will late; its bdSeq gives it away."""
    pair.connect()
    old, pair.will = pair.will, pair.edge.will(START + 1)
    pair.connect(START + 1)
    assert pair.deliver([old], START + 2) == []
    assert [type(e) for e in pair.deliver([pair.data(START + 3, 0.5)], START + 3)] == [ScanReceived]
    assert pair.deliver([pair.will], START + 4) == [NodeDied(NODE, START + 4)]


def test_death_without_a_birth_or_without_bd_seq(pair: Any) -> None:
    """A death of the unknown is no news; one that does not say whose it is, is a complaint and no death."""
    assert pair.deliver([pair.will], START) == []
    pair.connect()
    empty = codec.encode(Payload(time=START))
    (event,) = pair.host.received("spBv1.0/taihe/NDEATH/gw-1", empty, START)[1]
    assert isinstance(event, Complaint)
    assert [type(e) for e in pair.deliver([pair.data(START + 3, 0.5)], START + 3)] == [ScanReceived]


@tck(
    "tck-id-operational-behavior-edge-node-termination-host-action-ddeath-devices-offline",
    "tck-id-operational-behavior-edge-node-termination-host-action-ddeath-devices-tags-stale",
)
def test_device_death_carries_the_edges_time(pair: Any, tck: str) -> None:
    """The edge knows when its device fell silent."""
    pair.connect()
    assert pair.deliver(pair.edge.device_died("well-01", START + 40), START + 90) == [DeviceDied(NODE, "well-01", START + 40)]


def test_an_unchanged_rebirth_keeps_the_layout(pair: Any) -> None:
    """Everything cached per layout lives through a rebirth; a changed unit is a new layout."""
    first = pair.connect()[1]
    again = pair.connect(START + 60_000)[1]
    assert isinstance(first, DeviceBorn)
    assert isinstance(again, DeviceBorn)
    assert again.layout is first.layout
    assert again.birth.layout is first.layout
    changed = Layout(NODE, "well-01", (Point(path="level", unit="cm"),))
    birth = pair.deliver(pair.edge.device_born(changed, Scan(changed, START, (0,), (1.0,), (0,))), START)[0]
    assert isinstance(birth, DeviceBorn)
    assert birth.layout is not first.layout
    assert birth.layout.points[0].unit == "cm"


# -- commands ------------------------------------------------------------------------------------------------------


@tck(
    "tck-id-topics-ncmd-topic",
    "tck-id-topics-ncmd-mqtt",
    "tck-id-topics-ncmd-timestamp",
    "tck-id-topics-ncmd-payload",
    "tck-id-payloads-ncmd-timestamp",
    "tck-id-payloads-ncmd-seq",
    "tck-id-payloads-ncmd-qos",
    "tck-id-payloads-ncmd-retain",
    "tck-id-payloads-name-cmd-requirement",
    "tck-id-operational-behavior-data-commands-ncmd-verb",
    "tck-id-operational-behavior-data-commands-ncmd-metric-name",
    "tck-id-operational-behavior-data-commands-ncmd-metric-value",
)
def test_node_commands(pair: Any, tck: str) -> None:
    """An acknowledgement is an NCMD: QoS 0, not retained, no seq, names from the birth."""
    message = pair.host.stored(NODE, "j-1", (3 << 32) + 9, START + 4)
    assert (message.topic, message.qos, message.retain) == ("spBv1.0/taihe/NCMD/gw-1", 0, False)
    payload = codec.decode(message.payload)
    assert (payload.time, payload.seq) == (START + 4, None)
    assert {m.name: m.value for m in payload.metrics} == {"journal/id": "j-1", "journal/stored": (3 << 32) + 9}
    born = codec.decode(pair.edge.connected(START, journal_first=0, acknowledged={})[0].payload)
    assert {m.name for m in payload.metrics} <= {m.name for m in born.metrics}


@tck(
    "tck-id-topics-dcmd-topic",
    "tck-id-topics-dcmd-mqtt",
    "tck-id-topics-dcmd-timestamp",
    "tck-id-topics-dcmd-payload",
    "tck-id-payloads-dcmd-timestamp",
    "tck-id-payloads-dcmd-seq",
    "tck-id-payloads-dcmd-qos",
    "tck-id-payloads-dcmd-retain",
    "tck-id-operational-behavior-data-commands-dcmd-verb",
    "tck-id-operational-behavior-data-commands-dcmd-metric-name",
    "tck-id-operational-behavior-data-commands-dcmd-metric-value",
)
def test_device_commands_use_the_births_type(pair: Any, tck: str) -> None:
    """An integer written to a Double goes as a double."""
    pair.connect()
    message = pair.host.command(NODE, "well-01", {"level": 2}, START + 4)
    assert (message.topic, message.qos, message.retain) == ("spBv1.0/taihe/DCMD/gw-1/well-01", 0, False)
    payload = codec.decode(message.payload)
    assert (payload.time, payload.seq) == (START + 4, None)
    (metric,) = payload.metrics
    assert (metric.name, metric.type, metric.value) == ("level", DataType.DOUBLE, 2.0)


@tck("tck-id-payloads-alias-data-cmd-requirement")
def test_a_command_to_an_aliased_metric_goes_by_alias(tck: str) -> None:
    """A node that gave aliases gets them back, without the name."""
    host = HostSession("lampwell")
    birth = (
        Metric(name="bdSeq", time=START, type=DataType.INT64, value=0),
        Metric(name="setpoint", alias=4, time=START, type=DataType.INT16, value=-1),
    )
    host.received("spBv1.0/g/NBIRTH/e", codec.encode(Payload(time=START, seq=0, metrics=birth)), START)
    (metric,) = codec.decode(host.command(NodeId("g", "e"), "", {"setpoint": -7}, START).payload).metrics
    assert (metric.name, metric.alias, metric.type, metric.value) == ("", 4, DataType.INT16, -7)
