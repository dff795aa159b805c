"""Can the edge's clock be trusted? A board without a battery wakes in 1970; a clock may be set by hours under our feet."""

from __future__ import annotations

from lampwell.clock import Clock

EARLIEST_MS = 1_704_067_200_000
"""2024-01-01 UTC: no reading of this system is older."""
STEP_MS = 180_000
DISTRUST_S = 600.0


class ClockWatch:
    """Compares the calendar with the monotonic clock. A year before 2024 is never trusted. A step of more than three minutes
    makes the time untrusted for ten (both unverified choices), unless it corrects a time that was not trusted anyway.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._offset_ms = self._offset()
        self._until = float("-inf")
        self._sane = clock.now() >= EARLIEST_MS

    def trusted(self) -> bool:
        """Whether time stamps made now can be believed."""
        offset, sane = self._offset(), self._clock.now() >= EARLIEST_MS
        if abs(offset - self._offset_ms) > STEP_MS and self._sane:
            self._until = self._clock.monotonic() + DISTRUST_S
        self._offset_ms, self._sane = offset, sane
        return sane and self._clock.monotonic() >= self._until

    def _offset(self) -> float:
        return self._clock.now() - self._clock.monotonic() * 1000
