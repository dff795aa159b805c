"""All detectors of one cabinet over its readings: one pure step, state in and out, causes applied.

Give it every scan of the cabinet; what comes back are the findings that changed, the roots named in those they explain.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

import msgspec
from msgspec import structs

from control.lighting.faults import cabinet, factor, loop, metering, supply
from control.lighting.faults.budget import Budget, voltage
from control.lighting.faults.causes import explain
from control.lighting.faults.counting import Counting, lamps_lost
from control.lighting.faults.cut import Steady, cable_cut
from control.lighting.faults.energy import Night, apart, energy, should_take
from control.lighting.faults.leakage import Leak, leakage
from control.lighting.faults.model import Finding, Held
from control.lighting.faults.readings import PHASES, UNKNOWN_THREE, Command, Loop, Supply, Three, Values, number, three, truth
from control.lighting.faults.readings import loop as loop_reading
from control.lighting.faults.readings import supply as supply_reading
from control.lighting.feeder.stats import median
from lampwell.supply import DEAD_V

LEARN_LEVEL, LEARN_READINGS = 95.0, 30
"""Reference currents are the medians of so many readings at full level, after the guard; then they stay until ``forget``."""


Phases = tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]


class LoopState(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """State of one loop: clocks by detector, command, reference currents (and readings they are being learned from), counters."""

    held: Mapping[str, Held] = msgspec.field(default_factory=dict)
    command: Command = msgspec.field(default_factory=Command)
    reference: Three = UNKNOWN_THREE
    learning: tuple[Three, ...] = ()
    steady: Steady = msgspec.field(default_factory=Steady)
    leak: Leak = msgspec.field(default_factory=Leak)
    counting: tuple[Counting, Counting, Counting] = msgspec.field(default_factory=lambda: (Counting(), Counting(), Counting()))
    energy: Night = msgspec.field(default_factory=Night)
    measured: metering.Measured = msgspec.field(default_factory=metering.Measured)
    watts: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CabinetState:
    """State of one cabinet: its own clocks, its loops by component, and the findings that stand, by key."""

    held: Mapping[str, Held] = field(default_factory=dict)
    budget: Budget = field(default_factory=Budget)
    loops: Mapping[str, LoopState] = field(default_factory=dict)
    standing: Mapping[str, Finding] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """What is known of a cabinet besides its readings. ``lamps``: rated watts of the lamps on each phase, by loop component.
    ``zone_ms``: offset of local time. ``day``: the sun is well up; ``permitted``: a work order allows an open door;
    ``expected``: on or off by program, by loop. ``dimmed``: watts of each phase at the lamps' own levels, for loops whose lamps
    have others than their loop; ``lost_ends``: neighbouring nodes at the end of a live loop that are lost.
    """

    place: str
    lamps: Mapping[str, Phases]
    zone_ms: int
    day: bool | None = None
    permitted: bool = False
    expected: Mapping[str, bool] = field(default_factory=dict)
    dimmed: Mapping[str, Three] = field(default_factory=dict)
    lost_ends: Mapping[str, int] = field(default_factory=dict)


def observe(state: CabinetState, setting: Setting, time: int, values: Values) -> tuple[CabinetState, tuple[Finding, ...]]:
    """Take in what a cabinet says at ``time``; the findings that have changed, or whose cause has."""
    feed = supply_reading(setting.place, time, values)
    held, found = _cabinet(state, setting, feed, values)
    budget, band = voltage(state.budget, feed, zone_ms=setting.zone_ms)
    loops: dict[str, LoopState] = {}
    fell = _fallen(state, values)
    hides = metering.hidden(feed.watts, (three(values, f"{component}/p") for component in setting.lamps))
    for component in setting.lamps:
        before = state.loops.get(component, LoopState())
        others = None if fell is None else any(other != component for other in fell)
        explained = apart(f"{setting.place}/{component}", state.standing.values())
        loops[component], more = _loop(before, setting, component, time, values, others_fell=others, hides=hides, apart=explained)
        found += more
    lit = any(one.command.value and (one.watts or 0.0) > 0 for one in loops.values())
    held["frozen"], still = cabinet.frozen(held.get("frozen", Held()), setting.place, time, values, lit=lit)
    found += [one for one in (still, band) if one is not None]
    standing, changed = _with_causes(state, found)
    return CabinetState(held=held, budget=budget, loops=loops, standing=standing), changed


# -- the cabinet itself ----------------------------------------------------------------------------------------------------------


def _cabinet(state: CabinetState, setting: Setting, feed: Supply, values: Values) -> tuple[dict[str, Held], list[Finding]]:
    held, found = dict(state.held), []
    detectors: dict[str, supply.Detector] = {
        "mains": supply.mains_lost,
        "neutral": supply.neutral_open,
        "serious": supply.voltage,
        **{f"phase-{name}": partial(supply.phase_lost, phase=n) for n, name in enumerate(PHASES)},
    }
    for name, detector in detectors.items():
        held[name], finding = detector(held.get(name, Held()), feed)
        found += [finding] if finding is not None else []
    door = truth(values, "door")
    held["door"], finding = cabinet.door_open(
        held.get("door", Held()), feed.place, feed.time, open_=door, permitted=setting.permitted
    )
    return held, found + ([finding] if finding is not None else [])


def _fallen(state: CabinetState, values: Values) -> list[str] | None:
    """Loops whose power has just fallen by a tenth, without a command; None where too few are known to tell."""
    fallen, known = [], 0
    for component, one in state.loops.items():
        phases = [number(values, f"{component}/p_{phase}") for phase in PHASES]
        now = None if None in phases else sum(watts or 0.0 for watts in phases)
        asked = truth(values, f"{component}/commanded")
        if now is None or not one.watts or asked is not True or one.command.value is not True:
            continue
        known += 1
        if now < 0.9 * one.watts:
            fallen.append(component)
    return fallen if known > 1 else None


# -- its loops -------------------------------------------------------------------------------------------------------------------


def _loop(
    state: LoopState,
    setting: Setting,
    component: str,
    time: int,
    values: Values,
    *,
    others_fell: bool | None,
    hides: Three,
    apart: bool,
) -> tuple[LoopState, list[Finding]]:
    command, told = loop_reading(state.command, setting.place, time, values, component, state.reference)
    told = structs.replace(told, expected=setting.expected.get(component))
    measured, reading, wrong = metering.believed(state.measured, told, hides)
    mains = None if None in reading.volts else all(volts is not None and volts >= DEAD_V for volts in reading.volts)
    held, found = dict(state.held), []
    for name, detector in _detectors(setting, component, mains):
        held[name], finding = detector(held.get(name, Held()), reading)
        found += [finding] if finding is not None else []
    steady, cut = cable_cut(state.steady, reading, others_fell=others_fell)
    leak, leaks = leakage(state.leak, reading, trip_ma=number(values, f"{component}/trip_ma"))
    counting, counted = _count(state, setting, component, reading)
    night, mismatch = _energy(state.energy, setting, component, reading, number(values, f"{component}/energy"), apart=apart)
    total = None if None in reading.watts else sum(watts or 0.0 for watts in reading.watts)
    after = structs.replace(
        _learn(state, reading),
        held=held,
        command=command,
        steady=steady,
        leak=leak,
        counting=counting,
        energy=night,
        measured=measured,
        watts=total,
    )
    return after, [*found, *(one for one in (wrong, cut, mismatch) if one is not None), *leaks, *counted]


def _energy(
    state: Night, setting: Setting, component: str, reading: Loop, counter: float | None, *, apart: bool
) -> tuple[Night, Finding | None]:
    a, b, c = (sum(watts) for watts in setting.lamps[component])
    rated = (a, b, c)
    should = None if apart else should_take(reading, rated, setting.dimmed.get(component))
    return energy(state, reading, counter, rated=rated, should=should, zone_ms=setting.zone_ms)


def _detectors(setting: Setting, component: str, mains: bool | None) -> Iterator[tuple[str, loop.Detector]]:
    yield "open", loop.loop_open
    yield "breaker", loop.breaker_open
    yield "welded", loop.welded
    yield "feedback", loop.feedback_fault
    yield "closing", loop.not_closing
    yield "day", partial(loop.day_burning, day=setting.day)
    yield "theft", partial(cabinet.cable_theft, mains=mains, lost_end_units=setting.lost_ends.get(component))
    yield "schedule", cabinet.schedule_not_executed
    mixed = component in setting.dimmed
    yield "factor", partial(factor.loop_factor, mixed=mixed)
    yield "factor-serious", partial(factor.loop_factor, mixed=mixed, serious=True)
    for n, name in enumerate(PHASES):
        yield f"open-{name}", partial(loop.phase_open, phase=n)


def _count(
    state: LoopState, setting: Setting, component: str, reading: Loop
) -> tuple[tuple[Counting, Counting, Counting], list[Finding]]:
    """Not while lamps have levels of their own: the power then says what they were told, not how many there are."""
    reading = structs.replace(reading, level=None) if component in setting.dimmed else reading
    found: list[Finding] = []
    after = []
    for phase, (before, rated) in enumerate(zip(state.counting, setting.lamps[component], strict=True)):
        counted, more = lamps_lost(before, reading, phase, rated=rated, zone_ms=setting.zone_ms)
        after.append(counted)
        found += more
    a, b, c = after
    return (a, b, c), found


def _learn(state: LoopState, reading: Loop) -> LoopState:
    """Reference currents from the first readings at full level; all without current means it was dead then: try again."""
    known = state.reference != (None, None, None) or None in reading.amps
    if known or not loop.armed(reading) or (reading.level or 0.0) < LEARN_LEVEL or not any(reading.amps):
        return state
    learning = (*state.learning, reading.amps)
    if len(learning) < LEARN_READINGS:
        return structs.replace(state, learning=learning)
    a, b, c = (median([amps for one in learning if (amps := one[phase]) is not None]) for phase in range(3))
    return structs.replace(state, learning=(), reference=(a, b, c) if max(a, b, c) >= loop.LEAST_A else (None, None, None))


def _with_causes(state: CabinetState, found: list[Finding]) -> tuple[Mapping[str, Finding], tuple[Finding, ...]]:
    """Every standing finding with its cause, and those that differ from before."""
    if not found:
        return state.standing, ()
    standing = {**state.standing, **{one.key: one for one in found}}
    told = explain([replace(one, explained_by="") if one.explained_by else one for one in standing.values()], {})
    after = {one.key: one for one in told}
    return after, tuple(one for key, one in after.items() if one != state.standing.get(key))
