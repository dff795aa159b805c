"""Lamp detectors: what a node says, held against level, loop, day and night."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace

from control.lighting.faults.factor import lamp_factor
from control.lighting.faults.lamps import (
    Nights,
    Restless,
    confirmed,
    day_burner,
    dim_failure,
    driver,
    lamp_out,
    lamp_power,
    restless,
)
from control.lighting.faults.model import Finding, Held
from control.lighting.faults.readings import Lamp

GOOD = Lamp(
    place="con-1/lamp012", time=0, live=True, level=100.0, asked=100.0, steady_s=3600, watts=150.0, volts=228.0, amps=0.7,
    factor=0.96, rated=150.0, day=False, failed=False, driver_fault=False,
)  # fmt: skip
DETECTORS = {
    "out": lamp_out, "power": lamp_power, "dim": dim_failure, "day": day_burner, "driver": driver, "pf": lamp_factor,
    "pf!": partial(lamp_factor, serious=True),
}  # fmt: skip

CASES: dict[str, tuple[dict[str, Any], dict[str, bool | None]]] = {
    "healthy": ({}, {"out": False, "power": False, "dim": False, "day": None, "driver": False, "pf": False}),
    "healthy at half": ({"level": 50.0, "asked": 50.0, "watts": 79.0}, {"out": False, "power": False, "pf": False}),
    "dark": ({"watts": 0.0, "amps": 0.0}, {"out": True, "power": None}),
    "a fifth is dark": ({"watts": 29.0}, {"out": True}),
    "its meter is dead": ({"watts": 0.0}, {"out": None}),
    "dimmed to nothing": ({"level": 0.0, "watts": 6.0}, {"out": None, "power": None}),
    "its loop is dead": ({"live": False, "watts": 0.0, "amps": 0.0}, {"out": None}),
    "its loop is not known": ({"live": None, "watts": 0.0}, {"out": None}),
    "warming up": ({"steady_s": 60.0, "watts": 20.0}, {"out": None, "power": None}),
    "silent node": ({"watts": None, "level": None}, {"out": None, "power": None, "day": None}),
    "derated": ({"watts": 120.0}, {"out": False, "power": True}),
    "aged up by its driver": ({"watts": 165.0}, {"power": False}),
    "wrong type": ({"watts": 200.0}, {"power": True}),
    "small and off by little": ({"rated": 20.0, "watts": 24.0}, {"power": False}),
    "does not dim": ({"asked": 50.0}, {"dim": True}),
    "learned at this level": ({"level": 50.0, "watts": 95.0, "expected": 94.0}, {"power": False}),
    "burns by day by its current": ({"day": True, "asked": 0.0, "watts": 0.0}, {"day": True}),
    "burns by day": ({"day": True, "asked": 0.0}, {"day": True}),
    "sleeps by day": ({"day": True, "asked": 0.0, "level": 0.0, "watts": 5.5}, {"day": False}),
    "tested by day on purpose": ({"day": True}, {"day": None}),
    "driver fault": ({"driver_fault": True}, {"driver": True}),
    "poor factor": ({"factor": -0.8}, {"pf": True, "pf!": False}),
    "bad factor": ({"factor": 0.6}, {"pf": True, "pf!": True}),
    "poor when dimmed, as designed": ({"level": 40.0, "factor": 0.5, "watts": 65.0}, {"pf": None}),
    "fair for its level": ({"level": 65.0, "factor": 0.75, "watts": 100.0}, {"pf": False}),
    "poor for its level": ({"level": 65.0, "factor": 0.70, "watts": 100.0}, {"pf": True, "pf!": False}),
    "dark, whatever its factor": ({"watts": 3.0, "factor": 0.2}, {"pf": None, "pf!": None}),
}  # fmt: skip


def over(reading: Lamp, minutes: int = 60, *, start: int = 0, step: int = 5) -> list[Lamp]:
    return [replace(reading, time=(start + n) * 60_000) for n in range(0, minutes, step)]


def told(
    detector: Callable[[Held, Lamp], tuple[Held, Finding | None]], readings: Sequence[Lamp]
) -> list[tuple[int, bool | None]]:
    state, found = Held(), []
    for reading in readings:
        state, finding = detector(state, reading)
        if finding is not None:
            found.append((reading.time // 60_000, finding.value))
    return found


@pytest.mark.parametrize("name", CASES)
def test_what_each_detector_makes_of_it(name: str) -> None:
    """Each situation and what must be said of it after an hour."""
    change, expected = CASES[name]
    for detector, value in expected.items():
        assert told(DETECTORS[detector], over(replace(GOOD, **change)))[-1][1] is value, detector


def test_a_lamp_is_out_after_three_samples_and_a_quarter_of_an_hour() -> None:
    """Both: a node that reports every 15 min needs three reports, one that reports each minute needs the quarter."""
    dark = replace(GOOD, watts=0.0, amps=0.0)
    assert told(lamp_out, over(dark, step=1)) == [(0, None), (15, True)]
    assert told(lamp_out, over(dark, step=15)) == [(0, None), (30, True)]


def swings(readings: Sequence[Lamp], *, common: bool = False) -> set[str]:
    state, found = Restless(), set()
    for reading in readings:
        state, findings = restless(state, reading, common=common)
        found |= {one.fault for one in findings if one.value}
    return found


def test_cycling_is_four_an_hour_or_six_a_night() -> None:
    """Out and back twice within an hour is cycling; once is not; a disturbed phase moves every lamp and counts for none."""
    dark = replace(GOOD, watts=3.0, amps=0.02)
    cycle = [*over(GOOD, 10), *over(dark, 10, start=10)]
    hour = [replace(one, time=one.time + n * 1_200_000) for n in range(3) for one in cycle]
    assert "lamp-cycling" in swings(hour)
    assert "lamp-cycling" not in swings(cycle)
    assert swings(hour, common=True) == set()
    slow = [replace(one, time=one.time + n * 6_000_000) for n in range(4) for one in cycle]
    assert "lamp-cycling" in swings(slow)


def test_flicker_is_spread_at_a_steady_level() -> None:
    """Power that spreads by a tenth is flicker, by one per cent is not, and a dim step is no flicker."""

    def wave(size: float) -> list[Lamp]:
        return [replace(GOOD, watts=150 * (1 + size * (-1) ** n), time=n * 60_000) for n in range(20)]

    assert swings(wave(0.08)) == {"lamp-flicker"}
    assert swings(wave(0.01)) == set()
    dimmed = replace(GOOD, level=50.0, asked=50.0, watts=79.0)
    assert swings([*over(GOOD, 10, step=1), *over(dimmed, 10, start=10, step=1)]) == set()


def test_a_crew_goes_after_the_second_night() -> None:
    """The second clock: one night is not enough, two of three are, a repeated command is; health ends it."""

    def finding(day: int, value: bool | None = True) -> Finding:
        return Finding(fault="lamp-out", place="x", time=day * 86_400_000 + 50_000_000, value=value)

    state, first = confirmed(Nights(), finding(0), zone_ms=0)
    state, again = confirmed(state, finding(0), zone_ms=0)
    state, second = confirmed(state, finding(2), zone_ms=0)
    assert (first, again) == (None, None)
    assert second is not None
    assert second.key == "lamp-out-confirmed@x"
    state, unknown = confirmed(state, finding(2, None), zone_ms=0)
    state, repaired = confirmed(state, finding(3, False), zone_ms=0)
    assert unknown is None
    assert repaired is not None
    assert repaired.value is False
    _, late = confirmed(state, finding(9), zone_ms=0)
    assert late is None


def test_a_new_command_confirms_within_the_night() -> None:
    """Protects the wait for a second night where it says nothing more: told to do something else, it is dark again."""

    def finding(value: bool | None) -> Finding:
        return Finding(fault="lamp-out", place="x", time=50_000_000, value=value)

    state, first = confirmed(Nights(), finding(True), zone_ms=0, command=3)
    state, same = confirmed(state, finding(True), zone_ms=0, command=3)
    _, sure = confirmed(state, finding(True), zone_ms=0, command=4)
    assert (first, same) == (None, None)
    assert sure is not None
    assert sure.key == "lamp-out-confirmed@x"
    healed, _ = confirmed(state, finding(False), zone_ms=0, command=4)
    assert confirmed(healed, finding(True), zone_ms=0)[1] is None, "without a command of its own it waits"
