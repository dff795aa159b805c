"""Power that is lower from one night to the next (domain streetlights 3, estimating failed lamps).

A night's deviation from the median of the last seven good nights at the same time and level must come at once: what comes slowly
is drift. What is lost stays in the books (``offset``), so the reference never learns dead lamps and a repair is seen as one.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from control.lighting.feeder.blocks import SAME_LEVEL, Block
from control.lighting.feeder.count import BLOCK_NOISE
from control.lighting.feeder.losses import LEAST, NIGHT_SIGMAS, REFERENCE_NIGHTS, UNLEARNED, WORST, Shift
from control.lighting.feeder.stats import median, sigma

ALIKE = 0.8
"""Where no level is as before, so many of a night's blocks must be off by the same."""
LEAST_NIGHTS, LEARNED_NIGHTS = 2, 4


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
