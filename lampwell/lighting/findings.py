"""What a check of a plan finds, and what it is held against."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from lampwell.lighting.model import Text


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the devices that carry the plan out can hold (TALQ gateways name such numbers; domain streetlights 1.1)."""

    switch_points: int = 10
    programs: int = 300
    calendars: int = 100
    programs_of_calendar: int = 30
    trim_min: int = 30
    """On after sunset and off before sunrise by up to so much is trimming, not a gap (the sun is 6 degrees down then)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing found. ``check`` is a word for it: gap, order, minimum, neighbours, limit, unassigned, unused, lunar, broken."""

    check: str
    is_error: bool
    where: str
    text: Text
    day: date | None = None


def error(check: str, where: str, text: Text, day: date | None = None) -> Finding:
    """A reason to refuse the plan."""
    return Finding(check=check, is_error=True, where=where, text=text, day=day)


def warning(check: str, where: str, text: Text, day: date | None = None) -> Finding:
    """Something to know."""
    return Finding(check=check, is_error=False, where=where, text=text, day=day)
