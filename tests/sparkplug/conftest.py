"""Shared parts of the Sparkplug tests: a real mosquitto, and a recorder that stands in for a gateway or a collector."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.mosquitto import Mosquitto
from lampwell.assets import Broker
from lampwell.points import Kind, Point
from lampwell.readings import Layout, NodeId, Scan
from lampwell.sparkplug import codec, connection
from lampwell.sparkplug.codec import Metric, Payload
from lampwell.sparkplug.datatypes import DataType
from lampwell.sparkplug.edge import EdgeSession
from lampwell.sparkplug.host import HostSession
from lampwell.sparkplug.messages import HostEvent, Message, RebirthAsked, Subscription
from lampwell.sparkplug.transport import MqttTransport


@dataclass
class Recorder:
    """An Owner that writes down what it is told."""

    wills: list[Message]
    topics: tuple[Subscription, ...] = (Subscription("spBv1.0/#", 1),)
    goodbye: tuple[Message, ...] = ()
    births: Callable[[], None] = lambda: None
    seen: list[tuple[str, bytes]] = field(default_factory=list)
    ups: int = 0
    downs: list[str] = field(default_factory=list)
    _wills_given: int = 0

    def will(self) -> Message:
        self._wills_given += 1
        return self.wills[min(self._wills_given, len(self.wills)) - 1]

    def subscriptions(self) -> tuple[Subscription, ...]:
        return self.topics

    def on_connected(self) -> None:
        self.ups += 1
        self.births()

    def on_disconnected(self, reason: str) -> None:
        self.downs.append(reason)

    def on_message(self, topic: str, payload: bytes) -> None:
        self.seen.append((topic, payload))

    def farewell(self) -> Iterable[Message]:
        return self.goodbye


async def eventually(condition: Callable[[], object], seconds: float = 15.0) -> None:
    """Wait for something to become true; generous, for slow machines."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        await asyncio.sleep(0.01)


@pytest.fixture
def until() -> Callable[..., object]:
    return eventually


@pytest.fixture
def recorder() -> type[Recorder]:
    return Recorder


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def new_mosquitto(tmp_path: Path) -> Iterator[Callable[[str], Mosquitto]]:
    """Makes brokers with their own configuration lines."""
    made: list[Mosquitto] = []

    def make(extra: str = "allow_anonymous true\n") -> Mosquitto:
        folder = tmp_path / f"broker-{len(made)}"
        folder.mkdir()
        made.append(Mosquitto(folder, free_port(), extra))
        made[-1].start()
        return made[-1]

    yield make
    for broker in made:
        broker.kill()


@pytest.fixture
def mosquitto(new_mosquitto: Callable[[], Mosquitto]) -> Mosquitto:
    return new_mosquitto()


@pytest.fixture
def unused_tcp_port() -> int:
    return free_port()


@dataclass
class RawBroker:
    """Speaks as much MQTT as a test scripts: ``answers`` maps a packet type to the bytes to answer (None: close)."""

    answers: dict[int, bytes | None]
    connects: list[bytes] = field(default_factory=list)
    open: int = 0
    broker: Broker = field(default_factory=lambda: Broker(host="127.0.0.1", port=0, keepalive_s=5))
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        self.writers.append(writer)
        try:
            while header := await reader.read(1):
                length = (await reader.readexactly(1))[0]
                if length & 128:
                    length = (length & 127) | (await reader.readexactly(1))[0] << 7
                body = await reader.readexactly(length)
                kind = header[0] >> 4
                if kind == 1:
                    self.connects.append(body)
                answer = self.answers.get(kind, None if kind == 14 else b"")
                if answer is None:
                    break
                writer.write(answer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.open -= 1
            writer.close()


@asynccontextmanager
async def scripted_broker(answers: dict[int, bytes | None]) -> AsyncIterator[RawBroker]:
    raw = RawBroker(answers)
    server = await asyncio.start_server(raw.serve, "127.0.0.1", 0)
    raw.broker = replace(raw.broker, port=server.sockets[0].getsockname()[1])
    try:
        yield raw
    finally:
        server.close()
        for writer in raw.writers:
            writer.close()


@asynccontextmanager
async def at_work(broker: Broker, owner: Recorder, name: str = "edge", password: str = "") -> AsyncIterator[MqttTransport]:
    """A transport at work; at the end it is stopped properly."""
    link = MqttTransport(broker, name, owner, jitter=lambda: 0.1, password=password)
    task = asyncio.create_task(link.run())
    try:
        yield link
    finally:
        await asyncio.wait_for(link.stop(), 20)
        await asyncio.wait_for(task, 20)


def will(text: bytes = b"gone", retain: bool = False) -> Message:
    return Message("w/will", text, qos=1, retain=retain)


@pytest.fixture
def net() -> SimpleNamespace:
    """What every test of the transport needs."""
    return SimpleNamespace(
        recorder=Recorder,
        until=eventually,
        running=at_work,
        raw_broker=scripted_broker,
        will=will,
        connack=b"\x20\x02\x00\x00",
        suback=b"\x90\x03\x00\x01\x01",
    )


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answers are awaited for a fifth of a second, as on a very good line."""
    monkeypatch.setattr(connection, "ANSWER_S", 0.2)
    monkeypatch.setattr(connection, "FAREWELL_S", 0.2)


# -- sessions without a network ------------------------------------------------------------------------------------


NODE = NodeId("taihe", "gw-1")
NODE_LAYOUT = Layout(NODE, "", (Point(path="cycle_s", unit="s"), Point(path="backlog", kind=Kind.INT)))
CABINET = Layout(NODE, "cabinet-01", (Point(path="loop1/i_a", unit="A"), Point(path="door", kind=Kind.BOOL)))
WELL = Layout(NODE, "well-01", (Point(path="level", unit="m"),))
START = 1_780_000_000_000


@dataclass
class Life:
    """Two connections of one edge session: everything it sent, in order, with the decoded payloads beside it."""

    sent: list[tuple[Message, Payload]] = field(default_factory=list)
    wills: list[tuple[Message, Payload]] = field(default_factory=list)
    sessions: list[list[tuple[Message, Payload]]] = field(default_factory=list)
    rebirth: list[tuple[Message, Payload]] = field(default_factory=list)
    farewell: list[tuple[Message, Payload]] = field(default_factory=list)

    def of(self, *verbs: str) -> list[tuple[Message, Payload]]:
        return [(m, p) for m, p in self.sent if m.topic.split("/")[2] in verbs]


def decoded(messages: list[Message]) -> list[tuple[Message, Payload]]:
    return [(m, codec.decode(m.payload)) for m in messages]


def scan(layout: Layout, time: int, *values: object, offset: int | None = None, historical: bool = False) -> Scan:
    n = len(values)
    return Scan(layout, time, tuple(range(n)), values, (0,) * n, offset, "j-1", historical)  # type: ignore[arg-type]


def present(found: list[Message | None]) -> list[Message]:
    return [m for m in found if m is not None]


def rebirth_request(value: bool = True) -> bytes:
    metric = Metric(name="Node Control/Rebirth", time=START, type=DataType.BOOLEAN, value=value)
    return codec.encode(Payload(time=START, metrics=(metric,)))


def one_connection(edge: EdgeSession, life: Life, now: int) -> None:
    life.wills += decoded([edge.will(now)])
    sent = edge.connected(now, journal_first=1, acknowledged={1: (1 << 32) + 3})
    data = [edge.scan(scan(CABINET, now + i, 1.5 + i, True, offset=(1 << 32) + 4 + i)) for i in range(600)]
    sent += present(data)
    sent += present([edge.scan(scan(NODE_LAYOUT, now + 700, 0.8, -3)), edge.journal_first((1 << 32) + 2, now + 701)])
    sent += present([edge.scan(scan(WELL, now - 90_000, 0.25, offset=(1 << 32) + 1, historical=True))])
    sent += edge.device_died("well-01", now + 800)
    sent += edge.device_born(WELL, scan(WELL, now + 900, None))
    rebirth, events = edge.received("spBv1.0/taihe/NCMD/gw-1", rebirth_request(), now + 950)
    assert RebirthAsked() in events
    life.rebirth += decoded(rebirth)
    sent += rebirth
    sent += present([edge.scan(scan(CABINET, now + 960, 3.5, False))])
    life.sessions.append(decoded(sent))
    farewell = edge.leave(now + 999)
    life.farewell += decoded(farewell)
    life.sent += decoded(sent + farewell)


@pytest.fixture(scope="module")
def life() -> Life:
    edge = EdgeSession(NODE_LAYOUT, bd_seq=-1, journal="j-1", host_id="lampwell")
    assert edge.device_born(CABINET, scan(CABINET, START, 1.0, False)) == []
    assert edge.device_born(WELL, scan(WELL, START, 0.2)) == []
    life = Life()
    one_connection(edge, life, START)
    one_connection(edge, life, START + 60_000)
    return life


def level(time: int, value: float, **more: object) -> Scan:
    return Scan(WELL, time, (0,), (value,), (0,), **more)  # type: ignore[arg-type]


class Pair:
    """An edge and a host with nothing between them but this test."""

    def __init__(self) -> None:
        self.host = HostSession("lampwell", reorder_ms=2_000, rebirth_pause_ms=10_000)
        self.edge = EdgeSession(Layout(NODE, "", ()), bd_seq=-1, journal="j-1", host_id="lampwell")
        self.host.will(START)
        self.host.connected(START)
        self.edge.device_born(WELL, level(START, 0.1))
        self.will = self.edge.will(START)

    def connect(self, now: int = START) -> list[HostEvent]:
        return self.deliver(self.edge.connected(now, journal_first=7, acknowledged={}), now)

    def deliver(self, messages: list[Message], now: int) -> list[HostEvent]:
        return [event for m in messages for event in self.host.received(m.topic, m.payload, now)[1]]

    def data(self, time: int, value: float) -> Message:
        message = self.edge.scan(level(time, value))
        assert message is not None
        return message


@pytest.fixture
def pair() -> Pair:
    return Pair()
