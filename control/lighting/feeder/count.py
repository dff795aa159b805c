"""How many lamps a lack of power means, and when only watts are an honest answer (domain streetlights 3, estimating failed
lamps).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

BLOCK_NOISE = 0.0094
"""Worst night-to-night deviation of a 60-minute mean on a real line (domain streetlights fact 4): what is not yet known to be
quieter is taken to be so noisy."""
HONEST = 0.02
"""A count is given only where one lamp is at least this share of the load: about 50 equal lamps at 60 minutes (domain
streetlights 3).
"""
LEAST_NOISE = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """Lamps that a lack of ``watts`` means: between ``low`` and ``high``, most likely ``lamps``; None = not to be counted, for
    the reason ``why``. ``confidence``: the chance that ``lamps`` is exact. ``least``: watts that are missing beyond doubt (two
    standard deviations).
    """

    watts: float
    least: float = 0.0
    lamps: int | None = None
    low: int | None = None
    high: int | None = None
    confidence: float | None = None
    why: str = ""


def estimate(watts: float, reference: float, lamps: int | None, noise: float) -> Count:
    """Count the lamps behind ``watts`` missing of ``reference`` watts, which ``lamps`` equal lamps would draw. ``noise``:
    standard deviation of the measured share. Negative watts are a gain of power and never a count.
    """
    least = max(0.0, watts - 2 * noise * reference)
    if lamps is None:
        return Count(watts=watts, least=least, why="the number of lamps is not known")
    if watts <= 0 or reference <= 0:
        return Count(watts=watts, least=least, why="power has risen")
    if 1 / lamps < HONEST:
        return Count(
            watts=watts,
            least=least,
            why=f"one lamp is {100 / lamps:.1f} % of {lamps}, less than the {100 * HONEST:.0f} % that can be told apart",
        )
    each, spread = reference / lamps, max(noise, LEAST_NOISE) * lamps
    if 2 * spread > 1:
        return Count(watts=watts, least=least, why=f"the noise of {100 * noise:.1f} % is more than half a lamp")
    exact = watts / each
    low, high = max(0, round(exact - 2 * spread)), min(lamps, round(exact + 2 * spread))
    number = min(lamps, round(exact))
    if number == 0:
        return Count(watts=watts, least=least, why="less than half a lamp")
    room = max(0.0, 0.5 - abs(exact - number)) if number < lamps else 0.5
    confidence = min(0.99, math.erf(room / spread / math.sqrt(2)))
    return Count(watts=watts, least=least, lamps=number, low=low, high=high, confidence=round(confidence, 2))
