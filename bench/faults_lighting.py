"""Lamps under whatever comes: orders late, twice, out of order or lost, a broker away, a gateway killed, its calendar stepped.

All by chance from a seed, in virtual time, on the virtual cabinets of the demo county (``lighting_storm``). Ends with one line of
JSON; exit code 1 where a run fell short.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.lighting_oracle import Oracle
from bench.lighting_storm import Storm
from bench.lighting_yard import Rig, WallClock, Yard, at
from lampwell.assets import County
from lampwell.county import load
from lampwell.lighting import Plan, Timetable
from lampwell.lighting.assign import only_cabinets
from lampwell.lighting.documents import write_document
from lampwell.lighting.files import build_plan, load_lighting
from lampwell.lighting.wire import State, TakePlan

FOLDER = Path(__file__).parents[1] / "counties" / "taihe"
DEVICES = ("cabinet-01", "cabinet-03", "concentrator-1")
STARTS = ("09T20:00", "09T22:15", "10T00:15", "10T01:30", "10T04:30")
"""Around each step of the night. Not at dusk and dawn: there a doubtful clock makes lamps burn longer, on purpose."""
BUSY = 8
"""Loops that orders are for: few, so that orders meet each other and the limits of contactors."""


@dataclass(frozen=True, slots=True)
class Result:
    """``wrong``: what fell short, in words."""

    seed: int
    looks: int
    doing: dict[str, int]
    wrong: tuple[str, ...]


async def storm(seed: int, folder: Path, seconds: int) -> Result:
    """One run of so many seconds, and quiet until all must be right."""
    chance = random.Random(seed)
    county, plan = _county()
    clock = WallClock(start_ms=at(f"2026-09-{chance.choice(STARTS)}"))
    rig = Rig(Yard(county, clock, DEVICES), folder, clock)
    loops = [one.id for one in plan.targets if not one.loop]
    async with rig.running():
        rig.order(TakePlan(document=write_document(plan, version=1, made=clock.true, who="工程师").decode()), "plan")
        await rig.told("plan", State.VERIFIED, State.FAILED, within_s=200)
        await rig.run(30)
        made = Storm(rig, Oracle(Timetable(plan)), chance, loops, chance.sample(loops, BUSY))
        rig.yard.writes.clear()
        await made.live(seconds)
        made.judge()
    return Result(seed, made.looks, dict(sorted(made.doing.items())), tuple(made.wrong))


def _county() -> tuple[County, Plan]:
    county = load(FOLDER)
    return county, only_cabinets(build_plan(county, load_lighting(FOLDER, county)), DEVICES[:2])


def run(seeds: range, seconds: int, tell: Callable[[Result], None]) -> list[Result]:
    """Run after run."""
    found = []
    for seed in seeds:
        with tempfile.TemporaryDirectory(prefix="lampwell-lighting-") as folder:
            found.append(asyncio.run(storm(seed, Path(folder), seconds)))
        tell(found[-1])
    return found


def main() -> int:
    """The table, and the line of JSON."""
    parser = argparse.ArgumentParser(prog="bench.faults_lighting", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="three short runs")
    parser.add_argument("--runs", type=int, default=30, help="how many seeds, half an hour each")
    parser.add_argument("--seed", type=int, default=1, help="the first seed")
    arguments = parser.parse_args()
    began, count, seconds = time.monotonic(), *((3, 600) if arguments.quick else (arguments.runs, 1800))
    results = run(range(arguments.seed, arguments.seed + count), seconds, lambda one: print(_row(one), flush=True))
    done = sum((Counter(one.doing) for one in results), Counter[str]())
    failed = [one.seed for one in results if one.wrong]
    print(f"{count} runs, {sum(one.looks for one in results)} looks: {dict(sorted(done.items()))}")
    print(
        json.dumps({"runs": count, "seconds": seconds, "done": done, "failed": failed, "took_s": round(time.monotonic() - began)})
    )
    return 1 if failed else 0


def _row(one: Result) -> str:
    found = "as wanted" if not one.wrong else "FELL SHORT: " + "; ".join(one.wrong[:3])
    return f"seed {one.seed:>3}  {one.looks:>6} looks  {found}"


if __name__ == "__main__":
    sys.exit(main())
