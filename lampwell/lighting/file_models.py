"""What the files of a county's ``lighting`` folder may say. ``docs/configuration.md`` explains each key."""

from __future__ import annotations

import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, PlainValidator

from lampwell.config import Settings, matching, one_of
from lampwell.config_words import refused
from lampwell.lighting.lunar import FESTIVALS, lunar_day
from lampwell.lighting.model import Event, Moment, Rotation, Span
from lampwell.lighting.moments import FORMS, read_moment

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DATE = re.compile(r"(\d{4}-)?\d\d-\d\d")
_SPAN = re.compile(r"(?:(\d\d)-)?(\d\d)(?:\.\.(?:(\d\d)-)?(\d\d))?")
MOST_STEPS = 12
"""Domain streetlights 1.3: what this project wants of a program; a device's own limit is checked before activation."""


def _moment(value: object) -> Moment:
    if not isinstance(value, str):
        raise refused(FORMS, value)
    try:
        return read_moment(value)
    except ValueError:
        raise refused(FORMS, value) from None


def _bound(text: str) -> str:
    written = text if _DATE.fullmatch(text) else ""
    try:
        date.fromisoformat(written if len(written) == 10 else f"2024-{written}")
    except ValueError:
        raise refused("a date such as 2026-02-17, or 11-15 for every year", text) from None
    return text


def _span(value: object) -> Span:
    found = _SPAN.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise refused("a day of every month (15), of the year (10-01), or a range of either (10-01..10-07)", value)
    first = int(found[1] or 0), int(found[2])
    last = (int(found[3] or found[1] or 0), int(found[4])) if found[4] else first
    if (found[3] and not found[1]) or not _is_day(first) or not _is_day(last):
        raise refused("days that exist, such as 02-29 or 31", value)
    if last < first:
        raise refused("a range that does not end before it begins; over the new year write two", value)
    return Span(first=first, last=last)


def _is_day(day: tuple[int, int]) -> bool:
    try:
        date(2024, day[0] or 1, day[1])
    except ValueError:
        return False
    return True


def _feast(text: str) -> str:
    if text not in FESTIVALS:
        try:
            lunar_day(text)
        except ValueError as error:
            raise refused(f"a lunar festival ({', '.join(FESTIVALS)}) or a lunar day such as 8-15", text) from error
    return text


def _sun_moment(value: object) -> Moment:
    moment = _moment(value)
    if moment.event not in (Event.SUNSET, Event.SUNRISE):
        raise refused("sunset or sunrise with minutes after it", value)
    return moment


Id = Annotated[str, matching(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", "at most 64 letters, digits, '-', '_' or '.'")]
Name = Annotated[str, Field(min_length=1, max_length=60)]
At = Annotated[Any, PlainValidator(_moment)]
SunAt = Annotated[Any, PlainValidator(_sun_moment)]
Percent = Annotated[int, Field(ge=0, le=100)]
Ramp = Annotated[int, Field(ge=0, le=3600)]
Bound = Annotated[str, AfterValidator(_bound)]
SpanText = Annotated[Any, PlainValidator(_span)]
Feast = Annotated[str, AfterValidator(_feast)]


class PeriodFile(Settings):
    """One active period."""

    start: At
    end: At


class StepFile(Settings):
    """A level from a moment on."""

    at: At
    level: Percent
    ramp_s: Ramp | None = None


class AdjustmentFile(Settings):
    """A change of the steps' level from a moment of the sun on."""

    at: SunAt
    operation: Literal["Set", "Max", "Min", "Add", "Sub", "Mul"]
    level: Percent


class ProgramFile(Settings):
    """``[[program]]`` of programs.toml."""

    id: Id
    zh: Name
    en: Name
    active: list[PeriodFile] = Field(default_factory=list)
    level: Percent | None = None
    step: list[StepFile] = Field(default_factory=list, max_length=MOST_STEPS)
    adjustment: list[AdjustmentFile] = Field(default_factory=list, max_length=MOST_STEPS)
    ramp_s: Ramp = 0
    minimum: Percent = 20
    lux: str = ""
    landscape: bool = False


class LoopMapFile(Settings):
    """``[[loop_map]]`` of programs.toml; ``rows`` maps a level to the level of each group."""

    id: Id
    zh: Name
    en: Name
    groups: Annotated[list[Annotated[str, Field(pattern=r"^[A-Z]$")]], Field(min_length=2, max_length=8)]
    rows: dict[str, dict[str, Percent]]
    dims: bool = True
    rotate: Annotated[Rotation, one_of(Rotation)] = Rotation.NONE


class LuxFile(Settings):
    """``[[lux]]`` of programs.toml."""

    id: Id
    on_lx: float = Field(default=30.0, gt=0, le=1000)
    off_lx: float = Field(default=60.0, gt=0, le=2000)
    hold_s: int = Field(default=300, ge=30, le=3600)
    advance_min: int = Field(default=40, ge=0, le=60)
    delay_min: int = Field(default=20, ge=0, le=60)
    stale_s: int = Field(default=600, ge=30, le=7200)
    sensors: int = Field(default=3, ge=1, le=20)
    spread: float = Field(default=3.0, gt=1, le=100)


class RuleFile(Settings):
    """``[[calendar.rule]]`` of calendars.toml."""

    program: str
    zh: str = Field(default="", max_length=60)
    en: str = Field(default="", max_length=60)
    start: Bound | None = None
    end: Bound | None = None
    months: list[Annotated[int, Field(ge=1, le=12)]] = Field(default_factory=list)
    weekdays: list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]] = Field(default_factory=list)
    occurrences: list[Literal["1", "2", "3", "4", "5", "L"]] = Field(default_factory=list)
    dates: list[SpanText] = Field(default_factory=list)
    lunar: list[Feast] = Field(default_factory=list)
    days_before: int = Field(default=0, ge=0, le=60)
    days_after: int = Field(default=0, ge=0, le=60)


class CalendarFile(Settings):
    """``[[calendar]]`` of calendars.toml."""

    id: Id
    zh: Name
    en: Name
    default: str = ""
    rule: list[RuleFile] = Field(default_factory=list, max_length=200)


class AssignFile(Settings):
    """``[[assign]]`` of assignments.toml: which loops take which calendar; the first that fits a loop counts."""

    areas: list[str] = Field(default_factory=list)
    roads: list[str] = Field(default_factory=list)
    road_classes: list[Literal["main", "secondary", "branch"]] = Field(default_factory=list)
    cabinets: list[str] = Field(default_factory=list)
    loops: list[Annotated[int, Field(ge=1, le=16)]] = Field(default_factory=list)
    lamps: list[str] = Field(default_factory=list)
    calendar: str
    festivals: str = ""
    loop_map: str = ""
    groups: dict[str, Literal["odd", "even"] | list[Annotated[int, Field(ge=1, le=16)]]] = Field(default_factory=dict)


class RoadClassFile(Settings):
    """``[[road_class]]`` of standards.toml: what a road of a class has at full light and must keep all night, lx."""

    road_class: Literal["main", "secondary", "branch"]
    design_lx: float = Field(gt=0, le=200)
    minimum_lx: float = Field(ge=0, le=200)
    source: Annotated[str, Field(min_length=1, max_length=300)]


class TariffFile(Settings):
    """``[[tariff]]`` of tariff.toml: CNY per kWh of each hour 0..23, in some months; the first that fits counts."""

    zh: str = ""
    en: str = ""
    months: list[Annotated[int, Field(ge=1, le=12)]] = Field(default_factory=list)
    hours: Annotated[list[Annotated[float, Field(ge=0, le=100)]], Field(min_length=24, max_length=24)]
    source: Annotated[str, Field(min_length=1, max_length=300)]
