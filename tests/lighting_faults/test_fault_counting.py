"""Failed lamps counted live from the power of one phase of one loop: acceptance check 4, and what must not be counted."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from control.lighting.faults.counting import Counting, lamps_lost, restart
from control.lighting.faults.model import Finding
from control.lighting.faults.readings import Loop
from control.lighting.feeder.count import estimate

MINUTE, DAY = 60_000, 86_400_000
NOON = DAY // 2
PROGRAM = ((18.1, 100.0), (23.0, 75.0), (25.0, 50.0), (29.0, 75.0))
"""Hours from the midnight of the evening and the level from then on; off at 30.35."""


def watts_at(level: float) -> float:
    return 40 * 150 * (0.05 + 0.95 * level / 100)


def night(
    number: int, lost: Callable[[float], float] = lambda _: 0.0, *, seed: int = 0, noise: float = 0.005, every: int = 1
) -> list[Loop]:
    """Readings of a night: one a minute, phase a, ``lost`` by hour of the night."""
    dice = random.Random(seed * 1000 + number)
    readings = []
    for minute in range(18 * 60 + 6, 30 * 60 + 21, every):
        hour = minute / 60
        began, level = max(step for step in PROGRAM if step[0] <= hour)
        cold = 0.02 * math.exp(-(hour - 18.1) * 12)
        power = watts_at(level) * (1 - lost(hour)) * (1 + dice.gauss(0, noise) + cold + 0.002 * math.sin(number + hour))
        readings.append(
            Loop(
                place="cab-1/loop3", time=number * DAY + minute * MINUTE, commanded=True, steady_s=(hour - 18.1) * 3600, aux=True,
                local=False, watts=(power, None, None), level=level, lamps=40,
            )
        )  # fmt: skip
        del began
    return readings


def run(readings: Iterable[Loop], lamps: int, state: Counting | None = None) -> tuple[Counting, list[Finding]]:
    state, found = state or Counting(), []
    for reading in readings:
        state, findings = lamps_lost(state, reading, 0, rated=(6000 / lamps,) * lamps, zone_ms=0)
        found += [one for one in findings if one.value]
    return state, found


def nights(count: int, first: int = 0) -> list[Loop]:
    return [one for number in range(first, first + count) for one in night(number)]


@pytest.fixture(scope="module")
def learned() -> Counting:
    """After ten healthy nights."""
    return run(nights(10), 40)[0]


@pytest.mark.parametrize("hour", [0.0, 20.5, 25.5])
def test_one_of_forty_is_counted_within_two_hours(learned: Counting, hour: float) -> None:
    """1 of 40 under 0.5 % noise, dark from dusk or gone in the night, at any level: counted as one, in two hours."""
    _, found = run(night(10, lambda now: (now >= hour) / 40), 40, learned)
    (one,) = found  # once, whatever the level does afterwards
    assert (one.key, one.count and one.count.lamps) == ("lamps-lost@cab-1/loop3/a", 1)
    began = 10 * DAY + max(hour, 18.1) * 3_600_000
    assert found[0].time - began < 1.3 * 3_600_000  # and 25 min until it is believed
    assert one.count is not None
    assert (one.count.confidence or 0) > 0.75


@pytest.mark.parametrize("seed", range(4))
def test_one_of_a_hundred_and_twenty_is_watts_by_the_next_morning(seed: int) -> None:
    """0.8 % of a phase: never a count, but after eleven nights of learning watts and why, before the night is over."""
    state, _ = run([one for number in range(11) for one in night(number, seed=seed)], 120)
    _, found = run(night(11, lambda now: (now >= 20.5) / 120, seed=seed), 120, state)
    one = found[0]  # noise may take it below its half limit for a while: not known then, and told again
    assert all(each.count is not None and each.count.lamps is None for each in found)
    assert one.fault == "lamps-lost"
    assert one.count is not None
    assert 10 <= one.count.least <= 50 <= one.count.watts + 25, "50 W at full light, 26 W at half of it"
    assert f"{one.count.least:.0f} W" in one.why.zh


def test_lamps_that_die_too_slowly_for_the_last_nights_are_missed_in_the_end() -> None:
    """One of 400 every second night is never a step: the references of the last nights absorb it, that of commissioning does
    not; told in watts, never as a count.
    """
    gone = lambda number: max(0, number - 7) // 2 / 400  # noqa: E731
    state, found = Counting(), []
    for number in range(45):
        state, more = run(night(number, lambda _, number=number: gone(number), every=5), 400, state)  # type: ignore[misc]
        found += more
    assert found, "nothing was told"
    assert found[0].time > 20 * DAY
    assert {one.fault for one in found} == {"lamps-lost"}
    assert all(one.count is not None and one.count.lamps is None for one in found)


def test_other_lamps_by_the_inventory_are_learned_anew(learned: Counting) -> None:
    """Forty lamps of half the watts are a change of lamps, not twenty that are out."""
    state, found = learned, []
    for number in range(10, 14):
        for reading in night(number, lambda _: 0.5):
            state, more = lamps_lost(state, reading, 0, rated=(75.0,) * 40, zone_ms=0)
            found += [one for one in more if one.value]
    assert found == []


def test_lamps_of_different_watts_are_not_counted() -> None:
    """A 250 W lamp among 150 W lamps: watts, and why there is no count."""
    rated, state, found = (250.0, *(147.4,) * 39), Counting(), []
    for number in range(6):
        for reading in night(number, lambda now, number=number: 250 / 6000 * (number == 5 and now > 20.5)):
            state, more = lamps_lost(state, reading, 0, rated=rated, zone_ms=0)
            found += [one for one in more if one.value]
    (one,) = found
    assert one.count is not None
    assert one.count.lamps is None
    assert one.count.watts == pytest.approx(250, rel=0.15)
    assert "different watts" in one.why.en


def test_a_restart_of_control_forgets_nothing(learned: Counting) -> None:
    """What was learned goes through the file and back in the midst of the hour that tells: the same finding at the same time."""
    readings = night(10, lambda now: (now >= 20.5) / 40)
    half = 12 + round((20.8 - 18.1) * 60)
    state, before = run(readings[:half], 40, learned)
    kept = msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=Counting)
    assert kept == state
    assert before + run(readings[half:], 40, kept)[1] == run(readings, 40, learned)[1]


def test_a_month_of_health_counts_nothing() -> None:
    """Thirty nights of a program, noise, warm-up and slow waves: no finding."""
    assert run(nights(30), 40)[1] == []


def test_what_is_lost_stays_lost_until_it_is_back(learned: Counting) -> None:
    """Three nights without the lamp are one finding: the reference does not learn dead lamps; the repair ends it."""
    dark = [one for number in range(10, 13) for one in night(number, lambda _: 1 / 40)]
    state, found = run(dark, 40, learned)
    assert {(one.key, one.count and one.count.lamps) for one in found} == {("lamps-lost@cab-1/loop3/a", 1)}
    ended = []
    for reading in night(13):
        state, findings = lamps_lost(state, reading, 0, rated=(150.0,) * 40, zone_ms=0)
        ended += [one.value for one in findings if one.fault == "lamps-lost" and one.value is not None]
    assert ended == [False]


def test_more_that_die_in_the_night_are_said_anew(learned: Counting) -> None:
    """Protects the crew from going for two lamps where six are dark by now: what stands is told again with its count, once."""
    _, found = run(night(10, lambda now: (2 if now < 24.5 else 6) / 40), 40, learned)
    assert [one.count and one.count.lamps for one in found] == [2, 6]
    assert found[1].why.zh.startswith("约6盏（共40盏）")


def test_what_was_mended_in_the_night_is_not_told_by_the_whole_of_it(learned: Counting) -> None:
    """Protects whoever has just mended two lamps from hearing at dawn that the night has lacked one: the look against
    commissioning begins anew as the others do.
    """
    state, found = run(night(10, lambda now: (2 if now < 25 else 0) / 40), 40, learned)
    assert [one.count and one.count.lamps for one in found] == [2]
    assert not state.lost.fault


def test_added_load_is_not_a_lamp(learned: Counting) -> None:
    """Power above the reference is added load, with watts and no count."""
    _, found = run(night(10, lambda now: -0.05 * (now >= 20.5)), 40, learned)
    assert [(one.fault, one.count and one.count.lamps) for one in found] == [("load-added", None)]


def test_nothing_is_counted_before_there_is_a_reference(learned: Counting) -> None:
    """The first night, and the night after a repair, have nothing to be held against."""
    assert run(night(10, lambda _: 0.1), 40, restart(learned))[1] == []
    assert run(night(0, lambda now: (now >= 22) / 10), 40)[1] == []


def test_an_unarmed_loop_is_not_judged(learned: Counting) -> None:
    """By hand, feedback open, or just switched: no power says anything of lamps."""
    dark = night(10, lambda _: 0.2)
    for change in ({"local": True}, {"aux": False}, {"steady_s": 300.0}, {"level": None}):
        assert run([replace(one, **change) for one in dark], 40, learned)[1] == []  # type: ignore[arg-type]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 700), st.integers(1, 240)), min_size=1, max_size=5))
def test_gaps_count_no_lamps(learned: Counting, gaps: list[tuple[int, int]]) -> None:
    """Whatever readings are missing of a healthy night, no lamp is."""
    readings = night(10)
    kept = [one for n, one in enumerate(readings) if not any(begin <= n < begin + length for begin, length in gaps)]
    assert run(kept, 40, learned)[1] == []


@given(st.floats(1, 1e6), st.integers(1, 60), st.floats(0, 1), st.floats(0.0, 0.02))
def test_an_estimate_is_within_its_own_bounds(reference: float, lamps: int, share: float, noise: float) -> None:
    """low <= count <= high, never more lamps than there are, never a count that one lamp's share does not carry."""
    count = estimate(share * reference, reference, lamps, noise)
    if count.lamps is None:
        assert count.why
        return
    assert count.low is not None
    assert count.high is not None
    assert count.confidence is not None
    assert 0 <= count.low <= count.lamps <= count.high <= lamps <= 50
    assert 0 <= count.confidence <= 0.99
    assert abs(count.lamps - share * lamps) <= 0.5 + 1e-9


def coarse(number: int, full: float) -> list[Loop]:
    """A night of three small lamps behind a meter of whole watts."""
    readings = night(number, noise=0.0)
    share = [(one.watts[0] or 0.0) / watts_at(100.0) for one in readings]
    return [
        replace(one, watts=(float(round(full * part)), None, None), lamps=3) for one, part in zip(readings, share, strict=True)
    ]


def test_two_watts_are_no_lamp() -> None:
    """Protects crews from the last digits of a coarse meter, which hide the noise from what is learned; a dead lamp is found."""
    state, found = run([one for number in range(5) for one in coarse(number, 220.0)], 3)
    assert found == []
    state, found = run(coarse(5, 218.0), 3, state)
    assert found == []
    _, found = run(coarse(6, 220 * 2 / 3), 3, state)
    assert found[0].count is not None
    assert found[0].count.lamps == 1


def test_a_few_watts_more_are_no_added_load() -> None:
    """Protects crews from drift and last digits upwards, too: less than half a lamp more is none, a lamp more is told."""
    state, found = run([one for number in range(5) for one in coarse(number, 80.0)], 3)
    state, found = run(coarse(5, 84.5), 3, state)
    assert found == []
    _, found = run(coarse(6, 80 * 4 / 3), 3, state)
    assert {one.fault for one in found} == {"load-added"}
