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
from lampwell.lighting.level import Timetable
from lampwell.lighting.model import OFF, Target
from lampwell.lighting.night import Night
from lampwell.lighting.patterns import Nights, Pattern, cell, kind_of
from lampwell.lighting.standards import DEFAULTS, RoadStandard
from lampwell.lighting.sun import Place
from lampwell.lighting.switches import Switch, switches
from lampwell.lighting.tariff import Tariff, tariff_of
from lampwell.times import local

HOUR_MS = 3_600_000


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


def _load(basis: Basis, target: str) -> Load:
    return basis.loads.get(target, Load(kw=0.0))


# -- night by night ------------------------------------------------------------------------------------------------------------


def _sums(table: Timetable, one: Target, prices: Sequence[_Prices], standard: RoadStandard | None) -> Sums:
    nights, where, sums = Nights(table, one), cell(one.place), Sums()
    least = 100 * standard.minimum_lx / standard.design_lx if standard else 0.0
    was: int | None = None
    for price in prices:
        was = _add(sums, nights.of(price.day), table.night(where, price.day), price, least, was)
    return sums


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
