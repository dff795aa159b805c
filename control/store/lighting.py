"""Lighting in the database: versions of the plan, roll-outs, what edge nodes said. Orders are in ``lighting_orders``."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec
from sqlalchemy import Connection, func, insert, select, update

from control.lighting.heard import EdgeSaid
from control.lighting.rollout import Phase, Rollout, number_of
from control.lighting.rollout import read as read_rollout
from control.lighting.rollout import write as write_rollout
from control.lighting.views import Version
from control.store.audit import record
from control.store.tables import lighting_edge, lighting_plan, lighting_rollout
from lampwell.lighting.wire import Stands, write


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
    """Where it is now; its end, each stage and who is owed have an audit row."""
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
    owed = f", owed {', '.join(one.edge for one in rollout.owed)}" if rollout.owed else ""
    return f"{rollout.phase} {rollout.at + 1}/{len(rollout.stages)}{owed}"


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
