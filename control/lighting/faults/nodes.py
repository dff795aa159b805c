"""All detectors of the lamps behind one concentrator: one pure step over its readings, with both clocks.

Causes above the lamps (mains, phase, loop) come from ``watch``; give the findings of both to ``causes.explain``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from control.lighting.faults import lamps
from control.lighting.faults.model import Finding, Held, Observed
from control.lighting.faults.readings import Lamp, Values, number, truth


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
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


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeState:
    """State of one lamp: clocks by detector, restlessness, and the nights on which each fault was found."""

    held: Mapping[str, Held] = field(default_factory=dict)
    restless: lamps.Restless = field(default_factory=lamps.Restless)
    nights: Mapping[str, lamps.Nights] = field(default_factory=dict)


CONFIRMED = frozenset({"lamp-out", "lamp-power", "lamp-day-burning", "lamp-driver", "lamp-cycling"})
"""What sends a crew, and so wants a second night."""
DETECTORS: Mapping[str, Callable[[Held, Lamp], Observed]] = {
    "out": lamps.lamp_out,
    "power": lamps.lamp_power,
    "dim": lamps.dim_failure,
    "day": lamps.day_burner,
    "driver": lamps.driver,
    "factor": lamps.power_factor,
    "factor-serious": partial(lamps.power_factor, serious=True),
}


def reading(known: Known, time: int, values: Values, component: str, *, day: bool | None) -> Lamp:
    """One lamp of a concentrator from its points (``component`` = lamp012). A node that does not answer says nothing of its
    lamp.
    """
    silent = truth(values, f"{component}/no_answer") is not False
    told: Values = {} if silent else values
    return Lamp(
        place=known.place,
        time=time,
        live=known.live,
        level=number(told, f"{component}/level"),
        asked=known.asked,
        steady_s=known.steady_s,
        watts=number(told, f"{component}/power"),
        volts=number(told, f"{component}/voltage"),
        rated=known.rated,
        day=day,
        failed=truth(told, f"{component}/failed"),
        driver_fault=truth(told, f"{component}/driver_fault"),
    )


def observe(state: NodeState, known: Known, lamp: Lamp, *, zone_ms: int) -> tuple[NodeState, tuple[Finding, ...]]:
    """Take in one reading of one lamp; findings that changed, and those that a second night has confirmed."""
    held = dict(state.held)
    found: list[Finding] = []
    for name, detector in DETECTORS.items():
        held[name], finding = detector(held.get(name, Held()), lamp)
        found += [finding] if finding is not None else []
    restless, more = lamps.restless(state.restless, lamp, common=known.disturbed)
    found += more
    nights = dict(state.nights)
    for one in tuple(found):
        if one.fault in CONFIRMED:
            nights[one.fault], sure = lamps.confirmed(nights.get(one.fault, lamps.Nights()), one, zone_ms=zone_ms)
            found += [sure] if sure is not None else []
    return replace(state, held=held, restless=restless, nights=nights), tuple(found)
