"""Bringing a version to the edge nodes, or going back to one: what it would change is shown first, and asked about."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import cast
from zoneinfo import ZoneInfo

from control.lighting.activation import prepared
from control.lighting.asks import Activation
from control.lighting.basis import basis_of
from control.lighting.checks import Finding, check_plan
from control.lighting.compare import Difference, difference
from control.lighting.confirming import Confirming
from control.lighting.desk import LightDesk
from control.lighting.digest import tonight_of
from control.lighting.places import Places
from control.lighting.rollout import Phase, hash_of
from control.lighting.viewing import rollout_row
from control.lighting.views import Begun, PlanChange, Tonight
from control.requests import NotDone, signed
from control.store import lighting as store
from control.store.writer import Writer
from lampwell.assets import County
from lampwell.clock import Clock
from lampwell.lighting.assign import only_cabinets
from lampwell.lighting.documents import plan_hash
from lampwell.lighting.level import Timetable
from lampwell.lighting.model import Plan
from lampwell.lighting.night import night_of

NIGHTS = 365
"""Over which the difference in energy and money is reckoned."""


@dataclass(slots=True)
class Rolling:
    """``running``: the version that is to be compared with, 0 none."""

    county: County
    desk: LightDesk
    writer: Writer
    clock: Clock
    running: Callable[[], Awaitable[int]]
    _confirming: Confirming = field(default_factory=Confirming)

    async def activate(self, wanted: Activation, who: str, reason: str, token: str) -> Begun:
        """Bring a version to all edge nodes: the first answer says what it would change. NotDone, StateError."""
        self.desk.refuse_second()
        return await self._begin(wanted, who, reason, token)

    async def rollback(self, wanted: Activation, who: str, reason: str, token: str) -> Begun:
        """As ``activate``, of the version that ran before, unless one is named; a roll-out that runs is stopped. NotDone."""
        done = await self.writer.read(store.versions_done)
        newest = self.desk.rollout.version if self.desk.rollout else 0
        earlier = [number for number in done if number != newest]
        if not wanted.version and not earlier:
            raise NotDone("没有更早生效的版本 no earlier version has run")
        return await self._begin(replace(wanted, version=wanted.version or earlier[0]), who, reason, token)

    async def _begin(self, wanted: Activation, who: str, reason: str, token: str) -> Begun:
        who, reason = signed(who, reason)
        running, rollout = await self.running(), await prepared(self.desk, wanted)
        asked, now = (wanted, running, who, reason), self.clock.now()
        if not token:
            change = await self._change(wanted.version, running)
            return Begun(change=change, token=self._confirming.ask(asked, change, now))
        change = cast("PlanChange", self._confirming.confirmed(asked, token, now))
        if self.desk.rollout is not None and self.desk.rollout.phase is Phase.RUNNING:
            await self.desk.stop(who, reason)
        begun = await self.desk.roll(rollout, who, reason)
        return Begun(change=change, rollout=rollout_row(begun, at=now, who=who, why=reason))

    async def _change(self, version: int, running: int) -> PlanChange:
        shelf, places = self.desk.shelf, self.desk.places
        new, old = await shelf.plan(version), await shelf.plan(running) if running else None
        said, hashes = self.desk.said, await shelf.hashes(version)
        cabinets, found, findings, tonight = await asyncio.to_thread(self._reckoned, old, new)
        return PlanChange(
            version=version,
            running=running,
            cabinets=cabinets,
            lamps=sum(count for loop, count in places.lamps_on.items() if loop.partition("/")[0] in cabinets),
            edges=tuple(edge for edge, digest in hashes.items() if hash_of(said[edge].plan) != digest),
            away=tuple(edge for edge in hashes if not said[edge].alive),
            tonight=tonight,
            difference=found,
            findings=findings,
        )

    def _reckoned(self, old: Plan | None, new: Plan) -> tuple[tuple[str, ...], Difference | None, tuple[Finding, ...], Tonight]:
        """The long part, for a thread."""
        basis, day = basis_of(self.county), night_of(self.clock.now(), ZoneInfo(self.county.time_zone))
        return (
            _changed(old, new, self.desk.places),
            None if old is None else difference(old, new, day, NIGHTS, basis),
            check_plan(new, basis, day, self.county.lamps),
            tonight_of(Timetable(new), day, basis),
        )


def _changed(old: Plan | None, new: Plan, places: Places) -> tuple[str, ...]:
    """The cabinets for which anything is written otherwise."""
    every = tuple(places.edge_of)
    if old is None:
        return every
    return tuple(one for one in every if plan_hash(only_cabinets(old, [one])) != plan_hash(only_cabinets(new, [one])))
