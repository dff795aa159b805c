"""Both sessions over a real broker: births, wills, rebirths, reconnections, and what was sent while the host was away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from lampwell.clock import SystemClock
from lampwell.points import Point
from lampwell.readings import Layout, NodeId, Scan
from lampwell.sparkplug import codec
from lampwell.sparkplug.edge import EdgeSession
from lampwell.sparkplug.host import HostSession
from lampwell.sparkplug.messages import (
    Command,
    DeviceBorn,
    DeviceDied,
    EdgeEvent,
    HostEvent,
    HostState,
    Message,
    NodeBorn,
    NodeDied,
    RebirthAsked,
    ScanReceived,
    Stored,
    Subscription,
)
from lampwell.sparkplug.transport import MqttTransport

NODE = NodeId("taihe", "gw-1")
WELL = Layout(NODE, "well-01", (Point(path="level", unit="m"),))
CLOCK = SystemClock()


class Edge:
    """The least of a gateway: an edge session on a transport."""

    def __init__(self, broker: Any) -> None:
        self.session = EdgeSession(Layout(NODE, "", ()), bd_seq=-1, journal="j-1", host_id="lampwell")
        self.session.device_born(WELL, Scan(WELL, CLOCK.now(), (), (), ()))
        self.link = MqttTransport(broker, "gw-1", self, jitter=lambda: 0.1)
        self.events: list[EdgeEvent] = []

    def will(self) -> Message:
        return self.session.will(CLOCK.now())

    def subscriptions(self) -> tuple[Subscription, ...]:
        return self.session.subscriptions()

    def on_connected(self) -> None:
        self.send(self.session.connected(CLOCK.now(), journal_first=1, acknowledged={}))

    def on_disconnected(self, reason: str) -> None:
        self.session.disconnected()

    def on_message(self, topic: str, payload: bytes) -> None:
        messages, events = self.session.received(topic, payload, CLOCK.now())
        self.send(messages)
        self.events += events

    def farewell(self) -> Iterable[Message]:
        return self.session.leave(CLOCK.now())

    def send(self, messages: Iterable[Message]) -> None:
        for message in messages:
            self.link.publish(message)

    def level(self, value: float) -> None:
        message = self.session.scan(Scan(WELL, CLOCK.now(), (0,), (value,), (0,)))
        self.send([message] if message else [])


class Host:
    """The least of a collector: a host session on a transport, ticking."""

    def __init__(self, broker: Any) -> None:
        self.session = HostSession("lampwell", reorder_ms=300, rebirth_pause_ms=300)
        self.link = MqttTransport(broker, "host", self, jitter=lambda: 0.1)
        self.events: list[HostEvent] = []

    def will(self) -> Message:
        return self.session.will(CLOCK.now())

    def subscriptions(self) -> tuple[Subscription, ...]:
        return self.session.subscriptions()

    def on_connected(self) -> None:
        self.send(self.session.connected(CLOCK.now()))

    def on_disconnected(self, reason: str) -> None:
        """Nothing to do: the next ``connected`` asks every node."""

    def on_message(self, topic: str, payload: bytes) -> None:
        messages, events = self.session.received(topic, payload, CLOCK.now())
        self.send(messages)
        self.events += events

    def farewell(self) -> Iterable[Message]:
        return self.session.leave(CLOCK.now())

    def send(self, messages: Iterable[Message]) -> None:
        for message in messages:
            self.link.publish(message)

    def of(self, kind: type) -> list[Any]:
        return [e for e in self.events if isinstance(e, kind)]

    async def ticking(self) -> None:
        while True:
            self.send(self.session.tick(CLOCK.now()))
            await asyncio.sleep(0.05)


@asynccontextmanager
async def at_work(owner: Edge | Host) -> AsyncIterator[asyncio.Task[None]]:
    """Running; stopped properly at the end unless it was cancelled before."""
    task = asyncio.create_task(owner.link.run())
    ticks = asyncio.create_task(owner.ticking()) if isinstance(owner, Host) else None
    try:
        yield task
    finally:
        if not task.done():
            await asyncio.wait_for(owner.link.stop(), 20)
        if ticks:
            ticks.cancel()


async def test_the_whole_life_of_an_edge(mosquitto: Any, until: Any) -> None:
    """Born, data, device death and rebirth, commands both ways, and a farewell that ends it with its own bdSeq."""
    host, edge = Host(mosquitto.broker), Edge(mosquitto.broker)
    async with at_work(host):
        await until(lambda: host.link.connected)
        async with at_work(edge):
            await until(lambda: host.of(DeviceBorn))
            await until(lambda: any(isinstance(e, HostState) and e.online for e in edge.events))
            for i in range(300):
                edge.level(i / 100)
            await until(lambda: len(host.of(ScanReceived)) == 300)
            assert [e.scan.values[0] for e in host.of(ScanReceived)] == [i / 100 for i in range(300)]
            edge.send(edge.session.device_died("well-01", CLOCK.now()))
            await until(lambda: host.of(DeviceDied))
            host.send([host.session.stored(NODE, "j-1", 7, CLOCK.now())])
            host.send([host.session.command(NODE, "well-01", {"level": 1.5}, CLOCK.now())])
            await until(lambda: any(isinstance(e, Command) for e in edge.events))
            assert Stored("j-1", 7) in edge.events
        await until(lambda: host.of(NodeDied))
    assert len(host.of(NodeBorn)) == 1


async def test_a_killed_edge_is_told_by_its_will(mosquitto: Any, until: Any) -> None:
    """And its next life, with the next bdSeq, is not taken down by that will."""
    host, edge = Host(mosquitto.broker), Edge(mosquitto.broker)
    async with at_work(host):
        await until(lambda: host.link.connected)
        async with at_work(edge) as task:
            await until(lambda: host.of(DeviceBorn))
            task.cancel()
            await until(lambda: host.of(NodeDied))
        async with at_work(Edge(mosquitto.broker)):
            await until(lambda: len(host.of(NodeBorn)) == 2)


async def test_a_late_host_asks_for_births_and_then_understands(mosquitto: Any, until: Any) -> None:
    """Data without a known birth leads to a rebirth request, the births, and the next scan."""
    edge = Edge(mosquitto.broker)
    async with at_work(edge):
        await until(lambda: edge.session.is_born)
        host = Host(mosquitto.broker)
        async with at_work(host):
            await until(lambda: host.link.connected)
            edge.level(0.1)
            await until(lambda: host.of(DeviceBorn))
            assert RebirthAsked() in edge.events
            edge.level(0.2)
            await until(lambda: host.of(ScanReceived))
            assert host.of(ScanReceived)[0].scan.values == (0.2,)


async def test_everyone_comes_back_after_a_broker_restart(mosquitto: Any, until: Any, recorder: Any) -> None:
    """New connections, new bdSeq in will and birth alike, births, data."""
    host, edge = Host(mosquitto.broker), Edge(mosquitto.broker)
    async with at_work(host), at_work(edge):
        await until(lambda: host.of(DeviceBorn))
        first = edge.session.bd_seq
        mosquitto.kill()
        await until(lambda: not edge.link.connected and not host.link.connected)
        edge.level(9.0)  # goes nowhere but into the next birth
        mosquitto.start()
        await until(lambda: len(host.of(NodeBorn)) >= 2 and edge.link.connected)
        assert edge.session.bd_seq > first
        await until(lambda: host.of(DeviceBorn)[-1].birth.values == (9.0,))
        edge.level(0.5)
        await until(lambda: host.of(ScanReceived))


async def test_state_is_retained_for_latecomers(mosquitto: Any, until: Any) -> None:
    """An edge that connects later hears whether its host is there: online, then offline by will when the host is killed."""
    host, edge = Host(mosquitto.broker), Edge(mosquitto.broker)
    async with at_work(host) as task:
        await until(lambda: host.link.connected)
        async with at_work(edge):
            await until(lambda: any(isinstance(e, HostState) and e.online for e in edge.events))
            task.cancel()
            await until(lambda: any(isinstance(e, HostState) and not e.online for e in edge.events))
        late = Edge(mosquitto.broker)
        async with at_work(late):
            await until(lambda: any(isinstance(e, HostState) and not e.online for e in late.events))


async def test_qos_and_retain_on_the_wire(mosquitto: Any, until: Any, recorder: Any) -> None:
    """As a bystander on a real broker sees them: only STATE is retained, and every seq follows the one before."""
    host, edge = Host(mosquitto.broker), Edge(mosquitto.broker)
    bystander = recorder([Message("watch", b"", qos=1)])
    link = MqttTransport(mosquitto.broker, "watch", bystander)
    task = asyncio.create_task(link.run())
    await until(lambda: bystander.ups)
    async with at_work(host):
        await until(lambda: host.link.connected)
        async with at_work(edge):
            await until(lambda: host.of(DeviceBorn))
            for i in range(20):
                edge.level(i)
            await until(lambda: len(host.of(ScanReceived)) == 20)
    await until(lambda: [t for t, _ in bystander.seen].count("spBv1.0/STATE/lampwell") == 2)
    seen = [(t, codec.decode(p)) for t, p in bystander.seen if "/gw-1" in t]
    assert [t.split("/")[2] for t, _ in seen] == ["NBIRTH", "DBIRTH", *["DDATA"] * 20, "NDEATH"]
    assert [p.seq for _, p in seen] == [*range(22), None]
    await link.stop()
    await task
    late = recorder([Message("watch", b"", qos=1)])
    link = MqttTransport(mosquitto.broker, "late", late)
    task = asyncio.create_task(link.run())
    await until(lambda: late.seen)
    assert [t for t, _ in late.seen] == ["spBv1.0/STATE/lampwell"]
    await link.stop()
    await task
