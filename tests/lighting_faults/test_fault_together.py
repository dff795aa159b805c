"""Lamps side by side: silence, ends of lines, phases that are disturbed, commands that are new."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from control.alarms.model import Evidence
from control.lighting.faults.model import Held
from control.lighting.faults.nodes import Known, NodeState, fed, observe
from control.lighting.faults.readings import Lamp
from control.lighting.faults.together import disturbed, lamp_silent, lost_at_end, moved, nodes_silent, swung

LAMP = Lamp(place="con/lamp001", time=0, live=True, level=100.0, watts=150.0, volts=230.0, amps=0.68, rated=150.0)


def silence(minutes: int, *, live: bool | None = True, silent: bool | None = True, step: int = 15) -> bool | None:
    state, last = Held(), None
    for minute in range(0, minutes + 1, step):
        state, one = lamp_silent(state, replace(LAMP, time=minute * 60_000, live=live), silent=silent)
        last = one.value if one is not None else last
    return last


def test_a_node_is_lost_after_three_periods_while_it_is_fed() -> None:
    """Protects from nodes behind a dead loop and from noise at dusk; what is not known says nothing."""
    assert (silence(30), silence(45), silence(45, step=1)) == (None, True, True)
    assert silence(45, silent=False) is False
    assert (silence(90, live=False), silence(90, live=None), silence(90, silent=None)) == (None, None, None)


@pytest.mark.parametrize(
    ("silent", "value"), [((True,) * 4, True), ((True, True, False, False), False), ((True,) * 3, None), ((False,) * 9, False)]
)
def test_most_nodes_of_a_concentrator(silent: tuple[bool, ...], value: bool | None) -> None:
    """More than half of four at least, for two periods: the concentrator, not its nodes."""
    state, last = Held(), None
    for minute in (0, 15, 30):
        state, one = nodes_silent(state, "con", minute * 60_000, silent)
        last = one.value if one is not None else last
    assert last is value


@pytest.mark.parametrize(
    ("line", "lost"),
    [
        ([False, False, True, True], 2),
        ([False, True, False], 0),
        ([True, False, True], 1),
        ([False, True, None], 0),
        ([True, True, True], None),
        ([None, True, True], None),
        ([], None),
    ],
)
def test_the_end_of_a_line(line: list[bool | None], lost: int | None) -> None:
    """Neighbours at the end, while somebody before them answers; else it is not the end that is lost."""
    assert lost_at_end(line) == lost


def test_a_phase_that_moves_as_one_is_disturbed() -> None:
    """Protects every lamp of a phase from its supply: half of three at least; two are too few to tell."""
    groups = {"a": [True, True, False, None], "b": [True, False, False, False], "c": [True, True], "d": [None] * 5}
    assert disturbed(groups) == {"a"}


def test_what_moved() -> None:
    """Power by 5 % at the same level, voltage by 3 %; a dim step is no movement, what is not known is not known."""
    assert moved(LAMP, replace(LAMP, watts=140.0)) is True
    assert moved(LAMP, replace(LAMP, watts=145.0)) is False
    assert moved(LAMP, replace(LAMP, watts=80.0, level=50.0)) is None
    assert moved(None, LAMP) is None
    assert moved(LAMP, replace(LAMP, watts=None)) is None
    assert (swung(LAMP, replace(LAMP, volts=220.0)), swung(LAMP, replace(LAMP, volts=227.0))) == (True, False)


@pytest.mark.parametrize(
    ("change", "value"),
    [({}, True), ({"loop1/aux": False}, False), ({"loop1/breaker": False}, False), ({"u_a": 3.0}, False), ({"u_b": 3.0}, True),
     ({"loop1/aux": None}, None), ({"u_a": None}, None)],
)  # fmt: skip
def test_a_lamp_is_fed_by_contact_breaker_and_its_own_phase(change: dict[str, float | bool | None], value: bool | None) -> None:
    """Protects a lamp from its phase, and from what is not known."""
    points = {"loop1/aux": True, "loop1/breaker": True, "u_a": 230.0, "u_b": 230.0, **change}
    values = {path: Evidence(point=path, time=0, value=one) for path, one in points.items()}
    assert fed(values, "loop1", "a") is value


def test_only_a_new_command_confirms_a_dark_lamp_within_the_night() -> None:
    """Protects from confirmation by a gap in the data: found, not known, found again is one command; off and on again is two."""

    def night(*parts: tuple[int, bool | None]) -> list[str]:
        state, found, minute = NodeState(), list[str](), 0
        for length, live in parts:
            for _ in range(length):
                minute += 1
                lamp = replace(LAMP, time=80_000_000 + minute * 60_000, live=live, watts=0.0, amps=0.0, steady_s=3600.0)
                state, told = observe(state, Known(place=LAMP.place, live=live), lamp, zone_ms=0)
                found += [one.fault for one in told if one.value]
        return found

    assert "lamp-out-confirmed" not in night((30, True), (5, None), (30, True))
    assert "lamp-out-confirmed" in night((30, True), (5, False), (30, True))
