"""What readings say of lamps that should be lit: their nodes by name, a phase of a loop by number. Pure; watts, percent.

A node is believed by itself. Without nodes the power of a phase says how many lamps burn, not which; how exactly, depends on what
it is held against: the power of its own last good nights, or rated watts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from control.lighting.feeder.stats import median
from lampwell.lighting.figures import power_share

LIT_SHARE = 0.20
"""A lamp below this share of the power expected at its level is out (domain streetlights 3, lamp out)."""
LEAST_LEVEL = 20
"""Below this level power tells nothing of a lamp (same row)."""
DEAD_SHARE = 0.05
"""A phase below this share of what its lamps take is dead (domain streetlights 3, loop open)."""
LEARNED_TOLERANCE = 0.03
"""Worst night-to-night deviation in a quarter hour (domain streetlights 3, estimating failed lamps, 15-min worst 3.0 %)."""
RATED_TOLERANCE = 0.15
"""How far healthy lamps may be from their rating (domain streetlights 3, lamp power low or high)."""
NIGHTS, LEAST_NIGHTS, LEAST_SLOTS = 7, 3, 8
"""A reference is the median of the last seven nights (same section), three at least with two hours of light each (own)."""


class Source(StrEnum):
    """What it is known from."""

    NODE = "node"
    LEARNED = "learned"
    RATED = "rated"
    CONTACTOR = "contactor"
    ALARM = "alarm"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeReading:
    """What a lamp node said; None = not known. ``silent``: whether it does not answer its concentrator."""

    silent: bool | None = None
    level: float | None = None
    watts: float | None = None
    failed: bool | None = None


def node_lit(reading: NodeReading, rated: float) -> bool | None:
    """Whether a lamp is lit by its own node; None = not known. A node that may be silent says nothing."""
    if reading.silent is not False:
        return None
    if reading.failed:
        return False
    if reading.watts is None or rated <= 0:
        return None
    level = reading.level
    if level is not None and level < LEAST_LEVEL:
        return None
    if reading.watts >= LIT_SHARE * rated * power_share(100 if level is None else round(level)):
        return True
    return False if level is not None or reading.watts < LIT_SHARE * rated * power_share(LEAST_LEVEL) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Phase:
    """One phase of a loop: its power, what its lamps are rated at together, how many they are, the level that they have.
    ``ratio``: of real to rated power on good nights; None = not learned.
    """

    watts: float | None
    rated: float
    lamps: int
    level: float | None
    ratio: float | None = None


def phase_lit(phase: Phase) -> tuple[int, int, Source] | None:
    """(fewest, most) lamps that burn, to the nearest lamp, and by which reference; None = it can not be told."""
    if phase.watts is None or phase.rated <= 0 or phase.level is None or phase.level < LEAST_LEVEL:
        return None
    source = Source.RATED if phase.ratio is None else Source.LEARNED
    tolerance = RATED_TOLERANCE if phase.ratio is None else LEARNED_TOLERANCE
    share = phase.watts / (phase.rated * power_share(round(phase.level)) * (phase.ratio or 1.0))
    if share < DEAD_SHARE:
        return 0, 0, source
    low, high = (min(phase.lamps, round(phase.lamps * share / (1 + sign * tolerance))) for sign in (1, -1))
    return low, high, source


def of_the_others(burn: tuple[int, int], lit: int, others: int) -> tuple[int, int]:
    """(fewest, most) burning among ``others``, the lamps of a phase that nothing is known of by name; ``lit`` of the rest are."""
    low = min(others, max(0, burn[0] - lit))
    return low, max(low, min(others, burn[1] - lit))


def of_a_part(burn: tuple[int, int], whole: int, part: int) -> tuple[int, int]:
    """The same for ``part`` of those ``whole`` lamps: which of them burn is not known."""
    return max(0, burn[0] - (whole - part)), min(part, burn[1])


def night_ratio(shares: Sequence[float]) -> float | None:
    """Real to rated power of a phase in one night, from its steady quarter hours; None = too few."""
    return median(shares) if len(shares) >= LEAST_SLOTS else None


def reference(ratios: Sequence[float | None]) -> float | None:
    """What to hold a night against, from those before it, oldest first. None = too few nights, or so far from the rating that
    lamps may have been out already, or the inventory is wrong.
    """
    good = [one for one in ratios[-NIGHTS:] if one is not None]
    found = median(good) if len(good) >= LEAST_NIGHTS else None
    return found if found is not None and abs(found - 1) <= RATED_TOLERANCE else None
