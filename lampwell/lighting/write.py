"""The lighting of a county written back as its files: what ``files`` reads again as the same. Defaults are left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import msgspec

from lampwell.errors import ConfigError, Problem
from lampwell.lighting.file_models import WEEKDAYS
from lampwell.lighting.files import Lighting
from lampwell.lighting.model import Calendar, LoopMap, Moment, Program, Rule, Span
from lampwell.lighting.moments import write_moment

Table = dict[str, Any]


def write_lighting(lighting: Lighting, folder: Path) -> None:
    """Write the files of a ``lighting`` folder. ConfigError where it can not be written."""
    texts = {
        "programs.toml": [
            *_tables("program", map(_program, lighting.programs)),
            *_tables("loop_map", map(_loop_map, lighting.loop_maps)),
            *_tables("lux", map(_plain, lighting.lux)),
        ],
        "calendars.toml": [part for one in lighting.calendars for part in _calendar(one)],
        "assignments.toml": _tables("assign", map(_plain, lighting.assignments)),
        "tariff.toml": _tables("tariff", map(_plain, lighting.tariffs)),
        "standards.toml": _tables("road_class", map(_plain, lighting.standards.values())),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, parts in texts.items():
            (folder / name).write_text("\n\n".join(parts) + "\n" if parts else "", "utf-8")
    except OSError as error:
        raise ConfigError([Problem(folder.name, "", f"can not be written: {error.strerror}")]) from None


def _tables(name: str, tables: Iterable[Table]) -> list[str]:
    return [_table(f"[[{name}]]", one) for one in tables]


def _table(head: str, values: Table) -> str:
    return "\n".join([head, *(f"{key} = {_toml(value)}" for key, value in values.items())])


# -- values to tables ----------------------------------------------------------------------------------------------------------


def _plain(one: Any, without: Sequence[str] = ()) -> Table:
    """The fields of a value that are not at their defaults."""
    return {name: value for name, value in _given(one) if name not in without}


def _given(one: Any) -> Iterator[tuple[str, Any]]:
    for each in fields(one):
        value = getattr(one, each.name)
        default = each.default if each.default_factory is MISSING else each.default_factory()
        if value is not None and value != default:
            yield each.name, value


def _program(one: Program) -> Table:
    made = _plain(one, ("active", "steps", "adjustments"))
    parts = {"active": one.active, "step": one.steps, "adjustment": one.adjustments}
    return made | {name: [_plain(each) for each in items] for name, items in parts.items() if items}


def _loop_map(one: LoopMap) -> Table:
    rows = {str(row.level): dict(zip(one.groups, row.of_groups, strict=True)) for row in one.rows}
    return _plain(one, ("rows",)) | {"rows": rows}


def _calendar(one: Calendar) -> list[str]:
    return [_table("[[calendar]]", _plain(one, ("rules",))), *_tables("calendar.rule", map(_rule, one.rules))]


def _rule(one: Rule) -> Table:
    made = _plain(one, ("weekdays", "dates"))
    days = [WEEKDAYS[day - 1] for day in one.weekdays]
    dates = [_span(span) for span in one.dates]
    return made | ({"weekdays": days} if days else {}) | ({"dates": dates} if dates else {})


def _span(span: Span) -> str:
    first, last = (f"{month:02}-{day:02}" if month else f"{day:02}" for month, day in (span.first, span.last))
    return first if first == last else f"{first}..{last}"


# -- TOML ----------------------------------------------------------------------------------------------------------------------


def _toml(value: Any) -> str:
    match value:
        case Moment():
            return _toml(write_moment(value))
        case Mapping():
            return "{ " + ", ".join(f"{key} = {_toml(each)}" for key, each in value.items()) + " }"
        case list() | tuple():
            return _array([_toml(each) for each in value])
    # strings, numbers and booleans are written alike in JSON and TOML, but for a character that only TOML wants escaped
    return msgspec.json.encode(value).decode().replace("\x7f", "\\u007f")


def _array(items: Sequence[str]) -> str:
    """Tables stand one a line, so that a problem with one can be told by its line."""
    if any(each.startswith("{") for each in items):
        return "[\n" + "".join(f"  {each},\n" for each in items) + "]"
    return f"[{', '.join(items)}]"
