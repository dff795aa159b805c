"""Supply detectors against the table of domain streetlights 3: what is armed, how long it takes, which trap it must not fall
into.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.lighting.faults import budget
from control.lighting.faults.budget import Budget
from control.lighting.faults.model import Clock, Finding, Held, Verdict, hold
from control.lighting.faults.readings import NOON_MS, Supply, Three
from control.lighting.faults.supply import mains_lost, neutral_open, phase_lost, voltage

Detector = Callable[[Held, Supply], tuple[Held, Finding | None]]
GOOD: Three = (228.0, 229.0, 230.0)


def told(detector: Detector, readings: Sequence[Supply]) -> list[tuple[int, bool | None]]:
    """Second and value of every finding."""
    state, found = Held(), []
    for reading in readings:
        state, finding = detector(state, reading)
        if finding is not None:
            found.append((reading.time // 1000, finding.value))
    return found


def over(seconds: int, volts: Three, *, start: int = 0, step: int = 1, **more: object) -> list[Supply]:
    return [Supply(place="cab-1", time=(start + n) * 1000, volts=volts, **more) for n in range(0, seconds, step)]  # type: ignore[arg-type]


def test_mains_lost_takes_five_seconds_and_a_reclose_is_none() -> None:
    """A grid that recloses within five seconds is no outage; one that stays away is one, and returns after a minute of mains."""
    dip = [*over(10, GOOD), *over(4, (0.0, 0.0, 0.0), start=10), *over(10, GOOD, start=14)]
    assert told(mains_lost, dip) == [(0, False)]
    outage = [*over(10, GOOD), *over(60, (0.0, 0.0, 0.0), start=10), *over(90, GOOD, start=70)]
    assert told(mains_lost, outage) == [(0, False), (15, True), (70, None), (130, False)]


def test_a_dead_meter_is_not_dead_mains() -> None:
    """Without voltages only the battery tells; with nothing known nothing is said."""
    nothing: Three = (None, None, None)
    assert told(mains_lost, over(20, nothing)) == [(0, None)]
    assert told(mains_lost, over(20, nothing, on_battery=True)) == [(0, None), (5, True)]
    assert told(mains_lost, over(20, (0.0, 0.0, 0.0), on_battery=False)) == [(0, None)]


PHASE_CASES: dict[str, tuple[Three, Three, bool]] = {
    "dead": ((0.0, 229.0, 230.0), (0.0, 9.0, 9.0), True),
    "half": ((109.0, 229.0, 230.0), (0.0, 9.0, 9.0), True),
    "fed back by loads": ((150.0, 229.0, 230.0), (0.02, 9.0, 9.0), True),
    "low but carrying": ((150.0, 229.0, 230.0), (8.0, 9.0, 9.0), False),
    "all dead: that is mains": ((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), False),
    "healthy": (GOOD, (9.0, 9.0, 9.0), False),
}


@pytest.mark.parametrize("name", PHASE_CASES)
def test_phase_lost(name: str) -> None:
    """A phase is lost below 110 V, or fed back without current; with all three dead it is mains and no phase is blamed."""
    volts, amps, lost = PHASE_CASES[name]
    assert told(partial(phase_lost, phase=0), over(60, volts, amps=amps))[-1][1] is lost


def test_neutral_open_is_told_in_two_seconds() -> None:
    """263 V beside 180 V without neutral current: loops must be cut; with neutral current it is load, not the neutral."""
    apart: Three = (263.0, 180.0, 231.0)
    assert told(neutral_open, [*over(3, GOOD), *over(5, apart, start=3, neutral=0.1)]) == [(0, False), (5, True)]
    assert told(neutral_open, over(10, apart, neutral=6.0)) == [(0, False)]
    assert told(neutral_open, over(10, apart)) == [(0, None)]


def test_a_voltage_far_off_is_told_after_ten_minutes() -> None:
    """Protects drivers: 15 % off nominal; a sag of eight minutes is nothing, a dead phase is no undervoltage."""
    low: Three = (185.0, 229.0, 230.0)
    assert told(voltage, [*over(60, GOOD, step=30), *over(480, low, start=60, step=30), *over(60, GOOD, start=540, step=30)]) == [
        (0, False)
    ]
    assert told(voltage, over(660, low, step=30)) == [(0, None), (600, True)]
    assert told(voltage, over(900, (195.0, 229.0, 230.0), step=30)) == [(0, False)]
    assert told(voltage, over(900, (0.0, 229.0, 230.0), step=30)) == [(0, False)]


def test_the_band_is_a_budget_of_a_day() -> None:
    """Protects people from each evening's sag: two hours of it are nothing, three in a day are told, a new day begins anew."""
    sag: Three = (195.0, 229.0, 230.0)

    def hours(*parts: tuple[Three, float]) -> list[bool | None]:
        state, found, at = Budget(), [], NOON_MS
        for volts, length in parts:
            for _ in range(round(length * 60)):
                at += 60_000
                state, one = budget.voltage(state, Supply(place="cab", time=at, volts=volts), zone_ms=0)
                found += [one.value] if one is not None else []
        return found

    assert hours((GOOD, 6), (sag, 2.5), (GOOD, 10)) == [False]
    assert hours((sag, 2), (GOOD, 3), (sag, 1.5)) == [False, True]
    assert hours((sag, 2), (GOOD, 23), (sag, 1.5)) == [False]
    assert hours((sag, 4), (GOOD, 21)) == [False, True, False]
    assert hours(((None, None, None), 5)) == [None]


# -- the clock itself ------------------------------------------------------------------------------------------------------------


def held(values: Sequence[tuple[int, bool | None]], clock: Clock) -> list[tuple[int, bool | None]]:
    state, found = Held(), []
    for second, value in values:
        state, finding = hold(state, second * 1000, Verdict(value=value), clock, "f", "p")
        if finding is not None:
            found.append((second, finding.value))
    return found


def test_a_gap_is_no_evidence() -> None:
    """Two readings an hour apart that agree say nothing of the hour between: the clock begins anew, what was told is open."""
    clock = Clock(on_s=600, gap_s=900)
    assert held([(0, False), (10, True), (3610, True), (4000, True)], clock) == [(0, False), (3610, None)]
    assert held([(0, False), (10, True), (300, True), (610, True)], clock) == [(0, False), (610, True)]


def test_unknown_neither_raises_nor_clears() -> None:
    """A fault that stands is told as not known while nothing can be told, and ends only on a healthy reading past its clock."""
    clock = Clock(off_s=60)
    values = [(0, True), (1, None), (5, False), (30, False), (66, False)]
    assert held(values, clock) == [(0, True), (1, None), (66, False)]


def test_old_and_repeated_readings_change_nothing() -> None:
    """A reading that is not newer than the last is not a second sample."""
    clock = Clock(samples=2)
    assert held([(0, True), (0, True), (0, True)], clock) == [(0, None)]
    assert held([(5, False), (6, True), (3, True), (7, True)], clock) == [(5, False), (7, True)]


RAW = st.lists(st.tuples(st.integers(1, 400), st.sampled_from([True, False, None])), min_size=1, max_size=40)


def at_seconds(raw: Sequence[tuple[int, bool | None]], start: int = 0) -> list[tuple[int, bool | None]]:
    """Steps of time as times."""
    return [(start + sum(step for step, _ in raw[: n + 1]), value) for n, (_, value) in enumerate(raw)]


@given(RAW, st.integers(0, 10**9))
def test_time_shifted_shifts_every_finding(raw: list[tuple[int, bool | None]], shift: int) -> None:
    """No detector knows what time it is."""
    clock = Clock(on_s=60, off_s=120, samples=2, gap_s=300)
    assert held(at_seconds(raw, shift), clock) == [(second + shift, value) for second, value in held(at_seconds(raw), clock)]


@given(RAW)
def test_a_fault_is_told_only_after_readings_without_a_gap_agreed_for_long_enough(raw: list[tuple[int, bool | None]]) -> None:
    """Against a plain reading of the rule: whatever came before, the last so many seconds all said so, none far apart."""
    clock = Clock(on_s=60, off_s=0, samples=2, gap_s=300)
    values = at_seconds(raw)
    for second, value in held(values, clock):
        if value:
            run = [at for at, _ in values if at <= second]
            n = len(run) - 1
            while n and values[n - 1][1] and run[n] - run[n - 1] <= 300:
                n -= 1
            assert values[n][1]
            assert run[-1] - run[n] >= 60
            assert len(run) - n >= 2
