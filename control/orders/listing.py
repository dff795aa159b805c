"""Work orders as people look at them: lists, one with its history, photos."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, Select, select

from control.orders.model import ENDED
from control.orders.orders import NoOrder
from control.orders.sla import Times, in_time, times
from control.orders.views import Entry, OrderRow
from control.store.tables import work_order, work_order_event

_CHUNK = 500
"""Numbers in one question: SQLite takes only so many parameters."""

_ENDED = tuple(map(str, ENDED))


def listing(
    connection: Connection,
    now: int,
    *,
    area: str = "",
    crew: str = "",
    state: str = "",
    overdue: bool = False,
    running: bool = False,
    most: int = 500,
) -> list[OrderRow]:
    """Orders, the soonest due first. What is left empty is not asked for; ``running``: only those that have not ended."""
    query = select(work_order).order_by(work_order.c.due, work_order.c.number)
    for column, wanted in ((work_order.c.area, area), (work_order.c.crew, crew), (work_order.c.state, state)):
        query = query.where(column == wanted) if wanted else query
    if not overdue:
        query = query.limit(most)
    if running or overdue:
        query = query.where(work_order.c.state.not_in(_ENDED))
    if overdue:
        query = query.where(work_order.c.due < now)
    return [one for one in rows(connection, query, now) if one.overdue or not overdue][:most]


def one(connection: Connection, number: int, now: int) -> tuple[OrderRow, tuple[Entry, ...]]:
    """An order with its history, oldest first. NoOrder."""
    found = rows(connection, select(work_order).where(work_order.c.number == number), now)
    if not found:
        raise NoOrder(f"没有该工单 there is no order {number}")
    return found[0], history(connection, number)


def history(connection: Connection, number: int) -> tuple[Entry, ...]:
    """What happened to an order, oldest first."""
    columns = [work_order_event.c[name] for name in Entry.__dataclass_fields__]
    told = connection.execute(select(*columns).where(work_order_event.c.order == number).order_by(work_order_event.c.id))
    return tuple(Entry(**row) for row in told.mappings())


def photo(connection: Connection, entry: int) -> tuple[str, bytes] | None:
    """Media type and bytes of the photo of one line of history; None = it has none."""
    columns = (work_order_event.c.photo_type, work_order_event.c.photo)
    row = connection.execute(select(*columns).where(work_order_event.c.id == entry)).one_or_none()
    return (row.photo_type, bytes(row.photo)) if row is not None and row.photo is not None else None


def rows(connection: Connection, query: Select[Any], now: int) -> list[OrderRow]:
    """The orders of a query on their table, with their times as of ``now``."""
    found = [dict(row) for row in connection.execute(query).mappings()]
    told = _told(connection, [row["number"] for row in found])
    return [_row(row, times(told.get(row["number"], ())), now) for row in found]


def _row(row: dict[str, Any], when: Times, now: int) -> OrderRow:
    return OrderRow(**row, times=when, in_time=in_time(row["sla"], row["due"], when, now))


def _told(connection: Connection, numbers: Sequence[int]) -> dict[int, list[tuple[str, int]]]:
    """(kind, at) of each order, oldest first."""
    found: dict[int, list[tuple[str, int]]] = {}
    events = work_order_event
    for chunk in _chunks(numbers):
        query = select(events.c.order, events.c.kind, events.c.at).where(events.c.order.in_(chunk)).order_by(events.c.id)
        for number, kind, at in connection.execute(query):
            found.setdefault(number, []).append((kind, at))
    return found


def _chunks(numbers: Sequence[int]) -> Iterator[Sequence[int]]:
    return (numbers[start : start + _CHUNK] for start in range(0, len(numbers), _CHUNK))
