"""The writing statements of the embedded store. Each function runs inside a transaction of its caller."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from lampwell.history.catalogue import Catalogue
from lampwell.history.duckdb_columns import QUARTER_MS, Columns
from lampwell.history.fit import BAD, NO_VALUE

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_READINGS = f"""
INSERT INTO reading SELECT series, time, CASE WHEN isfinite(value) THEN value END,
  CASE WHEN isfinite(value) OR (flags & {BAD}) > 0 THEN flags ELSE flags | {NO_VALUE} END FROM batch
"""  # noqa: S608 - numbers of ours
_ROLL = """
SELECT series, (time // {width})::INTEGER AS quarter,
  min(value) FILTER (ok) AS min, max(value) FILTER (ok) AS max, sum(value) FILTER (ok) AS sum,
  arg_max(value, time) FILTER (ok) AS last, (max(time) FILTER (ok) % {width})::INTEGER AS last_ms,
  count(*) FILTER (ok) AS count, count(*) FILTER (NOT ok) AS bad
FROM judged WHERE time >= {start} AND time < {end} GROUP BY ALL
"""
_KEPT = """
SELECT series, quarter, coalesce(min, sum) AS min, coalesce(max, sum) AS max, sum, coalesce(last, sum) AS last,
  last_ms, count, bad FROM rollup WHERE quarter >= {start} AND quarter < {end}
"""
_FOLD = """
SELECT series, quarter, min(min) AS min, max(max) AS max, sum(sum) AS sum, arg_max(last, last_ms) AS last,
  max(last_ms) AS last_ms, sum(count) AS count, sum(bad) AS bad FROM folding GROUP BY ALL
"""
_KEEP = """
INSERT INTO rollup SELECT series, quarter, CASE WHEN count > 1 THEN min END, CASE WHEN count > 1 THEN max END, sum,
  CASE WHEN count > 1 THEN last END, last_ms, count, bad FROM ({rows}) ORDER BY quarter, series
"""
"""A single reading is its own minimum, maximum and last: kept once, as the sum, it costs half the room."""


def insert_readings(connection: DuckDBPyConnection, columns: Columns) -> None:
    """The rows themselves. A NaN or an infinity becomes a null that is flagged as bad."""
    if columns.ids:
        connection.register("batch", columns.table())
        connection.execute(_READINGS)
        connection.unregister("batch")
    if columns.texts:
        connection.executemany("INSERT INTO text_reading VALUES (?, ?, ?, ?)", columns.texts)


def insert_series(connection: DuckDBPyConnection, catalogue: Catalogue) -> None:
    """New series, and those whose kind or unit changed."""
    if not catalogue.unsaved:
        return
    numbers = sorted(catalogue.unsaved)
    infos = [catalogue.infos[number] for number in numbers]
    connection.execute("DELETE FROM series WHERE id IN (SELECT unnest(?))", [numbers])
    connection.execute(
        "INSERT INTO series SELECT unnest(?), unnest(?), unnest(?), unnest(?), unnest(?), unnest(?), unnest(?)",
        [
            numbers,
            [info.id.node.group for info in infos],
            [info.id.node.edge for info in infos],
            [info.id.device for info in infos],
            [info.id.point for info in infos],
            [info.kind.value for info in infos],
            [info.unit for info in infos],
        ],
    )


def insert_progress(connection: DuckDBPyConnection, progress: Mapping[str, str]) -> None:
    """Set positions; an empty text removes its key."""
    if not progress:
        return
    kept = {key: value for key, value in progress.items() if value}
    connection.execute("DELETE FROM progress WHERE key IN (SELECT unnest(?))", [list(progress)])
    if kept:
        connection.execute("INSERT INTO progress SELECT unnest(?), unnest(?)", [list(kept), list(kept.values())])


def mark_dirty(connection: DuckDBPyConnection, quarters: Iterable[int]) -> None:
    """From now on the roll-ups of these quarters are not to be believed."""
    connection.execute("INSERT INTO dirty SELECT unnest(?)", [list(quarters)])


def roll(connection: DuckDBPyConnection, start: int, end: int, floor: int) -> None:
    """Make the roll-ups of the quarters [start, end) from raw readings. Where raw ones have been removed (below ``floor``) those
    that came late are folded into what the roll-ups already say, and removed.
    """
    select = _ROLL.format(width=QUARTER_MS, start=start * QUARTER_MS, end=end * QUARTER_MS)
    if end <= floor:
        # A table of its own: an INSERT that reads what the same step deletes would not see it.
        kept = _KEPT.format(start=start, end=end)
        connection.execute(f"CREATE OR REPLACE TEMP TABLE folding AS {select} UNION ALL {kept}")
        for table in ("reading", "text_reading"):
            connection.execute(f"DELETE FROM {table} WHERE time >= {start * QUARTER_MS} AND time < {end * QUARTER_MS}")  # noqa: S608
    connection.execute(f"DELETE FROM rollup WHERE quarter >= {start} AND quarter < {end}")  # noqa: S608 - numbers of ours
    connection.execute(_KEEP.format(rows=_FOLD if end <= floor else select))
    connection.execute(f"DELETE FROM dirty WHERE quarter >= {start} AND quarter < {end}")  # noqa: S608 - numbers of ours


def forget_raw(connection: DuckDBPyConnection, floor: int) -> None:
    """Remove raw readings below this quarter; their roll-ups stay."""
    for table in ("reading", "text_reading"):
        connection.execute(f"DELETE FROM {table} WHERE time < {floor * QUARTER_MS}")  # noqa: S608 - numbers of ours
    connection.execute("UPDATE meta SET value = ? WHERE key = 'floor'", [floor])


def forget_rollups(connection: DuckDBPyConnection, floor: int) -> None:
    """Remove roll-ups below this quarter."""
    connection.execute(f"DELETE FROM rollup WHERE quarter < {floor}")  # noqa: S608 - numbers of ours
