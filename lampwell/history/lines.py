"""Scans as InfluxDB line protocol: one line per component and scan, from templates made once per choice of columns.

measurement: the component without its trailing number (``loop3`` -> ``loop``), or ``device``.
tags: group, edge, device, component.
fields: numbers always as float, booleans as boolean, text as string; ``<point>_flags`` (integer) where the flags are not 0;
the value of a bad reading is kept in ``<point>_bad``, so that whoever asks for ``<point>`` never takes it for a good one.
Time in ms (post with ``precision=ms``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import isfinite
from operator import itemgetter
from typing import Any
from urllib.parse import quote, unquote

from lampwell.history.fit import BAD, judged
from lampwell.history.port import SeriesId
from lampwell.points import Kind, Value
from lampwell.readings import Layout, Scan

CATALOGUE = "lampwell_series"
_TIME = "\0"
_SHAPES_PER_LAYOUT = 256
_UNSAFE = re.compile(r"[\x00-\x1f\x7f\\%#]")
_RESERVED = ("time",)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a series is in InfluxDB; ``component`` is "" for a point of the device itself."""

    measurement: str
    component: str
    field: str


def named(name: str) -> str:
    """A name without what line protocol cannot carry (controls, backslashes, the # of a comment); ``unnamed`` undoes it."""
    return _UNSAFE.sub(lambda found: quote(found[0], safe=""), name)


def unnamed(name: str) -> str:
    """The name before ``named``."""
    return unquote(name)


def place(path: str) -> Place:
    """The place of a point path (``loop3/i_a`` -> measurement ``loop``, component ``loop3``, field ``i_a``)."""
    component, _, field = path.rpartition("/")
    measurement = component.rstrip("0123456789").rstrip(" -_/") or "device"
    if measurement == CATALOGUE:
        measurement += "_"
    field = named(field) or "value"
    return Place(named(measurement), named(component), f"{field}_" if field in _RESERVED else field)


def tags(series: SeriesId) -> dict[str, str]:
    """The tags of a series, empty ones left out (InfluxDB has no empty tags)."""
    found = {
        "group": named(series.node.group),
        "edge": named(series.node.edge),
        "device": named(series.device),
        "component": place(series.point).component,
    }
    return {key: value for key, value in found.items() if value}


def _escaped(name: str) -> str:
    return name.replace(",", "\\,").replace("=", "\\=").replace(" ", "\\ ")


def _text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


@dataclass(slots=True)
class _Column:
    """One column as its component's line needs it; names are escaped."""

    head: str
    field: str
    kind: Kind


@lru_cache(maxsize=4096)
def _columns(layout: Layout) -> tuple[_Column, ...]:
    found = []
    for point in layout.points:
        where = place(point.path)
        keys = tags(SeriesId(layout.node, layout.device, point.path))
        head = where.measurement.replace(",", "\\,").replace(" ", "\\ ")  # here alone "=" is not escaped
        head += "".join(f",{key}={_escaped(value)}" for key, value in keys.items())
        found.append(_Column(head, _escaped(where.field), point.kind))
    return tuple(found)


@dataclass(slots=True)
class _Template:
    """``text`` takes the values in the order ``pick`` puts them, ``_TIME`` stands for the time; None where a column is text."""

    text: str | None
    pick: Any


@lru_cache(maxsize=8192)
def _template(layout: Layout, index: tuple[int, ...]) -> _Template:
    columns = _columns(layout)
    by_head: dict[str, list[int]] = {}
    for position, i in enumerate(index):
        by_head.setdefault(columns[i].head, []).append(position)
    if any(columns[i].kind is Kind.TEXT for i in index):
        return _Template(None, None)
    lines = []
    for head, positions in by_head.items():
        fields = ",".join(f"{columns[index[p]].field}=".replace("%", "%%") + "%r" for p in positions)
        lines.append(f"{head.replace('%', '%%')} {fields} {_TIME}\n")
    order = [p for positions in by_head.values() for p in positions]
    plain = order == list(range(len(order)))
    return _Template("".join(lines), None if plain else itemgetter(*order))


def quick_lines(scan: Scan) -> str | None:
    """The lines of a scan of good numbers, each ended by a newline; None where the scan is not that."""
    template = _template(scan.layout, scan.index)
    if template.text is None or any(scan.flags):
        return None
    try:
        if not isfinite(sum(scan.values)):  # type: ignore[arg-type]  # a null or a text raises, which is the point
            return None
    except (TypeError, OverflowError):
        return None
    values = scan.values if template.pick is None else template.pick(scan.values)
    return (template.text % values).replace(_TIME, str(scan.time))


def careful_lines(scan: Scan) -> str:
    """The lines of any scan whose values fit their kinds, field by field: nulls, flags and text are welcome."""
    columns = _columns(scan.layout)
    by_head: dict[str, list[str]] = {}
    for i, value, flags in zip(scan.index, scan.values, scan.flags, strict=True):
        column = columns[i]
        by_head.setdefault(column.head, []).extend(_fields(column, *judged(value, flags)))
    return "".join(f"{head} {','.join(fields)} {scan.time}\n" for head, fields in by_head.items())


def _fields(column: _Column, value: Value | None, flags: int) -> Iterator[str]:
    if value is not None:
        suffix = "_bad" if flags & BAD else ""
        yield f"{column.field}{suffix}={_value(column.kind, value)}"
    if flags:
        yield f"{column.field}_flags={flags}i"


def _value(kind: Kind, value: Value) -> str:
    if kind is Kind.TEXT:
        return _text(str(value))
    return str(bool(value)) if kind is Kind.BOOL else repr(float(value))


def catalogue_lines(layout: Layout, time: int) -> str:
    """A layout's series with kind and unit, so that readers need no second list."""
    lines = []
    for point in layout.points:
        keys = {"group": layout.node.group, "edge": layout.node.edge, "device": layout.device, "point": point.path}
        head = "".join(f",{key}={_escaped(named(value))}" for key, value in keys.items() if value)
        lines.append(f"{CATALOGUE}{head} kind={_text(point.kind.value)},unit={_text(named(point.unit))} {time}\n")
    return "".join(lines)


def where(series: SeriesId) -> str:
    """The InfluxQL condition that picks a series (an absent tag compares equal to '')."""
    keys = tags(series)
    return " AND ".join(f'"{key}" = {literal(keys.get(key, ""))}' for key in ("group", "edge", "device", "component"))


def literal(text: str) -> str:
    """A string in InfluxQL."""
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def identifier(name: str) -> str:
    """A name in InfluxQL."""
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
