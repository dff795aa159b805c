"""What the light sensors say together: dark, light, or nothing. Pure.

Sensors fail and trucks have headlights (domain streetlights 4.1): the median of enough fresh ones decides, where the middle ones
agree, and only after it has held for a while.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from lampwell.lighting.model import LuxRule

FLOOR_LX = 10.0
"""Below this a factor between two readings means nothing."""
ANY = LuxRule(id="", sensors=1)
"""Where the time itself is not known, one sensor is better than none."""


class Vote:
    """One lux rule's verdict over time. ``now``: monotonic seconds."""

    def __init__(self, rule: LuxRule) -> None:
        self.rule = rule
        self._verdict: bool | None = None
        self._turning: tuple[bool, float] | None = None

    def hear(self, lux: Sequence[float], now: float) -> bool | None:
        """Fresh readings of all sensors. True dark, False light, None: they do not say."""
        middle = agreed(lux, self.rule)
        if middle is None:
            self._turning = None
            return None
        says = True if middle < self.rule.on_lx else False if middle > self.rule.off_lx else self._verdict
        if says is None or says is self._verdict:
            self._turning = None
        elif self._turning is None or self._turning[0] is not says:
            self._turning = (says, now)
        elif now - self._turning[1] >= self.rule.hold_s:
            self._verdict, self._turning = says, None
        return self._verdict


def agreed(lux: Sequence[float], rule: LuxRule) -> float | None:
    """The median of the sensors, where there are enough and the middle ones do not differ by more than the rule's factor."""
    if len(lux) < max(1, rule.sensors):
        return None
    if len(lux) == 1:
        return lux[0]
    found = sorted(max(one, FLOOR_LX) for one in lux)
    half = len(found) // 2
    pairs = [(found[half - 1], found[half])]
    if len(found) % 2:
        pairs.append((found[half], found[half + 1]))
    return median(lux) if min(high / low for low, high in pairs) <= rule.spread else None
