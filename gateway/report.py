"""Report by exception: which readings are worth sending (pitfalls: deadband absolute, percent and time).

A reading is reported when its quality changed, when its value left the deadband around the last *reported* value, or when its
heartbeat is due.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from math import inf

from lampwell.points import Kind, Point, Value

_EXACT = 1 - 1e-9  # 0.7 - 0.6 is a hair less than 0.1: such a move still counts as one of 0.1


@dataclass(slots=True)
class Columns:
    """Readings on their way into a scan, side by side."""

    index: list[int] = field(default_factory=list)
    values: list[Value | None] = field(default_factory=list)
    flags: list[int] = field(default_factory=list)

    def add(self, index: int, value: Value | None, flags: int) -> None:
        """One reading more."""
        self.index.append(index)
        self.values.append(value)
        self.flags.append(flags)


class Report:
    """What was last reported of some points, by item (their place in the sequence given), and what would be worth it now.

    ``due_ms`` is never later than the first heartbeat that is due; ``settle`` brings it up to date.
    """

    __slots__ = ("_absolute", "_beat_ms", "_flags", "_numeric", "_percent", "_values", "due_ms", "times")

    def __init__(self, points: Sequence[Point]) -> None:
        size = len(points)
        self._numeric = [point.kind in (Kind.FLOAT, Kind.INT) for point in points]
        self._absolute = [point.deadband.absolute * _EXACT for point in points]
        self._percent = [point.deadband.percent / 100 * _EXACT for point in points]
        self._beat_ms = [int(point.deadband.heartbeat_s * 1000) for point in points]
        self._values: list[Value | None] = [None] * size
        self._flags = [-1] * size
        self.times = [0] * size
        self.due_ms: float = inf

    def worth(self, item: int, value: Value | None, flags: int, time: int) -> bool:
        """Whether to report this reading."""
        if flags != self._flags[item]:
            return True
        old = self._values[item]
        if value != old and self.moved(item, value, old):
            return True
        return time >= self.due_ms and time >= self.times[item] + self._beat_ms[item]

    def moved(self, item: int, value: Value | None, old: Value | None) -> bool:
        """Whether ``value`` lies a whole deadband (the larger of absolute and percent) from ``old``."""
        if value is None or old is None or not self._numeric[item]:
            return value != old
        move = abs(value - old)  # type: ignore[operator]
        return bool(move >= self._absolute[item] and move >= self._percent[item] * abs(old))  # type: ignore[arg-type]

    def said(self, item: int, value: Value | None, flags: int, time: int) -> None:
        """Note a reading as reported."""
        self._values[item], self._flags[item], self.times[item] = value, flags, time

    def said_otherwise(self, item: int, value: Value | None) -> bool:
        """Whether the value differs from the one last reported."""
        return value != self._values[item]

    def beats(self, time: int) -> Iterable[int]:
        """The items whose heartbeat is due."""
        return [i for i, (said, beat) in enumerate(zip(self.times, self._beat_ms, strict=True)) if time >= said + beat]

    def settle(self) -> None:
        """Find the next heartbeat."""
        self.due_ms = min(map(int.__add__, self.times, self._beat_ms), default=inf)
