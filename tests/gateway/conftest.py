"""A field, a broker and a host for the gateway's tests: all real sockets, all small."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bench.mosquitto import Mosquitto
from lampwell.assets import Area, Broker, County, Device, DeviceKind, EdgeNode, HistorySettings, Intervals, Link, Transport
from lampwell.clock import SystemClock
from lampwell.points import Deadband, Point
from lampwell.profiles.model import Encoding, Profile, Register, Space, Window, WireType
from lampwell.readings import NodeId, Scan
from lampwell.sparkplug.host import HostSession
from lampwell.sparkplug.messages import DeviceBorn, DeviceDied, HostEvent, Message, NodeBorn, ScanReceived, Subscription
from lampwell.sparkplug.transport import MqttTransport

NODE = NodeId("old-town", "edge-1")
SECONDS = 20.0


async def eventually(condition: Callable[[], object], seconds: float = SECONDS) -> None:
    """Wait for something to become true; generous, for slow machines."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "did not happen in time"
        await asyncio.sleep(0.01)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@dataclass
class Units:
    """A Modbus TCP server: register ``a`` of unit ``u`` is ``word(u, a)``; units in ``dead`` do not answer."""

    word: Callable[[int, int], int]
    dead: set[int] = field(default_factory=set)
    refused: set[int] = field(default_factory=set)
    port: int = 0
    server: asyncio.Server | None = None
    writers: set[asyncio.StreamWriter] = field(default_factory=set)

    async def start(self) -> None:
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self.server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self.server is not None
        self.server.close()
        for writer in self.writers:
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.add(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                number, _, length, unit = struct.unpack(">HHHB", await reader.readexactly(7))
                function, address, count = struct.unpack(">BHH", await reader.readexactly(length - 1))
                if unit in self.dead:
                    continue
                words = [self.word(unit, a) & 0xFFFF for a in range(address, address + count)]
                body = struct.pack(f">BBB{count}H", unit, function, 2 * count, *words)
                if unit in self.refused:
                    body = struct.pack(">BBB", unit, function | 0x80, 2)
                writer.write(struct.pack(">HHH", number, 0, len(body)) + body)
        self.writers.discard(writer)
        writer.close()


@dataclass
class Host:
    """A collector in small: takes everything, keeps every scan in memory, acknowledges what is contiguous while ``storing``."""

    broker: Broker
    storing: bool = True
    scans: list[Scan] = field(default_factory=list)
    events: list[HostEvent] = field(default_factory=list)
    offsets: dict[tuple[str, int], set[int]] = field(default_factory=dict)
    floors: dict[tuple[str, int], int] = field(default_factory=dict)
    nodes: dict[str, NodeId] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.session = HostSession("lampwell")
        self.transport = MqttTransport(self.broker, "host", self, jitter=lambda: 0.1)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Host]:
        tasks = [asyncio.create_task(self.transport.run()), asyncio.create_task(self._acknowledge())]
        try:
            yield self
        finally:
            await self.transport.stop()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def will(self) -> Message:
        return self.session.will(now_ms())

    def subscriptions(self) -> tuple[Subscription, ...]:
        return self.session.subscriptions()

    def on_connected(self) -> None:
        self._send(self.session.connected(now_ms()))

    def on_disconnected(self, reason: str) -> None: ...

    def on_message(self, topic: str, payload: bytes) -> None:
        messages, events = self.session.received(topic, payload, now_ms())
        self._send(messages)
        for event in events:
            self._note(event)

    def farewell(self) -> Iterable[Message]:
        return self.session.leave(now_ms())

    def of(self, device: str) -> list[Scan]:
        """The scans of a device in the order of their offsets, each once."""
        found = {(s.journal, s.offset): s for s in self.scans if s.layout.device == device and s.index}
        return [found[key] for key in sorted(found, key=str)]

    def _note(self, event: HostEvent) -> None:
        self.events.append(event)
        if isinstance(event, ScanReceived) and event.scan.journal and event.scan.offset is not None:
            scan = event.scan
            assert scan.journal is not None
            assert scan.offset is not None
            if self.storing:
                self.scans.append(scan)
                self.nodes[scan.journal] = scan.layout.node
                self.offsets.setdefault((scan.journal, scan.offset >> 32), set()).add(scan.offset & 0xFFFFFFFF)

    async def _acknowledge(self) -> None:
        while True:
            await asyncio.sleep(0.1)
            for (journal, segment), rows in list(self.offsets.items()):
                floor = before = self.floors.get((journal, segment), 0)
                while floor + 1 in rows:
                    floor += 1
                if floor > before and self.storing:
                    self.floors[journal, segment] = floor
                    self._send([self.session.stored(self.nodes[journal], journal, segment << 32 | floor, now_ms())])
            self._send(self.session.tick(now_ms()))

    def _send(self, messages: Iterable[Message]) -> None:
        for message in messages:
            self.transport.publish(message)

    def births(self, device: str) -> int:
        kinds = [e.layout.device for e in self.events if isinstance(e, NodeBorn | DeviceBorn)]
        return kinds.count(device)

    def deaths(self, device: str) -> int:
        return sum(1 for e in self.events if isinstance(e, DeviceDied) and e.device == device)


def now_ms() -> int:
    return SystemClock().now()


def make_profile(count: int, deadband: Deadband, prefix: str = "p") -> Profile:
    """Registers 0.. as float points p0, p1, … with one digit after the point."""
    registers = tuple(
        Register(
            point=Point(path=f"{prefix}{a}", deadband=deadband),
            space=Space.HOLDING,
            address=a,
            encoding=Encoding(type=WireType.U16, scale=0.1, sentinels=(65535,)),
        )
        for a in range(count)
    )
    window = Window(space=Space.HOLDING, first=0, last=count - 1)
    return Profile(id="test", zh="", en="", source="made for the tests", registers=registers, windows=(window,))


def make_county(
    folder: Path,
    *,
    broker: int,
    field: int,
    units: int = 3,
    points: int = 4,
    interval_s: float = 0.1,
    prefix: str = "p",
    deadband: Deadband | None = None,
    timeout_s: float = 0.15,
) -> County:
    """A county of one edge node, one link and ``units`` meters."""
    profile = make_profile(points, deadband or Deadband(), prefix)
    intervals = Intervals(dry_s=interval_s, watch_s=interval_s, storm_s=interval_s)
    return County(
        id="test",
        zh="",
        en="",
        latitude=26.8,
        longitude=114.9,
        time_zone="Asia/Shanghai",
        folder=folder,
        broker=Broker(host="127.0.0.1", port=broker, keepalive_s=5),
        history=HistorySettings(),
        areas=(Area(id=NODE.group, zh="", en=""),),
        roads=(),
        edges=(EdgeNode(id=NODE.edge, area=NODE.group),),
        links=(Link(id="link-1", edge=NODE.edge, transport=Transport.TCP, host="127.0.0.1", port=field, timeout_s=timeout_s),),
        devices=tuple(
            Device(
                id=f"meter-{u}",
                kind=DeviceKind.METER,
                profile=profile,
                link="link-1",
                unit=u,
                area=NODE.group,
                intervals=intervals,
            )
            for u in range(1, units + 1)
        ),
    )


@pytest.fixture
def mosquitto(tmp_path: Path) -> Iterator[Mosquitto]:
    broker = Mosquitto(tmp_path, free_port())
    broker.start()
    yield broker
    broker.kill()


@pytest.fixture
async def units() -> AsyncIterator[Units]:
    """Every register moves with every read, so that no two scans are alike."""
    reads = iter(range(1 << 40))
    served = Units(lambda unit, a: (next(reads) + 31 * unit + a) % 50_000)
    await served.start()
    yield served
    await served.stop()


@pytest.fixture
async def host(mosquitto: Mosquitto) -> AsyncIterator[Host]:
    async with Host(Broker(host="127.0.0.1", port=mosquitto.port, keepalive_s=5)).running() as running:
        yield running
