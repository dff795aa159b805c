"""Settled power in blocks of five minutes, and what the same minutes of other nights were: the stuff that losses are seen in.

Blocks count from the start of the record, so a record shifted in time gives the same blocks.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from control.lighting.feeder.levels import Profile
from control.lighting.feeder.series import DAY_MIN, Series
from control.lighting.feeder.stats import known, median, sigma

BLOCK_MIN = 5
SAME_LEVEL = 0.05
"""Plateaus whose power differs by less (natural logarithm) are of one level."""
LEAST_GAIN, LEAST_SPREAD, STEEPEST = 0.85, 0.002, 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Natural logarithms of median power ``x`` and voltage ``v`` of the settled cells of one block, and where it is."""

    night: int
    plateau: int
    cell: int
    slot: int
    x: float
    v: float


def blocks(series: Series, profiles: Sequence[Profile]) -> tuple[Block, ...]:
    """All blocks of all nights in order of time."""
    return tuple(block for one in profiles for block in _of_night(series, one))


def per_hour(series: Series) -> int:
    """Blocks in an hour."""
    return max(1, 60 // (size(series) * series.step))


def size(series: Series) -> int:
    """Cells in a block."""
    return series.cells(BLOCK_MIN)


def _of_night(series: Series, profile: Profile) -> Iterator[Block]:
    cells = size(series)
    slots = max(1, DAY_MIN // series.step // cells)
    for number, plateau in enumerate(profile.plateaus):
        inside: dict[int, list[int]] = defaultdict(list)
        for cell in plateau.cells:
            inside[cell // cells].append(cell)
        for place, found in inside.items():
            if 2 * len(found) > cells:
                watts = median([series.watts[cell] for cell in found])
                volts = median(known([series.volts[cell] for cell in found]))
                log_volts = math.log(volts) if volts > 0 else math.nan
                yield Block(
                    night=plateau.night, plateau=number, cell=place * cells, slot=place % slots, x=math.log(watts), v=log_volts
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class Voltage:
    """How power follows voltage: P ~ U**exponent. 0 unless learning it made the spread clearly smaller."""

    exponent: float
    learned: float
    spread_before: float
    spread_after: float


def learn_voltage(found: Sequence[Block]) -> Voltage:
    """Learn the exponent from the wandering inside plateaus. Never assumed: V**2 made a real line worse (domain streetlights
    fact 5).
    """
    xs, vs = _inside([block for block in found if not math.isnan(block.v)])
    square = sum(v * v for v in vs)
    slope = sum(x * v for x, v in zip(xs, vs, strict=True)) / square if square else 0.0
    slope = min(STEEPEST, max(0.0, slope))
    before = sigma(xs)
    after = sigma([x - slope * v for x, v in zip(xs, vs, strict=True)])
    worth = len(xs) >= 48 and sigma(vs) >= LEAST_SPREAD and after <= LEAST_GAIN * before
    return Voltage(exponent=slope if worth else 0.0, learned=slope, spread_before=before, spread_after=after)


def _inside(found: Sequence[Block]) -> tuple[list[float], list[float]]:
    """Power and voltage of blocks about the median of their own plateau."""
    groups: Mapping[tuple[int, int], list[Block]] = defaultdict(list)
    for block in found:
        groups[block.night, block.plateau].append(block)
    xs: list[float] = []
    vs: list[float] = []
    for group in groups.values():
        x, v = median([block.x for block in group]), median([block.v for block in group])
        xs += [block.x - x for block in group]
        vs += [block.v - v for block in group]
    return xs, vs


def corrected(found: Sequence[Block], voltage: Voltage) -> tuple[Block, ...]:
    """The blocks as they would be at the median voltage of all."""
    if voltage.exponent == 0:
        return tuple(found)
    middle = median(known([block.v for block in found]))
    return tuple(
        Block(
            night=one.night,
            plateau=one.plateau,
            cell=one.cell,
            slot=one.slot,
            x=one.x - (0.0 if math.isnan(one.v) else voltage.exponent * (one.v - middle)),
            v=one.v,
        )
        for one in found
    )
