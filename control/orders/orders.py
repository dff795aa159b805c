"""Work orders in the database. Functions on the caller's transaction; the caller writes the audit row.

One writer is assumed, as everywhere in control: whether a key has an open order is looked up first, then written.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, insert, or_, select, update

from control.alarms.occurrences import Occurrence
from control.orders.machine import step
from control.orders.model import ENDED, Event, Finish, Join, Kind, Look, Note, Order, Refused, State, Step
from control.orders.photo import photo_kind
from control.orders.sla import confirmation, due, read_sla
from control.store.tables import work_order, work_order_event
from lampwell.errors import LampwellError

READINGS = "readings"
"""Who stands behind what the readings did."""

_ENDED = tuple(map(str, ENDED))


class NoOrder(LampwellError):
    """There is no order of this number."""


class BadOrder(LampwellError):
    """An order that can not be opened; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrder:
    """An order to be opened. ``occurrence`` None and ``key`` "": by hand, about no alarm. ``sla``: a word of
    ``control.orders.sla``; ``due``: epoch ms.
    """

    occurrence: int | None = None
    key: str = ""
    area: str
    road: str = ""
    device: str = ""
    component: str = ""
    title_zh: str
    title_en: str = ""
    priority: int
    sla: str
    due: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """The order that stands for what was asked: ``new``, or one that was there before; ``step``: what joining did to it."""

    number: int
    new: bool
    step: Step | None = None


def for_occurrence(one: Occurrence, sla: str, is_workday: Callable[[date], bool], zone: ZoneInfo, now: int) -> NewOrder:
    """The order that an occurrence asks for. UnknownSla, NoWorkdays."""
    return NewOrder(
        occurrence=one.number,
        key=one.key,
        area=one.area,
        road=one.road,
        device=one.device or one.edge,
        component=one.component,
        title_zh=f"{one.place.zh} {one.text.zh}".strip(),
        title_en=f"{one.place.en}: {one.text.en}" if one.place.en else one.text.en,
        priority=one.priority,
        sla=sla,
        due=due(sla, now, is_workday, zone),
    )


def create(connection: Connection, new: NewOrder, now: int, who: str, note: str = "") -> Created:
    """Open an order, or find the one that stands for it: that of the same occurrence, ended or not, or the open one of the same
    key, which a new occurrence joins. BadOrder, UnknownSla.
    """
    _check(new)
    if new.occurrence is not None and (there := of_occurrence(connection, new.occurrence)) is not None:
        return Created(number=there, new=False)
    running = open_of(connection, new.key)
    if running is not None:
        return Created(number=running, new=False, step=_join(connection, running, new, now))
    row = {name: getattr(new, name) for name in NewOrder.__dataclass_fields__}
    done = connection.execute(insert(work_order).values(**row, state=str(State.OPEN), created=now))
    assert done.inserted_primary_key is not None, "a row was inserted"
    number = int(done.inserted_primary_key[0])
    _tell(connection, number, now, who, Kind.CREATED, note)
    return Created(number=number, new=True)


def apply(connection: Connection, number: int, event: Event, now: int) -> Step | Refused:
    """Let an event happen to an order and keep what it did. NoOrder."""
    before = find(connection, number)
    done = step(before, event, now)
    if isinstance(done, Refused) or (done.order == before and not done.rows):
        return done
    _keep(connection, number, done.order)
    photo = event.photo if isinstance(event, Finish | Note) else None
    for kind, said in done.rows:
        _tell(connection, number, done.order.at, getattr(event, "who", READINGS), kind, said, photo)
    return done


def settle(
    connection: Connection, key: str, *, active: bool, known: bool, since: int, now: int, lit_since: int | None = None
) -> Step | None:
    """Let the readings confirm or contradict the repair that the open order of ``key`` claims; None = it has no open order. To be
    called at each change of the alarm and by a timer. ``since`` and the rest as in ``Look``; ``control.orders.sight`` makes them.
    """
    number = open_of(connection, key)
    if number is None:
        return None
    done = apply(connection, number, Look(active=active, known=known, since=since, lit_since=lit_since), now)
    assert isinstance(done, Step), "an open order with a key can be looked at"
    return done


def find(connection: Connection, number: int) -> Order:
    """An order as the machine sees it. NoOrder."""
    row = connection.execute(select(work_order).where(work_order.c.number == number)).one_or_none()
    if row is None:
        raise NoOrder(f"没有该工单 there is no order {number}")
    events = work_order_event
    told = connection.execute(select(events.c.kind, events.c.at).where(events.c.order == number).order_by(events.c.id)).all()
    state = State(row.state)
    wait_ms, at_night = confirmation(row.sla, row.component)
    return Order(
        state=state,
        key=row.key,
        at=max((each.at for each in told), default=row.created),
        done_at=max((each.at for each in told if each.kind == Kind.DONE), default=None) if state is State.DONE else None,
        crew=row.crew,
        person=row.person,
        wait_ms=wait_ms,
        at_night=at_night,
    )


def open_of(connection: Connection, key: str) -> int | None:
    """The order of an alarm that has not ended."""
    if not key:
        return None
    query = select(work_order.c.number).where(work_order.c.key == key, work_order.c.state.not_in(_ENDED))
    return connection.scalar(query.order_by(work_order.c.number).limit(1))


def waiting(connection: Connection) -> list[tuple[int, str]]:
    """(number, key) of the orders that wait for the readings: those to settle by timer."""
    query = select(work_order.c.number, work_order.c.key).where(work_order.c.state == str(State.DONE), work_order.c.key != "")
    return [(row.number, row.key) for row in connection.execute(query.order_by(work_order.c.number))]


def running(connection: Connection) -> list[tuple[str, str]]:
    """(crew, person) of every order that has not ended and was given to someone."""
    query = select(work_order.c.crew, work_order.c.person).where(work_order.c.state.not_in(_ENDED), work_order.c.crew != "")
    return [(row.crew, row.person) for row in connection.execute(query)]


def at_work(connection: Connection) -> list[str]:
    """The devices at which a crew is by its order: accepted, or on site."""
    query = select(work_order.c.device).where(work_order.c.state.in_((str(State.ACCEPTED), str(State.ON_SITE))))
    return [row.device for row in connection.execute(query.distinct()) if row.device]


def of_occurrence(connection: Connection, occurrence: int) -> int | None:
    """The order that an occurrence opened or joined."""
    joined = select(work_order_event.c.order).where(
        work_order_event.c.kind == str(Kind.JOINED), work_order_event.c.note == str(occurrence)
    )
    query = select(work_order.c.number).where(or_(work_order.c.occurrence == occurrence, work_order.c.number.in_(joined)))
    return connection.scalar(query.order_by(work_order.c.number).limit(1))


# -- the pieces ----------------------------------------------------------------------------------------------------------------


def _check(new: NewOrder) -> None:
    read_sla(new.sla)
    if not new.title_zh.strip():
        raise BadOrder("请写明工单内容 say what the order is about")
    if not 1 <= new.priority <= 4:
        raise BadOrder(f"优先级须为1至4 the priority must be 1 to 4, not {new.priority}")


def _join(connection: Connection, number: int, new: NewOrder, now: int) -> Step | None:
    if new.occurrence is None:
        return None
    done = apply(connection, number, Join(occurrence=new.occurrence), now)
    assert isinstance(done, Step), "an open order with a key can be joined"
    return done


def _keep(connection: Connection, number: int, order: Order) -> None:
    values: dict[str, Any] = {"state": str(order.state), "crew": order.crew, "person": order.person}
    ended = connection.scalar(select(work_order.c.closed).where(work_order.c.number == number))
    if order.ended and ended is None:
        values["closed"] = order.at
    connection.execute(update(work_order).where(work_order.c.number == number).values(**values))


def _tell(connection: Connection, number: int, at: int, who: str, kind: Kind, note: str, photo: bytes | None = None) -> None:
    """One row of the history."""
    photo_type = str(photo_kind(photo)) if photo is not None else ""
    row = {"order": number, "at": at, "who": who, "kind": str(kind), "note": note, "photo": photo, "photo_type": photo_type}
    connection.execute(insert(work_order_event).values(**row))
