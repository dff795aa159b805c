"""The values of the alarm engine: rules, alarms (a rule at a place) and their states; ``events`` has what happens to them.

Words: a **rule** is what an engineer writes; an **alarm** is one rule at one place, known by its key ``rule@place``; an
**occurrence** is one life of an alarm, known by its number. States and flags follow ISA-18.2 / IEC 62682 and OPC UA Part 9
(domain alarms 1.1): A to F are the core, shelved, suppressed by design and out of service are independent of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum

from lampwell.points import Value


class Priority(IntEnum):
    """1-4 = red, orange, yellow, blue (红橙黄蓝), as Chinese weather and flood warnings have them."""

    RED = 1
    ORANGE = 2
    YELLOW = 3
    BLUE = 4


class Core(StrEnum):
    """The core state. B and C are active; D, E and F are past conditions that still wait for a person."""

    NORMAL = "A"
    UNACKED = "B"
    ACKED = "C"
    RETURNED = "D"  # returned to normal, not acknowledged
    LATCHED = "E"  # returned to normal, latched, not acknowledged
    LATCHED_ACKED = "F"  # acknowledged, waits for reset


ACTIVE = frozenset({Core.UNACKED, Core.ACKED})
WAITING = frozenset({Core.UNACKED, Core.RETURNED, Core.LATCHED})
"""Nobody has acknowledged it yet."""


class Side(StrEnum):
    """Which side of a limit is alarming."""

    ABOVE = "above"
    BELOW = "below"


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """The same said twice."""

    zh: str
    en: str = ""


NOTHING = Text(zh="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Seconds. ``on_s``: the condition must hold so long before the alarm; ``off_s``: it must be gone so long before it returns.
    ``realarm_s``: an acknowledged alarm that is still active is announced again after so long (the acknowledgement expires);
    None = never. ``respond_s``: how long a person has to act.
    """

    on_s: float = 0.0
    off_s: float = 0.0
    realarm_s: float | None = None
    respond_s: float = 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an alarm is. Fields are ids, "" where they do not apply; ``text`` is what people call it."""

    area: str = ""
    edge: str = ""
    link: str = ""
    device: str = ""
    component: str = ""
    road: str = ""
    kind: str = ""
    text: Text = NOTHING


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What is worth a person's response, as an engineer writes it. ``latching``: must be reset by hand. ``acknowledge``: must be
    acknowledged. ``parents``: ids of rules whose alarms explain this one. ``first_out``: alarms of one place that share this word
    are compared for which came first. ``order``: SLA word of the work order it opens ("" = none). ``source``: where its
    threshold comes from.
    """

    id: str
    priority: Priority
    text: Text
    timing: Timing = field(default_factory=Timing)
    latching: bool = False
    acknowledge: bool = True
    parents: tuple[str, ...] = ()
    first_out: str = ""
    order: str = ""
    cause: Text = NOTHING
    consequence: Text = NOTHING
    response: Text = NOTHING
    source: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """``value`` and beyond is alarming; back by more than ``deadband`` is clear; between, what was stays."""

    side: Side
    value: float
    deadband: float = 0.0
    unit: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """A rule at a place. ``limit`` None: its observations are already true or false. ``parents``: keys of alarms that explain it;
    while one of them is active, or about to be, this one is suppressed by design. ``conditional``: it has enabling conditions
    (see ``Engine.enable``). ``most_shelf_s``: how long it may be shelved.
    """

    key: str
    rule: Rule
    place: Place
    limit: Limit | None = None
    parents: tuple[str, ...] = ()
    conditional: bool = False
    most_shelf_s: float = 8 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A reading that speaks for or against: point as people write it (``device/point``), source time, value, quality flags."""

    point: str
    time: int
    value: Value | None
    flags: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """What the field, or any logic that watches it, says of one alarm: the one door into the engine.

    ``value``: a number (held against the alarm's limit), True or False (the condition itself), or None: not known, which neither
    raises nor clears. ``time``: when it was so at its source. ``why`` explains it to a person; ``evidence``: the readings behind.
    """

    key: str
    time: int
    value: float | bool | None
    why: Text = NOTHING
    evidence: tuple[Evidence, ...] = ()


# -- state ---------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmState:
    """Everything the engine remembers of one alarm; times are epoch ms.

    ``on``: the condition as last known, hysteresis included. ``known``: whether the newest observation was usable. ``time`` and
    ``value``: the newest observation. ``since``: when ``on`` took its present value (the start of both delays). ``due``: when the
    running delay ends; None = none runs. ``occurrence``: number of the present or last life. ``announced``: a person was
    told of this life. ``realarm_at``: when the acknowledgement expires. The last three are the flags.
    """

    core: Core = Core.NORMAL
    on: bool = False
    known: bool = False
    time: int = -1
    value: float | bool | None = None
    since: int = 0
    due: int | None = None
    occurrence: int = 0
    announced: bool = False
    realarm_at: int | None = None
    shelved_until: int | None = None
    out_of_service: bool = False
    suppressed: bool = False

    @property
    def active(self) -> bool:
        """The condition has lasted through its delays and has not returned."""
        return self.core in ACTIVE

    @property
    def pending(self) -> bool:
        """The condition is there and its on-delay runs."""
        return self.due is not None and self.on

    @property
    def silent(self) -> bool:
        """Nobody is told, for one of three reasons."""
        return self.suppressed or self.out_of_service or self.shelved_until is not None

    @property
    def wakes_at(self) -> int | None:
        """The next instant at which time alone changes something."""
        times = [self.due if self.known else None, self.realarm_at if self.core is Core.ACKED else None, self.shelved_until]
        return min((time for time in times if time is not None), default=None)
