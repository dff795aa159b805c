"""Each sensor effect by itself, and the blind zone, range and echo of a ranging sensor."""

from __future__ import annotations

import random
import statistics

import pytest

from simulators.faults import table
from simulators.sensors import LevelSensor, Status

HOUR = 3_600_000


def _sensor(**changes: object) -> LevelSensor:
    usual: dict[str, object] = {"face": 3.0, "span": 7.0, "blind": 0.2, "sigma": 0.002, "rng": random.Random(5)}
    return LevelSensor(**(usual | changes))  # type: ignore[arg-type]


def _set(sensor: LevelSensor, name: str, value: float | None = None, now: int = 0) -> None:
    table(sensor.faults("x/level", lambda: now))["x/level", name].set(True, value)


def test_a_healthy_sensor_tells_the_truth_but_for_its_noise() -> None:
    """Unbiased; 2 mm; level and air gap add up to the mounting height."""
    sensor = _sensor()
    readings = [sensor.sense(1.25, t) for t in range(2000)]
    assert statistics.mean(r.level for r in readings) == pytest.approx(1.25, abs=0.0005)
    assert statistics.stdev(r.level for r in readings) == pytest.approx(0.002, rel=0.1)
    assert all(r.level + r.gap == pytest.approx(3.0) and r.status is Status.OK for r in readings)


def test_in_the_blind_zone_the_reading_stands_at_its_edge() -> None:
    """A well filling to the sensor must not look lower, nor go silent at once."""
    sensor = _sensor()
    for level in (2.85, 2.95):
        reading = sensor.sense(level, 0)
        assert (reading.level, reading.status) == (pytest.approx(2.8), Status.BLIND)


def test_a_drowned_radar_stays_high_and_a_drowned_ultrasonic_loses_its_echo() -> None:
    """Both happen in the field (domain drainage 3.3)."""
    assert _sensor(freezes=True).sense(3.4, 0).level == pytest.approx(2.8)
    lost = _sensor(freezes=False).sense(3.4, 0)
    assert (lost.level, lost.gap, lost.status) == (pytest.approx(-4.0), 7.0, Status.NO_ECHO)


@pytest.mark.parametrize(
    ("name", "value", "level", "seen"), [("silt", 0.3, 0.1, 0.3), ("silt", 0.3, 0.9, 0.9), ("parked-car", 0.45, 0.0, 0.45)]
)
def test_what_stands_under_the_beam_is_seen_until_the_water_covers_it(name: str, value: float, level: float, seen: float) -> None:
    """Silt and a parked car hide low water, not high water."""
    sensor = _sensor()
    _set(sensor, name, value)
    assert sensor.sense(level, 0).level == pytest.approx(seen, abs=0.01)


def test_a_stuck_sensor_repeats_itself_to_the_last_digit() -> None:
    """And follows the water again when it is mended."""
    sensor = _sensor()
    _set(sensor, "stuck")
    assert len({sensor.sense(level / 10, level).level for level in range(20)}) == 1
    sensor.effects.clear()
    assert sensor.sense(1.9, 0).level == pytest.approx(1.9, abs=0.02)


def test_drift_grows_with_time() -> None:
    """Value = metres an hour."""
    sensor = _sensor(sigma=0.0)
    _set(sensor, "drift", 0.02)
    assert [sensor.sense(1.0, h * HOUR).level for h in (0, 5, 10)] == pytest.approx([1.0, 1.1, 1.2])


def test_noise_and_spikes_come_at_their_size() -> None:
    """A noisy sensor scatters; one sample in thirty of a spiky one jumps."""
    noisy, spiky = _sensor(), _sensor()
    _set(noisy, "noise", 0.05)
    _set(spiky, "spike", 0.8)
    assert statistics.stdev(noisy.sense(1, t).level for t in range(2000)) == pytest.approx(0.05, rel=0.1)
    jumps = sum(spiky.sense(1, t).level > 1.5 for t in range(3000))
    assert 60 < jumps < 150


def test_no_echo_reads_as_the_full_range() -> None:
    """The trap of level = mounting height - range, far below zero."""
    sensor = _sensor()
    _set(sensor, "no-echo")
    reading = sensor.sense(1.0, 0)
    assert (reading.level, reading.status) == (pytest.approx(-4.0), Status.NO_ECHO)
