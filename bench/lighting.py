"""What the lighting engine costs: a year's preview of 200 programs on 100 loops, a round of 1,220 lamps, the plan's bytes."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

from lampwell.county import load
from lampwell.lighting import Plan, Program, Standing, Target, Timetable, switches
from lampwell.lighting.documents import read_document, write_document
from lampwell.lighting.files import build_plan, load_lighting
from lampwell.lighting.model import Calendar, Step
from lampwell.lighting.moments import read_moment
from lampwell.lighting.preview import Basis, loads_of, preview

FOLDER = Path("counties/taihe")
NIGHTS, PROGRAMS, LOOPS, LAMPS = 365, 200, 100, 1220
START = 1_780_000_000_000


def run(quick: bool) -> dict[str, Any]:
    """Everything; the figures and their limits."""
    county = load(FOLDER)
    lighting = load_lighting(FOLDER, county)
    plan = build_plan(county, lighting)
    basis = Basis(loads=loads_of(county), tariffs=lighting.tariffs)
    loops = [one for one in plan.targets if not one.loop][:LOOPS]
    count = 10 if quick else PROGRAMS
    year, made = _taken(lambda: _year(plan, loops, count, basis))
    document = write_document(plan, version=1, made=START, who="bench")
    figures = {
        f"a year of {count} programs on {len(loops)} loops, s of CPU": round(year, 2),
        "program-loop years": made,
        f"a round of {LAMPS} lamps, ms of CPU": round(_round(plan), 2),
        "the switches of a year of one loop, ms": round(_taken(lambda: _switches(plan))[0] * 1000, 1),
        "the plan's document, kB": round(len(document) / 1000, 1),
        "reading it, ms": round(_taken(lambda: read_document(document))[0] * 1000, 1),
    }
    for name, figure in figures.items():
        print(f"{name:<48} {figure}")
    targets: dict[str, list[Any]] = {
        "a year's preview of 200 programs on 100 loops, s of CPU": [round(year * PROGRAMS / count, 2), 10, "<="],
        "a round of 1,220 lamps, ms of CPU": [figures[f"a round of {LAMPS} lamps, ms of CPU"], 20, "<="],
    }
    return {"figures": figures, "targets": targets}


def _taken(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()  # nothing here waits: the CPU it takes is what a machine of one's own would take
    made = work()
    return time.process_time() - start, made


def _year(plan: Plan, loops: list[Target], count: int, basis: Basis) -> int:
    """Each program as a calendar of its own, tried on every loop with the half-night map it has."""
    base = plan.programs[0]
    programs = tuple(_variant(base, n) for n in range(count))
    calendars = tuple(Calendar(id=one.id, zh="", en="", default=one.id) for one in programs)
    tried = tuple(replace(loop, id=f"{loop.id}@{one.id}", calendar=one.id, festivals="") for one in programs for loop in loops)
    table = Timetable(replace(plan, programs=programs, calendars=calendars, targets=tried))
    weights = {each.id: basis.loads[each.id.partition("@")[0]] for each in tried}
    return len(preview(table, [each.id for each in tried], date(2026, 1, 1), NIGHTS, replace(basis, loads=weights)))


def _variant(base: Program, n: int) -> Program:
    """Another program: its steps some minutes later, one of them by the sun."""
    steps = (
        Step(at=read_moment(f"{21 + n % 3}:{n % 60:02}"), level=80 - n % 20),
        Step(at=read_moment(f"solar-midnight+{n % 50}"), level=50),
        Step(at=read_moment(f"04:{n % 60:02}"), level=100),
    )
    return replace(base, id=f"program-{n}", steps=steps, lux="")


def _round(plan: Plan) -> float:
    """What an edge node asks every few seconds: every lamp's level. Median of several rounds, ms of CPU."""
    loops = [one for one in plan.targets if not one.loop]
    lamps = [Target(id=f"l{n}", cabinet=(on := loops[n % len(loops)]).cabinet, loop=on.id, place=on.place) for n in range(LAMPS)]
    table = Timetable(replace(plan, targets=(*loops, *lamps)))
    standing, rounds = Standing(), []
    for n in range(9):
        start = time.process_time()
        for lamp in lamps:
            table.level_at(lamp.id, START + n * 5_000, standing)
        rounds.append(time.process_time() - start)
    return sorted(rounds)[len(rounds) // 2] * 1000


def _switches(plan: Plan) -> int:
    table = Timetable(plan)
    return sum(1 for _ in switches(table, "cabinet-01/loop1", START, START + NIGHTS * 86_400_000))


if __name__ == "__main__":
    print(json.dumps(run("--quick" in sys.argv)))
