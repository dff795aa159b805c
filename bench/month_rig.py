"""The virtual county, its gateways and control in one process and in virtual time: from the registers to the raised alarm."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

from bench.month_centre import Centre
from bench.month_field import Yard
from bench.month_wire import Wire
from bench.virtual_loop import LoopClock
from control.alarms.bind import bind
from control.alarms.rule_files import load_rules
from gateway.app import Gateway, Rim
from lampwell.assets import County, DeviceKind, Intervals, ModeRule
from lampwell.county import load
from lampwell.lighting.assign import only_cabinets
from lampwell.lighting.documents import write_document
from lampwell.lighting.files import build_plan, load_lighting
from lampwell.lighting.wire import TakePlan
from simulators.world import LAMPS, build_lamps

LIT = (ModeRule(point="p", watch=50.0, storm=1e9),)
"""A cabinet is polled at night's pace while it draws power."""
TAIHE = Path(__file__).parents[1] / "counties" / "taihe"


@dataclass(frozen=True, kw_only=True)
class Pace:
    """Seconds between polls of the fast points while lamps burn (and for two hours after) and by day, and of the slow points;
    between rounds of the gateway's lighting and looks at itself; between control's judgements by time (by day each ``day_s``).
    In the field: 5, 5, 60, 2, 5 and 0.25. More than 60 s by night would leave too few readings for a step of leakage to be seen,
    more than 120 s by day, after a heartbeat of 60 s, a cabinet that is silent for its alarm of 180 s. ``step_ms``: the longest
    step of the physics.
    """

    poll_s: float = 60.0
    day_s: float = 110.0
    slow_s: float = 540.0
    round_s: float = 60.0
    health_s: float = 20.0
    tick_s: float = 60.0
    step_ms: int = 15_000


FIELD = Pace(poll_s=5.0, day_s=5.0, slow_s=60.0, round_s=2.0, health_s=5.0, tick_s=5.0, step_ms=1000)
"""The field's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """An alarm that must come of what was done, once, between two instants (epoch ms)."""

    key: str
    since: int
    until: int


def lamps_only(whole: County, cabinets: Sequence[str], pace: Pace) -> County:
    """These cabinets (none named: all) with what hangs on them, and the edge nodes that carry them."""
    links = {d.link for d in whole.devices if d.kind is DeviceKind.CABINET and (not cabinets or d.id in cabinets)}
    every = Intervals(dry_s=pace.day_s, watch_s=pace.poll_s, storm_s=pace.poll_s, slow_s=pace.slow_s)
    chosen = [device for device in whole.devices if device.kind in LAMPS and device.link in links]
    devices = tuple(replace(one, intervals=every, modes=LIT if one.kind is DeviceKind.CABINET else ()) for one in chosen)
    names = {device.id for device in devices}
    wires = tuple(link for link in whole.links if link.id in links)
    edges = {link.edge for link in wires}
    return replace(
        whole,
        edges=tuple(edge for edge in whole.edges if edge.id in edges),
        links=wires,
        devices=devices,
        lamps=tuple(lamp for lamp in whole.lamps if lamp.cabinet in names),
    )


@dataclass
class Rig:
    """``begin`` it inside a virtual loop. Times of the story are the county's own, as ISO text."""

    start: str
    folder: Path
    cabinets: Sequence[str] = ()
    pace: Pace = field(default_factory=Pace)
    expected: list[Expected] = field(default_factory=list)

    def __post_init__(self) -> None:
        whole = load(TAIHE)
        self.zone = ZoneInfo(whole.time_zone)
        self.county = lamps_only(whole, self.cabinets, self.pace)
        began = self.ms(self.start)
        self.clock, self.machine = LoopClock(began), LoopClock(began, speed=1 / 30)
        self.wire = Wire()
        self.world = build_lamps(self.county, began, step_ms=self.pace.step_ms)
        self.yard = Yard(self.county, self.world, self.clock, self.pace.step_ms)
        names = [device.id for device in self.county.devices if device.kind is DeviceKind.CABINET]
        plan = only_cabinets(build_plan(whole, load_lighting(TAIHE, whole)), names)
        binding = bind(load_rules(whole), self.county)
        self.centre = Centre(binding, self.county, plan, self.clock, self.wire, self.folder, (self.pace.tick_s, self.pace.day_s))
        self._tasks: dict[str, asyncio.Task[None]] = {}

    def ms(self, local: str) -> int:
        """Epoch ms of a local time."""
        return round(datetime.fromisoformat(local).replace(tzinfo=self.zone).timestamp() * 1000)

    @property
    def edges(self) -> list[str]:
        """Edge nodes here."""
        return [edge.id for edge in self.county.edges]

    # -- life --------------------------------------------------------------------------------------------------------------

    async def begin(self) -> None:
        """Everything at work, every edge node with its plan."""
        self._run("control", self.centre.run())
        for edge in self.edges:
            self.start_gateway(edge)
        await self.clock.sleep(20)
        for edge in self.edges:
            document = write_document(self.centre.shelf.part(edge), version=1, made=self.clock.now(), who="bench").decode()
            self.centre.order(edge, TakePlan(document=document))

    async def end(self) -> None:
        """All of it ends."""
        for name in list(self._tasks):
            await self._stop(name)

    async def until(self, local: str) -> None:
        """Live on to a local time; the coverage is looked at each hour."""
        while (left := (self.ms(local) - self.clock.now()) / 1000) > 0:
            await self.clock.sleep(min(left, 3600.0))
            self.centre.look()
            for name, task in self._tasks.items():
                if task.done():
                    raise RuntimeError(f"{name} has ended") from task.exception()

    # -- what is done to it ------------------------------------------------------------------------------------------------

    async def fault(self, target: str, name: str, *, on: bool = True, value: float | None = None) -> None:
        """A fault of the field begins or ends: now, so the world lives up to now without, or with, it."""
        await self.yard.catch_up(near=True)
        self.world.fault(target, name, on=on, value=value)

    def storm(self, years: float, minutes: float) -> None:
        """Rain over all of it."""
        self.world.storm(years, minutes)

    def away(self, edge: str, seconds: float) -> None:
        """An edge node's link to the broker is gone for so long."""
        for line in self.wire.lines:
            if line.name.endswith(edge):
                line.cut("no network", away_s=seconds)

    def start_gateway(self, edge: str) -> None:
        """Start an edge node from what its folder holds."""
        folder = self.folder / edge
        folder.mkdir(exist_ok=True)
        rim = Rim(
            open_link=self.yard.link,
            transport=cast("Any", self.wire.line),
            machine=self.machine,
            tick_s=self.pace.health_s,
            round_s=self.pace.round_s,
        )
        gateway = Gateway(self.county, edge, clock=self.clock, data_dir=folder, rim=rim)
        self._run(edge, gateway.run())

    async def kill_gateway(self, edge: str) -> None:
        """Its connection breaks without a farewell, then it is no more."""
        self.away(edge, 0.0)
        await self._stop(edge)

    async def restart_control(self) -> None:
        """Control ends and begins anew from what it keeps."""
        await self._stop("control")
        await self.centre.renew()
        self._run("control", self.centre.run())

    def expect(self, key: str, within_s: float) -> None:
        """What was just done must raise this."""
        now = self.clock.now()
        self.expected.append(Expected(key=key, since=now, until=now + round(within_s * 1000)))

    def _run(self, name: str, work: Any) -> None:
        self._tasks[name] = asyncio.create_task(work, name=name)

    async def _stop(self, name: str) -> None:
        task = self._tasks.pop(name)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
