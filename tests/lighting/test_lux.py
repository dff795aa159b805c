"""What light sensors say together: one liar changes nothing, and nothing changes at once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lampwell.lighting.lux import ANY, LuxReading, LuxState, Vote, vote, watch
from lampwell.lighting.model import LuxRule

RULE = LuxRule(id="sky")
NOW = 1_780_000_000_000


def said(*values: float | None, age_s: int = 0) -> list[LuxReading]:
    return [LuxReading(value, NOW - age_s * 1000) for value in values]


@pytest.mark.parametrize(
    ("readings", "expected"),
    [
        (said(20, 22, 24), 22),
        (said(20, 22, 5000), 22),  # a truck's headlight in one
        (said(20, 22), None),  # too few
        (said(20, None, 24), None),  # one has no good value
        (said(20, 22, 24, age_s=601), None),  # stale
        (said(20, 22, 24, age_s=-1), None),  # from the future: its clock is wrong
        (said(1, 20, 400), None),  # they disagree
        (said(1, 1, 100, 100), None),  # half against half
        (said(0, 0, 2, 3), 1.0),  # all dark, whatever the ratio
        (said(1, 20, 22, 25, 900), 22),
        (said(0, 25, 28), 25),  # a dead sensor
    ],
)
def test_the_vote(readings: list[LuxReading], expected: float | None) -> None:
    """Median of at least three fresh sensors that mostly agree; else no verdict."""
    assert vote(readings, NOW, RULE) == expected


def run(*votes: tuple[int, float | None]) -> list[bool | None]:
    state, seen = LuxState(), []
    for second, lux in votes:
        state = watch(state, lux, NOW + second * 1000, RULE)
        seen.append(state.dark)
    return seen


def test_a_verdict_must_hold() -> None:
    """30 lx for five minutes; a cloud of four does nothing."""
    assert run((0, 20), (299, 20), (300, 20)) == [None, None, True]
    assert run((0, 20), (200, 80), (300, 20), (599, 20), (600, 20)) == [None, None, None, None, True]


def test_between_the_limits_the_verdict_stays() -> None:
    """Hysteresis: on below 30 lx, off above 60 lx."""
    assert run((0, 20), (300, 20), (400, 45), (9000, 59), (9001, 61), (9300, 61), (9301, 61)) == [
        None,
        True,
        True,
        True,
        True,
        True,
        False,
    ]


def test_without_a_vote_the_suns_times_alone_decide() -> None:
    """At once, and coming back takes its five minutes."""
    assert run((0, 20), (300, 20), (310, None), (320, 20), (619, 20), (620, 20)) == [None, True, None, None, None, True]


def test_a_vote_keeps_its_state_and_one_sensor_is_enough_where_no_time_is_known() -> None:
    """What edge nodes and figures hold: told when the hold is over, nothing when the sensor falls silent."""
    county, alone = Vote(RULE), Vote(ANY)
    heard = [([LuxReading(10.0, at)] * 3, at) for at in (NOW, NOW + 299_000, NOW + 300_000)]
    assert [county.hear(*one) for one in heard] == [None, None, True]
    assert [alone.hear(lux[:1], at) for lux, at in heard] == [None, None, True]
    assert county.hear([LuxReading(10.0, NOW)], NOW + 301_000) is None


@given(st.lists(st.tuples(st.integers(1, 200), st.one_of(st.none(), st.floats(0, 200))), max_size=60))
def test_no_two_changes_within_the_hold(steps: list[tuple[int, float | None]]) -> None:
    """Whatever the sky does: from dark to light and back takes at least five minutes each way."""
    state, at, changed = LuxState(), 0, None
    for seconds, lux in steps:
        at += seconds
        new = watch(state, lux, NOW + at * 1000, RULE)
        if new.dark is not None and new.dark != state.dark:
            assert changed is None or at - changed >= 300
            changed = at
        state = new
