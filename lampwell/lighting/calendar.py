"""Which program a night takes: ordered rules, the first that matches. A night is noon to noon and has the date of its dusk."""

from __future__ import annotations

import calendar
from datetime import date, timedelta

from lampwell.lighting.lunar import festival_day
from lampwell.lighting.model import Calendar, Rule, Span


def program_of(chosen: Calendar, day: date) -> tuple[str, Rule | None]:
    """The program's id ("" none) and the rule that says so (None: the default)."""
    for rule in chosen.rules:
        if matches(rule, day):
            return rule.program, rule
    return chosen.default, None


def matches(rule: Rule, day: date) -> bool:
    """Every condition of the rule holds for the night of this date."""
    return (
        _in_range(rule.start, rule.end, day)
        and (not rule.months or day.month in rule.months)
        and (not rule.weekdays or _is_weekday(rule, day))
        and (not rule.dates or any(in_span(span, day) for span in rule.dates))
        and (not rule.lunar or _is_festival(rule, day))
    )


def _in_range(start: str, end: str, day: date) -> bool:
    if start and end and len(start) == len(end) == 5:
        now = f"{day:%m-%d}"
        return start <= now <= end if start <= end else now >= start or now <= end
    return (not start or _written(day, start) >= start) and (not end or _written(day, end) <= end)


def _written(day: date, like: str) -> str:
    """The day as the bound is written: with its year, or without."""
    return day.isoformat() if len(like) == 10 else f"{day:%m-%d}"


def _is_weekday(rule: Rule, day: date) -> bool:
    if day.isoweekday() not in rule.weekdays:
        return False
    if not rule.occurrences:
        return True
    is_last = day.day + 7 > calendar.monthrange(day.year, day.month)[1]
    return str((day.day + 6) // 7) in rule.occurrences or (is_last and "L" in rule.occurrences)


def in_span(span: Span, day: date) -> bool:
    """The day is in a span of every month or of one."""
    now = (day.month if span.first[0] else 0, day.day)
    return span.first <= now <= span.last


def _is_festival(rule: Rule, day: date) -> bool:
    """Near the new year the lunar year that began in the civil year before still runs."""
    for name in rule.lunar:
        for year in (day.year - 1, day.year, day.year + 1):
            feast = festival_day(name, year)
            if feast and -rule.days_before <= (day - feast).days <= rule.days_after:
                return True
    return False


def festival_nights(rule: Rule, year: int) -> list[tuple[date, date]]:
    """First and last night of each lunar festival of the rule in the lunar year that begins in ``year``."""
    feasts = [feast for name in rule.lunar if (feast := festival_day(name, year))]
    return [(feast - timedelta(rule.days_before), feast + timedelta(rule.days_after)) for feast in feasts]
