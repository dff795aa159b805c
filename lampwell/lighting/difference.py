"""What a new version of a plan changes: what was written otherwise, and in which nights which loops will be otherwise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any, Literal

from lampwell.lighting.calendar import program_of
from lampwell.lighting.level import Timetable
from lampwell.lighting.model import Adjustment, LoopRow, Moment, Period, Plan, Rule, Span, Step, Text
from lampwell.lighting.moments import write_moment
from lampwell.lighting.patterns import Nights, Pattern, kind_of
from lampwell.lighting.sun import Place

_KINDS = {
    "programs": Text(zh="方案", en="program"),
    "calendars": Text(zh="日历", en="calendar"),
    "loop_maps": Text(zh="回路映射", en="loop map"),
    "lux": Text(zh="照度规则", en="lux rule"),
    "targets": Text(zh="对象", en="target"),
}
"""The parts of a plan that have ids, in the order in which people want to read of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One thing added, removed or changed; ``details`` are lines such as ``steps: 22:30 70 % -> 22:30 75 %``. ``nights``: of a
    program, those that take it before or after; of a calendar, those for which it names another program; None of all else.
    """

    kind: Text
    id: str
    how: Literal["added", "removed", "changed"]
    details: tuple[str, ...] = ()
    nights: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """Loops and lamps that have other levels in so many nights, and the first and last of these."""

    targets: tuple[str, ...]
    nights: int
    first: date
    last: date


def edits(old: Plan, new: Plan, days: Sequence[date]) -> tuple[Edit, ...]:
    """Everything written otherwise, with the nights of ``days`` it bears on; empty for plans with one hash."""
    found = []
    if old.time_zone != new.time_zone:
        zone = Text(zh="时区", en="time zone")
        found.append(Edit(kind=zone, id=new.id, how="changed", details=(f"{old.time_zone} -> {new.time_zone}",)))
    for name, kind in _KINDS.items():
        found += _edits(kind, {one.id: one for one in getattr(old, name)}, {one.id: one for one in getattr(new, name)})
    picks = [_picks(old, days), _picks(new, days)]
    return tuple(replace(one, nights=_nights(one, *picks)) for one in found)


def _edits(kind: Text, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Edit]:
    for name in sorted({*old, *new}):
        if name not in old:
            yield Edit(kind=kind, id=name, how="added")
        elif name not in new:
            yield Edit(kind=kind, id=name, how="removed")
        elif old[name] != new[name]:
            yield Edit(kind=kind, id=name, how="changed", details=tuple(_details(old[name], new[name])))


def _details(old: Any, new: Any) -> Iterator[str]:
    for each in fields(old):
        before, after = getattr(old, each.name), getattr(new, each.name)
        if before != after:
            yield f"{each.name}: {say(before)} -> {say(after)}"


Picks = Mapping[str, Sequence[str]]
"""The program of each night, by calendar."""


def _picks(plan: Plan, days: Sequence[date]) -> Picks:
    return {one.id: [program_of(one, day)[0] for day in days] for one in plan.calendars}


def _nights(one: Edit, old: Picks, new: Picks) -> int | None:
    if one.kind == _KINDS["programs"]:
        return sum(one.id in night for night in zip(*old.values(), *new.values(), strict=True))
    if one.kind == _KINDS["calendars"] and one.how == "changed":
        return sum(was != now for was, now in zip(old[one.id], new[one.id], strict=True))
    return None


def moved(old: Timetable, new: Timetable, days: Sequence[date]) -> tuple[Moved, ...]:
    """Of the targets that both plans have, those whose levels differ in any of these nights; sensors, overrides and ramps are
    left out. The nights are those of ``lampwell.lighting.patterns``.
    """
    alike: dict[tuple[object, ...], list[str]] = {}
    for name, one in new.targets.items():
        if name in old.targets:
            alike.setdefault((kind_of(old, old.targets[name]), kind_of(new, one)), []).append(name)
    found = []
    for names in alike.values():
        was, now = Nights(old, old.targets[names[0]]), Nights(new, new.targets[names[0]])
        if other := [day for day in days if _levels(was.of(day)) != _levels(now.of(day))]:
            found.append(Moved(targets=tuple(names), nights=len(other), first=other[0], last=other[-1]))
    return tuple(found)


def _levels(pattern: Pattern) -> list[tuple[int, int]]:
    """Where the level changes, and to what."""
    return [(at, level) for n, (at, level, _) in enumerate(pattern) if n == 0 or pattern[n - 1][1] != level]


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
