"""The audit trail: append-only rows, each chained to the one before, so that a changed or missing row shows (domain 4.3)."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec
from sqlalchemy import Connection, insert, select, text

from control.store.tables import audit

_FIELDS = ("at", "who", "action", "target", "before", "after", "reason")
_START = "0" * 64
_LOCK = 0x6C616D71  # any number but the migrations': two writers after the same row would fork the chain


def record(
    connection: Connection, *, at: int, who: str, action: str, target: str, before: str = "", after: str = "", reason: str = ""
) -> None:
    """Add one row, in the caller's transaction."""
    row = {"at": at, "who": who, "action": action, "target": target, "before": before, "after": after, "reason": reason}
    if connection.dialect.name == "postgresql":  # SQLite has one writer anyway
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    last = connection.scalar(select(audit.c.chain).order_by(audit.c.id.desc()).limit(1))
    connection.execute(insert(audit).values(**row, chain=_link(last or _START, row)))


def verify(connection: Connection) -> int | None:
    """The id of the first row that is not as it was written or does not follow the one before; None = all are in order.

    Rows cut off at the end do not show in the chain itself; a copy of the newest ``chain`` kept elsewhere shows them.
    """
    chain = _START
    for row in connection.execute(select(audit).order_by(audit.c.id)).mappings():
        chain = _link(chain, {name: row[name] for name in _FIELDS})
        if chain != row["chain"]:
            return int(row["id"])
    return None


def _link(before: str, row: dict[str, Any]) -> str:
    return hashlib.sha256(before.encode() + msgspec.json.encode([row[name] for name in _FIELDS])).hexdigest()
