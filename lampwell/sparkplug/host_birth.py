"""What a host learns from a birth: the layout, and how each metric of it is to be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from lampwell.points import Point, Value
from lampwell.readings import Layout, NodeId, Scan
from lampwell.sparkplug import names
from lampwell.sparkplug.births import point_of, reading
from lampwell.sparkplug.codec import PLAIN_READERS, Metric
from lampwell.sparkplug.datatypes import type_name

MAX_TIME = 253_402_300_799_999
"""The last millisecond of the year 9999: a time beyond it is no time."""

IGNORED, OFFSET, FIRST = -1, -2, -3
"""In place of a column: declared but no reading; the journal's offset of the scan; the journal's oldest offset."""

_JOURNAL = {names.JOURNAL_OFFSET: OFFSET, names.JOURNAL_FIRST: FIRST}


class Columns:
    """A layout with what is needed to read its data: name -> column, and the wire type of each column."""

    __slots__ = ("aliases", "by_name", "layout", "readers", "types")

    def __init__(self, layout: Layout, by_name: dict[str, int], types: tuple[int, ...], aliases: dict[str, int]) -> None:
        self.layout = layout
        self.by_name = by_name
        self.types = types
        self.aliases = aliases
        # what stands in place of a column indexes this from behind: nothing there is read the quick way
        self.readers = (*(PLAIN_READERS.get(number) for number in types), None, None, None)

    def same_shape(self, other: Columns) -> bool:
        """True where a birth changed nothing, so that the layout (and all that is cached for it) can stay."""
        mine = (self.layout.points, self.types, self.by_name, self.aliases)
        return mine == (other.layout.points, other.types, other.by_name, other.aliases)

    def knowing(self, points: Sequence[Point]) -> Columns:
        """The same columns with what these points tell (unit, range) of the ones they share."""
        known = {(p.path, p.kind): p for p in points}
        mine = tuple(known.get((p.path, p.kind), p) for p in self.layout.points)
        return Columns(Layout(self.layout.node, self.layout.device, mine), self.by_name, self.types, self.aliases)


@dataclass(frozen=True, slots=True)
class Birth:
    """A birth read: the columns, the values in it with their times, and what could not be read."""

    columns: Columns
    scan: Scan
    times: tuple[int, ...]
    problems: tuple[str, ...]

    def on(self, columns: Columns) -> Birth:
        """The same birth on the columns of an earlier one of the same shape."""
        return replace(self, columns=columns, scan=replace(self.scan, layout=columns.layout))

    def complain(self, problems: Sequence[str]) -> Birth:
        """The same birth with more to say against it."""
        return replace(self, problems=(*self.problems, *problems))


def read_birth(node: NodeId, device: str, metrics: Sequence[Metric], time: int, *, journal: bool) -> Birth:
    """Make columns of a birth's metrics. Control metrics (and our journal's, with ``journal``) are no points."""
    found: dict[str, tuple[Point, Metric]] = {}
    by_name: dict[str, int] = {}
    skipped: dict[str, str] = {}
    for metric in metrics:
        if metric.name in by_name or not metric.name:
            skipped[metric.name] = "declared twice" if metric.name else "has no name"
            continue
        by_name[metric.name] = _JOURNAL.get(metric.name, IGNORED) if journal else IGNORED
        if not _is_control(metric.name, device, journal=journal):
            point = point_of(metric)
            if point is None or metric.problem:
                skipped[metric.name] = metric.problem or f"{type_name(metric.type)} holds no reading"
            if point is not None:
                by_name[metric.name] = len(found)
                found[metric.name] = (point, metric)
    columns = Columns(
        Layout(node, device, tuple(point for point, _ in found.values())),
        by_name,
        tuple(metric.type for _, metric in found.values()),
        {m.name: m.alias for m in metrics if m.alias is not None and m.name},
    )
    values = [_value(point, metric) for point, metric in found.values()]
    scan = Scan(columns.layout, time, tuple(range(len(values))), tuple(v for v, _ in values), tuple(f for _, f in values))
    times = tuple(time if m.time is None or m.time > MAX_TIME else m.time for _, m in found.values())
    return Birth(columns, scan, times, tuple(f"{name!r} {why}" for name, why in skipped.items()))


def _is_control(name: str, device: str, *, journal: bool) -> bool:
    if journal and name in names.JOURNAL_NAMES:
        return True
    return not device and (name == names.BD_SEQ or name.startswith(names.NODE_CONTROL))


def _value(point: Point, metric: Metric) -> tuple[Value | None, int]:
    raw = None if isinstance(metric.value, bytes | tuple) else metric.value
    return reading(point.kind, raw, metric.properties)
