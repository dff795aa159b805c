"""A link in virtual time whose units do as told, and devices to poll on it."""

import asyncio
import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from gateway.backoff import UnitState
from gateway.bus import Bus
from gateway.modbus.port import Block, LinkCounters
from gateway.plan import DevicePlan, plan_device
from gateway.rounds import Answers
from lampwell.assets import Device, DeviceKind, Intervals, Link, Transport
from lampwell.clock import VirtualClock
from lampwell.errors import DeviceRefused, LinkDown, NoAnswer
from lampwell.points import Kind, Point, PollClass
from lampwell.profiles.model import Encoding, Profile, Register, Space, Window, WireType


@dataclass
class FieldLink:
    """A ModbusLink in virtual time. ``read_events``: (time, unit, block) of every request; ``busy``: requests now in flight."""

    clock: VirtualClock
    answer_s: float = 0.005
    dead: set[int] = field(default_factory=set)
    silent_blocks: set[tuple[int, int]] = field(default_factory=set)  # (unit, address)
    refused: dict[tuple[int, int], int] = field(default_factory=dict)  # (unit, address) -> code
    slow_s: dict[int, float] = field(default_factory=dict)
    up: bool = True
    drops_on: set[int] = field(default_factory=set)
    hangs_up: bool = False  # accepts and closes at once
    closes_idle: bool = False  # closes after every answer
    blocks_line: bool = False  # a silent unit holds up everyone for a second, as behind a converter
    read_events: list[tuple[float, int, Block]] = field(default_factory=list)
    writes: list[tuple[float, int, int]] = field(default_factory=list)
    timeouts: list[tuple[int, float]] = field(default_factory=list)
    connects: list[float] = field(default_factory=list)
    counters: LinkCounters = field(default_factory=LinkCounters)
    connected: bool = False
    busy: int = 0
    most_busy: int = 0
    _held_until: float = 0.0

    async def connect(self) -> None:
        self.connects.append(self.clock.monotonic())
        if not self.up:
            raise LinkDown("connect: refused")
        self.connected = True
        if self.hangs_up:
            asyncio.get_running_loop().call_soon(self._gone)

    def _gone(self) -> None:
        self.connected = False

    async def close(self) -> None:
        self.connected = False

    async def read(self, unit: int, block: Block, timeout_s: float | None = None) -> bytes:
        now = self.clock.monotonic()
        timeout_s = timeout_s or 1.0
        self.read_events.append((now, unit, block))
        self.timeouts.append((unit, timeout_s))
        self.busy += 1
        self.most_busy = max(self.most_busy, self.busy)
        try:
            return await self._read(unit, block, timeout_s, now)
        finally:
            self.busy -= 1

    async def _read(self, unit: int, block: Block, timeout_s: float, now: float) -> bytes:
        if not self.up or not self.connected or self.hangs_up or unit in self.drops_on:
            self.connected = False
            raise LinkDown("connection lost")
        held_s = max(0.0, self._held_until - now) if self.blocks_line else 0.0
        is_silent = unit in self.dead or (unit, block.address) in self.silent_blocks
        if is_silent:
            self._held_until = now + held_s + 1.0
        answer_s = held_s + self.slow_s.get(unit, self.answer_s)
        if is_silent or answer_s > timeout_s:
            await self.clock.sleep(timeout_s)
            if not is_silent:
                self.counters.late_s[unit] = answer_s
            raise NoAnswer(f"read {block} of unit {unit}: no answer")
        await self.clock.sleep(answer_s)
        self.connected = self.connected and not self.closes_idle
        if code := self.refused.get((unit, block.address)):
            raise DeviceRefused("exception", code)
        return bytes(2 * block.count)

    async def write_registers(self, unit: int, address: int, words: Sequence[int]) -> None:
        self.writes.append((self.clock.monotonic(), unit, address))
        await self.clock.sleep(self.answer_s)
        if unit in self.dead:
            raise NoAnswer("write: no answer")

    async def write_coils(self, unit: int, address: int, bits: Sequence[bool]) -> None:
        await self.write_registers(unit, address, bits)


def register(path: str, address: int, *, poll: PollClass = PollClass.FAST, space: Space = Space.HOLDING) -> Register:
    """A plain whole-number register."""
    return Register(
        point=Point(path=path, kind=Kind.INT, poll=poll), space=space, address=address, encoding=Encoding(type=WireType.U16)
    )


def device(number: int, registers: Sequence[Register], *, dry_s: float = 1.0, slow_s: float = 60.0) -> Device:
    """A device at that unit with 40 registers a window."""
    windows = tuple(Window(space=Space.HOLDING, first=first, last=first + 39) for first in range(0, 400, 40))
    profile = Profile(id="test", zh="", en="", source="test", registers=tuple(registers), windows=windows)
    intervals = Intervals(dry_s=dry_s, watch_s=dry_s / 2, storm_s=dry_s / 10, slow_s=slow_s)
    return Device(
        id=f"unit-{number}", kind=DeviceKind.METER, profile=profile, link="link", unit=number, area="a", intervals=intervals
    )


@dataclass
class Rig:
    """A bus over a field link, with everything it said."""

    clock: VirtualClock
    field: FieldLink
    bus: Bus
    answers: list[tuple[float, str, int, Answers]]
    states: list[tuple[float, str, UnitState]]
    task: asyncio.Task[None] | None = None

    async def run(self, seconds: float) -> None:
        """Let that much virtual time pass."""
        if self.task is None:
            self.task = asyncio.create_task(self.bus.run())
        await self.clock.advance(seconds)

    def rounds(self, name: str) -> list[float]:
        """When this device brought something."""
        return [at for at, who, _, _ in self.answers if who == name]

    def requests(self, unit: int) -> list[float]:
        """When this unit was asked."""
        return [at for at, who, _ in self.field.read_events if who == unit]

    def worst_gap(self, name: str, until: float) -> float:
        """The longest time without news of a device."""
        return max(b - a for a, b in itertools.pairwise([0.0, *self.rounds(name), until]))


RigMaker = Callable[..., Rig]


@pytest.fixture
async def rig() -> Any:
    """Make a rig: plans in, running bus out; stopped at the end of the test."""
    made: list[Rig] = []

    def make(devices: Sequence[Device], *, on_answers: Any = None, **options: Any) -> Rig:
        clock = VirtualClock()
        link_options = {k: options.pop(k) for k in ("transport", "in_flight", "timeout_s") if k in options}
        link = Link(id="link", edge="edge", host="field", port=502, **{"transport": Transport.TCP, **link_options})
        field_link = FieldLink(clock, **options)
        answers: list[tuple[float, str, int, Answers]] = []
        states: list[tuple[float, str, UnitState]] = []
        plans: list[DevicePlan] = [plan_device(d) for d in devices]
        bus = Bus(
            link,
            field_link,
            plans,
            clock=clock,
            on_answers=on_answers or (lambda who, ms, what: answers.append((clock.monotonic(), who, ms, what))),
            on_state=lambda who, state: states.append((clock.monotonic(), who, state)),
            rng=lambda: 0.5,
            ticks=clock.monotonic,
        )
        made.append(Rig(clock, field_link, bus, answers, states))
        return made[-1]

    yield make
    for one in made:
        if one.task is not None:
            one.task.cancel()
            await asyncio.gather(one.task, return_exceptions=True)
