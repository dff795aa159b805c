"""A part of the demo county for real: virtual cabinets on TCP, a mosquitto, a gateway, and a host that gives it orders."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from bench.faults_rig import free_ports
from bench.mosquitto import Mosquitto
from gateway.app import Gateway
from lampwell.assets import Broker, County
from lampwell.clock import Clock, SystemClock
from lampwell.county import load
from lampwell.lighting import Plan
from lampwell.lighting.assign import only_cabinets
from lampwell.lighting.files import build_plan, load_lighting
from lampwell.lighting.wire import ORDER, OUTCOME, Do, Order, Outcome, State, read_outcome, write
from lampwell.readings import NodeId, Scan
from lampwell.sparkplug.host import HostSession
from lampwell.sparkplug.messages import Message, NodeBorn, ScanReceived, Subscription
from lampwell.sparkplug.transport import MqttTransport
from simulators.app import Simulation

FOLDER = Path(__file__).parents[1] / "counties" / "taihe"
EDGE = "edge-oldtown"
DEVICES = ("cabinet-01", "cabinet-03", "concentrator-1")


@dataclass
class Desk:
    """Gives orders to one edge node and hears what becomes of them, and when (monotonic s)."""

    broker: Broker
    node: NodeId
    clock: Clock
    outcomes: dict[str, list[tuple[float, Outcome]]] = field(default_factory=dict)
    values: dict[str, object] = field(default_factory=dict)
    born: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.session = HostSession("lampwell")
        self.transport = MqttTransport(self.broker, "desk", self, jitter=lambda: 0.1)
        self._ids = (f"o{n}-{time.time_ns()}" for n in itertools.count())
        self._news = asyncio.Event()

    def order(self, do: Do, *, lasts_s: int = 60) -> str:
        """Give an order; its id."""
        now = self.clock.now()
        made = Order(id=next(self._ids), who="bench", issued=now, expires=now + lasts_s * 1000, do=do)
        self.outcomes[made.id] = []
        self.transport.publish(self.session.command(self.node, "", {ORDER: write(made)}, now))
        return made.id

    async def told(self, order: str, *states: State, within_s: float = 30.0) -> tuple[float, Outcome]:
        """When and how one of these states was told; TimeoutError."""
        async with asyncio.timeout(within_s):
            while True:
                for at, outcome in self.outcomes[order]:
                    if outcome.state in states:
                        return at, outcome
                self._news.clear()
                await self._news.wait()

    # -- Owner of the transport --------------------------------------------------------------------------------------------

    def will(self) -> Message:
        return self.session.will(self.clock.now())

    def subscriptions(self) -> tuple[Subscription, ...]:
        return self.session.subscriptions()

    def on_connected(self) -> None:
        self._send(self.session.connected(self.clock.now()))

    def on_disconnected(self, reason: str) -> None:
        """The transport has logged it."""

    def farewell(self) -> Iterable[Message]:
        return self.session.leave(self.clock.now())

    def on_message(self, topic: str, payload: bytes) -> None:
        messages, events = self.session.received(topic, payload, self.clock.now())
        self._send(messages)
        for event in events:
            if isinstance(event, NodeBorn):
                self._take(event.birth)
                self.born.set()
            elif isinstance(event, ScanReceived) and not event.scan.layout.device:
                self._take(event.scan)

    def _take(self, scan: Scan) -> None:
        for index, value in zip(scan.index, scan.values, strict=True):
            path = scan.layout.points[index].path
            if not scan.historical:
                self.values[path] = value
            if path == OUTCOME and isinstance(value, str):
                outcome = read_outcome(value)
                self.outcomes.setdefault(outcome.id, []).append((time.monotonic(), outcome))
        self._news.set()

    def _send(self, messages: Iterable[Message]) -> None:
        for message in messages:
            self.transport.publish(message)


@dataclass
class Rig:
    """What runs."""

    county: County
    plan: Plan
    desk: Desk
    gateway: Gateway
    simulation: Simulation
    mosquitto: Mosquitto


def small_county(broker: int, ports: Iterable[int]) -> County:
    """Two cabinets and the concentrator of the demo county, on these ports."""
    whole = load(FOLDER)
    devices = tuple(one for one in whole.devices if one.id in DEVICES)
    names = {one.link for one in devices}
    links = tuple(replace(one, port=port) for one, port in zip((x for x in whole.links if x.id in names), ports, strict=False))
    cabinets = {one.id for one in devices}
    lamps = tuple(lamp for lamp in whole.lamps if lamp.cabinet in cabinets)
    at = Broker(host="127.0.0.1", port=broker, keepalive_s=5)
    return replace(whole, broker=at, links=links, devices=devices, lamps=lamps)


@asynccontextmanager
async def running(folder: Path, clock: Clock | None = None) -> AsyncIterator[Rig]:
    """Everything at work until the block ends; ``clock`` is that of field and gateway."""
    clock = clock or SystemClock()
    at_broker, *ports = free_ports(4)
    county = small_county(at_broker, ports)
    plan = only_cabinets(build_plan(load(FOLDER), load_lighting(FOLDER, load(FOLDER))), [one for one in DEVICES if "cab" in one])
    async with AsyncExitStack() as stack:
        mosquitto = Mosquitto(folder, at_broker)
        mosquitto.start()
        stack.callback(mosquitto.kill)
        simulation = Simulation(county, clock=clock, data_dir=folder / "field")
        (folder / "field").mkdir()
        await _until_stopped(stack, simulation)
        await asyncio.wait_for(simulation.ready(), 60)
        gateway = Gateway(county, EDGE, clock=clock, data_dir=folder / "gateway")
        (folder / "gateway").mkdir()
        await _until_stopped(stack, gateway)
        desk = Desk(county.broker, next(one.node for one in county.edges if one.id == EDGE), clock)
        task = asyncio.create_task(desk.transport.run())
        stack.push_async_callback(_gone, task)
        stack.push_async_callback(desk.transport.stop)
        await asyncio.wait_for(desk.born.wait(), 30)
        yield Rig(county, plan, desk, gateway, simulation, mosquitto)


async def _until_stopped(stack: AsyncExitStack, service: Simulation | Gateway) -> None:
    task = asyncio.create_task(service.run())
    stack.push_async_callback(_gone, task)
    stack.push_async_callback(service.stop)


async def _gone(task: asyncio.Task[None]) -> None:
    await asyncio.gather(task, return_exceptions=True)
