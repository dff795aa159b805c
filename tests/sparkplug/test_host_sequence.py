"""Gaps, late and repeated messages, and when a host asks for a rebirth."""

from __future__ import annotations

from typing import Any

import pytest

from lampwell.points import Point
from lampwell.readings import Layout, NodeId
from lampwell.sparkplug import codec
from lampwell.sparkplug.codec import Metric, Payload
from lampwell.sparkplug.datatypes import DataType
from lampwell.sparkplug.host import HostSession
from lampwell.sparkplug.messages import (
    Complaint,
    DeviceBorn,
    Message,
    NodeBorn,
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


# -- sequence ------------------------------------------------------------------------------------------------------


@tck(
    "tck-id-operational-behavior-host-reordering-param",
    "tck-id-operational-behavior-host-reordering-start",
    "tck-id-operational-behavior-host-reordering-rebirth",
    "tck-id-operational-behavior-data-commands-ncmd-rebirth-verb",
    "tck-id-operational-behavior-data-commands-ncmd-rebirth-name",
    "tck-id-operational-behavior-data-commands-ncmd-rebirth-value",
)
def test_a_gap_asks_for_a_rebirth_after_the_reorder_timeout(pair: Any, tck: str) -> None:
    """The data after the gap is delivered at once; the request comes when the missing message did not."""
    pair.connect()
    pair.data(START + 1, 0.1)
    assert [type(e) for e in pair.deliver([pair.data(START + 2, 0.2)], START + 2)] == [ScanReceived]
    assert pair.host.tick(START + 1_900) == []
    (request,) = pair.host.tick(START + 2_002)
    assert request.topic == "spBv1.0/taihe/NCMD/gw-1"
    (metric,) = codec.decode(request.payload).metrics
    assert (metric.name, metric.value) == ("Node Control/Rebirth", True)


@tck("tck-id-operational-behavior-host-reordering-success")
def test_a_late_message_ends_the_wait(pair: Any, tck: str) -> None:
    """Reordered, not lost: both scans are delivered and nothing is asked for; the next gap starts a new wait."""
    pair.connect()
    first, second = pair.data(START + 1, 0.1), pair.data(START + 2, 0.2)
    events = pair.deliver([second, first], START + 3)
    assert [e.scan.values for e in events if isinstance(e, ScanReceived)] == [(0.2,), (0.1,)]
    assert pair.host.tick(START + 9_000) == []
    pair.data(START + 4, 0.3)
    pair.deliver([pair.data(START + 5, 0.4)], START + 9_001)
    assert pair.host.tick(START + 9_002) == []
    assert len(pair.host.tick(START + 11_100)) == 1


def test_a_repeated_message_is_delivered_once(pair: Any) -> None:
    """A broker that hands QoS 0 on as QoS 1 may repeat; a store without keys would count it twice."""
    pair.connect()
    first, second = pair.data(START + 1, 0.1), pair.data(START + 2, 0.2)
    events = pair.deliver([first, first, second, first, second], START + 3)
    assert [e.scan.values for e in events if isinstance(e, ScanReceived)] == [(0.1,), (0.2,)]
    assert pair.host.tick(START + 60_000) == []


def test_more_than_half_a_turn_lost_is_still_a_gap(pair: Any) -> None:
    """200 lost messages look, modulo 256, like something old; they must be noticed all the same."""
    pair.connect()
    for i in range(200):
        pair.data(START + i, 0.1)
    pair.deliver([pair.data(START + 300, 0.2)], START + 300)
    assert len(pair.host.tick(START + 5_000)) == 1


def test_a_whole_turn_of_identical_scans_is_not_a_repeat(pair: Any) -> None:
    """A frozen clock and a constant level: 600 payloads that differ in seq alone are 600 scans."""
    pair.connect()
    events = pair.deliver([pair.data(START, 0.1) for _ in range(600)], START)
    assert len(events) == 600
    assert all(isinstance(e, ScanReceived) for e in events)


# -- asking for births ---------------------------------------------------------------------------------------------


def test_data_before_birth_asks_once_in_a_pause(pair: Any) -> None:
    """A collector that starts late asks; it does not ask 10,000 times a second; it asks again when nothing came."""
    pair.edge.connected(START, journal_first=0, acknowledged={})
    asked = []
    for i in range(50):
        message = pair.data(START + i, 0.1)
        messages, (event,) = pair.host.received(message.topic, message.payload, START + i)
        assert isinstance(event, Complaint)
        asked += messages
    assert len(asked) == 1
    assert pair.host.tick(START + 9_999) == []
    assert len(pair.host.tick(START + 10_001)) == 1


def test_asking_ends_when_nobody_answers(pair: Any) -> None:
    """A node that has gone without a word is not asked for ever, but is asked again when it speaks."""
    pair.edge.connected(START, journal_first=0, acknowledged={})
    message = pair.data(START, 0.1)
    pair.host.received(message.topic, message.payload, START)
    asked = [m for s in range(10, 3_000, 10) for m in pair.host.tick(START + s * 1_000 + 1)]
    assert 1 <= len(asked) <= 10
    message = pair.data(START + 3_100_000, 0.1)
    assert len(pair.host.received(message.topic, message.payload, START + 3_100_000)[0]) == 1


def test_a_birth_ends_the_asking(pair: Any) -> None:
    """Once the births are there nothing more is asked."""
    pair.edge.connected(START, journal_first=0, acknowledged={})
    message = pair.data(START, 0.1)
    (request,), _ = pair.host.received(message.topic, message.payload, START)
    births, _ = pair.edge.received(request.topic, request.payload, START + 5)
    assert [type(e) for e in pair.deliver(births, START + 6)] == [NodeBorn, DeviceBorn]
    assert pair.host.tick(START + 60_000) == []


def test_device_messages_before_the_node_birth_ask_as_well(pair: Any) -> None:
    """DBIRTH and DDEATH without a NBIRTH: the node's aliases and journal are unknown, so neither is believed."""
    births = pair.edge.connected(START, journal_first=0, acknowledged={})
    for message in (births[1], *pair.edge.device_died("well-01", START)):
        host = HostSession("lampwell")
        messages, (event,) = host.received(message.topic, message.payload, START)
        assert isinstance(event, Complaint)
        assert len(rebirths(messages)) == 1


def test_a_host_that_was_away_asks_every_node(pair: Any) -> None:
    """Wills published while it was disconnected reached nobody."""
    pair.connect()
    pair.host.will(START + 90_000)
    state, request = pair.host.connected(START + 90_001)
    assert state.topic == STATE
    assert request.topic == "spBv1.0/taihe/NCMD/gw-1"


def test_an_undeclared_metric_is_asked_about_once(pair: Any) -> None:
    """A node whose births never explain a metric must not be reborn every ten seconds for ever; its other data counts."""
    pair.connect()
    requests = 0
    for i in range(5):
        metrics = (
            Metric(name="level", type=DataType.DOUBLE, value=float(i)),
            Metric(name="odd", type=DataType.DOUBLE, value=1.0),
        )
        payload = codec.encode(Payload(time=START + i, seq=2 + i, metrics=metrics))
        messages, events = pair.host.received("spBv1.0/taihe/DDATA/gw-1/well-01", payload, START + i * 60_000)
        requests += len(messages)
        assert [type(e) for e in events] == [ScanReceived, Complaint]
    assert requests == 1
