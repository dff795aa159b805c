"""Loop and contactor detectors: a row of the domain's table each, with its trap."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pytest
from msgspec.structs import replace

from control.lighting.faults.cut import Steady, cable_cut
from control.lighting.faults.loop import (
    breaker_open,
    day_burning,
    feedback_fault,
    loop_open,
    not_closing,
    phase_open,
    welded,
)
from control.lighting.faults.model import Finding, Held
from control.lighting.faults.readings import Loop

ON = Loop(
    place="cab-1/loop3", time=0, commanded=True, steady_s=600, aux=True, breaker=True, local=False, locked=False,
    amps=(9.0, 9.1, 8.9),
    watts=(2000.0, 2000.0, 2000.0), volts=(228.0, 229.0, 230.0), reference=(9.0, 9.0, 9.0), residual=12.0, level=100.0, lamps=30,
)  # fmt: skip
OFF = replace(ON, commanded=False, aux=False, amps=(0.0, 0.0, 0.0), watts=(0.0, 0.0, 0.0), level=0.0)
NO_AMPS = (0.0, 0.0, 0.0)


def over(reading: Loop, seconds: int = 300, *, start: int = 0, step: int = 5) -> list[Loop]:
    return [replace(reading, time=(start + n) * 1000) for n in range(0, seconds, step)]


def told(
    detector: Callable[[Held, Loop], tuple[Held, Finding | None]], readings: Sequence[Loop]
) -> list[tuple[int, bool | None]]:
    state, found = Held(), []
    for reading in readings:
        state, finding = detector(state, reading)
        if finding is not None:
            found.append((reading.time // 1000, finding.value))
    return found


CASES: dict[str, tuple[dict[str, Any], dict[str, bool | None]]] = {
    # what is different from a healthy lit loop, then what each detector must end with
    "healthy": ({}, {"open": False, "a": False, "weld": None, "feedback": False, "closing": False}),
    "breaker tripped": ({"amps": NO_AMPS, "breaker": False}, {"open": True, "a": None, "feedback": False}),
    "fuse of phase a": ({"amps": (0.1, 9.1, 8.9)}, {"open": False, "a": True, "feedback": False}),
    "phase a not fed": ({"amps": (0.0, 9.1, 8.9), "volts": (0.0, 229.0, 230.0)}, {"open": False, "a": None}),
    "no phase fed": ({"amps": NO_AMPS, "volts": (0.0, 0.0, 0.0)}, {"open": None, "a": None, "closing": None}),
    "dimmed to nothing": ({"amps": NO_AMPS, "level": 0.0}, {"open": None, "a": None}),
    "half-night, commanded off": ({"amps": NO_AMPS, "commanded": False, "aux": False}, {"open": None, "weld": False}),
    "switched just now": ({"amps": NO_AMPS, "steady_s": 5.0}, {"open": None, "feedback": None, "closing": None}),
    "by hand": ({"amps": NO_AMPS, "aux": False, "local": True}, {"open": None, "closing": None}),
    "locked by the interlock": ({"amps": NO_AMPS, "aux": False, "locked": True}, {"closing": None}),
    "coil does not pull in": ({"amps": NO_AMPS, "aux": False}, {"open": None, "closing": True, "feedback": False}),
    "undervoltage dropped it": ({"amps": NO_AMPS, "aux": False, "volts": (160.0, 160.0, 160.0)}, {"closing": None}),
    "aux wire broken, lit": ({"aux": False}, {"closing": False, "feedback": True, "weld": None, "open": None}),
    "current not known": ({"amps": (None, None, None)}, {"open": None, "closing": None, "feedback": None}),
    "welded": ({"commanded": False}, {"weld": True, "feedback": False, "closing": None}),
    "welded, one phase known": ({"commanded": False, "amps": (9.0, None, None)}, {"weld": True}),
    "aux stuck": ({"commanded": False, "amps": NO_AMPS}, {"weld": False, "feedback": True}),
    "bypassed": ({"commanded": False, "aux": False}, {"weld": False, "feedback": True}),
    "capacitors of sleeping drivers": (
        {"commanded": False, "aux": False, "amps": (0.25, 0.2, 0.2)},
        {"weld": False, "feedback": False},
    ),
    "switched on by hand": ({"commanded": False, "local": True}, {"weld": None}),
}
DETECTORS = {
    "open": loop_open, "a": partial(phase_open, phase=0), "weld": welded, "feedback": feedback_fault, "closing": not_closing
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_each_detector_makes_of_it(name: str) -> None:
    """Every situation has its own answer from every detector; "not to be told" is not "fine"."""
    change, expected = CASES[name]
    readings = over(replace(ON, **change))
    for detector, value in expected.items():
        assert told(DETECTORS[detector], readings)[-1][1] is value, detector


def test_weld_and_broken_aux_wire_are_two_different_faults() -> None:
    """Acceptance check 5: weld the contactor, then only break its aux wire."""
    weld, wire = over(replace(ON, commanded=False)), over(replace(ON, commanded=False, aux=False))
    assert (told(welded, weld)[-1][1], told(feedback_fault, weld)[-1][1]) == (True, False)
    assert (told(welded, wire)[-1][1], told(feedback_fault, wire)[-1][1]) == (False, True)


def test_clocks() -> None:
    """Loop open after 90 s, welded after 15 s, not closing after 8 s, a breaker within two: none earlier."""
    assert told(loop_open, over(replace(ON, amps=NO_AMPS))) == [(0, None), (90, True)]
    assert told(welded, over(replace(ON, commanded=False))) == [(0, None), (15, True)]
    assert told(not_closing, over(replace(ON, aux=False, amps=NO_AMPS))) == [(0, None), (10, True)]
    assert told(breaker_open, over(replace(ON, breaker=False))) == [(0, None), (5, True)]


def test_the_morning_does_not_clear_a_dead_loop() -> None:
    """A loop found dead cannot be judged once it is off; it clears only when current flows again."""
    night = [*over(replace(ON, amps=NO_AMPS), 200), *over(OFF, 600, start=200), *over(replace(ON, amps=NO_AMPS), 60, start=800)]
    assert [value for _, value in told(loop_open, night)] == [None, True, None]
    assert told(loop_open, [*night, *over(ON, 120, start=860)])[-1] == (920, False)


def test_day_burning_needs_day_and_ten_minutes() -> None:
    """Current by day although commanded off, for ten minutes; not by night, not when somebody works there by hand."""
    burning = over(replace(OFF, amps=(1.0, 0.9, 1.1)), 900, step=30)
    assert told(partial(day_burning, day=True), burning) == [(0, None), (600, True)]
    assert told(partial(day_burning, day=False), burning) == [(0, None)]
    assert told(partial(day_burning, day=True), over(replace(OFF, amps=(1.0, 0.9, 1.1), local=True), 900)) == [(0, None)]
    assert told(partial(day_burning, day=True), over(OFF, 900)) == [(0, False)]


def cut(readings: Sequence[Loop], *, others_fell: bool | None = False) -> list[bool | None]:
    state, found = Steady(), []
    for reading in readings:
        state, finding = cable_cut(state, reading, others_fell=others_fell)
        if finding is not None:
            found.append(finding.value)
    return found


def at(share: float, **change: Any) -> Loop:
    return replace(ON, watts=(2000 * share, 2000 * share, 2000 * share), **change)


def test_a_cut_is_a_sudden_fall_of_many_lamps_and_nothing_else() -> None:
    """15 % and three lamps at once are a cut; less, slowly, together with the others, or at another level are not."""
    assert cut([*over(ON, 60), *over(at(0.8), 60, start=60)]) == [False, True]
    assert cut([*over(ON, 60), *over(at(0.9), 60, start=60)]) == [False]
    assert cut([*over(ON, 60), *over(at(0.8, lamps=10), 60, start=60)]) == [False]
    assert cut([*over(ON, 60), *over(at(0.8), 60, start=60)], others_fell=True) == [False]
    assert cut([*over(ON, 60), *over(at(0.6, level=60.0), 60, start=60)]) == [False]
    slow = [replace(at(1 - n / 1000), time=n * 5000) for n in range(300)]
    assert cut(slow) == [False]


def test_a_cut_outlives_a_dim_step_and_ends_with_the_power() -> None:
    """At the next level less is still missing in proportion; the repair brings it back."""
    half = 0.05 + 0.95 * 0.5
    night = [*over(ON, 60), *over(at(0.7), 60, start=60), *over(at(0.7 * half, level=50.0), 300, start=120)]
    assert cut(night) == [False, True]
    assert cut([*night, *over(at(half, level=50.0), 120, start=420)]) == [False, True, None, False]
