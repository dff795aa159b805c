"""TALQ 2.7.1 calendars as this project's own; programs are in ``talq_import_program``, commands in ``talq_import_override``.

Kept to the schemas, not to the examples of the TALQ text. What is not understood is refused.
"""

from __future__ import annotations

import re
from datetime import date

from lampwell.lighting.model import Calendar, Rule, Span
from lampwell.lighting.talq_import_program import Json
from lampwell.lighting.talq_walk import At

_MONTH_DAY = re.compile(r"--(?:-|(\d\d)-)(\d\d)")


def calendar_from_talq(raw: Json) -> Calendar:
    """A Calendar of a gateway with dayOffset 12. TalqRefused."""
    return read_calendar(At(raw, "Calendar"))


def read_calendar(top: At) -> Calendar:
    """The same of a place in a document, as ``read_program``."""
    name = top.get("id").text()
    default = top.get("defaultProgram").text() if top.has("defaultProgram") else ""
    return Calendar(id=name, zh=name, en=name, default=default, rules=tuple(_rule(each) for each in top.items("rules")))


def _rule(at: At) -> Rule:
    start = _bound(at.get("startDate")) if at.has("startDate") else ""
    end = _bound(at.get("endDate")) if at.has("endDate") else ""
    program = at.get("program").text()
    if not at.has("condition"):
        return Rule(program=program, start=start, end=end)
    condition = at.get("condition")
    kind = condition.get("type").value
    if kind == "ccDate":
        return Rule(program=program, start=start, end=end, dates=tuple(_span(each) for each in condition.get("dates").as_items()))
    if kind == "ccDay":
        days = sorted({day for each in condition.get("days").as_items() for day in _weekdays(each)})
        return Rule(program=program, start=start, end=end, weekdays=tuple(days), occurrences=_occurrences(condition))
    raise condition.get("type").refuse(f"must be ccDate or ccDay, not {kind!r}")


def _occurrences(condition: At) -> tuple[str, ...]:
    found = condition.items("occurrences")
    for each in found:
        if each.value not in ("1", "2", "3", "4", "5", "L"):
            raise each.refuse(f"must be 1 to 5 or L, not {each.value!r}")
    return tuple(each.value for each in found)


def _weekdays(at: At) -> range:
    first = at.get("start").whole(1, 7)
    last = at.get("end").whole(1, 7) if at.has("end") else first
    if last < first:
        raise at.refuse("the end must not be before the start")
    return range(first, last + 1)


def _span(at: At) -> Span:
    first = _month_day(at.get("start"))
    last = _month_day(at.get("end")) if at.has("end") else first
    if (first[0] == 0) != (last[0] == 0) or last < first:
        raise at.refuse("start and end must be of one kind, and the end not before the start")
    return Span(first=first, last=last)


def _month_day(at: At) -> tuple[int, int]:
    text = at.text()
    parts = _MONTH_DAY.fullmatch(text)
    try:
        found = date.fromisoformat(f"2024-{parts[1] or '01'}-{parts[2]}" if parts else "")
    except ValueError:
        raise at.refuse(f"must be ---dd or --mm-dd, not {text!r}") from None
    return (found.month if parts and parts[1] else 0), found.day


def _bound(at: At) -> str:
    text = at.text()
    if text.startswith("--"):
        month, day = _month_day(at)
        if month:
            return f"{month:02}-{day:02}"
    try:
        return date.fromisoformat(text if len(text) == 10 and text[5:7].isdigit() else "").isoformat()
    except ValueError:
        raise at.refuse(f"must be yyyy-mm-dd or --mm-dd, not {text!r}") from None
