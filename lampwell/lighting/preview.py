"""What a plan will do, before it does it: one night of a target with every switch, or the figures of many nights of many targets.

Light sensors and overrides are left out: nobody knows them ahead. Ramps are reckoned as steps. Figures of many nights take the
sun at the middle of a cell of 0.05 degrees, which moves a switch by some seconds; the switches of one night are exact.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from zoneinfo import ZoneInfo

from lampwell.assets import County
from lampwell.lighting.assign import loop_id
from lampwell.lighting.figures import Figures, Load, Sums
from lampwell.lighting.level import Timetable, Tracks
from lampwell.lighting.loops import level_in_place, place
from lampwell.lighting.model import OFF, Target
from lampwell.lighting.night import Night
from lampwell.lighting.standards import DEFAULTS, RoadStandard
from lampwell.lighting.sun import Place
from lampwell.lighting.switches import Switch, switches
from lampwell.lighting.tariff import Tariff, tariff_of
from lampwell.times import local

CELL = 0.05
HOUR_MS = 3_600_000
Levels = list[tuple[int, int]]
"""(start, level of the program) of a night, from its noon on."""
Pattern = list[tuple[int, int, float]]
"""(start, level of the target, average over the groups of its loop map): the last is what the road sees."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Basis:
    """What figures rest on: what hangs on the targets, prices, and what roads must have."""

    loads: Mapping[str, Load]
    tariffs: Sequence[Tariff] = ()
    standards: Mapping[str, RoadStandard] = field(default_factory=lambda: DEFAULTS)


@dataclass(frozen=True, slots=True, kw_only=True)
class NightPreview:
    """One night of one target."""

    target: str
    day: date
    sunset: int | None
    sunrise: int | None
    level: int
    """At the noon it begins with."""
    switches: tuple[Switch, ...]
    figures: Figures


def loads_of(county: County) -> dict[str, Load]:
    """What hangs on every loop and is every lamp, by the inventory."""
    classes = {road.id: road.road_class for road in county.roads}
    loads = {lamp.id: Load(kw=lamp.watts / 1000, road_class=classes.get(lamp.road, "")) for lamp in county.lamps}
    for lamp in county.lamps:
        name = loop_id(lamp.cabinet, lamp.loop)
        before = loads.get(name, Load(kw=0.0, road_class=loads[lamp.id].road_class))
        loads[name] = Load(kw=before.kw + lamp.watts / 1000, road_class=before.road_class)
    return loads


def preview_night(table: Timetable, target: str, day: date, basis: Basis) -> NightPreview:
    """The night of a date. NoTarget."""
    settled = table.settled(target, table.night(table.targets[target].place, day).start)
    one = table.targets[target]
    night = table.night(one.place, day)
    return NightPreview(
        target=target,
        day=day,
        sunset=night.sun.sunset,
        sunrise=night.sun.sunrise,
        level=settled.level,
        switches=tuple(switches(table, target, night.start, night.end)),
        figures=preview(table, [target], day, 1, basis)[target],
    )


def preview(table: Timetable, targets: Sequence[str], first: date, nights: int, basis: Basis) -> dict[str, Figures]:
    """The figures of each target over ``nights`` nights from ``first`` on. Targets alike but for their load are reckoned once."""
    alike: dict[tuple[object, ...], list[str]] = {}
    for name in targets:
        alike.setdefault((*kind_of(table, table.targets[name]), _load(basis, name).road_class), []).append(name)
    prices = [_Prices(table, first + timedelta(n), basis.tariffs) for n in range(nights)]
    found: dict[str, Figures] = {}
    for names in alike.values():
        one = table.targets[names[0]]
        standard = basis.standards.get(_load(basis, names[0]).road_class)
        sums = _sums(table, one, prices, standard)
        found.update({name: sums.figures(_load(basis, name), standard) for name in names})
    return found


def kind_of(table: Timetable, one: Target) -> tuple[object, ...]:
    """Equal for targets that have the same nights."""
    source, loop = table.resolved(one), table.targets[one.loop] if one.loop else one
    return (*((each.calendar, each.festivals, each.loop_map, each.group) for each in (source, loop)), cell(one.place))


def _load(basis: Basis, target: str) -> Load:
    return basis.loads.get(target, Load(kw=0.0))


def cell(place: Place) -> Place:
    """The middle of the cell a place lies in."""
    return Place(round(place.latitude / CELL) * CELL, round(place.longitude / CELL) * CELL)


# -- one pattern, night by night -----------------------------------------------------------------------------------------------


def _sums(table: Timetable, one: Target, prices: Sequence[_Prices], standard: RoadStandard | None) -> Sums:
    nights, where, sums = Nights(table, one), cell(one.place), Sums()
    least = 100 * standard.minimum_lx / standard.design_lx if standard else 0.0
    was: int | None = None
    for price in prices:
        was = _add(sums, nights.of(price.day), table.night(where, price.day), price, least, was)
    return sums


class Nights:
    """The nights of a target, under its loop where it has a calendar of its own."""

    __slots__ = ("_loop", "_shape", "_where")

    def __init__(self, table: Timetable, one: Target) -> None:
        source = table.resolved(one)
        self._shape, self._where = Shape(table, source), cell(one.place)
        self._loop = Shape(table, table.targets[one.loop]) if one.loop and source is one else None

    def of(self, day: date) -> Pattern:
        """The pattern of the night of a date."""
        pattern = self._shape.night(day, self._where)
        return pattern if self._loop is None else _on_loop(pattern, self._loop.night(day, self._where))


class Shape:
    """The nights of a target; what its loop map makes of each level is reckoned once."""

    __slots__ = ("_even", "_map", "_own", "_table", "_target")

    def __init__(self, table: Timetable, target: Target) -> None:
        self._table, self._target = table, target
        self._map = table.loop_maps[target.loop_map] if target.loop_map else None
        groups = range(len(self._map.groups)) if self._map else ()
        self._own = [[level_in_place(self._map, n, level) for level in range(101)] for n in groups if self._map]
        self._even = [sum(levels) / len(levels) for levels in zip(*self._own, strict=True)]

    def night(self, day: date, where: Place) -> Pattern:
        """The pattern of one night at a place."""
        program = _levels(self._table, self._target, day, where)
        if self._map is None:
            return [(at, level, level) for at, level in program]
        own, even = self._own[place(self._map, self._target.group, day)], self._even
        return [(at, own[level], even[level]) for at, level in program]


def _levels(table: Timetable, one: Target, day: date, place: Place) -> Levels:
    usual = table.tracks(one.calendar, place, day, festival=False)
    assert usual is not None, "without a calendar the default holds"
    feast = table.tracks(one.festivals, place, day, festival=True) if one.festivals else None
    if feast is None:
        return [(piece.start, piece.level) for piece in usual.pieces]
    return [(at, _of_layers(usual, feast, at)) for at in sorted({*usual.starts, *feast.starts})]


def _of_layers(usual: Tracks, feast: Tracks, at: int) -> int:
    piece = feast.pieces[feast.number(at)]
    return piece.level if piece.active else usual.pieces[usual.number(at)].level


def _on_loop(own: Pattern, loop: Pattern) -> Pattern:
    """A lamp with a calendar of its own: nothing burns on an open loop."""
    starts = [each[0] for each in own], [each[0] for each in loop]
    merged: Pattern = []
    for at in sorted({*starts[0], *starts[1]}):
        _, level, _ = own[bisect_right(starts[0], at) - 1]
        _, fed, seen = loop[bisect_right(starts[1], at) - 1]
        merged.append((at, level if fed > OFF else OFF, seen * level / 100))
    return merged


def _add(sums: Sums, pattern: Pattern, night: Night, price: _Prices, least: float, was: int | None) -> int:
    """Add a night of one kW; the level at its end."""
    rise, fall = daylight(night)
    ends = [each[0] for each in pattern[1:]]
    ends.append(night.end)
    paid = 0.0
    for (at, level, seen), end in zip(pattern, ends, strict=True):
        before, paid = paid, price.until(end)
        if seen > 0:
            sums.full += end - at
            sums.full_cny += paid - before
            sums.low = min(sums.low, seen)
        if level > OFF:
            sums.burning(level, at, end, paid - before)
            if at < fall or end > rise:
                sums.day += max(0, min(end, fall) - at) + max(0, end - max(at, rise))
        if seen < least and at < rise and end > fall:
            sums.dark += max(0, min(end, rise) - max(at, fall))
        if was is not None and (was > OFF) != (level > OFF):
            sums.operations += 1
        was = level
    sums.nights += 1
    assert was is not None, "a night has at least one piece"
    return was


def daylight(night: Night) -> tuple[int, int]:
    """Sunrise and sunset of a night as bounds; a night without them is all dark or all light."""
    sun = night.sun
    fall = sun.sunset if sun.sunset is not None else night.start if sun.dark else night.end
    rise = sun.sunrise if sun.sunrise is not None else night.end
    return rise, fall


# -- money ---------------------------------------------------------------------------------------------------------------------


class _Prices:
    """What a steady kW has cost from the noon of a night on, in CNY times ms per hour."""

    __slots__ = ("_bounds", "_paid", "_rates", "day")

    def __init__(self, table: Timetable, day: date, tariffs: Sequence[Tariff]) -> None:
        self.day = day
        self._bounds: list[int] = []
        self._rates: list[float] = []
        self._paid: list[float] = [0.0]
        for at, hour, local_day in _hours(table.night(Place(0.0, 0.0), day), table.zone):
            if self._bounds:
                self._paid.append(self._paid[-1] + self._rates[-1] * (at - self._bounds[-1]))
            self._bounds.append(at)
            self._rates.append(tariff_of(tariffs, local_day).hours[hour])

    def until(self, at: int) -> float:
        """Paid from noon to an instant of the night."""
        n = bisect_right(self._bounds, at) - 1
        return self._paid[n] + self._rates[n] * (at - self._bounds[n])


def _hours(night: Night, zone: ZoneInfo) -> Iterator[tuple[int, int, date]]:
    """Where each local hour of a night begins, its number and its date."""
    at = night.start
    while at < night.end:
        then = local(at, zone)
        yield at, then.hour, then.date()
        at += HOUR_MS - (then.minute * 60 + then.second) * 1000
