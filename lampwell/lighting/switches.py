"""Every change of a target's level in a stretch of time, each once: what a crew may expect to see, and what a preview counts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from lampwell.lighting.level import Settled, Timetable
from lampwell.lighting.model import Layer, Target, Text
from lampwell.lighting.night import DAY
from lampwell.lighting.standing import NOTHING, Standing


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """At ``at`` (epoch ms) the level becomes ``level``, where it was ``was``; the change takes ``ramp_s`` seconds."""

    target: str
    at: int
    was: int
    level: int
    ramp_s: int
    layer: Layer
    why: Text


def switches(table: Timetable, target: str, start: int, end: int, standing: Standing = NOTHING) -> Iterator[Switch]:
    """The changes in [start, end), in order, so that stretches side by side give each change once.

    Light sensors are left out: what they will say nobody knows. NoTarget.
    """
    overrides_only = standing if not standing.dark else standing.without_sensors()
    was = table.settled(target, start - 1, overrides_only).level
    for at in _bounds(table, target, start, end, overrides_only):
        now = table.settled(target, at, overrides_only)
        if now.level != was:
            yield _switch(target, at, was, now)
            was = now.level


def _switch(target: str, at: int, was: int, now: Settled) -> Switch:
    ramps = now.since == at and 0 not in (was, now.level)
    return Switch(target=target, at=at, was=was, level=now.level, ramp_s=now.ramp_s if ramps else 0, layer=now.layer, why=now.why)


def _bounds(table: Timetable, target: str, start: int, end: int, standing: Standing) -> list[int]:
    """Every instant at which anything could change."""
    one = table.targets[target]
    family = [one, table.targets[one.loop]] if one.loop else [one]
    found: set[int] = set()
    for each in family:
        found.update(standing.bounds(each.id))
        found.update(_of_programs(table, each, start, end))
    return sorted(at for at in found if start <= at < end)


def _of_programs(table: Timetable, target: Target, start: int, end: int) -> Iterator[int]:
    source = table.resolved(target)
    day, last = table.day(start), table.day(end - 1)
    while day <= last:
        tracks = [
            table.tracks(source.festivals, source.place, day, festival=True) if source.festivals else None,
            table.tracks(source.calendar, source.place, day, festival=False),
        ]
        for each in tracks:
            yield from each.starts if each else ()
        yield table.night(source.place, day).start
        day += DAY
