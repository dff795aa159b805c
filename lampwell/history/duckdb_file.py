"""The file of the embedded store: its tables, how it is opened, and what is read from it once at opening.

``reading`` and ``text_reading`` hold raw readings in order of arrival, without keys: zone maps on time do what an index would.
``rollup`` holds a row per series and quarter of an hour; ``dirty`` names the quarters whose roll-ups do not yet tell the truth
(written in the same transaction as the readings that made them so). ``floor`` in ``meta`` is the quarter below which raw
readings have been removed.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from lampwell.errors import StoreAction, StoreError
from lampwell.history.catalogue import Catalogue
from lampwell.history.fit import BAD
from lampwell.history.port import SeriesId, SeriesInfo
from lampwell.points import Kind
from lampwell.readings import NodeId

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

FILE = "history.duckdb"
DAY_MS = 86_400_000
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS series (
  id UINTEGER, grp VARCHAR, edge VARCHAR, device VARCHAR, point VARCHAR, kind VARCHAR, unit VARCHAR);
CREATE TABLE IF NOT EXISTS reading (series UINTEGER, time BIGINT, value DOUBLE, flags USMALLINT);
CREATE TABLE IF NOT EXISTS text_reading (series UINTEGER, time BIGINT, value VARCHAR, flags USMALLINT);
CREATE TABLE IF NOT EXISTS rollup (
  series UINTEGER, quarter INTEGER, min DOUBLE, max DOUBLE, sum DOUBLE, last DOUBLE, last_ms INTEGER,
  count UINTEGER, bad UINTEGER);
CREATE TABLE IF NOT EXISTS dirty (quarter INTEGER);
CREATE TABLE IF NOT EXISTS progress (key VARCHAR, value VARCHAR);
CREATE TABLE IF NOT EXISTS meta (key VARCHAR, value BIGINT);
INSERT INTO meta SELECT 'version', 1 WHERE NOT EXISTS (SELECT 1 FROM meta WHERE key = 'version');
INSERT INTO meta SELECT 'floor', 0 WHERE NOT EXISTS (SELECT 1 FROM meta WHERE key = 'floor');
CREATE OR REPLACE VIEW judged AS
  SELECT series, time, value, (flags & {BAD}) = 0 AS ok FROM reading
  UNION ALL SELECT series, time, NULL::DOUBLE, (flags & {BAD}) = 0 FROM text_reading;
"""  # noqa: S608 - a number of ours
VERSION = 1

LatestRow = tuple[int, float | str | None, int]
"""Time, value, flags."""


def connect(path: Path, *, read_only: bool) -> DuckDBPyConnection:
    """Open (or make) the store, or raise a StoreError that says who has it or what is wrong with it."""
    import duckdb

    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": "192MB",
        "threads": "2",
        "checkpoint_threshold": "16MB",  # the log stays bounded, and so does the time to open after a kill
        "temp_directory": f"{path}.tmp",
    }
    try:
        connection = duckdb.connect(path, read_only=read_only, config=config)
        if not read_only:
            connection.execute(_SCHEMA)
        version = _meta(connection, "version")
    except duckdb.IOException as error:
        raise StoreError(_told(path, str(error)), StoreAction.WAIT) from error
    except duckdb.Error as error:
        raise StoreError(f"{path}: cannot be opened as a history: {error}", StoreAction.WAIT) from error
    if version != VERSION:
        connection.close()
        raise StoreError(f"{path}: format {version}, this lampwell knows {VERSION}", StoreAction.WAIT)
    return connection


def _told(path: Path, message: str) -> str:
    owner = re.search(r"held in (\S+) \(PID (\d+)\)", message)
    if owner is None:
        return f"{path}: cannot be opened: {message}"
    return (
        f"{path}: in use by process {owner[2]} ({owner[1]}); only one process can open it."
        " Ask that process (lampwell query does, while it runs) or stop it first"
    )


def _meta(connection: DuckDBPyConnection, key: str) -> int:
    rows = connection.execute("SELECT value FROM meta WHERE key = ?", [key]).fetchall()
    return int(rows[0][0]) if rows else 0


def load_floor(connection: DuckDBPyConnection) -> int:
    """The quarter below which raw readings have been removed (0: none were)."""
    return _meta(connection, "floor")


def load_catalogue(connection: DuckDBPyConnection) -> Catalogue:
    """Every series ever stored."""
    rows = connection.execute("SELECT id, grp, edge, device, point, kind, unit FROM series").fetchall()
    return Catalogue(
        (number, SeriesInfo(SeriesId(NodeId(group, edge), device, point), Kind(kind), unit))
        for number, group, edge, device, point, kind, unit in rows
    )


def load_latest(connection: DuckDBPyConnection) -> dict[int, LatestRow]:
    """The newest reading of each series, looked for in ever wider windows so that a large file opens quickly."""
    latest: dict[int, LatestRow] = {}
    count = _one(connection, "SELECT count(*) FROM series")
    newest = _one(connection, "SELECT greatest((SELECT max(time) FROM reading), (SELECT max(time) FROM text_reading))")
    for days in (1, 10, 100, 36_500):
        for table in ("reading", "text_reading"):
            rows = connection.execute(
                f"SELECT series, max(time), arg_max({{'value': value, 'flags': flags}}, time) FROM {table}"  # noqa: S608 - own names
                " WHERE time >= ? GROUP BY series",
                [newest - days * DAY_MS],
            ).fetchall()
            for series, time, kept in rows:
                if series not in latest or latest[series][0] < time:
                    latest[series] = (time, kept["value"], kept["flags"])
        if len(latest) >= count:
            break
    return latest


def _one(connection: DuckDBPyConnection, query: str) -> int:
    rows = connection.execute(query).fetchall()
    return int(rows[0][0]) if rows and rows[0][0] is not None else 0
