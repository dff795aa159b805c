"""Limits and delays changed away from the rule files: who, when, why, from what to what. The files stay as they are."""

from __future__ import annotations

from sqlalchemy import Connection, func, insert, select

from control.store.audit import record
from control.store.tables import change

FIELDS = ("limit", "deadband", "on_s", "off_s")


def change_limit(
    connection: Connection, *, at: int, who: str, key: str, field: str, old: float | None, new: float | None, reason: str
) -> None:
    """Keep a change of one field of one alarm, with its audit row. ``new`` None = back to the rule file."""
    connection.execute(insert(change).values(at=at, who=who, key=key, field=field, old=old, new=new, reason=reason))
    record(connection, at=at, who=who, action=f"alarm.{field}", target=key, before=_shown(old), after=_shown(new), reason=reason)


def current_changes(connection: Connection) -> dict[tuple[str, str], float]:
    """The changes in force, by (alarm key, field)."""
    newest = select(func.max(change.c.id)).group_by(change.c.key, change.c.field)
    rows = connection.execute(select(change.c.key, change.c.field, change.c.new).where(change.c.id.in_(newest)))
    return {(key, field): new for key, field, new in rows if new is not None}


def change_history(connection: Connection, key: str) -> list[tuple[int, str, str, float | None, float | None, str]]:
    """Every change of one alarm, oldest first: (time, who, field, old, new, reason)."""
    columns = (change.c.at, change.c.who, change.c.field, change.c.old, change.c.new, change.c.reason)
    rows = connection.execute(select(*columns).where(change.c.key == key).order_by(change.c.id))
    return [(row.at, row.who, row.field, row.old, row.new, row.reason) for row in rows]


def _shown(value: float | None) -> str:
    return "" if value is None else f"{value:.15g}"
