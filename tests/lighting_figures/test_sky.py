"""Light sensors of a past night: what they said then decides again which lamps should have been lit."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from control.lighting.figures.lit_rate import lit_of_day
from control.lighting.figures.should import Basis, InForce, Wanted, wanted
from control.lighting.figures.sky import Sky, Verdicts, sensor, verdicts
from control.lighting.figures.slots import Grid
from deploy.light_figures_sky import sky
from lampwell.assets import HistorySettings
from lampwell.clock import SystemClock
from lampwell.history import open_history
from lampwell.history.port import Buckets, SeriesId
from lampwell.lighting.level import Timetable
from lampwell.lighting.lux import LuxReading
from lampwell.lighting.model import Calendar, Event, LuxRule, Moment, Period, Plan, Program, Target
from lampwell.lighting.sun import Place
from lampwell.readings import Flag, Layout, NodeId, Scan

from .conftest import HOUR, NOON, ZONE, taihe
from .test_lamps_wanted import CAB, LOOP, known, loop, told

RULE = LuxRule(id="sky", advance_min=40, delay_min=20)
MINUTE = 60_000
NODE = NodeId("a", "edge")
PROGRAM = Program(
    id="p",
    zh="主路",
    en="main",
    active=(Period(start=Moment(Event.SUNSET, 0), end=Moment(Event.SUNRISE, 0)),),
    level=100,
    lux="sky",
)
PLAN = Plan(
    id="p",
    time_zone="Asia/Shanghai",
    programs=(PROGRAM,),
    calendars=(Calendar(id="c", zh="c", en="c", default="p"),),
    targets=(Target(id=LOOP, cabinet=CAB, place=Place(26.79, 114.90), calendar="c"),),
    lux=(RULE,),
)
GRID = Grid(start=NOON, count=96)
BEFORE = 27
"""The slot that ends at 19:00, when the sun is up for another 17 minutes."""


def force(said: Verdicts) -> InForce:
    """The cabinet by the plan, its edge node's sensors having said this."""
    place = PLAN.targets[0].place
    by = InForce(zone=ZONE, edge={CAB: "edge"}, place={CAB: place}, plans={"edge": [(NOON - HOUR, Timetable(PLAN))]})
    return replace(by, sky=Sky(said={("edge", RULE): said}))


def ask(said: Verdicts, slot: int) -> Wanted | None:
    """Of the loop."""
    return wanted(force(said), told(), LOOP, CAB, "loop1", slot)


def test_lamps_that_sensors_asked_for_should_have_been_lit() -> None:
    """Protects dark storm evenings: within the guard window lamps count as to be lit, ten minutes after; outside of it not."""
    dark = [(NOON, True)]
    assert ask(dark, BEFORE) == Wanted(100, Basis.LUX)
    assert ask(dark, BEFORE - 1) is None, "18:45, eight minutes after the window opened: still warming up"
    assert ask(dark, BEFORE - 4) is None, "18:00, long before it"
    assert ask([(NOON, False)], BEFORE) is None
    assert ask([(NOON, None)], BEFORE) is None
    assert ask([], BEFORE) is None, "nothing is known of the sensors: the sun alone"
    assert ask(dark, 40) == Wanted(100, Basis.PLAN)


def test_a_contactor_that_ignored_the_sensors_left_lamps_dark() -> None:
    """Protects the figure itself: asked for by the sensors, commanded off, open: dark, where the command alone would hide it."""
    off = told(loop1__commanded=0.0, loop1__aux=0.0)
    at = replace(known(off, force([(NOON, True)])), slots=range(BEFORE, BEFORE + 1))
    tally = lit_of_day([loop(bare=10)], at)["road"]
    assert (tally.bad, dict(tally.bases)) == (10, {"lux": 10})


def readings(*told: tuple[int, float | None]) -> list[LuxReading]:
    """(minute, lx)."""
    return [LuxReading(lx, NOON + minute * MINUTE) for minute, lx in told]


def replayed(*sensors: list[LuxReading], minutes: int = 60, rule: LuxRule = RULE) -> list[tuple[int, bool | None]]:
    """(minute, verdict) of changes."""
    found = verdicts(rule, sensors, (NOON, NOON + minutes * MINUTE), 300_000)
    return [((at - NOON) // MINUTE, says) for at, says in found]


def every(lx: float, minutes: range) -> list[LuxReading]:
    return readings(*((minute, lx) for minute in minutes))


def test_the_vote_is_taken_again_with_its_hold() -> None:
    """Three dark sensors are dark after five minutes; a truck's headlight in one changes nothing."""
    dark, truck = every(10, range(60)), [*every(10, range(20)), *every(5000, range(20, 60))]
    assert replayed(dark, dark, truck) == [(0, None), (5, True)]


def test_silence_bad_readings_and_strife_are_no_verdict() -> None:
    """Protects from old light: a sensor that fell silent ten minutes ago, or says bad, has no vote; nor have two against one."""
    dark = every(10, range(60))
    silent = every(10, range(20))
    assert replayed(dark, dark, silent) == [(0, None), (5, True), (30, None)]
    bad = [*every(10, range(20)), *readings((20, None))]
    assert replayed(dark, dark, bad) == [(0, None), (5, True), (20, None)]
    assert replayed(dark, dark) == [(0, None)]
    assert replayed(every(1, range(60)), every(100, range(60)), every(4000, range(60))) == [(0, None)]


def test_a_reading_holds_for_its_heartbeat_where_the_rule_is_stricter() -> None:
    """Report by exception: a steady sensor is written down every five minutes, which is no silence."""
    steady = every(10, range(0, 60, 5))
    assert replayed(steady, steady, steady, rule=replace(RULE, stale_s=60)) == [(0, None), (5, True)]


def test_a_bucket_is_known_at_its_end_and_one_bad_reading_spoils_it() -> None:
    """Protects against knowing a minute before it was over."""
    each = Buckets(
        series=SeriesId(NODE, CAB, "illuminance"), width_ms=MINUTE, time=[0, MINUTE], min=[1.0, 1.0], max=[9.0, 9.0],
        mean=[5.0, 5.0], last=[9.0, 1.0], count=[2, 1], bad=[0, 1],
    )  # fmt: skip
    assert sensor(each) == [LuxReading(9.0, MINUTE), LuxReading(None, 2 * MINUTE)]


@pytest.mark.parametrize(("broken", "says"), [(0, True), (1, None)])
def test_sensors_come_out_of_the_store(tmp_path: Path, broken: int, says: bool | None) -> None:
    """From scans in the embedded store to the verdict of their edge node; two sensors beside a bad one have none."""
    cabinets = [one for one in taihe().devices if one.id in ("cabinet-01", "cabinet-02", "cabinet-03")]
    stored = {one.id: (SeriesId(NODE, one.id, "illuminance"), 300.0) for one in cabinets}
    by = InForce(zone=ZONE, edge=dict.fromkeys(stored, "edge"), place={}, plans={"edge": [(NOON - HOUR, Timetable(PLAN))]})

    async def play() -> Sky:
        history = open_history(HistorySettings(), tmp_path, clock=SystemClock())
        for n, one in enumerate(cabinets):
            layout = Layout(NODE, one.id, tuple(point for point in one.profile.points if point.path == "illuminance"))
            flags = (int(Flag.RANGE),) if n < broken else (0,)
            scans = [
                Scan(layout=layout, time=NOON + 6 * HOUR + minute * MINUTE, index=(0,), values=(12,), flags=flags)
                for minute in range(0, 60, 5)
            ]
            await history.append(scans, {})
        found = await sky(history, stored, by, NOON, NOON + 24 * HOUR)
        await history.close()
        return found

    found = asyncio.run(play())
    assert found.dark("edge", RULE, NOON + 6 * HOUR + 30 * MINUTE) is says
    assert found.dark("edge", RULE, NOON + 5 * HOUR) is None
    assert found.dark("edge", RULE, NOON + 8 * HOUR) is None
