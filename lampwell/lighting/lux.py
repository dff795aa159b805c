"""What light sensors say together: a vote, then hysteresis and a hold. One truck headlight or dirty lens switches no county.

Pure: readings and time come in, a state comes out. ``Standing.dark`` takes its ``dark``. Edge nodes go by it as they read their
sensors, the figures of a past night by the same readings out of the history.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median

from lampwell.lighting.model import LuxRule

SMALL_LX = 5.0
"""Below this sensors differ by their own errors, not by what they see."""
ANY = LuxRule(id="", sensors=1)
"""Where the time itself is not known, one sensor is better than none."""


@dataclass(frozen=True, slots=True)
class LuxReading:
    """One sensor's latest reading: lx (None: no good value) and when it was taken, in ms of the clock of ``now``."""

    lx: float | None
    at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LuxState:
    """``dark``: the verdict, None where the sensors have none and the sun's times alone decide. ``leaning``: what they have said
    since ``since``, which becomes the verdict when it has held long enough.
    """

    dark: bool | None = None
    leaning: bool | None = None
    since: int = 0


def vote(readings: Iterable[LuxReading], now: int, rule: LuxRule) -> float | None:
    """The median of the fresh sensors; None where they are too few, or where most of them do not agree with it."""
    fresh = [one.lx for one in readings if one.lx is not None and 0 <= now - one.at <= rule.stale_s * 1000]
    if len(fresh) < rule.sensors:
        return None
    middle = median(fresh)
    low, high = middle / rule.spread - SMALL_LX, middle * rule.spread + SMALL_LX
    agreeing = sum(low <= each <= high for each in fresh)
    return middle if 2 * agreeing > len(fresh) else None


def watch(state: LuxState, lux: float | None, now: int, rule: LuxRule) -> LuxState:
    """The state after a vote. Without a vote there is no verdict, at once; a new verdict must hold for ``hold_s``."""
    if lux is None:
        return LuxState()
    says = True if lux < rule.on_lx else False if lux > rule.off_lx else None
    if says is None or says == state.dark:  # between the limits nothing changes
        return LuxState(dark=state.dark)
    if says != state.leaning:
        return LuxState(dark=state.dark, leaning=says, since=now)
    if now - state.since >= rule.hold_s * 1000:
        return LuxState(dark=says)
    return state


class Vote:
    """One lux rule's verdict over time."""

    __slots__ = ("_state", "rule")

    def __init__(self, rule: LuxRule) -> None:
        self.rule, self._state = rule, LuxState()

    def hear(self, readings: Sequence[LuxReading], now: int) -> bool | None:
        """The newest reading of every sensor. True dark, False light, None: they do not say."""
        self._state = watch(self._state, vote(readings, now, self.rule), now, self.rule)
        return self._state.dark
