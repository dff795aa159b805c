"""All tests of one point in one call, with only those that are switched on behind it."""

from __future__ import annotations

from math import inf, isfinite
from sys import float_info

from lampwell.points import Kind, Point, Tests, Value
from lampwell.quality.motion import Motion
from lampwell.quality.stillness import Stillness
from lampwell.readings import Flag

_SENTINEL, _RANGE, _DEVICE, _BLIND = int(Flag.SENTINEL), int(Flag.RANGE), int(Flag.DEVICE), int(Flag.BLIND)
_LARGEST = float_info.max


class Judge:
    """Judges the samples of one point in the order of their times.

    ``motion`` is None where neither rate nor spike is tested, ``stillness`` where flatness is not.
    """

    __slots__ = ("_blind", "_high", "_low", "motion", "stillness")

    def __init__(self, tests: Tests) -> None:
        self._low = -_LARGEST if tests.low is None else tests.low
        self._high = _LARGEST if tests.high is None else tests.high
        self._blind = inf if tests.blind_above is None else tests.blind_above
        moves = tests.rate_suspect is not None or tests.rate_bad is not None or tests.spike is not None
        self.motion = Motion(tests) if moves else None
        self.stillness = Stillness(tests.flat_s) if tests.flat_s else None

    @property
    def pending(self) -> bool:
        """True while the next sample must be judged even if it is equal to this one."""
        return self.motion is not None and self.motion.pending

    @property
    def due_ms(self) -> float:
        """From this time on an equal sample must be judged again (flat line); infinity = never."""
        return inf if self.stillness is None else self.stillness.due_ms

    def judge(self, value: Value | None, time_ms: int, previous_ms: int, device_bad: bool) -> int:
        """Flags of a sample taken at ``time_ms``, the one before it at ``previous_ms``. With SENTINEL there is no value,
        whatever was passed. ``device_bad``: the device's own status calls this sample bad.
        """
        if value is None or device_bad or not self._low <= value <= self._high:  # type: ignore[operator]
            if self.motion is not None:
                self.motion.lost(previous_ms)
            return self._beyond(value, device_bad)
        flags = _BLIND if value >= self._blind else 0  # type: ignore[operator]
        if self.motion is not None:
            flags |= self.motion.judge(value, time_ms, previous_ms)  # type: ignore[arg-type]
        if self.stillness is not None:
            flags |= self.stillness.judge(value, time_ms)  # type: ignore[arg-type]
        return flags

    def _beyond(self, value: Value | None, device_bad: bool) -> int:
        """Flags of a sample that tells nothing of the quantity. A surge that drowns the sensor keeps its BLIND beside RANGE
        or DEVICE: bad, but not silent (domain drainage 3.2).
        """
        flags = _DEVICE if device_bad else 0
        if value is None or isinstance(value, str) or not isfinite(value):
            return flags | _SENTINEL
        if not self._low <= value <= self._high:
            flags |= _RANGE
        return flags | _BLIND if value >= self._blind else flags


class StatusJudge:
    """For texts, contacts and numbers without tests: is there a value, and does the device stand by it?"""

    __slots__ = ()
    pending = False
    due_ms = inf

    def judge(self, value: Value | None, time_ms: int, previous_ms: int, device_bad: bool) -> int:  # noqa: ARG002
        """Flags of a sample; see Judge."""
        missing = value is None or (isinstance(value, float) and not isfinite(value))
        return (_SENTINEL if missing else 0) | (_DEVICE if device_bad else 0)


def make_judge(point: Point) -> Judge | StatusJudge:
    """The judge of a point; numeric tests on a text or a contact mean nothing and are left out."""
    tests = point.tests
    numeric = point.kind in (Kind.FLOAT, Kind.INT)
    switched_on = (tests.low, tests.high, tests.rate_suspect, tests.rate_bad, tests.spike, tests.flat_s, tests.blind_above)
    return Judge(tests) if numeric and any(limit is not None for limit in switched_on) else StatusJudge()
