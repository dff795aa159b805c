"""The lamps behind a concentrator, point by point."""

from __future__ import annotations

from control.alarms.model import Evidence
from control.lighting.faults.nodes import Known, NodeState, observe, reading
from lampwell.readings import Flag

HOUR, DAY = 3_600_000, 86_400_000
LAMP = Known(place="con-1/lamp012", live=True, rated=150.0, asked=100.0, steady_s=3600.0)
HEALTHY: dict[str, float | bool] = {
    "level": 100,
    "power": 150.0,
    "voltage": 228.0,
    "failed": False,
    "driver_fault": False,
    "no_answer": False,
}


def values(time: int, *, flags: int = 0, **change: float | bool) -> dict[str, Evidence]:
    both = {**HEALTHY, **change}
    return {
        f"lamp012/{name}": Evidence(point=f"con-1/lamp012/{name}", time=time, value=value, flags=flags)
        for name, value in both.items()
    }


def night(
    state: NodeState, number: int, known: Known = LAMP, *, flags: int = 0, **change: float | bool
) -> tuple[NodeState, list[str]]:
    """Twelve hours of a reading every quarter: keys of faults found."""
    found: list[str] = []
    for quarter in range(48):
        time = number * DAY + 20 * HOUR + quarter * HOUR // 4
        lamp = reading(known, time, values(time, flags=flags, **change), "lamp012", day=False)
        state, findings = observe(state, known, lamp, zone_ms=0)
        found += [one.key for one in findings if one.value]
    return state, found


def test_a_dark_lamp_is_found_at_once_and_confirmed_on_the_second_night() -> None:
    """First its alarm, then the one that sends a crew; a healthy night between two weeks apart starts over."""
    state, first = night(NodeState(), 0, power=0.0)
    _, second = night(state, 1, power=0.0)
    _, late = night(state, 9, power=0.0)
    assert first == ["lamp-out@con-1/lamp012"]
    assert "lamp-out-confirmed@con-1/lamp012" in second
    assert "lamp-out-confirmed@con-1/lamp012" not in late


def test_what_is_not_known_of_a_lamp_is_no_fault() -> None:
    """A silent node, stale readings, a loop that is dead or not known: nothing is said of the lamp."""
    assert night(NodeState(), 0, power=0.0, no_answer=True)[1] == []
    assert night(NodeState(), 0, power=0.0, flags=int(Flag.STALE))[1] == []
    for live in (False, None):
        assert night(NodeState(), 0, Known(place="x", live=live, rated=150.0), power=0.0)[1] == []


def test_a_healthy_week_says_nothing() -> None:
    """Full level, all in order."""
    state = NodeState()
    for number in range(7):
        state, found = night(state, number)
        assert found == []
