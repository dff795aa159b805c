"""Lighting over the API: versions of the plan and their roll-out, overrides and locks, what edge nodes confirm, and why."""

from __future__ import annotations

import asyncio
from datetime import date
from functools import partial
from zoneinfo import ZoneInfo

from control.lighting.asks import Activation, Wish
from control.lighting.basis import basis_for, basis_of
from control.lighting.checks import Finding, check_plan, problem
from control.lighting.commanding import Commanding
from control.lighting.commands import Commanded, Commands
from control.lighting.compare import Difference, by_class, difference
from control.lighting.desk import LightDesk
from control.lighting.digest import DAY_MS, Digest, digest, tonight_of
from control.lighting.explaining import explained
from control.lighting.rolling import Rolling
from control.lighting.selection import Selection
from control.lighting.viewing import edge_row, rollout_row
from control.lighting.views import (
    Begun,
    EdgeRow,
    Explained,
    Given,
    LightOrder,
    LightOrderDetail,
    LightStatus,
    RolloutRow,
    Version,
)
from control.lighting.wishes import Wishes
from control.requests import NotDone, signed
from control.store import lighting as store
from control.store.writer import Writer
from lampwell.assets import County, EdgeNode
from lampwell.clock import Clock
from lampwell.errors import ConfigError
from lampwell.lighting.figures import Figures
from lampwell.lighting.level import Timetable
from lampwell.lighting.lunar import is_known, known_words
from lampwell.lighting.model import Plan
from lampwell.lighting.night import night_of
from lampwell.lighting.preview import Basis, NightPreview, loads_of, preview_night
from lampwell.lighting.wire import Said
from lampwell.times import INSTANTS, YEARS

MORNING_MS = 4 * 3_600_000
"""From eight in the morning on the coming night is looked at."""


class Lighting:
    """A version 0 means the one that runs: the last that came to all edge nodes, else the newest."""

    def __init__(self, county: County, desk: LightDesk, writer: Writer, clock: Clock) -> None:
        self.desk = desk
        self._county, self._writer, self._clock = county, writer, clock
        loads = loads_of(county)
        self._rolling = Rolling(county, desk, writer, clock, self._done)
        self._wishes = Wishes(desk, writer, clock, ZoneInfo(county.time_zone), loads, self._plan)
        self._commanding = Commanding(self._wishes)

    # -- looking -----------------------------------------------------------------------------------------------------------

    async def status(self) -> LightStatus:
        """What every edge node was asked to go by, confirms and reads back; what stands above it; the newest roll-out."""
        past = await self.rollouts(1)
        return LightStatus(
            now=self._clock.now(),
            running=await self._done(),
            edges=tuple(self._edge(edge) for edge in self._county.edges if edge.id in self.desk.places.edges),
            rollout=past[0] if past else None,
        )

    async def versions(self) -> list[Version]:
        """Every version of the plan, the newest first."""
        return list(await self.desk.shelf.versions())

    async def plan(self, version: int = 0) -> str:
        """One version's document (``lampwell.lighting.documents``). NotDone."""
        return await self.desk.shelf.body(version or await self._running())

    async def rollouts(self, most: int = 20) -> list[RolloutRow]:
        """The newest first."""
        past = await self._writer.read(partial(store.past_rollouts, most=most))
        return [rollout_row(one.rollout, at=one.at, who=one.who, why=one.reason) for one in past]

    async def explain(self, target: str, at: int = 0) -> Explained:
        """The level that should hold at a loop or lamp at an instant (0 now) and why, by the plan that its edge node confirmed
        and the overrides that it reports. Light sensors are left out. NotDone.
        """
        at, running = at or self._clock.now(), await self._running()
        if at not in INSTANTS:
            raise NotDone(f"时刻须在 {YEARS[0]} 至 {YEARS[-1]} 年 the time must be between {YEARS[0]} and {YEARS[-1]}")
        _check_known(night_of(at, ZoneInfo(self._county.time_zone)))
        return await explained(self.desk, target, at, await self.desk.shelf.plan(running), running)

    async def digest(self) -> Digest:
        """What to know before the coming night (by day) or of the present one. ConfigError."""
        status, now = await self.status(), self._clock.now()
        day = night_of(now + MORNING_MS, ZoneInfo(self._county.time_zone))
        if not status.running:
            return digest(status, day, tonight=None)
        plan = await self.desk.shelf.plan(status.running)
        basis, wrong = await asyncio.to_thread(basis_for, self._county, plan)
        return digest(
            status,
            day,
            tonight=await asyncio.to_thread(tonight_of, Timetable(plan), day, basis),
            orders=await self.orders(now - DAY_MS, 1_000),
            findings=await asyncio.to_thread(check_plan, plan, basis, day, self._county.lamps),
            wrong=wrong,
        )

    async def preview(self, version: int, target: str, day: date) -> NightPreview:
        """One night of a loop or lamp by a version. NotDone."""
        _check_known(day)
        table, basis = Timetable(await self.desk.shelf.plan(version or await self._running())), await self._basis()
        if target not in table.targets:
            raise NotDone(f"没有该回路或灯 there is no loop or lamp {target!r}")
        return await asyncio.to_thread(preview_night, table, target, day, basis)

    async def figures(self, version: int, day: date, nights: int) -> dict[str, Figures]:
        """A version over nights from a date on, by class of road, and ``all`` together. NotDone."""
        _check_known(day, nights)
        table = Timetable(await self.desk.shelf.plan(version or await self._running()))
        return await asyncio.to_thread(by_class, table, day, nights, await self._basis())

    async def difference(self, old: int, new: int, day: date, nights: int) -> Difference:
        """What changes from a version to another. NotDone."""
        _check_known(day, nights)
        before, after = [await self.desk.shelf.plan(number or await self._running()) for number in (old, new)]
        return await asyncio.to_thread(difference, before, after, day, nights, await self._basis())

    async def check(self, plan: Plan) -> list[Finding]:
        """What is wrong with a plan, errors first."""
        today = night_of(self._clock.now(), ZoneInfo(self._county.time_zone))
        return list(await asyncio.to_thread(check_plan, plan, await self._basis(), today, self._county.lamps))

    # -- versions and their roll-out -----------------------------------------------------------------------------------------

    async def take(self, plan: Plan, who: str, reason: str) -> Version:
        """Keep a new version (the newest one if it is the same); nothing is sent. ConfigError with all that is wrong, NotDone."""
        who, reason = signed(who, reason)
        if wrong := [one for one in await self.check(plan) if one.is_error]:
            raise ConfigError(problem(one) for one in wrong)
        return await self.desk.shelf.take(plan, who, reason, self._clock.now())

    async def activate(self, wanted: Activation, who: str, reason: str, token: str = "") -> Begun:
        """See ``Rolling.activate``."""
        return await self._rolling.activate(wanted, who, reason, token)

    async def rollback(self, wanted: Activation, who: str, reason: str, token: str = "") -> Begun:
        """See ``Rolling.rollback``."""
        return await self._rolling.rollback(wanted, who, reason, token)

    async def stop(self, who: str, reason: str) -> RolloutRow:
        """End the roll-out that runs; what was confirmed stays. NotDone."""
        who, reason = signed(who, reason)
        stopped = await self.desk.stop(who, reason)
        return next(one for one in await self.rollouts() if one.id == stopped.id)

    # -- overrides -----------------------------------------------------------------------------------------------------------

    async def override(self, selection: Selection, wish: Wish, who: str, token: str = "") -> Given:
        """See ``Wishes.override``."""
        return await self._wishes.override(selection, wish, who, token)

    async def command(self, commands: Commands, who: str, token: str = "") -> Commanded:
        """See ``Commanding.give``."""
        return await self._commanding.give(commands, who, token)

    async def lock(self, selection: Selection, reason: Said, who: str, token: str = "") -> Given:
        """See ``Wishes.lock``."""
        return await self._wishes.lock(selection, reason, who, token)

    async def release(self, name: str, reason: Said, who: str, confirmed: bool = False) -> list[LightOrder]:
        """See ``Wishes.release``."""
        return await self._wishes.release(name, reason, who, confirmed)

    async def orders(self, since: int = 0, most: int = 100) -> list[LightOrder]:
        """See ``Wishes.orders``."""
        return await self._wishes.orders(since, most)

    async def order(self, name: str) -> list[LightOrderDetail]:
        """See ``Wishes.order``."""
        return await self._wishes.order(name)

    # -- the pieces ----------------------------------------------------------------------------------------------------------

    async def _done(self) -> int:
        """The version that was last brought to all, 0 none."""
        done = await self._writer.read(store.versions_done)
        return done[0] if done else 0

    async def _running(self) -> int:
        if done := await self._done():
            return done
        known = await self.desk.shelf.versions()
        if not known:
            raise NotDone("还没有方案：先执行 there is no plan yet: lampwell light activate")
        return self.desk.rollout.version if self.desk.rollout else known[0].version

    async def _plan(self) -> Plan:
        return await self.desk.shelf.plan(await self._running())

    async def _basis(self) -> Basis:
        return await asyncio.to_thread(basis_of, self._county)

    def _edge(self, edge: EdgeNode) -> EdgeRow:
        said, asked = self.desk.said[edge.id], self.desk.asked.get(edge.id, "")
        versions = [held[0] if (held := self.desk.holds(edge.id, plan)) else 0 for plan in (asked, said.plan)]
        return edge_row(edge, said, self._clock.now(), asked=asked, asked_version=versions[0], confirmed_version=versions[1])


def _check_known(day: date, nights: int = 1) -> None:
    """NotDone for nights whose festivals are not known."""
    if nights < 1 or not is_known(day, nights):
        raise NotDone(f"{nights} 夜超出农历表 {day} and {nights} nights leave the table of lunar festivals: {known_words()}")
