"""Has a value not moved for longer than is plausible?"""

from __future__ import annotations

from math import inf

from lampwell.readings import Flag

_FLAT = int(Flag.FLAT)


class Stillness:
    """The flat-line test of one point. Zero is exempt: a dry street and a switched-off loop are rightly still
    (domain drainage 3.2).
    """

    __slots__ = ("_flat_ms", "_value", "due_ms")

    def __init__(self, flat_s: float) -> None:
        self._flat_ms = int(flat_s * 1000)
        self._value: float | None = None
        self.due_ms: float = inf
        """From this time on an equal sample is flat; infinity = never."""

    def judge(self, value: float, time_ms: int) -> int:
        """The flags of a sample."""
        if value != self._value:
            self._value = value
            self.due_ms = time_ms + self._flat_ms if value else inf
        return _FLAT if time_ms >= self.due_ms else 0
