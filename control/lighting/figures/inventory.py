"""The lamps of a past night, by the dates of the inventory. Pure. Rated watts of what hung there before and nobody wrote down are
not known: 0.0 of a lamp, None of a loop.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import date

from control.lighting.figures.lit_rate import Loop, Wired
from lampwell.assets import Lamp


def lamps_of(loop: Loop) -> Iterator[Lamp]:
    """All of a loop."""
    return (one.lamp for phase in loop.phases.values() for one in phase)


def as_of(loops: Sequence[Loop], day: date) -> Sequence[Loop]:
    """The loops with the lamps of a night."""
    return [
        replace(loop, phases={phase: tuple(_then(lamps, day)) for phase, lamps in loop.phases.items()})
        if any(lamp.since for lamp in lamps_of(loop))
        else loop
        for loop in loops
    ]


def _then(lamps: Iterable[Wired], day: date) -> Iterator[Wired]:
    for one in lamps:
        watts = one.lamp.watts_on(day)
        if watts != 0:
            yield replace(one, lamp=replace(one.lamp, watts=watts or 0.0)) if one.lamp.since else one


def changed(loops: Iterable[Loop], day: date) -> set[tuple[str, str]]:
    """Phases (loop id, phase) with a lamp that was changed before this night: what was learned of them is no reference."""
    return {
        (loop.id, phase) for loop in loops for phase, lamps in loop.phases.items() if any(one.lamp.since == day for one in lamps)
    }


def rated_kw(loop: Loop, day: date) -> float | None:
    """Rated power of a loop in a night."""
    watts = [lamp.watts_on(day) for lamp in lamps_of(loop)]
    known = [each for each in watts if each is not None]
    return sum(known) / 1000 if len(known) == len(watts) else None
