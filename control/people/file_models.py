"""What the rows of a roster's files may hold."""

from __future__ import annotations

import re
from datetime import date, datetime, time
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from lampwell.config import Settings
from lampwell.config_words import refused

YEARS = range(2000, 2100)
"""A year that is not one of these is a slip of the pen."""
TARGETS = re.compile(r"(duty|deputy|person):[\w.-]+|crew|leader")


def _clock(text: str) -> str:
    try:
        found = time.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is not None or found.second or found.microsecond:
        raise refused("a time of day, written 08:00", text)
    return f"{found:%H:%M}"


def _moment(text: str) -> str:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.tzinfo is not None or found.year not in YEARS:
        raise refused("county time, written 2026-06-21T08:00", text)
    return found.isoformat(timespec="minutes")


def _day(text: str) -> str:
    try:
        found = date.fromisoformat(text)
    except ValueError:
        found = None
    if found is None or found.year not in YEARS:
        raise refused("a date, written 2026-06-21", text)
    return found.isoformat()


def _month_day(text: str) -> str:
    try:
        return f"{date.fromisoformat(f'2024-{text}'):%m-%d}"
    except ValueError:
        raise refused("a day of the year, written 04-01", text) from None


def _target(text: str) -> str:
    if not TARGETS.fullmatch(text):
        raise refused("duty:<rota>, deputy:<rota>, crew, person:<id> or leader", text)
    return text


Id = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Clock = Annotated[str, AfterValidator(_clock)]
Moment = Annotated[str, AfterValidator(_moment)]
Day = Annotated[str, AfterValidator(_day)]
Name = Annotated[str, Field(min_length=1, max_length=64)]
SeasonWord = Literal["always", "flood", "dry"]


class PersonFile(Settings):
    """One person, or a group that has an address."""

    id: Id
    zh: Name
    en: str = ""
    role: Literal["viewer", "crew", "duty", "engineer", "leader", "admin"] = "crew"


class ContactFile(Settings):
    """One way to a person."""

    person: Id
    channel: Id
    address: Name
    min_priority: Annotated[int, Field(ge=1, le=4)] = 4
    order: Annotated[int, Field(ge=1, le=99)] = 1


class CrewFile(Settings):
    """People who go out."""

    id: Id
    zh: Name
    en: str = ""
    areas: list[str] = Field(default_factory=list)
    skill: Literal["lighting", "drainage"] = "lighting"
    members: list[Id] = Field(default_factory=list)


class RotaFile(Settings):
    """A position and its pattern of shifts."""

    id: Id
    zh: Name
    en: str = ""
    crew: str = ""
    areas: list[str] = Field(default_factory=list)
    starts: Annotated[list[Clock], Field(min_length=1)] = Field(default_factory=lambda: ["08:00"])
    length_h: Annotated[float, Field(gt=0, le=24)] | None = None
    cycle: list[list[Id]] = Field(default_factory=list)
    anchor: Day
    season: SeasonWord = "always"
    holidays: Literal["same", "off"] = "same"


class ShiftFile(Settings):
    """A shift by hand; in CSV its persons stand with spaces between."""

    rota: Id
    start: Moment
    end: Moment
    persons: str | list[Id] = Field(default_factory=list)


class SwapFile(Settings):
    """Who stands in for whom."""

    rota: Id
    start: Moment
    out: Id
    replaced_by: Id
    agreed_by: str = ""
    note: str = ""


class HolidayFile(Settings):
    """A day off, or a weekend day that is worked."""

    date: Day
    zh: Name
    en: str = ""
    workday: bool = False


class SeasonFile(Settings):
    """``[season]``: the flood season."""

    start: Annotated[str, AfterValidator(_month_day)] = "04-01"
    end: Annotated[str, AfterValidator(_month_day)] = "09-30"
    mode: Literal["auto", "on", "off"] = "auto"


class StepFile(Settings):
    """One step of a policy."""

    after_s: Annotated[float, Field(ge=0, le=86_400)]
    targets: Annotated[list[Annotated[str, AfterValidator(_target)]], Field(min_length=1)]
    channels: list[Id] = Field(default_factory=list)


class PolicyFile(Settings):
    """Who is told when."""

    id: Id
    zh: Name
    en: str = ""
    priorities: Annotated[list[Annotated[int, Field(ge=1, le=4)]], Field(min_length=1)]
    kinds: list[str] = Field(default_factory=list)
    season: SeasonWord = "always"
    steps: Annotated[list[StepFile], Field(min_length=1)]
    rounds: Annotated[int, Field(ge=1, le=20)] = 1
    every_s: Annotated[float, Field(ge=60, le=86_400)] = 900.0
    quiet: Annotated[list[Clock], Field(min_length=2, max_length=2)] | None = None
