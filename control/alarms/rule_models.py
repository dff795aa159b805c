"""What a rule file may say: ``[[rule]]`` tables of new rules, ``[[override]]`` tables that change or switch off a shipped one.

Every alarm asks a person to act, so cause, consequence, response and time to respond are part of it (ISA-18.2 calls this
rationalisation; domain alarms 1.1).

A parent explains its children. Name as parents only what can *make* the child's condition true: lost mains make a phase dead. A
lost sensor makes no level high: its levels become unknown and keep their last state, so a level has no parent on the way of its
data.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator

from lampwell.assets import DeviceKind
from lampwell.config import Settings, matching, one_of
from lampwell.config_words import refused

LEVELS = ("blue", "yellow", "orange", "red")
"""The names of a device's levels, lowest first."""

CONDITIONS = ("above", "below", "equals", "not_equals", "quality", "life", "stale_s", "derived", "fault")
"""The keys of which a rule has exactly one."""

ON_POINTS = ("above", "below", "equals", "not_equals", "quality")
"""Those that watch a point. With ``fault`` a point may stand, too: its components are where the faults are."""


def _limit(value: object) -> float | str:
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e15:
        return float(value)
    if isinstance(value, str) and value in LEVELS:
        return value
    raise refused("a number, or blue, yellow, orange or red for the device's own level", value)


def _state(value: object) -> bool | int | str:
    if not isinstance(value, bool | int | str):
        raise refused("true, false, a whole number or text", value)
    return value


RuleId = Annotated[str, matching(r"[a-z][a-z0-9-]{0,63}", "lower-case letters, digits and -, beginning with a letter")]
PointPath = Annotated[
    str,
    matching(
        r"([A-Za-z0-9_.*-]+/){0,2}[A-Za-z0-9_.-]+",
        "a point such as level, or loop*/leak_trip with * for any component",
    ),
]
Word = Annotated[str, matching(r"[a-z][a-z0-9-]{0,31}", "one lower-case word")]
Title = Annotated[str, Field(min_length=1, max_length=60)]
Told = Annotated[str, Field(min_length=1, max_length=300)]
Limit = Annotated[float | str, PlainValidator(_limit)]
State = Annotated[bool | int | str, PlainValidator(_state)]
Delay = Annotated[float, Field(ge=0, le=86_400)]
Order = Literal["emergency", "serious", "ordinary"]
"""Work orders by how soon they must be done: within 1 h, 3 working days, 24 h (Hebei rules; domain alarms 1.1)."""


class SaidFile(Settings):
    """The same said twice."""

    zh: Told
    en: Told


class WhenFile(Settings):
    """An enabling condition on a point of the same device; in ``loop*/lamps`` the * is the component of the rule's own point."""

    point: PointPath
    equals: State | None = None
    not_equals: State | None = None


class RuleFile(Settings):
    """One rule. What is left out of timing takes the default of the quantity (``control.alarms.defaults``)."""

    id: RuleId
    zh: Title
    en: Title
    priority: Literal[1, 2, 3, 4]
    subject: Literal["device", "edge", "county"] = "device"
    kinds: list[Annotated[DeviceKind, one_of(DeviceKind)]] = Field(default_factory=list)
    areas: list[str] = Field(default_factory=list)
    devices: list[str] = Field(default_factory=list)
    point: PointPath | None = None
    above: Limit | None = None
    below: Limit | None = None
    equals: State | None = None
    not_equals: State | None = None
    quality: Literal["bad", "blind", "stuck"] | None = None
    life: Literal["offline"] | None = None
    stale_s: float | None = Field(default=None, ge=10, le=7 * 86_400)
    derived: str | None = None
    fault: str | None = None
    deadband: float | None = Field(default=None, ge=0, le=1e12)
    on_delay_s: Delay | None = None
    off_delay_s: Delay | None = None
    latching: bool = False
    acknowledge: bool = True
    realarm_s: float | None = Field(default=None, ge=60, le=7 * 86_400)
    respond_s: float | None = Field(default=None, gt=0, le=30 * 86_400)
    most_shelf_s: float | None = Field(default=None, gt=0, le=8 * 3600)
    parents: list[str] = Field(default_factory=list)
    first_out: Word | None = None
    when: list[WhenFile] = Field(default_factory=list)
    order: Order | None = None
    cause: SaidFile
    consequence: SaidFile
    response: SaidFile
    source: Told

    @property
    def conditions(self) -> tuple[str, ...]:
        """The condition keys it holds: one, where it is in order."""
        return tuple(key for key in CONDITIONS if getattr(self, key) is not None)


class OffFile(Settings):
    """An override that switches a shipped rule off in this county."""

    id: RuleId
    off: Literal[True]
    reason: Told


class RulesFile(Settings):
    """A whole rule file."""

    rule: list[Any] = Field(default_factory=list)
    override: list[Any] = Field(default_factory=list)
