"""What a program makes of a night, the TALQ worked example first."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from lampwell.lighting import Layer, Timetable
from lampwell.lighting.model import Adjustment, Operation, Rule
from lampwell.lighting.moments import read_moment, say_moment, write_moment
from lampwell.lighting.night import local_ms, night, night_of
from lampwell.lighting.program import active_spans, astro_offsets, track
from lampwell.lighting.sun import Place

from .conftest import TAIHE, a_plan, a_program, main_road, ms

ZONE = ZoneInfo("Asia/Shanghai")


def levels(program_or_plan: object, *times: str, target: str = "c/loop1") -> list[int]:
    table = Timetable(program_or_plan)  # type: ignore[arg-type]
    return [table.level_at(target, ms(each)).level for each in times]


def test_the_worked_example_of_talq() -> None:
    """Domain streetlights 1.1: active 21:30-07:00; 00:00 70, 05:00 100, 23:00 70; noon to noon, wrapping to the day before."""
    program = a_program("talq", [("21:30", "07:00")], None, {"00:00": 70, "05:00": 100, "23:00": 70})
    evening = [f"2026-06-21T{each}" for each in ("21:00", "21:29:59", "21:30", "22:59:59", "23:00", "23:30")]
    morning = [f"2026-06-22T{each}" for each in ("00:00", "02:00", "04:59:59", "05:00", "06:59", "07:00", "12:00")]
    assert levels(a_plan(program), *evening) == [0, 0, 100, 100, 70, 70]
    assert levels(a_plan(program), *morning) == [70, 70, 70, 100, 100, 0, 0]


def test_the_level_carries_over_from_the_program_of_the_night_before() -> None:
    """TALQ FixedTimeControl: without a start time yet, the last value of the program executed on the previous day."""
    late = a_program("late", [("18:00", "06:00")], None, {"01:00": 40})
    early = a_program("early", [("18:00", "06:00")], None, {"23:00": 80})
    plan = a_plan(early, late, rules=[Rule(program="late", start="2026-05-01", end="2026-05-01")])
    assert levels(plan, "2026-05-01T20:00", "2026-05-02T20:00", "2026-05-03T20:00") == [80, 40, 80]


def test_a_main_road_through_its_night() -> None:
    """Dusk, dim, half night, morning, dawn: the sun's times with the clock's."""
    table = Timetable(a_plan(main_road()))
    sun = table.night(TAIHE, date(2026, 6, 21)).sun
    assert sun.sunset is not None
    assert sun.sunrise is not None
    on, off = sun.sunset + 300_000, sun.sunrise - 300_000
    wanted = [(on - 1, 0), (on, 100), (ms("2026-06-21T22:30"), 70), (ms("2026-06-22T00:30"), 50), (ms("2026-06-22T05:00"), 100)]
    for at, level in [*wanted, (off - 1, 100), (off, 0)]:
        assert table.level_at("c/loop1", at).level == level


def test_a_window_that_crosses_the_suns_is_no_window() -> None:
    """On at 06:00, off at sunrise: in summer the sun is up before and the lamps stay dark, in winter they burn."""
    program = a_program("x", [("sunset", "23:00"), ("06:00", "sunrise")])
    plan = a_plan(program)
    assert levels(plan, "2026-06-22T05:59", "2026-06-22T06:01", "2026-06-22T08:00") == [0, 0, 0]
    assert levels(plan, "2026-12-22T05:59", "2026-12-22T06:01", "2026-12-22T08:00") == [0, 100, 0]


def test_kashgar_is_dark_late_so_steps_may_follow_the_sun() -> None:
    """A 22:30 step comes before the lamps in June; steps by sunset and solar midnight keep their distance."""
    kashgar = Place(39.47, 75.99)
    by_clock = a_plan(a_program("c", [("sunset+10", "sunrise-10")], 100, {"22:30": 70}), place=kashgar)
    by_sun = a_plan(a_program("s", [("sunset+10", "sunrise-10")], 100, {"sunset+120": 70, "solar-midnight": 50}), place=kashgar)
    times = ("2026-06-21T22:34", "2026-06-21T22:45", "2026-06-22T00:45", "2026-06-22T03:05")
    assert levels(by_clock, *times) == [0, 70, 70, 70]
    assert levels(by_sun, *times) == [0, 100, 70, 50]


@pytest.mark.parametrize(
    ("operation", "level", "expected"),
    [("Set", 30, 30), ("Max", 80, 80), ("Min", 40, 40), ("Add", 60, 100), ("Sub", 80, 0), ("Mul", 50, 35)],
)
def test_adjustments_by_the_sun(operation: str, level: int, expected: int) -> None:
    """TALQ astroClockTimeControls: the operation on the level of the steps, within 0 and 100, until the next."""
    change = Adjustment(at=read_moment("sunset+60"), operation=Operation(operation), level=level)
    back = Adjustment(at=read_moment("sunrise-60"), operation=Operation.MAX, level=0)
    program = a_program("p", [("sunset", "sunrise")], 70, {}, adjustments=(change, back))
    assert levels(a_plan(program), "2026-03-01T18:30", "2026-03-01T22:00", "2026-03-02T06:00") == [70, expected, 70]


def test_without_periods_a_program_is_active_all_day() -> None:
    """TALQ: no active period means the whole day; equal times too."""
    whole = a_program("w", [], 30, {})
    same = a_program("s", [("08:00", "08:00")], 30, {})
    for program in (whole, same):
        assert levels(a_plan(program), "2026-03-01T08:00", "2026-03-01T12:00", "2026-03-02T11:59") == [30, 30, 30]


def test_a_period_over_noon_is_its_two_ends() -> None:
    """06:00 to 20:00 of a noon-to-noon day: from noon to 20:00 and from 06:00 to noon."""
    spans = active_spans(a_program("d", [("06:00", "20:00")]), night(date(2026, 3, 1), ZONE, TAIHE))
    assert [(a, b) for a, b, _ in spans] == [
        (ms("2026-03-01T12:00"), ms("2026-03-01T20:00")),
        (ms("2026-03-02T06:00"), ms("2026-03-02T12:00")),
    ]


def test_polar_night_is_lit_and_polar_day_is_not() -> None:
    """Where the sun has no sunset the darkness decides, and a step that does not exist is passed over."""
    svalbard = Place(78.2, 15.6)
    program = a_program("p", [("sunset", "sunrise")], 100, {"sunset+30": 50})
    plan = a_plan(program, zone="Arctic/Longyearbyen", place=svalbard)
    table = Timetable(plan)
    for day in ("2026-12-21", "2026-12-22"):
        assert table.level_at("c/loop1", ms(f"{day}T13:00", "Arctic/Longyearbyen")).level == 100
    assert table.level_at("c/loop1", ms("2026-06-21T23:30", "Arctic/Longyearbyen")).level == 0


def test_without_a_calendar_lamps_are_on_by_night() -> None:
    """TALQ's default light state, but only while the sun is down; it is the lowest layer and says so."""
    table = Timetable(a_plan(a_program(), default=""))
    held = table.level_at("c/loop1", ms("2026-03-01T22:00"))
    assert (held.level, held.layer) == (100, Layer.DEFAULT)
    assert table.level_at("c/loop1", ms("2026-03-01T15:00")).level == 0


def test_what_a_devices_own_table_can_take() -> None:
    """Its offsets from sunset and sunrise, the longest night of several periods; None where the night is by the clock."""
    assert astro_offsets(main_road()) == (5, -5)
    assert astro_offsets(a_program("x", [("sunset+10", "23:00"), ("05:00", "sunrise-15")])) == (10, -15)
    assert astro_offsets(a_program("c", [("19:00", "06:00")])) is None
    assert astro_offsets(a_program("f", [("sunset", "01:00")])) is None


def test_a_track_leaves_no_instant_out() -> None:
    """Its first piece starts at noon, the rest in order inside the night."""
    one = night(date(2026, 3, 1), ZONE, TAIHE)
    starts = [piece.start for piece in track(main_road(), one)]
    assert starts[0] == one.start
    assert starts == sorted(set(starts))
    assert starts[-1] < one.end


@pytest.mark.parametrize("text", ["22:30", "00:00", "23:59:30", "sunset+10", "sunrise-5", "solar-midnight", "dusk", "dawn+120"])
def test_moments_read_as_written(text: str) -> None:
    """Text and value are one thing; each can be said in both languages."""
    moment = read_moment(text)
    assert write_moment(moment) == text
    assert say_moment(moment).zh
    assert say_moment(moment).en


@pytest.mark.parametrize("text", ["24:00", "7:30", "sunset+", "sun", "midnight", "sunset+10.5", "", "sunset +10"])
def test_moments_that_are_none_are_refused(text: str) -> None:
    """The forms there are stand in the reason."""
    with pytest.raises(ValueError, match="solar-midnight"):
        read_moment(text)


def test_clock_changes_give_each_time_one_instant() -> None:
    """New York: 02:30 is skipped on 8 March 2026 and 01:30 comes twice on 1 November."""
    zone = ZoneInfo("America/New_York")
    assert local_ms(date(2026, 3, 8), 9000, zone) == ms("2026-03-08T03:30", "America/New_York")
    assert local_ms(date(2026, 11, 1), 5400, zone) == local_ms(date(2026, 11, 1), 0, zone) + 5_400_000
    assert night_of(ms("2026-03-08T11:59", "America/New_York"), zone) == date(2026, 3, 7)
    assert night_of(ms("2026-03-08T12:00", "America/New_York"), zone) == date(2026, 3, 8)


def test_the_why_can_be_read() -> None:
    """A sentence names program, moment and the time it has tonight, in both languages."""
    table = Timetable(a_plan(main_road()))
    by_day = table.level_at("c/loop1", ms("2026-03-01T14:00"))
    evening = table.level_at("c/loop1", ms("2026-03-01T20:00"))
    late = table.level_at("c/loop1", ms("2026-03-02T02:00"))
    assert by_day.why.zh == "方案“甲main”：不在运行时段（日落后5分钟（18:26）至日出前5分钟（06:38）），关灯"
    assert by_day.why.en == "program “MAIN”: outside its hours (5 min after sunset (18:26) to 5 min before sunrise (06:38)), off"
    assert evening.why.en == "program “MAIN”: 100 % from 5 min after sunset (18:26)"
    assert late.why.zh == "方案“甲main”：00:30起 50%"
