"""What the database tells of lighting in the past: plans that edge nodes went by, overrides, faults. For figures, read only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping

import msgspec
from sqlalchemy import Connection, func, or_, select

from control.lighting.figures.faults import Fault, Faults
from control.lighting.rollout import Phase
from control.lighting.rollout import read as read_rollout
from control.store.journal import alive_at
from control.store.tables import lighting_answer, lighting_edge, lighting_order, lighting_rollout, occurrence, transition
from lampwell.lighting.model import OFF, Layer, Override, Text
from lampwell.lighting.wire import BadOrder, Lease, Lock, Order, Outcome, Release, Said, State, TakePlan, read_order

DONE = frozenset({State.EXECUTED, State.VERIFIED})
LONGEST_LEASE_MS = 8 * 86_400_000
"""A lease that stands in a period was given at most so long before it (``wire.MOST_LEASE_S`` and a day for its start)."""


def plans_in_force(connection: Connection, start: int, end: int) -> Mapping[str, list[tuple[int, str]]]:
    """By edge node (since, document), oldest first: the plan that stood at ``start`` and those that came before ``end``, by its
    own word that it goes by them. A node that never answered is not there.
    """
    query = select(lighting_order.c.id, lighting_order.c.edge).where(lighting_order.c.kind == "plan")
    edges = {row.id: row.edge for row in connection.execute(query)}
    taken: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for name, at in {**_confirmed(connection), **_done(connection, edges)}.items():
        if at < end and name in edges:
            taken[edges[name]].append((at, name))
    return {edge: list(_documents(connection, _since(sorted(each), start))) for edge, each in taken.items()}


def _confirmed(connection: Connection) -> dict[str, int]:
    """Orders for a plan that was in force though not read back in time (a target unlike, an answer lost), and by when: the
    good end of its roll-out (who was owed it left out), else when the edge node last said that it goes by it.
    """
    said = {row.edge: (row.confirmed, row.confirmed_at) for row in connection.execute(select(lighting_edge))}
    found: dict[str, int] = {}
    for body in connection.scalars(select(lighting_rollout.c.body)):
        one = read_rollout(body)
        owed = {each.edge for each in one.owed}
        for goal in (goal for stage in one.stages for goal in stage.goals):
            plan, at = said.get(goal.edge, ("", None))
            if one.phase is Phase.DONE and one.ended_at is not None and goal.edge not in owed:
                found[goal.order] = one.served.get(goal.edge, one.ended_at)
            elif plan == goal.plan and at is not None:
                found[goal.order] = at
    return found


def _since(taken: list[tuple[int, str]], start: int) -> list[tuple[int, str]]:
    before = [one for one in taken if one[0] <= start]
    return [*before[-1:], *(one for one in taken if one[0] > start)]


def _documents(connection: Connection, taken: list[tuple[int, str]]) -> Iterator[tuple[int, str]]:
    for at, name in taken:
        order = _order(connection.scalar(select(lighting_order.c.body).where(lighting_order.c.id == name)))
        if order is not None and isinstance(order.do, TakePlan):
            yield at, order.do.document


def overrides_of(connection: Connection, start: int, end: int) -> list[Override]:
    """Leases and locks of people that had a part in [start, end), as far as edge nodes said that they carried them out; and
    leases that were over by then, because what they took the place of does not come back.
    """
    query = select(lighting_order.c.id, lighting_order.c.body).where(
        lighting_order.c.kind.in_(("lease", "lock", "release")),
        lighting_order.c.issued < end,
        or_(lighting_order.c.kind != "lease", lighting_order.c.issued >= start - LONGEST_LEASE_MS),
    )
    orders = {row.id: order for row in connection.execute(query) if (order := _order(row.body)) is not None}
    done = _done(connection, orders)
    released: dict[str, int] = {}
    for name, order in orders.items():
        if name in done and isinstance(order.do, Release):
            released[order.do.order] = min(done[name], released.get(order.do.order, done[name]))
    found = [_override(orders[name], at, released.get(name)) for name, at in sorted(done.items())]
    return [one for one in found if one is not None and (one.end is None or one.end > start or one.layer is Layer.LEASE)]


def _override(order: Order, at: int, released: int | None) -> Override | None:
    do = order.do
    if isinstance(do, Lease):
        begin = max(at, do.start)
        run_out = begin + do.lasts_s * 1000
        end: int | None = run_out if released is None else min(run_out, released)
    elif isinstance(do, Lock):
        begin, end = at, released
    else:
        return None
    if end is not None and end <= begin:
        return None
    return Override(
        id=order.id,
        layer=Layer.LEASE if isinstance(do, Lease) else Layer.CREW_LOCK,
        targets=do.targets,
        level=do.level if isinstance(do, Lease) else OFF,
        issued=order.issued,
        start=begin,
        end=end,
        who=order.who,
        reason=_text(do.reason),
    )


def _text(said: Said) -> Text:
    return Text(zh=said.zh, en=said.en)


def _order(body: str | None) -> Order | None:
    """An order that can not be read (of another program's version) tells nothing."""
    try:
        return None if body is None else read_order(body)
    except BadOrder:
        return None


def _done(connection: Connection, names: Collection[str]) -> dict[str, int]:
    """When each order was first said to be carried out, by the edge node's clock."""
    columns = (lighting_answer.c.order, lighting_answer.c.body)
    query = select(*columns).where(lighting_answer.c.state.in_([each.value for each in DONE]))
    found: dict[str, int] = {}
    for name, body in connection.execute(query.order_by(lighting_answer.c.id)):
        if name in names:
            found.setdefault(name, msgspec.json.decode(body, type=Outcome).at)
    return found


def faults_of(connection: Connection, devices: Collection[str], start: int, end: int) -> Faults:
    """Every life of an alarm on these devices that had a part in [start, end), and from when to when the journal speaks."""
    one = occurrence.c
    over = func.coalesce(one.cleared_at, one.closed_at)
    query = select(one.rule, one.device, one.component, one.raised_at, over.label("until")).where(
        one.raised_at < end, or_(over.is_(None), over >= start)
    )
    found = [
        Fault(rule=row.rule, device=row.device, component=row.component, since=row.raised_at, until=row.until)
        for row in connection.execute(query)
        if row.device in devices
    ]
    return Faults(found, spoken(connection))


def spoken(connection: Connection) -> tuple[int, int] | None:
    """From when to when the journal speaks: its first row, and when control last said that it was alive; None = it is empty."""
    first, last = connection.execute(select(func.min(transition.c.at), func.max(transition.c.at))).one()
    if first is None:
        return None
    return int(first), max(int(last), alive_at(connection) or 0)
