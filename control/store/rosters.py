"""Versions of the roster: one document each, the newest counts, none is ever changed."""

from __future__ import annotations

from sqlalchemy import Connection, insert, select

from control.store.audit import record
from control.store.tables import roster


def save_roster(connection: Connection, *, at: int, who: str, reason: str, body: str) -> int:
    """Keep a new version, with its audit row; its number."""
    done = connection.execute(insert(roster).values(at=at, who=who, reason=reason, body=body))
    assert done.inserted_primary_key is not None, "the table has a key"
    version = int(done.inserted_primary_key[0])
    record(connection, at=at, who=who, action="roster.import", target=f"version {version}", reason=reason)
    return version


def newest_roster(connection: Connection) -> tuple[int, str] | None:
    """(version, body), or None while there is none."""
    row = connection.execute(select(roster.c.version, roster.c.body).order_by(roster.c.version.desc()).limit(1)).first()
    return None if row is None else (row.version, row.body)


def roster_versions(connection: Connection) -> list[tuple[int, int, str, str]]:
    """Every version, newest first: (version, time, who, reason)."""
    rows = connection.execute(
        select(roster.c.version, roster.c.at, roster.c.who, roster.c.reason).order_by(roster.c.version.desc())
    )
    return [(row.version, row.at, row.who, row.reason) for row in rows]


def roster_body(connection: Connection, version: int) -> str | None:
    """One version's document; None where there is none of that number."""
    return connection.scalar(select(roster.c.body).where(roster.c.version == version))
