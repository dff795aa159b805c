"""Whose turn it is: budgets that hold whatever happens, red first, digests where the minute is full, detours."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control.messages.budget import allowed_at, left
from control.messages.port import Limits
from control.messages.turn import Detour, Go, Head, Seen, turn

from .conftest import T0

LIMITS = Limits(per_minute=20, reserve=5, per_second=5)
MIN = 60_000


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 4_000), st.sampled_from([1, 2, 4]), st.booleans()), min_size=1, max_size=120),
    st.integers(1, 30),
    st.integers(0, 10),
    st.integers(0, 6),
)
def test_no_minute_and_no_second_holds_more_than_allowed(
    wishes: list[tuple[int, int, bool]], per_minute: int, reserve: int, per_second: int
) -> None:
    """Any rhythm, restarts that leave only the rows: no window is ever overfull, what is not red leaves the reserve, red never
    waits while there is room.
    """
    limits = Limits(per_minute=per_minute, reserve=min(reserve, per_minute), per_second=per_second)
    kept: list[tuple[int, int]] = []  # all that is left after a restart: the rows
    now = T0
    for gap, priority, waits in wishes:
        now += gap
        rows = [at for at, _ in kept if at >= now - MIN]
        at = allowed_at(rows, limits, priority, now)
        assert at is not None
        in_minute = sum(now - MIN < each for each in rows)
        in_second = sum(now - 1_000 < each for each in rows)
        if priority == 1 and in_minute < per_minute and (not per_second or in_second < per_second):
            assert at == now, "a red letter waited though there was room"
        if at > now and not waits:
            continue
        now = at
        kept.append((now, priority))
        assert sum(now - MIN < each <= now for each, _ in kept) <= max(1, per_minute)
        assert not per_second or sum(now - 1_000 < each <= now for each, _ in kept) <= per_second
        if priority != 1 and per_minute > limits.reserve:
            assert sum(now - MIN < each <= now for each, _ in kept) <= per_minute - limits.reserve


def test_what_is_left_of_a_minute() -> None:
    """Red counts the reserve, the others do not; what is a minute old is free again; without a limit nothing is counted."""
    handed = [T0 - MIN, *range(T0 - 14_000, T0, 1_000)]
    assert (left(handed, LIMITS, 1, T0), left(handed, LIMITS, 2, T0)) == (6, 1)
    assert left(handed, Limits(), 2, T0) is None


def test_a_clock_that_was_set_back_silences_nobody() -> None:
    """Hand-overs an hour in the future are disbelieved; a clock that is a second off elsewhere is not."""
    hour = [T0 + 3_600_000 + n for n in range(20)]
    assert allowed_at(hour, LIMITS, 1, T0) == T0
    assert allowed_at([T0 + 1_000] * 20, LIMITS, 1, T0) == T0 + 61_000


def head(address: str = "1", key: str = "k", priority: int = 2, *, detour: bool = False) -> Head:
    return Head(address=address, group_key=key, priority=priority, detour=detour)


def test_the_most_urgent_goes_first_and_alone_with_its_group() -> None:
    """There is room: one letter per address and group."""
    assert turn([head("1", "a", 1), head("1", "b", 2)], Seen(), LIMITS, T0) == Go(address="1", groups=("a",), red=True)


def test_a_red_one_passes_yellow_ones_that_wait() -> None:
    """The share of the others is spent: they wait, the red one behind them in age goes."""
    spent = Seen(handed=[T0 - 1_500 * n for n in range(15, 0, -1)])
    assert turn([head("1", "b", 2)], spent, LIMITS, T0) is None
    assert turn([head("1", "a", 1), head("1", "b", 2)], spent, LIMITS, T0) == Go(address="1", groups=("a",), red=True)


def test_more_groups_than_letters_become_one_digest_but_red_stays_apart() -> None:
    """Sixteen groups for fifteen letters go as one; the red group among them is told alone, in full."""
    many = [head("1", f"g{n}") for n in range(16)]
    assert turn(many, Seen(), LIMITS, T0) == Go(address="1", groups=tuple(f"g{n}" for n in range(16)), red=False)
    assert turn([head("1", "r", 1), *many], Seen(), LIMITS, T0) == Go(address="1", groups=("r",), red=True)
    assert turn(many, Seen(), Limits(), T0) == Go(address="1", groups=("g0",), red=False)


@pytest.mark.parametrize(
    ("priority", "detour", "seen", "goes"),
    [
        (1, True, Seen(closed_until=T0 + 600_000), "detour"),
        (1, False, Seen(closed_until=T0 + 600_000), "waits"),
        (1, True, Seen(closed_until=T0 + 10_000), "waits"),
        (2, True, Seen(closed_until=T0 + 60_000), "waits"),
        (2, True, Seen(closed_until=T0 + 600_000), "detour"),
        (3, True, Seen(closed_until=T0 + 600_000), "waits"),
        (3, True, Seen(closed_until=T0 + 600_000, broken=True), "detour"),
        (3, True, Seen(broken=True), "goes"),
        (3, True, Seen(today={"1": 50}), "detour"),
        (1, False, Seen(today={"1": 50}), "waits"),
        (1, True, Seen(today={"2": 50}), "goes"),
    ],
)
def test_another_way_is_taken_where_waiting_is_worse(priority: int, detour: bool, seen: Seen, goes: str) -> None:
    """Paused: by urgency. Broken: at once, until one letter may try again. Full for today: at once, for that address alone."""
    found = turn([head("1", "k", priority, detour=detour)], seen, Limits(per_day=50), T0)
    assert ("waits" if found is None else "detour" if isinstance(found, Detour) else "goes") == goes
