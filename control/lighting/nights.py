"""Nights of a plan one by one: when which loops switch to which level, and the figures of each. Pure.

Loops that have the same calendars in the same cell of ``lampwell.lighting.patterns`` are one kind; times are those of its first.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from lampwell.lighting.figures import Figures, total
from lampwell.lighting.level import Timetable
from lampwell.lighting.patterns import kind_of
from lampwell.lighting.preview import Basis, preview
from lampwell.lighting.switches import switches

Night = tuple[tuple[int, int], ...]
"""(epoch ms, level) of each switch, in order; the first is the level at the noon it begins with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NightRow:
    """One night of targets of one kind; ``figures``: of all of them together."""

    day: date
    targets: tuple[str, ...]
    sunset: int | None
    sunrise: int | None
    switches: Night
    figures: Figures


def loops_of(table: Timetable) -> list[str]:
    """Every loop."""
    return [name for name, one in table.targets.items() if not one.loop]


def night_rows(table: Timetable, targets: Sequence[str], first: date, nights: int, basis: Basis) -> Iterator[NightRow]:
    """Night by night: each of the targets named, or every kind of loop where none is."""
    groups: list[tuple[str, ...]] = [(name,) for name in targets] or list(_kinds(table))
    for day in (first + timedelta(n) for n in range(nights)):
        sums = preview(table, [name for names in groups for name in names], day, 1, basis)
        for names in groups:
            sun = table.night(table.targets[names[0]].place, day).sun
            yield NightRow(
                day=day,
                targets=names,
                sunset=sun.sunset,
                sunrise=sun.sunrise,
                switches=night_of(table, names[0], day),
                figures=total(sums[name] for name in names),
            )


def nights_of(table: Timetable, targets: Sequence[str], day: date) -> dict[str, Night]:
    """The switches of each target in the night of a date."""
    return {name: night_of(table, name, day) for name in targets}


def night_of(table: Timetable, target: str, day: date) -> Night:
    """The switches of one target in the night of a date."""
    night = table.night(table.targets[target].place, day)
    first = (night.start, table.settled(target, night.start).level)
    return (first, *((one.at, one.level) for one in switches(table, target, night.start + 1, night.end)))


def _kinds(table: Timetable) -> Iterator[tuple[str, ...]]:
    alike: dict[tuple[object, ...], list[str]] = {}
    for name in loops_of(table):
        alike.setdefault(kind_of(table, table.targets[name]), []).append(name)
    return map(tuple, alike.values())
