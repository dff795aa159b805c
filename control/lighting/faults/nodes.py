"""All detectors of the lamps behind one concentrator: one pure step over its readings, with both clocks.

Causes above the lamps (mains, phase, loop) come from ``watch``; give the findings of both to ``causes.explain``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import msgspec
from msgspec import structs

from control.lighting.faults import factor, lamps, together
from control.lighting.faults.model import Finding, Held, Observed
from control.lighting.faults.readings import Lamp, Values, number, truth
from lampwell.supply import DEAD_V


class Known(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is known of one lamp besides its readings. ``place``: how its findings are named; ``live``: whether its loop and
    phase feed it (None = not known); ``rated`` watts; ``asked`` level and for how long; ``disturbed``: its phase was, which
    moves every lamp.
    """

    place: str
    live: bool | None = None
    rated: float | None = None
    asked: float | None = None
    steady_s: float | None = None
    disturbed: bool = False


class NodeState(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """State of one lamp: clocks by detector, restlessness, and the nights on which each fault was found. ``level``, ``live``: as
    last known; ``commands``: how often it has been told something new, by a level or by switching its loop on.
    """

    held: Mapping[str, Held] = msgspec.field(default_factory=dict)
    level: float | None = None
    live: bool | None = None
    commands: int = 0
    restless: lamps.Restless = msgspec.field(default_factory=lamps.Restless)
    nights: Mapping[str, lamps.Nights] = msgspec.field(default_factory=dict)


AGAIN = frozenset({"lamp-out"})
"""Confirmed also by being found again in the same night after a new command (domain streetlights 3, lamp out)."""
CONFIRMED = AGAIN | {
    "lamp-power",
    "lamp-dim-failure",
    "lamp-day-burning",
    "lamp-cycling",
    "lamp-flicker",
    "lamp-power-factor",
    "lamp-power-factor-serious",
    "lamp-silent",
}
"""What sends a crew, and so wants a second night."""
DETECTORS: Mapping[str, Callable[[Held, Lamp], Observed]] = {
    "out": lamps.lamp_out,
    "power": lamps.lamp_power,
    "dim": lamps.dim_failure,
    "day": lamps.day_burner,
    "driver": lamps.driver,
    "factor": factor.lamp_factor,
    "factor-serious": partial(factor.lamp_factor, serious=True),
}


def fed(cabinet: Values, loop: str, phase: str) -> bool | None:
    """Whether a loop feeds its lamps on a phase, from the points of their cabinet; None where contact or voltage is not known."""
    closed, volts = truth(cabinet, f"{loop}/aux"), number(cabinet, f"u_{phase}")
    if closed is False or truth(cabinet, f"{loop}/breaker") is False or (volts is not None and volts < DEAD_V):
        return False
    return None if volts is None else closed


def reading(known: Known, time: int, values: Values, component: str, *, day: bool | None) -> Lamp:
    """One lamp of a concentrator from its points (``component`` = lamp012). A node that does not answer says nothing of its
    lamp.
    """
    silent = truth(values, f"{component}/no_answer") is not False
    told: Values = {} if silent else values
    watts, volts, amps = (number(told, f"{component}/{name}") for name in ("power", "voltage", "current"))
    return Lamp(
        place=known.place,
        time=time,
        live=known.live,
        level=number(told, f"{component}/level"),
        asked=known.asked,
        steady_s=known.steady_s,
        watts=watts,
        volts=volts,
        amps=amps,
        factor=_factor(watts, volts, amps),
        rated=known.rated,
        day=day,
        failed=truth(told, f"{component}/failed"),
        driver_fault=truth(told, f"{component}/driver_fault"),
    )


def _factor(watts: float | None, volts: float | None, amps: float | None) -> float | None:
    """Power factor of a sine-like load from what its node measures; None where it takes nothing, or something is not known."""
    apparent = (volts or 0.0) * (amps or 0.0)
    return None if watts is None or not apparent else min(1.0, watts / apparent)


def observe(
    state: NodeState, known: Known, lamp: Lamp, *, zone_ms: int, silent: bool | None = None
) -> tuple[NodeState, tuple[Finding, ...]]:
    """Take in one reading of one lamp; findings that changed, and those that a second night has confirmed. ``silent``: its node
    does not answer.
    """
    state = _commanded(state, lamp)
    held = dict(state.held)
    found: list[Finding] = []
    for name, detector in DETECTORS.items():
        held[name], finding = detector(held.get(name, Held()), lamp)
        found += [finding] if finding is not None else []
    held["silent"], finding = together.lamp_silent(held.get("silent", Held()), lamp, silent=silent)
    found += [finding] if finding is not None else []
    restless, more = lamps.restless(state.restless, lamp, common=known.disturbed)
    found += more
    nights = dict(state.nights)
    for one in tuple(found):
        if one.fault in CONFIRMED:
            command = state.commands if one.fault in AGAIN else None
            before = nights.get(one.fault, lamps.Nights())
            nights[one.fault], sure = lamps.confirmed(before, one, zone_ms=zone_ms, command=command)
            found += [sure] if sure is not None else []
    return structs.replace(state, held=held, restless=restless, nights=nights), tuple(found)


def _commanded(state: NodeState, lamp: Lamp) -> NodeState:
    """Count what it was told anew; what is not known changes nothing."""
    level = state.level if lamp.level is None else lamp.level
    live = state.live if lamp.live is None else lamp.live
    new = (state.level is not None and level != state.level) or (state.live is False and live is True)
    return structs.replace(state, level=level, live=live, commands=state.commands + new)
