"""Bringing a database to this program's version, whoever comes first; alembic does the steps."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, Engine, text

SCRIPTS = Path(__file__).with_name("migrations")
_LOCK = 0x6C616D70  # any number, the same for every lampwell process on one PostgreSQL


class TooNew(Exception):
    """The database was made by a newer program."""


def to_newest(engine: Engine) -> None:
    """Upgrade under a lock, so that services may start together. TooNew."""
    with engine.connect() as connection:
        if _current(connection.execution_options(reading=True)) == newest():
            return
    with engine.begin() as connection:  # on SQLite BEGIN IMMEDIATE: the one writer
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        _upgrade(connection)


def newest() -> str:
    """The version this program works with."""
    head = ScriptDirectory(str(SCRIPTS)).get_current_head()
    assert head is not None, "there is a first migration"
    return head


def config(connection: Connection | None = None) -> Config:
    """Alembic's configuration, made in code: an installed wheel needs no alembic.ini."""
    made = Config()
    made.set_main_option("script_location", str(SCRIPTS).replace("%", "%%"))
    made.attributes["connection"] = connection
    return made


def _upgrade(connection: Connection) -> None:
    current = _current(connection)
    if current == newest():
        return
    if current is not None:
        _known(current)
    command.upgrade(config(connection), "head")


def _known(version: str) -> None:
    try:
        known = ScriptDirectory(str(SCRIPTS)).get_revision(version)
    except CommandError:
        known = None
    if known is None:
        raise TooNew(
            f"its version {version} is newer than this program's {newest()}; install the newer lampwell, or restore a backup"
        )


def _current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()
