"""Calendars, programs and leases as TALQ 2.7.1 has them (OpenAPI data model of 2026-04-20), for gateways with dayOffset 12.

What TALQ can not say is refused with the reason, never bent. Its schemas win over the examples of its text, which contradict
them.
``talq_import`` is the way back.
"""

from __future__ import annotations

import calendar as civil
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import chain
from typing import Any
from zoneinfo import ZoneInfo

from lampwell.errors import LampwellError
from lampwell.lighting.calendar import festival_nights
from lampwell.lighting.loops import group_level
from lampwell.lighting.model import (
    FULL,
    OFF,
    Calendar,
    Event,
    Layer,
    LoopMap,
    LuxRule,
    Moment,
    Override,
    Period,
    Program,
    Rule,
    Span,
    Step,
)
from lampwell.lighting.moments import write_moment
from lampwell.lighting.night import NOON_S

Json = dict[str, Any]
_DAY_S = 86_400
_LATEST_END_S, _EARLIEST_START_S = 15 * 3600, 11 * 3600
"""Seconds after noon, 03:00 and 23:00: the sun is down between them almost everywhere that has streetlights."""
_OPEN_MIN = 720
"""Offset of an edge that is not the sun's: beyond the night, so that the steps to and from level 0 decide."""


class NotExpressible(LampwellError):
    """TALQ has no words for this; the message says for what."""


# -- programs ------------------------------------------------------------------------------------------------------------------


def program_to_talq(program: Program, owner: str, lux: LuxRule | None = None, sensors: Sequence[str] = ()) -> Json:
    """A ControlProgramOne that gives the same levels. With a lux rule its astro periods listen to ``sensors`` (at most two).

    TALQ knows no delay after sunrise: that part of the rule is left to this project's own edge nodes. NotExpressible.
    """
    made: Json = {"type": "ControlProgramOne", "id": program.id, "ownerCMS": owner}
    astro = [period for period in program.active if not _by_clock(period)]
    made["activePeriods"] = [_astro(program, astro, lux, sensors)] if astro else []
    made["activePeriods"] += [_absolute(one) for one in program.active if _by_clock(one)]
    made["fixedTimeControls"] = list(_fixed(program, within=bool(astro)))
    if turns := list(_turns(program)):
        made["astroClockTimeControls"] = turns
    return made


def _by_clock(period: Period) -> bool:
    return period.start.event is Event.CLOCK and period.end.event is Event.CLOCK


def _absolute(period: Period) -> Json:
    return {"name": "AbsoluteActivePeriod", "startTime": _time(period.start.seconds), "endTime": _time(period.end.seconds)}


def _astro(program: Program, periods: Sequence[Period], lux: LuxRule | None, sensors: Sequence[str]) -> Json:
    """The one span of the sun in which a program is active; its edges by the clock become steps to and from level 0."""
    starts = {one.start for one in periods if one.start.event is not Event.CLOCK}
    ends = {one.end for one in periods if one.end.event is not Event.CLOCK}
    if len(starts) > 1 or len(ends) > 1:
        raise NotExpressible(f"program {program.id!r}: its periods begin or end by the sun at different moments")
    if len({(one.start.event is Event.CLOCK, one.end.event is Event.CLOCK) for one in periods}) > 1:
        _check_edges(program, periods)
    made: Json = {
        "name": "AstroClockActivePeriod",
        "sunsetOffset": _offset(program, starts, Event.SUNSET, -_OPEN_MIN),
        "sunriseOffset": _offset(program, ends, Event.SUNRISE, _OPEN_MIN),
    }
    if lux:
        made |= {
            "name": "AstroAndSensorActivePeriod",
            "sensor": {"sensorAddresses": list(sensors[:2])},
            "pcActiveBeforeSunset": max(0, lux.advance_min - made["sunsetOffset"]),
            "pcActiveBeforeSunrise": 0,
            "onLevel": lux.on_lx,
            "offLevel": lux.off_lx,
        }
    return made


def _check_edges(program: Program, periods: Sequence[Period]) -> None:
    """One span of the sun for periods of several shapes is right only while their clock edges are well inside the night."""
    for one in periods:
        early = one.end.event is Event.CLOCK and _from_noon(one.end.seconds) > _LATEST_END_S
        late = one.start.event is Event.CLOCK and _from_noon(one.start.seconds) < _EARLIEST_START_S
        if early or late:
            edge = write_moment(one.end if early else one.start)
            raise NotExpressible(
                f"program {program.id!r}: TALQ can not join a period with an edge at {edge} to others by the sun"
            )


def _offset(program: Program, moments: set[Moment], event: Event, otherwise: int) -> int:
    for moment in moments:
        if moment.event is not event or moment.seconds % 60:
            raise NotExpressible(f"program {program.id!r}: TALQ has {event} in whole minutes there, not {write_moment(moment)}")
        return moment.seconds // 60
    return otherwise


def _fixed(program: Program, *, within: bool) -> Iterator[Json]:
    """The steps by the clock in the order TALQ wants, from midnight on; noon begins the night with the program's own level."""
    steps = sorted((step for step in program.steps if step.at.event is Event.CLOCK), key=lambda step: _from_noon(step.at.seconds))
    times = {step.at.seconds: step for step in steps}
    edges = (
        {edge.seconds for one in program.active for edge in (one.start, one.end) if edge.event is Event.CLOCK}
        if within
        else set()
    )
    first = program.level
    if first is None and edges:
        raise NotExpressible(f"program {program.id!r}: with periods that end by the clock it needs a level to begin with")
    for seconds in sorted({*times, *edges} | (set() if first is None else {NOON_S})):
        before = [step for step in steps if _from_noon(step.at.seconds) <= _from_noon(seconds)]
        level = before[-1].level if before or first is None else first
        lit = not within or any(_clock_side(one, seconds) for one in program.active)
        yield {"startTime": _time(seconds), "command": _command(level if lit else OFF, _ramp(program, times.get(seconds)))}


def _clock_side(period: Period, seconds: int) -> bool:
    """Whether the clock is past the start and before the end, as far as those are by the clock."""
    now = _from_noon(seconds)
    if _by_clock(period) and _from_noon(period.end.seconds) <= _from_noon(period.start.seconds):
        return now < _from_noon(period.end.seconds) or now >= _from_noon(period.start.seconds)
    started = period.start.event is not Event.CLOCK or now >= _from_noon(period.start.seconds)
    return started and (period.end.event is not Event.CLOCK or now < _from_noon(period.end.seconds))


def _turns(program: Program) -> Iterator[Json]:
    """Adjustments; or steps by the sun, which TALQ can only set when no step by the clock comes between them."""
    by_sun = [step for step in program.steps if step.at.event is not Event.CLOCK]
    if by_sun and (program.adjustments or len(by_sun) != len(program.steps)):
        raise NotExpressible(
            f"program {program.id!r}: TALQ can not mix a step at {write_moment(by_sun[0].at)} with others by the clock"
        )
    if program.adjustments and any(_by_clock(one) != _by_clock(program.active[0]) or _is_mixed(one) for one in program.active):
        raise NotExpressible(f"program {program.id!r}: TALQ would adjust the level 0 that ends a period by the clock")
    if by_sun:
        yield from _set_by_sun(program, by_sun)
    for change in program.adjustments:
        yield _turn(program, change.at, change.operation, change.level, 0)


def _set_by_sun(program: Program, steps: Sequence[Step]) -> Iterator[Json]:
    """What holds when the night opens is set there; steps before that moment only count as far as they say it."""
    opening, level = _opening(program), program.level
    late = [step for step in steps if step.at.event is not Event.SUNSET or step.at.seconds > opening.seconds]
    early = sorted((step for step in steps if step not in late), key=lambda step: step.at.seconds)
    yield _turn(program, opening, "Set", early[-1].level if early else level or OFF, 0)
    for step in late:
        yield _turn(program, step.at, "Set", step.level, _ramp(program, step))


def _opening(program: Program) -> Moment:
    """The sunset with which a night of steps by the sun begins at the program's own level."""
    starts = [one.start for one in program.active]
    if program.level is None or len(starts) != 1 or starts[0].event is not Event.SUNSET or _is_mixed(program.active[0]):
        raise NotExpressible(f"program {program.id!r}: steps by the sun need a level and one period from sunset to sunrise")
    return starts[0]


def _is_mixed(period: Period) -> bool:
    return (period.start.event is Event.CLOCK) != (period.end.event is Event.CLOCK)


def _turn(program: Program, at: Moment, operation: str, level: int, ramp_s: int) -> Json:
    if at.event not in (Event.SUNSET, Event.SUNRISE) or at.seconds % 60:
        raise NotExpressible(
            f"program {program.id!r}: TALQ has no step at {write_moment(at)}, only whole minutes from sunset or sunrise"
        )
    return {
        "offset": at.seconds // 60,
        "solarEventType": str(at.event),
        "operation": str(operation),
        "command": _command(level, ramp_s),
    }


def _ramp(program: Program, step: Step | None) -> int:
    if step is None:
        return 0
    return program.ramp_s if step.ramp_s is None else step.ramp_s


def _command(level: int, ramp_s: int) -> Json:
    made: Json = {"state": {"name": "LevelState", "value": level}}
    return made | ({"rampToLevelTime": float(ramp_s)} if ramp_s else {})


def _from_noon(seconds: int) -> int:
    return (seconds - NOON_S) % _DAY_S


def _time(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"


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
    command = _command(one.level, one.ramp_s) | {"reason": "override", "cmsRefId": one.id, "start": _instant(one.start, zone)}
    command |= {"rampFromLevelTime": float(one.ramp_back_s)} if one.ramp_back_s else {}
    command |= {"expiration": _instant(one.end, zone)} if one.end is not None else {}
    return {"addresses": [{"resource": "devices", "address": target} for target in one.targets], "targetCommand": command}


def cancel_to_talq(targets: Sequence[str]) -> Json:
    """The OverrideCommand that ends what holds: one without a command."""
    return {"addresses": [{"resource": "devices", "address": target} for target in targets]}


def _instant(at: int, zone: ZoneInfo) -> str:
    """RFC 3339 with the zone's offset."""
    return datetime.fromtimestamp(at / 1000, zone).isoformat(timespec="milliseconds")
