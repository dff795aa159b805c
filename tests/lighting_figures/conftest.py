"""Nights of one cabinet as a store would hold them, and the state of control beside it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from control.lighting.figures.lit_rate import Loop, loops_of
from lampwell.assets import County, HistorySettings
from lampwell.clock import SystemClock
from lampwell.county import load
from lampwell.history import open_history
from lampwell.points import Value
from lampwell.readings import Layout, NodeId, Scan

TAIHE = Path(__file__).parents[2] / "counties/taihe"
ZONE = ZoneInfo("Asia/Shanghai")
NOON = 1_782_014_400_000
"""2026-06-21 12:00 in Taihe."""
HOUR, QUARTER, DAY = 3_600_000, 900_000, 86_400_000
CABINET, OLDTOWN = "cabinet-04", NodeId("oldtown", "edge-oldtown")
ON, OFF = 8 * HOUR, 17 * HOUR
"""Lit from 20:00 to 05:00."""
RATIO = 0.97
"""Of real to rated power of healthy lamps."""
OUT = "cabinet-04/loop1"
"""On its last night one lamp of phase a is missing here."""
GAP = (13 * HOUR, 14 * HOUR)
"""On the last night nothing is heard from 01:00 to 02:00."""
NIGHTS = 5


@cache
def taihe() -> County:
    """The demo county."""
    return load(TAIHE)


@cache
def loops() -> tuple[Loop, ...]:
    """Those of the cabinet."""
    return tuple(one for one in loops_of(taihe()) if one.cabinet == CABINET)


def rated(loop: Loop, phase: str = "") -> float:
    """Watts of a loop or a phase of it."""
    return sum(one.lamp.watts for name, lamps in loop.phases.items() for one in lamps if name == (phase or name))


def watts(loop: Loop, phase: str, night: int) -> float:
    """What a phase takes when lit."""
    lamps = loop.phases[phase]
    lost = lamps[0].lamp.watts if loop.id == OUT and phase == "a" and night == NIGHTS - 1 else 0.0
    return RATIO * (rated(loop, phase) - lost)


def scans() -> Iterator[Scan]:
    """One a quarter of an hour, in its middle."""
    device = next(one for one in taihe().devices if one.id == CABINET)
    names = [f"{one.component}/{name}" for one in loops() for name in _values(one, 0, 0)]
    points = {point.path: point for point in device.profile.points}
    layout = Layout(OLDTOWN, CABINET, (points["p"], *(points[name] for name in names)))
    for slot in range(NIGHTS * 96 + 4):
        at = slot * QUARTER + QUARTER // 2
        night, into = divmod(at, DAY)
        if night == NIGHTS - 1 and GAP[0] <= into < GAP[1]:
            continue
        values: list[Value] = [1.0]
        for one in loops():
            values += _values(one, night, into).values()
        yield Scan(layout=layout, time=NOON + at, index=tuple(range(len(values))), values=tuple(values), flags=(0,) * len(values))


def _values(loop: Loop, night: int, into: int) -> dict[str, Value]:
    lit = ON <= into < OFF
    hours = night * 9 + max(0, min(into, OFF) - ON) / HOUR
    power = {phase: watts(loop, phase, night) for phase in loop.phases}
    before = sum(sum(watts(loop, phase, each) for phase in loop.phases) * 9 for each in range(night))
    return {
        "commanded": lit,
        "aux": lit,
        "level": 100.0 if lit else 0.0,
        **{f"p_{phase}": power[phase] if lit else 0.0 for phase in power},
        "energy": 500.0 + (before + sum(power.values()) * (hours - night * 9)) / 1000,
        "on_seconds": round(hours * 3600),
        "operations": 100 + night * 2 + (into >= ON) + (into >= OFF),
    }


def fill(data: Path) -> None:
    """Put the nights into an embedded store."""

    async def put() -> None:
        history = open_history(HistorySettings(), data, clock=SystemClock())
        await history.append(list(scans()), {})
        await history.close()

    asyncio.run(put())
