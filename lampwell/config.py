"""Reading what people wrote: TOML and CSV files into pydantic models, with every problem told by file, place and reason.

Each function here adds what it finds to ``problems`` and goes on, so that one run tells everything that is wrong.
"""

from __future__ import annotations

import contextlib
import csv
import io
import os
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, ValidationError

from lampwell.config_words import Key, did_you_mean, dotted, either, location, plain, refused
from lampwell.errors import ConfigError, Problem

M = TypeVar("M", bound=BaseModel)


class Settings(BaseModel):
    """Base of every model that a person's file fills: unknown keys, NaN and infinities are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, str_strip_whitespace=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One mapping read from a file, and how to say where each of its keys stands."""

    file: str
    data: Mapping[str, Any]
    path: tuple[Key, ...] = ()
    lines: Mapping[tuple[Key, ...], int]
    is_text: bool = False

    def where(self, *keys: Key) -> str:
        """``line 12, station.unit`` for TOML, ``line 12, unit`` for CSV; without a line where none is known."""
        full = self.path + keys
        known = next((self.lines[full[:n]] for n in range(len(full), 0, -1) if full[:n] in self.lines), None)
        shown = dotted(keys if self.is_text else full)
        return ", ".join(part for part in (f"line {known}" if known else "", shown) if part)

    def problem(self, reason: str, *keys: Key) -> Problem:
        """A problem with the value at ``keys`` of this entry."""
        return Problem(self.file, self.where(*keys), reason)

    def tables(self, key: str, problems: list[Problem]) -> list[Entry]:
        """The entries of an array of tables (``[[key]]``), none if it is absent."""
        found = self.data.get(key, [])
        if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
            problems.append(self.problem(f"must be tables, written [[{key}]]", key))
            return []
        return [Entry(file=self.file, data=item, path=(*self.path, key, n), lines=self.lines) for n, item in enumerate(found)]


# -- TOML ----------------------------------------------------------------------------------------------------------------------


def read_toml(path: Path, name: str, problems: list[Problem]) -> Entry | None:
    """The whole file as one entry, or None with the reason in ``problems``; ``name`` is what the file is called in them."""
    text = _read_text(path, name, problems)
    if text is None:
        return None
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        problems.append(_toml_problem(name, str(error)))
        return None
    except (RecursionError, ValueError) as error:  # nested too deep; a number of thousands of digits
        problems.append(Problem(name, "", f"is not TOML that can be read: {type(error).__name__}"))
        return None
    return Entry(file=name, data=data, lines=_toml_lines(text))


def _toml_problem(name: str, message: str) -> Problem:
    at = re.search(r"\(at line (\d+), column (\d+)\)", message)
    reason = message[: at.start()].strip() if at else message
    return Problem(name, f"line {at[1]}, column {at[2]}" if at else "", f"is not TOML: {reason[:1].lower()}{reason[1:]}")


def _toml_lines(text: str) -> dict[tuple[Key, ...], int]:
    """Where tables and keys begin, as far as a plain look at the lines can tell (tomllib does not say)."""
    lines: dict[tuple[Key, ...], int] = {}
    counts: dict[tuple[Key, ...], int] = {}
    table: tuple[Key, ...] = ()
    array: tuple[Key, ...] = ()
    for number, line in enumerate(text.splitlines(), 1):
        if head := re.match(r"\s*\[(\[?)([^\[\]]+)\]", line):
            table = _header(tuple(part.strip(" \t\"'") for part in head[2].split(".")), bool(head[1]), counts)
            lines[table] = number
        elif key := re.match(r"\s*([\w.\"'/-]+)\s*=", line):
            array = (*table, *(part.strip("\"'") for part in key[1].split(".")))
            lines.setdefault(array, number)
            counts[array] = -1
        elif line.lstrip().startswith("{"):  # an array of inline tables, one a line
            counts[array] = counts.get(array, -1) + 1
            lines[*array, counts[array]] = number
    return lines


def _header(names: tuple[str, ...], is_array: bool, counts: dict[tuple[Key, ...], int]) -> tuple[Key, ...]:
    """The key path of a header, with the number of each array's latest table in it."""
    path: tuple[Key, ...] = ()
    for n, name in enumerate(names, 1):
        path = (*path, name)
        if is_array and n == len(names):
            counts[path] = counts.get(path, -1) + 1
        if path in counts:
            path = (*path, counts[path])
    return path


# -- CSV -----------------------------------------------------------------------------------------------------------------------


def read_csv(path: Path, name: str, columns: Iterable[str], problems: list[Problem]) -> list[Entry]:
    """One entry per row. A dotted column (``levels.red``) or ``parameters.<any>`` fills a table; an empty cell is a missing key.

    UTF-8 with or without BOM, or GB18030 (which holds GBK and GB2312), as Excel in China writes it. ``columns`` lists what is
    allowed; one ending in ``.*`` allows any name there.
    """
    text = _read_text(path, name, problems, gbk=True)
    if text is None:
        return []
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[tuple[int, list[str]]] = []
    try:
        rows.extend((reader.line_num, [cell.strip() for cell in row]) for row in reader if any(cell.strip() for cell in row))
    except csv.Error as error:
        problems.append(Problem(name, f"line {reader.line_num}", f"is not CSV: {error}"))
        return []
    if not rows:
        problems.append(Problem(name, "", "is empty; its first line must name the columns"))
        return []
    (line, header), *body = rows
    if not _header_is_good(name, line, header, columns, problems):
        return []
    return [entry for line, cells in body if (entry := _row(name, line, header, cells, problems))]


def _header_is_good(name: str, line: int, header: Sequence[str], columns: Iterable[str], problems: list[Problem]) -> bool:
    allowed = list(columns)
    open_ended = tuple(column[:-1] for column in allowed if column.endswith(".*"))
    before = len(problems)
    for n, column in enumerate(header, 1):
        place = f"line {line}, column {n}"
        if not column:
            problems.append(Problem(name, place, "has no name"))
        elif header.index(column) < n - 1:
            problems.append(Problem(name, place, f"column {column!r} is there twice"))
        elif any(column.startswith(f"{other}.") for other in header if other):
            problems.append(Problem(name, place, f"column {column!r} can not stand beside one that holds all of it"))
        elif column not in allowed and not (column.startswith(open_ended) and column not in open_ended):
            problems.append(Problem(name, place, f"unknown column {column!r}{did_you_mean(column, allowed)}"))
    return len(problems) == before


def _row(name: str, line: int, header: Sequence[str], cells: Sequence[str], problems: list[Problem]) -> Entry | None:
    if len(cells) != len(header):
        problems.append(Problem(name, f"line {line}", f"has {len(cells)} cells where the first line names {len(header)} columns"))
        return None
    data: dict[str, Any] = {}
    for column, cell in zip(header, cells, strict=True):
        if cell:
            _put(data, column, cell)
    return Entry(file=name, data=data, path=(line,), lines={(line,): line}, is_text=True)


def _put(data: dict[str, Any], column: str, cell: str) -> None:
    """``levels.red`` goes into a table; what follows the second dot too, so that ``modes.level.watch`` can be a column."""
    *tables, last = column.split(".")
    for table in tables:
        data = data.setdefault(table, {})
    data[last] = cell


# -- both ----------------------------------------------------------------------------------------------------------------------


def validate(model: type[M], entry: Entry, problems: list[Problem]) -> M | None:
    """The entry as a model, or None with each reason in ``problems`` in plain words."""
    try:
        return model.model_validate(dict(entry.data), strict=not entry.is_text)
    except ValidationError as error:
        problems.extend(entry.problem(plain(detail, model), *location(detail)) for detail in error.errors(include_url=False))
        return None


def one_of(choices: type[StrEnum]) -> BeforeValidator:
    """For a field that holds a member of an enum: the file holds its text, in strict mode too."""

    def member(value: object) -> StrEnum:
        if isinstance(value, str) and value in tuple(choices):
            return choices(value)
        raise refused(either(choices), value)

    return BeforeValidator(member)


def matching(pattern: str, wanted: str) -> AfterValidator:
    """For a field whose text must match the whole of a pattern, which ``wanted`` says in words."""

    def matched(value: str) -> str:
        if not re.fullmatch(pattern, value):
            raise refused(wanted, value)
        return value

    return AfterValidator(matched)


def read_secret(file: str, env: str) -> str:
    """A secret from a file (its first line) or, where no file is named, from an environment variable; "" where neither is set.

    ConfigError when the named file can not be read or is empty.
    """
    if not file:
        return os.environ.get(env, "")
    try:
        secret = Path(file).read_text(encoding="utf-8").partition("\n")[0].strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError([Problem(file, "", f"the secret can not be read: {_os_reason(error)}")]) from None
    if not secret:
        raise ConfigError([Problem(file, "", "should hold a secret in its first line, but that is empty")])
    return secret


def _read_text(path: Path, name: str, problems: list[Problem], *, gbk: bool = False) -> str | None:
    try:
        raw = path.read_bytes()
    except OSError as error:
        problems.append(Problem(name, "", f"can not be read: {_os_reason(error)}"))
        return None
    if raw.startswith((b"\xff\xfe", b"\xfe\xff")):
        problems.append(Problem(name, "", "is UTF-16; save it as UTF-8"))
        return None
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
    if gbk and not _is_damaged_utf8(raw):
        with contextlib.suppress(UnicodeDecodeError):
            return raw.decode("gb18030")
    problems.append(Problem(name, f"line {line}", "is neither UTF-8 nor GBK text" if gbk else "is not UTF-8 text"))
    return None


def _is_damaged_utf8(raw: bytes) -> bool:
    """Text that is UTF-8 but for a few bytes would also pass for GBK, as nonsense. Read as UTF-8, real GBK is mostly errors."""
    text = raw.decode("utf-8", "replace")
    errors = text.count("\ufffd")
    return errors < sum(not c.isascii() for c in text) - errors


def _os_reason(error: OSError | UnicodeDecodeError) -> str:
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text"
    return {FileNotFoundError: "there is no such file", PermissionError: "no permission"}.get(type(error)) or str(error.strerror)
