"""Lighting in the database: versions of the plan, roll-outs, what edge nodes said, orders and their answers."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection, Select, func, insert, select, update

from control.lighting.following import ENDS, Followed, OrderState
from control.lighting.heard import EdgeSaid
from control.lighting.rollout import Phase, Rollout, number_of
from control.lighting.rollout import read as read_rollout
from control.lighting.rollout import write as write_rollout
from control.store.audit import record
from control.store.tables import lighting_answer, lighting_edge, lighting_order, lighting_plan, lighting_rollout
from lampwell.lighting.wire import Outcome, Said, Stands, read_order, write


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of the plan, without its body."""

    version: int
    at: int
    who: str
    reason: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PastRollout:
    """One roll-out with who asked for it and why."""

    rollout: Rollout
    at: int
    who: str
    reason: str


# -- versions of the plan ------------------------------------------------------------------------------------------------------


def next_version(connection: Connection) -> int:
    """The number of the version that comes next."""
    return int(connection.scalar(select(func.max(lighting_plan.c.version))) or 0) + 1


def save_plan(connection: Connection, version: Version, body: str) -> None:
    """Keep a version, with its audit row."""
    values = {name: getattr(version, name) for name in ("version", "at", "who", "reason", "hash")}
    connection.execute(insert(lighting_plan).values(**values, body=body))
    record(
        connection,
        at=version.at,
        who=version.who,
        action="lighting.plan",
        target=f"version {version.version}",
        after=version.hash,
        reason=version.reason,
    )


def plan_versions(connection: Connection) -> list[Version]:
    """Every version, newest first."""
    columns = [lighting_plan.c[name] for name in ("version", "at", "who", "reason", "hash")]
    rows = connection.execute(select(*columns).order_by(lighting_plan.c.version.desc()))
    return [Version(version=row.version, at=row.at, who=row.who, reason=row.reason, hash=row.hash) for row in rows]


def plan_body(connection: Connection, version: int) -> str | None:
    """One version's document; None where there is none of that number."""
    return connection.scalar(select(lighting_plan.c.body).where(lighting_plan.c.version == version))


# -- roll-outs -----------------------------------------------------------------------------------------------------------------


def begin_rollout(connection: Connection, rollout: Rollout, *, at: int, who: str, reason: str) -> None:
    """Keep a new one, with its audit row."""
    connection.execute(
        insert(lighting_rollout).values(
            id=rollout.id,
            version=rollout.version,
            at=at,
            who=who,
            reason=reason,
            revision=max(number_of(goal.plan) for stage in rollout.stages for goal in stage.goals),
            state=rollout.phase.value,
            body=write_rollout(rollout),
        )
    )
    record(connection, at=at, who=who, action="lighting.activate", target=f"version {rollout.version}", reason=reason)


def keep_rollout(connection: Connection, rollout: Rollout, *, at: int, who: str = "control") -> None:
    """Where it is now; its end and each stage have an audit row."""
    values = {"state": rollout.phase.value, "body": write_rollout(rollout)}
    before = connection.scalar(select(lighting_rollout.c.body).where(lighting_rollout.c.id == rollout.id).with_for_update())
    connection.execute(update(lighting_rollout).where(lighting_rollout.c.id == rollout.id).values(**values))
    old, new = _place(read_rollout(before)) if before else "", _place(rollout)
    if old != new:
        target = f"version {rollout.version}"
        record(
            connection,
            at=at,
            who=who,
            action="lighting.rollout",
            target=target,
            before=old,
            after=new,
            reason=f"{rollout.reason.zh} {rollout.reason.en}".strip(),
        )


def past_rollouts(connection: Connection, most: int = 20) -> list[PastRollout]:
    """The newest first."""
    rows = connection.execute(
        select(lighting_rollout).order_by(lighting_rollout.c.at.desc(), lighting_rollout.c.id.desc()).limit(most)
    )
    return [PastRollout(rollout=read_rollout(row.body), at=row.at, who=row.who, reason=row.reason) for row in rows]


def last_revision(connection: Connection) -> int:
    """The highest number that a document of a roll-out bears; 0 before the first."""
    return int(connection.scalar(select(func.max(lighting_rollout.c.revision))) or 0)


def versions_done(connection: Connection) -> list[int]:
    """The versions whose roll-out came to its good end, the newest roll-out first."""
    rows = connection.execute(
        select(lighting_rollout.c.version)
        .where(lighting_rollout.c.state == Phase.DONE.value)
        .order_by(lighting_rollout.c.at.desc(), lighting_rollout.c.id.desc())
    )
    return list(dict.fromkeys(row.version for row in rows))


def _place(rollout: Rollout) -> str:
    return f"{rollout.phase} {rollout.at + 1}/{len(rollout.stages)}"


# -- what edge nodes said ------------------------------------------------------------------------------------------------------


def keep_edge(connection: Connection, edge: str, said: EdgeSaid) -> None:
    """What an edge node last said; what it was asked for stays."""
    _put_edge(
        connection,
        edge,
        {
            "confirmed": said.plan,
            "confirmed_at": said.plan_at,
            "unlike": said.unlike,
            "unlike_at": said.unlike_at,
            "overrides": write(said.overrides) if said.overrides else "",
            "overrides_at": said.overrides_at,
        },
    )


def keep_asked(connection: Connection, edge: str, plan: str) -> None:
    """What it was asked to go by."""
    _put_edge(connection, edge, {"asked": plan})


def load_edges(connection: Connection) -> dict[str, tuple[str, EdgeSaid]]:
    """(plan asked for, what it last said) by edge node; whether it is there is not known."""
    found = {}
    for row in connection.execute(select(lighting_edge)):
        stands = msgspec.json.decode(row.overrides, type=tuple[Stands, ...]) if row.overrides else ()
        found[row.edge] = (
            row.asked,
            EdgeSaid(
                plan=row.confirmed,
                plan_at=row.confirmed_at,
                unlike=row.unlike,
                unlike_at=row.unlike_at,
                overrides=stands,
                overrides_at=row.overrides_at,
            ),
        )
    return found


def _put_edge(connection: Connection, edge: str, values: dict[str, object]) -> None:
    if not connection.execute(update(lighting_edge).where(lighting_edge.c.edge == edge).values(**values)).rowcount:
        connection.execute(insert(lighting_edge).values(edge=edge, **values))


# -- orders --------------------------------------------------------------------------------------------------------------------


def put_order(connection: Connection, one: Followed, what: str, reason: str) -> None:
    """Keep a new order, with its audit row; ``what``: in words, for the audit."""
    order = one.order
    connection.execute(
        insert(lighting_order).values(
            id=order.id,
            request=one.request,
            edge=one.edge,
            who=order.who,
            kind=order.do.__struct_config__.tag,
            issued=order.issued,
            expires=order.expires,
            body=write(order),
            **_progress(one),
        )
    )
    record(
        connection,
        at=order.issued,
        who=order.who,
        action=f"lighting.{order.do.__struct_config__.tag}",
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
    """Those whose id, or the id of whose request, begins so."""
    table = lighting_order.c
    return _orders(connection, select(lighting_order).where(table.id.startswith(name, autoescape=True)).order_by(table.id))


def answers(connection: Connection, order: str) -> list[Outcome]:
    """What was said of an order, in the order in which it was heard."""
    rows = connection.execute(
        select(lighting_answer.c.body).where(lighting_answer.c.order == order).order_by(lighting_answer.c.id)
    )
    return [msgspec.json.decode(row.body, type=Outcome) for row in rows]


def has_order(connection: Connection, name: str) -> bool:
    """Whether there is one of this id."""
    return connection.scalar(select(lighting_order.c.id).where(lighting_order.c.id == name)) is not None


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
