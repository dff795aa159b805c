"""What goes out fits TALQ's own schemas and, read back, gives the same levels; what can not is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lampwell.county import load
from lampwell.lighting import Place, Timetable
from lampwell.lighting.calendar import program_of
from lampwell.lighting.files import load_lighting
from lampwell.lighting.model import Adjustment, Calendar, LoopMap, LoopRow, LuxRule, Operation, Program, Rotation, Rule, Span
from lampwell.lighting.moments import read_moment
from lampwell.lighting.night import local_ms
from lampwell.lighting.talq import calendar_to_talq, segments_to_talq
from lampwell.lighting.talq_import import calendar_from_talq
from lampwell.lighting.talq_import_program import program_from_talq
from lampwell.lighting.talq_program import NotExpressible, program_to_talq
from lampwell.lighting.talq_walk import TalqRefused

from .conftest import TAIHE, a_plan, a_program, main_road, ms
from .schema import named

CMS, ZONE, YEARS = "lampwell", ZoneInfo("Asia/Shanghai"), range(2024, 2032)
FOLDER = Path("counties/taihe")


def same_levels(one: Program, other: Program, day: date, place: Place = TAIHE) -> None:
    """Both programs hold the same level every five minutes of a night, and right at each other's pieces."""
    tables = [Timetable(a_plan(each, place=place)) for each in (one, other)]
    start = local_ms(day, 43_200, ZONE)
    tracks = [table.tracks("usual", place, day, festival=False) for table in tables]
    edges = [at for each in tracks if each for at in each.starts]
    for at in [*range(start, start + 86_400_000, 300_000), *edges, *(at - 1 for at in edges)]:
        assert tables[0].settled("c/loop1", at).level == tables[1].settled("c/loop1", at).level, f"{day} {at}"


# -- programs ------------------------------------------------------------------------------------------------------------------


def test_the_worked_example_goes_both_ways() -> None:
    """The program of domain streetlights 1.1 as TALQ has it, and as it comes back."""
    raw = {
        "type": "ControlProgramOne",
        "id": "example",
        "ownerCMS": CMS,
        "activePeriods": [{"name": "AbsoluteActivePeriod", "startTime": "21:30:00", "endTime": "07:00:00"}],
        "fixedTimeControls": [
            {"startTime": f"{at}:00", "command": {"state": {"name": "LevelState", "value": level}}}
            for at, level in (("00:00", 70), ("05:00", 100), ("23:00", 70))
        ],
    }
    assert named(raw, "ControlProgram") == []
    program = program_from_talq(raw).program
    table = Timetable(a_plan(program))
    times = ("21T21:00", "21T21:30", "21T23:30", "22T02:00", "22T05:00", "22T06:59", "22T07:00")
    assert [table.level_at("c/loop1", ms(f"2026-06-{at}")).level for at in times] == [0, 100, 70, 70, 100, 100, 0]
    assert program_to_talq(replace(program, level=100), CMS)["activePeriods"] == raw["activePeriods"]


@pytest.mark.parametrize("month", range(1, 13))
def test_the_programs_of_taihe(month: int) -> None:
    """Every shipped program that TALQ can say fits its schema and comes back with the same levels, all year."""
    lighting = load_lighting(FOLDER, load(FOLDER))
    said = []
    for program in lighting.programs:
        try:
            raw = program_to_talq(program, CMS)
        except NotExpressible:
            continue
        said.append(program.id)
        assert named(raw, "ControlProgram") == []
        same_levels(replace(program, lux=""), program_from_talq(raw).program, date(2026, month, 11))
    assert said == ["main-road", "main-road-weekend", "secondary-road", "festival"]


clocks = st.integers(0, 287).map(lambda n: f"{n // 12:02}:{n % 12 * 5:02}")
suns = st.tuples(st.sampled_from(["sunset", "sunrise"]), st.integers(-60, 60)).map(lambda e: f"{e[0]}{e[1]:+}" if e[1] else e[0])
programs = st.builds(
    lambda periods, level, steps, ramp: a_program("p", periods, level, steps, ramp_s=ramp),
    st.lists(st.tuples(st.one_of(clocks, suns), st.one_of(clocks, suns)), max_size=2),
    st.one_of(st.none(), st.integers(0, 100)),
    st.dictionaries(st.one_of(clocks, clocks, suns), st.integers(0, 100), max_size=3),
    st.sampled_from([0, 30]),
)


@settings(max_examples=300, deadline=None)
@example(a_program("p", [("sunset+1", "sunrise")], 1, {"sunset": 0}), date(2024, 1, 1))
@example(a_program("p", [("sunset", "00:00")], None, {"00:00": 1}), date(2024, 1, 1))
@example(a_program("p", [("12:00", "sunrise"), ("sunset", "00:00")], 1, {}), date(2024, 1, 1))
@given(programs, st.dates(date(2024, 1, 1), date(2030, 1, 1)))
def test_what_goes_out_comes_back_the_same(program: Program, day: date) -> None:
    """Any program: either refused, or valid and of the same levels."""
    try:
        raw = program_to_talq(program, CMS)
    except NotExpressible:
        return
    assert named(raw, "ControlProgram") == []
    times = [each["startTime"] for each in raw["fixedTimeControls"]]
    assert times == sorted(set(times))
    same_levels(program, program_from_talq(raw).program, day)


def test_a_light_sensor_beside_the_sun() -> None:
    """AstroAndSensorActivePeriod: the window before sunset is the advance, reckoned from the program's own start."""
    raw = program_to_talq(main_road(), CMS, LuxRule(id="sky", advance_min=40), ["c1/light", "c2/light", "c3/light"])
    assert named(raw, "ControlProgram") == []
    assert raw["activePeriods"][0] == {
        "name": "AstroAndSensorActivePeriod",
        "sunsetOffset": 5,
        "sunriseOffset": -5,
        "sensor": {"sensorAddresses": ["c1/light", "c2/light"]},
        "pcActiveBeforeSunset": 35,
        "pcActiveBeforeSunrise": 0,
        "onLevel": 30.0,
        "offLevel": 60.0,
    }
    taken = program_from_talq(raw)
    assert taken.lux is not None
    assert (taken.lux.advance_min, taken.lux.delay_min, taken.program.lux) == (40, 0, taken.lux.id)


def test_adjustments_are_astro_clock_time_controls() -> None:
    """Operation and level as they stand."""
    change = Adjustment(at=read_moment("sunset+90"), operation=Operation.MIN, level=60)
    program = a_program("p", [("sunset", "sunrise")], 100, {"22:00": 80}, adjustments=(change,))
    raw = program_to_talq(program, CMS)
    assert named(raw, "ControlProgram") == []
    assert raw["astroClockTimeControls"][0]["offset"] == 90
    same_levels(program, program_from_talq(raw).program, date(2026, 3, 1))


@pytest.mark.parametrize(
    ("program", "why"),
    [
        (a_program("p", [("dusk", "sunrise")]), "TALQ has sunset in whole minutes there, not dusk"),
        (a_program("p", [("sunset", "sunrise")], 100, {"solar-midnight": 50}), "no step at solar-midnight"),
        (a_program("p", [("sunset", "sunrise")], 100, {"sunset+60": 70, "01:00": 50}), "can not mix a step at sunset"),
        (a_program("p", [("sunset", "22:00"), ("sunset+60", "sunrise")]), "at different moments"),
        (a_program("p", [("sunset", "22:00")], None, {}), "needs a level to begin with"),
        (a_program("p", [("sunset", "22:00"), ("21:00", "sunrise")]), "join a period with an edge at 21:00"),
    ],
)
def test_what_talq_can_not_say_is_refused(program: Program, why: str) -> None:
    """With the program and the reason."""
    with pytest.raises(NotExpressible, match=rf"program 'p': .*{why}"):
        program_to_talq(program, CMS)


def a_raw_program(**change: Any) -> dict[str, Any]:
    return program_to_talq(main_road(), CMS) | change


@pytest.mark.parametrize(
    ("raw", "why"),
    [
        (a_raw_program(type="ControlProgramTwo"), "ControlProgram.type: must be ControlProgramOne"),
        (a_raw_program(dynamicControls=[{"effect": {}}]), "ControlProgram.dynamicControls: controls by sensors"),
        (a_raw_program(activePeriods=[{"name": "ActivePeriodLightSensor"}]), r"activePeriods\[0\].name: .*not supported"),
        (a_raw_program(activePeriods=[{"name": "AbsoluteActivePeriod", "startTime": "20:00:00"}]), "endTime is missing"),
        (a_raw_program(activePeriods=None), "activePeriods"),
        (
            a_raw_program(
                fixedTimeControls=[{"startTime": "25:00:00", "command": {"state": {"name": "LevelState", "value": 1}}}]
            ),
            r"fixedTimeControls\[0\].startTime: must be a time",
        ),
        (
            a_raw_program(
                fixedTimeControls=[{"startTime": "20:00:00", "command": {"state": {"name": "levelState", "value": 1}}}]
            ),
            "must be LevelState",
        ),
        (
            a_raw_program(
                fixedTimeControls=[{"startTime": "20:00:00", "command": {"state": {"name": "LevelState", "value": 101}}}]
            ),
            "must be a whole number from 0 to 100, not 101",
        ),
        (a_raw_program(fixedTimeControls=program_to_talq(main_road(), CMS)["fixedTimeControls"][::-1]), "must be later than"),
        ({}, "type is missing"),
    ],
)
def test_what_is_not_understood_is_refused(raw: dict[str, Any], why: str) -> None:
    """The samples of the TALQ text among it, which contradict its schemas; each with its place."""
    with pytest.raises(TalqRefused, match=why):
        program_from_talq(raw)


# -- calendars -----------------------------------------------------------------------------------------------------------------

weekdays = st.sets(st.integers(1, 7), min_size=1).map(lambda days: tuple(sorted(days)))
rules = st.one_of(
    st.builds(Rule, program=st.just("a"), weekdays=weekdays, occurrences=st.sampled_from([(), ("1",), ("2", "L")])),
    st.builds(Rule, program=st.just("b"), months=st.sets(st.integers(1, 12), min_size=1).map(lambda each: tuple(sorted(each)))),
    st.builds(
        Rule,
        program=st.just("c"),
        lunar=st.sampled_from([("spring",), ("lantern", "8-15")]),
        days_before=st.integers(0, 3),
        days_after=st.integers(0, 7),
    ),
    st.builds(lambda a, z: Rule(program="d", start=f"{a:%m-%d}", end=f"{z:%m-%d}"), st.dates(), st.dates()),
    st.builds(lambda a: Rule(program="e", start=a.isoformat()), st.dates(date(2025, 1, 1), date(2028, 1, 1))),
    st.builds(
        lambda d: Rule(program="f", dates=(Span(first=(0, d), last=(0, 31)), Span(first=(2, 29), last=(3, d)))),
        st.integers(1, 31),
    ),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(rules, max_size=4), st.sampled_from(["", "z"]))
def test_a_calendar_comes_back_with_the_same_nights(made: list[Rule], default: str) -> None:
    """Every night of four years takes the same program, lunar festivals as dates."""
    calendar = Calendar(id="c", zh="c", en="c", rules=tuple(made), default=default)
    raw = calendar_to_talq(calendar, CMS, YEARS)
    assert named(raw, "Calendar") == []
    back = calendar_from_talq(raw)
    for n in range(4 * 365 + 1):
        day = date(2025, 3, 1) + timedelta(n)
        assert program_of(back, day)[0] == program_of(calendar, day)[0]


def test_the_calendars_of_taihe() -> None:
    """All of them can be said."""
    for calendar in load_lighting(FOLDER, load(FOLDER)).calendars:
        assert named(calendar_to_talq(calendar, CMS, range(2026, 2028)), "Calendar") == []


@pytest.mark.parametrize(
    "rule",
    [
        Rule(program="a", weekdays=(1,), dates=(Span(first=(1, 1), last=(1, 2)),)),
        Rule(program="a", months=(1,), lunar=("spring",)),
    ],
)
def test_rules_with_too_many_conditions_are_refused(rule: Rule) -> None:
    """TALQ has one condition a rule."""
    with pytest.raises(NotExpressible, match="calendar 'c': TALQ can not ask for"):
        calendar_to_talq(Calendar(id="c", zh="", en="", rules=(rule,)), CMS, YEARS)


@pytest.mark.parametrize(
    ("rule", "why"),
    [
        ({}, "program is missing"),
        ({"program": "a", "startDate": "2026-13-01"}, r"rules\[0\].startDate: must be yyyy-mm-dd or --mm-dd"),
        ({"program": "a", "condition": {"type": "ccWeek"}}, "must be ccDate or ccDay"),
        ({"program": "a", "condition": {"type": "ccDay", "days": [{"start": 8}]}}, "from 1 to 7, not 8"),
        ({"program": "a", "condition": {"type": "ccDay", "days": [{"start": 5, "end": 2}]}}, "end must not be before"),
        ({"program": "a", "condition": {"type": "ccDay", "days": [{"start": 1}], "occurrences": ["6"]}}, "must be 1 to 5 or L"),
        ({"program": "a", "condition": {"type": "ccDate", "dates": [{"start": "01-01"}]}}, "must be ---dd or --mm-dd"),
        ({"program": "a", "condition": {"type": "ccDate", "dates": [{"start": "---05", "end": "--01-06"}]}}, "of one kind"),
    ],
)
def test_calendars_that_are_wrong_are_refused(rule: dict[str, Any], why: str) -> None:
    """With the place of the rule."""
    with pytest.raises(TalqRefused, match=why):
        calendar_from_talq({"id": "c", "ownerCMS": CMS, "rules": [rule]})


def test_half_night_lamps_as_segments() -> None:
    """TALQ's way to say it: at 50 % loop A on and loop B off, and the other way round when the turns change."""
    half = LoopMap(id="h", zh="", en="", groups=("A", "B"), rows=(LoopRow(50, (100, 0)),), rotate=Rotation.MONTH)
    months = [segments_to_talq(half, {"loop1": "A", "loop2": "B"}, date(2026, month, 1)) for month in (3, 4)]
    for raw in months:
        assert named(raw, "AttributeCabinetSegmentsConfiguration.value") == []
        assert [each["level"] for each in raw] == [0, 50, 100]
    states = [[one["relayState"] for each in raw for one in each["segmentMonitors"]] for raw in months]
    assert sorted(states) == [["OFF", "OFF", "OFF", "ON", "ON", "ON"], ["OFF", "OFF", "ON", "OFF", "ON", "ON"]]


# -- the witness ---------------------------------------------------------------------------------------------------------------


def test_the_validator_can_fail() -> None:
    """It finds what is wrong at any depth, so that its silence means something."""
    raw = program_to_talq(main_road(), CMS)
    raw["fixedTimeControls"][0]["command"]["state"] = {"name": "LevelState", "value": 101}
    raw["activePeriods"][0]["sunsetOffset"] = 1.5
    del raw["ownerCMS"]
    assert sorted(named(raw, "ControlProgram")) == [
        "ControlProgram.activePeriods[0]: fits none of 6: ControlProgram.activePeriods[0].sunsetOffset: not integer: 1.5",
        "ControlProgram.fixedTimeControls[0].command.state.value: 101 > 100",
        "ControlProgram: ownerCMS is missing",
    ]
