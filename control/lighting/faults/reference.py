"""What one phase of one loop takes when all is well, learned from its good nights, and how far it is off it now.

Two references stand side by side (domain streetlights 3, estimating failed lamps). The rolling one is the median of the last
seven good nights at the same five minutes of the day and the same level; a night in which lamps were missing is not a good one.
The one of commissioning is the power of each level in the first good nights; it never moves, so that lamps that die too slowly
for the rolling one to see are missed in the end. Shares are natural logarithms; NaN = nothing to compare.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from control.lighting.feeder.blocks import BLOCK_MIN
from control.lighting.feeder.count import BLOCK_NOISE
from control.lighting.feeder.losses import LEAST, NIGHT_SIGMAS, REFERENCE_NIGHTS, UNLEARNED, WORST
from control.lighting.feeder.stats import known, median, middle_mean, sigma

HOUR = 60 // BLOCK_MIN
LONG, NIGHTS = 6 * HOUR, 24 * HOUR
"""Stretches of the longer looks: half a night of light, and two nights or three."""
SLOTS, LEAST_NIGHTS = 2, 3
"""Compared with stretches at most ten minutes earlier or later, of three nights at least: two say too little (unverified)."""
LEAST_HOURS_LEARNED = 72
"""Six nights or seven: hours of one night are more alike than nights are (unverified)."""
LATEST, KEPT, COMMISSIONING = 2, 28, 7
"""The two newest nights say nothing of the noise yet: a loss too small to be seen at once must not hide itself as noise."""
FACTORS = ((5, 9.7), (6, 8.0), (7, 7.1), (8, 6.4), (10, 5.7), (12, 5.3), (14, 5.0), (18, 4.6), (24, 4.4))
"""Nights learned and the quantile 0.9999 of Student's t with so many degrees: few nights know their own noise badly."""
SINCE_FIRST = 0.03
"""Smallest lack against commissioning that is believed: season, dirt and ageing move power, too (unverified)."""


class Stretch(NamedTuple):
    """Five settled minutes: dim level in percent, number in the day, natural logarithm of their median watts."""

    level: int
    slot: int
    x: float


class Look(NamedTuple):
    """One way to look: its name, the share that is missing, the least that is believed, and its noise."""

    name: str
    missing: float
    least: float
    noise: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reference:
    """``off``: of the newest stretches, over nights; ``past``: the good nights; ``hours``: hourly deviations in them, ``nights``:
    the largest one of half a night in each: the noise. ``first``: level -> its power in each of the first good nights.
    """

    tonight: tuple[Stretch, ...] = ()
    off: tuple[float, ...] = ()
    past: tuple[tuple[Stretch, ...], ...] = ()
    hours: tuple[float, ...] = ()
    hours_tonight: tuple[float, ...] = ()
    nights: tuple[float, ...] = ()
    worst: float = 0.0
    first: Mapping[int, tuple[float, ...]] = field(default_factory=dict)


def add(one: Reference, stretch: Stretch) -> Reference:
    """A stretch is over."""
    near = range(stretch.slot - SLOTS, stretch.slot + SLOTS + 1)
    nights = [[x for level, slot, x in night if slot in near and level == stretch.level] for night in one.past]
    same = [x for night in nights for x in night]
    off = stretch.x - median(same) if sum(map(bool, nights)) >= LEAST_NIGHTS else math.nan
    one = replace(one, tonight=(*one.tonight, stretch), off=(*one.off, off)[-NIGHTS:])
    hour, half = deviation(one, HOUR), deviation(one, LONG)
    if not math.isnan(hour) and len(one.tonight) % HOUR == 0:
        one = replace(one, hours_tonight=(*one.hours_tonight, hour))
    return one if math.isnan(half) else replace(one, worst=max(one.worst, abs(half)))


def turn(one: Reference, *, good: bool) -> Reference:
    """A night is over: it is learned from, if it was good and two hours long."""
    fresh = replace(one, tonight=(), hours_tonight=(), worst=0.0)
    if not good or len(one.tonight) < 2 * HOUR:
        return fresh
    return replace(
        fresh,
        past=(*one.past, one.tonight)[-REFERENCE_NIGHTS:],
        hours=(*one.hours, *one.hours_tonight)[-KEPT * 12 :],
        nights=(*one.nights, one.worst)[-KEPT - LATEST :] if one.worst else one.nights,
        first=_commissioned(one),
    )


def mended(one: Reference) -> Reference:
    """What was missing is back: the longer looks begin anew, or they would tell it again."""
    return replace(one, off=one.off[-HOUR:], tonight=one.tonight[-HOUR:])


def _commissioned(one: Reference) -> Mapping[int, tuple[float, ...]]:
    first = dict(one.first)
    for level in {each.level for each in one.tonight}:
        xs = [each.x for each in one.tonight if each.level == level]
        if len(xs) >= HOUR and len(first.get(level, ())) < COMMISSIONING:
            first[level] = (*first.get(level, ()), median(xs))
    return first


def deviation(one: Reference, stretches: int) -> float:
    """Of the newest ``stretches``, each against its own level and time of day; NaN where a quarter of them can not be compared.
    Up to an hour tonight's alone count: lamps are mended by day.
    """
    newest = stretches if stretches > HOUR else min(stretches, len(one.tonight))
    found = known(one.off[max(0, len(one.off) - newest) :])
    if 4 * len(found) < 3 * stretches:
        return math.nan
    return median(found) if stretches <= HOUR else middle_mean(found)


def looks(one: Reference) -> list[Look]:
    """Every look that can be had now, the quickest first."""
    least, noise = limit(one)
    found = [Look("hour", -deviation(one, HOUR), least, noise)]
    if (learned := _night_noise(one)) is not None:
        spread, factor = learned
        for name, stretches, nights in (("half night", LONG, 1), ("nights", NIGHTS, 2)):
            noise = spread / math.sqrt(nights)
            found.append(Look(name, -deviation(one, stretches), max(LEAST, factor * noise), noise))
    found.append(Look("commissioning", -_since_first(one), SINCE_FIRST, BLOCK_NOISE))
    return [each for each in found if not math.isnan(each.missing)]


def limit(one: Reference) -> tuple[float, float]:
    """Smallest believed deviation of an hour, and its noise: learned from good nights, or taken as on a noisy line, whose own
    reference is noisy while it is of few nights.
    """
    if len(one.hours) < LEAST_HOURS_LEARNED:
        return UNLEARNED * math.sqrt(1 + 1 / max(1, len(one.past))), BLOCK_NOISE
    noise = sigma(one.hours)
    return max(LEAST, NIGHT_SIGMAS * noise, WORST * max(map(abs, one.hours))), noise


def _night_noise(one: Reference) -> tuple[float, float] | None:
    """Of half a night, and how many times that is believed; None before five nights have been learned."""
    told = one.nights[:-LATEST]
    factors = [factor for nights, factor in FACTORS if nights <= len(told)]
    if not factors:
        return None
    return math.sqrt(sum(each * each for each in told) / len(told)), factors[-1]


def _since_first(one: Reference) -> float:
    """Of tonight's stretches against the first nights, three hours at least."""
    first: dict[int, float] = {level: median(xs) for level, xs in one.first.items() if len(xs) >= COMMISSIONING}
    found = [each.x - first[each.level] for each in one.tonight if each.level in first]
    return median(found) if len(found) >= 3 * HOUR else math.nan


def latest(one: Reference, look: Look) -> float:
    """Share missing in the newer half of a look: the whole of it may still hold what was before."""
    stretches = {"hour": HOUR, "half night": LONG, "nights": LONG}.get(look.name)
    late = math.nan if stretches is None else -deviation(one, stretches // 2)
    return look.missing if math.isnan(late) else late


def watts(one: Reference, missing: float) -> tuple[float, float]:
    """(of the reference, now) in watts at the level of the newest stretch."""
    now = math.exp(median([each.x for each in one.tonight[-3:] if each.level == one.tonight[-1].level]))
    return now * math.exp(missing), now


def equal(rated: Sequence[float]) -> int | None:
    """How many lamps there are, if they are equal; None = they can not be counted by their power."""
    return len(rated) if rated and len(set(rated)) == 1 else None
