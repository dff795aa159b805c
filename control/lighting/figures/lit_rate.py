"""亮灯率 of a day: lamps of a county, quarter hour by quarter hour, into tallies by road. Pure.

Of each lamp the first that is known counts: its own node; its contactor read back open; an alarm of it in the journal; the power
of its phase, which tells how many of the others burn. What none of these tells is unknown.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from control.lighting.figures.faults import CABINET_DARK, LAMP_DARK, LOOP_DARK, UNEQUAL, Faults
from control.lighting.figures.lamps import (
    NodeReading,
    Phase,
    Source,
    node_lit,
    of_a_part,
    of_the_others,
    phase_lit,
)
from control.lighting.figures.should import InForce, Wanted, wanted
from control.lighting.figures.slots import Readings
from control.lighting.figures.tally import Sum, Tally
from lampwell.assets import County, Lamp, lamp_nodes
from lampwell.lighting.assign import loop_id
from lampwell.lighting.figures import power_share

Ratios = Mapping[tuple[str, str], float | None]
"""(loop id, phase) -> real to rated power on its good nights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wired:
    """A lamp, and where its node is heard: concentrator and component, "" without a node."""

    lamp: Lamp
    concentrator: str = ""
    component: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loop:
    """A loop with its lamps by phase."""

    id: str
    cabinet: str
    component: str
    phases: Mapping[str, tuple[Wired, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """All that a day is judged by: readings from noon to noon, of which ``slots`` count."""

    readings: Readings
    force: InForce
    faults: Faults
    ratios: Ratios
    slots: range


def loops_of(county: County) -> tuple[Loop, ...]:
    """Every loop that has lamps."""
    served = lamp_nodes(county)
    nodes = {lamp.id: (unit, component) for unit, lamps in served.items() for component, lamp in lamps.items()}
    found: dict[tuple[str, int], dict[str, list[Wired]]] = defaultdict(lambda: defaultdict(list))
    for lamp in county.lamps:
        concentrator, component = nodes.get(lamp.id, ("", ""))
        found[lamp.cabinet, lamp.loop][lamp.phase].append(Wired(lamp=lamp, concentrator=concentrator, component=component))
    return tuple(
        Loop(
            id=loop_id(cabinet, number),
            cabinet=cabinet,
            component=f"loop{number}",
            phases={phase: tuple(each) for phase, each in sorted(phases.items())},
        )
        for (cabinet, number), phases in found.items()
    )


def lit_of_day(loops: Sequence[Loop], known: Known) -> dict[str, Tally]:
    """By road. Slots in which nothing should be lit count for nothing."""
    sums: dict[str, Sum] = defaultdict(Sum)
    for loop in loops:
        for slot in known.slots:
            want = wanted(known.force, known.readings, loop.id, loop.cabinet, loop.component, slot)
            for phase, lamps in loop.phases.items():
                _phase(sums, loop, phase, lamps, want, slot, known)
    return {road: one.tally() for road, one in sums.items()}


def _phase(
    sums: dict[str, Sum], loop: Loop, phase: str, lamps: Sequence[Wired], want: Wanted | None, slot: int, known: Known
) -> None:
    wants = _wants(loop, lamps, want, slot, known)
    if not any(wants):
        return
    dark = _dark(loop, slot, known)
    states = [_named(one, dark, slot, known) for one in lamps]
    others: dict[tuple[str, str], int] = defaultdict(int)
    for one, each, (lit, source) in zip(lamps, wants, states, strict=True):
        if each is not None and lit is not None:
            sums[one.lamp.road].add(slot, lit, not lit, 0, source, each.basis)
        elif each is not None:
            others[one.lamp.road, each.basis] += 1
    if others:
        burn = phase_lit(_power(loop, phase, lamps, wants[0], slot, known)) if len(set(wants)) == 1 else None
        _others(sums, others, burn, sum(lit is True for lit, _ in states), slot)


def _wants(loop: Loop, lamps: Sequence[Wired], want: Wanted | None, slot: int, known: Known) -> list[Wanted | None]:
    """Of each lamp: its loop's, unless its node has a calendar or an override of its own."""
    table = known.force.table(loop.cabinet, known.readings.grid.end(slot))
    if table is None:
        return [want] * len(lamps)
    return [
        wanted(known.force, known.readings, one.lamp.id, loop.cabinet, loop.component, slot)
        if one.component and known.force.has_own(table, one.lamp.id)
        else want
        for one in lamps
    ]


def _named(one: Wired, dark: Source | None, slot: int, known: Known) -> tuple[bool | None, Source]:
    """What is known of this very lamp: by its node, else dark by its loop or by an alarm; None = nothing is."""
    lit = node_lit(node_reading(known.readings, one, slot), one.lamp.watts) if one.component else None
    if lit is not None:
        return lit, Source.NODE
    if dark is not None:
        return False, dark
    at = known.readings.grid.end(slot)
    alarm = one.component and known.faults.stands(one.concentrator, one.component, at, LAMP_DARK)
    return (False if alarm else None), Source.ALARM


def _dark(loop: Loop, slot: int, known: Known) -> Source | None:
    """What says that a whole loop is dark: its contactor, read back open with no power; where neither is known, an alarm."""
    aux = known.readings.at(loop.cabinet, f"{loop.component}/aux", slot)
    watts = [known.readings.at(loop.cabinet, f"{loop.component}/p_{phase}", slot) for phase in loop.phases]
    if aux is not None and not aux and not any(watts):
        return Source.CONTACTOR
    at = known.readings.grid.end(slot)
    if aux is None and all(each is None for each in watts):
        by_loop = known.faults.stands(loop.cabinet, loop.component, at, LOOP_DARK)
        return Source.ALARM if by_loop or known.faults.stands(loop.cabinet, "", at, CABINET_DARK) else None
    return None


def _others(
    sums: dict[str, Sum], others: Mapping[tuple[str, str], int], burn: tuple[int, int, Source] | None, lit: int, slot: int
) -> None:
    """Lamps of which nothing is known by name: as many as the power of the phase tells, over the roads they stand on."""
    whole = sum(others.values())
    for (road, basis), part in others.items():
        if burn is None:
            sums[road].add(slot, 0, 0, part, "", basis)
            continue
        low, high = of_a_part(of_the_others(burn[:2], lit, whole), whole, part)
        sums[road].add(slot, low, part - high, high - low, burn[2], basis)


def _power(loop: Loop, phase: str, lamps: Sequence[Wired], want: Wanted | None, slot: int, known: Known) -> Phase:
    told = known.readings.at(loop.cabinet, f"{loop.component}/level", slot)
    at = known.readings.grid.end(slot)
    suspect = known.faults.stands(loop.cabinet, loop.component, at, UNEQUAL)
    return Phase(
        watts=known.readings.at(loop.cabinet, f"{loop.component}/p_{phase}", slot),
        rated=rated(lamps),
        lamps=len(lamps),
        level=told if told is not None or want is None else want.level,
        ratio=None if suspect else known.ratios.get((loop.id, phase)),
    )


def rated(lamps: Sequence[Wired]) -> float:
    """Watts of several lamps; 0 where that of any is not known."""
    watts = [one.lamp.watts for one in lamps]
    return sum(watts) if all(watts) else 0.0


def node_reading(readings: Readings, one: Wired, slot: int) -> NodeReading:
    """What the node of a lamp said at the end of a slot."""
    silent, level, watts, failed = (
        readings.at(one.concentrator, f"{one.component}/{name}", slot) for name in ("no_answer", "level", "power", "failed")
    )
    return NodeReading(
        silent=None if silent is None else bool(silent),
        level=level,
        watts=watts,
        failed=None if failed is None else bool(failed),
    )


# -- what a phase takes on a night -----------------------------------------------------------------------------------------------


def shares_of_day(loops: Sequence[Loop], readings: Readings, faults: Faults) -> dict[tuple[str, str], list[float]]:
    """Real to rated power of every phase in the steady lit quarter hours of a day: what references are made of."""
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for loop in loops:
        for slot in range(1, readings.grid.count):
            if faults.stands(loop.cabinet, loop.component, readings.grid.end(slot), UNEQUAL | LOOP_DARK):
                continue
            for phase, share in _shares(loop, readings, slot):
                found[loop.id, phase].append(share)
    return found


def _shares(loop: Loop, readings: Readings, slot: int) -> Iterator[tuple[str, float]]:
    aux, level = (
        [readings.at(loop.cabinet, f"{loop.component}/{name}", n) for n in (slot - 1, slot)] for name in ("aux", "level")
    )
    now = level[1]
    if not all(aux) or now is None or now != level[0] or now < 20:
        return
    for phase, lamps in loop.phases.items():
        watts, full = readings.at(loop.cabinet, f"{loop.component}/p_{phase}", slot), rated(lamps)
        if watts and full:
            yield phase, watts / (full * power_share(round(now)))
