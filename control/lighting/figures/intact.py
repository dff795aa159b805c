"""设施完好率 of a day: facilities without damage, by kind. Pure.

The rules that set its targets give no formula (domain streetlights 2.3), so this one is the project's own: of all cabinets,
loops and lamps, how many have no fault standing in the alarm journal. A cabinet and its loops are known while it is heard, a
lamp with a node while its loop is to be lit and the node answers (by day a dead loop says nothing). A lamp without a node is
counted with its loop. What the journal does not speak of, or nobody hears, is unknown.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from enum import StrEnum

from control.lighting.figures.lamps import node_lit
from control.lighting.figures.lit_rate import Known, Loop, Wired, node_reading
from control.lighting.figures.should import wanted
from control.lighting.figures.tally import Sum, Tally


class Facility(StrEnum):
    """Kinds that are counted."""

    CABINET = "cabinet"
    LOOP = "loop"
    LAMP = "lamp"


def intact_of_day(loops: Sequence[Loop], known: Known) -> dict[Facility, Tally]:
    """By kind; add the days up with ``tally.total``."""
    sums: dict[Facility, Sum] = defaultdict(Sum)
    for cabinet in dict.fromkeys(loop.cabinet for loop in loops):
        for slot in known.slots:
            _device(sums[Facility.CABINET], known, cabinet, "", slot)
    for loop in loops:
        for slot in known.slots:
            _device(sums[Facility.LOOP], known, loop.cabinet, loop.component, slot)
        _lamps(sums[Facility.LAMP], loop, known)
    return {kind: one.tally() for kind, one in sums.items()}


def together(tallies: Mapping[Facility, Tally], counts: Mapping[Facility, int]) -> tuple[float, float, float] | None:
    """(lower, upper, coverage) of all facilities, each kind by how many there are of it; None = nothing is known of any."""
    parts = [(counts.get(kind, 0), one) for kind, one in tallies.items() if one.all]
    number = sum(count for count, _ in parts)
    if not number:
        return None

    def mean(which: str) -> float:
        return float(sum(count * getattr(one, which) for count, one in parts)) / number

    return mean("lower"), mean("upper"), mean("coverage")


def _device(one: Sum, known: Known, device: str, component: str, slot: int) -> None:
    at = known.readings.grid.end(slot)
    if known.faults.stands(device, component, at):
        one.add(slot, 0, 1, 0, "alarm")
    elif known.faults.known(at) and _heard(known, device, component, slot):
        one.add(slot, 1, 0, 0, "readings")
    else:
        one.add(slot, 0, 0, 1, "")


def _heard(known: Known, cabinet: str, component: str, slot: int) -> bool:
    path = f"{component}/commanded" if component else "p"
    return known.readings.at(cabinet, path, slot) is not None


def _lamps(one: Sum, loop: Loop, known: Known) -> None:
    lamps = [each for each in (lamp for phase in loop.phases.values() for lamp in phase) if each.component]
    for slot in known.slots if lamps else ():
        if wanted(known.force, known.readings, loop.id, loop.cabinet, loop.component, slot) is None:
            continue
        for lamp in lamps:
            state = _lamp(known, lamp, slot)
            one.add(slot, state is True, state is False, state is None, "readings")


def _lamp(known: Known, lamp: Wired, slot: int) -> bool | None:
    at = known.readings.grid.end(slot)
    if known.faults.stands(lamp.concentrator, lamp.component, at):
        return False
    lit = node_lit(node_reading(known.readings, lamp, slot), lamp.lamp.watts)
    return lit if lit is not True or known.faults.known(at) else None
