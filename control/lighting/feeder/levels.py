"""Plateaus and steps of each night: what a dimming program looks like from the feeder.

Only settled minutes count: past warm-up, past the recovery from a loss of supply, not the last two before the switch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from control.lighting.feeder.lit import Break, Hole, Night
from control.lighting.feeder.series import DAY_MIN, Series
from control.lighting.feeder.stats import known, median, sigma

GUARD_MIN, SETTLE_MOST_MIN, RECOVERY_MOST_MIN = 10.0, 45.0, 60.0
"""Warm-up: never judged before the first (HID reach 95 % in 6 min, domain streetlights 3), always after the second or third."""
SEES_COLD_MIN = 2
"""A record slower than this may miss that lamps came up from cold after a hole (14-19 % in the first minute, 95 % in six)."""
STEADY, AS_USUAL = 0.015, 0.04
HALF_MIN = 8.0
"""A step is the difference of medians over so long before and after a minute."""
STEP = 0.04
"""Smallest change of level that is taken for a dim step; smaller ones are looked at as lost lamps."""
DIP_MIN = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A lasting change of level in ``night`` (its number): it begins at cell ``begin`` and is complete at ``end``. ``change``
    is the natural logarithm of after / before. ``within``: minutes without a settled reading that it may have happened in.
    """

    night: int
    begin: int
    end: int
    before: float
    after: float
    within: float = 0.0

    @property
    def change(self) -> float:
        return math.log(self.after / self.before)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dip:
    """Power left its level by the share ``depth`` (negative: down) and came back soon: cells [begin, end)."""

    night: int
    begin: int
    end: int
    depth: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Plateau:
    """A stretch of one level: settled cells, their median power and voltage."""

    night: int
    cells: tuple[int, ...]
    watts: float
    volts: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What a night looked like. ``settled``: cells that may be judged. ``recovered``: by break, the cell from which they may."""

    settled: tuple[int, ...]
    plateaus: tuple[Plateau, ...]
    steps: tuple[Step, ...]
    dips: tuple[Dip, ...]
    recovered: tuple[int, ...]


def profile(series: Series, nights: Sequence[Night], number: int) -> Profile:
    """Plateaus, steps and dips of one of the nights."""
    night = nights[number]
    cells, recovered = _settled(series, nights, night)
    steps, dips = _steps(series, number, cells)
    return Profile(
        settled=cells, plateaus=tuple(_plateaus(series, number, cells, steps)), steps=steps, dips=dips, recovered=recovered
    )


# -- what may be judged ----------------------------------------------------------------------------------------------------------


def _settled(series: Series, nights: Sequence[Night], night: Night) -> tuple[tuple[int, ...], tuple[int, ...]]:
    start = steady_from(series, night.begin, night.end, SETTLE_MOST_MIN) if night.on_within is not None else night.begin
    recovered = tuple(_recovered(series, nights, one, night.end) for one in night.breaks)
    shut = [(one.begin - 1, again) for one, again in zip(night.breaks, recovered, strict=True)]
    last = night.end - 2 if night.off_within is not None else night.end
    cells = [
        cell
        for cell in range(start, last)
        if not math.isnan(series.watts[cell]) and series.watts[cell] > 0 and not any(begin <= cell < end for begin, end in shut)
    ]
    return tuple(cells), recovered


def _recovered(series: Series, nights: Sequence[Night], one: Break, end: int) -> int:
    """When a feeder is itself again after a hole: at once where only data were missing, as far as that can be seen."""
    if one.kind is Hole.NO_DATA and not one.cold and series.step <= SEES_COLD_MIN:
        return one.end
    usual = usual_watts(series, nights, one.end + series.cells(GUARD_MIN))
    if math.isnan(usual):  # no other night tells: as before the hole
        usual = median(known(series.watts[max(0, one.begin - series.cells(10)) : one.begin]))
    return steady_from(series, one.end, end, RECOVERY_MOST_MIN, usual)


def steady_from(series: Series, begin: int, end: int, most: float, usual: float = math.nan) -> int:
    """The first cell past the guard from which power holds its level (and is ``usual``, if that is known)."""
    ten = series.cells(10)
    latest = min(end, begin + series.cells(most))
    for cell in range(begin + series.cells(GUARD_MIN), latest):
        now = median(known(series.watts[cell : cell + ten]))
        then = median(known(series.watts[cell + ten : min(end, cell + 2 * ten)]))
        level = abs(series.watts[cell] / now - 1) < 2 * STEADY and (math.isnan(then) or abs(then / now - 1) < STEADY)
        if level and (math.isnan(usual) or abs(now / usual - 1) < AS_USUAL):
            return cell
    return latest


def usual_watts(series: Series, nights: Sequence[Night], cell: int) -> float:
    """Median power at this minute of the day on the other nights; NaN where none of them tells."""
    if DAY_MIN % series.step:
        return math.nan
    day = DAY_MIN // series.step
    around = series.cells(3)
    there = [
        at
        for night in nights
        for at in range(cell % day, len(series), day)
        if night.begin <= at - around and at + around < night.end and abs(at - cell) >= day // 2
    ]
    seen = [median(known(series.watts[at - around : at + around + 1])) for at in there]
    return median(known(seen))


# -- steps -----------------------------------------------------------------------------------------------------------------------


def _steps(series: Series, number: int, cells: Sequence[int]) -> tuple[tuple[Step, ...], tuple[Dip, ...]]:
    logs = [math.log(series.watts[cell]) for cell in cells]
    half = series.cells(HALF_MIN)
    moves = [median(logs[n : n + half]) - median(logs[n - half : n]) for n in range(half, len(logs) - half + 1)]
    floor = max(STEP / 2, 3 * sigma(moves)) if moves else STEP
    found: list[Step] = []
    dips: list[Dip] = []
    regions = list(_regions([0.0] * half + moves, floor, half))
    for n, (begin, end) in enumerate(regions):
        left = regions[n - 1][1] if n else 0
        right = regions[n + 1][0] if n + 1 < len(regions) else len(cells)
        step = _step(series, number, cells, (max(left - 1, 0), begin, end, right))
        if step is not None:
            _add(series, found, dips, step)
    return tuple(found), tuple(dips)


def _regions(moves: Sequence[float], floor: float, merge: int) -> Iterator[tuple[int, int]]:
    """Stretches where the level moves one way; two of the same way close together are one."""
    begin = end = -1
    way = 0.0
    for n, move in enumerate(moves):
        if abs(move) <= floor:
            continue
        if begin >= 0 and (n - end > merge or move * way < 0):
            yield begin, end
            begin = -1
        if begin < 0:
            begin, way = n, move
        end = n + 1
    if begin >= 0:
        yield begin, end


def _step(series: Series, number: int, cells: Sequence[int], region: tuple[int, int, int, int]) -> Step | None:
    """The step inside ``cells[begin:end]``, measured from the level before (after ``left``) to the level behind (before
    ``right``).
    """
    left, begin, end, right = region
    level = series.cells(15)
    half = series.cells(HALF_MIN) // 2
    before = median([series.watts[cell] for cell in cells[max(left, begin - level) : begin + 1]])
    after = median([series.watts[cell] for cell in cells[end - 1 : max(end, min(right + half, end + level))]])
    if abs(math.log(after / before)) < STEP:
        return None
    inside = range(max(0, begin - 1), min(len(cells), end + half))
    first = next((n for n in inside if _passed(series.watts[cells[n]], before, after, 0.25)), begin)
    whole = next((n for n in inside if n >= first and _passed(series.watts[cells[n]], before, after, 0.9)), end - 1)
    unseen = max((cells[n] - cells[n - 1] - 1 for n in range(max(1, first), whole + 1)), default=0)
    return Step(night=number, begin=cells[first], end=cells[whole], before=before, after=after, within=unseen * series.step)


def _passed(watts: float, before: float, after: float, share: float) -> bool:
    return (watts - before) / (after - before) >= share


def _add(series: Series, found: list[Step], dips: list[Dip], step: Step) -> None:
    """Keep a step; one that undoes the step shortly before it makes both a dip."""
    last = found[-1] if found else None
    near = last is not None and step.begin - last.end <= series.cells(DIP_MIN)
    if last is not None and near and abs(step.change + last.change) < STEP:
        found.pop()
        dips.append(Dip(night=step.night, begin=last.begin, end=step.begin, depth=last.after / last.before - 1))
    else:
        found.append(step)


def _plateaus(series: Series, number: int, cells: Sequence[int], steps: Sequence[Step]) -> Iterator[Plateau]:
    edges = [(-1, -1), *((step.begin, step.end) for step in steps), (len(series), len(series))]
    for (_, left), (right, _) in pairwise(edges):
        inside = tuple(cell for cell in cells if left < cell < right)
        if inside:
            volts = median(known([series.volts[cell] for cell in inside]))
            yield Plateau(night=number, cells=inside, watts=median([series.watts[cell] for cell in inside]), volts=volts)
