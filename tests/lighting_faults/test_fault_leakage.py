"""Leakage: three tests on one current, with what must not trip them."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from msgspec.structs import replace

from control.lighting.faults.leakage import Leak, baseline, leakage
from control.lighting.faults.readings import Loop

ON = Loop(place="cab-1/loop3", time=0, commanded=True, steady_s=600, aux=True, residual=42.0, lamps=60)
HOUR_S, DAY_S = 3600, 86_400


def told(readings: Iterable[Loop], *, trip_ma: float | None = 300) -> list[tuple[int, str, bool | None]]:
    state, found = Leak(), []
    for reading in readings:
        state, findings = leakage(state, reading, trip_ma=trip_ma)
        found += [(reading.time // 1000, one.fault, one.value) for one in findings]
    return [one for one in found if one[0] > 0 and one[2] is not None]


def over(milliamps: float, seconds: int, *, start: int = 0, step: int = 5, reading: Loop = ON) -> list[Loop]:
    return [replace(reading, residual=milliamps, time=(start + n) * 1000) for n in range(0, seconds, step)]


def test_sixty_healthy_lamps_leak_and_say_nothing() -> None:
    """42 mA of 60 healthy drivers is over 30 mA and no fault."""
    assert told(over(42, 600)) == []


def test_a_step_is_told_with_the_second_reading() -> None:
    """40 mA more at once; it ends when the current is back, and says so a minute later."""
    readings = [*over(42, 60), *over(90, 60, start=60), *over(44, 120, start=120)]
    assert told(readings) == [(65, "leakage-step", True), (180, "leakage-step", False)]


def test_one_wild_reading_is_no_step() -> None:
    """A single outlier is not confirmed by its neighbour."""
    assert told([*over(42, 60), *over(120, 5, start=60), *over(42, 60, start=65)]) == []


def test_inrush_is_not_looked_at() -> None:
    """In the first two seconds after switching on LED drivers charge their filters."""
    dark, rush = replace(ON, aux=False, commanded=False), replace(ON, steady_s=1.0)
    readings = [*over(0, 30, reading=dark), *over(250, 5, start=30, reading=rush), *over(42, 60, start=35)]
    assert not any(value for *_, value in told(readings))


def test_rain_comes_slowly_and_stays_below_the_alarm() -> None:
    """Wet joints raise 15 mA to 24 within an hour: neither step nor drift."""
    rain = [replace(ON, residual=15 + 9 * min(1, n / 720), time=n * 5000) for n in range(1440)]
    assert told(rain) == []


@pytest.mark.parametrize(
    ("trip", "now", "fault"), [(300.0, 160, True), (300.0, 140, False), (100.0, 60, True), (None, 160, True)]
)
def test_the_absolute_alarm_is_half_of_the_trip(trip: float | None, now: float, fault: bool) -> None:
    """Pre-alarm at half of what trips; approached slowly, so that no step is in the way."""
    slow = [replace(ON, residual=20 + (now - 20) * n / 2000, time=n * 5000) for n in range(2001)]
    found = told([*slow, *over(now, 60, start=10_005)], trip_ma=trip)
    assert (("leakage", True) in [(name, value) for _, name, value in found]) is fault
    assert "leakage-step" not in [name for _, name, _ in found]


def nights(milliamps: Iterable[float]) -> list[Loop]:
    """Eight lit hours a night, a reading every five minutes, dark in between."""
    readings: list[Loop] = []
    for night, level in enumerate(milliamps):
        start = night * DAY_S + 20 * HOUR_S
        readings += over(level, 8 * HOUR_S, start=start, step=300)
        readings += over(0, 600, start=start + 8 * HOUR_S, step=300, reading=replace(ON, aux=False, commanded=False))
    return readings


def test_drift_is_told_against_what_the_loop_learned() -> None:
    """From 20 mA to 130 in a week: no hour rose by a step, but a night lies 100 mA above the week before it."""
    found = told(nights([20, 20, 20, 35, 50, 70, 90, 110, 130]))
    assert ("leakage-drift", True) in [(name, value) for _, name, value in found]
    assert ("leakage", True) not in [(name, value) for _, name, value in found]
    assert not any(value for *_, value in told(nights([20, 22, 25, 23, 20, 24, 22])))


def test_the_baseline_is_not_known_before_it_is_learned() -> None:
    """Four lit hours of another day at least."""
    state = Leak()
    assert baseline(state, 0) is None
    for reading in nights([20, 30]):
        state, _ = leakage(state, reading)
    assert baseline(state, (DAY_S + 28 * HOUR_S) * 1000) == pytest.approx(20)


def test_no_reading_says_nothing() -> None:
    """A residual current that is not known neither raises nor clears."""
    readings = [
        *over(42, 60),
        *over(90, 60, start=60),
        *(replace(ON, residual=None, time=(120 + n) * 1000) for n in range(0, 300, 5)),
    ]
    assert [value for _, _, value in told(readings)] == [True]
