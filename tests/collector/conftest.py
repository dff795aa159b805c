"""A real broker, an edge node made of the real edge session and transport, and histories to collect into."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from bench.influxd import Influxd, free_port
from bench.mosquitto import Mosquitto
from lampwell.assets import Broker
from lampwell.points import Kind, Point, Value
from lampwell.readings import Layout, NodeId, Scan
from lampwell.sparkplug.edge import EdgeSession
from lampwell.sparkplug.messages import EdgeEvent, Message, Stored, Subscription
from lampwell.sparkplug.transport import MqttTransport

from .killed_child import county_of

__all__ = ["county_of"]

NODE = NodeId("oldtown", "edge-1")
NODE_LAYOUT = Layout(NODE, "", (Point(path="backlog", kind=Kind.INT),))
POINTS = (Point(path="level", unit="m"), Point(path="pump1/run", kind=Kind.BOOL), Point(path="pump1/i_a", unit="A"))
WELL = Layout(NODE, "well-01", POINTS)
T0 = 1_780_000_200_000


def row(segment: int, number: int) -> int:
    """A journal offset."""
    return segment << 32 | number


def a_scan(number: int, *, segment: int = 1, where: Layout = WELL, historical: bool = False, time: int | None = None) -> Scan:
    """The scan that stands at this row of the journal."""
    values: tuple[Value, ...] = (number / 4, number % 2 == 0, number * 0.5)
    at = T0 + number * 1000 if time is None else time
    return Scan(where, at, (0, 1, 2), values, (0, 0, 0), row(segment, number), "journal-1", historical)


@pytest.fixture(scope="module")
def influxd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influxd]:
    server = Influxd(tmp_path_factory.mktemp("influxd"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    server = Mosquitto(tmp_path_factory.mktemp("mosquitto"), free_port())
    server.start()
    yield server.broker
    server.kill()


@dataclass
class Edge:
    """An edge node on the broker: the session of a gateway without the polling. ``stored`` is what it was acknowledged."""

    broker: Broker
    host_id: str = "lampwell"
    journal: str = "journal-1"
    layouts: Sequence[Layout] = (WELL,)
    journal_first: int = 0
    stored: list[Stored] = field(default_factory=list)
    events: list[EdgeEvent] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.session = EdgeSession(NODE_LAYOUT, bd_seq=-1, journal=self.journal, host_id=self.host_id)
        self.transport = MqttTransport(self.broker, f"edge-{id(self)}", self, jitter=lambda: 0.1)

    def will(self) -> Message:
        return self.session.will(T0)

    def subscriptions(self) -> tuple[Subscription, ...]:
        return self.session.subscriptions()

    def on_connected(self) -> None:
        now = T0
        self._publish(self.session.connected(now, journal_first=self.journal_first, acknowledged={}))
        for layout in self.layouts:
            self._publish(self.session.device_born(layout, Scan(layout, now, (), (), ())))

    def on_disconnected(self, reason: str) -> None:
        self.session.disconnected()

    def on_message(self, topic: str, payload: bytes) -> None:
        messages, events = self.session.received(topic, payload, T0)
        self._publish(messages)
        self.events += events
        self.stored += [event for event in events if isinstance(event, Stored)]

    def farewell(self) -> list[Message]:
        return self.session.leave(T0)

    def send(self, *scans: Scan) -> None:
        for scan in scans:
            message = self.session.scan(scan)
            assert message is not None, "not born"
            assert self.transport.publish(message)

    def acknowledged(self) -> dict[int, int]:
        """The newest acknowledgement of each segment, as row numbers."""
        return {event.offset >> 32: event.offset & 0xFFFFFFFF for event in self.stored if event.journal == self.journal}

    def _publish(self, messages: Sequence[Message]) -> None:
        for message in messages:
            self.transport.publish(message)


@asynccontextmanager
async def running(edge: Edge) -> AsyncIterator[Edge]:
    task = asyncio.create_task(edge.transport.run())
    try:
        await eventually(lambda: edge.session.is_born)
        yield edge
    finally:
        await edge.transport.stop()
        await task


async def eventually(condition: Callable[[], object], seconds: float = 20) -> None:
    """Wait for something another process or task does; generous, for slow machines."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"still not so after {seconds} s"
        await asyncio.sleep(0.02)
