"""TALQ 2.7.1 control programs as this project's own. What is not understood is refused.

Not taken: sensor-only and value periods, dynamic controls and states other than levels; a light sensor beside the sun's times
becomes a lux rule.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import time
from typing import Any

from lampwell.config_words import shown
from lampwell.lighting.model import Adjustment, Event, LuxRule, Moment, Operation, Period, Program, Step
from lampwell.lighting.talq_walk import At

Json = Mapping[str, Any]
_TIME = re.compile(r"\d\d:\d\d:\d\d")


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A program, and the lux rule that its periods ask for, if any."""

    program: Program
    lux: LuxRule | None = None


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
        level, ramp_s = read_command(each.get("command"))
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


def read_command(at: At) -> tuple[int, int]:
    """Level and seconds of ramp."""
    ramp = at.get("rampToLevelTime").number() if at.has("rampToLevelTime") else 0.0
    return _level(at), round(ramp)


def _level(at: At) -> int:
    state = at.get("state")
    if state.get("name").value != "LevelState":
        raise state.get("name").refuse(f"must be LevelState, not {shown(state.value['name'])}")
    return state.get("value").whole(0, 100)


def _clock(at: At) -> Moment:
    try:
        found = time.fromisoformat(at.text() if _TIME.fullmatch(at.text()) else "")
    except ValueError:
        raise at.refuse(f"must be a time hh:mm:ss, not {shown(at.value)}") from None
    return Moment(Event.CLOCK, found.hour * 3600 + found.minute * 60 + found.second)
