"""What is found before activation: gaps, order, floors, dark neighbours, device limits; and what a new version changes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest

from lampwell.assets import County, Lamp
from lampwell.county import load
from lampwell.lighting import Plan, Timetable
from lampwell.lighting.assign import Assignment, resolve
from lampwell.lighting.difference import edits, moved
from lampwell.lighting.figures import Load
from lampwell.lighting.files import build_plan, load_lighting
from lampwell.lighting.model import LoopMap, LoopRow, Rotation, Rule
from lampwell.lighting.neighbours import adjacent
from lampwell.lighting.preview import Basis, loads_of
from lampwell.lighting.validate import Finding, Limits, validate

from .conftest import a_plan, a_program, main_road

FOLDER = Path("counties/taihe")
FIRST = date(2026, 1, 1)
MAIN = Basis(loads={"c/loop1": Load(kw=1.0, road_class="main"), "c/loop2": Load(kw=1.0, road_class="main")})
HALF = LoopMap(id="half", zh="", en="", groups=("A", "B"), rows=(LoopRow(50, (100, 0)),), rotate=Rotation.MONTH)


def found(plan: Plan, **more: object) -> list[Finding]:
    return list(validate(plan, MAIN, first=FIRST, **more))  # type: ignore[arg-type]


def checks(plan: Plan, **more: object) -> list[tuple[str, bool]]:
    return [(one.check, one.is_error) for one in found(plan, **more)]


@pytest.fixture(scope="module")
def county() -> County:
    return load(FOLDER)


# -- the shipped plan ----------------------------------------------------------------------------------------------------------


def test_the_shipped_plan_has_no_finding(county: County) -> None:
    """Every night of a year, with all lamps where they stand."""
    lighting = load_lighting(FOLDER, county)
    basis = Basis(loads=loads_of(county), tariffs=lighting.tariffs, standards=lighting.standards)
    assert validate(build_plan(county, lighting), basis, first=FIRST, lamps=county.lamps) == ()


# -- gaps, floors, order -------------------------------------------------------------------------------------------------------


def test_a_gap_in_the_night_is_an_error() -> None:
    """With its hours; trimming at the ends is none, and landscape lamps may be dark."""
    dark = a_program("dark", [("sunset+10", "01:00"), ("04:00", "sunrise-10")])
    gap = next(one for one in found(a_plan(dark)) if one.check == "gap")
    assert gap.is_error
    assert gap.text.en == "no light in the night from 01:00-04:00 (and 1 loops alike)"
    assert gap.day == FIRST
    assert "gap" not in dict(checks(a_plan(a_program("t", [("sunset+28", "sunrise-28")]))))
    assert "gap" in dict(checks(a_plan(a_program("t", [("sunset+45", "sunrise-10")]))))
    assert "gap" not in dict(checks(a_plan(replace(dark, landscape=True))))


def test_a_gap_in_summer_only_is_found() -> None:
    """By the clock it fits in winter; every night of the year is looked at."""
    late = a_program("late", [("18:00", "06:00")])
    gap = next(one for one in found(a_plan(late)) if one.check == "gap")
    assert gap.day is not None
    assert gap.text.en.startswith("no light in the night from 06:00-")


def test_below_the_class_minimum_is_an_error() -> None:
    """30 % of 30 lx is 9 lx, a main road must keep 10; half-night lamps count as what the road sees."""
    low = next(
        one for one in found(a_plan(a_program("p", [("sunset", "sunrise")], 100, {"00:00": 30}))) if one.check == "minimum"
    )
    assert low.text.en.startswith("30 % on average, about 9 lx, below the 10 lx a main road must keep")
    assert checks(a_plan(main_road(), maps=[HALF])) == []
    quarter = replace(HALF, rows=(LoopRow(50, (60, 0)),))
    assert ("minimum", True) in checks(a_plan(main_road(), maps=[quarter]))


def test_below_what_the_luminaires_keep_even_is_an_error() -> None:
    """A level under the program's own minimum; the minimum itself is none."""
    assert checks(a_plan(a_program("p", [("sunset", "sunrise")], 100, {"00:00": 40}, minimum=40))) == []
    assert ("minimum", True) in checks(a_plan(a_program("p", [("sunset", "sunrise")], 100, {"00:00": 40}, minimum=45)))


def test_steps_out_of_order() -> None:
    """Always: an error. Only in some nights: a warning with the first of them. From midnight on, as TALQ lists them: in order."""
    always = a_program("a", [("sunset", "sunrise")], 100, {"23:00": 80, "22:00": 60, "05:00": 100})
    sometimes = a_program("s", [("sunset", "sunrise")], 100, {"sunset+240": 80, "23:00": 60})
    talq = a_program("t", [("21:30", "07:00")], 100, {"00:00": 70, "05:00": 100, "23:00": 70})
    assert ("order", True) in checks(a_plan(always))
    warned = next(one for one in found(a_plan(sometimes)) if one.check == "order")
    assert not warned.is_error
    assert warned.day is not None
    assert warned.day > FIRST
    assert "order" not in dict(checks(a_plan(talq)))


# -- limits and loose ends -----------------------------------------------------------------------------------------------------


def test_more_switch_points_than_the_device_holds() -> None:
    """Domain streetlights 7, check 9: rejected with the reason."""
    steps = {f"{hour % 24:02}:00": 60 + hour % 2 * 20 for hour in range(19, 30)}
    said = next(one for one in found(a_plan(a_program("p", [("sunset", "sunrise")], 100, steps))) if one.check == "limit")
    assert said.is_error
    assert "the device holds 10" in said.text.en
    assert "limit" not in dict(checks(a_plan(main_road())))
    assert "limit" in dict(checks(a_plan(main_road()), limits=Limits(programs=0)))
    assert "limit" in dict(checks(a_plan(main_road()), limits=Limits(programs_of_calendar=0)))


def test_loose_ends_are_told() -> None:
    """A loop without a calendar, a program nobody takes, a year beyond the lunar table."""
    plan = a_plan(main_road(), a_program("spare", [("sunset", "sunrise")]), feasts=[Rule(program="main", lunar=("spring",))])
    bare = replace(plan, targets=(replace(plan.targets[0], calendar=""), *plan.targets[1:]))
    assert {one.check for one in found(bare)} == {"unassigned", "unused"}
    assert [one.check for one in validate(plan, MAIN, first=date(2051, 1, 1), nights=3)] == ["unused", "lunar"]


def test_a_plan_that_contradicts_itself_is_not_looked_at_further() -> None:
    """One kind of finding, and no error in its place."""
    assert {one.check for one in found(a_plan(main_road(), default="none"))} == {"broken"}


# -- neighbours ----------------------------------------------------------------------------------------------------------------


def a_row(count: int, loop: int, offset_m: float = 0.0, east: bool = True, start: int = 0) -> list[Lamp]:
    """Lamps every 30 m on alternating loops, from a row ``offset_m`` beside the line."""
    made = []
    for n in range(count):
        along, beside = n * 30 / 111_320, offset_m / 111_320
        latitude, longitude = (26.79 + beside, 114.9 + along / 0.8927) if east else (26.79 + along, 114.9 + beside / 0.8927)
        number = (loop + n - 1) % 2 + 1
        place = {"latitude": latitude, "longitude": longitude}
        made.append(
            Lamp(id=f"l{start + n:03}", cabinet="c", loop=number, phase="a", road="r", pole=str(start + n), watts=100, **place)
        )
    return made


def test_neighbours_are_along_the_road_not_across() -> None:
    """Two rows face to face, in any direction: each lamp has the next before and behind it in its own row."""
    for east in (True, False):
        lamps = [*a_row(10, 1, east=east), *a_row(10, 2, offset_m=20, east=east, start=100)]
        pairs = adjacent(lamps)
        assert pairs == {(f"l{a + n:03}", f"l{a + n + 1:03}") for a in (0, 100) for n in range(9)}


def test_a_bent_road_keeps_its_row() -> None:
    """Around a corner the line is that of the lamps near by."""
    straight = a_row(12, 1)
    corner = straight[-1]
    assert corner.latitude is not None
    turned = [
        replace(lamp, id=f"t{n:03}", latitude=corner.latitude + (n + 1) * 30 / 111_320, longitude=corner.longitude)
        for n, lamp in enumerate(a_row(12, 1))
    ]
    pairs = adjacent([*straight, *turned])
    assert {("l000", "l001"), ("t005", "t006"), ("t010", "t011")} <= pairs


def test_lamps_of_other_roads_and_without_a_place_are_no_neighbours() -> None:
    """What is not known is not guessed."""
    lamps = a_row(2, 1)
    assert adjacent([lamps[0], replace(lamps[1], road="other")]) == set()
    assert adjacent([lamps[0], replace(lamps[1], latitude=None)]) == set()


def test_two_dark_neighbours_are_an_error() -> None:
    """Alternate loops are right; lamps wired one loop after the other are not, and the error names both lamps."""
    plan = a_plan(main_road(), maps=[HALF])
    assert checks(plan, lamps=a_row(10, 1)) == []
    wrong = [replace(lamp, loop=1 + n // 5) for n, lamp in enumerate(a_row(10, 1))]
    told = next(one for one in found(plan, lamps=wrong) if one.check == "neighbours")
    assert told.is_error
    assert told.text.en == "lamps l000 and l001 are neighbours and dark together"
    assert told.where == "c/loop1 + c/loop1"


def test_lamps_without_coordinates_are_told() -> None:
    """Unchecked is not fine."""
    lost = [replace(lamp, longitude=None) for lamp in a_row(3, 1)]
    told = next(one for one in found(a_plan(main_road(), maps=[HALF]), lamps=lost) if one.check == "neighbours")
    assert not told.is_error
    assert told.text.en == "3 lamps have no coordinates: neighbours unchecked"


def test_where_two_cabinets_of_taihe_meet(county: County) -> None:
    """With the same groups in both, the last lamps of one and the first of the next would be dark together."""
    lighting = load_lighting(FOLDER, county)
    groups = {"A": (1, 3, 5, 7, 9, 11, 13, 15), "B": (2, 4, 6, 8, 10, 12, 14, 16)}
    alike = Assignment(calendar="main", loop_map="half-night", groups=groups)
    plan = replace(build_plan(county, lighting), targets=resolve(county, [alike]))
    told = validate(plan, Basis(loads=loads_of(county)), first=FIRST, lamps=county.lamps)
    assert {one.where for one in told if one.check == "neighbours"} == {
        "cabinet-08/loop9 + cabinet-09/loop1",
        "cabinet-08/loop10 + cabinet-09/loop2",
        "cabinet-10/loop11 + cabinet-11/loop1",
        "cabinet-10/loop12 + cabinet-11/loop2",
    }


# -- difference ----------------------------------------------------------------------------------------------------------------


def test_equal_plans_do_not_differ() -> None:
    """Nothing written otherwise, no night otherwise."""
    plan = a_plan(main_road())
    assert edits(plan, a_plan(main_road()), [FIRST]) == ()
    assert moved(Timetable(plan), Timetable(a_plan(main_road())), [FIRST]) == ()


def test_what_a_new_version_changes() -> None:
    """Added, removed, changed, each with what stood there and what stands there now, and the nights it bears on."""
    old = a_plan(main_road(), a_program("old", [("sunset", "sunrise")]))
    new = a_plan(
        a_program("main", [("sunset+5", "sunrise-5")], 100, {"22:30": 75, "00:30": 50, "05:00": 100}),
        a_program("new", [("sunset", "sunrise")]),
        rules=[Rule(program="new", weekdays=(6, 7))],
    )
    told = {(one.kind.en, one.id): one for one in edits(old, new, [FIRST + timedelta(n) for n in range(14)])}
    assert {key: one.how for key, one in told.items()} == {
        ("program", "main"): "changed",
        ("program", "old"): "removed",
        ("program", "new"): "added",
        ("calendar", "usual"): "changed",
    }
    assert told["program", "main"].details == (
        "steps: 22:30 70 %, 00:30 50 %, 05:00 100 % -> 22:30 75 %, 00:30 50 %, 05:00 100 %",
    )
    assert told["calendar", "usual"].details == ("rules: none -> [weekdays 6, 7: new]",)
    assert {key: one.nights for key, one in told.items()} == {
        ("program", "main"): 14,
        ("program", "old"): 0,
        ("program", "new"): 4,
        ("calendar", "usual"): 4,
    }


def test_which_nights_switch_otherwise() -> None:
    """Loops and lamps together that are so together, with how many nights and which."""
    old = Timetable(a_plan(main_road()))
    new = Timetable(a_plan(main_road(), a_program("n", [("sunset", "sunrise")]), rules=[Rule(program="n", weekdays=(6,))]))
    days = [date(2026, 1, 2) + timedelta(n) for n in range(10)]
    told = moved(old, new, days)
    assert {name for one in told for name in one.targets} == {"c/loop1", "c/loop2", "lamp-1"}
    assert {(one.nights, one.first, one.last) for one in told} == {(2, date(2026, 1, 3), date(2026, 1, 10))}
