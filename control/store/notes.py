"""Small facts by key, in ``meta``: when a service last showed itself, what the calendar has done. In the caller's transaction."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select, update

from control.store.tables import meta


def note(connection: Connection, key: str, value: str | int) -> None:
    """Keep it, in place of what was kept under this key."""
    if not connection.execute(update(meta).where(meta.c.key == key).values(value=str(value))).rowcount:
        connection.execute(insert(meta).values(key=key, value=str(value)))


def noted(connection: Connection, key: str) -> str | None:
    """What is kept under a key; None = nothing."""
    return connection.scalar(select(meta.c.value).where(meta.c.key == key))


def noted_ms(connection: Connection, key: str) -> int | None:
    """The same as a time in epoch ms."""
    value = noted(connection, key)
    return None if value is None else int(value)
