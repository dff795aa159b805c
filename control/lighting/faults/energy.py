"""Energy of a night, loop by loop: what its counter rose by against what its lamps should have taken in the same time.

Basis: rated watts of the lamps at the levels that loop and nodes reported, while the contactor reported closed and the phases
were fed. So an override, a lease, a crew lock or a supply loss changes both sides alike; a program that was not carried out is
another detector's. Time of which something is not known, or in which another fault of the loop explains its power, is left out on
both sides. Once some nights are known, their median share of the rating is what is expected, within what drivers for constant
light output take in their life: so those are followed, while slow loss of lamps is not learned beyond that.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec import structs

from control.alarms.model import Text
from control.lighting.faults.model import UNTOLD, Clock, Finding, Held, Verdict, hold, proof
from control.lighting.faults.readings import DAY_MS, Loop, Three, level_share, night_number
from control.lighting.feeder.stats import median
from lampwell.supply import DEAD_V

OFF = 0.15
"""Of what is expected (domain streetlights 3, energy mismatch; SLightliMon)."""
LEAST_KNOWN = 0.70
"""Of the 24 hours (SLightliMon: 70 % of the data)."""
LEAST_KWH = 0.5
"""Less is not judged: counters are told to 0.1 kWh (unverified choice)."""
NEW, OLD = 0.80, 1.10
"""Share of its rating that a lamp takes: 80-90 % when new with constant light output, 100 % at its end (domain streetlights 4.1);
the upper end leaves room for losses of the cable (unverified)."""
NIGHTS, LEARNED_NIGHTS = 7, 3
GAP_MS = 900_000
"""Looks further apart leave the time between out: the heartbeat of a counter."""
LEAP, STEP_KWH = 2.0, 0.2
"""A counter that rises faster than so many times the rating, and by more than two of its deadbands, is another meter's."""
POWER = ("loop-", "contactor-", "cable-cut", "lamps-lost", "load-added")
"""What begins so is a fault that changes a loop's power, and has an alarm of its own."""
ONCE = Clock(gap_s=2 * 86_400)


class Night(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """State of ``energy``. ``night``: local noon to noon, numbered; ``last``, ``counter``, ``should``: time, kWh and the watts
    that the loop should take, of the newest look (None = not known); ``metered``, ``rated``: kWh of the time that is known, and
    how much that is; ``swapped``: the counter went back or leapt; ``shares``: metered to rated of the good nights before.
    """

    night: int = -1
    last: int = 0
    counter: float | None = None
    should: float | None = None
    metered: float = 0.0
    rated: float = 0.0
    known_ms: int = 0
    swapped: bool = False
    shares: tuple[float, ...] = ()
    held: Held = msgspec.field(default_factory=Held)


def should_take(reading: Loop, rated: Three, dimmed: Three | None = None) -> float | None:
    """Watts by rating, at the levels told and over the phases that are fed; None where contact, level or voltage is not known.
    ``rated``: at full level; ``dimmed``: by the lamps' own levels, where those are not the loop's.
    """
    if reading.aux is None or (reading.aux and reading.level is None):
        return None
    if not reading.aux:
        return 0.0
    share = level_share(reading.level or 0.0)
    watts = 0.0
    for phase, volts in enumerate(reading.volts):
        full = (rated[phase] or 0.0) * share if dimmed is None else dimmed[phase] or 0.0
        if full and volts is None:
            return None
        watts += full if volts is not None and volts >= DEAD_V else 0.0
    return watts


def apart(place: str, standing: Iterable[Finding]) -> bool:
    """Whether another fault of the loop stands that explains its power."""
    here = (one for one in standing if one.value and (one.place == place or one.place.startswith(f"{place}/")))
    return any(one.fault.startswith(POWER) and "factor" not in one.fault for one in here)


def energy(
    state: Night, reading: Loop, counter: float | None, *, rated: Three, should: float | None, zone_ms: int
) -> tuple[Night, Finding | None]:
    """Take in one look at a loop and its counter (kWh); a finding ``energy-mismatch`` after noon, when the night is over.
    ``should``: what it should take from now on (``should_take``), None also while another fault explains its power.
    """
    full = sum(watts or 0.0 for watts in rated)
    state = structs.replace(_counted(state, reading.time, counter, full), last=reading.time, counter=counter, should=should)
    night = night_number(reading.time, zone_ms)
    if night == state.night:
        return state, None
    done, finding = _judged(state, reading) if state.night >= 0 else (state, None)
    return structs.replace(done, night=night, metered=0.0, rated=0.0, known_ms=0, swapped=False), finding


def _counted(state: Night, time: int, counter: float | None, full: float) -> Night:
    """The time since the last look joins the night, if it is known what was in it."""
    passed = time - state.last
    if state.counter is None or counter is None or not 0 < passed <= GAP_MS:
        return state
    rise, most = counter - state.counter, STEP_KWH + LEAP * full * (passed + GAP_MS) / 3.6e9
    if rise < 0 or rise > most:
        return structs.replace(state, swapped=True)
    if state.should is None:
        return state
    return structs.replace(
        state,
        metered=state.metered + rise,
        rated=state.rated + state.should * passed / 3.6e9,
        known_ms=state.known_ms + passed,
    )


def _judged(state: Night, reading: Loop) -> tuple[Night, Finding | None]:
    known = state.known_ms >= LEAST_KNOWN * DAY_MS and state.rated >= LEAST_KWH and not state.swapped
    verdict = _verdict(state, reading) if known else UNTOLD
    held, finding = hold(state.held, reading.time, verdict, ONCE, "energy-mismatch", reading.place)
    shares = state.shares
    if verdict.value is False:
        shares = (*shares, state.metered / state.rated)[-NIGHTS:]
    return structs.replace(state, held=held, shares=shares), finding


def expected(state: Night) -> tuple[float, float]:
    """Least and most kWh that are expected of the time known: one number once enough nights have been learned."""
    if len(state.shares) < LEARNED_NIGHTS:
        return NEW * state.rated, state.rated
    share = min(OLD, max(NEW, median(state.shares)))
    return share * state.rated, share * state.rated


def _verdict(state: Night, reading: Loop) -> Verdict:
    least, most = expected(state)
    value = not (1 - OFF) * least <= state.metered <= (1 + OFF) * most
    nearest = min(max(state.metered, least), most)
    percent = 100 * (state.metered / nearest - 1)
    text = Text(
        zh=f"一夜电量{state.metered:.1f} kWh，应为{nearest:.1f}（{percent:+.0f}%）",
        en=f"{state.metered:.1f} kWh in the night, should be {nearest:.1f} ({percent:+.0f} %)",
    )
    evidence = proof(reading.place, reading.time, metered_kwh=state.metered, expected_kwh=nearest)
    return Verdict(value=value, why=text, evidence=evidence)
