"""Control as it hears the field: the real ear, watch, lighting detectors, wanting, desk and engine. Only broker and disk are not:
the wire is in this process, what the desk decides is counted instead of written, and one version of the plan is on the shelf.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

from sqlalchemy import Connection

from bench.month_wire import Wire
from control.alarms.bind import Binding
from control.alarms.engine import Engine
from control.alarms.events import Effect
from control.alarms.model import Condition
from control.alarms.watch import Watch
from control.desk import Batch, Desk
from control.ear import Ear
from control.lighting.desk import LightDesk
from control.lighting.field import DAY_ELEVATION, LightingField
from control.lighting.heard import EdgeSaid, Listener
from control.lighting.memory import Memory
from control.lighting.places import places_of
from control.lighting.rollout import Goal
from control.lighting.wanting import Wanting
from control.store.journal import Kept
from lampwell.assets import County
from lampwell.clock import Clock
from lampwell.lighting import Plan
from lampwell.lighting.assign import only_cabinets
from lampwell.lighting.level import Timetable
from lampwell.lighting.standing import Standing
from lampwell.lighting.sun import Place, elevation
from lampwell.lighting.wire import ORDER, Do, Order, Outcome, write
from lampwell.readings import NodeId
from lampwell.sparkplug import hoststate, topics
from lampwell.sparkplug.host import HostSession
from lampwell.sparkplug.messages import HostEvent, Message, ScanReceived

T = TypeVar("T")
ENGINE_S = 5.0
LATER = {
    "lamp-day": "lamp-day-burning",
    "lamp-dim": "lamp-dim-failure",
    "lamp-factor": "lamp-power-factor",
    "lamp-factor-serious": "lamp-power-factor-serious",
}
"""Rules of lamps whose detectors have other names."""


class Shelf:
    """One version of the plan, and what edge nodes say of it: in place of the lighting desk and its database."""

    def __init__(self, county: County, plan: Plan) -> None:
        self.plan, self.places, self.shelf = plan, places_of(county), self
        self.outcomes: list[Outcome] = []
        self._listener = Listener({node: edge for edge, node in self.places.node_of.items()})

    def part(self, edge: str) -> Plan:
        """What an edge node carries out."""
        return only_cabinets(self.plan, self.places.cabinets(edge))

    @property
    def said(self) -> Mapping[str, EdgeSaid]:
        """As ``LightDesk.said``."""
        return self._listener.everyone

    @property
    def standing(self) -> Standing:
        """As ``LightDesk.standing``."""
        return self._listener.standing

    def holds(self, edge: str, plan: str) -> tuple[int, Goal] | None:
        """As ``LightDesk.holds``."""
        return (1, Goal(edge=edge, plan=plan, order="")) if plan else None

    async def timetable(self, number: int, goal: Goal) -> Timetable:  # noqa: ARG002 - there is one version
        """As ``Shelf.timetable``."""
        return Timetable(self.part(goal.edge))

    def event(self, event: HostEvent, now: int) -> None:  # noqa: ARG002 - a hearer is told when
        """Something came off the wire."""
        if (news := self._listener.event(event)) is not None:
            self.outcomes += news.outcomes

    def broker(self, connected: bool, now: int) -> None:  # noqa: ARG002 - as above
        """The broker is there or away."""
        if not connected:
            self._listener.lost()


@dataclass
class Collector:
    """Acknowledges what has come, as the collector does, a second later: the highest offset of a segment below which all is
    there.
    """

    wire: Wire
    host: HostSession
    scans: int = 0
    readings: int = 0
    _floor: dict[tuple[NodeId, str, int], int] = field(default_factory=dict)
    _due: bool = False
    _told: dict[tuple[NodeId, str, int], int] = field(default_factory=dict)
    _ahead: dict[tuple[NodeId, str, int], set[int]] = field(default_factory=lambda: defaultdict(set))

    def event(self, event: HostEvent, now: int) -> None:
        """A scan that came."""
        if not isinstance(event, ScanReceived):
            return
        if not self._due:
            self._due = True
            asyncio.get_running_loop().call_later(1.0, self._acknowledge, now + 1000)
        scan = event.scan
        self.scans += 1
        self.readings += len(scan.index)
        if scan.offset is not None:
            where = scan.layout.node, scan.journal, scan.offset >> 32
            floor, ahead = self._floor.get(where, scan.offset >> 32 << 32), self._ahead[where]
            if scan.offset <= floor:
                self._told.pop(where, None)  # it comes again: the word that it is here was lost
                return
            ahead.add(scan.offset)
            while floor + 1 in ahead:
                floor += 1
                ahead.discard(floor)
            self._floor[where] = floor

    def broker(self, connected: bool, now: int) -> None:
        """Nothing comes."""

    def _acknowledge(self, now: int) -> None:
        self._due = False
        for (node, journal, segment), floor in self._floor.items():
            if self._told.get((node, journal, segment)) != floor:
                self._told[node, journal, segment] = floor
                self.wire.carry(self.host.stored(node, journal, floor, now), None)


@dataclass
class Detectors:
    """The lighting field, its words counted by fault."""

    field: LightingField
    told_of: Counter[str] = field(default_factory=Counter)

    def event(self, event: HostEvent, now: int) -> None:
        """Passed on."""
        self.field.event(event, now)

    def broker(self, connected: bool, now: int) -> None:
        """Passed on."""
        self.field.broker(connected, now)

    def tick(self, now: int) -> None:
        """Passed on."""
        self.field.tick(now)

    def told(self) -> Iterable[Condition]:
        """Counted and passed on."""
        told = self.field.told()
        self.told_of.update(one.key.partition("@")[0] for one in told)
        return told

    def standing(self) -> Iterable[Condition]:
        """Passed on."""
        return self.field.standing()


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One occurrence of an alarm. ``announced``: people would have been told; else a cause silenced it."""

    key: str
    rule: str
    at: int
    why: str
    announced: bool


class Ledger:
    """What the desk decided: a follower, and a recorder that keeps nothing."""

    def __init__(self) -> None:
        self.lives: dict[int, Life] = {}

    def submit(self, work: Callable[[Connection], T]) -> asyncio.Future[T]:  # noqa: ARG002 - there is no disk
        """Done."""
        return cast("asyncio.Future[T]", asyncio.get_running_loop().create_future())

    def committed(self) -> None:
        """Nothing waits for it."""

    def follow(self, batch: Batch) -> Sequence[Callable[[Connection], object]]:
        """Note what was raised, and what was announced."""
        for change in batch.changes:
            number, effects = change.state.occurrence, change.step.effects
            known = self.lives.get(number)
            told = Effect.ANNOUNCED in effects or (known is not None and known.announced)
            if Effect.RAISED in effects or (known is not None and told is not known.announced):
                occurrence = batch.open.get(number)
                why = occurrence.why.en if occurrence is not None else ""
                at = known.at if known is not None else change.at
                self.lives[number] = Life(key=change.alarm.key, rule=change.alarm.rule.id, at=at, why=why, announced=told)
        return ()


class Centre:
    """Control of a county, in this process. ``tick_s``: how often time alone is judged, by night and by day."""

    def __init__(
        self, binding: Binding, county: County, plan: Plan, clock: Clock, wire: Wire, folder: Path, tick_s: tuple[float, float]
    ) -> None:
        self.binding = binding
        self.shelf, self.ledger, self.armed = Shelf(county, plan), Ledger(), set[str]()
        self.engine = Engine(self.binding.alarms)
        self._county, self._clock, self._wire = county, clock, wire
        self._tick_s, self._place = tick_s, Place(county.latitude, county.longitude)
        self._memory = Memory(folder, clock)
        self.collector = Collector(wire, HostSession(county.host_id))
        self.detectors, self.ear, self.wanting = self._made()
        self._orders = 0
        online = hoststate.build(online=True, time=clock.now())
        wire.retained[topics.state(county.host_id)] = Message(topics.state(county.host_id), online, qos=1, retain=True)

    def _made(self) -> tuple[Detectors, Ear, Wanting]:
        wanting = Wanting(cast("LightDesk", self.shelf), self._clock)
        detectors = Detectors(LightingField(self._county, wanted=wanting.wanted))
        kept = Kept(states=dict(self.engine.states), number=self.engine.number, open={}, alive_at=None)
        self.engine = Engine(self.binding.alarms, kept.states, number=kept.number)
        self.desk = Desk(self.engine, kept, self.ledger, self._clock)
        self.desk.followers.append(self.ledger)
        watch = Watch(self.binding, self._county)
        ear = Ear(self._county, watch, self.desk, self._clock, logic=[detectors], transport=cast("Any", self._wire.line))
        ear.hearers += [self.shelf, self.collector]
        return detectors, ear, wanting

    async def run(self) -> None:
        """Listen and judge, until cancelled."""
        tasks = [asyncio.create_task(one) for one in (self.ear.run(), self.wanting.run(), self._ticks())]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def renew(self) -> None:
        """A restart: the alarms' states and what the detectors have learned is kept, all else is heard anew."""
        await self._memory.save(self.detectors.field.learned())
        told = self.detectors.told_of
        self.detectors, self.ear, self.wanting = self._made()
        self.detectors.told_of = told
        self.detectors.field.recall(await self._memory.load())

    def order(self, edge: str, do: Do) -> str:
        """Give an order; its id."""
        self._orders += 1
        now = self._clock.now()
        made = Order(id=f"bench-{self._orders}", who="bench", issued=now, expires=now + 60_000, do=do)
        self.ear.command(self.shelf.places.node_of[edge], ORDER, write(made))
        return made.id

    def look(self) -> None:
        """Note which alarms can be judged now. What waits for a second night says nothing of a healthy lamp: there its detector
        is asked.
        """
        self.armed.update(key for key, state in self.engine.states.items() if state.known)
        for place, node in self.detectors.field.learned().nodes.items():
            told = {f"lamp-{name}": held.told for name, held in node.held.items()}
            told |= {"lamp-cycling": node.restless.cycling.told, "lamp-flicker": node.restless.flicker.told}
            self.armed.update(f"{LATER.get(name, name)}@{place}" for name, value in told.items() if value is not None)

    async def _ticks(self) -> None:
        judged = float("-inf")
        while True:
            now = self._clock.monotonic()
            night_s, day_s = self._tick_s
            if now - judged >= night_s and (now - judged >= day_s or elevation(self._place, self._clock.now()) < DAY_ELEVATION):
                judged = now
                self.ear.tick()
            self.desk.tick()
            await self._clock.sleep(ENGINE_S)
