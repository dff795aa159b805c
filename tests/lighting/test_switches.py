"""Every change once: properties over plans, zones, clock changes, leap day and the end of the year."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lampwell.lighting import Override, Place, Standing, Switch, Timetable, switches
from lampwell.lighting.model import LoopMap, LoopRow, Plan, Rotation, Rule
from lampwell.lighting.night import local_ms

from .conftest import a_plan, a_program, main_road, ms

DAY_MS, MINUTE_MS = 86_400_000, 60_000
WORLD = [
    ("Asia/Shanghai", Place(26.79, 114.90)),
    ("America/New_York", Place(40.7, -74.0)),
    ("Europe/Berlin", Place(52.5, 13.4)),
    ("Australia/Lord_Howe", Place(-31.55, 159.08)),  # its clocks change by half an hour
    ("Asia/Kathmandu", Place(27.7, 85.3)),  # UTC+5:45
]
HALF = LoopMap(id="half", zh="半夜灯", en="half-night", groups=("A", "B"), rows=(LoopRow(50, (100, 0)),), rotate=Rotation.NIGHT)

moments = st.one_of(
    st.integers(0, 24 * 12 - 1).map(lambda n: f"{n // 12:02}:{n % 12 * 5:02}"),
    st.tuples(st.sampled_from(["sunset", "dusk", "solar-midnight", "dawn", "sunrise"]), st.integers(-90, 90)).map(
        lambda each: f"{each[0]}{each[1]:+}" if each[1] else each[0]
    ),
)
programs = st.builds(
    lambda periods, level, steps: a_program("p", periods, level, steps),
    st.lists(st.tuples(moments, moments), max_size=2),
    st.one_of(st.none(), st.integers(0, 100)),
    st.dictionaries(moments, st.integers(0, 100), max_size=4),
)
days = st.dates(date(2023, 1, 1), date(2032, 12, 31))


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    zone, place = draw(st.sampled_from(WORLD))
    feast = draw(programs)
    rules = [Rule(program="feast", weekdays=(5, 6))]
    named = a_program("feast", [], feast.level, {})
    maps = draw(st.sampled_from([[], [HALF]]))
    return a_plan(draw(programs), named, feasts=rules if draw(st.booleans()) else [], zone=zone, place=place, maps=maps)


@st.composite
def leases(draw: st.DrawFn, start: int) -> Standing:
    made = []
    for n in range(draw(st.integers(0, 3))):
        first = start + draw(st.integers(0, 2 * 1440)) * MINUTE_MS
        length = draw(st.integers(1, 1440)) * MINUTE_MS
        level = draw(st.integers(0, 100))
        made.append(Override(id=f"l{n}", targets=("c/loop1",), level=level, issued=n, start=first, end=first + length))
    return Standing(made)


def follow(start_level: int, changes: list[Switch], at: int) -> int:
    """The level after the last switch."""
    level = start_level
    for one in changes:
        if one.at <= at:
            assert one.was == level
            level = one.level
    return level


@settings(max_examples=150, deadline=None)
@given(st.data(), plans(), days)
def test_the_level_is_that_of_the_last_switch(data: st.DataObject, plan: Plan, day: date) -> None:
    """Whatever the plan: between switches nothing changes, and each switch changes something."""
    table = Timetable(plan)
    start = local_ms(day, data.draw(st.integers(0, 86_399)), table.zone)
    end = start + 3 * DAY_MS
    standing = data.draw(leases(start))
    changes = list(switches(table, "c/loop1", start, end, standing))
    before = table.level_at("c/loop1", start - 1, standing).level
    assert [one.at for one in changes] == sorted({one.at for one in changes})
    assert all(one.was != one.level for one in changes)
    for at in [*(one.at + d for one in changes for d in (-1, 0)), *data.draw(st.lists(st.integers(start, end - 1), max_size=20))]:
        if start <= at < end:
            held = table.level_at("c/loop1", at, standing)
            assert held.level == follow(before, changes, at)
            assert held.why.zh
            assert held.why.en


@settings(max_examples=100, deadline=None)
@given(st.data(), plans(), days)
def test_stretches_side_by_side_give_each_switch_once(data: st.DataObject, plan: Plan, day: date) -> None:
    """A restart in between loses none and repeats none."""
    table = Timetable(plan)
    start = local_ms(day, 0, table.zone)
    end = start + 3 * DAY_MS
    standing = data.draw(leases(start))
    cuts = sorted({start, end, *data.draw(st.lists(st.integers(start, end), max_size=4))})
    whole = list(switches(table, "c/loop1", start, end, standing))
    cuts = sorted({*cuts, *(one.at for one in whole[:2])})
    parts = [one for a, b in pairwise(cuts) for one in switches(Timetable(plan), "c/loop1", a, b, standing)]
    assert parts == whole


@settings(max_examples=100, deadline=None)
@given(plans(), days, st.integers(0, 86_399))
def test_what_was_asked_before_changes_no_answer(plan: Plan, day: date, second: int) -> None:
    """A timetable that has reckoned other nights answers like a fresh one."""
    used, fresh = Timetable(plan), Timetable(plan)
    at = local_ms(day, second, used.zone)
    for n in range(-3, 4):
        used.level_at("c/loop2", at + n * DAY_MS)
    assert used.level_at("c/loop1", at) == fresh.level_at("c/loop1", at)


@pytest.mark.slow
@pytest.mark.parametrize(("zone", "place"), WORLD)
def test_four_hundred_days_without_a_lost_or_double_switch(zone: str, place: Place) -> None:
    """A virtual sweep over clock changes, the leap day of 2028 and the year's end: every switch once and within a minute.

    A clock that ticks every 55 s watches the level; what it sees must be the switches, and those must be at the times the
    program says by wall clock and sun.
    """
    table = Timetable(a_plan(main_road(), zone=zone, place=place))
    first = date(2027, 12, 1)
    start, end = local_ms(first, 43_200, table.zone), local_ms(first + timedelta(400), 43_200, table.zone)
    told = list(switches(table, "c/loop1", start, end))
    seen, level = [], table.level_at("c/loop1", start).level
    for at in range(start, end, 55_000):
        now = table.level_at("c/loop1", at).level
        if now != level:
            seen.append((at, now))
            level = now
    assert len(seen) == len(told)
    for (at, now), switch in zip(seen, told, strict=True):
        assert now == switch.level
        assert 0 <= at - switch.at < 60_000
    by_hand = [each for n in range(400) for each in _expected(table, place, first + timedelta(n))]
    assert [(one.at, one.level) for one in told] == by_hand


def _expected(table: Timetable, place: Place, day: date) -> list[tuple[int, int]]:
    """The switches of one night of ``main_road``, put together anew from the sun and UTC arithmetic."""
    sun = table.night(place, day).sun
    assert sun.sunset is not None
    assert sun.sunrise is not None
    on, off = sun.sunset + 300_000, sun.sunrise - 300_000
    plan = [(_wall(day, 22, 30, table.zone), 70), (_wall(day + timedelta(1), 0, 30, table.zone), 50)]
    plan.append((_wall(day + timedelta(1), 5, 0, table.zone), 100))
    last = max((at, level) for at, level in [(on, 100), *((a, b) for a, b in plan if a <= on)])[1]
    steps = [(on, last), *((a, b) for a, b in plan if on < a < off), (off, 0)]
    return [each for n, each in enumerate(steps) if n == 0 or steps[n - 1][1] != each[1]]


def _wall(day: date, hour: int, minute: int, zone: ZoneInfo) -> int:
    """The first instant of the day, minute by minute in UTC, at which a clock on the wall shows a time or a later one."""
    at = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=15)
    while (local := at.astimezone(zone)).date() < day or (local.date() == day and (local.hour, local.minute) < (hour, minute)):
        at += timedelta(minutes=5)
    return round(at.timestamp() * 1000)


@pytest.mark.parametrize(
    ("zone", "day", "level", "hour"),
    [
        ("America/New_York", "2026-03-08", 2, "02:30"),  # skipped
        ("America/New_York", "2026-11-01", 2, "01:30"),  # twice
        ("Australia/Lord_Howe", "2026-10-04", 2, "02:15"),  # skipped by half an hour
        ("Asia/Shanghai", "2028-02-29", 2, "00:00"),
        ("Asia/Shanghai", "2027-01-01", 2, "00:00"),
    ],
)
def test_a_step_in_a_clock_change_happens_once(zone: str, day: str, level: int, hour: str) -> None:
    """Domain streetlights 6, complaint 2: change-over days."""
    plan = a_plan(a_program("p", [("18:00", "06:00")], 100, {hour: level}), zone=zone, place=dict(WORLD)[zone])
    noon = ms(f"{day}T12:00", zone)
    changes = [one for one in switches(Timetable(plan), "c/loop1", noon - DAY_MS, noon) if one.level == level]
    assert len(changes) == 1


def test_sensors_do_not_enter_into_what_is_foretold() -> None:
    """Nobody knows what the sky will be."""
    table = Timetable(a_plan(main_road()))
    start = ms("2026-03-01T12:00")
    assert list(switches(table, "c/loop1", start, start + DAY_MS, Standing(dark={"sky": True}))) == list(
        switches(table, "c/loop1", start, start + DAY_MS)
    )


def test_a_dimmed_step_tells_its_ramp() -> None:
    """One change, however long its way."""
    table = Timetable(a_plan(main_road(ramp_s=60)))
    start = ms("2026-03-01T12:00")
    found = [(one.was, one.level, one.ramp_s) for one in switches(table, "lamp-1", start, start + DAY_MS)]
    assert found == [(0, 100, 0), (100, 70, 60), (70, 50, 60), (50, 100, 60), (100, 0, 0)]
