"""The versions of the plan, from the database, and what part of which version an edge node holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from sqlalchemy import Connection

from control.lighting.mixing import mixed
from control.lighting.places import Places
from control.lighting.rollout import Goal, number_of
from control.lighting.views import Version
from control.requests import NotDone
from control.store import lighting as store
from control.store.writer import Writer
from lampwell.lighting.assign import only_cabinets
from lampwell.lighting.documents import plan_hash, read_document, write_document
from lampwell.lighting.level import Timetable
from lampwell.lighting.model import Plan

MOST_KEPT = 8
"""Plans and timetables kept ready."""


class Shelf:
    """Versions never change, so what was read once is kept."""

    def __init__(self, places: Places, writer: Writer) -> None:
        self._places, self._writer = places, writer
        self._plans: dict[int, Plan] = {}
        self._tables: dict[str, Timetable] = {}

    async def versions(self) -> Sequence[Version]:
        """The newest first."""
        return await self._writer.read(store.plan_versions)

    async def version(self, number: int) -> Version:
        """One of them. NotDone."""
        found = await self.versions()
        for one in found:
            if one.version == number:
                return one
        there = f"最新为 the newest is {found[0].version}" if found else "还没有任何版本 there is none yet"
        raise NotDone(f"没有方案版本 there is no version {number} of the plan; {there}")

    async def body(self, number: int) -> str:
        """One version's document. NotDone."""
        found = await self._writer.read(partial(store.plan_body, version=number))
        if found is None:
            await self.version(number)
        assert found is not None, "a version has a body"
        return found

    async def plan(self, number: int) -> Plan:
        """One version's plan, of the whole county. NotDone."""
        if number not in self._plans:
            body = await self.body(number)
            _bound(self._plans)
            self._plans[number] = read_document(body.encode()).plan
        return self._plans[number]

    async def take(self, plan: Plan, who: str, reason: str, at: int) -> Version:
        """Keep a new version; the newest one where it is the same. PlanRefused."""
        known, digest = await self.versions(), plan_hash(plan)
        if known and known[0].hash == digest:
            return known[0]

        def keep(connection: Connection) -> Version:
            made = Version(version=store.next_version(connection), at=at, who=who, reason=reason, hash=digest)
            store.save_plan(connection, made, write_document(plan, version=made.version, made=at, who=who).decode())
            return made

        return await self._writer.write(keep)

    # -- what edge nodes hold ----------------------------------------------------------------------------------------------

    async def hashes(self, number: int) -> Mapping[str, str]:
        """The hash of each edge node's part of a version. NotDone."""
        plan = await self.plan(number)
        return {edge: plan_hash(only_cabinets(plan, self._places.cabinets(edge))) for edge in self._places.edges}

    async def trial(self, number: int, over: int, cabinet: str) -> Plan:
        """An edge node's plan with one cabinet on version ``number`` and its others on version ``over``. NotDone."""
        edge = self._places.edge_of[cabinet]
        others = [name for name in self._places.cabinets(edge) if name != cabinet]
        return mixed(await self.plan(over), await self.plan(number), [cabinet], others, f"@{over}")

    async def document(self, number: int, goal: Goal) -> str:
        """What an edge node is sent for a goal of a version; it bears the goal's revision. NotDone."""
        version, part = await self.version(number), await self._part(number, goal)
        return write_document(part, version=number_of(goal.plan), made=version.at, who=version.who).decode()

    async def timetable(self, number: int, goal: Goal) -> Timetable:
        """What an edge node goes by when it has reached a goal of a version. NotDone."""
        key = f"{goal.edge} {goal.plan}"
        if key not in self._tables:
            part = await self._part(number, goal)
            _bound(self._tables)
            self._tables[key] = Timetable(part)
        return self._tables[key]

    async def _part(self, number: int, goal: Goal) -> Plan:
        if goal.trial:
            return await self.trial(number, goal.over, goal.trial)
        return only_cabinets(await self.plan(number), self._places.cabinets(goal.edge))


def _bound(kept: dict[int, Plan] | dict[str, Timetable]) -> None:
    while len(kept) >= MOST_KEPT:
        kept.pop(next(iter(kept)))  # type: ignore[call-overload]
