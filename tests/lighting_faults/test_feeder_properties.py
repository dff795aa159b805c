"""Laws of the feeder analysis: scale, shift in time, gaps."""

from __future__ import annotations

import math
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control.lighting.feeder.analysis import analyse
from control.lighting.feeder.report import FeederReport
from control.lighting.feeder.series import Series

from .conftest import Feeder, night_minute


@cache
def series() -> Series:
    """A feeder with a loss of supply, then one lamp of forty lost."""
    lost = night_minute(4, 20.5)
    holes = [(night_minute(2, 21.5), night_minute(2, 21.5) + 38)]
    return Feeder(warm=True, holes=holes, lost=lambda n: (n >= lost) / 40, decimals=6).series()


@cache
def report() -> FeederReport:
    return analyse(series(), 40)


@settings(max_examples=15, deadline=None)
@given(st.floats(0.01, 100))
def test_power_scaled_scales_watts_and_nothing_else(factor: float) -> None:
    """The unit of power is no knowledge: watts and kWh scale, times, counts and percents stay."""
    scaled = analyse(replace(series(), watts=tuple(watts * factor for watts in series().watts)), 40)
    (before,), (after,) = report().anomalies, scaled.anomalies
    assert (after.lamps, after.begin, after.kind) == (before.lamps, before.begin, before.kind)
    assert before.watts is not None
    assert after.watts == pytest.approx(before.watts * factor, rel=0.01, abs=0.06)
    assert [row.time for row in scaled.dim_steps] == [row.time for row in report().dim_steps]
    assert scaled.summary.kwh == pytest.approx(report().summary.kwh * factor, rel=0.001, abs=0.01)
    assert scaled.supply_losses == report().supply_losses


def shifted(value: Any, minutes: int, key: str = "") -> Any:
    """A report as plain data, with every time moved."""
    if isinstance(value, dict):
        return {name: shifted(one, minutes, name) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [shifted(one, minutes, key) for one in value]
    if isinstance(value, str) and "T" in value and value[:2] == "20":
        return (datetime.fromisoformat(value) + timedelta(minutes=minutes)).isoformat(timespec="minutes")
    return None if key == "night" else value


@settings(max_examples=15, deadline=None)
@given(st.integers(-5_000_000, 5_000_000))
def test_time_shifted_shifts_everything(minutes: int) -> None:
    """The hour of the day is no knowledge either: another clock moves all times alike. Names of nights follow the clock."""
    moved = analyse(replace(series(), start=series().start + minutes), 40)
    assert shifted(asdict(moved), 0) == shifted(asdict(report()), minutes)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 6 * 1440 - 1), st.integers(1, 45)), min_size=1, max_size=6))
def test_gaps_never_make_an_event_of_their_own(gaps: list[tuple[int, int]]) -> None:
    """Whatever is missing, nothing is found that was not there: no anomaly, no loss of supply, no further night or step."""
    healthy = Feeder(slow=0.002).series()
    watts, volts = list(healthy.watts), list(healthy.volts)
    for begin, length in gaps:
        for n in range(begin, min(len(watts), begin + length)):
            watts[n] = volts[n] = math.nan
    found = analyse(replace(healthy, watts=tuple(watts), volts=tuple(volts)), 40)
    assert (found.anomalies, found.supply_losses, len(found.nights)) == ((), (), 6)
    assert found.summary.dim_steps <= 18
