"""What can be wrong with the database, cut by what the caller does next: wait and try again, or call a person."""

from __future__ import annotations

import sqlite3

from sqlalchemy.exc import DBAPIError, OperationalError

from lampwell.errors import LampwellError

_SQLITE_AWAY = frozenset(
    {
        sqlite3.SQLITE_BUSY,
        sqlite3.SQLITE_LOCKED,
        sqlite3.SQLITE_NOMEM,
        sqlite3.SQLITE_INTERRUPT,
        sqlite3.SQLITE_IOERR,
        sqlite3.SQLITE_FULL,
        sqlite3.SQLITE_CANTOPEN,
        sqlite3.SQLITE_PROTOCOL,
    }
)
"""Primary result codes, https://sqlite.org/rescode.html."""

_POSTGRES_AWAY = ("08", "40", "53", "57", "58", "55P03", "25006")
"""SQLSTATE (PostgreSQL manual, appendix A): connection, rolled back, resources (a full disk), an operator (shutdown, start), the
system; then a lock not got in time, and a server that only reads (a standby before it takes over).
"""

_REFUSED = ("authentication failed", "no password supplied", "does not exist", "pg_hba.conf", "permission denied")
"""A server that answered the connection with a no; the driver gives no SQLSTATE here. In another language of the server this is
not recognised and counts as away: it is told all the same.
"""


class StateError(LampwellError):
    """The relational state can not be used."""


class StateAway(StateError):
    """Not now: locked, full, restarting, unreachable. What was to be written waits."""


class StateBroken(StateError):
    """Not until a person has mended it; the message says what."""


def told(error: DBAPIError, shown: str) -> StateError:
    """A database error in our words. The statement and its parameters stay out: they may be long, or somebody's number."""
    lines = str(error.orig).strip().splitlines()
    message = f"{shown}: {lines[0] if lines else type(error.orig).__name__}"
    return StateAway(message) if _away(error) else StateBroken(message)


def sqlite_away(error: sqlite3.Error) -> bool:
    """Whether waiting may help."""
    code = getattr(error, "sqlite_errorcode", None)  # absent where Python itself refuses
    return code is not None and code & 0xFF in _SQLITE_AWAY


def _away(error: DBAPIError) -> bool:
    if isinstance(error.orig, sqlite3.Error):
        return sqlite_away(error.orig)
    if state := getattr(error.orig, "sqlstate", None):
        return str(state).startswith(_POSTGRES_AWAY)
    reason = str(error.orig).lower()
    return error.connection_invalidated or (isinstance(error, OperationalError) and not any(word in reason for word in _REFUSED))
