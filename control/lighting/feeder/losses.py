"""Power that goes missing and stays away inside a night (domain streetlights 3, estimating failed lamps): the difference of the
hour after and the hour before, which slow wandering cannot make, and which must be abrupt.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from control.lighting.feeder.blocks import SAME_LEVEL, Block
from control.lighting.feeder.count import BLOCK_NOISE
from control.lighting.feeder.stats import median, middle_mean, sigma

UNLEARNED = 2 * BLOCK_NOISE
"""Smallest change believed before the noise of this feeder is known."""
LEAST = 0.005
"""Smallest change ever believed (unverified choice)."""
STEP_SIGMAS, NIGHT_SIGMAS, WORST = 5.0, 4.0, 1.5
LASTS = 0.75
"""This share of the limit must stand in the longer look as well (unverified choice)."""
ABRUPT = 0.6
"""This share of a step must come within minutes."""
REFERENCE_NIGHTS, SHAPE_NIGHTS, SHAPES = 7, 15, 3
Key = tuple[int, int]
"""A plateau: its night and its number in it."""
LEARNED_STEPS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """Power changed by ``change`` (logarithm) for good at ``cell``: at once inside the night, or since the night before
    (``overnight``). ``before``: watts before it at that level; ``noise``: of the measured change.
    """

    night: int
    cell: int
    change: float
    before: float
    noise: float
    overnight: bool


# -- inside a night ------------------------------------------------------------------------------------------------------------


def shifts_inside(found: Sequence[Block], hour: int) -> list[Shift]:
    """Small lasting steps within plateaus. ``hour``: blocks in an hour."""
    evened, sizes = _compare(found, hour)
    learned = _noise(sizes)
    limit = UNLEARNED if math.isnan(learned) else max(LEAST, STEP_SIGMAS * learned)
    noise = BLOCK_NOISE if math.isnan(learned) else learned
    shifts = []
    for key, group in evened.items():
        for at in _peaks(sizes[key], limit, hour):
            change = sizes[key][at]
            xs = [x for _, x in group]
            place = _abrupt(xs, at, change)
            if place is not None and _lasting(xs, at, change, limit, hour):
                before = math.exp(median([one.x for one, _ in group[max(0, place - hour) : place]]))
                cell = group[place][0].cell
                shifts.append(Shift(night=key[0], cell=cell, change=change, before=before, noise=noise, overnight=False))
    return shifts


def noise_inside(found: Sequence[Block], hour: int) -> float:
    """Standard deviation of the difference of two hours of a healthy plateau; NaN where the record is too short to learn it."""
    return _noise(_compare(found, hour)[1])


Evened = dict[Key, list[tuple[Block, float]]]


def _compare(found: Sequence[Block], hour: int) -> tuple[Evened, dict[Key, dict[int, float]]]:
    """Evened blocks of every plateau, and the change at each of their places."""
    plateaus = _plateaus(found)
    middles = {key: median([block.x for block in group]) for key, group in plateaus.items()}
    evened = {key: _evened(key, plateaus, middles) for key in plateaus}
    return evened, {key: _differences([x for _, x in group], hour) for key, group in evened.items()}


def _noise(sizes: Mapping[Key, Mapping[int, float]]) -> float:
    every = [size for one in sizes.values() for size in one.values()]
    return sigma(every) if len(every) >= LEARNED_STEPS else math.nan


def _plateaus(found: Sequence[Block]) -> dict[Key, list[Block]]:
    groups: dict[Key, list[Block]] = defaultdict(list)
    for block in found:
        groups[block.night, block.plateau].append(block)
    return groups


def _evened(key: Key, plateaus: Mapping[Key, Sequence[Block]], middles: Mapping[Key, float]) -> list[tuple[Block, float]]:
    """Blocks without the shape that other nights have at the same slots and level (warm-up tail, sag, heat), where three of them
    or more show it nearly throughout (two could not outvote a loss in one of them); else as they are.
    """
    shape: dict[int, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for other, middle in middles.items():
        if 0 < abs(other[0] - key[0]) <= SHAPE_NIGHTS and abs(middle - middles[key]) < SAME_LEVEL:
            for block in plateaus[other]:
                for slot in (block.slot - 1, block.slot, block.slot + 1):
                    shape[slot][other[0]].append(block.x - middle)
    group = plateaus[key]
    told = {slot: median([fmean(xs) for xs in nights.values()]) for slot, nights in shape.items() if len(nights) >= SHAPES}
    shown = [(block, block.x - told[block.slot]) for block in group if block.slot in told]
    return shown if len(shown) >= 0.8 * len(group) else [(block, block.x) for block in group]


def _differences(xs: Sequence[float], hour: int) -> dict[int, float]:
    """Hour after minus hour before, where three quarters of an hour follow and half an hour went before."""
    least_before, least_after = max(1, hour // 2), max(1, 3 * hour // 4)
    return {
        at: middle_mean(xs[at : at + hour]) - middle_mean(xs[max(0, at - hour) : at])
        for at in range(least_before, len(xs) - least_after + 1)
    }


def _peaks(sizes: dict[int, float], limit: float, hour: int) -> list[int]:
    """Places where the change is beyond the limit and larger than all around it."""
    found: list[int] = []
    for at in sorted(sizes, key=lambda one: -abs(sizes[one])):
        if abs(sizes[at]) < limit:
            break
        if all(abs(at - one) >= hour for one in found):
            found.append(at)
    return sorted(found)


def _lasting(xs: Sequence[float], at: int, change: float, limit: float, hour: int) -> bool:
    """Whether the change also stands against three hours before and for two hours after, as far as there are so many: the end of
    a passing rise is no loss, and a passing fall is none.
    """
    way = 1 if change > 0 else -1
    long_ago = middle_mean(xs[at : at + hour]) - middle_mean(xs[max(0, at - 3 * hour) : at])
    long_after = middle_mean(xs[at : at + 2 * hour]) - middle_mean(xs[max(0, at - hour) : at])
    return min(way * long_ago, way * long_after) >= LASTS * limit


def _abrupt(xs: Sequence[float], at: int, change: float) -> int | None:
    """Where within two blocks of ``at`` the change comes, or None where it comes slowly."""
    near = range(max(1, at - 2), min(len(xs) - 1, at + 2) + 1)
    sizes = {place: median(xs[place : place + 3]) - median(xs[max(0, place - 3) : place]) for place in near}
    place = max(sizes, key=lambda one: sizes[one] * (1 if change > 0 else -1))
    return place if sizes[place] / change >= ABRUPT else None
