"""Answers as sheets (named columns), and sheets as a table, CSV or Parquet."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

from lampwell.columns import table, text_width
from lampwell.history.port import Buckets, Gap, Latest, Quarantined, Readings, SeriesInfo
from lampwell.readings import BAD_FLAGS, Flag
from lampwell.spreadsheet import begins_formula, harmless
from lampwell.times import shown, shown_plain

TITLES = {
    "time": "时间 time",
    "start": "开始 start",
    "end": "结束 end",
    "minutes": "分钟 minutes",
    "at": "隔离时间 put aside",
    "series": "测点 series",
    "kind": "类型 kind",
    "unit": "单位 unit",
    "value": "值 value",
    "quality": "质量 quality",
    "flags": "标志 flags",
    "min": "最小 min",
    "max": "最大 max",
    "mean": "平均 mean",
    "last": "末值 last",
    "count": "有效 count",
    "bad": "坏值 bad",
    "reason": "原因 reason",
}
TIMES = ("time", "start", "end", "at")


@dataclass(frozen=True, slots=True)
class Sheet:
    """Rows under named columns; the columns named in TIMES hold epoch ms."""

    columns: tuple[str, ...]
    rows: Sequence[tuple[object, ...]]


def quality(flags: int) -> str:
    """Flags in words: ``好 good``, ``疑 SPIKE``, ``坏 RANGE+RATE``, ``旧 STALE``."""
    if not flags:
        return "好 good"
    names = "+".join(flag.name or "" for flag in Flag if flags & flag) or str(flags)
    return f"{'坏' if flags & BAD_FLAGS else '旧' if flags & Flag.STALE else '疑'} {names}"


# -- sheets ------------------------------------------------------------------------------------------------------------


def of_series(infos: Iterable[SeriesInfo]) -> Sheet:
    """The catalogue."""
    return Sheet(("series", "kind", "unit"), [(str(info.id), info.kind.value, info.unit) for info in infos])


def of_latest(rows: Iterable[Latest]) -> Sheet:
    """Newest readings."""
    found = [(row.time, str(row.series.id), row.value, row.series.unit, quality(row.flags)) for row in rows]
    return Sheet(("time", "series", "value", "unit", "quality"), found)


def of_readings(answers: Iterable[tuple[SeriesInfo, Readings]]) -> Sheet:
    """Raw readings."""
    rows = [
        (time, str(info.id), value, info.unit, quality(flags))
        for info, readings in answers
        for time, value, flags in zip(readings.time, readings.value, readings.flags, strict=True)
    ]
    return Sheet(("time", "series", "value", "unit", "quality"), rows)


def of_buckets(answers: Iterable[tuple[SeriesInfo, Buckets]]) -> Sheet:
    """Buckets."""
    rows = [
        (time, str(info.id), *numbers, info.unit)
        for info, b in answers
        for time, *numbers in zip(b.time, b.min, b.max, b.mean, b.last, b.count, b.bad, strict=True)
    ]
    return Sheet(("time", "series", "min", "max", "mean", "last", "count", "bad", "unit"), rows)


def of_gaps(answers: Iterable[tuple[SeriesInfo, Sequence[Gap]]]) -> Sheet:
    """Gaps."""
    rows = [
        (gap.start, gap.end, str(info.id), round((gap.end - gap.start) / 60_000, 2)) for info, gaps in answers for gap in gaps
    ]
    return Sheet(("start", "end", "series", "minutes"), rows)


def of_quarantine(rows: Iterable[Quarantined]) -> Sheet:
    """What was put aside."""
    found = [(row.at, row.time, str(row.series), row.value, quality(row.flags), row.reason) for row in rows]
    return Sheet(("at", "time", "series", "value", "quality", "reason"), found)


# -- as people or programs want them --------------------------------------------------------------------------------------


def as_table(sheet: Sheet, zone: ZoneInfo) -> str:
    """Aligned columns under titles; numbers to the right."""
    cells = [[TITLES[name] for name in sheet.columns], *_texts(sheet, lambda time: shown(time, zone))]
    widths = [max(text_width(row[i]) for row in cells) for i in range(len(sheet.columns))]
    right = [bool(sheet.rows) and all(isinstance(row[i], (int, float)) for row in sheet.rows) for i in range(len(widths))]
    right = [flag and name not in TIMES for flag, name in zip(right, sheet.columns, strict=True)]
    cells.insert(1, ["─" * width for width in widths])
    return "\n".join(table(cells, right=[n for n, is_right in enumerate(right) if is_right]))


def as_csv(sheet: Sheet, zone: ZoneInfo, *, excel: bool) -> str:
    """CSV with full local times; for Excel with byte order mark, bilingual titles, plain times, and no cell it would execute."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n" if excel else "\n")
    writer.writerow([TITLES[name] for name in sheet.columns] if excel else sheet.columns)
    for row in _texts(sheet, lambda time: (shown_plain if excel else shown)(time, zone)):
        writer.writerow([_harmless(cell) for cell in row] if excel else row)
    return ("\ufeff" if excel else "") + out.getvalue()


def to_parquet(sheet: Sheet, path: Path) -> None:
    """A Parquet file. Values of several kinds in one column become text."""
    from lampwell.history.export import write_parquet

    columns = list(zip(*sheet.rows, strict=True)) or [()] * len(sheet.columns)
    write_parquet(path, {name: _uniform(values) for name, values in zip(sheet.columns, columns, strict=True)})


def _uniform(values: Sequence[object]) -> Sequence[object]:
    kinds = {type(value) for value in values} - {type(None)}
    if kinds <= {int, float} and len(kinds) == 2:
        return [None if value is None else float(value) for value in values]  # type: ignore[arg-type]
    return values if len(kinds) <= 1 else [None if value is None else str(value) for value in values]


def _texts(sheet: Sheet, time: Callable[[int], str]) -> list[list[str]]:
    is_time = [name in TIMES for name in sheet.columns]
    return [
        [time(cell) if timely and isinstance(cell, int) else _text(cell) for cell, timely in zip(row, is_time, strict=True)]
        for row in sheet.rows
    ]


def _text(cell: object) -> str:
    if cell is None:
        return ""
    return f"{cell:.10g}" if isinstance(cell, float) else str(cell)


def _harmless(cell: str) -> object:
    return cell if not begins_formula(cell) or _is_number(cell) else harmless(cell)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
