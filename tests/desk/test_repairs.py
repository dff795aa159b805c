"""From an alarm to the crew that repairs it, and to the readings that confirm it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from control.alarms.model import Evidence
from control.front_orders import Orders

from .conftest import T0, an_alarm

LATE = an_alarm("pump@p1", 2, order="ordinary")
LAMP = an_alarm("lamp-failed@conc/lamp3", 4, order="ordinary", device="conc", component="lamp3", kind="concentrator")


def desk_of(here: Any) -> Orders:
    return Orders(repairs=here.repairs, staff=here.staff, writer=here.writer, clock=here.clock, areas=frozenset({"x"}))


async def settled(here: Any, seconds: float, step_s: float = 10) -> None:
    for _ in range(round(seconds / step_s)):
        await here.wait(step_s, step_s)
        await here.repairs.settle()


async def test_an_alarm_opens_one_order_and_the_readings_close_it(room: Callable[..., Any]) -> None:
    """Protects the whole way: opened and given to whoever is there, done, confirmed after ten quiet minutes and not before."""
    async with room(LATE) as here:
        orders = desk_of(here)
        await here.say("pump@p1", True)
        (row,) = await orders.list()
        assert (row.state, row.crew, row.person, row.sla) == ("assigned", "night", "fix", "ordinary")
        await orders.act(row.number, "finish", "fix", "换继电器")
        await here.say("pump@p1", False)
        await settled(here, 590)
        assert (await orders.show(row.number)).row.state == "done"
        await settled(here, 30)
        assert (await orders.show(row.number)).row.state == "closed"
        assert await orders.list() == []


async def test_a_repair_that_did_not_help_comes_back(room: Callable[..., Any]) -> None:
    """Protects from paper repairs: still active after ten minutes, or active again, and the order is open again."""
    async with room(LATE) as here:
        orders = desk_of(here)
        await here.say("pump@p1", True)
        await orders.act(1, "finish", "fix", "敲了敲")
        await settled(here, 610)
        assert (await orders.show(1)).row.state == "reopened"
        await orders.act(1, "finish", "fix", "再敲")
        await here.say("pump@p1", False)
        await settled(here, 60)
        await here.say("pump@p1", True)
        detail = await orders.show(1)
        assert detail.row.state == "reopened"
        assert [one.kind for one in detail.history][-2:] == ["joined", "reopened"]


async def test_silence_confirms_nothing(room: Callable[..., Any]) -> None:
    """Protects the register from a sensor that went silent: unknown neither closes nor reopens."""
    async with room(LATE) as here:
        orders = desk_of(here)
        await here.say("pump@p1", True)
        await orders.act(1, "finish", "fix", "修好")
        await here.say("pump@p1", False)
        await here.say("pump@p1", None)
        await settled(here, 1800, 60)
        assert (await orders.show(1)).row.state == "done"


async def test_a_lamp_is_confirmed_by_its_light(room: Callable[..., Any]) -> None:
    """Protects from lamps that count as repaired at noon: only time in which the lamp takes power counts."""
    async with room(LAMP) as here:
        orders, watts = desk_of(here), [0.0]
        here.lamp = lambda device, point: Evidence(point=f"{device}/{point}", time=here.clock.now(), value=watts[0])
        await here.say(LAMP.key, True)
        await orders.act(1, "finish", "fix", "换灯")
        await here.say(LAMP.key, False)
        await settled(here, 3600, 60)
        assert (await orders.show(1)).row.state == "done"
        watts[0] = 148.0
        await settled(here, 1740, 60)
        assert (await orders.show(1)).row.state == "done"
        await settled(here, 120, 60)
        assert (await orders.show(1)).row.state == "closed"


async def test_a_stop_neither_opens_twice_nor_forgets(room: Callable[..., Any]) -> None:
    """Protects the register over restarts: one order for one fault, and what waits is confirmed afterwards."""
    async with room(LATE) as here:
        await here.say("pump@p1", True)
        await desk_of(here).act(1, "finish", "fix", "修好")
        await here.say("pump@p1", False)
        await here.restart(60)
        await here.say("pump@p1", False)
        await settled(here, 620)
        assert [row.state for row in await desk_of(here).list(running=False)] == ["closed"]
        assert here.clock.now() > T0
