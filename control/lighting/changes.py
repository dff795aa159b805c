"""What an order would change, before it does: how many loops and lamps, from which level to which, where, and how many kW. Pure.

From-levels are what the plan and the overrides that edge nodes report say should hold; light sensors are left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from control.lighting.places import Places
from control.lighting.selection import Selected
from lampwell.lighting.figures import Load, power_share
from lampwell.lighting.level import Timetable
from lampwell.lighting.model import OFF, Layer, Target
from lampwell.lighting.standing import Standing
from lampwell.lighting.wire import Stands


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """So many loops (with the lamps on them) or single lamps go from one level to another; ``held_by``: what keeps them there.

    ``loops`` 0: lamps spoken to by themselves.
    """

    was: int
    level: int
    loops: int
    lamps: int
    held_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """All of it. ``kw``: rated power at the levels before and after. ``replaces``: leases whose place it would take, on some or
    all of their targets and for good (there is no stack).
    """

    loops: int
    lamps: int
    cabinets: tuple[str, ...]
    roads: tuple[str, ...]
    areas: tuple[str, ...]
    shifts: tuple[Shift, ...]
    kw_was: float
    kw: float
    replaces: tuple[str, ...] = ()

    @property
    def is_mass(self) -> bool:
        """More than one cabinet: wants a second confirmation."""
        return len(self.cabinets) > 1


def change(
    selected: Selected,
    level: int,
    at: int,
    *,
    table: Timetable,
    standing: Standing,
    places: Places,
    loads: Mapping[str, Load],
    layer: Layer = Layer.LEASE,
) -> Change:
    """What ``level`` on these targets would change at an instant."""
    loops = {one.id for one in selected.targets if not one.loop}
    units = [one for one in selected.targets if not one.loop or one.loop not in loops]
    count: Counter[tuple[bool, int, int, str]] = Counter()
    lamps: Counter[tuple[bool, int, int, str]] = Counter()
    kw_was = kw = 0.0
    for one in units:
        was, after, held = _levels(one, level, at, table, standing, layer)
        key = (bool(one.loop), was, after, held)
        count[key] += 1
        lamps[key] += 1 if one.loop else places.lamps_on.get(one.id, 0)
        rated = loads[one.id].kw if one.id in loads else 0.0
        kw_was += rated * power_share(was)
        kw += rated * power_share(after)
    shifts = tuple(
        Shift(was=key[1], level=key[2], held_by=key[3], loops=0 if key[0] else count[key], lamps=lamps[key])
        for key in sorted(count)
    )
    return Change(
        loops=len(loops),
        lamps=sum(lamps.values()),
        cabinets=selected.cabinets,
        roads=_each(units, lambda one: places.roads_of.get(one.loop or one.id) or {places.road_of[one.cabinet]}),
        areas=_each(units, lambda one: {places.area_of[one.cabinet]}),
        shifts=shifts,
        kw_was=round(kw_was, 3),
        kw=round(kw, 3),
    )


def replaced(stands: Iterable[Stands], selected: Selected, at: int) -> tuple[str, ...]:
    """The leases in force then on any of the targets."""
    targets = set(selected.ids)
    return tuple(
        one.id for one in stands if one.end is not None and one.start <= at < one.end and not targets.isdisjoint(one.targets)
    )


def _levels(one: Target, level: int, at: int, table: Timetable, standing: Standing, layer: Layer) -> tuple[int, int, str]:
    """(before, after, what keeps it)."""
    now = table.settled(one.id, at, standing)
    if now.layer > layer:
        return now.level, now.level, now.layer.name.lower().replace("_", " ")
    if one.loop and level > OFF and table.settled(one.loop, at, standing).level == OFF:
        return now.level, OFF, "dead loop"
    return now.level, level, ""


def _each(units: list[Target], names: Callable[[Target], set[str] | frozenset[str]]) -> tuple[str, ...]:
    return tuple(sorted({name for one in units for name in names(one) if name}))
