"""Who decides: locks, leases, festivals, sensors, calendar; half-night loops, ramps and lamps on loops."""

from __future__ import annotations

from datetime import date

import pytest

from lampwell.lighting import Layer, NoTarget, Override, Standing, Text, Timetable
from lampwell.lighting.loops import group_level
from lampwell.lighting.model import LoopMap, LoopRow, LuxRule, Rotation, Rule, Target

from .conftest import TAIHE, a_plan, a_program, main_road, ms

NIGHT, LATE, DAY = ms("2026-03-01T21:00"), ms("2026-03-02T02:00"), ms("2026-03-01T14:00")
HALF = LoopMap(id="half", zh="半夜灯", en="half-night", groups=("A", "B"), rows=(LoopRow(50, (100, 0)),), rotate=Rotation.MONTH)


def lease(
    start: int = NIGHT, end: int | None = LATE, level: int = 30, issued: int = 1, name: str = "l1", **more: object
) -> Override:
    made: dict[str, object] = {"targets": ("c/loop1",), "who": "王工", "reason": Text(zh="检查", en="inspection")} | more
    return Override(id=name, level=level, issued=issued, start=start, end=end, **made)  # type: ignore[arg-type]


def lock(layer: Layer, level: int = 0, name: str = "k") -> Override:
    return lease(layer=layer, end=None, level=level, name=name)


# -- priorities ----------------------------------------------------------------------------------------------------------------


def test_each_layer_is_above_the_next() -> None:
    """Crew lock, interlock, lease, festival, sensors, calendar: taking the highest away shows the one below at once."""
    feast = a_program("feast", [("18:30", "23:00")], 90)
    plan = a_plan(main_road(), feast, feasts=[Rule(program="feast", zh="元宵节", en="Lantern", lunar=("lantern",))])
    table, at = Timetable(plan), ms("2026-03-03T21:00")
    stack = [lock(Layer.CREW_LOCK, name="crew"), lock(Layer.INTERLOCK, name="flood"), lease(NIGHT, at + 1, 30)]
    seen = []
    while stack:
        seen.append(table.level_at("c/loop1", at, Standing(stack)))
        stack.pop(0)
    seen.append(table.level_at("c/loop1", at))
    assert [(one.level, one.layer) for one in seen] == [
        (0, Layer.CREW_LOCK),
        (0, Layer.INTERLOCK),
        (30, Layer.LEASE),
        (90, Layer.FESTIVAL),
    ]
    assert seen[3].why.zh == "节日“元宵节”的方案“甲feast”：18:30起 90%"
    assert table.level_at("c/loop1", ms("2026-03-03T23:30")).layer is Layer.CALENDAR


def test_a_festival_cannot_close_a_locked_loop() -> None:
    """Domain streetlights 7, check 7: the interlock is above the program of 19:00."""
    feast = a_program("feast", [("19:00", "23:00")], 100)
    table = Timetable(a_plan(main_road(), feast, feasts=[Rule(program="feast", lunar=("lantern",))]))
    held = table.level_at("c/loop1", ms("2026-03-03T19:00"), Standing([lock(Layer.INTERLOCK)]))
    assert (held.level, held.layer) == (0, Layer.INTERLOCK)


def test_a_lease_says_who_and_why_and_ends_by_itself() -> None:
    """An override with an end: to the millisecond, and then the program as it would have been."""
    table, standing = Timetable(a_plan(main_road())), Standing([lease()])
    held = table.level_at("c/loop1", NIGHT, standing)
    assert held.why == Text(
        zh="限时指令 l1：30%，至 02:00，王工，原因：检查", en="lease l1: 30 % until 02:00, by 王工, because: inspection"
    )
    assert table.level_at("c/loop1", NIGHT - 1, standing).level == 100
    assert table.level_at("c/loop1", LATE - 1, standing).level == 30
    assert table.level_at("c/loop1", LATE, standing).level == 50
    assert table.level_at("c/loop2", NIGHT, standing).level == 100


def test_the_last_lease_takes_the_place_of_the_former() -> None:
    """TALQ: no stack; the former does not come back. A lease that begins after the other's end still comes."""
    table, hour = Timetable(a_plan(main_road())), 3_600_000
    first = lease(NIGHT, NIGHT + 4 * hour, 30, issued=1)
    second = lease(NIGHT + hour, NIGHT + 2 * hour, 80, issued=2, name="l2")
    standing = Standing([first, second])
    assert [table.level_at("c/loop1", NIGHT + n * hour // 2, standing).level for n in (0, 1, 2, 3, 4)] == [30, 30, 80, 80, 70]
    together = Standing([lease(NIGHT, NIGHT + 4 * hour, issued=1), lease(NIGHT, NIGHT + hour, 80, issued=2, name="l2")])
    assert [table.level_at("c/loop1", NIGHT + n * hour // 2, together).level for n in (0, 1, 2)] == [80, 80, 100]
    later = Standing([lease(NIGHT + 3 * hour, NIGHT + 4 * hour, 30, issued=1), second])
    assert table.level_at("c/loop1", NIGHT + 3 * hour, later).level == 30


@pytest.mark.parametrize(
    "wrong",
    [{"end": None}, {"end": NIGHT - 1}, {"level": 101}, {"layer": Layer.FESTIVAL}],
)
def test_an_override_that_makes_no_sense_is_refused(wrong: dict[str, object]) -> None:
    """Above all a lease without an end."""
    with pytest.raises(ValueError, match="override 'l1'"):
        lease(**wrong)  # type: ignore[arg-type]


def test_what_the_plan_does_not_have_is_told() -> None:
    """Not a level of zero."""
    with pytest.raises(NoTarget, match="no loop or lamp 'c/loop9'"):
        Timetable(a_plan(main_road())).level_at("c/loop9", NIGHT)


# -- sensors -------------------------------------------------------------------------------------------------------------------


def test_sensors_only_add_light_within_their_windows() -> None:
    """On at most 40 min early, off at most 20 min late; a bright sky neither delays nor shortens the night."""
    table = Timetable(a_plan(main_road(lux="sky"), lux=[LuxRule(id="sky")]))
    sun = table.night(TAIHE, date(2026, 3, 1)).sun
    assert sun.sunset is not None
    assert sun.sunrise is not None
    on, off, minute = sun.sunset + 300_000, sun.sunrise - 300_000, 60_000
    dark, bright = Standing(dark={"sky": True}), Standing(dark={"sky": False})
    for at, in_dark, in_light in [
        (on - 41 * minute, 0, 0),
        (on - 40 * minute, 100, 0),
        (on - 1, 100, 0),
        (on, 100, 100),
        (off - 1, 100, 100),
        (off, 100, 0),
        (off + 20 * minute - 1, 100, 0),
        (off + 20 * minute, 0, 0),
    ]:
        assert table.level_at("c/loop1", at, dark).level == in_dark
        assert table.level_at("c/loop1", at, bright).level == in_light
        assert table.level_at("c/loop1", at, Standing(dark={"sky": None})).level == in_light
    early = table.level_at("c/loop1", on - minute, dark)
    assert early.layer is Layer.LUX
    assert "提前开灯" in early.why.zh
    assert "kept on" in table.level_at("c/loop1", off, dark).why.en


def test_sensors_light_nothing_that_the_program_keeps_off() -> None:
    """An edge with level 0 is no switch-on to be early for, and no switch-off to be late for."""
    program = a_program("p", [("18:00", "08:00")], 0, {"22:00": 80, "06:00": 0}, lux="sky")
    table = Timetable(a_plan(program, lux=[LuxRule(id="sky")]))
    for at in ("2026-03-01T17:50", "2026-03-02T08:10"):
        held = table.level_at("c/loop1", ms(at), Standing(dark={"sky": True}))
        assert (held.level, held.layer) == (0, Layer.CALENDAR)


def test_a_program_that_wants_no_sensors_has_none() -> None:
    """The rule is named by the program."""
    table = Timetable(a_plan(main_road(), lux=[LuxRule(id="sky")]))
    assert table.level_at("c/loop1", ms("2026-03-01T18:20"), Standing(dark={"sky": True})).level == 0


# -- half-night loops ----------------------------------------------------------------------------------------------------------


def test_half_night_by_a_level_and_turns_by_month() -> None:
    """TALQ segmentsConfiguration: at 50 % one group is full and one off; the next month the other."""
    table = Timetable(a_plan(main_road(), maps=[HALF]))
    march, april = LATE, ms("2026-04-02T02:00")
    by_month = [[table.level_at(f"c/loop{n}", at).level for n in (1, 2)] for at in (march, april)]
    assert sorted(by_month) == [[0, 100], [100, 0]]
    assert [table.level_at(f"c/loop{n}", NIGHT + 2 * 3_600_000).level for n in (1, 2)] == [70, 70]
    said = table.level_at("c/loop1", march).why
    assert said.zh.startswith("方案“甲main”：00:30起 50%；半夜灯：A 组今夜 ")


def test_turns_change_at_noon_not_in_the_night() -> None:
    """A month's last night keeps its turn until the morning of the first."""
    assert group_level(HALF, "A", 50, date(2026, 3, 31)) != group_level(HALF, "A", 50, date(2026, 4, 1))
    table = Timetable(a_plan(main_road(), maps=[HALF]))
    assert table.level_at("c/loop1", ms("2026-04-01T03:00")).level == table.level_at("c/loop1", ms("2026-03-15T03:00")).level


def test_loops_that_only_switch_are_never_darker_than_asked() -> None:
    """70 % has no row of its own: the next higher one holds, and without a higher one all are on."""
    relays = LoopMap(id="r", zh="", en="", groups=("A", "B"), rows=(LoopRow(50, (100, 0)), LoopRow(80, (100, 100))), dims=False)
    day = date(2026, 3, 1)
    assert [[group_level(relays, group, level, day) for group in "AB"] for level in (0, 30, 50, 70, 90)] == [
        [0, 0],
        [100, 0],
        [100, 0],
        [100, 100],
        [100, 100],
    ]


# -- ramps and lamps -----------------------------------------------------------------------------------------------------------


def test_a_step_ramps_and_a_contactor_does_not() -> None:
    """Even change from 100 to 70 in 60 s; on and off are at once."""
    table = Timetable(a_plan(main_road(ramp_s=60)))
    dim = ms("2026-03-01T22:30")
    assert [table.level_at("c/loop1", dim + s * 1000).level for s in (-1, 0, 20, 30, 60, 90)] == [100, 100, 90, 85, 70, 70]
    sun = table.night(TAIHE, date(2026, 3, 1)).sun
    assert sun.sunset is not None
    assert table.level_at("c/loop1", sun.sunset + 300_000).level == 100


def test_a_lease_ramps_there_and_back() -> None:
    """TALQ rampToLevelTime and rampFromLevelTime."""
    table = Timetable(a_plan(main_road()))
    standing = Standing([lease(NIGHT, NIGHT + 600_000, 40, ramp_s=60, ramp_back_s=30)])
    seen = [table.level_at("c/loop1", NIGHT + s * 1000, standing).level for s in (0, 30, 60, 599, 600, 615, 630)]
    assert seen == [100, 70, 40, 40, 40, 70, 100]


def test_a_lamp_follows_its_loop_unless_it_has_its_own_word() -> None:
    """A lamp node can be dimmed by itself, but nothing lights it on a dead loop, and the reason says so."""
    own = Target(id="lamp-2", cabinet="c", loop="c/loop1", place=TAIHE, calendar="usual")
    table = Timetable(a_plan(main_road(), maps=[HALF], targets=[own]))
    assert table.level_at("lamp-1", NIGHT).level == 100
    assert table.level_at("lamp-1", NIGHT, Standing([lease(targets=("lamp-1",))])).level == 30
    assert table.level_at("lamp-1", NIGHT, Standing([lease()])).level == 30
    both = [lease(issued=1), lease(issued=2, level=60, targets=("lamp-2",), name="l2")]
    assert [table.level_at("lamp-2", NIGHT, Standing(each)).level for each in (both[:1], both, both[::-1])] == [30, 60, 60]
    dead = table.level_at("lamp-2", DAY, Standing([lease(DAY - 1, LATE, 80, targets=("lamp-2",))]))
    assert dead.level == 0
    assert dead.why.en.startswith("its loop c/loop1 is off (program “MAIN”: outside its hours")
    assert table.level_at("lamp-2", LATE).level in (0, 50)
