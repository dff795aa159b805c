"""A cable that is cut, from the cabinet's readings to the crew: one alarm, one message, one work order."""

from __future__ import annotations

from pathlib import Path

from bench.scripted_edge import ScriptedEdge
from lampwell.assets import Broker
from lampwell.points import Point

from .whole import room

CABINET, LOOP = "cabinet-1", "loop1"
LIT = {
    **{f"u_{phase}": 225.0 for phase in "abc"},
    "main_breaker": True,
    "on_battery": False,
    f"{LOOP}/commanded": True,
    f"{LOOP}/aux": True,
    f"{LOOP}/breaker": True,
    f"{LOOP}/local_override": False,
    f"{LOOP}/locked": False,
    f"{LOOP}/level": 100.0,
    f"{LOOP}/lamps": 38,
    **{f"{LOOP}/i_{phase}": 15.0 for phase in "abc"},
    **{f"{LOOP}/p_{phase}": 3300.0 for phase in "abc"},
    "loop2/commanded": True,
    "loop2/aux": True,
    **{f"loop2/p_{phase}": 3300.0 for phase in "abc"},
}
PATHS = list(LIT)


def say(edge: ScriptedEdge, **changed: float) -> None:
    """All points of the cabinet, as they are now."""
    values = LIT | {name.replace("__", "/"): value for name, value in changed.items()}
    edge.say(CABINET, *(values[path] for path in PATHS))


def share(of: float) -> dict[str, float]:
    """What is left of the loop's load."""
    return {f"{LOOP}__{kind}_{phase}": LIT[f"{LOOP}/{kind}_{phase}"] * of for kind in "ip" for phase in "abc"}


async def test_a_cable_that_is_cut_is_one_alarm_one_message_and_one_order(tmp_path: Path, broker: Broker) -> None:
    """Protects the crew from a flood of consequences: half the load gone within a scan is the cable, not 19 lamps."""
    async with room(tmp_path, broker, {CABINET: [Point(path=path) for path in PATHS]}) as here:
        say(here.edge)
        for _ in range(8):  # a steady load is known after some minutes
            await here.live(45)
            say(here.edge, **share(1.0))
        for _ in range(4):
            say(here.edge, **share(0.5))
            await here.live(10)
        await here.live(60)
        faults = [row for row in await here.rows() if row.device == CABINET]
        assert [row.key for row in faults] == [f"cable-cut@{CABINET}/{LOOP}"]
        (row,) = faults
        orders = [one for one in await here.control.front.orders.list() if one.device == CABINET]
        assert [(one.key, one.sla, one.crew) for one in orders] == [(row.key, "emergency", "lighting-oldtown")]
        told = [(one.channel, one.address) for one in here.letters(f"#{row.number}")]
        assert told
        assert len(told) == len(set(told)), "somebody heard of it twice"
