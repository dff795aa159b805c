"""Does a value move as the thing it measures can move? Rate of change and spikes in one small state machine.

CALM --jump--> DOUBT --goes back--> CALM          (it was a blip: only that sample is flagged)
               DOUBT --stays or goes on--> MOVING (it is true: believed from the second sample on)
               MOVING --goes on--> MOVING         (a surge: fast, but believed)
               MOVING --slows--> CALM

So a true step costs one doubtful sample and never two, and a blip never spoils the sample after it.
"""

from __future__ import annotations

from enum import IntEnum
from math import inf

from lampwell.points import Tests
from lampwell.readings import Flag

WINDOW_MS = 30_000
"""A rate is taken over at least this long: at a 2 s poll, 1 cm of waves would else read as 30 cm/min (unverified choice;
the thresholds of domain drainage 3.4 come from samples about a minute apart)."""

_RATE, _SPIKE, _FAST = int(Flag.RATE), int(Flag.SPIKE), int(Flag.FAST_CHANGE)


class Mood(IntEnum):
    """What is believed of the last sample."""

    CALM = 0
    DOUBT = 1
    MOVING = 2


_CALM, _DOUBT, _MOVING = Mood.CALM, Mood.DOUBT, Mood.MOVING


class Motion:
    """Rate (suspect, bad) and spike of one point. Only samples that can be believed otherwise are shown to it.

    A jump is taken from the sample before; a rate from ``base``, the last believed sample at least ``WINDOW_MS`` old, or the
    last one that equals it: how many equal samples were shown must make no difference.
    """

    __slots__ = ("_bad", "_base", "_base_ms", "_last", "_lost_ms", "_side", "_spike", "_suspect", "flags", "mood")

    def __init__(self, tests: Tests) -> None:
        self._suspect = inf if tests.rate_suspect is None else tests.rate_suspect / 60_000
        self._bad = inf if tests.rate_bad is None else tests.rate_bad / 60_000
        self._spike = inf if tests.spike is None else tests.spike
        self._last: float | None = None
        self._lost_ms: int | None = None
        self._base = 0.0
        self._base_ms = 0
        self._side = 0.0
        self.flags = 0
        self.mood = _CALM

    @property
    def pending(self) -> bool:
        """True while the next sample must be judged even if it is equal to this one."""
        return self.flags != 0 or self.mood is not _CALM

    def lost(self, previous_ms: int) -> None:
        """A sample cannot be believed at all; the one before it, at ``previous_ms``, may have been the last that could."""
        if self._lost_ms is None:
            self._lost_ms = previous_ms

    def judge(self, value: float, time_ms: int, previous_ms: int) -> int:
        """The flags of a sample; ``previous_ms`` is when the sample before it was taken."""
        last = self._last
        if last is None:
            self._last, self._base, self._base_ms, self._lost_ms = value, value, time_ms, None
            return 0
        if self._lost_ms is not None:
            previous_ms, self._lost_ms = self._lost_ms, None
        if self.mood is not _DOUBT and (last == self._base or previous_ms - self._base_ms >= WINDOW_MS):
            self._base, self._base_ms = last, previous_ms
        self._last = value
        jump = value - last
        rate = self._rate(value, time_ms)
        excess = (_RATE if rate > self._bad else 0) | (_SPIKE if abs(jump) > self._spike else 0)
        if self.mood is _CALM and not excess:
            self.flags = _FAST if rate > self._suspect else 0
        elif self.mood is _CALM:
            self._doubt(jump, excess)
        elif self.mood is _DOUBT and rate <= self._bad and abs(value - self._base) <= self._spike:
            self._believe(_CALM, rate)
        else:
            self._follow(value, jump, time_ms, previous_ms)
        return self.flags

    def _rate(self, value: float, time_ms: int) -> float:
        span = time_ms - self._base_ms
        return abs(value - self._base) / (span if span > WINDOW_MS else WINDOW_MS)  # noqa: FURB136 - max() costs a call

    def _doubt(self, jump: float, excess: int) -> None:
        self.mood, self._side, self.flags = _DOUBT, jump, excess

    def _believe(self, mood: Mood, rate: float) -> None:
        self.mood, self.flags = mood, _FAST if rate > self._suspect else 0

    def _follow(self, value: float, jump: float, time_ms: int, previous_ms: int) -> None:
        """The sample after a jump that has not simply gone back: does it turn, or stay and go on?"""
        rate = abs(jump) / max(time_ms - previous_ms, WINDOW_MS)
        excess = (_RATE if rate > self._bad else 0) | (_SPIKE if abs(jump) > self._spike else 0)
        if excess and jump * self._side < 0:
            self._doubt(jump, excess)
            return
        self._base, self._base_ms = value, time_ms
        self._believe(_MOVING if excess else _CALM, rate)
