"""What the demo's screen shows, as plain values: made by ``deploy.watch``, drawn by ``deploy.screen``."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, tzinfo
from enum import IntEnum

from control.rows import AlarmDetail, AlarmRow
from lampwell.assets import Levels


class Limit(IntEnum):
    """How far a level has gone: the highest limit it has reached."""

    NONE = 0
    BLUE = 1
    YELLOW = 2
    ORANGE = 3
    RED = 4


LIMIT_WORDS = {
    Limit.BLUE: ("蓝", "blue"),
    Limit.YELLOW: ("黄", "yellow"),
    Limit.ORANGE: ("橙", "orange"),
    Limit.RED: ("红", "red"),
}


def limit_of(level: float, levels: Levels) -> Limit:
    """The highest limit at or below the level."""
    limits = (levels.blue, levels.yellow, levels.orange, levels.red)
    return Limit(sum(level >= limit for limit in limits))


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How many of a kind there are and how they do. ``unknown`` = not heard of yet: neither fine nor failed."""

    zh: str
    en: str
    ok: int = 0
    slow: int = 0
    dead: int = 0
    unknown: int = 0

    @property
    def all(self) -> int:
        """How many there are."""
        return self.ok + self.slow + self.dead + self.unknown


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A level against its limits. ``level`` None: unknown, stale or bad, see ``why``. ``rise`` is per 10 county minutes."""

    id: str
    zh: str
    unit: str
    levels: Levels | None
    level: float | None
    age_s: float | None = None
    rise: float | None = None
    why: str = ""

    @property
    def limit(self) -> Limit:
        """The limit it has reached; NONE where the level is not known (the screen shows that as unknown, not as fine)."""
        return limit_of(self.level, self.levels) if self.level is not None and self.levels else Limit.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Rain:
    """Rain over the county's gauges: the highest intensity of the last ten minutes and the highest total since the start."""

    mm_per_h: float | None
    total_mm: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One line of the event list. ``limit`` colours it; a link or device event that needs attention is RED, a return NONE."""

    time: int
    zh: str
    en: str
    limit: Limit = Limit.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """How readings flow. Rates are per real second; ``oldest_s`` is in county seconds, None before the first value."""

    polls_per_s: float
    stored_per_s: float
    stored: int
    backlog: int
    oldest_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Phone:
    """A message as its reader sees it: county time (epoch ms), the channel or person it went to, its text."""

    time: int
    to: str
    text: str
    priority: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Lights:
    """Plans and what stands above them. ``version``: that all edge nodes were last brought to (0 none); ``following``: how many
    of ``edges`` go by what they were asked; ``unlike``: loops and lamps that are not as they should be, None = not known.
    """

    version: int = 0
    following: int = 0
    edges: int = 0
    unlike: int | None = None
    overrides: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyView:
    """``selected``: position in ``alarms``; ``detail``: the opened alarm; ``said``: what the last key did."""

    alarms: tuple[AlarmRow, ...] = ()
    phones: tuple[Phone, ...] = ()
    selected: int = 0
    detail: AlarmDetail | None = None
    said: str = ""
    lights: Lights | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One moment of the county."""

    zh: str
    en: str
    local_time: str
    speed: float
    folder: str
    note: str
    kinds: tuple[Count, ...]
    links: Count
    units: Count
    flow: Flow
    rain: Rain
    pumps_running: int | None
    pumps: int
    loops_lit: int | None = None
    loops: int = 0
    places: tuple[Place, ...]
    events: tuple[Event, ...]
    problem: str = ""
    duty: DutyView | None = None
    zone: tzinfo = UTC
