"""The questions to the embedded store, as SQL. Everything here only reads, on a cursor of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from lampwell.history.duckdb_columns import QUARTER_MS, runs
from lampwell.history.duckdb_file import load_floor
from lampwell.history.fit import BAD, as_kind
from lampwell.history.port import Buckets, Gap, Readings, SeriesId, SeriesInfo
from lampwell.points import Kind

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Range = tuple[int, int]
_FEW = 6
_NUMBERS = """
SELECT series, time // {width} AS bucket, min(good) AS min, max(good) AS max, sum(good) AS sum, arg_max(good, time) AS last,
  max(time) AS last_time, count(good) AS count, count(*) - count(good) AS bad
FROM (SELECT series, time, CASE WHEN (flags & {bad}) = 0 THEN value END AS good FROM reading
  WHERE series IN ({series}) AND {within}) GROUP BY ALL
"""
_TEXTS = """
SELECT series, time // {width} AS bucket, NULL::DOUBLE AS min, NULL::DOUBLE AS max, NULL::DOUBLE AS sum, NULL::DOUBLE AS last,
  max(time) AS last_time, count(*) FILTER ((flags & {bad}) = 0) AS count, count(*) FILTER ((flags & {bad}) > 0) AS bad
FROM text_reading WHERE series IN ({series}) AND {within} GROUP BY ALL
"""
_ROLLED = """
SELECT series, quarter * {quarter}::BIGINT // {width} AS bucket, coalesce(min, sum) AS min, coalesce(max, sum) AS max, sum,
  coalesce(last, sum) AS last, quarter * {quarter}::BIGINT + last_ms AS last_time, count, bad
FROM rollup WHERE series IN ({series}) AND {within}
"""
_TOGETHER = """
SELECT series, bucket * {width}, min(min), max(max), sum(sum) / sum(count) FILTER (sum IS NOT NULL), arg_max(last, last_time),
  sum(count)::BIGINT, sum(bad)::BIGINT FROM ({parts}) GROUP BY series, bucket ORDER BY series, bucket
"""
_ALONE = """
SELECT series, bucket * {width}, min, max, sum / count, last, count, bad FROM ({part}) ORDER BY series, bucket
"""


@dataclass(frozen=True, slots=True)
class Sources:
    """Which part of a range is answered from what: quarters [a, b) from roll-ups, times [a, b) from raw readings."""

    rolled: tuple[Range, ...]
    raw: tuple[Range, ...]


def sources(start: int, end: int, width: int, dirty: Sequence[int], floor: int) -> Sources:
    """Roll-ups answer whole, clean quarters of buckets that quarters fill; raw readings answer all else.

    Below ``floor`` raw readings are gone, so there readings that came late (still raw, their quarter dirty) are added to the
    roll-up, and a quarter that is only partly inside the range is not answered.
    """
    if width % QUARTER_MS:
        return Sources((), ((start, end),))
    first, last = -(-start // QUARTER_MS), end // QUARTER_MS
    if first >= last:
        return Sources((), ((start, end),))
    unclean = [quarter for quarter in dirty if first <= quarter < last]
    raw = [(a * QUARTER_MS, b * QUARTER_MS) for a, b in runs(unclean)]
    edges = [(start, first * QUARTER_MS), (last * QUARTER_MS, end)]
    raw = sorted([(a, b) for a, b in [*raw, *edges] if a < b])
    rolled, at = [], first
    for a, b in [*runs(quarter for quarter in unclean if quarter >= floor), (last, last)]:
        if at < a:
            rolled.append((at, a))
        at = b
    return Sources(tuple(rolled), tuple(raw))


def buckets(
    connection: DuckDBPyConnection, known: Mapping[int, SeriesInfo], start: int, end: int, width: int
) -> dict[int, list[tuple[Any, ...]]]:
    """Rows (time, min, max, mean, last, count, bad) of each series number. One transaction, so that roll-ups and the list of
    dirty quarters belong together.
    """
    if not known or start >= end:
        return {}
    connection.execute("BEGIN TRANSACTION")
    try:
        dirty = [row[0] for row in connection.execute("SELECT DISTINCT quarter FROM dirty").fetchall()]
        plan = sources(start, end, width, dirty, load_floor(connection))
        rows = connection.execute(_statement(plan, known, width)).fetchall()
    finally:
        connection.execute("COMMIT")
    return {series: [row[1:] for row in group] for series, group in groupby(rows, itemgetter(0))}


def _statement(plan: Sources, known: Mapping[int, SeriesInfo], width: int) -> str:
    texts = [number for number, info in known.items() if info.kind is Kind.TEXT]
    numbers = [number for number, info in known.items() if info.kind is not Kind.TEXT]
    everything = [("quarter", _ROLLED, [*numbers, *texts], plan.rolled), ("time", _NUMBERS, numbers, plan.raw)]
    parts = [
        text.format(quarter=QUARTER_MS, width=width, bad=BAD, series=",".join(map(str, chosen)), within=within)
        for column, text, chosen, ranges in [*everything, ("time", _TEXTS, texts, plan.raw)]
        for within in _within(column, ranges)
        if chosen
    ]
    if len(parts) == 1 and not plan.rolled:
        return _ALONE.format(width=width, part=parts[0])
    return _TOGETHER.format(width=width, parts=" UNION ALL ".join(parts))


def _within(column: str, ranges: Sequence[Range]) -> list[str]:
    """Conditions for ranges: one each while they are few (zone maps work best so), one for all when they are many."""
    single = [f"{column} >= {a} AND {column} < {b}" for a, b in ranges]
    if len(single) <= _FEW:
        return single
    outer = f"{column} >= {ranges[0][0]} AND {column} < {ranges[-1][1]}"
    return [f"{outer} AND ({' OR '.join(f'({one})' for one in single)})"]


def as_buckets(series: SeriesId, width: int, rows: Sequence[tuple[Any, ...]]) -> Buckets:
    """Rows as columns."""
    columns = list(zip(*rows, strict=True)) or [()] * 7
    return Buckets(series, width, *columns)


def readings(connection: DuckDBPyConnection, number: int, info: SeriesInfo, start: int, end: int, limit: int) -> Readings:
    """Raw readings in time order."""
    rows = connection.execute(
        f"SELECT time, value, flags FROM {_table(info)} WHERE series = {number} AND time >= {start} AND time < {end}"  # noqa: S608
        f" ORDER BY time LIMIT {limit}"
    ).fetchall()
    return _as_readings(info, rows)


def all_readings(
    connection: DuckDBPyConnection, known: Mapping[int, SeriesInfo], start: int, end: int
) -> dict[SeriesId, Readings]:
    """Raw readings of many series, each in time order; those without any are left out."""
    found: dict[SeriesId, Readings] = {}
    for table in ("reading", "text_reading"):
        numbers = [str(number) for number, info in known.items() if _table(info) == table]
        if numbers:
            rows = connection.execute(
                f"SELECT series, time, value, flags FROM {table} WHERE series IN ({','.join(numbers)})"  # noqa: S608 - own names
                f" AND time >= {start} AND time < {end} ORDER BY series, time"
            ).fetchall()
            for number, group in groupby(rows, itemgetter(0)):
                found[known[number].id] = _as_readings(known[number], [row[1:] for row in group])
    return found


def _as_readings(info: SeriesInfo, rows: Sequence[tuple[Any, ...]]) -> Readings:
    times, values, flags = list(zip(*rows, strict=True)) or [(), (), ()]
    if info.kind not in (Kind.FLOAT, Kind.TEXT):
        values = tuple(as_kind(info.kind, value) for value in values)
    return Readings(info.id, times, values, flags)


def gaps(connection: DuckDBPyConnection, number: int, info: SeriesInfo, start: int, end: int, longer: int) -> list[Gap]:
    """Neighbouring readings (bad ones are readings too) further apart than ``longer``, the ends of the range included."""
    rows = connection.execute(
        f"SELECT before, time FROM (SELECT time, lag(time, 1, {start}) OVER (ORDER BY time) AS before FROM"  # noqa: S608 - numbers
        f" (SELECT time FROM {_table(info)} WHERE series = {number} AND time >= {start} AND time < {end}"
        f" UNION ALL SELECT {end})) WHERE time - before > {longer} ORDER BY time"
    ).fetchall()
    return [Gap(before, time) for before, time in rows]


def _table(info: SeriesInfo) -> str:
    return "text_reading" if info.kind is Kind.TEXT else "reading"
