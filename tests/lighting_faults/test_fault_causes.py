"""Cause and consequence, and the detectors of the cabinet that need no virtual one."""

from __future__ import annotations

from dataclasses import replace

import pytest
from msgspec import structs

from control.alarms.model import Evidence
from control.lighting.faults.cabinet import METER, cable_theft, door_open, frozen, schedule_not_executed
from control.lighting.faults.causes import Where, explain
from control.lighting.faults.model import Finding, Held
from control.lighting.faults.readings import Loop
from lampwell.readings import Flag

WHERE = {f"lamp-{phase}{n}": Where(cabinet="cab", loop=f"cab/loop{n}", phase=phase) for phase in "abc" for n in (1, 2)}


def finding(key: str) -> Finding:
    fault, _, place = key.partition("@")
    return Finding(fault=fault, place=place, time=0, value=True)


CHAINS: dict[str, tuple[list[str], list[str]]] = {
    # what is found, what is left to tell
    "mains explains all below": (
        ["mains-lost@cab", "phase-a-lost@cab", "loop-open@cab/loop1", "lamp-out@lamp-a1", "loop-breaker@cab/loop2"],
        ["mains-lost@cab"]
    ),
    "a phase explains its lamps only": (
        ["phase-a-lost@cab", "lamp-out@lamp-a1", "lamp-out@lamp-b1"], ["phase-a-lost@cab", "lamp-out@lamp-b1"]
    ),
    "a phase explains its fuses": (
        ["phase-a-lost@cab", "loop-phase-a-open@cab/loop1", "loop-phase-b-open@cab/loop1"],
        ["phase-a-lost@cab", "loop-phase-b-open@cab/loop1"],
    ),
    "a breaker explains its loop": (
        ["loop-breaker@cab/loop1", "loop-open@cab/loop1", "lamp-out@lamp-c1"], ["loop-breaker@cab/loop1"]
    ),
    "a loop explains its lamps, not its neighbour's": (
        ["loop-open@cab/loop1", "lamp-out@lamp-b1", "lamp-out@lamp-b2"], ["loop-open@cab/loop1", "lamp-out@lamp-b2"]
    ),
    "a dead coil explains a schedule not carried out": (
        ["contactor-not-closing@cab/loop1", "schedule-not-executed@cab/loop1"], ["contactor-not-closing@cab/loop1"]
    ),
    "one core explains the count on its phase": (
        ["loop-phase-a-open@cab/loop1", "lamps-lost@cab/loop1/a", "lamps-lost@cab/loop1/b"],
        ["loop-phase-a-open@cab/loop1", "lamps-lost@cab/loop1/b"],
    ),
    "an open neutral explains voltages": (["neutral-open@cab", "voltage@cab", "voltage-serious@cab"], ["neutral-open@cab"]),
    "nothing explains leakage, theft or a door": (
        ["mains-lost@cab", "leakage@cab/loop1", "door-open@cab", "cable-theft@cab/loop1"],
        ["mains-lost@cab", "leakage@cab/loop1", "door-open@cab", "cable-theft@cab/loop1"],
    ),
    "a silent gateway leaves all open": (["gateway-silent@cab", "mains-lost@cab", "leakage@cab/loop1"], ["gateway-silent@cab"]),
    "other cabinets are other cabinets": (
        ["mains-lost@other", "loop-open@cab/loop1"], ["mains-lost@other", "loop-open@cab/loop1"]
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CHAINS)
def test_one_root_is_told(name: str) -> None:
    """What a higher fault explains is not told beside it, in whatever order they are found."""
    found, left = CHAINS[name]
    for order in (found, found[::-1]):
        told = [one.key for one in explain(map(finding, order), WHERE) if one.condition().value]
        assert sorted(told) == sorted(left)


def test_ten_thousand_events_of_a_dip_are_one_root() -> None:
    """Acceptance check 10: one root for each phase and cabinet, whatever hangs below."""
    lamps = {f"lamp{n}": Where(cabinet="cab", loop=f"cab/loop{n % 12}", phase="a") for n in range(10_000)}
    found = [finding("phase-a-lost@cab"), *(finding(f"lamp-out@{name}") for name in lamps)]
    assert [one.key for one in explain(found, lamps) if one.condition().value] == ["phase-a-lost@cab"]


def test_an_explained_fault_is_not_known_rather_than_fine() -> None:
    """The child of a cause neither raises nor clears its alarm."""
    *_, child = explain([finding("mains-lost@cab"), finding("loop-open@cab/loop1")], {})
    assert (child.explained_by, child.value, child.condition().value) == ("mains-lost@cab", True, None)


# -- cabinet detectors -----------------------------------------------------------------------------------------------------------

LOOP = Loop(place="cab/loop1", time=0, commanded=True, steady_s=900, aux=True, local=False, locked=False, amps=(5.0, 5.0, 5.0))


def test_a_door_is_told_and_wind_is_not() -> None:
    """Ten seconds open without a work order, shut for half a minute; with an order it is nothing, and an order ends it."""

    def run(states: list[tuple[int, bool, bool]]) -> list[bool | None]:
        state, found = Held(), []
        for second, is_open, permitted in states:
            state, one = door_open(state, "cab", second * 1000, open_=is_open, permitted=permitted)
            found += [one.value] if one is not None else []
        return found

    assert run([(0, False, False), (5, True, False), (10, False, False), (15, True, False)]) == [False]
    opened = [(0, False, False), (5, True, False), (15, True, False)]
    assert run([*opened, (20, False, False), (45, True, False), (60, True, False)]) == [False, True, None, True]
    assert run([*opened, (20, False, False), (55, False, False)]) == [False, True, None, False]
    assert run([*opened, (20, True, True), (55, True, True)]) == [False, True, None, False]
    assert run([(0, False, True), (5, True, True), (60, True, True)]) == [False]


@pytest.mark.parametrize(
    ("mains", "aux", "ends", "value"),
    [(True, True, 2, True), (True, True, 1, False), (False, True, 2, None), (None, True, 2, None), (True, False, 2, None),
     (True, True, None, None)],
)  # fmt: skip
def test_theft_needs_mains_and_a_live_line(mains: bool | None, aux: bool, ends: int | None, value: bool | None) -> None:
    """Units fed by the line cannot tell an outage, or a line that is switched off, from a thief."""
    state, last = Held(), None
    for second in range(0, 60, 10):
        state, one = cable_theft(state, structs.replace(LOOP, time=second * 1000, aux=aux), mains=mains, lost_end_units=ends)
        last = one.value if one is not None else last
    assert last is value


def test_what_ends_still_explains() -> None:
    """Protects from a child that is told in the seconds in which its cause and itself wait for their ends."""
    breaker = replace(finding("loop-breaker@cab/loop1"), value=None, ending=True)
    told = explain([breaker, finding("loop-open@cab/loop1")], {})
    assert [one.condition().value for one in told] == [None, None]


def test_frozen_needs_load_and_every_point() -> None:
    """The edge flags a point that stood still for ten minutes; one that moves, or no load, is no frozen meter."""

    def run(*, lit: bool = True, amps: float = 5.0, moving: str = "", flags: int = int(Flag.FLAT)) -> bool | None:
        values = {
            path: Evidence(point=path, time=0, value=amps if path[0] == "i" else 228.0, flags=0 if path == moving else flags)
            for path in METER
        }
        _, one = frozen(Held(), "cab", 0, values, lit=lit)
        assert one is not None
        return one.value

    assert (run(), run(flags=0), run(moving="p_b"), run(lit=False)) == (True, False, False, None)
    assert run(amps=0.0) is True, "voltages and powers are six points"
    assert run(flags=int(Flag.FLAT | Flag.STALE)) is None


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ({"expected": True}, False),
        ({"expected": False}, True),
        ({"expected": False, "amps": (0.0, 0.0, 0.0)}, False),
        ({"expected": True, "amps": (0.0, 0.0, 0.0)}, True),
        ({"expected": None}, None),
        ({"expected": False, "local": True}, None),
        ({"expected": True, "amps": (0.0, 0.0, 0.0), "locked": True}, None),
        ({"expected": True, "amps": (None, None, None), "aux": False}, True),
    ],
)  # fmt: skip
def test_schedule_not_executed(change: dict[str, object], value: bool | None) -> None:
    """Five minutes other than the program wants; a crew at the switch or an interlock is no fault of the schedule."""
    state, last, when = Held(), None, None
    for second in range(0, 400, 20):
        state, one = schedule_not_executed(state, structs.replace(LOOP, time=second * 1000, **change))  # type: ignore[arg-type]
        if one is not None:
            last, when = one.value, second
    assert last is value
    if value:
        assert when == 300
