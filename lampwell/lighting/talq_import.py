"""TALQ 2.7.1 calendars, control programs and override commands as this project's own. What is not understood is refused.

Kept to the schemas, not to the examples of the TALQ text. Not taken: sensor-only and value periods, dynamic controls and states
other than levels; a light sensor beside the sun's times becomes a lux rule.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from typing import Any

from lampwell.lighting.model import (
    Adjustment,
    Calendar,
    Event,
    LuxRule,
    Moment,
    Operation,
    Override,
    Period,
    Program,
    Rule,
    Span,
    Step,
    Text,
)
from lampwell.lighting.talq_walk import At, TalqRefused

__all__ = [
    "Cancel",
    "Taken",
    "TalqRefused",
    "calendar_from_talq",
    "override_from_talq",
    "program_from_talq",
    "read_calendar",
    "read_program",
]
Json = Mapping[str, Any]
_TIME = re.compile(r"\d\d:\d\d:\d\d")
_MONTH_DAY = re.compile(r"--(?:-|(\d\d)-)(\d\d)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A program, and the lux rule that its periods ask for, if any."""

    program: Program
    lux: LuxRule | None = None


@dataclass(frozen=True, slots=True)
class Cancel:
    """An override command without a command: what holds on these targets ends."""

    targets: tuple[str, ...]


# -- programs ------------------------------------------------------------------------------------------------------------------


def program_from_talq(raw: Json) -> Taken:
    """A ControlProgramOne. TalqRefused."""
    return read_program(At(raw, "ControlProgram"))


def read_program(top: At) -> Taken:
    """The same of a place in a document. What of it is understood is read, and nothing else."""
    if top.get("type").text() != "ControlProgramOne":
        raise top.get("type").refuse(f"must be ControlProgramOne, not {top.value['type']!r}")
    if top.has("dynamicControls") and top.items("dynamicControls"):
        raise top.get("dynamicControls").refuse("controls by sensors and events are not supported")
    name = top.get("id").text()
    periods = top.get("activePeriods").as_items()
    lux = next((found for each in periods if (found := _lux(each, name))), None)
    program = Program(
        id=name,
        zh=name,
        en=name,
        active=tuple(_period(each) for each in periods),
        steps=_steps(top),
        adjustments=tuple(_adjustment(each) for each in top.items("astroClockTimeControls")),
        lux=lux.id if lux else "",
    )
    return Taken(program=program, lux=lux)


def _period(at: At) -> Period:
    name = at.get("name").text()
    if name == "AbsoluteActivePeriod":
        return Period(start=_clock(at.get("startTime")), end=_clock(at.get("endTime")))
    if name in ("AstroClockActivePeriod", "AstroAndSensorActivePeriod"):
        return Period(
            start=Moment(Event.SUNSET, at.get("sunsetOffset").whole(-720, 720) * 60),
            end=Moment(Event.SUNRISE, at.get("sunriseOffset").whole(-720, 720) * 60),
        )
    raise at.get("name").refuse(f"{name} is not supported; a night needs the clock or the sun as its bounds")


def _lux(at: At, program: str) -> LuxRule | None:
    if at.get("name").value != "AstroAndSensorActivePeriod":
        return None
    if at.get("pcActiveBeforeSunrise").whole(0, 720):
        raise at.get("pcActiveBeforeSunrise").refuse("switching on by a sensor before sunrise is not supported; must be 0")
    advance = at.get("pcActiveBeforeSunset").whole(0, 720) + at.get("sunsetOffset").whole(-720, 720)
    rule = LuxRule(id=f"{program}-sensor", advance_min=max(0, advance), delay_min=0, sensors=1)
    on = at.get("onLevel").number() if at.has("onLevel") else rule.on_lx
    off = at.get("offLevel").number() if at.has("offLevel") else rule.off_lx
    if off <= on:
        raise at.refuse(f"offLevel {off:g} must be above onLevel {on:g}")
    return replace(rule, on_lx=on, off_lx=off)


def _steps(top: At) -> tuple[Step, ...]:
    steps, last = [], -1
    for each in top.get("fixedTimeControls").as_items():
        at = _clock(each.get("startTime"))
        if at.seconds <= last:
            raise each.get("startTime").refuse("must be later than the one before")
        last = at.seconds
        level, ramp_s = _command(each.get("command"))
        steps.append(Step(at=at, level=level, ramp_s=ramp_s))
    return tuple(steps)


def _adjustment(at: At) -> Adjustment:
    event, operation = at.get("solarEventType"), at.get("operation")
    if event.value not in ("sunset", "sunrise"):
        raise event.refuse(f"must be sunset or sunrise, not {event.value!r}")
    if operation.value not in tuple(Operation):
        raise operation.refuse(f"must be one of {', '.join(Operation)}, not {operation.value!r}")
    level = _level(at.get("command"))
    moment = Moment(Event(event.value), at.get("offset").whole(-720, 720) * 60)
    return Adjustment(at=moment, operation=Operation(operation.value), level=level)


def _command(at: At) -> tuple[int, int]:
    """Level and seconds of ramp."""
    ramp = at.get("rampToLevelTime").number() if at.has("rampToLevelTime") else 0.0
    return _level(at), round(ramp)


def _level(at: At) -> int:
    state = at.get("state")
    if state.get("name").value != "LevelState":
        raise state.get("name").refuse(f"must be LevelState, not {state.value['name']!r}")
    return state.get("value").whole(0, 100)


def _clock(at: At) -> Moment:
    try:
        found = time.fromisoformat(at.text() if _TIME.fullmatch(at.text()) else "")
    except ValueError:
        raise at.refuse(f"must be a time hh:mm:ss, not {at.value!r}") from None
    return Moment(Event.CLOCK, found.hour * 3600 + found.minute * 60 + found.second)


# -- calendars -----------------------------------------------------------------------------------------------------------------


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


# -- overrides -----------------------------------------------------------------------------------------------------------------


def override_from_talq(raw: Json, received: int) -> Override | Cancel:
    """An OverrideCommand received at an instant (epoch ms). TalqRefused, above all without an expiration: a lease has an end."""
    top = At(raw, "OverrideCommand")
    targets = tuple(each.get("address").text() for each in top.items("addresses"))
    if not targets:
        raise top.refuse("addresses is missing or empty; commands by external sensors are not supported")
    if not top.has("targetCommand"):
        return Cancel(targets)
    command = top.get("targetCommand")
    if not command.has("expiration"):
        raise command.refuse("expiration is missing; every override must have an end")
    level, ramp_s = _command(command)
    back = command.get("rampFromLevelTime").number() if command.has("rampFromLevelTime") else 0.0
    start = _instant(command.get("start")) if command.has("start") else received
    end = _instant(command.get("expiration"))
    if end <= start:
        raise command.get("expiration").refuse("must be after the start")
    name = command.get("cmsRefId").text() if command.has("cmsRefId") else f"talq-{received}"
    return Override(
        id=name,
        targets=targets,
        level=level,
        issued=received,
        start=start,
        end=end,
        ramp_s=ramp_s,
        ramp_back_s=round(back),
        reason=Text(zh="TALQ 指令", en="TALQ command"),
    )


def _instant(at: At) -> int:
    try:
        found = datetime.fromisoformat(at.text())
    except ValueError:
        found = None
    if found is None or found.tzinfo is None:
        raise at.refuse(f"must be a date and time with its offset, not {at.value!r}")
    return round(found.timestamp() * 1000)
