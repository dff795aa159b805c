"""Power adds up, energy is the integral of power, curves have their known shape."""

from __future__ import annotations

import math
import random

import pytest

from lampwell.assets import Lamp
from simulators.electrics import Feeder, Loop, Totals, level_power, level_power_factor


def _lamps(count: int, loop: int = 1) -> list[Lamp]:
    return [
        Lamp(id=f"l{loop}-{n}", cabinet="c", loop=loop, phase="abc"[n % 3], road="r", pole=str(n), watts=150.0)
        for n in range(count)
    ]


def _lit(count: int = 30, seconds: int = 1200) -> Loop:
    loop = Loop(1, _lamps(count), random.Random(1))
    loop.closed = True
    for _ in range(seconds):
        loop.advance(1, (225.0, 224.0, 226.0), 0.0)
    return loop


def test_power_current_and_factor_agree_in_every_phase() -> None:
    """P = U I pf, and Q closes the triangle."""
    loop = _lit()
    for watts, reactive, amps, volt in zip(loop.watts, loop.vars, loop.amps, (225.0, 224.0, 226.0), strict=True):
        assert math.hypot(watts, reactive) == pytest.approx(volt * amps)
        assert watts / (volt * amps) == pytest.approx(level_power_factor(100))


def test_a_phase_draws_its_lamps() -> None:
    """30 lamps of 150 W on three phases: 1.5 kW each, within the noise and warm-up of LED drivers."""
    assert _lit().watts == pytest.approx([1500] * 3, rel=0.02)


def test_one_dead_lamp_of_ten_takes_a_tenth_of_its_phase() -> None:
    """What a loop estimator has to find (domain streetlights 3)."""
    loop = _lit()
    before = loop.watts[0]
    loop.out = {"l1-0"}
    loop.refit()
    loop.advance(1, (225.0, 224.0, 226.0), 0.0)
    assert loop.watts[0] / before == pytest.approx(0.9, abs=0.005)
    assert loop.watts[1] == pytest.approx(_lit().watts[1], rel=0.02)


@pytest.mark.parametrize(("level", "share"), [(0, 0.05), (50, 0.525), (100, 1.0)])
def test_dimming_keeps_the_standby_floor(level: float, share: float) -> None:
    """P = 5 % + 95 % x level (domain streetlights 4.2)."""
    assert level_power(level) == pytest.approx(share)


def test_the_power_factor_falls_when_dimmed() -> None:
    """A curve against level, near 0.96 at full level, 0.3-0.5 at standby."""
    values = [level_power_factor(level) for level in range(0, 101, 10)]
    assert values == sorted(values)
    assert 0.3 < values[0] < 0.5
    assert values[-1] > 0.95


def test_totals_are_the_sum_of_the_loops_and_energy_their_integral() -> None:
    """P = sum of the loops plus the controller; kWh = the sum of P dt exactly."""
    loops = [Loop(n, _lamps(12 + n, n), random.Random(n)) for n in range(1, 4)]
    feeder, meter, integral = Feeder(random.Random(9)), Totals(), 0.0
    for second in range(900):
        for loop in loops:
            loop.closed = second > 10 * loop.number
        feeder.advance(1, 20.0, meter.amps)
        for loop in loops:
            loop.advance(1, feeder.volts, 0.0)
        integral += sum(meter.watts) / 3_600_000
        meter.advance(1, loops, feeder.volts)
    assert sum(meter.watts) == pytest.approx(sum(sum(loop.watts) for loop in loops) + 12)
    assert meter.kwh == pytest.approx(integral)
    assert sum(loop.kwh for loop in loops) + 12 * 899 / 3_600_000 == pytest.approx(meter.kwh, rel=1e-6)


def test_voltage_sags_in_the_evening_and_under_load() -> None:
    """Deepest at 20:00; the line drop is proportional to the current."""

    def mean(hour: float, amps: float) -> float:
        feeder = Feeder(random.Random(3))
        seen = []
        for _ in range(4000):
            feeder.advance(1, hour, [amps] * 3)
            seen.append(feeder.volts[0])
        return sum(seen) / len(seen)

    assert mean(4, 0) - mean(20, 0) > 2
    assert mean(20, 0) - mean(20, 25) == pytest.approx(25 * 0.12, abs=0.3)


def test_leds_start_within_seconds_and_settle_as_they_warm() -> None:
    """LED: seconds, no six minutes of run-up as with sodium (domain streetlights 3)."""
    loop = Loop(1, _lamps(30), random.Random(1))
    loop.closed = True
    powers = []
    for _ in range(1200):
        loop.advance(1, (225.0, 225.0, 225.0), 0.0)
        powers.append(sum(loop.watts))
    assert powers[0] < 0.5 * powers[10]
    assert powers[5] > powers[-1]


def test_a_lamp_with_a_level_of_its_own_draws_by_it() -> None:
    """Its node dims it alone; the next level of the whole loop takes it along again."""
    lamps = [Lamp(id=f"l{n}", cabinet="c", loop=1, phase="a", road="r", pole=str(n), watts=100.0) for n in range(4)]
    loop = Loop(1, lamps, random.Random(1))
    loop.settle(on=True)
    loop.advance(1.0, (225.0,) * 3, 0.0)
    full = loop.watts[0]
    loop.own["l2"] = 0.0
    loop.advance(1.0, (225.0,) * 3, 0.0)
    assert loop.watts[0] / full == pytest.approx((3 + 0.05) / 4, rel=0.02)
    assert (loop.lit, loop.level_of("l2"), loop.level_of("l1")) == (3, 0.0, 100.0)
