"""The levels of a target night by night as its programs want them, without ramps, light sensors and overrides; and which targets
have the same nights. Places are alike that lie in one cell.
"""

from __future__ import annotations

from bisect import bisect_right
from datetime import date

from lampwell.lighting.level import Timetable, Tracks
from lampwell.lighting.loops import level_in_place, place
from lampwell.lighting.model import OFF, Target
from lampwell.lighting.sun import Place

CELL = 0.05
"""Degrees."""
Levels = list[tuple[int, int]]
"""(start, level of the program) of a night, from its noon on."""
Pattern = list[tuple[int, int, float]]
"""(start, level of the target, average over the groups of its loop map): the last is what the road sees."""


def kind_of(table: Timetable, one: Target) -> tuple[object, ...]:
    """Equal for targets that have the same nights."""
    source, loop = table.resolved(one), table.targets[one.loop] if one.loop else one
    return (*((each.calendar, each.festivals, each.loop_map, each.group) for each in (source, loop)), cell(one.place))


def cell(place: Place) -> Place:
    """The middle of the cell a place lies in."""
    return Place(round(place.latitude / CELL) * CELL, round(place.longitude / CELL) * CELL)


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
