"""The whole county in one process: virtual field, gateways, collector, embedded store, control; its only children are broker and
SWMM. Where crews have phones there is a stand-in that shows what they would read.

The services know nothing of each other here either: gateways reach the field over Modbus sockets, collector and control the
gateways over the broker.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any, cast

from collector.app import Collector
from control.app import Control
from control.messages.reach import load_reach
from control.messages.settings import load_channels, open_channels
from control.messages.standin import Standin
from control.outgoing import Outgoing, times_of_tests
from control.people.files import load_roster
from control.state import STATE_FILE
from control.store.database import Database, open_database
from deploy.broker import ENDPOINT_FILE, EmbeddedBroker, Endpoint, write_endpoint
from deploy.lights import light_up
from deploy.meter import Account, Meter, settle
from gateway.app import Gateway
from lampwell.assets import County
from lampwell.clock import Clock
from lampwell.county import place_lines
from lampwell.errors import LampwellError
from lampwell.history import open_history
from lampwell.history.port import History
from simulators.app import Simulation

log = logging.getLogger(__name__)
Stop = Callable[[], Coroutine[Any, Any, None]]
READY_S, STOP_S = 30.0, 1.2
STANDIN = "LAMPWELL_STANDIN_URL"


class PartEnded(LampwellError):
    """A part of the onebox ended although nobody had asked it to."""


@dataclass(frozen=True, slots=True)
class Storm:
    """A design storm: return period in years and length in county minutes, begun ``after_s`` county seconds after the start."""

    years: float
    minutes: float
    after_s: float = 60.0


@dataclass(slots=True, kw_only=True)
class Onebox:
    """A running county. ``failed`` completes with the reason if a part ends by itself."""

    county: County
    data_dir: Path
    broker: EmbeddedBroker
    meter: Meter
    simulation: Simulation
    gateways: tuple[Gateway, ...]
    collector: Collector
    control: Control
    standin: Standin
    failed: asyncio.Future[BaseException]

    def account(self) -> Account:
        """What became of every accepted scan. Only after the onebox has stopped."""
        accepted = {status.journal.id: status.scans for status in (gateway.status() for gateway in self.gateways)}
        return settle(sorted(self.data_dir.rglob("journal*.sqlite")), accepted, self.meter)


@asynccontextmanager
async def running(
    county: County,
    *,
    clock: Clock,
    data_dir: Path,
    storm: Storm | None = None,
    broker_port: int = 0,
    scenario: Path | None = None,
) -> AsyncIterator[Onebox]:
    """Start everything, give it to the caller, stop everything in the order in which nothing is lost."""
    broker = EmbeddedBroker(data_dir, broker_port)
    endpoint = await broker.start()
    try:
        write_endpoint(data_dir, endpoint)
        county = _embedded(county, endpoint, data_dir)
        meter = Meter(open_history(county.history, data_dir, clock=clock), clock)
        try:
            async with _desk(county, clock, data_dir) as desk:
                box = _assemble(county, clock, data_dir, broker, meter, desk, scenario)
                async with _started(box), _storm_to_come(box, clock, storm), _lights_to_come(box, clock):
                    yield box
        finally:
            await meter.close()
    finally:
        (data_dir / ENDPOINT_FILE).unlink(missing_ok=True)
        await broker.stop()


def _embedded(county: County, endpoint: Endpoint, data_dir: Path) -> County:
    """The county with the embedded broker and store; field and gateway mean the same place by a serial line's relative path."""
    history = replace(county.history, store="duckdb", url="")
    return place_lines(replace(county, broker=endpoint.settings(county.broker), history=history), data_dir)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Desk:
    """What control needs that must be closed behind it."""

    standin: Standin
    database: Database
    out: Outgoing


@asynccontextmanager
async def _desk(county: County, clock: Clock, data_dir: Path) -> AsyncIterator[_Desk]:
    """The relational state, the stand-in for the vendors, and the county's channels, which lead to it."""
    async with Standin(clock) as standin:
        database = await asyncio.to_thread(open_database, data_dir / STATE_FILE)
        settings, env = load_channels(county.folder), {**os.environ, STANDIN: standin.url}
        channels = open_channels(settings, env=env, clock=clock)
        out = Outgoing(channels=channels, test_at=times_of_tests(settings), reach=load_reach(county.folder, env))
        try:
            yield _Desk(standin=standin, database=database, out=out)
        finally:
            for channel in channels.values():
                await channel.close()
            database.close()


def _assemble(
    county: County, clock: Clock, data_dir: Path, broker: EmbeddedBroker, meter: Meter, desk: _Desk, scenario: Path | None
) -> Onebox:
    password = broker.endpoint.password if broker.endpoint else ""
    return Onebox(
        county=county,
        data_dir=data_dir,
        broker=broker,
        meter=meter,
        simulation=Simulation(county, clock=clock, data_dir=data_dir, scenario=scenario),
        gateways=tuple(
            Gateway(county, edge.id, clock=clock, data_dir=data_dir / edge.id, password=password) for edge in county.edges
        ),
        collector=Collector(county, cast("History", meter), clock=clock, password=password, data_dir=data_dir),
        control=Control(
            county,
            load_roster(county.folder / "people", [area.id for area in county.areas]),
            clock=clock,
            database=desk.database,
            out=desk.out,
            data_dir=data_dir,
            password=password,
        ),
        standin=desk.standin,
        failed=asyncio.get_running_loop().create_future(),
    )


class _Tasks:
    """The running parts, each with the way to end it. A part that was never started needs no end."""

    def __init__(self, box: Onebox) -> None:
        self._box = box
        self._parts: list[tuple[asyncio.Task[None], Stop]] = []

    def start(self, name: str, run: Coroutine[Any, Any, None], stop: Stop) -> None:
        """Run a part; if it ends by itself the onebox has failed."""
        task = asyncio.create_task(run, name=name)
        task.add_done_callback(self._ended)
        self._parts.append((task, stop))

    async def stop(self) -> None:
        """End the parts of the same kind together, in the reverse order of their start. What hangs is cancelled."""
        if not self._box.failed.done():
            self._box.failed.cancel()
        for _, parts in groupby(reversed(self._parts), lambda part: part[0].get_name().partition(" ")[0]):
            await _end([part for part in parts if not part[0].done()])
        await asyncio.gather(*(task for task, _ in self._parts), return_exceptions=True)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not self._box.failed.done() and not task.cancelled():
            self._box.failed.set_result(task.exception() or PartEnded(f"the {task.get_name()} ended by itself"))


async def _end(parts: Sequence[tuple[asyncio.Task[None], Stop]]) -> None:
    """Ask parts to stop and wait until they have; one that fails or hangs does not keep the others from stopping."""
    if not parts:
        return
    asked = [asyncio.create_task(stop()) for _, stop in parts]
    _, hanging = await asyncio.wait([*asked, *(task for task, _ in parts)], timeout=STOP_S)
    for task in hanging:
        task.cancel()
    for (task, _), stop in zip(parts, asked, strict=True):
        if task in hanging:
            log.warning("the %s did not stop in %g s", task.get_name(), STOP_S)
        if stop.done() and not stop.cancelled() and (error := stop.exception()):
            log.error("the %s failed while it stopped: %s", task.get_name(), error)


@asynccontextmanager
async def _started(box: Onebox) -> AsyncIterator[None]:
    """The field first (a gateway that meets no field backs off), then the collector, then the gateways; the end is the reverse:
    gateways say goodbye and commit, the collector stores what is on its way.
    """
    tasks = _Tasks(box)
    try:
        tasks.start("broker", box.broker.ended(), box.broker.stop)
        tasks.start("field", box.simulation.run(), box.simulation.stop)
        tasks.start("collector", box.collector.run(), box.collector.stop)
        tasks.start("control", box.control.run(), box.control.stop)
        await _ready(box)
        for gateway, edge in zip(box.gateways, box.county.edges, strict=True):
            tasks.start(f"gateway {edge.id}", gateway.run(), gateway.stop)
        yield
    finally:
        await tasks.stop()


async def _ready(box: Onebox) -> None:
    """Wait until every link is served, or raise what kept it from being so."""
    ready = asyncio.create_task(box.simulation.ready())
    await asyncio.wait((ready, box.failed), timeout=READY_S, return_when=asyncio.FIRST_COMPLETED)
    ready.cancel()
    if box.failed.done():
        raise box.failed.result()


@asynccontextmanager
async def _storm_to_come(box: Onebox, clock: Clock, storm: Storm | None) -> AsyncIterator[None]:
    """Let the storm begin in its time, while the onebox runs."""

    async def begin(storm: Storm) -> None:
        await clock.sleep(storm.after_s)
        box.simulation.storm(storm.years, storm.minutes)
        log.info("a storm of P=%g years begins, %g minutes long", storm.years, storm.minutes)

    task = asyncio.create_task(begin(storm), name="storm") if storm else None
    try:
        yield
    finally:
        if task:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@asynccontextmanager
async def _lights_to_come(box: Onebox, clock: Clock) -> AsyncIterator[None]:
    """Let the county's lighting go out to the edge nodes while the onebox runs."""
    task = asyncio.create_task(light_up(box.control, box.county, clock), name="lights")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
