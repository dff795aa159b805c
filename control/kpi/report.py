"""The figures as people and programs take them: an aligned text table (Chinese first), JSON, and CSV that Excel opens."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from control.kpi.measures import GROUPS
from control.kpi.model import Figures
from control.kpi.verdict import MARKS, VERDICTS_ZH, Measure, Verdict, judge
from lampwell.columns import table
from lampwell.spreadsheet import as_csv
from lampwell.times import local

MIN_DAYS = 30
"""Shorter periods say little (domain alarms 1.2: at least 30 days)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One figure with its verdict. ``value`` None = no data; shares are 0 to 1. ``target``: the limits in words, "" = none."""

    id: str
    zh: str
    en: str
    value: float | None
    unit: str
    verdict: Verdict
    target: str
    source: str
    mark: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One position over one period. ``position``: an area, "" = the whole county. ``groups``: (zh, en, lines). ``notes``: what a
    reader must know before believing it.
    """

    position: str
    start: int
    end: int
    figures: Figures | None
    groups: tuple[tuple[str, str, tuple[Line, ...]], ...]
    notes: tuple[str, ...]


def report(found: Figures | None, start: int, end: int, *, position: str = "") -> Report:
    """The report of [start, end) as it was asked for; ``found`` None = the journal says nothing of it."""
    groups = tuple((zh, en, tuple(_line(measure, found) for measure in measures)) for zh, en, measures in GROUPS)
    return Report(position=position, start=start, end=end, figures=found, groups=groups, notes=_notes(found, start, end))


def as_text(one: Report, zone: ZoneInfo) -> str:
    """For a terminal."""
    where = one.position or "全县 whole county"
    head = [f"报警与维修指标 alarm and repair figures · {where}", f"{_shown(one.start, zone)} — {_shown(one.end, zone)}"]
    body = [text for zh, en, lines in one.groups for text in ("", f"【{zh} {en}】", *_table(lines))]
    return "\n".join([*head, *(f"! {note}" for note in one.notes), *body, *_top(one.figures)]) + "\n"


def as_json(one: Report) -> str:
    """For programs: every line with its verdict, and the figures behind."""
    whole = {
        "position": one.position,
        "start": one.start,
        "end": one.end,
        "notes": one.notes,
        "lines": [dataclasses.asdict(line) for _, _, lines in one.groups for line in lines],
        "figures": None if one.figures is None else dataclasses.asdict(one.figures),
    }
    return json.dumps(whole, ensure_ascii=False, allow_nan=False, indent=2)


def csv_of(one: Report) -> str:
    """For Excel."""
    titles = ("指标 id", "名称", "name", "数值 value", "单位 unit", "结论", "verdict", "目标 target", "来源 source", "依据 basis")
    lines = [
        (each.id, each.zh, each.en, each.value, each.unit, VERDICTS_ZH[each.verdict], str(each.verdict), each.target, each.source,
         MARKS[each.mark])
        for _, _, lines in one.groups
        for each in lines
    ]  # fmt: skip
    return as_csv(titles, lines)


# -- the pieces ----------------------------------------------------------------------------------------------------------------


def _line(measure: Measure, found: Figures | None) -> Line:
    value, verdict = judge(measure, found)
    return Line(
        id=measure.id,
        zh=measure.zh,
        en=measure.en,
        value=value,
        unit=measure.unit,
        verdict=verdict,
        target=_target(measure),
        source=measure.source,
        mark=measure.mark,
    )


def _target(measure: Measure) -> str:
    if measure.good is None:
        return measure.aim
    good = f"{'<' if measure.below else '≤'} {number(measure.good, measure.unit)}"
    return good if measure.most is None else f"{good} ({number(measure.most, measure.unit)})"


def _notes(found: Figures | None, start: int, end: int) -> tuple[str, ...]:
    if found is None:
        return ("日志没有这段时间的记录，不能说明情况正常 the journal says nothing of this time; that is no sign of order",)
    notes = []
    if found.end - found.start < end - start:
        notes.append(f"日志只覆盖其中{found.days:.1f}天 the journal speaks of {found.days:.1f} days of it only")
    if found.days < MIN_DAYS:
        notes.append(f"不足{MIN_DAYS}天，仅供参考 less than {MIN_DAYS} days: a hint, no more")
    return tuple(notes)


def _table(lines: tuple[Line, ...]) -> list[str]:
    cells = [
        (each.zh, each.en, number(each.value, each.unit), each.target, f"{VERDICTS_ZH[each.verdict]} {each.verdict}".strip(),
         MARKS[each.mark] if each.target else "")
        for each in lines
    ]  # fmt: skip
    return list(table(cells, right=(2,)))


def _top(found: Figures | None) -> list[str]:
    if found is None or not found.nuisance.top:
        return []
    counted = [f"{count:>6}  {key}" for key, count in found.nuisance.top]
    restless = [f"{'':>6}  {key}" for key in found.nuisance.chattering]
    return [
        "",
        "【最频繁的报警 the most frequent alarms】",
        *counted,
        *(["", "【抖动 chattering】", *restless] if restless else []),
    ]


def number(value: float | None, unit: str) -> str:
    """``98.5 %`` of a share, ``12.25 s``; a dash where there is no data."""
    if value is None:
        return "—"
    if unit == "%":
        return f"{value * 100:.1f} %"
    shown = f"{value:.2f}".rstrip("0").rstrip(".")
    return f"{shown} {unit}".rstrip()


def _shown(at: int, zone: ZoneInfo) -> str:
    return f"{local(at, zone):%Y-%m-%d %H:%M}"
