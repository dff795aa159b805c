"""A county's lighting files as TALQ lists of calendars and control programs, and such lists taken into the files. Pure.

Each list is the body that TALQ's ``/calendars`` and ``/control-programs`` take and give. A calendar or program is written if TALQ
can say all that decides its levels, and taken if all of that is understood; else it is refused. What TALQ has no words for, or
this project no use, is told as lost.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from lampwell.lighting.files import Lighting
from lampwell.lighting.model import Calendar, LuxRule, Program
from lampwell.lighting.talq import calendar_to_talq
from lampwell.lighting.talq_import import read_calendar
from lampwell.lighting.talq_import_program import Taken, read_program
from lampwell.lighting.talq_program import Json, NotExpressible, program_to_talq
from lampwell.lighting.talq_walk import At, TalqRefused

YEARS = 5
"""Lunar festivals are written as dates for so many years."""


@dataclass(slots=True, kw_only=True)
class Written:
    """``refused``: what TALQ can not say, so that it is not there; ``lost``: what is not in what is there."""

    calendars: list[Json] = field(default_factory=list)
    programs: list[Json] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


def written(lighting: Lighting, owner: str, years: range, sensors: Sequence[str] = ()) -> Written:
    """``owner``: the address of the CMS. ``sensors``: addresses of light sensors, at most two; without any lux rules are lost."""
    made, rules = Written(), {one.id: one for one in lighting.lux}
    for program in lighting.programs:
        try:
            made.programs.append(program_to_talq(program, owner, rules.get(program.lux) if sensors else None, sensors))
        except NotExpressible as error:
            made.refused.append(str(error))
    there = {one["id"] for one in made.programs}
    for calendar in lighting.calendars:
        if missing := sorted(_programs_of(calendar) - there):
            made.refused.append(f"calendar {calendar.id!r}: its program {missing[0]!r} can not be said")
            continue
        try:
            made.calendars.append(calendar_to_talq(calendar, owner, years))
        except NotExpressible as error:
            made.refused.append(str(error))
    made.lost = list(_not_in_talq(lighting, years, sensors))
    return made


def _programs_of(calendar: Calendar) -> set[str]:
    return {rule.program for rule in calendar.rules} | ({calendar.default} if calendar.default else set())


def _not_in_talq(lighting: Lighting, years: range, sensors: Sequence[str]) -> Iterator[str]:
    yield "名称、最低亮度、景观标记 names (zh, en), lowest levels, landscape"
    for one in lighting.programs:
        if one.lux:
            what = "日出后的光控与表决 light sensors after sunrise, voting" if sensors else "照度规则 its lux rule"
            yield f"方案 program {one.id!r}: {what}"
    for calendar in lighting.calendars:
        if any(rule.lunar for rule in calendar.rules):
            yield f"日历 calendar {calendar.id!r}: 农历节日成为日期 lunar festivals are dates, {years[0]} to {years[-1]}"
    if lighting.loop_maps:
        yield "半夜灯的回路映射 loop maps (half-night lamps)"
    if any(one.festivals for one in lighting.assignments):
        yield "节日日历叠加于其上 that a calendar of festivals lies over another: TALQ has one calendar for an actuator"
    if lighting.assignments:
        yield "分配 assignments: which loop takes which calendar"


# -- taking --------------------------------------------------------------------------------------------------------------------


@dataclass(slots=True, kw_only=True)
class TakenIn:
    """``lighting``: the files with what was taken. ``same``, ``new``, ``changed``: ids, ``program main`` and the like."""

    lighting: Lighting
    same: list[str] = field(default_factory=list)
    new: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


def taken(documents: Mapping[str, Any], lighting: Lighting) -> TakenIn:
    """``documents``: lists (or one item) by the name of their file. A calendar or program of a known id takes the place of that
    one and keeps what TALQ has no words for; what says the same as before stays as it is.
    """
    made = TakenIn(lighting=lighting)
    for place in items_of(documents):
        try:
            _take(made, place)
        except TalqRefused as error:
            made.refused.append(str(error))
    made.lost = _counted(made.lost)
    return made


def items_of(documents: Mapping[str, Any]) -> Iterator[At]:
    """Every item of the lists, or the one that a document is, with its place."""
    for name, document in documents.items():
        top = At(document, name)
        yield from top.as_items() if isinstance(document, list) else [top]


def _take(made: TakenIn, place: At) -> None:
    if place.has("addresses") or place.has("targetCommand"):
        raise place.refuse("限时指令不是方案 an override command is an order, not a file: lampwell light talq override gives it")
    is_same = _take_program(made, place) if place.has("type") else _take_calendar(made, place)
    if place.has("ownerCMS"):
        place.get("ownerCMS").text()
    if not is_same:
        made.lost += place.unread()


def _take_program(made: TakenIn, place: At) -> bool:
    one, files = read_program(place), made.lighting
    old = next((each for each in files.programs if each.id == one.program.id), None)
    name, rule = f"program {one.program.id!r}", next((each for each in files.lux if old and each.id == old.lux), None)
    if old is not None and _says_the_same(old, rule, place.value):
        made.same.append(name)
        return True
    (made.new if old is None else made.changed).append(name)
    program, lux = (one.program, one.lux) if old is None else _kept(one, old, rule)
    rules = {each.id: each for each in files.lux} | ({lux.id: lux} if lux else {})
    programs = {each.id: each for each in files.programs} | {program.id: program}
    made.lighting = replace(files, programs=tuple(programs.values()), lux=tuple(rules.values()))
    return False


def _says_the_same(old: Program, rule: LuxRule | None, raw: Json) -> bool:
    sensors = [each for period in raw["activePeriods"] for each in period.get("sensor", {}).get("sensorAddresses", ())]
    try:
        return program_to_talq(old, str(raw.get("ownerCMS", "")), rule if sensors else None, sensors) == raw
    except NotExpressible:
        return False


def _kept(one: Taken, old: Program, rule: LuxRule | None) -> tuple[Program, LuxRule | None]:
    """With what the old program had and TALQ has no words for; its lux rule where the new one says nothing else."""
    lux = one.lux
    if lux and rule and (lux.on_lx, lux.off_lx, lux.advance_min) == (rule.on_lx, rule.off_lx, rule.advance_min):
        lux = None
    kept = replace(one.program, zh=old.zh, en=old.en, minimum=old.minimum, landscape=old.landscape)
    return replace(kept, lux=lux.id if lux else old.lux), lux


def _take_calendar(made: TakenIn, place: At) -> bool:
    one, files = read_calendar(place), made.lighting
    old = next((each for each in files.calendars if each.id == one.id), None)
    name = f"calendar {one.id!r}"
    if old is not None and any(_is_calendar(old, years, place.value) for years in _years(place.value)):
        made.same.append(name)
        return True
    (made.new if old is None else made.changed).append(name)
    if old is not None:
        one = replace(one, zh=old.zh, en=old.en)
        if any(rule.lunar or rule.zh or rule.en for rule in old.rules):
            made.lost.append(
                f"{name}: 规则名称与农历节日（改为所给日期） names of its rules, lunar festivals (they are the dates given now)"
            )
    calendars = {each.id: each for each in files.calendars} | {one.id: one}
    made.lighting = replace(files, calendars=tuple(calendars.values()))
    return False


def _is_calendar(old: Calendar, years: range, raw: Json) -> bool:
    try:
        return calendar_to_talq(old, str(raw.get("ownerCMS", "")), years) == raw
    except NotExpressible:
        return False


def _years(raw: Json) -> Iterator[range]:
    """The lunar years whose festivals a calendar may have been written for: those of its dates, or with the one before."""
    found = [int(rule["startDate"][:4]) for rule in raw.get("rules", ()) if rule.get("startDate", "--")[:2] != "--"]
    first, last = min(found, default=2000), max(found, default=2000)
    for start in (first, first - 1):
        yield from (range(start, end + 1) for end in (last, last - 1))


def _counted(lost: Iterable[str]) -> list[str]:
    """Alike places together: ``control-programs.json[*].standbyMode (5)``."""
    count: dict[str, int] = {}
    for one in lost:
        name = re.sub(r"\[\d+\]", "[*]", one)
        count[name] = count.get(name, 0) + 1
    return [f"{name} ({n})" if n > 1 else name for name, n in count.items()]
