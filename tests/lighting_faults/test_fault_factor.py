"""Power factor against the level, lamp by lamp from what its node measures, loop by loop from its meter."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace

from control.alarms.model import Evidence
from control.lighting.faults.factor import ALARM, WARN, limit, loop_factor
from control.lighting.faults.model import Held
from control.lighting.faults.nodes import Known, reading
from control.lighting.faults.readings import Loop

AMPS = (3.0, 3.0, 3.0)
LOOP = Loop(place="cab/loop1", time=0, commanded=True, steady_s=900, aux=True, local=False, amps=AMPS, level=100.0, factor=0.96)


@pytest.mark.parametrize(
    ("level", "warn", "alarm"),
    [(100, 0.85, 0.65), (80, 0.85, 0.65), (65, 0.7225, 0.5525), (50, 0.595, 0.455), (49, None, None), (0, None, None)],
)
def test_the_limit_is_a_curve(level: float, warn: float | None, alarm: float | None) -> None:
    """Protects dimmed lamps, which are capacitive by design: full limits from 80 %, none below half."""
    assert limit(WARN, level) == (None if warn is None else pytest.approx(warn))
    assert limit(ALARM, level) == (None if alarm is None else pytest.approx(alarm))


CASES: dict[str, tuple[dict[str, Any], tuple[bool | None, bool | None]]] = {
    "healthy": ({}, (False, False)),
    "poor": ({"factor": 0.8}, (True, False)),
    "poor and capacitive": ({"factor": -0.8}, (True, False)),
    "very poor": ({"factor": 0.6}, (True, True)),
    "dimmed, as designed": ({"factor": 0.5, "level": 40.0}, (None, None)),
    "off": ({"commanded": False, "aux": False, "amps": (0.0, 0.0, 0.0), "factor": 0.35}, (None, None)),
    "just switched on": ({"steady_s": 60.0, "factor": 0.5}, (None, None)),
    "closed without current": ({"amps": (0.0, 0.0, 0.0), "factor": 0.3}, (None, None)),
    "not read": ({"factor": None}, (None, None)),
    "level not told": ({"level": None, "factor": 0.5}, (None, None)),
}


@pytest.mark.parametrize("name", CASES)
def test_a_loop(name: str) -> None:
    """Each situation after half an hour and a bit; both limits."""
    change, expected = CASES[name]
    assert tuple(_after(35, change, serious=serious) for serious in (False, True)) == expected


def test_it_takes_half_an_hour_and_a_level_that_is_the_loops() -> None:
    """Protects from the minutes after switching, and from lamps that have other levels than their loop."""
    assert _after(25, {"factor": 0.5}) is None
    assert _after(35, {"factor": 0.5}, mixed=True) is None


def _after(minutes: int, change: dict[str, Any], **how: bool) -> bool | None:
    state, last = Held(), None
    for minute in range(minutes):
        state, one = partial(loop_factor, **how)(state, replace(LOOP, time=minute * 60_000, **change))
        last = one.value if one is not None else last
    return last


@pytest.mark.parametrize(
    ("watts", "volts", "amps", "factor"),
    [
        (150.0, 230.0, 0.68, 0.959),
        (150.0, 230.0, 0.60, 1.0),
        (0.0, 230.0, 0.0, None),
        (None, 230.0, 0.6, None),
        (0.0, 230.0, 0.5, 0.0),
    ],
)
def test_a_nodes_factor_is_power_by_volts_and_amps(watts: float | None, volts: float, amps: float, factor: float | None) -> None:
    """Protects from a factor above one by rounding, and from one where nothing flows or something is not known."""
    values = {
        f"lamp001/{name}": Evidence(point=name, time=0, value=value)
        for name, value in {"power": watts, "voltage": volts, "current": amps, "no_answer": False}.items()
    }
    found = reading(Known(place="con/lamp001"), 0, values, "lamp001", day=False)
    assert found.factor == (None if factor is None else pytest.approx(factor, abs=0.001))
