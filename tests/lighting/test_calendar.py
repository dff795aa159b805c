"""Which program a night takes, and the lunar table held against the sky."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import pytest

from lampwell.lighting.calendar import festival_nights, matches, program_of
from lampwell.lighting.lunar import FESTIVALS, festival_day, festival_name, lunar_years
from lampwell.lighting.model import Calendar, Rule, Span

from .heaven import months


def days(rule: Rule, year: int) -> list[str]:
    first = date(year, 1, 1)
    every = (first + timedelta(n) for n in range(366))
    return [f"{day:%m-%d}" for day in every if day.year == year and matches(rule, day)]


def test_the_table_is_what_the_sky_says() -> None:
    """All 31 lunar years: first day, leap month and every month's length, calculated from new moons and solar terms."""
    run = [month for year in range(2020, 2053) for month in months(year)]
    starts = [n for n, (number, leap, _) in enumerate(run) if number == 1 and not leap]
    for first, end in pairwise(starts):
        year = run[first][2].year
        if year not in lunar_years():
            continue
        told = lunar_years()[year]
        assert told.first_day == run[first][2]
        assert told.month_days == tuple((run[n + 1][2] - run[n][2]).days for n in range(first, end))
        assert told.leap_month == next((number for number, leap, _ in run[first:end] if leap), 0)
    assert sorted(lunar_years()) == list(range(2020, 2051))


@pytest.mark.parametrize(
    ("name", "year", "day"),
    [
        ("spring", 2026, date(2026, 2, 17)),
        ("lantern", 2026, date(2026, 3, 3)),
        ("dragon-boat", 2026, date(2026, 6, 19)),
        ("mid-autumn", 2026, date(2026, 9, 25)),
        ("double-ninth", 2026, date(2026, 10, 18)),
        ("new-year-eve", 2025, date(2026, 2, 16)),
        ("spring", 2034, date(2034, 2, 19)),
        ("mid-autumn", 2025, date(2025, 10, 6)),
        ("8-15", 2026, date(2026, 9, 25)),
        ("spring", 2051, None),
    ],
)
def test_festivals_fall_when_people_keep_them(name: str, year: int, day: date | None) -> None:
    """Known dates, over a leap sixth month (2025) and the leap eleventh that some tables have wrong (2033)."""
    assert festival_day(name, year) == day


def test_a_festival_that_is_none_is_refused() -> None:
    """A slip of the pen is told, with the names there are."""
    with pytest.raises(ValueError, match="festivals are new-year-eve, spring"):
        festival_day("sprung", 2026)
    assert all(all(festival_name(name)) for name in (*FESTIVALS, "8-15"))


def test_the_first_rule_that_matches_decides() -> None:
    """TALQ: priority is the order of the list; without a match the default, which may be none."""
    both = Calendar(
        id="c",
        zh="",
        en="",
        rules=(Rule(program="a", weekdays=(5,)), Rule(program="b", months=(6,))),
        default="d",
    )
    assert program_of(both, date(2026, 6, 5)) == ("a", both.rules[0])
    assert program_of(both, date(2026, 6, 6)) == ("b", both.rules[1])
    assert program_of(both, date(2026, 7, 4)) == ("d", None)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Rule(program="p", start="02-27", end="03-01"), ["02-27", "02-28", "03-01"]),
        (Rule(program="p", start="12-30", end="01-02"), ["01-01", "01-02", "12-30", "12-31"]),
        (Rule(program="p", start="2026-12-30"), ["12-30", "12-31"]),
        (Rule(program="p", end="2026-01-02"), ["01-01", "01-02"]),
        (Rule(program="p", start="2026-05-01", end="2026-05-02"), ["05-01", "05-02"]),
        (Rule(program="p", weekdays=(1,), occurrences=("2",), months=(1, 2)), ["01-12", "02-09"]),
        (Rule(program="p", weekdays=(7,), occurrences=("L",), months=(5, 8)), ["05-31", "08-30"]),
        (Rule(program="p", dates=(Span(first=(10, 1), last=(10, 3)),)), ["10-01", "10-02", "10-03"]),
        (Rule(program="p", dates=(Span(first=(0, 31), last=(0, 31)),), months=(1, 2, 3)), ["01-31", "03-31"]),
        (Rule(program="p", lunar=("spring",), days_before=1, days_after=1), ["02-16", "02-17", "02-18"]),
    ],
)
def test_conditions(rule: Rule, expected: list[str]) -> None:
    """Each condition by the nights it takes in 2026; several must hold together."""
    assert days(rule, 2026) == expected


def test_a_yearly_29th_of_february_is_there_in_leap_years_only() -> None:
    """Leap day."""
    rule = Rule(program="p", dates=(Span(first=(2, 29), last=(2, 29)),))
    assert (days(rule, 2026), days(rule, 2028)) == ([], ["02-29"])


def test_the_lunar_year_before_reaches_over_the_new_year() -> None:
    """The twelfth lunar month of a year falls in the civil year after."""
    rule = Rule(program="p", lunar=("new-year-eve",))
    assert days(rule, 2026) == ["02-16"]
    assert days(rule, 2027) == ["02-05"]
    assert festival_nights(rule, 2025) == [(date(2026, 2, 16), date(2026, 2, 16))]


def test_after_the_tables_end_festivals_match_nothing() -> None:
    """An edge node that runs into 2052 keeps its ordinary programs."""
    assert days(Rule(program="p", lunar=("mid-autumn",)), 2052) == []
