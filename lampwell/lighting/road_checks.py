"""Whether roads keep their light: gaps in a night, class minimum, and neighbours that are dark together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

from lampwell.assets import Lamp
from lampwell.lighting.assign import loop_id
from lampwell.lighting.calendar import program_of
from lampwell.lighting.findings import Finding, Limits, error, warning
from lampwell.lighting.level import Timetable
from lampwell.lighting.loops import place
from lampwell.lighting.model import OFF, Target, Text
from lampwell.lighting.neighbours import adjacent
from lampwell.lighting.night import Night
from lampwell.lighting.patterns import Pattern, Shape, cell
from lampwell.lighting.preview import Basis, daylight
from lampwell.lighting.saying import clock_at
from lampwell.lighting.sun import MINUTE_MS, Place

# -- roads ---------------------------------------------------------------------------------------------------------------------


def road_findings(table: Timetable, days: Sequence[date], basis: Basis, limits: Limits) -> Iterator[Finding]:
    """Loops alike are looked at once; a finding names the first of them and how many more there are."""
    alike: dict[tuple[str, str, str, Place, str], list[Target]] = {}
    for one in table.plan.targets:
        if not one.loop:
            road_class = basis.loads[one.id].road_class if one.id in basis.loads else ""
            alike.setdefault((one.calendar, one.festivals, one.loop_map, cell(one.place), road_class), []).append(one)
    for (*_, road_class), targets in alike.items():
        found: dict[str, Finding] = {}
        shape = Shape(table, targets[0])
        for day in days:
            if not _is_landscape(table, targets[0], day):
                for finding in _road_night(table, targets[0], shape, day, basis, road_class, limits):
                    found.setdefault(finding.check, finding)
        yield from (_of_all(one, targets) for one in found.values())


def _of_all(one: Finding, targets: Sequence[Target]) -> Finding:
    more = len(targets) - 1
    if not more:
        return one
    text = Text(zh=f"{one.text.zh}（同类回路另有 {more} 条）", en=f"{one.text.en} (and {more} loops alike)")
    return Finding(check=one.check, is_error=one.is_error, where=one.where, text=text, day=one.day)


def _is_landscape(table: Timetable, one: Target, day: date) -> bool:
    name, _ = program_of(table.calendars[one.calendar], day) if one.calendar else ("", None)
    return bool(name) and table.programs[name].landscape


def _road_night(
    table: Timetable, one: Target, shape: Shape, day: date, basis: Basis, road_class: str, limits: Limits
) -> Iterator[Finding]:
    where = cell(one.place)
    night = table.night(where, day)
    rise, fall = daylight(night)
    trim = limits.trim_min * MINUTE_MS
    standard = basis.standards.get(road_class)
    least = 100 * standard.minimum_lx / standard.design_lx if standard else 0.0
    for start, end, seen in _stretches(shape.night(day, where), night):
        if not seen and max(start, fall + trim) < min(end, rise - trim):
            yield _gap(one, day, night, max(start, fall), min(end, rise))
        elif standard and 0 < seen < least - 1e-9 and max(start, fall) < min(end, rise):
            said = Text(
                zh=f"平均 {seen:g}%，约 {standard.design_lx * seen / 100:g} lx，低于该等级最低 {standard.minimum_lx:g} lx",
                en=f"{seen:g} % on average, about {standard.design_lx * seen / 100:g} lx, "
                f"below the {standard.minimum_lx:g} lx a {road_class} road must keep",
            )
            yield error("minimum", one.id, said, day)


def _stretches(pattern: Pattern, night: Night) -> Iterator[tuple[int, int, float]]:
    """Start, end and what the road sees; stretches of equal light are one."""
    start, seen = night.start, pattern[0][2]
    for at, _, now in pattern[1:]:
        if now != seen:
            yield start, at, seen
            start, seen = at, now
    yield start, night.end, seen


def _gap(one: Target, day: date, night: Night, start: int, end: int) -> Finding:
    hours = f"{clock_at(start, night)}-{clock_at(end, night)}"
    return error("gap", one.id, Text(zh=f"夜间 {hours} 没有照明", en=f"no light in the night from {hours}"), day)


# -- neighbours ----------------------------------------------------------------------------------------------------------------


def neighbour_findings(table: Timetable, days: Sequence[date], lamps: Sequence[Lamp]) -> Iterator[Finding]:
    """Two lamps next to each other, both off while their programs have light."""
    switched = {one.id for one in table.plan.targets if one.loop_map}
    on_them = [lamp for lamp in lamps if loop_id(lamp.cabinet, lamp.loop) in switched]
    if lost := [lamp for lamp in on_them if lamp.latitude is None or lamp.longitude is None]:
        said = Text(
            zh=f"{len(lost)} 盏灯没有坐标，无法检查相邻灯", en=f"{len(lost)} lamps have no coordinates: neighbours unchecked"
        )
        yield warning("neighbours", lost[0].id, said)
    loops = {lamp.id: loop_id(lamp.cabinet, lamp.loop) for lamp in on_them}
    pairs: dict[tuple[str, str], tuple[str, str]] = {}
    for one, other in sorted(adjacent(on_them)):
        pairs.setdefault((loops[one], loops[other]), (one, other))
    found: dict[tuple[str, str], Finding] = {}
    shapes = {name: Shape(table, table.targets[name]) for both in pairs for name in both}
    for day in _unlike_nights(table, days):
        dark = {name: _dark_spans(table, table.targets[name], shape, day) for name, shape in shapes.items()}
        for both, (one, other) in pairs.items():
            if both not in found and _meet(*(dark[name] for name in both)):
                said = Text(
                    zh=f"相邻灯 {one} 与 {other} 同时熄灭", en=f"lamps {one} and {other} are neighbours and dark together"
                )
                found[both] = error("neighbours", " + ".join(both), said, day)
    yield from found.values()


def _unlike_nights(table: Timetable, days: Sequence[date]) -> list[date]:
    """First and last night of each combination of programs and turns in the year."""
    seen: dict[tuple[object, ...], list[date]] = {}
    maps = [one for one in table.plan.loop_maps if one.groups]
    for day in days:
        chosen = tuple(program_of(one, day)[0] for one in table.plan.calendars)
        seen.setdefault((*chosen, *(place(one, one.groups[0], day) for one in maps)), []).append(day)
    return sorted({day for each in seen.values() for day in (each[0], each[-1])})


def _meet(spans: Sequence[tuple[int, int]], others: Sequence[tuple[int, int]]) -> bool:
    return any(max(a, c) < min(b, d) for a, b in spans for c, d in others)


def _dark_spans(table: Timetable, one: Target, shape: Shape, day: date) -> list[tuple[int, int]]:
    """When its map keeps a loop off though the road has light."""
    pattern = shape.night(day, cell(one.place))
    ends = [*(each[0] for each in pattern[1:]), table.night(cell(one.place), day).end]
    return [(at, end) for (at, level, seen), end in zip(pattern, ends, strict=True) if level == OFF and seen > 0]
