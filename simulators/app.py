"""The virtual county as one running thing: the world, its links, its faults and the socket that controls it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from lampwell.assets import County
from lampwell.clock import Clock
from lampwell.errors import LampwellError
from simulators import replay as replays
from simulators import scenario as scenarios
from simulators.bus import Bus
from simulators.control import SOCKET_NAME, ControlSocket
from simulators.faultdesk import FaultDesk
from simulators.image import Image
from simulators.linkfaults import LinkFaults
from simulators.port import FaultInfo, World
from simulators.scenario import Action, Agenda, FaultChange, StormBegins
from simulators.servers import Server, server
from simulators.serving import buses_of, images_of, link_status
from simulators.status import SimulationStatus

log = logging.getLogger(__name__)
TICK_S = 1.0
"""County seconds between two steps of the world."""


class Simulation:
    """Serves a county's links.

    ``storm`` is a return period in years, begun ``storm_after_s`` after the start; ``scenario`` a TOML file; ``replay`` the
    ``--replay`` arguments, their records begun ``replay_after_s`` after the start; ``inp`` another drainage network; ``rain``
    recorded rain that begins at once; ``preset`` the storm formula (else the county's). ``world`` stands in for the physics in
    tests. ``paced`` holds RTU answers back as the baud rate would; ``truth`` lets the control socket tell the ground truth.
    """

    def __init__(
        self,
        county: County,
        *,
        clock: Clock,
        data_dir: Path,
        storm: float | None = None,
        storm_after_s: float = 60,
        scenario: Path | None = None,
        replay: Sequence[str] = (),
        replay_after_s: float = 0,
        inp: Path | None = None,
        rain: Path | None = None,
        preset: str = "",
        world: World | None = None,
        paced: bool = False,
        truth: bool = False,
        seed: int = 1,
    ) -> None:
        self._county = county
        self._clock = clock
        self._data_dir = data_dir
        self._scenario = scenario
        self._replay = replay
        self._replay_after_s = replay_after_s
        self._inp, self._rain, self._preset = inp, rain, preset
        self._given_world = world
        self._paced = paced
        self._tells_truth = truth
        self._seed = seed
        self._agenda = Agenda([(storm_after_s, StormBegins(return_period=storm))] if storm else [])
        self._faults = LinkFaults()
        self._stopping = asyncio.Event()
        self._ready = asyncio.Event()
        self._start = 0.0
        self._late = 0.0
        self._now = 0
        self._broken: set[str] = set()
        self._buses: Mapping[str, Bus] = {}
        self._servers: dict[str, Server] = {}
        self._images: Mapping[str, Image] = {}
        self._world: World | None = None
        self._desk: FaultDesk | None = None

    # -- life --------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Serve until ``stop()``. ConfigError, AddressTaken or NoSimulation when it can not begin; nothing stays open then."""
        control = ControlSocket(self._data_dir / SOCKET_NAME, self._handle)
        try:
            await self._begin()
            await control.start()
            self._ready.set()
            await self._live()
        finally:
            self._ready.clear()
            await control.close()
            for each in self._servers.values():
                await each.close()
            if self._world is not None:
                await self._world.close()

    async def stop(self) -> None:
        """End ``run()`` after the tick it is in."""
        self._stopping.set()

    async def ready(self) -> None:
        """Return when every link is being served."""
        await self._ready.wait()

    async def _begin(self) -> None:
        self._start = self._clock.monotonic()
        world = self._world = self._given_world or await self._build_world()
        desk = self._desk = FaultDesk(self._county, world, self._faults)
        if self._scenario is not None:
            self._agenda.add(scenarios.load(self._scenario, desk.catalogue).actions)
        await self._advance(world)
        plants = replays.replayed(world.plants, self._replay, self._county.devices, self._replay_elapsed)
        self._images = images_of(self._county, plants)
        self._buses = buses_of(self._county, self._images, self._faults, seed=self._seed, paced=self._paced)
        for bus in self._buses.values():
            self._servers[bus.link.id] = server(bus, self._data_dir)
            await self._servers[bus.link.id].start()

    async def _build_world(self) -> World:
        from simulators.world import build  # the hydraulics library is needed only where the physics run

        return await build(
            self._county, self._clock.now(), seed=self._seed, inp=self._inp, rain_csv=self._rain, preset=self._preset
        )

    async def _live(self) -> None:
        """Step the world once a county second until told to stop; a late tick is not made up for, the next one counts."""
        stop = asyncio.ensure_future(self._stopping.wait())
        tick = asyncio.ensure_future(self._tick_on())
        try:
            await asyncio.wait((stop, tick), return_when=asyncio.FIRST_COMPLETED)
            if tick.done():
                tick.result()
        finally:
            stop.cancel()
            tick.cancel()
            await asyncio.gather(stop, tick, return_exceptions=True)

    async def _tick_on(self) -> None:
        due = self._clock.monotonic()
        while True:
            await self._tick()
            due += TICK_S
            now = self._clock.monotonic()
            self._late = max(0.0, now - due)
            due = max(due, now)
            await self._clock.sleep(due - now)

    async def _tick(self) -> None:
        assert self._world is not None
        for action in self._agenda.due(self._elapsed()):
            self._act(action)
        await self._advance(self._world)
        for image in self._images.values():
            image.touch()
        for link, each in self._servers.items():
            await self._attend(link, each)

    async def _advance(self, world: World) -> None:
        self._now = max(self._now, self._clock.now())  # a machine's clock may be set back; the world's never is
        await world.advance(self._now)

    async def _attend(self, link: str, each: Server) -> None:
        try:
            await each.attend()
        except LampwellError as error:
            if link not in self._broken:
                log.error("%s; trying again every second", error)
            self._broken.add(link)
            return
        if link in self._broken:
            log.info("link %s is being served again", link)
            self._broken.discard(link)

    def _act(self, action: Action) -> None:
        """Carry out what the agenda says; what was checked when it was read can still be refused by the world."""
        assert self._world is not None
        assert self._desk is not None
        try:
            if isinstance(action, FaultChange):
                self._desk.change(action)
            else:
                self._world.storm(action.return_period, action.minutes)
        except ValueError as error:
            log.error("scenario: %s", error)

    def _elapsed(self) -> float:
        return self._clock.monotonic() - self._start

    def _replay_elapsed(self) -> float:
        return self._elapsed() - self._replay_after_s

    # -- what can be asked of it -------------------------------------------------------------------------------------

    def fault(self, target: str, name: str, *, on: bool = True, value: float | None = None, lasts_s: float | None = None) -> None:
        """Set or clear a fault now, perhaps for so many county seconds. FaultRefused lists what there is."""
        begin, *end = scenarios.timed_fault(
            self._elapsed(), FaultChange(target=target, name=name, on=on, value=value), lasts_s if on else None
        )
        assert isinstance(begin[1], FaultChange)
        self._running_desk().change(begin[1])
        self._agenda.add(end)

    def faults(self, target: str = "") -> tuple[FaultInfo, ...]:
        """Every fault that can be set, on one target and what is in it, or anywhere."""
        return self._running_desk().listed(target)

    def storm(self, return_period: float, minutes: float | None = None) -> None:
        """A design storm of that return period (years) begins now."""
        self._running_desk()
        assert self._world is not None
        self._world.storm(return_period, minutes)

    def truth(self) -> Mapping[str, float]:
        """Ground truth by ``device/point``; for tests, never on the wire."""
        self._running_desk()
        assert self._world is not None
        return self._world.truth()

    def status(self) -> SimulationStatus:
        """How it stands."""
        return SimulationStatus(
            running=self._ready.is_set(),
            now=self._clock.now(),
            elapsed_s=self._elapsed() if self._desk else 0.0,
            late_s=self._late,
            pending=len(self._agenda),
            links=tuple(link_status(self._buses[link], each.endpoint) for link, each in self._servers.items()),
            faults=self._desk.active() if self._desk else {},
        )

    def _running_desk(self) -> FaultDesk:
        if self._desk is None:
            raise LampwellError("the simulation has not started yet")
        return self._desk

    def _handle(self, request: Mapping[str, Any]) -> object:
        """One request from the control socket."""
        match request:
            case {"do": "fault", "target": str(target), "name": str(name)}:
                on = request.get("on", True) is True
                self.fault(target, name, on=on, value=_number(request, "value"), lasts_s=_number(request, "for_s"))
                return self._running_desk().active()
            case {"do": "faults"}:
                return [asdict(info) for info in self.faults(str(request.get("target", "")))]
            case {"do": "storm", "return_period": int() | float() as period}:
                self.storm(period, _number(request, "minutes"))
                return None
            case {"do": "status"}:
                return asdict(self.status())
            case {"do": "truth"} if self._tells_truth:
                return dict(self.truth())
            case {"do": "truth"}:
                raise ValueError("the truth is told only where the simulation was started with --truth")
        raise ValueError(f"unknown request: {request}")


def _number(request: Mapping[str, Any], key: str) -> float | None:
    value = request.get(key)
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool)):
        return value
    raise ValueError(f"{key} must be a number, not {value!r}")
