"""The field side of an edge node: a bus task per link, a pipeline per device, births, deaths and modes.

A configuration is planned whole before anything of it runs. Going over to another one restarts only the links that changed; a
device that did not change keeps its pipeline, and with it what was reported and what its tests remember.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from gateway.backoff import UnitState
from gateway.bus import Bus
from gateway.clockwatch import ClockWatch
from gateway.edge import Edge
from gateway.modbus.port import ModbusLink
from gateway.mode import DRAINAGE, Modes
from gateway.pipeline import Pipeline
from gateway.plan import DevicePlan, bridge_gap, plan_device
from gateway.rounds import Answers
from gateway.status import LinkStatus
from lampwell.assets import County, Device, Link
from lampwell.clock import Clock
from lampwell.errors import LinkDown
from lampwell.points import Value
from lampwell.profiles.model import Space
from lampwell.readings import Flag, Layout, NodeId

log = logging.getLogger(__name__)

_UNTRUSTED = int(Flag.CLOCK)


@dataclass(slots=True, eq=False)
class DeviceRun:
    """One device as it runs. ``alive``: it has been born and has not died since. ``heard``: its last answer, monotonic s."""

    plan: DevicePlan
    layout: Layout
    pipeline: Pipeline
    alive: bool = False
    heard: float = float("-inf")


@dataclass(frozen=True, slots=True, eq=False)
class LinkPlan:
    """A link with the devices on it, planned."""

    link: Link
    devices: tuple[Device, ...]
    plans: tuple[DevicePlan, ...]


@dataclass(slots=True, eq=False)
class _Running:
    """A link; ``task`` is None until it is at work."""

    plan: LinkPlan
    modbus: ModbusLink
    bus: Bus
    task: asyncio.Task[None] | None = None


def plan_edge(county: County, edge: str) -> Mapping[str, LinkPlan]:
    """All links of an edge node, planned. ConfigError where a device can not be read.

    Devices of one profile on like links share their blocks: a thousand meters are planned once.
    """
    made: dict[str, LinkPlan] = {}
    known: dict[tuple[int, int], DevicePlan] = {}
    on_link: dict[str, list[Device]] = {}
    for device in county.devices:
        on_link.setdefault(device.link, []).append(device)
    for link in (each for each in county.links if each.edge == edge):
        devices = tuple(on_link.get(link.id, ()))
        made[link.id] = LinkPlan(link, devices, tuple(_planned(device, link, known) for device in devices))
    return made


def _planned(device: Device, link: Link, known: dict[tuple[int, int], DevicePlan]) -> DevicePlan:
    key = id(device.profile), bridge_gap(link)
    if key not in known:
        known[key] = plan_device(device, link)
    return replace(known[key], device=device)


class Field:
    """The links of one edge node. ``open_link`` makes the Modbus side of one; ``crashed`` is told when a bus ends by itself."""

    def __init__(
        self,
        node: NodeId,
        edge: Edge,
        *,
        clock: Clock,
        open_link: Callable[[Link], ModbusLink],
        crashed: Callable[[BaseException], None],
    ) -> None:
        self._node = node
        self._edge = edge
        self._clock = clock
        self._open_link = open_link
        self._crashed = crashed
        self._watch = ClockWatch(clock)
        self._clock_flag = 0
        self._links: dict[str, _Running] = {}
        self._runs: dict[str, DeviceRun] = {}
        self._bus_of: dict[str, Bus] = {}
        self._modes = Modes(())
        self._moded: tuple[str, ...] = ()
        self.polls_before = 0

    @property
    def clock_flag(self) -> int:
        """What every reading gets while the clock is not trusted."""
        return self._clock_flag

    @property
    def polls(self) -> int:
        """Rounds that brought something, of all links there have been."""
        return self.polls_before + sum(running.bus.counters.polls for running in self._links.values())

    async def apply(self, plans: Mapping[str, LinkPlan]) -> None:
        """Have these links and no others; what is equal to what runs already is left alone, what is new waits for ``launch``."""
        gone = [name for name, running in self._links.items() if not _same(running.plan, plans.get(name))]
        await self._stop(gone)
        devices = {device.id for plan in plans.values() for device in plan.devices}
        for device in [name for name in self._runs if name not in devices]:
            del self._runs[device]
            self._edge.device_died(device)
        modes = Modes(device for plan in plans.values() for device in plan.devices)
        modes.keep(self._modes)
        self._modes = modes
        self._moded = tuple(d.id for p in plans.values() for d in p.devices if d.modes or d.kind in DRAINAGE)
        for name, plan in plans.items():
            if name not in self._links:
                self._links[name] = self._make(plan)

    async def launch(self) -> None:
        """Set the new links to work, one a turn of the loop: a thousand of them must not hold up the broker's answer."""
        for name, running in list(self._links.items()):
            if running.task is None:
                running.task = asyncio.create_task(running.bus.run(), name=f"link {name}")
                running.task.add_done_callback(self._ended)
                await asyncio.sleep(0)

    async def stop(self) -> None:
        """End all buses."""
        await self._stop(list(self._links))

    def tick(self) -> None:
        """About once a second: is the clock to be trusted, and how closely is each device to be watched?"""
        trusted = self._watch.trusted()
        if trusted != (self._clock_flag == 0):
            log.warning("the clock is %s", "trusted again" if trusted else "not to be trusted; readings are marked")
        self._clock_flag = 0 if trusted else _UNTRUSTED
        now = self._clock.monotonic()
        for device in self._moded:
            self._bus_of[device].set_mode(device, self._modes.mode(device, now))

    def status(self) -> tuple[LinkStatus, ...]:
        """Every link and its units."""
        return tuple(replace(each.bus.status(), late=each.modbus.counters.late) for each in self._links.values())

    # -- for those who act on devices ----------------------------------------------------------------------------------------

    def heard(self, device: str) -> float:
        """When a device last answered, monotonic seconds; minus infinity where it does not answer now."""
        run = self._runs.get(device)
        return run.heard if run is not None and run.alive else float("-inf")

    def value(self, device: str, position: int) -> Value | None:
        """A point of a device (by column) as last sampled; None where that is not to be believed, or the device is silent."""
        run = self._runs.get(device)
        return run.pipeline.value(position) if run is not None and run.alive else None

    async def read(self, device: str, positions: Sequence[int]) -> None:
        """Read the blocks with these points now; the values are there afterwards. ModbusError."""
        chosen = set(positions)
        blocks = [block for block in self._runs[device].plan.blocks if chosen.intersection(block.positions)]
        await self._bus(device).read(device, blocks)

    async def write(self, device: str, space: Space, address: int, values: Sequence[int]) -> None:
        """Write words to holding registers, or 0 and 1 to coils, side by side from an address. ModbusError."""
        if space is Space.COIL:
            await self._bus(device).write_coils(device, address, [bool(value) for value in values])
        else:
            await self._bus(device).write_registers(device, address, values)

    def _bus(self, device: str) -> Bus:
        if device not in self._runs:
            raise LinkDown(f"{device}: this edge node has no such device")
        return self._bus_of[device]

    # -- what the buses say --------------------------------------------------------------------------------------------------

    def _on_answers(self, device: str, time: int, answers: Answers) -> None:
        run = self._runs[device]
        run.heard = self._clock.monotonic()
        scans = run.pipeline.feed(time, answers, self._clock_flag)
        if not run.alive:
            run.alive = True
            self._edge.device_born(run.layout, run.pipeline.latest(time))
        for scan in scans:
            self._edge.accept(scan)
        if self._modes.has_rules(device):
            self._modes.see(device, run.pipeline.value, self._clock.monotonic())

    def _on_state(self, device: str, state: UnitState) -> None:
        run = self._runs[device]
        if state is UnitState.DEAD:
            run.alive = False
            run.pipeline.revive()
            self._edge.device_died(device)

    # -- links ---------------------------------------------------------------------------------------------------------------

    def _make(self, plan: LinkPlan) -> _Running:
        runs = [self._run_of(device, made) for device, made in zip(plan.devices, plan.plans, strict=True)]
        modbus = self._open_link(plan.link)
        bus = Bus(
            plan.link,
            modbus,
            [run.plan for run in runs],
            clock=self._clock,
            on_answers=self._on_answers,
            on_state=self._on_state,
        )
        self._bus_of |= {device.id: bus for device in plan.devices}
        return _Running(plan, modbus, bus)

    def _run_of(self, device: Device, plan: DevicePlan) -> DeviceRun:
        """The running device where it did not change (its plan with it, for its blocks are known by identity), else a new one."""
        known = self._runs.get(device.id)
        if known is not None and known.plan.device == device and _requests(known.plan) == _requests(plan):
            return known
        layout = Layout(self._node, device.id, device.profile.points)
        self._runs[device.id] = DeviceRun(plan, layout, Pipeline(layout, plan))
        return self._runs[device.id]

    async def _stop(self, names: Sequence[str]) -> None:
        ending = [self._links.pop(name) for name in names]
        tasks = [running.task for running in ending if running.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for running in ending:
            self.polls_before += running.bus.counters.polls

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._crashed(error)


def _same(running: LinkPlan, wanted: LinkPlan | None) -> bool:
    return wanted is not None and running.link == wanted.link and running.devices == wanted.devices


def _requests(plan: DevicePlan) -> object:
    return [(block.block, block.poll, block.positions) for block in plan.blocks]
