"""Orders to edge nodes in the database, with what became of them and what was said of them."""

from __future__ import annotations

import msgspec
from sqlalchemy import Connection, Select, insert, select, update

from control.lighting.following import ENDS, Followed, OrderState
from control.store.audit import record
from control.store.tables import lighting_answer, lighting_order
from lampwell.lighting.wire import Order, Outcome, Said, read_order, write


def put_order(connection: Connection, one: Followed, what: str, reason: str) -> None:
    """Keep a new order, or one given again (the same id with a new time), with an audit row; ``what``: in words for it."""
    order, table = one.order, lighting_order
    values = {"issued": order.issued, "expires": order.expires, "body": write(order), **_progress(one)}
    if not connection.execute(update(table).where(table.c.id == order.id).values(**values)).rowcount:
        first = {"id": order.id, "request": one.request, "edge": one.edge, "who": order.who, "kind": _kind(order)}
        connection.execute(insert(table).values(**first, **values))
    record(
        connection,
        at=order.issued,
        who=order.who,
        action=f"lighting.{_kind(order)}",
        target=one.edge,
        after=f"{order.id} {what}",
        reason=reason,
    )


def keep_order(connection: Connection, one: Followed, *, at: int) -> None:
    """How far it is; its end has an audit row."""
    connection.execute(update(lighting_order).where(lighting_order.c.id == one.order.id).values(**_progress(one)))
    if one.ended_at is not None:
        record(
            connection,
            at=at,
            who="control" if one.by_control else one.edge,
            action=f"lighting.{one.state}",
            target=one.edge,
            after=one.order.id,
            reason=f"{one.reason.zh} {one.reason.en}".strip(),
        )


def put_answer(connection: Connection, outcome: Outcome, *, heard_at: int) -> None:
    """Keep what a node said of an order; once, however often it is heard. An order that is not ours is left out."""
    table = lighting_answer.c
    known = connection.scalar(select(lighting_order.c.id).where(lighting_order.c.id == outcome.id))
    again = select(table.id).where(table.order == outcome.id, table.at == outcome.at, table.state == outcome.state.value)
    if known is not None and connection.scalar(again) is None:
        connection.execute(
            insert(lighting_answer).values(
                order=outcome.id, at=outcome.at, heard_at=heard_at, state=outcome.state.value, body=write(outcome)
            )
        )


def open_orders(connection: Connection, since: int) -> list[Followed]:
    """Those under way, and those that control called failed since then: an answer may still come."""
    table = lighting_order.c
    ends = [state.value for state in ENDS]
    recent = table.by_control.is_(True) & (table.issued >= since)
    return _orders(connection, select(lighting_order).where(table.state.not_in(ends) | recent).order_by(table.issued, table.id))


def past_orders(connection: Connection, since: int, most: int, *, plans: bool = False) -> list[Followed]:
    """The newest first. ``plans``: those that carry a plan, too (large)."""
    table = lighting_order.c
    query = select(lighting_order).where(table.issued >= since)
    if not plans:
        query = query.where(table.kind != "plan")
    return _orders(connection, query.order_by(table.issued.desc(), table.id.desc()).limit(most))


def find_orders(connection: Connection, name: str) -> list[Followed]:
    """That of this id, else those whose id, or the id of whose request, begins so."""
    table = lighting_order.c
    found = _orders(connection, select(lighting_order).where(table.id.startswith(name, autoescape=True)).order_by(table.id))
    return [one for one in found if one.order.id == name] or found


def answers(connection: Connection, order: str) -> list[Outcome]:
    """What was said of an order, in the order in which it was heard."""
    rows = connection.execute(
        select(lighting_answer.c.body).where(lighting_answer.c.order == order).order_by(lighting_answer.c.id)
    )
    return [msgspec.json.decode(row.body, type=Outcome) for row in rows]


def _kind(order: Order) -> str:
    return str(order.do.__struct_config__.tag)


def _orders(connection: Connection, query: Select[tuple[object, ...]]) -> list[Followed]:
    return [
        Followed(
            order=read_order(row.body),
            edge=row.edge,
            request=row.request,
            state=OrderState(row.state),
            by_control=row.by_control,
            reason=Said(zh=row.reason_zh, en=row.reason_en),
            sent=row.sent,
            sent_at=row.sent_at,
            ended_at=row.ended_at,
        )
        for row in connection.execute(query)
    ]


def _progress(one: Followed) -> dict[str, object]:
    return {
        "state": one.state.value,
        "by_control": one.by_control,
        "reason_zh": one.reason.zh,
        "reason_en": one.reason.en,
        "sent": one.sent,
        "sent_at": one.sent_at,
        "ended_at": one.ended_at,
    }
