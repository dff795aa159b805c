"""Calendars, half-night lamps and leases as TALQ 2.7.1 has them (OpenAPI data model of 2026-04-20), for gateways with dayOffset
12; programs are in ``talq_program``, and ``talq_import`` is the way back.

What TALQ can not say is refused with the reason, never bent. Its schemas win over the examples of its text, which contradict
them.
"""

from __future__ import annotations

import calendar as civil
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import chain
from zoneinfo import ZoneInfo

from lampwell.lighting.calendar import festival_nights
from lampwell.lighting.loops import group_level
from lampwell.lighting.model import FULL, OFF, Calendar, Layer, LoopMap, Override, Rule, Span
from lampwell.lighting.talq_program import Json, NotExpressible, level_command

# -- calendars -----------------------------------------------------------------------------------------------------------------


def calendar_to_talq(calendar: Calendar, owner: str, years: range) -> Json:
    """A Calendar with the same programs; lunar festivals become dated rules for the lunar years given. NotExpressible.

    TALQ has one calendar for an actuator and none beneath it: a calendar of festivals stands by itself here, and what shines
    outside a festival's hours is not in it.
    """
    made: Json = {"id": calendar.id, "ownerCMS": owner}
    if rules := list(chain.from_iterable(_rules(calendar, rule, years) for rule in calendar.rules)):
        made["rules"] = rules
    return made | ({"defaultProgram": calendar.default} if calendar.default else {})


def _rules(calendar: Calendar, rule: Rule, years: range) -> Iterator[Json]:
    condition = _condition(calendar, rule)
    for start, end in _ranges(calendar, rule, years):
        made: Json = {"program": rule.program}
        made |= {"startDate": start} if start else {}
        made |= {"endDate": end} if end else {}
        yield made | ({"condition": condition} if condition else {})


def _condition(calendar: Calendar, rule: Rule) -> Json | None:
    """By weekday or by date; TALQ has no both."""
    if rule.weekdays and rule.dates:
        raise NotExpressible(f"calendar {calendar.id!r}: TALQ can not ask for weekdays and dates in one rule")
    if rule.weekdays:
        made: Json = {"type": "ccDay", "days": [{"start": day} for day in rule.weekdays]}
        return made | ({"occurrences": list(rule.occurrences)} if rule.occurrences else {})
    if rule.dates:
        return {"type": "ccDate", "dates": [_span(span) for span in rule.dates]}
    return None


def _span(span: Span) -> Json:
    return {"start": _day(span.first)} | ({"end": _day(span.last)} if span.last != span.first else {})


def _day(day: tuple[int, int]) -> str:
    return f"--{day[0]:02}-{day[1]:02}" if day[0] else f"---{day[1]:02}"


def _ranges(calendar: Calendar, rule: Rule, years: range) -> Iterator[tuple[str, str]]:
    """The stretches of dates in which a rule may hold."""
    if sum(map(bool, (rule.lunar, rule.months, rule.start or rule.end))) > 1:
        raise NotExpressible(f"calendar {calendar.id!r}: TALQ can not ask for months, festivals and dates in one rule")
    if rule.lunar:
        for year in years:
            yield from ((first.isoformat(), last.isoformat()) for first, last in festival_nights(rule, year))
    elif rule.months:
        yield from ((f"--{month:02}-01", f"--{month:02}-{civil.monthrange(2024, month)[1]:02}") for month in rule.months)
    elif len(rule.start) == len(rule.end) == 5 and rule.end < rule.start:  # over the new year
        yield from ((f"--{rule.start}", "--12-31"), ("--01-01", f"--{rule.end}"))
    else:
        yield _bound(rule.start), _bound(rule.end)


def _bound(text: str) -> str:
    return f"--{text}" if len(text) == 5 else text


# -- half-night lamps ----------------------------------------------------------------------------------------------------------


def segments_to_talq(chosen: LoopMap, groups: Mapping[str, str], day: date) -> list[Json]:
    """The segmentsConfiguration of a cabinet in the night of a date: TALQ has no turns, so it is written again when they change.

    ``groups``: the group of each loop, by the id of its SegmentMonitor function. A relay is ON where its group has any light.
    """
    levels = sorted({OFF, FULL, *(row.level for row in chosen.rows)})
    return [{"level": level, "segmentMonitors": list(_segments(chosen, groups, level, day))} for level in levels]


def _segments(chosen: LoopMap, groups: Mapping[str, str], level: int, day: date) -> Iterator[Json]:
    for loop, group in groups.items():
        lit = group_level(chosen, group, level, day) > OFF
        yield {"segmentMonitorFunctionId": loop, "relayState": "ON" if lit else "OFF"}


# -- leases --------------------------------------------------------------------------------------------------------------------


def override_to_talq(one: Override, zone: ZoneInfo) -> Json:
    """An OverrideCommand for a lease. Locks are states of the field, not commands: NotExpressible."""
    if one.layer is not Layer.LEASE:
        raise NotExpressible(f"override {one.id!r}: TALQ has leases only, not a {one.layer.name.lower().replace('_', ' ')}")
    command = level_command(one.level, one.ramp_s) | {
        "reason": "override",
        "cmsRefId": one.id,
        "start": _instant(one.start, zone),
    }
    command |= {"rampFromLevelTime": float(one.ramp_back_s)} if one.ramp_back_s else {}
    command |= {"expiration": _instant(one.end, zone)} if one.end is not None else {}
    return {"addresses": [{"resource": "devices", "address": target} for target in one.targets], "targetCommand": command}


def cancel_to_talq(targets: Sequence[str]) -> Json:
    """The OverrideCommand that ends what holds: one without a command."""
    return {"addresses": [{"resource": "devices", "address": target} for target in targets]}


def _instant(at: int, zone: ZoneInfo) -> str:
    """RFC 3339 with the zone's offset."""
    return datetime.fromtimestamp(at / 1000, zone).isoformat(timespec="milliseconds")
