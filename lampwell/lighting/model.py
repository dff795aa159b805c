"""What a lighting plan is made of. Values only; times are local wall-clock seconds or epoch ms, levels whole percent 0..100.

Names and meaning follow TALQ 2.7.1 where it has them (calendar, control program, active period, fixed time control, override);
``lampwell.lighting.talq`` and ``talq_program`` say what each becomes there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from lampwell.lighting.sun import Place

FULL, OFF = 100, 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """The same said twice."""

    zh: str
    en: str


class Event(StrEnum):
    """What a moment counts from."""

    CLOCK = "clock"
    SUNSET = "sunset"
    DUSK = "dusk"
    MIDNIGHT = "solar-midnight"
    DAWN = "dawn"
    SUNRISE = "sunrise"


@dataclass(frozen=True, slots=True)
class Moment:
    """A time of a night: seconds after local midnight, or after (before: negative) an event of the sun at the target's place."""

    event: Event
    seconds: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """When a program is active, ``start`` to ``end`` within one noon-to-noon day."""

    start: Moment
    end: Moment


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """From ``at`` on, until the next step, this level. ``ramp_s``: seconds of even change; None takes the program's."""

    at: Moment
    level: int
    ramp_s: int | None = None


class Operation(StrEnum):
    """What an adjustment does to the level of the steps (TALQ EffectOperation; Mul is in percent)."""

    SET = "Set"
    MAX = "Max"
    MIN = "Min"
    ADD = "Add"
    SUB = "Sub"
    MUL = "Mul"


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """From ``at`` (an event of the sun) until the next one the level of the steps is changed (TALQ astroClockTimeControl)."""

    at: Moment
    operation: Operation
    level: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """What holds through one night. Outside its active periods: off; without any, it is active all day.

    ``level`` holds until the first step of the night; None carries on the last level of the night before (TALQ). ``minimum``
    is the lowest level other than off that its luminaires keep even and with a good power factor. ``lux`` names a lux rule.
    ``landscape``: its lamps adorn and light no road, so they may be dark by night.
    """

    id: str
    zh: str
    en: str
    active: tuple[Period, ...] = ()
    level: int | None = None
    steps: tuple[Step, ...] = ()
    adjustments: tuple[Adjustment, ...] = ()
    ramp_s: int = 0
    minimum: int = 20
    lux: str = ""
    landscape: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Days (month, day) from ``first`` to ``last`` inclusive; month 0 means every month."""

    first: tuple[int, int]
    last: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule of a calendar; every condition that is given must hold. The date of a night is that of its dusk.

    ``start`` and ``end``: 2026-02-17, or 11-15 for every year (may go over the new year). ``weekdays``: 1 Monday .. 7 Sunday,
    of them the ``occurrences`` in the month (1..5, L the last). ``lunar``: names of ``lampwell.lighting.lunar`` or month-day of
    the lunar year, each widened by ``days_before`` and ``days_after``.
    """

    program: str
    zh: str = ""
    en: str = ""
    start: str = ""
    end: str = ""
    months: tuple[int, ...] = ()
    weekdays: tuple[int, ...] = ()
    occurrences: tuple[str, ...] = ()
    dates: tuple[Span, ...] = ()
    lunar: tuple[str, ...] = ()
    days_before: int = 0
    days_after: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """Ordered rules, the first that matches decides; ``default`` is the program of all other nights, "" none."""

    id: str
    zh: str
    en: str
    rules: tuple[Rule, ...] = ()
    default: str = ""


class Rotation(StrEnum):
    """How often the groups of a loop map change places, so that lamps age alike."""

    NONE = "none"
    NIGHT = "night"
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class LoopRow:
    """At this level of the program the groups have these levels, in the order of the map's groups."""

    level: int
    of_groups: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopMap:
    """What each group of loops does at a level of the program (TALQ segmentsConfiguration).

    ``rows`` are in order of their levels. Where loops dim, a level without a row holds for all
    of them; where they only switch (``dims`` false) the next higher row is taken, so that it is never darker than asked.
    """

    id: str
    zh: str
    en: str
    groups: tuple[str, ...]
    rows: tuple[LoopRow, ...]
    dims: bool = True
    rotate: Rotation = Rotation.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class LuxRule:
    """Light sensors may switch on earlier and off later, within bounds (domain streetlights 4.1). lx, seconds, minutes."""

    id: str
    on_lx: float = 30.0
    off_lx: float = 60.0
    hold_s: int = 300
    advance_min: int = 40
    delay_min: int = 20
    stale_s: int = 600
    sensors: int = 3
    """The least number of fresh sensors that may decide."""
    spread: float = 3.0
    """Sensors whose middle readings differ by more than this factor disagree."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A loop, or a lamp on one. An empty ``calendar`` or ``festivals`` of a lamp takes those of its loop."""

    id: str
    zh: str = ""
    en: str = ""
    cabinet: str
    loop: str = ""
    """For a lamp the id of its loop; "" for a loop."""
    place: Place
    calendar: str = ""
    festivals: str = ""
    loop_map: str = ""
    group: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that decides levels, resolved to targets: what control writes and an edge node keeps (see ``documents``)."""

    id: str
    time_zone: str
    programs: tuple[Program, ...]
    calendars: tuple[Calendar, ...]
    targets: tuple[Target, ...]
    loop_maps: tuple[LoopMap, ...] = ()
    lux: tuple[LuxRule, ...] = ()


class Layer(IntEnum):
    """Who decides, highest first (architecture 4). Local switch and hardware are above all of it and not ours to decide."""

    CREW_LOCK = 7
    INTERLOCK = 6
    LEASE = 5
    FESTIVAL = 4
    LUX = 3
    CALENDAR = 2
    DEFAULT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Override:
    """A level that a person or an interlock sets above the programs. A lease has an end; locks end when they are taken away. One
    that was released in the moment in which it came ends where it starts: it never holds, and what it replaced stays replaced.

    Of one layer the last ``issued`` wins and stands in place of the former (TALQ: no stack). ``ramp_s`` leads to its level,
    ``ramp_back_s`` from it.
    """

    id: str
    layer: Layer = Layer.LEASE
    targets: tuple[str, ...]
    level: int
    issued: int
    start: int
    end: int | None = None
    ramp_s: int = 0
    ramp_back_s: int = 0
    who: str = ""
    reason: Text = field(default_factory=lambda: Text(zh="", en=""))

    def __post_init__(self) -> None:
        if self.layer not in (Layer.CREW_LOCK, Layer.INTERLOCK, Layer.LEASE):
            raise ValueError(f"override {self.id!r}: layer must be crew lock, interlock or lease, not {self.layer.name.lower()}")
        if self.layer is Layer.LEASE and self.end is None:
            raise ValueError(f"override {self.id!r}: a lease must have an end")
        if self.end is not None and self.end < self.start:
            raise ValueError(f"override {self.id!r}: must not end before its start")
        if not OFF <= self.level <= FULL:
            raise ValueError(f"override {self.id!r}: level must be 0 to 100, not {self.level}")
