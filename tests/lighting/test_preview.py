"""What a plan will cost and do: figures held against sums made by hand and by the switches themselves."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lampwell.county import load
from lampwell.lighting import Timetable, switches
from lampwell.lighting.figures import Load, power_share, total
from lampwell.lighting.files import build_plan, load_lighting
from lampwell.lighting.model import LoopMap, LoopRow, Rotation, Rule, Target
from lampwell.lighting.patterns import cell
from lampwell.lighting.preview import Basis, loads_of, preview, preview_night
from lampwell.lighting.standards import DEFAULTS, class_of
from lampwell.lighting.sun import Place
from lampwell.lighting.tariff import FLAT, Tariff, tariff_of

from .conftest import TAIHE, a_plan, a_program, main_road

HALF = LoopMap(id="half", zh="", en="", groups=("A", "B"), rows=(LoopRow(50, (100, 0)),), rotate=Rotation.MONTH)
MAIN = Basis(loads={"c/loop1": Load(kw=1.0, road_class="main"), "c/loop2": Load(kw=2.0, road_class="main")})
AT_31 = Place(31.0, 112.0)


def by_integral(table: Timetable, target: str, day: date) -> tuple[float, float]:
    """kWh of one kW and burning hours of one night, from its switches."""
    night = table.night(table.targets[target].place, day)
    at, level, energy, hours = night.start, table.level_at(target, night.start).level, 0.0, 0.0
    for one in [*switches(table, target, night.start, night.end), None]:
        end = one.at if one else night.end
        energy += power_share(level) * (end - at) / 3_600_000
        hours += (end - at) / 3_600_000 if level else 0.0
        at, level = end, one.level if one else 0
    return energy, hours


@pytest.mark.parametrize(
    ("steps", "kwh", "saving"),
    [
        ({}, 4199, 0.0),
        ({"22:00": 70, "00:00": 50, "05:00": 100}, 3124, 0.256),
        ({"22:00": 75, "00:00": 50, "05:00": 100}, 3159, 0.248),
        ({"23:00": 50, "05:00": 100}, 3159, 0.248),
        ({"22:00": 75, "00:00": 50}, 2936, 0.301),
    ],
)
def test_the_savings_table(steps: dict[str, int], kwh: float, saving: float) -> None:
    """Domain streetlights 4.2: kWh per installed kW and year at 31 N, on +10, off -10, P = 5 % + 95 % of the level."""
    plan = a_plan(a_program("p", [("sunset+10", "sunrise-10")], 100, steps), place=AT_31)
    found = preview(Timetable(plan), ["c/loop1"], date(2026, 1, 1), 365, MAIN)["c/loop1"]
    assert found.kwh == pytest.approx(kwh, rel=0.005)
    assert found.saving == pytest.approx(saving, abs=0.004)
    assert found.burn_h == pytest.approx(4199, rel=0.005)
    assert found.full_hours == pytest.approx(kwh, rel=0.005)


def test_alternate_lamps_off() -> None:
    """The same table's half-night row: every second lamp off 00-05 saves 21.7 %."""
    program = a_program("p", [("sunset+10", "sunrise-10")], 100, {"00:00": 50, "05:00": 100})
    plan = a_plan(program, place=AT_31, maps=[HALF])
    found = total(preview(Timetable(plan), ["c/loop1", "c/loop2"], date(2026, 1, 1), 365, MAIN).values())
    assert found.kwh / 3 == pytest.approx(3286, rel=0.005)
    assert found.saving == pytest.approx(0.217, abs=0.005)


@settings(max_examples=40, deadline=None)
@given(
    st.dates(date(2024, 1, 1), date(2030, 1, 1)),
    st.integers(1, 100),
    st.booleans(),
    st.booleans(),
)
def test_figures_are_what_the_switches_say(day: date, level: int, mapped: bool, feast: bool) -> None:
    """Energy and hours of any night equal the sum over its switches, festivals and loop maps included."""
    programs = [main_road(), a_program("feast", [("18:30", "23:00")], level)]
    place = cell(TAIHE)
    feasts = [Rule(program="feast")] if feast else []
    plan = a_plan(*programs, feasts=feasts, maps=[HALF] if mapped else [], place=place)
    table = Timetable(plan)
    for target in ("c/loop1", "lamp-1"):
        found = preview(table, [target], day, 1, Basis(loads={target: Load(kw=1.0)}))[target]
        energy, hours = by_integral(table, target, day)
        assert found.kwh == pytest.approx(energy)
        assert found.burn_h == pytest.approx(hours)


def test_a_lamp_with_a_calendar_of_its_own_on_a_half_night_loop() -> None:
    """What its loop switches off it does not burn."""
    own = Target(id="own", cabinet="c", loop="c/loop1", place=cell(TAIHE), calendar="steady")
    base = a_plan(main_road(), a_program("steady", [], 40, {}), maps=[HALF], place=cell(TAIHE), targets=[own])
    steady = replace(base.calendars[0], id="steady", default="steady")
    table = Timetable(replace(base, calendars=(*base.calendars, steady)))
    for month in (3, 4):
        found = preview(table, ["own"], date(2026, month, 10), 1, Basis(loads={"own": Load(kw=1.0)}))["own"]
        assert found.kwh == pytest.approx(by_integral(table, "own", date(2026, month, 10))[0])


def test_money_follows_the_hours() -> None:
    """A valley tariff: a quarter less energy late at night is less than a quarter less money."""
    hours = tuple(0.3 if hour < 7 or hour >= 23 else 0.9 for hour in range(24))
    basis = replace(MAIN, tariffs=(Tariff(hours=hours),))
    plan = a_plan(a_program("p", [("18:00", "06:00")], 100, {"23:00": 50}))
    found = preview(Timetable(plan), ["c/loop1"], date(2026, 3, 1), 1, basis)["c/loop1"]
    assert found.full_cny == pytest.approx(5 * 0.9 + 7 * 0.3)
    assert found.cny == pytest.approx(5 * 0.9 + 7 * 0.525 * 0.3)
    assert found.saving == pytest.approx(7 * 0.475 / 12)
    assert found.money_saving is not None
    assert found.saving is not None
    assert found.money_saving < found.saving


def test_the_tariff_of_a_month_is_the_first_that_fits() -> None:
    """Summer peaks; without any tariff money is zero and its saving not known."""
    summer, rest = Tariff(hours=(1.0,) * 24, months=(7, 8)), Tariff(hours=(0.5,) * 24)
    assert tariff_of((summer, rest), date(2026, 7, 31)) is summer
    assert tariff_of((summer, rest), date(2026, 9, 1)) is rest
    assert tariff_of((), date(2026, 9, 1)) is FLAT
    bare = preview(Timetable(a_plan(main_road())), ["c/loop1"], date(2026, 3, 1), 1, MAIN)["c/loop1"]
    assert (bare.cny, bare.money_saving) == (0.0, None)


def test_a_money_month_changes_at_midnight_not_at_noon() -> None:
    """The night of 31 August is half August's."""
    tariffs = (Tariff(hours=(1.0,) * 24, months=(8,)), Tariff(hours=(0.5,) * 24))
    plan = a_plan(a_program("p", [("18:00", "06:00")], 100))
    found = preview(Timetable(plan), ["c/loop1"], date(2026, 8, 31), 1, replace(MAIN, tariffs=tariffs))["c/loop1"]
    assert found.cny == pytest.approx(6 * 1.0 + 6 * 0.5)


def test_dark_and_daylight_minutes() -> None:
    """Below the class minimum between sunset and sunrise; lit while the sun is up."""
    late = a_plan(a_program("p", [("sunset+10", "sunrise-20")], 100, {"00:00": 20, "01:00": 100}), place=cell(TAIHE))
    early = a_plan(a_program("p", [("sunset-15", "sunrise+5")], 100), place=cell(TAIHE))
    first = preview(Timetable(late), ["c/loop1"], date(2026, 3, 1), 1, MAIN)["c/loop1"]
    second = preview(Timetable(early), ["c/loop1"], date(2026, 3, 1), 1, MAIN)["c/loop1"]
    assert (round(first.dark_min, 3), round(first.day_min, 3)) == (90.0, 0.0)
    assert (round(second.dark_min, 3), round(second.day_min, 3)) == (0.0, 20.0)
    morning = a_plan(a_program("p", [("sunset", "sunrise+5")], 100), place=cell(TAIHE))
    assert preview(Timetable(morning), ["c/loop1"], date(2026, 3, 1), 1, MAIN)["c/loop1"].day_min == pytest.approx(5.0)


def test_operations_count_contactors_not_dimming() -> None:
    """On and off each night; a group that is off late at night works twice more."""
    table = Timetable(a_plan(main_road(), maps=[HALF]))
    found = preview(table, ["c/loop1", "c/loop2"], date(2026, 3, 1), 10, MAIN)
    assert sorted(one.operations for one in found.values()) == [20, 40]


def test_the_class_after_reduction() -> None:
    """Domain streetlights 4.3: 20 lx at 75 % is still class II, at 50 % only III."""
    assert [class_of(lux) for lux in (30, 20, 15, 10, 8, 7.9)] == ["Ⅰ", "Ⅰ", "Ⅱ", "Ⅲ", "Ⅲ", ""]
    basis = Basis(loads={"c/loop1": Load(kw=1.0, road_class="secondary")})
    for level, told in ((75, "Ⅱ"), (50, "Ⅲ")):
        plan = a_plan(a_program("p", [("sunset", "sunrise")], 100, {"23:00": level}))
        found = preview(Timetable(plan), ["c/loop1"], date(2026, 3, 1), 1, basis)["c/loop1"]
        assert found.lowest_lx == pytest.approx(20 * level / 100)
        assert found.lowest_class == told
    assert DEFAULTS["main"].minimum_lx == 10.0


def test_half_night_lamps_are_judged_by_the_road_not_by_the_loop() -> None:
    """Every second lamp off is half the light, for the loop that burns and for the one that does not."""
    table = Timetable(a_plan(main_road(), maps=[HALF]))
    found = preview(table, ["c/loop1", "c/loop2"], date(2026, 3, 1), 1, MAIN)
    assert {one.lowest_lx for one in found.values()} == {15.0}


def test_one_night_with_every_switch() -> None:
    """Times, levels and figures of a date, exact at the target's own place."""
    shown = preview_night(Timetable(a_plan(main_road())), "c/loop1", date(2026, 3, 1), MAIN)
    assert [one.level for one in shown.switches] == [100, 70, 50, 100, 0]
    assert shown.sunset is not None
    assert shown.switches[0].at == shown.sunset + 300_000
    assert (shown.level, shown.figures.nights) == (0, 1)


def test_a_year_of_taihe() -> None:
    """The shipped plan: every class keeps its floor, and it saves about what a published city does (Swindon 24.8 %)."""
    county = load(Path("counties/taihe"))
    lighting = load_lighting(Path("counties/taihe"), county)
    table = Timetable(build_plan(county, lighting))
    basis = Basis(loads=loads_of(county), tariffs=lighting.tariffs)
    loops = [one.id for one in table.plan.targets if not one.loop]
    year = preview(table, loops, date(2026, 1, 1), 365, basis)
    whole = total(year.values())
    assert sum(basis.loads[one].kw for one in loops) == pytest.approx(sum(lamp.watts for lamp in county.lamps) / 1000)
    assert whole.nights == 365
    assert 0.18 < (whole.saving or 0) < 0.30
    assert (whole.money_saving or 0) < (whole.saving or 0)
    assert {one.lowest_class for one in year.values()} == {"Ⅱ", "Ⅲ"}
    assert all(one.dark_min < 365 * 25 for one in year.values())
