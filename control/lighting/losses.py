"""Power that goes missing and stays away: steps inside a night, and a level that is lower from one night to the next.

Two looks at the same blocks (domain streetlights 3, estimating failed lamps). Inside a night: the difference of the hour after
and the hour before, which slow wandering cannot make, and which must be abrupt. From night to night: the deviation from the
median of the last seven good nights at the same time and level, which must come at once too: what comes slowly is drift. What
is lost stays in the books (``offset``), so the reference never learns dead lamps and a repair is seen as one.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from control.lighting.blocks import SAME_LEVEL, Block
from control.lighting.count import BLOCK_NOISE
from control.lighting.stats import median, middle_mean, sigma

UNLEARNED = 2 * BLOCK_NOISE
"""Smallest change believed before the noise of this feeder is known."""
LEAST = 0.005
"""Smallest change ever believed (unverified choice)."""
STEP_SIGMAS, NIGHT_SIGMAS, WORST = 5.0, 4.0, 1.5
LASTS = 0.75
"""This share of the limit must stand in the longer look as well (unverified choice)."""
ABRUPT, ALIKE = 0.6, 0.8
"""The first share of a step must come within minutes; the second of a night must be off by the same where no level is as
before.
"""
REFERENCE_NIGHTS, LEAST_NIGHTS, SHAPE_NIGHTS, SHAPES = 7, 2, 15, 3
Key = tuple[int, int]
"""A plateau: its night and its number in it."""
LEARNED_STEPS, LEARNED_NIGHTS = 60, 4


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


# -- from night to night -------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Books:
    """What is known after some nights: power by slot and level of the last ones without what is lost, the nights' deviations, and
    what is missing now (``offset``, logarithm).
    """

    past: list[list[Block]] = field(default_factory=list)
    deviations: list[float] = field(default_factory=list)
    offset: float = 0.0

    def limit(self) -> tuple[float, float]:
        """Smallest deviation of a night that is believed, and the noise behind it."""
        if len(self.deviations) < LEARNED_NIGHTS:
            return UNLEARNED, BLOCK_NOISE
        noise = sigma(self.deviations)
        return max(LEAST, NIGHT_SIGMAS * noise, WORST * max(map(abs, self.deviations))), noise

    def deviation(self, group: Sequence[Block], hour: int) -> float:
        """The median deviation of some blocks of one night, ``offset`` allowed for; NaN where too few of them can be compared."""
        near = self._compared(group, 2 * SAME_LEVEL)
        if len(near) >= max(1, 3 * hour // 4) and 2 * len(near) > len(group):
            return median(near)
        wide = self._compared(group, math.inf)
        middle = median(wide)
        alike = sum(abs(one - middle) < SAME_LEVEL for one in wide)
        return middle if len(wide) >= max(1, 3 * hour // 4) and alike >= ALIKE * len(wide) else math.nan

    def _compared(self, group: Sequence[Block], most: float) -> list[float]:
        """Each block against the last nights at about its slot; ``most``: only where they were so near."""
        by_slot: dict[int, list[float]] = defaultdict(list)
        for night in self.past[-REFERENCE_NIGHTS:]:
            for block in night:
                by_slot[block.slot].append(block.x)
        found = []
        for block in group:
            x = block.x - self.offset
            same = [
                other
                for slot in range(block.slot - 2, block.slot + 3)
                for other in by_slot.get(slot, ())
                if abs(other - x) < most
            ]
            if len(same) >= 3 * LEAST_NIGHTS:
                found.append(x - median(same))
        return found


def shifts_overnight(found: Sequence[Block], inside: Sequence[Shift], gone: Sequence[Shift], hour: int) -> list[Shift]:
    """Losses and returns that show from one night to the next. ``inside``: the shifts within nights, so that they are not told
    twice; ``gone``: those that passed: what came after them in their night is no measure of anything.
    """
    nights: dict[int, list[Block]] = defaultdict(list)
    until = {one.night: one.cell for one in sorted(gone, key=lambda one: -one.cell)}
    for block in found:
        if block.cell < until.get(block.night, block.cell + 1):
            nights[block.night].append(block)
    books = Books()
    shifts: list[Shift] = []
    for number, group in sorted(nights.items()):
        own = sorted((one for one in inside if one.night == number), key=lambda one: one.cell)
        shift = _overnight(books, group, own, hour)
        if shift is not None:
            shifts.append(shift)
            books.offset += shift.change
            if abs(books.offset) < LEAST:
                books.offset = 0.0
        elif not own and (shift := _at_a_step(books, group, hour)) is not None:
            shifts.append(shift)
            own = [shift]
        _remember(books, group, own, hour)
    return shifts


def passing(found: Sequence[Block], inside: Sequence[Shift], hour: int) -> list[Shift]:
    """Those shifts within a night that the next night does not show: nearer to what was before than to what came of it. The
    second clock of domain streetlights 3: one night alone sends no crew. Where the next night cannot tell, a shift stays
    believed.
    """
    nights: dict[int, list[Block]] = defaultdict(list)
    for block in found:
        nights[block.night].append(block)
    return [shift for shift in inside if _passed(nights, inside, shift, hour)]


def _passed(nights: Mapping[int, Sequence[Block]], inside: Sequence[Shift], shift: Shift, hour: int) -> bool:
    before = [list(group) for night, group in nights.items() if night < shift.night]
    before.append([block for block in nights[shift.night] if block.cell < shift.cell])
    own = [one.cell for one in inside if one.night == shift.night + 1]
    after = [block for block in nights.get(shift.night + 1, ()) if not own or block.cell < min(own)]
    off = Books(past=before).deviation(after, hour)
    return abs(off) < abs(off - shift.change)  # False where it is NaN


def _overnight(books: Books, group: Sequence[Block], own: Sequence[Shift], hour: int) -> Shift | None:
    """What the night's first stretch, before its own first shift, says against the nights before."""
    first = [block for block in group if not own or block.cell < own[0].cell]
    deviation = books.deviation(first, hour)
    limit, noise = books.limit()
    if math.isnan(deviation) or abs(deviation) < limit:
        return None
    if books.deviations and abs(deviation - books.deviations[-1]) < limit:
        return None  # it comes slowly
    before = math.exp(median([block.x for block in first]) - deviation)
    return Shift(night=first[0].night, cell=first[0].cell, change=deviation, before=before, noise=noise, overnight=True)


def _at_a_step(books: Books, group: Sequence[Block], hour: int) -> Shift | None:
    """A loss so near a dim step that no hour of its plateau is left to show it: from a step on, all of the night is off."""
    limit, noise = books.limit()
    for plateau in sorted({block.plateau for block in group})[1:]:
        before = books.deviation([block for block in group if block.plateau < plateau], hour)
        after = [block for block in group if block.plateau >= plateau]
        off = books.deviation(after, hour)
        if abs(off) >= limit and abs(off - before) >= limit:  # neither is NaN
            level = math.exp(median([block.x for block in after if block.plateau == plateau]) - off)
            return Shift(night=after[0].night, cell=after[0].cell, change=off, before=level, noise=noise, overnight=False)
    return None


def _remember(books: Books, group: Sequence[Block], own: Sequence[Shift], hour: int) -> None:
    """Take a night into the books, without what is lost in the course of it."""
    kept = []
    waiting = list(own)
    for block in group:
        while waiting and block.cell >= waiting[0].cell:
            books.offset += waiting.pop(0).change
        kept.append(
            Block(night=block.night, plateau=block.plateau, cell=block.cell, slot=block.slot, x=block.x - books.offset, v=block.v)
        )
    deviation = Books(past=books.past).deviation(kept, hour)
    if not math.isnan(deviation):
        books.deviations.append(deviation)
    books.past.append(kept)
