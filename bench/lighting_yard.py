"""The virtual cabinets of the demo county, spoken to without sockets so that nights pass quickly, and a gateway that lights."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from gateway.lighting.service import Lighting
from gateway.lighting.store import LightingStore
from lampwell.assets import County, DeviceKind
from lampwell.clock import VirtualClock
from lampwell.errors import NoAnswer
from lampwell.lighting.wire import Do, Order, Outcome, State, read_outcome, write
from lampwell.points import PollClass, Value
from lampwell.profiles.encoding import decoder
from lampwell.profiles.model import Space
from lampwell.profiles.wire_order import words_of
from simulators.cabinet import Air, Cabinet
from simulators.faults import set_fault, table
from simulators.meters import Concentrator
from simulators.weather import Sky, daylight_lux

ZONE = ZoneInfo("Asia/Shanghai")
EDGE = "edge-oldtown"
SLOW_S = 60.0


@dataclass
class WallClock(VirtualClock):
    """``wrong_ms``: how far the calendar of the gateway's machine is off."""

    wrong_ms: int = 0

    def now(self) -> int:
        return self.true + self.wrong_ms

    @property
    def true(self) -> int:
        return super().now()


@dataclass
class Yard:
    """Devices of the county at work. ``silent``: those that do not answer; ``unread``: points that no device tells; ``cloud``:
    share of daylight that gets through.
    """

    county: County
    clock: WallClock
    names: tuple[str, ...]
    silent: set[str] = field(default_factory=set)
    unread: set[str] = field(default_factory=set)
    cloud: float = 1.0
    writes: list[tuple[int, str, str, Value]] = field(default_factory=list)

    def __post_init__(self) -> None:
        place = self.county.latitude, self.county.longitude
        self.devices = {one.id: one for one in self.county.devices if one.id in self.names}
        self.sky = Sky(*place)
        self.cabinets: dict[str, Cabinet] = {}
        self.plants: dict[str, Cabinet | Concentrator] = {}
        for key, device in self.devices.items():
            if device.kind is DeviceKind.CABINET:
                lamps = [lamp for lamp in self.county.lamps if lamp.cabinet == key]
                self.cabinets[key] = Cabinet(device, lamps, place, self.clock.true, random.Random)
        self.plants |= self.cabinets
        for key, device in self.devices.items():
            if device.kind is DeviceKind.CONCENTRATOR:
                cabinet, count = str(device.parameters["cabinet"]), int(device.parameters["lamps"])
                lamps = [lamp for lamp in self.county.lamps if lamp.cabinet == cabinet][:count]
                self.plants[key] = Concentrator(device, self.cabinets[cabinet], tuple(lamps), timedelta(hours=8), self.clock.true)
        for each in self.cabinets.values():
            each.settle(self.clock.true, self.air())
        self.faults = table(fault for plant in self.plants.values() for fault in plant.faults())
        self._heard: dict[str, float] = {}
        self._values: dict[str, list[Value | None]] = {}

    def air(self) -> Air:
        local = datetime.fromtimestamp(self.clock.true / 1000, ZONE)
        lux = self.cloud * daylight_lux(self.sky.sun(self.clock.true), 0.0)
        return Air(hour=local.hour + local.minute / 60, celsius=20.0, lux=lux, rain=0.0, wet=0.0)

    async def run(self, step_s: float = 1.0, poll_s: float = 5.0) -> None:
        """Live, and be polled."""
        due, slow = 0.0, self.clock.monotonic() + SLOW_S
        while True:
            air = self.air()
            for cabinet in self.cabinets.values():
                cabinet.advance(step_s, self.clock.true, air)
            if self.clock.monotonic() >= due:
                due = self.clock.monotonic() + poll_s
                for key in self.plants:
                    self._sample(key, everything=self.clock.monotonic() >= slow)
                slow += SLOW_S if self.clock.monotonic() >= slow else 0
            await self.clock.sleep(step_s)

    def fault(self, target: str, name: str, *, on: bool = True, value: float | None = None) -> None:
        set_fault(self.faults, target, name, on=on, value=value)

    def lit(self, loop: str) -> int:
        """The level that burns on a loop: ground truth."""
        cabinet, _, number = loop.partition("/loop")
        plant = self.cabinets[cabinet]
        closed = plant.contactors[int(number) - 1].closed and plant.loops[int(number) - 1].breaker
        return round(plant.loops[int(number) - 1].level) if closed else 0

    # -- the port of the gateway's lighting --------------------------------------------------------------------------------

    def heard(self, device: str) -> float:
        return float("-inf") if device in self.silent else self._heard.get(device, float("-inf"))

    def value(self, device: str, position: int) -> Value | None:
        if device in self.silent or device not in self._values:
            return None
        path = self.devices[device].profile.points[position].path
        return None if path in self.unread else self._values[device][position]

    async def read(self, device: str, positions: Sequence[int]) -> None:  # noqa: ARG002 - all are read
        self._answer(device)
        self._sample(device, everything=True)

    async def write(self, device: str, space: Space, address: int, values: Sequence[int]) -> None:
        self._answer(device)
        for register in self.devices[device].profile.registers:
            count = words_of(register.encoding)
            if register.space is space and address <= register.address and register.address + count <= address + len(values):
                raw = values[register.address - address : register.address - address + count]
                data = bytes([raw[0]]) if space is Space.COIL else b"".join(one.to_bytes(2, "big") for one in raw)
                value = decoder(register.encoding)(data)
                assert value is not None
                assert register.write is not None
                self.plants[device].write(register.point.path, value)
                self.writes.append((self.clock.true, device, register.point.path, value))

    def _answer(self, device: str) -> None:
        if device in self.silent:
            raise NoAnswer(f"{device}: no answer")

    def forget(self) -> None:
        """What a gateway that was killed had read."""
        self._heard.clear()
        self._values.clear()

    def _sample(self, device: str, *, everything: bool = False) -> None:
        """A fast round; the points of the slow one stay as they were read last."""
        if device in self.silent:
            return
        values, points = self.plants[device].values, self.devices[device].profile.points
        before = self._values.get(device, [None] * len(points))
        self._values[device] = [
            values.get(point.path) if everything or point.poll is PollClass.FAST else old
            for point, old in zip(points, before, strict=True)
        ]
        self._heard[device] = self.clock.monotonic()


class Disk(ThreadPoolExecutor):
    """What is read and written takes real time, in which virtual time must stand still: whoever asks does it, at once."""

    def submit(self, work: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        done: Future[Any] = Future()
        try:
            done.set_result(work(*arguments, **named))
        except Exception as error:  # noqa: BLE001 - whoever waits gets it
            done.set_exception(error)
        return done


@dataclass
class Rig:
    """A yard and the lighting that acts on it. ``lighting`` is another after a restart."""

    yard: Yard
    folder: Path
    clock: WallClock
    round_s: float = 2.0
    trusted: bool = True
    outcomes: list[Outcome] = field(default_factory=list)
    _count: int = 0

    def __post_init__(self) -> None:
        self.lighting = self._made()

    def _made(self) -> Lighting:
        return Lighting(
            self.yard.county,
            EDGE,
            self.yard,
            LightingStore(self.folder / "lighting.json"),
            clock=self.clock,
            tell=lambda text: self.outcomes.append(read_outcome(text)),
            trusted=lambda: self.trusted,
            round_s=self.round_s,
        )

    @contextlib.asynccontextmanager
    async def running(self, step_s: float = 1.0, poll_s: float = 5.0) -> AsyncIterator[Rig]:
        asyncio.get_running_loop().set_default_executor(Disk())
        field_task = asyncio.create_task(self.yard.run(step_s, poll_s))
        self._task = asyncio.create_task(self.lighting.run())
        try:
            await self.run(0.1)
            yield self
        finally:
            for task in (field_task, self._task):
                task.cancel()
            await asyncio.gather(field_task, self._task, return_exceptions=True)

    async def restart(self, away_s: float = 5.0) -> None:
        """Kill the lighting where it stands and begin anew from its file."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)
        await self.clock.advance(away_s)
        self.yard.forget()
        self.lighting = self._made()
        self._task = asyncio.create_task(self.lighting.run())
        await self.run(0.1)

    async def run(self, seconds: float) -> None:
        """Time passes."""
        end = self.clock.elapsed + seconds
        while self.clock.elapsed < end:
            await self.clock.advance(min(1.0, end - self.clock.elapsed), settle=8)

    async def until(self, clock: str) -> None:
        """Go on to the next time of day, Taihe's."""
        local = datetime.fromtimestamp(self.clock.true / 1000, ZONE)
        hour, minute = map(int, clock.split(":"))
        target = local.replace(hour=hour, minute=minute, second=0, microsecond=0)
        if target <= local:
            target += timedelta(days=1)
        await self.run((target - local).total_seconds())

    def order(self, do: Do, name: str = "", *, lasts_s: int = 60) -> str:
        """Give an order now."""
        self._count += 1
        made = Order(
            id=name or f"o{self._count}",
            who="值班员",
            issued=self.clock.true,
            expires=self.clock.true + lasts_s * 1000,
            do=do,
        )
        self.lighting.offer(write(made))
        return made.id

    def states(self, order: str) -> list[State]:
        return [one.state for one in self.outcomes if one.id == order]

    def said(self, order: str) -> str:
        return [one.reason.en for one in self.outcomes if one.id == order][-1]

    async def told(self, order: str, *states: State, within_s: float) -> float:
        """Seconds until one of these states is told."""
        began = self.clock.elapsed
        while not set(states) & set(self.states(order)):
            assert self.clock.elapsed - began < within_s, f"{order}: only {self.states(order)}"
            await self.run(0.1)
        return self.clock.elapsed - began


def at(text: str) -> int:
    """Epoch ms of a local time."""
    return round(datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp() * 1000)
