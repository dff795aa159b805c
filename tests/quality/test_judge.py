"""The streaming tests on one point's samples, case by case, named after what goes wrong without them."""

from collections.abc import Iterable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from lampwell.points import Kind, Point, Value
from lampwell.points import Tests as Limits
from lampwell.quality import WINDOW_MS, make_judge
from lampwell.readings import Flag, Quality, quality_of

LEVEL = Limits(low=-5, high=400, rate_suspect=10, rate_bad=25, spike=20, blind_above=380)


def judged(tests: Limits, values: Iterable[Value | None], step_s: float = 60, *, kind: Kind = Kind.FLOAT) -> list[int]:
    """Flags of a series sampled every ``step_s`` seconds."""
    judge, flags, before = make_judge(Point(path="level", kind=kind, tests=tests)), [], 0
    for position, value in enumerate(values):
        now = int(position * step_s * 1000)
        flags.append(judge.judge(value, now, before, False))
        before = now
    return flags


def test_sentinel_is_never_a_level() -> None:
    """No value stays no value, and the sample after it is judged against the last real one."""
    assert judged(LEVEL, [3.0, None, 3.1]) == [0, Flag.SENTINEL, 0]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_nan_and_infinity_have_no_value_even_without_limits(value: float) -> None:
    """A float32 register full of ones must not become a level, whichever tests are on."""
    for tests in (Limits(), LEVEL, Limits(spike=1)):
        assert judged(tests, [1.0, value, 1.0])[1] & Flag.SENTINEL


def test_full_range_air_gap_becomes_a_bad_level_not_minus_six_metres() -> None:
    """An ultrasonic sensor without an echo reports its full range: below the floor, so bad."""
    flags = judged(LEVEL, [3.0, -600.0, 3.0])
    assert flags == [0, Flag.RANGE, 0]
    assert quality_of(flags[1]) is Quality.BAD


def test_surge_into_the_blind_zone_is_not_missing() -> None:
    """A well filling to its sensor is doubtful (surcharge suspected), with its value, and not bad."""
    flags = judged(LEVEL, [340.0, 355.0, 370.0, 381.0, 390.0])
    assert flags[3:] == [Flag.BLIND | Flag.FAST_CHANGE, Flag.BLIND]
    assert quality_of(flags[3]) is Quality.GOOD


def test_drowned_sensor_beyond_its_range_still_says_blind() -> None:
    """Bad by range, yet the surcharge suspicion stays beside it."""
    assert judged(LEVEL, [390.0, 401.0])[1] == Flag.RANGE | Flag.BLIND


def test_true_step_is_not_rejected() -> None:
    """A step that stays costs one doubtful sample and not one more."""
    assert judged(LEVEL, [0.0, 0.0, 60.0, 60.0, 60.5]) == [0, 0, Flag.RATE | Flag.SPIKE, 0, 0]


def test_single_blip_does_not_spoil_the_sample_after_it() -> None:
    """Back at the old level means the blip was wrong, not the return."""
    assert judged(LEVEL, [2.0, 2.0, 90.0, 2.1, 2.0]) == [0, 0, Flag.RATE | Flag.SPIKE, 0, 0]


def test_surge_is_believed_from_its_second_sample() -> None:
    """A flood rising faster than anything before must reach the duty officer: fast, but not bad."""
    flags = judged(LEVEL, [0.0, 30.0, 65.0, 110.0, 160.0])
    assert flags[1] == Flag.RATE | Flag.SPIKE
    assert all(flag == Flag.FAST_CHANGE for flag in flags[2:])


def test_fast_rain_flood_is_only_noted() -> None:
    """12 cm/min is faster than usual and possible: value good, flag beside it."""
    assert judged(LEVEL, [0.0, 12.0, 24.0]) == [0, Flag.FAST_CHANGE, Flag.FAST_CHANGE]


def test_erratic_sensor_stays_doubted() -> None:
    """Jumping about is not confirmed by jumping about."""
    assert all(judged(LEVEL, [5.0, 105.0, 60.0, 150.0, 40.0])[1:])


def test_waves_at_a_two_second_poll_are_not_impossible() -> None:
    """1 cm of waves at 2 s would be 30 cm/min: the rate is taken over half a minute."""
    assert judged(LEVEL, [20.0, 21.0, 20.2, 21.1, 20.0] * 20, step_s=2) == [0] * 100


def test_slow_flood_at_a_two_second_poll_is_still_seen_as_fast() -> None:
    """The window must not hide a rise that goes on: 18 cm/min at a 2 s poll is noted within a minute."""
    assert Flag.FAST_CHANGE in judged(LEVEL, [0.6 * i for i in range(30)], step_s=2)


def test_sensor_that_comes_back_higher_after_an_outage_is_doubted_once() -> None:
    """After an hour without values only the size of the jump speaks, and the next sample settles it."""
    assert judged(LEVEL, [2.0, *[None] * 60, 50.0, 50.0])[-2:] == [Flag.SPIKE, 0]


def test_stuck_sensor_is_noticed() -> None:
    """A level that has not moved at all for the time given is doubtful, and is cleared by the first movement."""
    flags = judged(Limits(flat_s=600), [1.5] * 12 + [1.6])
    assert flags == [0] * 10 + [Flag.FLAT] * 2 + [0]


def test_dry_street_is_rightly_flat() -> None:
    """A ponding sensor reads 0 for months: that is not a fault."""
    assert judged(Limits(flat_s=600), [0.0] * 100) == [0] * 100


def test_device_status_makes_the_sample_bad_and_keeps_its_value() -> None:
    """The device's own word counts; a sample it disowns must not become the base of the next judgement."""
    judge = make_judge(Point(path="level", tests=LEVEL))
    assert judge.judge(2.0, 0, 0, False) == 0
    assert judge.judge(200.0, 60_000, 0, True) == Flag.DEVICE
    assert judge.judge(2.0, 120_000, 60_000, False) == 0


@pytest.mark.parametrize(("kind", "value"), [(Kind.TEXT, "v1.2"), (Kind.BOOL, True)])
def test_texts_and_contacts_are_judged_by_presence_alone(kind: Kind, value: Value) -> None:
    """Numeric limits on a text point must not raise."""
    assert judged(LEVEL, [value, None, value], kind=kind) == [0, Flag.SENTINEL, 0]


def test_unchanged_value_after_a_jump_must_be_shown_again() -> None:
    """The caller may skip equal samples, except while something is pending."""
    judge = make_judge(Point(path="level", tests=LEVEL))
    judge.judge(0.0, 0, 0, False)
    assert not judge.pending
    judge.judge(60.0, 60_000, 0, False)
    assert judge.pending
    judge.judge(60.0, 120_000, 60_000, False)
    judge.judge(60.0, 180_000, 120_000, False)
    assert not judge.pending


levels = st.floats(-50, 500, allow_nan=False)


@settings(deadline=None)
@given(st.lists(levels, max_size=30), st.floats(-5, 400, allow_nan=False), st.integers(2, 6), st.sampled_from([2, 10, 60, 600]))
def test_any_value_that_stays_is_believed_from_its_second_sample(
    before: list[float], value: float, times: int, step: int
) -> None:
    """No history can make a steady reading stay doubtful for more than one sample: a red is never delayed by more."""
    tail = judged(LEVEL, [*before, *[value] * times], step)[-times + 1 :]
    assert all(quality_of(flags) is Quality.GOOD and not flags & Flag.SPIKE for flags in tail)


@settings(deadline=None)
@given(st.lists(st.floats(0, 370), min_size=1, max_size=30), st.sampled_from([2, 10, 60]))
@example(values=[0.0, 0.0, 6.0], step=10)  # the base of a rate hung on which equal samples had been judged
def test_skipping_equal_samples_gives_the_same_flags(values: list[float], step: int) -> None:
    """The gateway judges only what changed or is pending: that must be the same as judging all."""
    doubled = [value for value in values for _ in range(3)]
    point = Point(path="level", tests=Limits(low=-5, high=400, rate_suspect=10, rate_bad=25, spike=20, flat_s=4 * step))
    always, lazy = make_judge(point), make_judge(point)
    flags, last, before = 0, None, 0
    for position, value in enumerate(doubled):
        now = position * step * 1000
        expected = always.judge(value, now, before, False)
        if value != last or lazy.pending or now >= lazy.due_ms:
            flags = lazy.judge(value, now, before, False)
        assert flags == expected
        last, before = value, now


@settings(deadline=None)
@given(st.lists(st.one_of(st.none(), st.floats(), levels), max_size=40))
def test_bad_bytes_never_raise_and_never_pass(values: list[float | None]) -> None:
    """Whatever a register holds: outside the range is bad, without a number there is no value."""
    for value, flags in zip(values, judged(LEVEL, values), strict=True):
        if value is None or not -5 <= value <= 400:
            assert quality_of(flags) is Quality.BAD


@settings(deadline=None)
@given(st.floats(0, 9), st.integers(2, 50))
def test_calm_water_is_never_flagged(rate: float, count: int) -> None:
    """A steady rise below the suspect rate has no flags at all, at any poll interval up to the window."""
    for step in (2, WINDOW_MS / 1000):
        assert not any(judged(Limits(rate_suspect=10, rate_bad=25), [rate * step * i / 60 for i in range(count)], step))
