"""The figures of a period as one value: roads and classes, facilities, programs, loops, repairs, and what is missing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from control.lighting.figures import energy as energies
from control.lighting.figures import tally as tallies
from control.lighting.figures.energy import Energy, Which
from control.lighting.figures.facilities import DamageRow, IntactRow
from control.lighting.figures.led import Led
from control.lighting.figures.lit_rate import Loop
from control.lighting.figures.repairs import Repairs
from control.lighting.figures.tally import TARGETS, Tally, verdict
from lampwell.assets import County, Road
from lampwell.lighting.wire import Said

FEW_LAMPS = 200
"""Roads with fewer lamps are judged by dark lamps, not by a share (Changsha, domain streetlights 2.3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LitRow:
    """亮灯率 of a road, of a class (``road`` "") or of all (both ""). ``met``: the target, None = it can not be told. ``dark``:
    lamps known dark at once, on average over the quarter hours in which any should be lit.
    """

    road: str
    zh: str
    en: str
    road_class: str
    lamps: int
    lower: float | None
    upper: float | None
    coverage: float | None
    target: float | None
    met: bool | None
    dark: float | None
    by_dark_lamps: bool
    tally: Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyRow:
    """One program before or after the change of lamps; ``when`` "" where no date was given; ``program`` "" where none is known,
    None all together.
    """

    program: str | None
    zh: str
    en: str
    when: str
    energy: Energy
    saved: float | None
    saved_cny: float | None
    kw: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopRow:
    """One loop; None = its counter was not heard. ``coverage``: share of the period in which its energy was heard."""

    loop: str
    road: str
    kwh: float | None
    burn_h: float | None
    operations: float | None
    coverage: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairRow:
    """Orders of one SLA word, or of all (``sla`` "")."""

    sla: str
    repairs: Repairs
    in_time: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """[start, end) in epoch ms. ``led``: before and after the change of lamps; None = there was none, or nothing to compare.
    ``notes``: what is missing or was assumed.
    """

    county: str
    area: str
    road: str
    start: int
    end: int
    baseline: str
    lit: tuple[LitRow, ...]
    intact: tuple[IntactRow, ...]
    damaged: tuple[DamageRow, ...]
    energy: tuple[EnergyRow, ...]
    led: Led | None
    loops: tuple[LoopRow, ...]
    repairs: tuple[RepairRow, ...]
    notes: tuple[Said, ...]


def road_of(loop: Loop) -> str:
    """The road that most lamps of a loop stand on: its energy can not be shared out."""
    return Counter(one.lamp.road for each in loop.phases.values() for one in each).most_common(1)[0][0]


def lit_rows(county: County, roads: Mapping[str, Tally]) -> list[LitRow]:
    """All together, then classes, then roads."""
    named = {road.id: road for road in county.roads}
    lamps = Counter(lamp.road for lamp in county.lamps)
    chosen = [road for road in county.roads if road.id in roads]
    rows = [_lit(chosen, "", ("全部", "all"), "", roads, lamps)]
    for name in dict.fromkeys(road.road_class for road in chosen):
        ours = [road for road in chosen if road.road_class == name]
        rows.append(_lit(ours, "", CLASS_WORDS.get(name, (name, name)), name, roads, lamps))
    return rows + [_lit([named[road.id]], road.id, (road.zh, road.en), road.road_class, roads, lamps) for road in chosen]


CLASS_WORDS: Mapping[str, tuple[str, str]] = {
    "main": ("主干道", "main roads"),
    "secondary": ("次干道", "secondary roads"),
    "branch": ("支路", "branch roads"),
}


def _lit(
    chosen: Sequence[Road],
    road: str,
    name: tuple[str, str],
    road_class: str,
    roads: Mapping[str, Tally],
    lamps: Mapping[str, int],
) -> LitRow:
    one = tallies.total(roads[each.id] for each in chosen)
    count, target = sum(lamps[each.id] for each in chosen), TARGETS.get(road_class)
    dark = [roads[each.id].bad / roads[each.id].slots for each in chosen if roads[each.id].slots]
    return LitRow(
        road=road,
        zh=name[0],
        en=name[1],
        road_class=road_class,
        lamps=count,
        lower=one.lower,
        upper=one.upper,
        coverage=one.coverage,
        target=target,
        met=verdict(one, target),
        dark=sum(dark) if dark else None,
        by_dark_lamps=bool(road) and count < FEW_LAMPS,
        tally=one,
    )


def energy_rows(sums: Mapping[Which, Energy], names: Mapping[str, tuple[str, str]], *, led: bool) -> list[EnergyRow]:
    """All together, then programs; each before and after where there is a change of lamps."""
    rows = []
    groups: dict[str, list[tuple[bool, Energy]]] = defaultdict(list)
    for which, one in sums.items():
        groups[which.program].append((which.after, one))
    whole = [(which.after, one) for which, one in sums.items()]
    for program, parts in [(None, whole), *sorted(groups.items())] if whole else []:
        words = ("全部", "all") if program is None else names.get(program, NO_PROGRAM if not program else (program, program))
        for after in (False, True) if led else (None,):
            chosen = [one for late, one in parts if after is None or late is after]
            if chosen:
                rows.append(_energy(program, words, after, energies.total(chosen)))
    return rows


NO_PROGRAM = ("方案未知", "no program known")


def _energy(program: str | None, words: tuple[str, str], after: bool | None, one: Energy) -> EnergyRow:
    when = "" if after is None else "after" if after else "before"
    return EnergyRow(
        program=program, zh=words[0], en=words[1], when=when, energy=one, saved=one.saved, saved_cny=one.saved_cny, kw=one.kw
    )
