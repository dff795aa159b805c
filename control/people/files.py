"""The roster as people keep it: ``people.toml`` for the few, CSV for the many. Read whole, checked whole, written back alike."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from control.people.checks import everyone_told, held_together, names_of
from control.people.file_models import (
    ContactFile,
    CrewFile,
    HolidayFile,
    PersonFile,
    PolicyFile,
    RotaFile,
    SeasonFile,
    ShiftFile,
    SwapFile,
)
from control.people.roster import Contact, Crew, Holiday, Person, Policy, Roster, Rota, Season, Shift, Swap
from lampwell.config import Entry, Settings, read_csv, read_toml, validate
from lampwell.errors import ConfigError, Problem

V = TypeVar("V")

TOML = "people.toml"
SHEETS = {
    "person": "persons.csv",
    "contact": "contacts.csv",
    "shift": "shifts.csv",
    "swap": "swaps.csv",
    "holiday": "holidays.csv",
}
FILES: dict[str, type[Settings]] = {
    "person": PersonFile,
    "contact": ContactFile,
    "crew": CrewFile,
    "rota": RotaFile,
    "shift": ShiftFile,
    "swap": SwapFile,
    "holiday": HolidayFile,
    "policy": PolicyFile,
}
TABLES = tuple(FILES)


def load_roster(folder: Path, areas: Collection[str]) -> Roster:
    """The roster of a folder; an empty one where there is no such folder. ConfigError with everything that is wrong."""
    problems: list[Problem] = []
    roster = read_roster(folder, areas, problems)
    if problems:
        raise ConfigError(dict.fromkeys(problems))
    return roster


def read_roster(folder: Path, areas: Collection[str], problems: list[Problem]) -> Roster:
    """As ``load_roster``, with what is wrong added to ``problems``; then the roster is what could be read, and not to be used."""
    if not folder.exists():
        return Roster()
    if not folder.is_dir():
        problems.append(Problem(folder.name, "", "must be a folder"))
        return Roster()
    before = len(problems)
    whole = read_toml(folder / TOML, f"{folder.name}/{TOML}", problems) if (folder / TOML).exists() else None
    if whole is not None:
        problems.extend(whole.problem("unknown key", str(key)) for key in whole.data if key not in (*TABLES, "season"))
    problems.extend(_strangers(folder))
    rows = {table: _rows(folder, table, whole, problems) for table in TABLES}
    roster = Roster(
        persons=_made(Person, rows["person"]),
        contacts=_made(Contact, rows["contact"]),
        crews=_made(Crew, rows["crew"]),
        rotas=_made(Rota, rows["rota"]),
        shifts=tuple(Shift(**(one.model_dump() | {"persons": names_of(one.persons)})) for _, one in rows["shift"]),
        swaps=_made(Swap, rows["swap"]),
        holidays=_made(Holiday, rows["holiday"]),
        season=_season(whole, problems),
        policies=_made(Policy, rows["policy"]),
    )
    problems.extend(held_together(roster, rows, areas))
    if len(problems) == before:
        problems.extend(everyone_told(roster, rows, f"{folder.name}/{TOML}"))
    return roster


def _rows(folder: Path, table: str, whole: Entry | None, problems: list[Problem]) -> list[tuple[Entry, Any]]:
    model = FILES[table]
    entries = whole.tables(table, problems) if whole else []
    sheet = SHEETS.get(table)
    if sheet and (folder / sheet).exists():
        entries = [*entries, *read_csv(folder / sheet, f"{folder.name}/{sheet}", model.model_fields, problems)]
    return [(entry, made) for entry in entries if (made := validate(model, entry, problems)) is not None]


def _made(kind: type[V], rows: Sequence[tuple[Entry, Any]]) -> tuple[V, ...]:
    return tuple(msgspec.convert(one.model_dump(), kind) for _, one in rows)


def _season(whole: Entry | None, problems: list[Problem]) -> Season:
    said = whole.data.get("season", {}) if whole else {}
    if whole is None or not isinstance(said, dict):
        problems.extend([whole.problem("must be a table, written [season]", "season")] if whole else [])
        return Season()
    entry = Entry(file=whole.file, data=said, path=("season",), lines=whole.lines)
    made = validate(SeasonFile, entry, problems)
    return Season(**made.model_dump()) if made else Season()


def _strangers(folder: Path) -> Iterator[Problem]:
    known = (TOML, *SHEETS.values())
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() in (".toml", ".csv") and path.name not in known:
            yield Problem(f"{folder.name}/{path.name}", "", f"is no file of a roster; those are {', '.join(known)}")


# -- writing -------------------------------------------------------------------------------------------------------------------


def write_roster(roster: Roster, folder: Path) -> None:
    """Write files that read back as the same roster. ConfigError where the folder can not be written."""
    try:
        _write(roster, folder)
    except OSError as error:
        raise ConfigError([Problem(folder.name, "", f"can not be written: {error.strerror}")]) from None


def _write(roster: Roster, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for table, items in (
        ("person", roster.persons),
        ("contact", roster.contacts),
        ("shift", roster.shifts),
        ("swap", roster.swaps),
        ("holiday", roster.holidays),
    ):
        (folder / SHEETS[table]).write_text(_sheet(FILES[table], items), "utf-8-sig")
    parts = [_table("[season]", msgspec.to_builtins(roster.season))]
    for name, rows in (("crew", roster.crews), ("rota", roster.rotas), ("policy", roster.policies)):
        parts += [_table(f"[[{name}]]", msgspec.to_builtins(one)) for one in rows]
    (folder / TOML).write_text("\n\n".join(parts) + "\n", "utf-8")


def _sheet(model: type[Settings], items: Sequence[Any]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    columns = list(model.model_fields)
    writer.writerow(columns)
    for one in items:
        writer.writerow([_cell(getattr(one, column)) for column in columns])
    return out.getvalue()


def _cell(value: Any) -> str:
    if isinstance(value, tuple):
        return " ".join(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _table(head: str, values: dict[str, Any]) -> str:
    return "\n".join([head, *(f"{key} = {_toml(value)}" for key, value in values.items() if value is not None)])


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_toml(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    # strings, numbers and booleans are written alike in JSON and TOML, but for a character that only TOML wants escaped
    return msgspec.json.encode(value).decode().replace("\x7f", "\\u007f")
