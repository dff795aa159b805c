"""Opening the relational state: SQLite (WAL, FULL) beside the data, or PostgreSQL by URL; brought up to date on the way.

Every database error becomes one of two, cut by what the caller does next: ``StateAway`` (try again) or ``StateBroken`` (a person
must mend something). No message holds a password.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, DBAPIError, OperationalError
from sqlalchemy.pool import NullPool

from control.store import migrate
from lampwell.errors import LampwellError

T = TypeVar("T")
BUSY_S = 5.0
_NO_URL = "not a database URL: sqlite:///file or postgresql://user@host/database"
_AWAY_WORDS = (
    "locked",
    "busy",
    "disk is full",
    "full",
    "unable to open",
    "connect",
    "server closed",
    "shutting down",
    "starting up",
    "terminat",
    "resolve",
)


class StateError(LampwellError):
    """The relational state can not be used."""


class StateAway(StateError):
    """Not now: locked, full, restarting, unreachable. What was to be written waits."""


class StateBroken(StateError):
    """Not until a person has mended it; the message says what."""


class Database:
    """An opened database. ``write`` and ``read`` run in the caller's thread."""

    def __init__(self, engine: Engine, shown: str) -> None:
        self._engine = engine
        self.shown = shown

    def write(self, work: Callable[[Connection], T]) -> T:
        """Do it in one transaction and commit. StateAway, StateBroken; what the work itself raises comes out as it is."""
        with self._errors(), self._engine.begin() as connection:
            return work(connection)

    def read(self, work: Callable[[Connection], T]) -> T:
        """Do it on a connection whose changes are thrown away."""
        with self._errors(), self._engine.connect() as connection:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("PRAGMA query_only = ON")
            try:
                return work(connection)
            finally:
                connection.rollback()
                if connection.dialect.name == "sqlite":
                    connection.exec_driver_sql("PRAGMA query_only = OFF")

    def close(self) -> None:
        """Release every connection."""
        self._engine.dispose()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise told(error, self.shown) from error


def open_database(where: Path | str, *, password: str = "") -> Database:
    """Open ``where``: a file, ``sqlite:///file`` or ``postgresql://user@host/database``, made and brought up to date as needed.

    StateBroken for a damaged file, a database of a newer program or a URL that can not be; StateAway when it can not be reached.
    """
    url, shown = _url(where, password)
    if url.get_backend_name() == "sqlite" and url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = _engine(url)
    try:
        if engine.dialect.name == "sqlite":
            _check_file(engine, shown)
        migrate.to_newest(engine)
    except migrate.TooNew as error:
        engine.dispose()
        raise StateBroken(f"{shown}: {error}") from error
    except DBAPIError as error:
        engine.dispose()
        raise told(error, shown) from error
    return Database(engine, shown)


def told(error: DBAPIError, shown: str) -> StateError:
    """A database error in our words. The statement and its parameters stay out: they may be long, or somebody's number."""
    reason = str(error.orig).strip().splitlines()[0] if error.orig and str(error.orig).strip() else type(error).__name__
    message = f"{shown}: {reason}"
    away = error.connection_invalidated or (
        isinstance(error, OperationalError) and any(word in reason.lower() for word in _AWAY_WORDS)
    )
    return StateAway(message) if away else StateBroken(message)


def _url(where: Path | str, password: str) -> tuple[URL, str]:
    if isinstance(where, Path) or "://" not in where:
        url = URL.create("sqlite", database=str(where))
        return url, str(where)
    try:
        url = make_url(where)
    except (ArgumentError, ValueError):
        raise StateBroken(_NO_URL) from None
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise StateBroken(_NO_URL)
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    if password:
        url = url.set(password=password)
    shown = url.render_as_string(hide_password=True)
    return url, (url.database or shown) if url.get_backend_name() == "sqlite" else shown


def _engine(url: URL) -> Engine:
    if url.get_backend_name() != "sqlite":
        try:
            return create_engine(url, pool_size=3, connect_args={"connect_timeout": int(BUSY_S)})
        except ModuleNotFoundError as error:
            raise StateBroken(f"PostgreSQL needs the Python module {error.name}: pip install 'lampwell[postgres]'") from error
    engine = create_engine(
        url, poolclass=NullPool if url.database in (None, "", ":memory:") else None, connect_args={"timeout": BUSY_S}
    )

    @event.listens_for(engine, "connect")
    def _settings(raw: sqlite3.Connection, _record: Any) -> None:
        raw.isolation_level = None  # we say BEGIN ourselves
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON", f"busy_timeout = {int(BUSY_S * 1000)}"):
            raw.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        asked = connection.exec_driver_sql("PRAGMA query_only").scalar()
        connection.exec_driver_sql("BEGIN" if asked else "BEGIN IMMEDIATE")

    return engine


def _check_file(engine: Engine, shown: str) -> None:
    """A damaged file is told of before anything is written to it."""
    try:
        with engine.connect() as connection:
            said = connection.execute(text("PRAGMA quick_check(1)")).scalar()
    except DatabaseError as error:
        if isinstance(error.orig, sqlite3.DatabaseError) and not isinstance(error.orig, sqlite3.OperationalError):
            raise StateBroken(f"{shown}: is damaged or no database ({error.orig}); move it aside or restore a backup") from error
        raise
    if said != "ok":
        raise StateBroken(f"{shown}: is damaged ({said}); move it aside or restore a backup")
