"""One edge node, put together: journal, edge, transport, field and health. Only this module builds objects."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.bdseq import BdSeqFile
from gateway.edge import Edge
from gateway.field import Field, plan_edge
from gateway.health import EVERY_S, Health
from gateway.journal import Journal
from gateway.lighting.service import ROUND_S, Lighting
from gateway.lighting.store import LightingStore
from gateway.modbus.client import open_link
from gateway.modbus.port import ModbusLink
from gateway.replay import Replay
from gateway.status import GatewayStatus, JournalStatus, LightingStatus
from lampwell.assets import County, EdgeNode, Link
from lampwell.clock import Clock, SystemClock
from lampwell.errors import ConfigError, Problem
from lampwell.lighting import wire
from lampwell.readings import Layout
from lampwell.sparkplug.messages import Command
from lampwell.sparkplug.transport import MqttTransport

log = logging.getLogger(__name__)

TICK_S = 1.0
_NO_JOURNAL = JournalStatus(id="", backlog=0, oldest_ms=None, holds_hours=None)


@dataclass(frozen=True, slots=True)
class _Parts:
    """What runs."""

    journal: Journal
    edge: Edge
    field: Field
    transport: MqttTransport
    replay: Replay
    lighting: Lighting


@dataclass(frozen=True, slots=True, kw_only=True)
class Rim:
    """What a gateway meets the world by, and its pace. ``machine``: the clock of the hardware below, for disk and sockets.
    ``transport``: made as an ``MqttTransport`` is. ``tick_s``, ``round_s``: seconds between looks at itself, and at the lamps.
    """

    open_link: Callable[[Link], ModbusLink] = open_link
    transport: Callable[..., MqttTransport] = MqttTransport
    machine: Clock = field(default_factory=SystemClock)
    tick_s: float = TICK_S
    round_s: float = ROUND_S


class Gateway:
    """An edge node of a county. ``reload`` brings the county anew; without it ``reload()`` is refused. ``rim``: not its own.

    ``run`` raises what can not be lived with (another process on the data folder, a broken plan); everything of the field, the
    broker and the disk it survives.
    """

    def __init__(
        self,
        county: County,
        edge: str,
        *,
        clock: Clock,
        data_dir: Path,
        password: str = "",
        reload: Callable[[], County] | None = None,
        rim: Rim | None = None,
    ) -> None:
        self._county = county
        self._node = _edge_node(county, edge)
        self._plans = plan_edge(county, edge)
        self._clock = clock
        self._data_dir = data_dir
        self._password = password
        self._load = reload
        self._rim = rim or Rim()
        self._problems: tuple[str, ...] = ()
        self._stopping = asyncio.Event()
        self._ended = asyncio.Event()
        self._running = False
        self._crash: BaseException | None = None
        self._parts: _Parts | None = None
        self._health: Health | None = None
        self._told_ms = 0

    async def run(self) -> None:
        """Poll, journal and publish until ``stop``."""
        self._running = True
        try:
            self._parts = parts = await self._build()
            await self._work(parts)
        finally:
            self._ended.set()

    async def stop(self) -> None:
        """End the polls, say goodbye to the broker, commit the journal; returns when all of that is done."""
        self._stopping.set()
        if self._running:
            await self._ended.wait()

    async def reload(self) -> tuple[str, ...]:
        """Load the county anew and go over to it without losing a reading. Problems, if any: then the old one keeps running."""
        try:
            county = await asyncio.to_thread(self._reloaded)
            self._refuse_changes(county)
            plans = plan_edge(county, self._node.id)
        except ConfigError as error:
            self._problems = tuple(map(str, error.problems))
            log.error("the new configuration is refused, the old one keeps running:\n%s", error)
            return self._problems
        if self._parts is not None:
            await self._parts.field.apply(plans)
            await self._parts.field.launch()
            self._parts.lighting.reload(county)
        self._county, self._plans, self._problems = county, plans, ()
        log.info("the new configuration runs: %d links", len(plans))
        return ()

    def status(self) -> GatewayStatus:
        """What it is doing now."""
        parts = self._parts
        return GatewayStatus(
            edge=self._node.id,
            now_ms=self._clock.now(),
            links=parts.field.status() if parts else (),
            polls=parts.field.polls if parts else 0,
            readings=parts.edge.readings if parts else 0,
            scans=parts.edge.scans if parts else 0,
            journal=parts.journal.status() if parts else _NO_JOURNAL,
            broker=parts.transport.connected if parts else False,
            host=parts.edge.host_online if parts else False,
            clock_trusted=parts.field.clock_flag == 0 if parts else True,
            lighting=parts.lighting.status if parts else LightingStatus(),
            problems=self._problems,
        )

    # -- building --------------------------------------------------------------------------------------------------------------

    async def _build(self) -> _Parts:
        node, clock, host_id, now_ms = self._node.node, self._clock, self._county.host_id, self._clock.now()
        path, limit_mb, rim = self._data_dir / "journal.sqlite", self._node.journal_mb, self._rim
        journal = await asyncio.to_thread(lambda: Journal.open(path, limit_mb=limit_mb, now_ms=now_ms, machine=rim.machine))
        edge = Edge(
            Layout(node, "", ()),
            journal,
            clock=clock,
            bd_seq=BdSeqFile(self._data_dir / "bdseq"),
            host_id=host_id,
            on_command=self._on_command,
        )
        transport = rim.transport(self._county.broker, f"lampwell-{node.group}-{node.edge}", edge, password=self._password)
        replay = Replay(journal, edge, rim.machine)
        edge.attach(transport, on_host=replay.wake)
        field = Field(node, edge, clock=clock, open_link=rim.open_link, crashed=self._crashed)
        lighting = Lighting(
            self._county,
            self._node.id,
            field,
            LightingStore(self._data_dir / "lighting.json"),
            clock=clock,
            tell=self._tell,
            trusted=lambda: field.clock_flag == 0,
            round_s=rim.round_s,
        )
        return _Parts(journal, edge, field, transport, replay, lighting)

    def _on_command(self, command: Command) -> None:
        """Orders of the lighting are all this node takes."""
        if self._parts is not None and not command.device and command.metric == wire.ORDER and isinstance(command.value, str):
            self._parts.lighting.offer(command.value)
        else:
            log.warning("%s %s: this edge node takes no such command", command.device or "node", command.metric)

    def _tell(self, outcome: str) -> None:
        """An outcome goes the way of every reading, and with it what it changed of the node's points. No two have one time."""
        assert self._parts is not None, "it runs"
        assert self._health is not None, "made before the lighting begins"
        self._told_ms = max(self._clock.now(), self._told_ms + 1)
        self._parts.edge.accept(self._health.outcome(outcome, self._told_ms, self._parts.field.clock_flag))
        self._look_after_health(self._parts)

    def _crashed(self, error: BaseException) -> None:
        self._crash = error
        self._stopping.set()

    # -- working ---------------------------------------------------------------------------------------------------------------

    async def _work(self, parts: _Parts) -> None:
        tasks: list[asyncio.Task[None]] = []
        try:
            await parts.field.apply(self._plans)
            self._look_after_health(parts)
            tasks.append(self._task("journal", parts.journal.run()))
            tasks.append(self._task("replay", parts.replay.run()))
            tasks.append(self._task("broker", parts.transport.run()))
            tasks.append(self._task("tick", self._tick(parts)))
            tasks.append(self._task("lighting", parts.lighting.run()))
            log.info("edge node %s runs: %d links, journal %s", self._node.node, len(self._plans), parts.journal.id)
            await parts.field.launch()
            await self._stopping.wait()
        finally:
            await self._leave(parts, tasks)
        if self._crash is not None:
            raise self._crash

    async def _leave(self, parts: _Parts, tasks: list[asyncio.Task[None]]) -> None:
        """No poll any more, goodbye to the broker, and last the journal's commit."""
        await parts.field.stop()
        await parts.transport.stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await parts.journal.close()

    def _task(self, name: str, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """A part that must not fail: if it does, the gateway ends with its error, and whoever started it starts it anew."""

        def ended(done: asyncio.Task[None]) -> None:
            if not done.cancelled() and (error := done.exception()):
                self._crashed(error)

        task = asyncio.create_task(work, name=name)
        task.add_done_callback(ended)
        return task

    async def _tick(self, parts: _Parts) -> None:
        """About once a second: modes and clock; every few seconds: health."""
        due = self._clock.monotonic() + EVERY_S
        while True:
            await self._clock.sleep(self._rim.tick_s)
            parts.field.tick()
            parts.edge.announce_first()
            if self._clock.monotonic() >= due:
                due = self._clock.monotonic() + EVERY_S
                self._look_after_health(parts)

    def _look_after_health(self, parts: _Parts) -> None:
        status, now = self.status(), self._clock.monotonic()
        if self._health is None or not self._health.fits(status.links):
            self._health = Health(self._node.node, status.links, self._health.started if self._health else now)
            parts.edge.node_layout(self._health.layout)
        if scan := self._health.scan(status, now, parts.field.clock_flag):
            parts.edge.accept(scan)

    # -- configuration -----------------------------------------------------------------------------------------------------------

    def _reloaded(self) -> County:
        if self._load is None:
            raise ConfigError([Problem("gateway", "", "this gateway was not told where its county comes from")])
        return self._load()

    def _refuse_changes(self, county: County) -> None:
        """What can not change under a running gateway: who it is, where it publishes, how large its journal may be."""
        node = _edge_node(county, self._node.id)
        fixed = {
            f"edge {node.id}: area": (self._node.area, node.area),
            f"edge {node.id}: journal_mb": (self._node.journal_mb, node.journal_mb),
            "broker": (self._county.broker, county.broker),
            "host_id": (self._county.host_id, county.host_id),
        }
        reason = "can not change while the gateway runs: restart it"
        changed = [Problem(str(county.folder), where, reason) for where, (old, new) in fixed.items() if old != new]
        if changed:
            raise ConfigError(changed)


def _edge_node(county: County, edge: str) -> EdgeNode:
    for node in county.edges:
        if node.id == edge:
            return node
    known = ", ".join(node.id for node in county.edges)
    raise ConfigError([Problem(str(county.folder), "edge", f"there is no edge node {edge!r} (there are: {known})")])
