"""Gather what counters of loops tell in a period: energy, hours lit, operations, cabinet by cabinet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from collector.asking import Source
from control.lighting.figures import energy as energies
from control.lighting.figures.counters import BRIDGE_MS, Course, amount, course, heard_ms
from control.lighting.figures.energy import Energy, Ground, Which, of_loop, program_of
from control.lighting.figures.inventory import lamps_of, rated_kw
from control.lighting.figures.led import Led, Side, compared, side
from control.lighting.figures.lit_rate import Loop
from control.lighting.figures.report import LoopRow, road_of
from control.lighting.figures.should import InForce
from control.lighting.figures.slots import WIDTH_MS
from deploy.light_figures import Asked, series_of
from lampwell.history.port import Buckets
from lampwell.lighting.night import night_of

COUNTERS = ("energy", "on_seconds", "operations")
MOST_SHARE = 1.5
"""More than this share of rated power for long is no reading of a counter but another counter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Meters:
    """Energy by program, the loops, before and after the change of lamps, and how often a counter went back."""

    sums: Mapping[Which, Energy]
    led: Led | None
    loops: tuple[LoopRow, ...]
    resets: int


async def meters(source: Source, asked: Asked, force: InForce, ground: Ground) -> Meters:
    """Counters of the loops, a day more on either side, so that what spans the bounds is known."""
    sums: dict[Which, list[Energy]] = defaultdict(list)
    rows: list[LoopRow] = []
    sides: dict[str, tuple[Side | None, Side | None]] = {}
    resets = 0
    for cabinet in dict.fromkeys(loop.cabinet for loop in asked.loops):
        loops = [loop for loop in asked.loops if loop.cabinet == cabinet]
        counters = await _counters(source, asked, loops)
        for loop in loops:
            energy = counters[loop.id, "energy"]
            span, by = (asked.start, asked.end), partial(_program, force, cabinet)
            told = of_loop(ground, loop.id, force.place[cabinet], partial(rated_kw, loop), energy, span, by)
            for which, one in told.items():
                sums[which].append(one)
            if ground.led is not None:
                sides[loop.id] = _sides(asked, loop, told, counters[loop.id, "on_seconds"], ground.led)
            rows.append(_row(asked, loop, counters))
            resets += energy.resets
    led = None if ground.led is None else compared(ground.led, sides)
    total = {which: energies.total(parts) for which, parts in sums.items()}
    return Meters(sums=total, led=led, loops=tuple(rows), resets=resets)


def _sides(asked: Asked, loop: Loop, told: Mapping[Which, Energy], lit: Course, at: int) -> tuple[Side | None, Side | None]:
    """A loop before and after the change of lamps."""
    found = []
    for after, span in ((False, (asked.start, at)), (True, (at, asked.end))):
        parts = [one for which, one in told.items() if which.after is after]
        one, burnt = energies.total(parts), amount(lit, *span) if span[0] < span[1] else None
        rated = rated_kw(loop, night_of(asked.end - 1 if after else asked.start, asked.zone))
        found.append(side(one.kwh if parts else None, one.dark_h, None if burnt is None else burnt / 3600, rated))
    return found[0], found[1]


def _program(force: InForce, cabinet: str, loop: str, time: int) -> str:
    """Which program a loop had; "" where no plan is known."""
    table = force.table(cabinet, time)
    return program_of(table, loop, time) if table is not None and loop in table.targets else ""


def _most_kw_h(loop: Loop) -> float | None:
    """More than this an hour is no reading of its counter; None = what it was once rated at is not known."""
    if any(lamp.since and lamp.watts_before is None for lamp in lamps_of(loop)):
        return None
    return MOST_SHARE * sum(max(lamp.watts, lamp.watts_before or 0.0) for lamp in lamps_of(loop)) / 1000


async def _counters(source: Source, asked: Asked, loops: Sequence[Loop]) -> dict[tuple[str, str], Course]:
    paths = {f"{loop.component}/{name}": (loop, name) for loop in loops for name in COUNTERS}
    cabinet = loops[0].cabinet
    stored = {key[1]: one for key, (one, _) in (await series_of(source, asked.county, {cabinet: paths})).items()}
    found = await source.buckets(list(stored.values()), asked.start - BRIDGE_MS, asked.end + BRIDGE_MS, WIDTH_MS)
    by_path = dict(zip(stored, found, strict=True))
    return {(loop.id, name): _course(by_path.get(path), loop, name) for path, (loop, name) in paths.items()}


def _course(one: Buckets | None, loop: Loop, name: str) -> Course:
    if one is None:
        return Course(pieces=(), resets=0)
    most = {"energy": _most_kw_h(loop), "on_seconds": 3600.0}.get(name)
    return course([at + WIDTH_MS for at in one.time], one.last, most_per_h=most, within_ms=WIDTH_MS)


def _row(asked: Asked, loop: Loop, counters: Mapping[tuple[str, str], Course]) -> LoopRow:
    energy, seconds, operations = (counters[loop.id, name] for name in COUNTERS)
    burnt = amount(seconds, asked.start, asked.end)
    return LoopRow(
        loop=loop.id,
        road=road_of(loop),
        kwh=amount(energy, asked.start, asked.end),
        burn_h=None if burnt is None else burnt / 3600,
        operations=amount(operations, asked.start, asked.end),
        coverage=heard_ms(energy, asked.start, asked.end) / (asked.end - asked.start),
    )
