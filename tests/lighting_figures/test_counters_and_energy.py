"""Counters over gaps and changes of meters, energy by the hour, times of repair: by hand, and splitting as a property."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.lighting.figures.counters import Course, amount, course, heard_ms
from control.lighting.figures.energy import Energy, Ground, Which, full, hours_at, of_loop, total
from lampwell.lighting.sun import Place
from lampwell.lighting.tariff import Tariff

HOUR, QUARTER = 3_600_000, 900_000
NOON = 1_782_014_400_000
"""2026-06-21 12:00 in Taihe."""
ZONE, TAIHE = ZoneInfo("Asia/Shanghai"), Place(26.79, 114.90)
NIGHT_TARIFF = Tariff(hours=tuple(0.3 if hour < 8 else 0.9 for hour in range(24)))


def test_a_gap_is_bridged_and_said() -> None:
    """Protects energy over a gap: the counter knows how much, nobody knows when; the gap does not count as heard."""
    one = course([0, QUARTER, 5 * QUARTER], [10.0, 11.0, 15.0])
    assert amount(one, 0, 5 * QUARTER) == 5.0
    assert amount(one, QUARTER, 3 * QUARTER) == pytest.approx(2.0)
    assert heard_ms(one, 0, 5 * QUARTER) == QUARTER
    assert amount(one, 6 * QUARTER, 7 * QUARTER) is None


def test_a_changed_meter_is_no_energy() -> None:
    """Protects against negative and monstrous energy: a counter that goes back or leaps is left out and counted."""
    back = course([0, QUARTER, 2 * QUARTER], [900.0, 0.0, 1.0])
    assert (amount(back, 0, 2 * QUARTER), back.resets) == (1.0, 1)
    leap = course([0, QUARTER, 2 * QUARTER], [1.0, 90_000.0, 90_001.0], most_per_h=8.0)
    assert (amount(leap, 0, 2 * QUARTER), leap.resets) == (1.0, 1)
    late = course([0, QUARTER], [0.0, 1190.0], most_per_h=3600.0, within_ms=QUARTER)
    assert late.resets == 0, "the last reading of a quarter hour may be young in one and old in the other"
    assert course([0, QUARTER, 2 * QUARTER], [1.0, None, 2.0]).pieces[0].amount == 1.0
    assert course([0, 25 * HOUR], [1.0, 2.0]).pieces == (), "after more than a day it may be another meter's"


def _energy(counter: Course, start: int, end: int, led: int | None = None) -> Energy:
    ground = Ground(zone=ZONE, tariffs=(NIGHT_TARIFF,), led=led)
    return total(of_loop(ground, "c/loop1", TAIHE, lambda _day: 2.0, counter, (start, end), lambda _loop, _at: "main").values())


def test_energy_and_money_of_one_night_by_hand() -> None:
    """Protects the money: 2 kW from 20:00 to 06:00 is 8 kWh at 0.9 and 12 kWh at 0.3; the baseline is 2 kW by night."""
    begin = NOON + 8 * HOUR
    times = [begin + n * QUARTER for n in range(41)]
    one = _energy(course(times, [n * 0.5 for n in range(41)]), NOON, NOON + 24 * HOUR)
    assert one.kwh == pytest.approx(20.0)
    assert one.cny == pytest.approx(8 * 0.9 + 12 * 0.3)
    assert one.baseline_kwh == pytest.approx(2.0 * one.dark_h)
    assert one.dark_h == pytest.approx(hours_at(full(Ground(zone=ZONE).night(TAIHE, NOON)), begin, begin + 10 * HOUR))
    assert one.bridged_kwh == 0


def test_what_nobody_heard_is_missing_on_both_sides() -> None:
    """Protects the saving: without readings there is neither energy nor baseline, so that silence saves nothing."""
    one = _energy(course([], []), NOON, NOON + 24 * HOUR)
    assert one == Energy()
    assert one.saved is None


@given(
    st.lists(st.tuples(st.integers(1, 12), st.floats(0, 5)), min_size=1, max_size=40),
    st.integers(0, 24 * 60),
    st.none() | st.integers(0, 24 * 60),
)
def test_splitting_a_period_gives_the_same_energy(rises: list[tuple[int, float]], cut: int, led: int | None) -> None:
    """Protects sums: kWh, CNY, hours and baseline of two halves are those of the whole, wherever it is cut."""
    times, values = [NOON], [0.0]
    for quarters, rise in rises:
        times.append(times[-1] + quarters * QUARTER)
        values.append(values[-1] + rise)
    counter, middle, end = course(times, values), NOON + cut * 60_000, NOON + 24 * HOUR
    changed = None if led is None else NOON + led * 60_000
    whole = _energy(counter, NOON, end, changed)
    both = total([_energy(counter, NOON, middle, changed), _energy(counter, middle, end, changed)])
    for name in ("kwh", "bridged_kwh", "cny", "dark_h", "baseline_kwh", "baseline_cny"):
        assert getattr(both, name) == pytest.approx(getattr(whole, name), abs=1e-6)


def test_the_change_of_lamps_splits_the_energy() -> None:
    """Protects before and after: what was used in the hour of the change goes to its own side."""
    times = [NOON + n * QUARTER for n in range(9)]
    ground = Ground(zone=ZONE, led=NOON + 2 * QUARTER)
    found = of_loop(
        ground,
        "c/loop1",
        TAIHE,
        lambda _day: 2.0,
        course(times, [float(n) for n in range(9)]),
        (NOON, NOON + 2 * HOUR),
        lambda _loop, _at: "p",
    )
    assert found[Which("p", after=False)].kwh == pytest.approx(2.0)
    assert found[Which("p", after=True)].kwh == pytest.approx(6.0)
