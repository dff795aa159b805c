"""The History port's questions as InfluxQL, and the answers as our values. Pure: statements out, decoded JSON in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lampwell.history.fit import BAD, as_kind
from lampwell.history.lines import CATALOGUE, Place, identifier, place, tags, unnamed, where
from lampwell.history.port import Buckets, Latest, Readings, SeriesId, SeriesInfo
from lampwell.points import Kind, Value
from lampwell.readings import NodeId

Result = list[dict[str, Any]]
_TAGS = '"group", "edge", "device", "component"'
_TAG_KEYS = ("group", "edge", "device", "component")

CATALOGUE_QUERY = (
    f'SELECT last("kind") AS kind, last("unit") AS unit FROM "{CATALOGUE}" GROUP BY "group", "edge", "device", "point"'  # noqa: S608
)


def infos(result: Result) -> list[SeriesInfo]:
    """The catalogue from the answer to ``CATALOGUE_QUERY``."""
    found = []
    for series in result:
        keys = {key: unnamed(value) for key, value in series["tags"].items()}
        row = dict(zip(series["columns"], series["values"][0], strict=True))
        one = SeriesId(NodeId(keys.get("group", ""), keys.get("edge", "")), keys.get("device", ""), keys.get("point", ""))
        found.append(SeriesInfo(one, Kind(row["kind"]), unnamed(row["unit"] or "")))
    return found


# -- readings ----------------------------------------------------------------------------------------------------------


def _range(start: int, end: int) -> str:
    return f"time >= {start}ms AND time < {end}ms"


def readings_query(series: SeriesId, start: int, end: int, limit: int | None) -> str:
    """All readings of a series in time order."""
    at = place(series.point)
    fields = ", ".join(identifier(f"{at.field}{suffix}") for suffix in ("", "_flags", "_bad"))
    most = f" LIMIT {limit}" if limit is not None else ""
    return f"SELECT {fields} FROM {identifier(at.measurement)} WHERE {where(series)} AND {_range(start, end)} ORDER BY time{most}"  # noqa: S608


def readings(info: SeriesInfo, result: Result) -> Readings:
    """The answer to ``readings_query``."""
    rows = [
        (time, as_kind(info.kind, bad if value is None else value), int(flags or 0))
        for series in result
        for time, value, flags, bad in series["values"]
    ]
    times, values, marks = list(zip(*rows, strict=True)) or [(), (), ()]
    return Readings(info.id, times, values, marks)


# -- buckets -----------------------------------------------------------------------------------------------------------


def buckets_queries(info: SeriesInfo, start: int, end: int, width: int) -> list[str]:
    """Two statements: what the good readings of a numeric series say, and how many bad ones there were."""
    at = place(info.id.point)
    field, flags = identifier(at.field), identifier(f"{at.field}_flags")
    source = f"FROM {identifier(at.measurement)} WHERE {where(info.id)} AND {_range(start, end)}"
    group = f"GROUP BY time({width}ms) fill(none)"
    functions = ", ".join(f"{function}({field})" for function in ("min", "max", "mean", "last", "count"))
    return [f"SELECT {functions} {source} {group}", f"SELECT count({flags}) {source} AND {flags} & {BAD} > 0 {group}"]


def buckets(info: SeriesInfo, width: int, good: Result, bad: Result) -> Buckets:
    """The answers to ``buckets_queries`` side by side."""
    rows: dict[int, tuple[Any, ...]] = {row[0]: tuple(row[1:]) for series in good for row in series["values"] if row[5]}
    lost: dict[int, int] = {row[0]: row[1] for series in bad for row in series["values"] if row[1]}
    nothing = (None, None, None, None, 0)
    whole = [
        (time, *map(_number, rows.get(time, nothing)[:4]), rows.get(time, nothing)[4], lost.get(time, 0))
        for time in sorted(rows | lost)
    ]
    columns = list(zip(*whole, strict=True)) or [()] * 7
    return Buckets(info.id, width, *columns)


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)


# -- latest ------------------------------------------------------------------------------------------------------------


def latest_queries(wanted: Iterable[SeriesInfo]) -> tuple[list[Place], list[str]]:
    """For each field the newest value, flags and bad value of every device: three statements a field."""
    places = sorted({Place(at.measurement, "", at.field) for at in (place(info.id.point) for info in wanted)}, key=str)
    statements = [
        f"SELECT last({identifier(at.field + suffix)}) FROM {identifier(at.measurement)} GROUP BY {_TAGS}"  # noqa: S608
        for at in places
        for suffix in ("", "_flags", "_bad")
    ]
    return places, statements


def latest(wanted: Iterable[SeriesInfo], places: Sequence[Place], results: Sequence[Result]) -> list[Latest]:
    """The answers to ``latest_queries``: whichever of the three is newest speaks for the series."""
    newest = {place: [_by_tags(result) for result in results[3 * i : 3 * i + 3]] for i, place in enumerate(places)}
    found = []
    for info in wanted:
        at, keys = place(info.id.point), tags(info.id)
        key = tuple(keys.get(name, "") for name in _TAG_KEYS)
        rows = [table.get(key) for table in newest[Place(at.measurement, "", at.field)]]
        times = [row[0] for row in rows if row is not None]
        if times:
            found.append(_latest(info, max(times), rows))
    return found


def _latest(info: SeriesInfo, time: int, rows: Sequence[tuple[int, Any] | None]) -> Latest:
    value, flags, bad = (row[1] if row is not None and row[0] == time else None for row in rows)
    return Latest(info, time, as_kind(info.kind, bad if value is None else value), int(flags or 0))


def _by_tags(result: Result) -> Mapping[tuple[str, ...], tuple[int, Value]]:
    return {
        tuple(series["tags"].get(name, "") for name in _TAG_KEYS): (series["values"][0][0], series["values"][0][1])
        for series in result
    }
