"""Opening the relational state: SQLite (WAL, FULL) beside the data, or PostgreSQL by URL; brought up to date on the way.

Every database error comes out as ``StateAway`` (try again) or ``StateBroken`` (a person must mend something). No message holds a
password.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError

from control.store import migrate
from control.store.errors import StateAway, StateBroken, StateError, sqlite_away, told

__all__ = ["BUSY_S", "Database", "StateAway", "StateBroken", "StateError", "open_database", "told"]

T = TypeVar("T")
BUSY_S, WAL_TRIES = 5.0, 10
_NO_URL = "not a database URL: sqlite:///file or postgresql://user@host/database"
_MEND = "move it aside or restore a backup"
_READ_ONLY = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"
_NETWORK = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 15_000}
"""A server whose network vanished is noticed within about 25 s; the system's own patience is a quarter of an hour or more."""


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
        """Do it on one snapshot, read-only; it neither waits for a writer nor holds one up."""
        with self._errors(), self._engine.connect() as connection:
            return work(connection.execution_options(reading=True))

    def close(self) -> None:
        """Release every connection."""
        self._engine.dispose()

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise told(error, self.shown) from error


def open_database(where: Path | str, *, password: str = "", busy_s: float = BUSY_S) -> Database:
    """Open ``where``: a file, ``sqlite:///file`` or ``postgresql://user@host/database``, made and brought up to date as needed.

    ``busy_s``: how long a file locked by another is waited for. StateBroken for a damaged file, a database of a newer program, a
    refused login or a URL that can not be; StateAway when it can not be reached.
    """
    url, shown = _url(where, password)
    engine = _engine(url, busy_s)
    try:
        if engine.dialect.name == "sqlite":
            _make_folder(Path(url.database or ""), shown)
            _check_file(Path(url.database or ""), shown, busy_s)
        migrate.to_newest(engine)
    except migrate.TooNew as error:
        engine.dispose()
        raise StateBroken(f"{shown}: {error}") from error
    except DBAPIError as error:
        engine.dispose()
        raise told(error, shown) from error
    except StateError:
        engine.dispose()
        raise
    return Database(engine, shown)


def _url(where: Path | str, password: str) -> tuple[URL, str]:
    if isinstance(where, Path) or "://" not in where:
        return URL.create("sqlite", database=str(where)), str(where)
    try:
        url = make_url(where)
    except (ArgumentError, ValueError):
        raise StateBroken(_NO_URL) from None
    if url.get_backend_name() == "sqlite" and url.database not in (None, "", ":memory:"):
        return url, str(url.database)
    if url.get_backend_name() != "postgresql":
        raise StateBroken(_NO_URL)
    if url.drivername == "postgresql":
        url = url.set(drivername="postgresql+psycopg")
    if password:
        url = url.set(password=password)
    return url, url.set(query={}).render_as_string(hide_password=True)  # a password may stand in the query, too


def _engine(url: URL, busy_s: float) -> Engine:
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url, hide_parameters=True, connect_args={"timeout": busy_s})
        event.listen(engine, "connect", _settings)
        event.listen(engine, "begin", _begin_sqlite)
        return engine
    try:
        engine = create_engine(
            url, hide_parameters=True, pool_size=3, pool_pre_ping=True, connect_args={"connect_timeout": int(BUSY_S), **_NETWORK}
        )
    except ModuleNotFoundError as error:
        raise StateBroken(f"PostgreSQL needs the Python module {error.name}: pip install 'lampwell[postgres]'") from error
    event.listen(engine, "begin", _begin_postgres)
    return engine


def _settings(raw: sqlite3.Connection, _record: Any) -> None:
    raw.isolation_level = None  # we say BEGIN ourselves
    _to_wal(raw)
    for pragma in ("synchronous = FULL", "foreign_keys = ON"):
        raw.execute(f"PRAGMA {pragma}")


def _to_wal(raw: sqlite3.Connection) -> None:
    """Of several that open a fresh file together one changes its mode. SQLite does not wait for that, but for a transaction."""
    for _ in range(WAL_TRIES - 1):
        try:
            raw.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            raw.execute("BEGIN IMMEDIATE")
            raw.execute("ROLLBACK")
        else:
            return
    raw.execute("PRAGMA journal_mode = WAL")


def _begin_sqlite(connection: Connection) -> None:
    reading = bool(connection.get_execution_options().get("reading"))
    connection.exec_driver_sql(f"PRAGMA query_only = {int(reading)}")
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _begin_postgres(connection: Connection) -> None:
    if connection.get_execution_options().get("reading"):
        connection.exec_driver_sql(_READ_ONLY)


def _make_folder(file: Path, shown: str) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StateBroken(f"{shown}: its folder can not be made: {error.strerror}") from error


def _check_file(file: Path, shown: str, busy_s: float) -> None:
    """A damaged file is told of before anything is written to it; read-only, since closing would fold the WAL into it."""
    if not file.exists():
        return
    wal = file.with_name(file.name + "-wal")
    if not file.stat().st_size:
        if wal.exists() and wal.stat().st_size:  # SQLite would delete the WAL
            raise StateBroken(f"{shown}: is damaged (empty, but there is a {wal.name}); {_MEND}")
        return
    try:
        with closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=busy_s)) as raw:
            said = " ".join(str(raw.execute("PRAGMA quick_check(1)").fetchone()[0]).split())
    except sqlite3.OperationalError as error:
        raise (StateAway if sqlite_away(error) else StateBroken)(f"{shown}: {error}") from error
    except sqlite3.DatabaseError as error:
        raise StateBroken(f"{shown}: is damaged or no database ({error}); {_MEND}") from error
    if said != "ok":
        raise StateBroken(f"{shown}: is damaged ({said}); {_MEND}")


def move_aside(file: Path, now: int) -> Path:
    """Put a damaged file and what belongs to it out of the way, for a person who decided so; nothing is deleted. Its new name.

    StateBroken when it can not be moved. No program may have it open.
    """
    aside = file.with_name(f"{file.name}.damaged-{now}")
    try:
        for end in ("-wal", "-shm", ""):
            part = file.with_name(file.name + end)
            if part.exists():
                part.rename(aside.with_name(aside.name + end))
    except OSError as error:
        raise StateBroken(f"{file}: can not be moved aside: {error.strerror}") from error
    return aside
