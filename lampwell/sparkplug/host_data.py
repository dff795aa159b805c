"""The host's hot path: a DDATA or NDATA as scans, read straight off the protobuf message with the columns of its birth."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from lampwell.points import Kind, Value
from lampwell.readings import Layout, Scan
from lampwell.sparkplug import births
from lampwell.sparkplug.codec import MalformedPayload, raw_value, read_properties
from lampwell.sparkplug.datatypes import DataType, WrongType, interpret, kind_of, type_name
from lampwell.sparkplug.host_birth import FIRST, IGNORED, MAX_TIME, OFFSET, Columns

_PLAIN = {Kind.FLOAT: float, Kind.INT: int, Kind.BOOL: bool, Kind.TEXT: str}
_KINDS: dict[int, Kind] = {number: kind for number in DataType if (kind := kind_of(number)) is not None}


@dataclass(slots=True)
class Data:
    """What a data message held: scans (one per timestamp in it), what could not be read, the names or aliases that no birth
    declared, the journal's ``offset`` of it, and the journal's new oldest offset, if it came. ``historical`` is that of the
    offset's metric.
    """

    scans: list[Scan] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    offset: int | None = None
    historical: bool = False
    first: int | None = None


class _Group:
    """The metrics of one timestamp on their way to a Scan."""

    __slots__ = ("flags", "index", "values")

    def __init__(self) -> None:
        self.index: list[int] = []
        self.values: list[Value | None] = []
        self.flags: list[int] = []

    def parts(self) -> list[_Group]:
        """Itself; or, where a metric came twice with one time, as many groups as it takes for each to have it once."""
        if len(set(self.index)) == len(self.index):
            return [self] if self.index else []
        found: list[_Group] = []
        for row in zip(self.index, self.values, self.flags, strict=True):
            part = next((g for g in found if row[0] not in g.index), None)
            if part is None:
                found.append(part := _Group())
            part.index.append(row[0])
            part.values.append(row[1])
            part.flags.append(row[2])
        return found


class _Reader:
    """Reads one data message with the columns of a birth; ``strict``: see ``read_data``."""

    def __init__(self, columns: Columns, aliases: dict[int, int], sent: int, *, strict: bool) -> None:
        self.data = Data()
        self.groups: dict[tuple[int, bool], _Group] = {}
        self._columns = columns
        self._aliases = aliases
        self._sent = sent
        self._strict = strict

    def read(self, metrics: Any) -> None:
        """All metrics. The plain case (a good, live value of the time of the one before) is the loop itself."""
        column_of, readers = self._columns.by_name.get, self._columns.readers
        time, group = -1, _Group()
        add, value_of, flag_of = group.index.append, group.values.append, group.flags.append
        for metric in metrics:
            try:
                column = column_of(metric.name, IGNORED)
                reader = readers[column]
                if (
                    reader is not None
                    and metric.timestamp == time
                    and not (metric.is_historical or metric.is_null or metric.HasField("properties"))
                    and (value := reader(metric)) is not None
                ):
                    add(column)
                    value_of(value)
                    flag_of(0)
                elif (live := self._metric(metric)) is not None:
                    time, group = live
                    add, value_of, flag_of = group.index.append, group.values.append, group.flags.append
            except (WrongType, MalformedPayload, UnicodeDecodeError) as error:
                self.data.problems.append(_blame(metric, error))

    def _metric(self, metric: Any) -> tuple[int, _Group] | None:
        """Any metric; (its time, its group) where the next live one may join it."""
        name = metric.name
        column = self._columns.by_name.get(name) if name else _by_alias(metric, self._aliases)
        number = 0 if column is None or column < 0 else self._columns.types[column]
        historical = metric.is_historical
        if column is None or (historical and number and metric.datatype not in (0, number)):
            self.data.unknown.append(name or f"alias {metric.alias}")
            return None
        if column < 0:
            self._journal(metric, column)
            return None
        value, flags = _reading(metric, number, strict=self._strict)
        time = metric.timestamp or self._sent
        group = self.groups.setdefault((time, historical), _Group())
        group.index.append(column)
        group.values.append(value)
        group.flags.append(flags)
        return None if historical or not metric.timestamp else (time, group)

    def _journal(self, metric: Any, column: int) -> None:
        if not metric.HasField("long_value"):
            return
        if column == OFFSET:
            self.data.offset, self.data.historical = metric.long_value, metric.is_historical
        elif column == FIRST:
            self.data.first = metric.long_value


def read_data(
    message: Any, columns: Columns, aliases: dict[int, int], journal: str | None, now: int, *, strict: bool = False
) -> Data:
    """Read a data message. ``aliases`` maps this device's aliases to columns. With ``strict`` (the birth in hand may not be the
    one the sender means) a value must be in the very field its type has. Never raises: what is wrong with one metric is a
    problem of that metric, the others are read.
    """
    sent = message.timestamp or now
    reader = _Reader(columns, aliases, sent, strict=strict)
    reader.read(message.metrics)
    data = reader.data
    for (time, historical), group in reader.groups.items():
        if time > MAX_TIME:
            data.problems.append(f"timestamp {time} is beyond the year 9999")
            continue
        for part in group.parts():
            data.scans.append(_scan(columns.layout, time, part, data.offset, journal, historical=historical))
    if data.offset is not None and not data.scans:
        # nothing readable in it: the journal must still learn that it came
        data.scans.append(_scan(columns.layout, min(sent, MAX_TIME), _Group(), data.offset, journal, historical=data.historical))
    return data


def _scan(layout: Layout, time: int, group: _Group, offset: int | None, journal: str | None, *, historical: bool) -> Scan:
    return Scan(
        layout,
        time,
        tuple(group.index),
        tuple(group.values),
        tuple(group.flags),
        offset,
        journal if offset is not None else None,
        historical,
    )


def _reading(metric: Any, number: int, *, strict: bool) -> tuple[Value | None, int]:
    raw = raw_value(metric)
    if strict and raw is not None and type(raw) is not _PLAIN[_KINDS[number]]:
        raise WrongType(f"{raw!r:.40} for {type_name(number)} cannot be trusted after a gap")
    typed = None if raw is None else interpret(number, raw)
    assert not isinstance(typed, bytes | tuple), "columns hold only readings"
    return births.reading(_KINDS[number], typed, read_properties(metric))


def _by_alias(metric: Any, aliases: dict[int, int]) -> int | None:
    if not metric.HasField("alias"):
        raise MalformedPayload("neither a name nor an alias")
    return aliases.get(metric.alias)


def _blame(metric: Any, error: Exception) -> str:
    try:
        name = repr(metric.name or f"alias {metric.alias}")
    except UnicodeDecodeError:
        return "a metric whose name is not UTF-8"
    return f"{name}: {'text is not UTF-8' if isinstance(error, UnicodeDecodeError) else error}"
