"""What happens in the month: all that a healthy county lives through, and at its end faults that must be found."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from bench.month_rig import Rig
from lampwell.lighting.wire import Lease, Release, Said

WITH_NODES = "cabinet-03"
"""The one cabinet whose lamps have nodes."""
WHY = Said(zh="测量", en="a measurement")
Deed = Callable[[Rig], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Event:
    """At a local time, something is done."""

    at: str
    deed: Deed


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """From ``start`` to ``end`` no alarm may come but those that what happens asks for; then, from ``seeded_at`` to ``over``, of
    each of ``seeded`` the alarm must come.
    """

    start: str
    end: str
    events: tuple[Event, ...]
    seeds: tuple[Event, ...]
    seeded: tuple[str, ...]
    over: str


# -- deeds of a healthy county -------------------------------------------------------------------------------------------------


def lease(cabinet: str, loops: int, level: int, minutes: int) -> Deed:
    """A lease of some loops that is released before its end."""

    async def deed(rig: Rig) -> None:
        edge = rig.centre.shelf.places.edge_of[cabinet]
        targets = tuple(f"{cabinet}/loop{n}" for n in range(1, loops + 1))
        order = rig.centre.order(edge, Lease(targets=targets, level=level, lasts_s=minutes * 120, reason=WHY))
        await rig.clock.sleep(minutes * 60)
        rig.centre.order(edge, Release(order=order, reason=WHY))

    return deed


def storm(years: float, minutes: float) -> Deed:
    """Rain with its clouds."""

    async def deed(rig: Rig) -> None:
        rig.storm(years, minutes)

    return deed


def no_supply(cabinet: str, seconds: float, *, told: bool = True) -> Deed:
    """The supply fails and returns; one that is long is told, once."""

    async def deed(rig: Rig) -> None:
        if told:
            rig.expect(f"cabinet-mains@{cabinet}", 600)
        await rig.fault(cabinet, "mains-loss")
        await rig.clock.sleep(seconds)
        await rig.fault(cabinet, "mains-loss", on=False)

    return deed


def edge_away(cabinet: str, seconds: float) -> Deed:
    """A cabinet's edge node is not reached for a while; it goes on by itself, and what it read comes later."""

    async def deed(rig: Rig) -> None:
        edge = rig.centre.shelf.places.edge_of[cabinet]
        rig.expect(f"edge-offline@edge:{edge}", 600)
        rig.away(edge, seconds)

    return deed


def gateway_restarts(cabinet: str) -> Deed:
    """A cabinet's gateway dies and is started again."""

    async def deed(rig: Rig) -> None:
        edge = rig.centre.shelf.places.edge_of[cabinet]
        await rig.kill_gateway(edge)
        await rig.clock.sleep(20)
        rig.start_gateway(edge)

    return deed


def broker_restarts(seconds: float) -> Deed:
    """The broker is gone for a while."""

    async def deed(rig: Rig) -> None:
        rig.expect(f"broker-away@county:{rig.county.id}", 600)
        rig.wire.down(seconds)

    return deed


async def control_restarts(rig: Rig) -> None:
    """Control ends and begins anew."""
    await rig.restart_control()


# -- faults --------------------------------------------------------------------------------------------------------------------


def fault(target: str, name: str, value: float | None = None) -> Deed:
    """A fault that stays."""

    async def deed(rig: Rig) -> None:
        await rig.fault(target, name, value=value)

    return deed


# -- stories -------------------------------------------------------------------------------------------------------------------


def month(first: str, second: str) -> Story:
    """2026-09-10 to 2026-10-10: mid-autumn (25 September), National Day (1 to 7 October), a change of month, at the equinox, when
    dusk and dawn move fastest through the learned hours. ``first`` and ``second``: the cabinets to which things happen, of
    two edge nodes.
    """
    seeded = faults("2026-10-10", first, second)
    return Story(
        start="2026-09-10T12:00",
        end="2026-10-10T12:00",
        events=(
            Event("2026-09-11T20:30", lease(first, 3, 30, 50)),
            Event("2026-09-12T02:10", gateway_restarts(first)),
            Event("2026-09-13T17:20", storm(5, 120)),
            Event("2026-09-15T22:50", storm(20, 180)),
            Event("2026-09-16T21:40", no_supply(first, 38 * 60)),
            Event("2026-09-18T17:40", edge_away(first, 3600)),
            Event("2026-09-19T10:00", control_restarts),
            Event("2026-09-20T21:00", broker_restarts(180)),
            Event("2026-09-21T23:30", no_supply(second, 4, told=False)),
            Event("2026-09-22T22:20", control_restarts),
            Event("2026-09-24T17:55", gateway_restarts(second)),
            Event("2026-09-28T00:28", gateway_restarts(first)),
            Event("2026-09-29T14:00", storm(2, 60)),
            Event("2026-10-03T21:00", storm(10, 120)),
            Event("2026-10-05T23:15", edge_away(second, 3600)),
            Event("2026-10-09T03:00", no_supply(second, 600)),
        ),
        seeds=tuple(seeded.values()),
        seeded=tuple(seeded),
        over="2026-10-11T12:00",
    )


def few_nights() -> Story:
    """The short form: a night of two cabinets, and the night of the faults. Lost lamps are left to the month, for their detector
    learns for three nights.
    """
    seeded = faults("2026-09-16", "cabinet-03", "cabinet-04")
    return Story(
        start="2026-09-15T17:30",
        end="2026-09-16T16:00",
        events=(
            Event("2026-09-15T18:00", edge_away("cabinet-03", 3600)),
            Event("2026-09-15T20:00", lease("cabinet-03", 2, 40, 30)),
            Event("2026-09-15T22:50", storm(20, 120)),
            Event("2026-09-16T00:20", broker_restarts(180)),
            Event("2026-09-16T01:40", no_supply("cabinet-03", 38 * 60)),
            Event("2026-09-16T04:58", gateway_restarts("cabinet-03")),
            Event("2026-09-16T12:00", control_restarts),
        ),
        seeds=tuple(seeded.values()),
        seeded=tuple(one for one in seeded if not one.startswith("lamps-lost")),
        over="2026-09-17T06:20",
    )


def evening() -> Story:
    """One evening of one cabinet, for the field's own pace: dusk, a lease, rain, losses of supply, a gateway's restart."""
    return Story(
        start="2026-09-15T17:45",
        end="2026-09-15T23:00",
        events=(
            Event("2026-09-15T19:20", lease("cabinet-03", 3, 40, 10)),
            Event("2026-09-15T19:50", storm(20, 60)),
            Event("2026-09-15T20:30", no_supply("cabinet-03", 300)),
            Event("2026-09-15T21:10", no_supply("cabinet-03", 4, told=False)),
            Event("2026-09-15T21:10:40", no_supply("cabinet-03", 4, told=False)),
            Event("2026-09-15T22:25", gateway_restarts("cabinet-03")),
        ),
        seeds=(),
        seeded=(),
        over="2026-09-15T23:00",
    )


def faults(day: str, first: str, second: str) -> Mapping[str, Event]:
    """Those of the night that begins on this day, by the alarm that must tell of each: dead lamps on a loop and one behind a node
    (where ``first`` has nodes), a cable cut live, a step of leakage, and a welded contactor.
    """
    night = (datetime.fromisoformat(day) + timedelta(days=1)).date().isoformat()
    behind_node = {"lamp-failed@concentrator-1/lamp006": Event(f"{day}T20:20", fault("lamp-0230", "out"))}
    return {
        f"lamps-lost@{second}/loop2": Event(f"{day}T20:10", fault(f"{second}/loop2", "lamp-out", 2)),
        **(behind_node if first == WITH_NODES else {}),
        f"cable-cut@{second}/loop4": Event(f"{day}T21:05", fault(f"{second}/loop4", "cable-cut", 0.5)),
        f"leakage-step@{second}/loop6": Event(f"{day}T21:40", fault(f"{second}/loop6", "leakage", 60)),
        f"contactor-welded@{first}/loop1": Event(f"{night}T05:20", fault(f"{first}/loop1", "welded")),
    }


async def tell(rig: Rig, events: tuple[Event, ...]) -> None:
    """Do what happens, each at its time."""
    for event in events:
        await rig.clock.sleep((rig.ms(event.at) - rig.clock.now()) / 1000)
        await event.deed(rig)
