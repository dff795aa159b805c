"""From a county's folder to checked rows: every file read, every row held against its model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from lampwell.config import Entry, read_csv, read_toml, validate
from lampwell.county.files import (
    AreaFile,
    CountyFile,
    DatumFile,
    DefaultsFile,
    DeviceFile,
    EdgeFile,
    IntervalsFile,
    KindFile,
    LampFile,
    LevelsFile,
    LinkFile,
    RoadFile,
)
from lampwell.errors import Problem

M = TypeVar("M", bound=BaseModel)

TABLES = {"area": "", "road": "", "edge": "", "link": "links", "device": "devices", "lamp": "lamps"}
"""Where each table is: in ``county.toml``, or in a TOML file, a CSV file or both of that name."""

COLUMNS: dict[str, tuple[str, ...]] = {
    "links": tuple(LinkFile.model_fields),
    "devices": (
        *(name for name in DeviceFile.model_fields if name not in ("intervals", "modes", "levels", "datum", "parameters")),
        *(f"intervals.{name}" for name in IntervalsFile.model_fields),
        *(f"levels.{name}" for name in LevelsFile.model_fields),
        *(f"datum.{name}" for name in DatumFile.model_fields),
        "modes.*",
        "parameters.*",
    ),
    "lamps": tuple(LampFile.model_fields),
}

COMPANIONS = ("channels.toml",)
"""Files of a county that other parts of lampwell read."""

KNOWN_FILES = (
    "county.toml",
    "defaults.toml",
    *(f"{file}.{end}" for file in TABLES.values() if file for end in ("toml", "csv")),
    *COMPANIONS,
)


@dataclass(frozen=True, slots=True)
class Row(Generic[M]):
    """A checked model and the entry it came from."""

    entry: Entry
    model: M

    def problem(self, reason: str, *keys: str) -> Problem:
        """A problem with this row."""
        return self.entry.problem(reason, *keys)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Everything a county's files say, row by row, before the rows are held against each other.

    ``ids`` holds, by table, the ids of all rows, those that were refused too: what refers to them is not wrong as well. A table
    that could not be read whole is not in it: nobody knows then what it would have held.
    """

    county: Row[CountyFile] | None = None
    ids: Mapping[str, frozenset[str]] = field(default_factory=dict)
    areas: list[Row[AreaFile]] = field(default_factory=list)
    roads: list[Row[RoadFile]] = field(default_factory=list)
    edges: list[Row[EdgeFile]] = field(default_factory=list)
    links: list[Row[LinkFile]] = field(default_factory=list)
    devices: list[Row[DeviceFile]] = field(default_factory=list)
    lamps: list[Row[LampFile]] = field(default_factory=list)


def read_folder(folder: Path, problems: list[Problem]) -> Rows:
    """All rows that could be read; what could not is told in ``problems``."""
    problems.extend(_strangers(folder))
    entry = read_toml(folder / "county.toml", "county.toml", problems)
    if entry is None:
        return Rows()
    county = validate(CountyFile, entry, problems)
    defaults = _defaults(folder, problems)
    entries, ids = _tables(folder, entry, problems)
    if defaults is None:  # every device would seem to lack what they hold
        entries["device"] = []
        ids.pop("device", None)
    entries["device"] = [_with_defaults(each, defaults or {}) for each in entries["device"]]
    return Rows(
        county=Row(entry, county) if county else None,
        ids=ids,
        areas=_rows(AreaFile, entries["area"], problems),
        roads=_rows(RoadFile, entries["road"], problems),
        edges=_rows(EdgeFile, entries["edge"], problems),
        links=_rows(LinkFile, entries["link"], problems),
        devices=_rows(DeviceFile, entries["device"], problems),
        lamps=_rows(LampFile, entries["lamp"], problems),
    )


def _tables(folder: Path, county: Entry, problems: list[Problem]) -> tuple[dict[str, list[Entry]], dict[str, frozenset[str]]]:
    """The entries of every table, and the ids in each that was read without a problem."""
    entries: dict[str, list[Entry]] = {}
    ids: dict[str, frozenset[str]] = {}
    for key, file in TABLES.items():
        before = len(problems)
        entries[key] = _table(folder, file, key, problems) if file else county.tables(key, problems)
        if len(problems) == before:
            ids[key] = frozenset(str(each.data.get("id")) for each in entries[key])
    return entries, ids


def _rows(model: type[M], entries: list[Entry], problems: list[Problem]) -> list[Row[M]]:
    return [Row(entry, made) for entry in entries if (made := validate(model, entry, problems))]


def _strangers(folder: Path) -> Iterator[Problem]:
    """A misspelt file name must not pass for an absent file. Folders inside are free for other uses."""
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in (".toml", ".csv") and path.is_file() and path.name not in KNOWN_FILES:
            yield Problem(path.name, "", f"is no file of a county; those are {', '.join(KNOWN_FILES)}")


def _table(folder: Path, table: str, key: str, problems: list[Problem]) -> list[Entry]:
    """The entries of a table from its TOML file, its CSV file, or both."""
    entries: list[Entry] = []
    toml, sheet = folder / f"{table}.toml", folder / f"{table}.csv"
    if toml.exists() and (whole := read_toml(toml, toml.name, problems)):
        problems.extend(
            whole.problem(f"unknown key; this file holds [[{key}]]", str(other)) for other in whole.data if other != key
        )
        entries += whole.tables(key, problems)
    if sheet.exists():
        entries += read_csv(sheet, sheet.name, COLUMNS[table], problems)
    if not toml.exists() and not sheet.exists() and table != "lamps":
        problems.append(Problem(f"{table}.csv", "", f"there is no such file, nor {table}.toml"))
    return entries


def _defaults(folder: Path, problems: list[Problem]) -> Mapping[str, Mapping[str, Any]] | None:
    """What each kind has in common; None where the file was refused."""
    path = folder / "defaults.toml"
    if not path.exists():
        return {}
    entry = read_toml(path, path.name, problems)
    return entry.data if entry and validate(DefaultsFile, entry, problems) else None


def _with_defaults(entry: Entry, defaults: Mapping[str, Mapping[str, Any]]) -> Entry:
    """The device's own keys over those of its kind, key by key inside tables."""
    kind = entry.data.get("kind")
    common = defaults.get(kind, {}) if isinstance(kind, str) else {}
    data = {name: _over(entry.data.get(name), value) for name, value in common.items() if name in KindFile.model_fields}
    return replace(entry, data={**data, **{name: value for name, value in entry.data.items() if name not in data}})


def _over(own: object, common: object) -> object:
    if own is None:
        return common
    return {**common, **own} if isinstance(own, dict) and isinstance(common, dict) else own
