"""Readings as the detectors look at them: one supply, one loop, one lamp at one time. None = not known: missing, bad or stale.

They are made from the points of the ``cabinet`` and ``concentrator`` profiles; ``usable`` decides what is known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from msgspec import structs

from control.alarms.model import Evidence
from lampwell.readings import BAD_FLAGS, Flag

Three = tuple[float | None, float | None, float | None]
PHASES = "abc"
UNKNOWN_THREE: Three = (None, None, None)
_UNUSABLE = int(BAD_FLAGS | Flag.STALE)
DAY_MS, NOON_MS = 86_400_000, 43_200_000
Values = Mapping[str, Evidence]
"""The newest reading of each point of a device, by its path."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """What a cabinet says of its supply."""

    place: str
    time: int
    volts: Three = UNKNOWN_THREE
    amps: Three = UNKNOWN_THREE
    watts: Three = UNKNOWN_THREE
    neutral: float | None = None
    on_battery: bool | None = None
    main_breaker: bool | None = None


class Loop(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a cabinet says of one loop. ``steady_s``: for how long the command has been as it is; None = not known. ``level``: dim
    level in percent. ``reference``: amps of each phase at full level when all was well. ``volts``: the supply of its cabinet.
    ``expected``: what the program wants now; None = not known.
    """

    place: str
    time: int
    commanded: bool | None = None
    steady_s: float | None = None
    aux: bool | None = None
    breaker: bool | None = None
    local: bool | None = None
    locked: bool | None = None
    amps: Three = UNKNOWN_THREE
    watts: Three = UNKNOWN_THREE
    volts: Three = UNKNOWN_THREE
    reference: Three = UNKNOWN_THREE
    factor: float | None = None
    residual: float | None = None
    level: float | None = None
    lamps: int | None = None
    cable_alarm: bool | None = None
    expected: bool | None = None


class Lamp(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a lamp node says. ``live``: whether its loop feeds it; ``rated``: watts at full level; ``expected``: watts at this
    level (learned, else by rating). ``day``: the sun is well up. ``asked``: level commanded, and for how long.
    """

    place: str
    time: int
    live: bool | None = None
    level: float | None = None
    asked: float | None = None
    steady_s: float | None = None
    watts: float | None = None
    volts: float | None = None
    amps: float | None = None
    factor: float | None = None
    rated: float | None = None
    expected: float | None = None
    day: bool | None = None
    failed: bool | None = None
    driver_fault: bool | None = None


def level_share(level: float) -> float:
    """Share of rated power at a dim level of 0..100 %: LED drivers keep a floor of about 5 % (domain streetlights 3, unverified).
    Used only until the power at a level has been learned.
    """
    return 0.05 + 0.95 * level / 100


def night_number(time: int, zone_ms: int) -> int:
    """The night of an instant, local noon to noon, numbered. ``zone_ms``: offset of local time."""
    return (time + zone_ms - NOON_MS) // DAY_MS


def usable(values: Values, path: str) -> float | bool | None:
    """The value of a point if it may be believed: of good quality and there."""
    found = values.get(path)
    if found is None or found.value is None or isinstance(found.value, str):
        return None
    return None if found.flags & _UNUSABLE else found.value


def number(values: Values, path: str) -> float | None:
    """As ``usable``, as a number."""
    value = usable(values, path)
    return None if value is None else float(value)


def truth(values: Values, path: str) -> bool | None:
    """As ``usable``, as yes or no."""
    value = usable(values, path)
    return None if value is None else bool(value)


def three(values: Values, stem: str) -> Three:
    """A quantity of three phases: ``stem``_a, _b, _c."""
    a, b, c = (number(values, f"{stem}_{phase}") for phase in PHASES)
    return a, b, c


def supply(place: str, time: int, values: Values) -> Supply:
    """The supply of a cabinet from its points."""
    return Supply(
        place=place,
        time=time,
        volts=three(values, "u"),
        amps=three(values, "i"),
        watts=three(values, "p"),
        neutral=number(values, "i_n"),
        on_battery=truth(values, "on_battery"),
        main_breaker=truth(values, "main_breaker"),
    )


class Command(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """How long a command has stood: state of ``loop``."""

    value: bool | None = None
    since: int = 0


def loop(
    command: Command, place: str, time: int, values: Values, component: str, reference: Three = UNKNOWN_THREE
) -> tuple[Command, Loop]:
    """One loop of a cabinet from its points (``component`` = loop3), and the command's age carried on."""
    asked = truth(values, f"{component}/commanded")
    if asked is not command.value:
        command = structs.replace(command, value=asked, since=time)
    lamps = number(values, f"{component}/lamps")
    return command, Loop(
        place=f"{place}/{component}",
        time=time,
        commanded=asked,
        steady_s=None if asked is None else (time - command.since) / 1000,
        aux=truth(values, f"{component}/aux"),
        breaker=truth(values, f"{component}/breaker"),
        local=truth(values, f"{component}/local_override"),
        locked=truth(values, f"{component}/locked"),
        amps=three(values, f"{component}/i"),
        watts=three(values, f"{component}/p"),
        volts=three(values, "u"),
        reference=reference,
        factor=number(values, f"{component}/pf"),
        residual=number(values, f"{component}/residual"),
        level=number(values, f"{component}/level"),
        lamps=None if lamps is None else int(lamps),
        cable_alarm=truth(values, f"{component}/cable_alarm"),
    )
