"""Which lamps should be lit: by the plan that was in force and the light sensors, else by command, else by the sun. Pure."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

from control.lighting.figures.sky import Sky
from control.lighting.figures.slots import Readings
from lampwell.lighting.level import NoTarget, Settled, Timetable
from lampwell.lighting.model import OFF, Layer
from lampwell.lighting.night import night, night_of
from lampwell.lighting.preview import daylight
from lampwell.lighting.standing import NOTHING, Standing
from lampwell.lighting.sun import Place

GUARD_MS = 600_000
"""Lamps are judged ten minutes after they were to come on: HID needs six (domain streetlights 3, warm-up guard)."""


class Basis(StrEnum):
    """Whose word it is that a lamp should be lit."""

    PLAN = "plan"
    LUX = "lux"
    COMMAND = "command"
    SUN = "sun"


class Wanted(NamedTuple):
    """Lit by ``basis``; ``level`` in percent where it is known by a plan."""

    level: int | None
    basis: Basis


@dataclass(frozen=True, slots=True, kw_only=True)
class InForce:
    """The plans that edge nodes went by: edge -> [(since, timetable)], oldest first, and what people set above them.

    ``place``: of each cabinet; ``edge``: which edge node carries it. A timetable None = it can not be read. ``sky``: what their
    light sensors said.
    """

    zone: ZoneInfo
    edge: Mapping[str, str]
    place: Mapping[str, Place]
    plans: Mapping[str, Sequence[tuple[int, Timetable | None]]] = field(default_factory=dict)
    standing: Standing = NOTHING
    sky: Sky = field(default_factory=Sky)

    def table(self, cabinet: str, at: int) -> Timetable | None:
        """The plan of a cabinet at an instant; None = none is known."""
        known = self.plans.get(self.edge.get(cabinet, ""), ())
        n = bisect_right([since for since, _ in known], at) - 1
        return known[n][1] if n >= 0 else None

    def has_own(self, table: Timetable, lamp: str) -> bool:
        """Whether a lamp may be asked for another level than its loop."""
        target = table.targets.get(lamp)
        return target is not None and bool(target.calendar or target.festivals or self.standing.names(lamp))

    def settled(self, table: Timetable, target: str, cabinet: str, at: int) -> Settled | None:
        """What a plan wanted, the light sensors heard; None = it has no such loop or lamp."""
        edge, standing = self.edge.get(cabinet, ""), self.standing.without_sensors()
        standing.dark = {name: self.sky.dark(edge, rule, at) for name, rule in table.lux.items()}
        try:
            return table.settled(target, at, standing)
        except NoTarget:
            return None

    def sunlit(self, cabinet: str, at: int) -> bool:
        """Whether the sun is up, or has been down for less than the guard."""
        rise, fall = _daylight(night_of(at, self.zone), self.zone, self.place[cabinet])
        return not fall + GUARD_MS <= at < rise


@lru_cache(4096)
def _daylight(day: date, zone: ZoneInfo, where: Place) -> tuple[int, int]:
    return daylight(night(day, zone, where))


def wanted(force: InForce, readings: Readings, target: str, cabinet: str, component: str, slot: int) -> Wanted | None:
    """Whether ``target`` (a loop, or a lamp of loop ``component``) should be lit at the end of a slot and was before the
    guard; None = not. A loop that an interlock holds open is dark on purpose.
    """
    at = readings.grid.end(slot)
    if readings.at(cabinet, f"{component}/locked", slot):
        return None
    table = force.table(cabinet, at)
    if table is not None:
        before, now = (force.settled(table, target, cabinet, each) for each in (at - GUARD_MS, at))
        if before is not None and now is not None:
            basis = Basis.LUX if Layer.LUX in (before.layer, now.layer) else Basis.PLAN
            return Wanted(now.level, basis) if min(before.level, now.level) > OFF else None
    commands = [readings.at(cabinet, f"{component}/commanded", each) for each in (slot - 1, slot)]
    if None not in commands:
        return Wanted(None, Basis.COMMAND) if all(commands) else None
    return None if force.sunlit(cabinet, at) else Wanted(None, Basis.SUN)
