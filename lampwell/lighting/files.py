"""The lighting programs of a county as people keep them: ``lighting/*.toml``, read whole, checked whole, made one plan.

Errors name file, line and key. What is wrong with a plan that could be read (a gap in the night, a class minimum) is the business
of ``lampwell.lighting.validate``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel

from lampwell.assets import County
from lampwell.config import Entry, read_toml, validate
from lampwell.config_words import did_you_mean
from lampwell.errors import ConfigError, Problem
from lampwell.lighting.assign import Assignment, resolve
from lampwell.lighting.file_models import (
    WEEKDAYS,
    AssignFile,
    CalendarFile,
    LoopMapFile,
    LuxFile,
    ProgramFile,
    RoadClassFile,
    RuleFile,
    TariffFile,
)
from lampwell.lighting.model import Adjustment, Calendar, LoopMap, LoopRow, LuxRule, Operation, Period, Plan, Program, Rule, Step
from lampwell.lighting.standards import DEFAULTS, RoadStandard
from lampwell.lighting.tariff import Tariff

M = TypeVar("M", bound=BaseModel)
V = TypeVar("V")
FOLDER = "lighting"
"""Where a county keeps its lighting."""
TABLES: Mapping[str, Mapping[str, type[BaseModel]]] = {
    "programs.toml": {"program": ProgramFile, "loop_map": LoopMapFile, "lux": LuxFile},
    "calendars.toml": {"calendar": CalendarFile},
    "assignments.toml": {"assign": AssignFile},
    "tariff.toml": {"tariff": TariffFile},
    "standards.toml": {"road_class": RoadClassFile},
}
Rows = Mapping[str, Sequence[tuple[Entry, Any]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lighting:
    """What the files say."""

    programs: tuple[Program, ...] = ()
    calendars: tuple[Calendar, ...] = ()
    loop_maps: tuple[LoopMap, ...] = ()
    lux: tuple[LuxRule, ...] = ()
    assignments: tuple[Assignment, ...] = ()
    tariffs: tuple[Tariff, ...] = ()
    standards: Mapping[str, RoadStandard] = field(default_factory=lambda: DEFAULTS)


def load_lighting(folder: Path, county: County) -> Lighting:
    """The lighting of a county's folder; empty where it has none. ConfigError with everything that is wrong."""
    problems: list[Problem] = []
    found = read_lighting(folder / FOLDER, county, problems)
    if problems:
        raise ConfigError(dict.fromkeys(problems))
    return found


def build_plan(county: County, lighting: Lighting) -> Plan:
    """The plan of the whole county: every loop of every cabinet, and the lamps behind concentrators, with what they are given."""
    return Plan(
        id=county.id,
        time_zone=county.time_zone,
        programs=lighting.programs,
        calendars=lighting.calendars,
        targets=resolve(county, lighting.assignments),
        loop_maps=lighting.loop_maps,
        lux=lighting.lux,
    )


def read_lighting(folder: Path, county: County, problems: list[Problem]) -> Lighting:
    """As ``load_lighting``, of the folder itself; with problems the result is not to be used."""
    if not folder.exists():
        return Lighting()
    if not folder.is_dir():
        problems.append(Problem(folder.name, "", "must be a folder"))
        return Lighting()
    problems.extend(_strangers(folder))
    rows = {table: found for name, models in TABLES.items() for table, found in _tables(folder, name, models, problems).items()}
    problems.extend(_duplicates(rows))
    problems.extend(_references(rows, county))
    problems.extend(_loop_maps(rows))
    if problems:
        return Lighting()
    return Lighting(
        programs=_made(rows, "program", _program),
        calendars=_made(rows, "calendar", _calendar),
        loop_maps=_made(rows, "loop_map", _loop_map),
        lux=_made(rows, "lux", lambda one: LuxRule(**one.model_dump())),
        assignments=_made(rows, "assign", _assignment),
        tariffs=_made(rows, "tariff", lambda one: Tariff(**_tuples(one.model_dump()))),
        standards={**DEFAULTS, **{one.road_class: RoadStandard(**one.model_dump()) for _, one in rows["road_class"]}},
    )


# -- reading -------------------------------------------------------------------------------------------------------------------


def _strangers(folder: Path) -> Iterator[Problem]:
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        yield Problem(folder.name, "", f"can not be read: {error.strerror}")
        return
    for path in paths:
        if path.suffix != ".md" and not path.name.startswith(".") and path.name not in TABLES:
            yield Problem(f"{folder.name}/{path.name}", "", f"is no file of the lighting; those are {', '.join(TABLES)}")


def _tables(folder: Path, name: str, models: Mapping[str, type[BaseModel]], problems: list[Problem]) -> Rows:
    path = folder / name
    whole = read_toml(path, f"{folder.name}/{name}", problems) if path.exists() else None
    if whole is None:
        return {table: [] for table in models}
    problems.extend(
        whole.problem(f"unknown key{did_you_mean(str(key), models)}", str(key)) for key in whole.data if key not in models
    )
    return {
        table: [
            (entry, made) for entry in whole.tables(table, problems) if (made := validate(model, entry, problems)) is not None
        ]
        for table, model in models.items()
    }


# -- holding together ----------------------------------------------------------------------------------------------------------


def _duplicates(rows: Rows) -> Iterator[Problem]:
    for table in ("program", "calendar", "loop_map", "lux"):
        seen: set[str] = set()
        for entry, one in rows[table]:
            if one.id in seen:
                yield entry.problem(f"{table} {one.id!r} is there twice", "id")
            seen.add(one.id)


def _references(rows: Rows, county: County) -> Iterator[Problem]:
    """Every name that a table uses is the name of something."""
    ids = {table: [one.id for _, one in rows[table]] for table in ("program", "calendar", "loop_map", "lux")}
    for entry, program in rows["program"]:
        yield from _known(entry, ids, "lux", program.lux, "lux")
    for entry, one in rows["road_class"]:
        if one.minimum_lx > one.design_lx:
            yield entry.problem("must not be above design_lx", "minimum_lx")
    for entry, calendar in rows["calendar"]:
        yield from _known(entry, ids, "program", calendar.default, "default")
        for n, rule in enumerate(calendar.rule):
            yield from _known(entry, ids, "program", rule.program, "rule", n, "program")
            yield from _rule(entry, rule, n)
    places = {
        "areas": {one.id for one in county.areas},
        "roads": {one.id for one in county.roads},
        "cabinets": {one.id for one in county.devices},
        "lamps": {one.id for one in county.lamps},
    }
    for entry, assign in rows["assign"]:
        yield from _known(entry, ids, "calendar", assign.calendar, "calendar")
        yield from _known(entry, ids, "calendar", assign.festivals, "festivals")
        yield from _known(entry, ids, "loop_map", assign.loop_map, "loop_map")
        for key, names in places.items():
            for n, name in enumerate(getattr(assign, key)):
                if name not in names:
                    yield entry.problem(f"there is no {key[:-1]} {name!r}{did_you_mean(name, names)}", key, n)


def _known(entry: Entry, ids: Mapping[str, Sequence[str]], table: str, name: str, *keys: str | int) -> Iterator[Problem]:
    if name and name not in ids[table]:
        yield entry.problem(f"there is no {table} {name!r}{did_you_mean(name, ids[table])}", *keys)


def _rule(entry: Entry, rule: RuleFile, n: int) -> Iterator[Problem]:
    if rule.occurrences and not rule.weekdays:
        yield entry.problem("occurrences count weekdays: weekdays must be there too", "rule", n, "occurrences")
    if (rule.days_before or rule.days_after) and not rule.lunar:
        yield entry.problem("days_before and days_after widen lunar festivals: lunar must be there too", "rule", n)
    if rule.start and rule.end and len(rule.start) == len(rule.end) == 10 and rule.end < rule.start:
        yield entry.problem("ends before it starts", "rule", n, "end")


def _loop_maps(rows: Rows) -> Iterator[Problem]:
    groups = {one.id: one.groups for _, one in rows["loop_map"]}
    for entry, one in rows["loop_map"]:
        if len(set(one.groups)) != len(one.groups):
            yield entry.problem("a group is there twice", "groups")
        for level, row in one.rows.items():
            if not (level.isdigit() and 1 <= int(level) <= 100):
                yield entry.problem(f"{level!r} must be a level from 1 to 100", "rows", level)
            if set(row) != set(one.groups):
                yield entry.problem(f"must give a level to each of {', '.join(one.groups)}", "rows", level)
    for entry, assign in rows["assign"]:
        wanted = set(groups.get(assign.loop_map, ()))
        if assign.loop_map in groups and set(assign.groups) != wanted:
            yield entry.problem(f"must say which loops are in each of {', '.join(sorted(wanted))}", "groups")
        if assign.groups and not assign.loop_map:
            yield entry.problem("groups belong to a loop_map, and there is none", "groups")
        if assign.lamps and (assign.loops or assign.loop_map):
            yield entry.problem("lamps are given a calendar one by one, without loops or a loop_map", "lamps")


# -- making --------------------------------------------------------------------------------------------------------------------


def _made(rows: Rows, table: str, make: Callable[[Any], V]) -> tuple[V, ...]:
    return tuple(make(one) for _, one in rows[table])


def _tuples(values: dict[str, Any]) -> dict[str, Any]:
    return {key: tuple(value) if isinstance(value, list) else value for key, value in values.items()}


def _program(one: ProgramFile) -> Program:
    return Program(
        **one.model_dump(exclude={"active", "step", "adjustment"}),
        active=tuple(Period(start=each.start, end=each.end) for each in one.active),
        steps=tuple(Step(at=each.at, level=each.level, ramp_s=each.ramp_s) for each in one.step),
        adjustments=tuple(
            Adjustment(at=each.at, operation=Operation(each.operation), level=each.level) for each in one.adjustment
        ),
    )


def _calendar(one: CalendarFile) -> Calendar:
    return Calendar(id=one.id, zh=one.zh, en=one.en, default=one.default, rules=tuple(map(_calendar_rule, one.rule)))


def _calendar_rule(one: RuleFile) -> Rule:
    values = _tuples(one.model_dump(exclude={"weekdays", "dates"}))
    return Rule(
        **{**values, "start": one.start or "", "end": one.end or ""},
        weekdays=tuple(sorted(WEEKDAYS.index(day) + 1 for day in one.weekdays)),
        dates=tuple(one.dates),
    )


def _loop_map(one: LoopMapFile) -> LoopMap:
    rows = (LoopRow(int(level), tuple(row[group] for group in one.groups)) for level, row in one.rows.items())
    return LoopMap(
        id=one.id,
        zh=one.zh,
        en=one.en,
        groups=tuple(one.groups),
        rows=tuple(sorted(rows, key=lambda row: row.level)),
        dims=one.dims,
        rotate=one.rotate,
    )


def _assignment(one: AssignFile) -> Assignment:
    groups = {group: _loop_numbers(said) for group, said in one.groups.items()}
    return Assignment(**_tuples(one.model_dump(exclude={"groups"})), groups=groups)


def _loop_numbers(said: str | list[int]) -> tuple[int, ...]:
    if isinstance(said, str):
        return tuple(range(1 if said == "odd" else 2, 17, 2))
    return tuple(said)
