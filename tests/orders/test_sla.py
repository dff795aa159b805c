"""When a repair is due, and whether it was in time."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.orders.sla import (
    NIGHT_MS,
    SOON_MS,
    NoWorkdays,
    Times,
    UnknownSla,
    confirmation,
    due,
    in_time,
    overdue_share,
    read_sla,
    stopped_at,
    time_left_ms,
    times,
)

ZONE = ZoneInfo("Asia/Shanghai")
OFF = {date(2026, 10, day) for day in range(1, 8)}  # National Day
MAKE_UP = {date(2026, 9, 27), date(2026, 10, 10)}  # a Sunday and a Saturday, worked in exchange


def worked(day: date) -> bool:
    return day in MAKE_UP or (day not in OFF and day.weekday() < 5)


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=ZONE).timestamp() * 1000)


@pytest.mark.parametrize(
    ("sla", "created", "wanted"),
    [
        ("emergency", "2026-10-01T23:30", "2026-10-02T00:30"),  # holidays stop no emergency
        ("ordinary", "2026-10-03T10:00", "2026-10-04T10:00"),
        ("ordinary-night", "2026-10-03T10:00", "2026-10-04T10:00"),
        ("serious", "2026-09-15T10:00", "2026-09-18T10:00"),  # Tuesday to Friday
        ("serious", "2026-09-17T10:00", "2026-09-22T10:00"),  # Thursday over a weekend
        ("serious", "2026-09-19T10:00", "2026-09-24T00:00"),  # on a Saturday: the clock begins on Monday
        ("serious", "2026-09-25T10:00", "2026-09-29T10:00"),  # Friday, but Sunday is worked
        ("serious", "2026-09-30T10:00", "2026-10-10T10:00"),  # over the holiday: Thursday 8, Friday 9, and Saturday is worked
    ],
)
def test_due_by_the_hebei_rules(sla: str, created: str, wanted: str) -> None:
    """Protects the repair times of the provincial rules, with holidays and make-up days of the county's list."""
    assert due(sla, at(created), worked, ZONE) == at(wanted)


@given(
    st.integers(at("2026-01-01T00:00") // 1000, at("2027-12-01T00:00") // 1000),
    st.integers(0, 86_400 * 9),
    st.sampled_from(["serious", "ordinary", "emergency"]),
)
def test_a_later_order_is_never_due_sooner(created: int, later: int, sla: str) -> None:
    """Protects fairness: the clock is monotone, always ahead, and a serious order has three days of working time."""
    first, second = due(sla, created * 1000, worked, ZONE), due(sla, (created + later) * 1000, worked, ZONE)
    assert created * 1000 < first <= second
    if sla == "serious":
        assert _working_ms(created * 1000, first) == 3 * 86_400_000


def _working_ms(start: int, end: int) -> int:
    """The slow way: day by day."""
    total, day = 0, datetime.fromtimestamp(start / 1000, ZONE).date()
    while (begin := at(f"{day}T00:00")) < end:
        if worked(day):
            total += max(0, min(end, begin + 86_400_000) - max(start, begin))
        day += timedelta(days=1)
    return total


def test_words_that_are_none() -> None:
    """Protects rules from words that would silently mean something else, and due times from a calendar without work."""
    for text in ("urgent", "", "serious-day", "ordinary-"):
        with pytest.raises(UnknownSla, match="emergency, serious, ordinary"):
            read_sla(text)
    with pytest.raises(NoWorkdays):
        due("serious", at("2026-01-01T00:00"), lambda _: False, ZONE)


@pytest.mark.parametrize(
    ("sla", "component", "wanted"),
    [
        ("ordinary", "loop1", (SOON_MS, False)),
        ("ordinary", "lamp012", (NIGHT_MS, True)),
        ("ordinary-night", "loop1", (NIGHT_MS, True)),
        ("ordinary-soon", "lamp012", (SOON_MS, False)),
        ("of-old", "lamp012", (NIGHT_MS, True)),
    ],
)
def test_how_a_repair_is_confirmed(sla: str, component: str, wanted: tuple[int, bool]) -> None:
    """Protects the rule word: lamps wait for the night unless it says otherwise."""
    assert confirmation(sla, component) == wanted


def test_times_of_a_history() -> None:
    """Protects response and repair times: a repair that was contradicted is none."""
    told = [("created", 0), ("assigned", 1), ("accepted", 2), ("on-site", 3), ("done", 4), ("reopened", 5)]
    assert times(told) == Times(responded_at=2, arrived_at=3, repaired_at=None, reopened=1)
    told += [("on-site", 6), ("done", 7), ("confirmed", 8)]
    whole = times(told)
    assert whole == Times(responded_at=2, arrived_at=3, repaired_at=7, ended_at=8, reopened=1)
    assert (stopped_at("emergency", whole), stopped_at("ordinary", whole)) == (3, 7)
    assert times([("created", 0)]) == Times()


@pytest.mark.parametrize(
    ("when", "now", "kept"),
    [
        (Times(repaired_at=10), 99, True),
        (Times(repaired_at=11), 99, False),
        (Times(), 10, None),
        (Times(), 11, False),
        (Times(ended_at=5, cancelled=True), 99, None),
    ],
)
def test_whether_it_was_in_time(when: Times, now: int, kept: bool | None) -> None:
    """Protects the SLA share from guesses: what is not decided yet is neither kept nor broken."""
    assert in_time("ordinary", 10, when, now) is kept


def test_what_is_left() -> None:
    """Protects the list of what is late."""
    assert (time_left_ms(10, 4), time_left_ms(10, 14)) == (6, -4)
    assert overdue_share([1, 2, 3, 9], 3) == 0.5
    assert overdue_share([], 3) is None
