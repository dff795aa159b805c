"""Who is on shift, and when nobody is."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control.people.roster import Crew, Holiday, Roster, Rota, Season, Shift, Swap
from control.people.rota import crew_on_shift, deputies, gaps, in_flood_season, is_workday, on_shift, shifts

from .conftest import BERLIN, DAY, HOUR, MINUTE, OFFICE, ROSTER, ZONE, at


@pytest.mark.parametrize(
    ("when", "who"),
    [
        ("2025-12-31T12:00", ()),  # before the rota began
        ("2026-01-01T08:00", ("a",)),
        ("2026-01-01T19:59", ("a",)),
        ("2026-01-01T20:00", ("b",)),
        ("2026-01-02T07:59", ("b",)),
        ("2026-01-02T08:00", ("c",)),
        ("2026-01-02T20:00", ("a",)),
        ("2028-02-29T12:00", ("a",)),  # 789 days and so 1,578 shifts after the first
        ("2028-03-01T12:00", ("c",)),  # 1,580
    ],
)
def test_the_pattern_goes_on_over_midnight_months_and_leap_days(when: str, who: tuple[str, ...]) -> None:
    """Protects the night shift: it belongs to whoever began it, and the cycle never slips."""
    assert on_shift(ROSTER, "office", at(when), ZONE) == who


@pytest.mark.parametrize(("day", "hours"), [("2026-03-28", 11), ("2026-03-29", 12), ("2026-10-24", 13), ("2026-10-25", 12)])
def test_a_night_with_a_change_of_clocks_is_shorter_or_longer(day: str, hours: int) -> None:
    """Protects counties with summer time: shifts change at the hour on the wall, whatever the night before was."""
    begin = at(f"{day}T20:00", BERLIN)
    (night,) = shifts(ROSTER, "office", begin, begin + HOUR, BERLIN)
    assert (night.start, night.end - night.start) == (begin, hours * HOUR)


def test_a_shift_may_end_before_the_next_begins() -> None:
    """Protects office hours: with a length nobody is planned for the rest of the day, and that is no gap."""
    day = Roster(rotas=(replace(OFFICE, starts=("08:30",), length_h=8.5),))
    answers = [on_shift(day, "office", at(f"2026-01-01T{clock}"), ZONE) for clock in ("08:29", "08:30", "16:59", "17:00")]
    assert answers == [(), ("a",), ("a",), ()]
    assert gaps(day, at("2026-01-01T00:00"), at("2026-01-09T00:00"), ZONE) == ()


def test_swaps_and_shifts_by_hand_stand_in_place_of_the_pattern() -> None:
    """Protects what people agreed: a swap holds for the whole of its shift alone, also where a shift by hand cuts it in two."""
    roster = Roster(
        rotas=(OFFICE,),
        swaps=(
            Swap(rota="office", start="2026-01-01T08:00", out="a", replaced_by="c"),
            Swap(rota="office", start="2026-01-02T08:00", out="c", replaced_by="a"),
        ),
        shifts=(Shift(rota="office", start="2026-01-02T10:00", end="2026-01-02T12:00", persons=("b", "c")),),
    )
    found = shifts(roster, "office", at("2026-01-01T08:00"), at("2026-01-02T20:00"), ZONE)
    assert [one.persons for one in found] == [("c",), ("b",), ("a",), ("b", "c"), ("a",)]
    assert gaps(roster, at("2026-01-01T08:00"), at("2026-01-03T08:00"), ZONE) == ()


def test_two_shifts_by_hand_at_once_are_both_on_shift() -> None:
    """Protects the second person of a reinforced night: nobody who is written down is left out."""
    by_hand = tuple(
        Shift(rota="office", start="2026-01-02T08:00", end=f"2026-01-02T{end}:00", persons=(who,))
        for who, end in (("b", 12), ("c", 20))
    )
    roster = Roster(rotas=(OFFICE,), shifts=by_hand)
    assert on_shift(roster, "office", at("2026-01-02T09:00"), ZONE) == ("b", "c")
    assert on_shift(roster, "office", at("2026-01-02T13:00"), ZONE) == ("c",)
    inside = replace(by_hand[0], start="2026-01-02T09:00")
    nested = Roster(rotas=(replace(OFFICE, cycle=(("x",),)),), shifts=(inside, by_hand[1]))
    assert on_shift(nested, "office", at("2026-01-02T13:00"), ZONE) == ("c",)


def test_the_deputy_is_who_really_comes_next() -> None:
    """Protects the second call: it goes to the next person as swapped or written by hand, never to the one who did not answer."""
    swapped = replace(ROSTER, swaps=(Swap(rota="office", start="2026-01-01T20:00", out="b", replaced_by="a"),))
    by_hand = replace(ROSTER, shifts=(Shift(rota="office", start="2026-01-01T08:00", end="2026-01-01T20:00", persons=("c",)),))
    alone = Roster(rotas=(replace(OFFICE, cycle=(("a",),)),))
    noon = at("2026-01-01T12:00")
    assert [deputies(one, "office", noon, ZONE) for one in (ROSTER, swapped, by_hand, alone)] == [("b",), ("c",), ("b",), ()]


def test_nobody_on_shift_is_found_a_day_ahead() -> None:
    """Protects against an empty chair: an emptied shift shows as a gap of exactly its length, 24 h before it begins."""
    empty = Shift(rota="office", start="2026-01-02T08:00", end="2026-01-02T20:00", persons=())
    roster = Roster(rotas=(OFFICE,), shifts=(empty,))
    (gap,) = gaps(roster, at("2026-01-01T21:00"), at("2026-01-02T21:00"), ZONE)
    assert (gap.start, gap.end) == (at("2026-01-02T08:00"), at("2026-01-02T20:00"))
    assert gaps(roster, at("2026-01-01T07:59"), at("2026-01-02T08:00"), ZONE) == ()


def test_a_rota_without_a_cycle_is_empty_where_nothing_is_written() -> None:
    """Protects the county that writes each month by hand: the first day it forgot is a gap."""
    written = Shift(rota="office", start="2026-01-01T08:00", end="2026-01-02T20:00", persons=("a",))
    roster = Roster(rotas=(replace(OFFICE, cycle=()),), shifts=(written,))
    (gap,) = gaps(roster, at("2026-01-01T08:00"), at("2026-01-03T08:00"), ZONE)
    assert (gap.start, gap.end) == (at("2026-01-02T20:00"), at("2026-01-03T08:00"))


@pytest.mark.parametrize(
    ("when", "working"),
    [("2026-03-31T12:00", False), ("2026-04-01T12:00", True), ("2026-10-01T07:59", True), ("2026-10-01T08:00", False)],
)
def test_the_flood_season_has_both_its_ends(when: str, working: bool) -> None:
    """Protects the first and the last shift of the season, which lasts into the next morning."""
    rota = Rota(id="flood", zh="汛期", cycle=(("a",),), anchor="2026-01-01", season="flood")
    assert bool(on_shift(Roster(rotas=(rota,), season=Season()), "flood", at(when), ZONE)) is working


@pytest.mark.parametrize(
    ("season", "day", "on"),
    [
        (Season(start="11-01", end="02-29"), "2027-02-28", True),
        (Season(start="11-01", end="02-29"), "2028-02-29", True),
        (Season(start="11-01", end="02-29"), "2028-03-01", False),
        (Season(mode="on"), "2026-01-01", True),
        (Season(mode="off"), "2026-07-01", False),
    ],
)
def test_a_season_may_go_over_new_year_or_be_switched_by_hand(season: Season, day: str, on: bool) -> None:
    """Protects counties elsewhere, and the person who declares the season early."""
    assert in_flood_season(season, datetime.fromisoformat(day).date()) is on


def test_holidays_and_days_worked_in_exchange() -> None:
    """Protects the working-day clock: a holiday is off, its exchange day is worked though it is a Sunday."""
    roster = Roster(holidays=(Holiday(date="2026-10-01", zh="国庆节"), Holiday(date="2026-10-11", zh="调休", workday=True)))
    days = [datetime.fromisoformat(f"2026-10-{day}").date() for day in ("01", "11", "12", "17")]
    assert [is_workday(roster, day) for day in days] == [False, True, True, False]


def test_a_rota_that_is_off_on_holidays_has_no_shift_and_no_gap() -> None:
    """Protects leaders from a gap alarm on every holiday; the shift of the evening before still ends in the morning."""
    roster = Roster(rotas=(replace(OFFICE, holidays="off"),), holidays=(Holiday(date="2026-10-01", zh="国庆节"),))
    answers = [
        bool(on_shift(roster, "office", at(when), ZONE)) for when in ("2026-10-01T07:00", "2026-10-01T09:00", "2026-10-02T09:00")
    ]
    assert answers == [True, False, True]
    assert gaps(roster, at("2026-09-30T00:00"), at("2026-10-03T00:00"), ZONE) == ()


def test_crews_are_found_by_area_skill_and_shift() -> None:
    """Protects the right people going out: their area, their trade, those on shift; all of a crew that has no rota."""
    crews = (
        Crew(id="light", zh="路灯班", areas=("east",), members=("a", "b")),
        Crew(id="drain", zh="排水班", skill="drainage", members=("c", "d")),
    )
    rota = replace(OFFICE, id="light", crew="light", areas=("east",))
    roster = Roster(crews=crews, rotas=(rota,))
    noon = at("2026-01-01T12:00")

    def found(area: str, skill: str) -> tuple[str, ...]:
        return crew_on_shift(roster, area, skill, noon, ZONE)

    assert found("east", "lighting") == ("a",)
    assert found("west", "lighting") == ()
    assert found("west", "drainage") == ("c", "d")
    assert found("", "") == ("a", "c", "d")


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 800 * 24 * 60))
def test_a_full_rota_always_has_exactly_its_people(minute: int) -> None:
    """Every minute of two years and in a zone with summer time: one team, never none or two."""
    for zone in (ZONE, BERLIN):
        now = at("2026-01-02T00:00", zone) + minute * MINUTE
        assert len(shifts(ROSTER, "office", now, now + 1, zone)) == 1


BEGIN = at("2026-03-27T00:00", BERLIN)
HALF_HOURS = 5 * 48
"""Five days in which Berlin's clocks change, in steps that every boundary below falls on."""


def _moment(half_hours: int) -> str:
    return (datetime.fromisoformat("2026-03-27T00:00") + timedelta(minutes=30 * half_hours)).isoformat(timespec="minutes")


persons = st.lists(st.sampled_from("abcd"), max_size=2, unique=True).map(tuple)
by_hand = st.builds(
    lambda start, length, who: Shift(rota="office", start=_moment(start), end=_moment(start + length), persons=who),
    st.integers(0, HALF_HOURS),
    st.integers(1, 60),
    persons,
)
swaps = st.builds(
    lambda day, hour, out, other: Swap(rota="office", start=f"2026-03-{day}T{hour}:00", out=out, replaced_by=other),
    st.integers(27, 31),
    st.sampled_from(["08", "20"]),
    st.sampled_from("abc"),
    st.sampled_from("abcd"),
)
rotas = st.builds(
    lambda cycle, length, holidays: replace(OFFICE, cycle=cycle, length_h=length, holidays=holidays),
    st.lists(persons, min_size=1, max_size=4).map(tuple),
    st.sampled_from([None, 4.0, 11.5]),
    st.sampled_from(["same", "off"]),
)


@settings(max_examples=60, deadline=None)
@given(rotas, st.lists(by_hand, max_size=4).map(tuple), st.lists(swaps, max_size=3).map(tuple))
def test_gaps_are_where_a_slow_look_finds_nobody(rota: Rota, written: tuple[Shift, ...], agreed: tuple[Swap, ...]) -> None:
    """Protects the gap alarm: at each half hour someone is on shift, or it is a gap, or nobody was wanted; never two of these."""
    roster = Roster(rotas=(rota,), shifts=written, swaps=agreed, holidays=(Holiday(date="2026-03-30", zh="休"),))
    wanted = Roster(rotas=(replace(rota, cycle=(("x",),)),), holidays=roster.holidays)
    found = gaps(roster, BEGIN, BEGIN + 5 * DAY, BERLIN)
    for now in range(BEGIN, BEGIN + 5 * DAY, 30 * MINUTE):
        expected = bool(on_shift(wanted, "office", now, BERLIN)) and not on_shift(roster, "office", now, BERLIN)
        assert sum(gap.start <= now < gap.end for gap in found) == expected
    assert all(one.end < two.start for one, two in pairwise(found))
