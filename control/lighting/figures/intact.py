"""设施完好率 of a day: facilities without damage, by kind. Pure.

Customary is intact of all facilities; which facilities, and what damage is, no public rule was found to say (the national
documents and their explanations do not, as is complained of in print), so that is the project's own reading, unverified: of all
cabinets, loops and lamps, how many have no fault standing in the alarm journal. A cabinet and its loops are known while it is
heard, a lamp with a node while its loop is to be lit and the node answers (by day a dead loop says nothing); one without it is
counted with its loop. What the journal does not speak of, or nobody hears, is unknown.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from control.lighting.figures.lamps import node_lit
from control.lighting.figures.lit_rate import Known, Loop, Wired, node_reading
from control.lighting.figures.should import wanted
from control.lighting.figures.tally import Sum, Tally


class Facility(StrEnum):
    """Kinds that are counted."""

    CABINET = "cabinet"
    LOOP = "loop"
    LAMP = "lamp"


class Damage(NamedTuple):
    """Which facility, and the rule of the alarm that stood (``DARK`` = its node says so, without an alarm)."""

    kind: Facility
    name: str
    rule: str


DARK = "dark"


@dataclass(slots=True)
class Intact:
    """``kinds``: by kind, to be added up with ``tally.total``; ``damaged``: for how many quarter hours each damage stood."""

    kinds: Mapping[Facility, Tally] = field(default_factory=dict)
    damaged: Counter[Damage] = field(default_factory=Counter)


def intact_of_day(loops: Sequence[Loop], known: Known) -> Intact:
    """Of all slots that count."""
    sums: dict[Facility, Sum] = defaultdict(Sum)
    found = Intact()
    for cabinet in dict.fromkeys(loop.cabinet for loop in loops):
        for slot in known.slots:
            rules = _device(sums[Facility.CABINET], known, cabinet, "", slot)
            found.damaged.update(Damage(Facility.CABINET, cabinet, rule) for rule in rules)
    for loop in loops:
        for slot in known.slots:
            rules = _device(sums[Facility.LOOP], known, loop.cabinet, loop.component, slot)
            found.damaged.update(Damage(Facility.LOOP, loop.id, rule) for rule in rules)
        found.damaged.update(_lamps(sums[Facility.LAMP], loop, known))
    found.kinds = {kind: one.tally() for kind, one in sums.items()}
    return found


def together(tallies: Mapping[Facility, Tally], counts: Mapping[Facility, int]) -> tuple[float, float, float] | None:
    """(lower, upper, coverage) of all facilities, each kind by how many there are of it; None = nothing is known of any."""
    parts = [(counts.get(kind, 0), one) for kind, one in tallies.items() if one.all]
    number = sum(count for count, _ in parts)
    if not number:
        return None

    def mean(which: str) -> float:
        return float(sum(count * getattr(one, which) for count, one in parts)) / number

    return mean("lower"), mean("upper"), mean("coverage")


def _device(one: Sum, known: Known, device: str, component: str, slot: int) -> set[str]:
    """The rules of what is damaged there."""
    at = known.readings.grid.end(slot)
    rules = known.faults.damage(device, component, at)
    if rules:
        one.add(slot, 0, 1, 0, "alarm")
    elif known.faults.known(at) and _heard(known, device, component, slot):
        one.add(slot, 1, 0, 0, "readings")
    else:
        one.add(slot, 0, 0, 1, "")
    return rules


def _heard(known: Known, cabinet: str, component: str, slot: int) -> bool:
    path = f"{component}/commanded" if component else "p"
    return known.readings.at(cabinet, path, slot) is not None


def _lamps(one: Sum, loop: Loop, known: Known) -> Iterator[Damage]:
    """Counts the lamps with a node; what is damaged of them."""
    lamps = [each for each in (lamp for phase in loop.phases.values() for lamp in phase) if each.component]
    for slot in known.slots if lamps else ():
        if wanted(known.force, known.readings, loop.id, loop.cabinet, loop.component, slot) is None:
            continue
        for lamp in lamps:
            state, rules = _lamp(known, lamp, slot)
            one.add(slot, state is True, state is False, state is None, "readings")
            yield from (Damage(Facility.LAMP, lamp.lamp.id, rule) for rule in rules)


def _lamp(known: Known, lamp: Wired, slot: int) -> tuple[bool | None, set[str]]:
    """Whether it is intact, and the rules of its damage."""
    at = known.readings.grid.end(slot)
    rules = known.faults.damage(lamp.concentrator, lamp.component, at)
    lit = node_lit(node_reading(known.readings, lamp, slot), lamp.lamp.watts)
    if rules or lit is False:
        return False, rules or {DARK}
    return (lit if known.faults.known(at) else None), rules
