"""What a new version of a plan changes: what was written otherwise, and which loops will switch otherwise."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import date
from typing import Any, Literal

from lampwell.lighting.level import Timetable
from lampwell.lighting.model import Adjustment, LoopRow, Moment, Period, Plan, Rule, Span, Step, Text
from lampwell.lighting.moments import write_moment
from lampwell.lighting.sun import Place
from lampwell.lighting.switches import Switch, switches

_KINDS = {
    "programs": Text(zh="方案", en="program"),
    "calendars": Text(zh="日历", en="calendar"),
    "loop_maps": Text(zh="回路映射", en="loop map"),
    "lux": Text(zh="照度规则", en="lux rule"),
    "targets": Text(zh="对象", en="target"),
}
"""The parts of a plan that have ids, in the order in which people want to read of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One thing added, removed or changed; ``details`` are lines such as ``steps: 22:30 70 % -> 22:30 75 %``."""

    kind: Text
    id: str
    how: Literal["added", "removed", "changed"]
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NightChange:
    """A loop or lamp that switches otherwise in the night of a date."""

    target: str
    day: date
    before: tuple[Switch, ...]
    after: tuple[Switch, ...]


def difference(old: Plan, new: Plan) -> tuple[Change, ...]:
    """Everything written otherwise; empty for plans with one hash."""
    found = []
    if old.time_zone != new.time_zone:
        zone = Text(zh="时区", en="time zone")
        found.append(Change(kind=zone, id=new.id, how="changed", details=(f"{old.time_zone} -> {new.time_zone}",)))
    for name, kind in _KINDS.items():
        found += _changes(kind, {one.id: one for one in getattr(old, name)}, {one.id: one for one in getattr(new, name)})
    return tuple(found)


def _changes(kind: Text, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for name in sorted({*old, *new}):
        if name not in old:
            yield Change(kind=kind, id=name, how="added")
        elif name not in new:
            yield Change(kind=kind, id=name, how="removed")
        elif old[name] != new[name]:
            yield Change(kind=kind, id=name, how="changed", details=tuple(_details(old[name], new[name])))


def _details(old: Any, new: Any) -> Iterator[str]:
    for each in fields(old):
        before, after = getattr(old, each.name), getattr(new, each.name)
        if before != after:
            yield f"{each.name}: {say(before)} -> {say(after)}"


def changed_nights(old: Timetable, new: Timetable, days: Iterable[date], targets: Sequence[str] = ()) -> Iterator[NightChange]:
    """Of the targets that both plans have (all, or those named): the nights in which their switches differ."""
    both = [name for name in targets or new.targets if name in old.targets and name in new.targets]
    for day in days:
        for name in both:
            before, after = (_night(table, name, day) for table in (old, new))
            if [(one.at, one.level) for one in before] != [(one.at, one.level) for one in after]:
                yield NightChange(target=name, day=day, before=before, after=after)


def _night(table: Timetable, target: str, day: date) -> tuple[Switch, ...]:
    night = table.night(table.targets[target].place, day)
    return tuple(switches(table, target, night.start, night.end))


# -- saying a value in few words -----------------------------------------------------------------------------------------------


def say(value: Any) -> str:
    """A value of a plan as it would stand in its file, or near it."""
    match value:
        case Moment():
            return write_moment(value)
        case Period():
            return f"{say(value.start)}..{say(value.end)}"
        case Step():
            return f"{say(value.at)} {value.level} %" + (f" in {value.ramp_s} s" if value.ramp_s is not None else "")
        case Adjustment():
            return f"{say(value.at)} {value.operation} {value.level}"
        case LoopRow():
            return f"{value.level} % as {'/'.join(map(str, value.of_groups))}"
        case Place():
            return f"{value.latitude:.6f} {value.longitude:.6f}"
        case Span():
            return _span(value)
        case Rule():
            return _rule(value)
    if isinstance(value, tuple):
        return ", ".join(map(say, value)) or "none"
    return str(value) if value not in ("", None) else "none"


def _span(span: Span) -> str:
    first, last = (f"{month:02}-{day:02}" if month else f"{day:02}" for month, day in (span.first, span.last))
    return first if first == last else f"{first}..{last}"


def _rule(rule: Rule) -> str:
    given = ((each.name, getattr(rule, each.name)) for each in fields(rule) if each.name not in ("program", "zh", "en"))
    conditions = " ".join(f"{name} {say(value)}" for name, value in given if value)
    return f"[{conditions or 'every night'}: {rule.program}]"
