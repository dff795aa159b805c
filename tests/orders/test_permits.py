"""Where crews are at work: what permits an open door."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from sqlalchemy import Connection

from control.orders import orders
from control.orders.model import Accept, Arrive, Assign, Event, Finish
from control.orders.orders import NewOrder, create
from control.permits import Permits
from control.store.database import open_database
from control.store.writer import Writer
from lampwell.clock import VirtualClock
from lampwell.county import load

T0 = 1_780_000_000_000
TAIHE = Path(__file__).parents[2] / "counties/taihe"


async def test_a_crew_that_has_taken_an_order_on_may_open_the_door(tmp_path: Path) -> None:
    """Protects crews from their own alarm: accepted or on site permits, an order that only waits or is done does not; who
    repairs a lamp opens the cabinet that feeds it.
    """
    database = open_database(tmp_path / "state.sqlite")
    writer = Writer(database)
    permits = Permits(load(TAIHE), writer, VirtualClock())
    numbers = [await writer.write(partial(_open, device=name)) for name in ("cabinet-01", "concentrator-1")]

    async def here(*events: Event) -> list[str]:
        for event in events:
            for number in numbers:
                await writer.write(partial(_do, number=number, event=event))
        await permits.learn()
        return [name for name in ("cabinet-01", "cabinet-02", "cabinet-03") if permits.here(name)]

    assert await here() == []
    assert await here(Assign(who="d", crew="c1", person="p")) == []
    assert await here(Accept(who="p")) == ["cabinet-01", "cabinet-03"]
    assert await here(Arrive(who="p")) == ["cabinet-01", "cabinet-03"]
    assert await here(Finish(who="p", note="修好")) == []
    await writer.close()
    database.close()


def _open(connection: Connection, device: str) -> int:
    new = NewOrder(area="oldtown", device=device, title_zh="修", priority=3, sla="ordinary", due=T0)
    return create(connection, new, T0, "d").number


def _do(connection: Connection, number: int, event: Event) -> None:
    orders.apply(connection, number, event, T0)
