"""Recorded feeders from CSV text: comma, semicolon or tab, decimal comma, BOM, GB18030, Chinese titles; errors name file and
line.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import tzinfo
from itertools import pairwise
from pathlib import Path

from control.lighting.feeder.columns import Layout, NoColumn, find
from control.lighting.feeder.series import Row, Series, UnfitSeries, on_grid
from control.lighting.feeder.times import Times
from lampwell.errors import ConfigError, Problem

MOST_BYTES = 256 * 1024 * 1024
"""Four years of one row a minute are about 90 MB; more is a wrong file, or one to give in parts."""
MISSING = frozenset({"", "-", "--", "---", "na", "n/a", "nan", "null", "none", "nil", "无", "空", "缺失"})
DELIMITERS = "\t;,"
THOUSANDS = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?")
"""1,234.5 in a cell: as Excel shows it."""


class BadRecord(ConfigError):
    """A recorded series was refused at one line of its file."""

    def __init__(self, file: str, line: int, reason: str) -> None:
        super().__init__([Problem(file, f"line {line}" if line else "", reason)])


def read_series(path: Path, zone: tzinfo, wanted: Mapping[str, str]) -> tuple[Series, tuple[str, ...]]:
    """The series of a file and what a reader should know of how it was read. ``zone``: wall clock for times that are instants.
    ``wanted``: titles of the time, power, voltage columns where a person gave them. BadRecord, OSError.
    """
    if (size := path.stat().st_size) > MOST_BYTES:
        raise BadRecord(
            path.name, 0, f"{size / 1e6:,.0f} MB; {MOST_BYTES // 2**20} MB: 文件过大，请分段 too large, give it in parts"
        )
    return parse(_decode(path.read_bytes(), path.name), path.name, zone, wanted)


def parse(text: str, name: str, zone: tzinfo, wanted: Mapping[str, str]) -> tuple[Series, tuple[str, ...]]:
    """As ``read_series``, of text already read; ``name`` is the file's name in errors."""
    lines = _lines(text)
    number, titles, delimiter = _header(lines, name)
    try:
        layout = find(titles, wanted)
    except NoColumn as error:
        raise BadRecord(name, number, str(error)) from error
    reader = _Reader(name, titles, layout, delimiter, Times(zone, index=layout.index, scale=layout.minutes))
    rows, turned = _in_order(list(reader.rows(lines)), name)
    try:
        series = on_grid(rows, clock=bool(reader.times.clock))
    except UnfitSeries as error:
        raise BadRecord(name, 0, str(error)) from error
    return series, (*_notes(layout, rows), *(["倒序已颠倒 the newest row came first: read backwards"] if turned else []))


def _decode(data: bytes, name: str) -> str:
    if b"\x00" in data[:4096] and not data.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise BadRecord(name, 1, "不是文本，请给 CSV 文件 this is not text: give a CSV file")
    codec = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return data.decode(codec).replace("\ufeff", "")  # files that were joined have marks in their midst
    except UnicodeDecodeError:
        pass
    try:
        return data.decode("gb18030")
    except UnicodeDecodeError as error:
        raise BadRecord(
            name, data[: error.start].count(b"\n") + 1, "编码既非 UTF-8 也非 GB18030 neither UTF-8 nor GB18030 text"
        ) from error


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines that hold something, with their numbers; not those that ``#`` begins, nor Excel's ``sep=;``."""
    return ((number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip() and not _REMARK.match(line))


def _header(lines: Iterator[tuple[int, str]], name: str) -> tuple[int, list[str], str]:
    number, line = next(lines, (0, ""))
    if not number:
        raise BadRecord(name, 0, "文件为空 the file is empty")
    delimiter = max(DELIMITERS, key=line.count)
    titles = _split(line, delimiter, name, number)
    if all(_is_number(title) or title.strip()[:4].isdigit() for title in titles):
        raise BadRecord(
            name, number, f"首行应为列名 the first line must name the columns (time,power_w,voltage_v), not {line.strip()[:60]!r}"
        )
    return number, titles, delimiter


def _split(line: str, delimiter: str, name: str, number: int) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise BadRecord(name, number, f"不是 CSV 行 not a CSV line: {error}") from error


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


_REMARK = re.compile(r"\s*#|\s*sep=.?\s*$")


class _Reader:
    """Turns the lines below the header into rows."""

    def __init__(self, name: str, titles: Sequence[str], layout: Layout, delimiter: str, times: Times) -> None:
        self._name, self._titles, self._layout, self._delimiter, self.times = name, titles, layout, delimiter, times

    def rows(self, lines: Iterator[tuple[int, str]]) -> Iterator[Row]:
        """In the order of the file."""
        for number, line in lines:
            yield self._row(number, _split(line, self._delimiter, self._name, number))

    def _row(self, line: int, cells: list[str]) -> Row:
        at = self._layout
        if len(cells) <= max(at.time, at.power, at.voltage, at.date or 0):
            raise BadRecord(self._name, line, f"只有 {len(cells)} 列 columns，表头有 the header names {len(self._titles)}")
        time = cells[at.time].strip()
        if at.date is not None:
            time = f"{cells[at.date].strip()} {time}"
        try:
            minute = self.times.minute(time)
        except (ValueError, OverflowError, OSError) as error:
            raise BadRecord(self._name, line, f"列 column {self._titles[at.time]!r}: {error}") from error
        watts, volts = self._number(line, cells, at.power) * at.watts, self._number(line, cells, at.voltage) * at.volts
        return Row(minute=minute, watts=watts, volts=volts, line=line)

    def _number(self, line: int, cells: list[str], column: int) -> float:
        text = cells[column].strip()
        if text.casefold() in MISSING:
            return math.nan
        try:
            value = float(self._plain(text))
        except ValueError:
            value = math.inf
        if not math.isfinite(value):
            raise BadRecord(self._name, line, f"列 column {self._titles[column]!r}: {text[:40]!r} 不是数 is not a number")
        return value

    def _plain(self, text: str) -> str:
        """A decimal comma where the delimiter is another, commas between thousands where it is a comma."""
        if self._delimiter != ",":
            return text.replace(",", ".") if text.count(",") == 1 else text
        return text.replace(",", "") if THOUSANDS.fullmatch(text) else text


def _in_order(rows: list[Row], name: str) -> tuple[list[Row], bool]:
    """The rows by time, and whether they came newest first, as many exports have them. Other disorder is refused: of two times of
    one clock nobody knows which was meant.
    """
    if not rows:
        raise BadRecord(name, 0, "只有表头 there is a header and nothing below it")
    back = [(before, after) for before, after in pairwise(rows) if after.minute < before.minute]
    if not back:
        return rows, False
    if all(after.minute <= before.minute for before, after in pairwise(rows)):
        return rows[::-1], True
    before, after = back[0]
    raise BadRecord(name, after.line, _backwards(before.minute - after.minute))


def _backwards(minutes: float) -> str:
    hint = " (a change to winter time? give times with their zone, or UTC)" if minutes in (59, 60) else ""
    return f"时间倒退 time goes back by {minutes:g} min；请按时间排序 sort it by time{hint}"


def _notes(layout: Layout, rows: Sequence[Row]) -> tuple[str, ...]:
    notes = [] if layout.named else ["unit of power not named in the header: taken as W"]
    watts = [row.watts for row in rows if not math.isnan(row.watts)]
    if not layout.named and watts and max(watts) < 50:
        notes.append(f"largest power is {max(watts):g} W: if the column is in kW, name it power_kw")
    if watts and min(watts) < 0:
        notes.append(f"{sum(value < 0 for value in watts)} rows have negative power: is a current transformer reversed?")
    twice = sum(after.minute == before.minute for before, after in pairwise(rows))
    return (*notes, *([f"{twice} rows repeat the time of the row before: averaged"] if twice else []))
