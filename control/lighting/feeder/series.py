"""A recorded power and voltage series on an even grid of minutes. Missing minutes are NaN: absent, never zero."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from control.lighting.feeder.stats import median
from lampwell.errors import LampwellError

EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - local wall-clock minutes are counted from here
DAY_MIN = 1440
MOST_MIN = 3 * 366 * DAY_MIN
SLOWEST_MIN = 15


class UnfitSeries(LampwellError):
    """A series that cannot be analysed; the message says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a record: ``minute`` since ``EPOCH`` (or of a bare index), watts, volts; NaN = missing. ``line``: where it
    stood.
    """

    minute: float
    watts: float
    volts: float
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """``watts[i]`` and ``volts[i]`` belong to minute ``start + i * step``. ``clock``: minutes are local wall-clock time since
    ``EPOCH``; without it they are an index of the record's own, whose midnight is not known. ``rows``: lines it was made of.
    """

    start: float
    step: int
    watts: tuple[float, ...]
    volts: tuple[float, ...]
    clock: bool
    rows: int

    def __len__(self) -> int:
        return len(self.watts)

    def minute(self, cell: int) -> float:
        """The minute of a cell."""
        return self.start + cell * self.step

    def when(self, cell: int) -> str | float:
        """The time of a cell as people read it: local time, or the record's own index."""
        minute = self.minute(cell)
        if not self.clock:
            return int(minute) if minute == int(minute) else round(minute, 3)
        return (EPOCH + timedelta(minutes=minute)).isoformat(timespec="minutes")

    def cells(self, minutes: float) -> int:
        """How many cells so many minutes are, at least one."""
        return max(1, round(minutes / self.step))


def on_grid(rows: Sequence[Row], *, clock: bool) -> Series:
    """Rows in order of time, put on a grid of whole minutes as fine as they are; several in one cell are averaged.

    UnfitSeries: fewer than ten rows, slower than every 15 minutes, or longer than three years from first to last.
    """
    if len(rows) < 10:
        raise UnfitSeries(f"只有 {len(rows)} 行，太少 only {len(rows)} rows: nothing can be learned from so few")
    step = _step(rows)
    first, last = rows[0].minute, rows[-1].minute
    if last - first > MOST_MIN:
        days = (last - first) / DAY_MIN
        raise UnfitSeries(
            f"首末相距 {days:.0f} 天，请分段 days from first to last row; {MOST_MIN // DAY_MIN} are the most: give it in parts"
        )
    length = math.floor((last - first) / step + 0.5) + 1
    watts, volts = _Means(length), _Means(length)
    for row in rows:
        cell = min(length - 1, math.floor((row.minute - first) / step + 0.5))
        watts.add(cell, row.watts)
        volts.add(cell, row.volts)
    return Series(start=first, step=step, watts=watts.means(), volts=volts.means(), clock=clock, rows=len(rows))


def _step(rows: Sequence[Row]) -> int:
    between = [after.minute - before.minute for before, after in pairwise(rows)]
    usual = median([gap for gap in between if gap > 0])
    if math.isnan(usual):
        raise UnfitSeries("各行时间相同 all rows have the same time")
    if usual > SLOWEST_MIN:
        raise UnfitSeries(
            f"间隔 {usual:g} 分钟过疏 one row every {usual:g} min; one a minute is needed, {SLOWEST_MIN} min at the slowest"
        )
    return max(1, round(usual))


class _Means:
    """Sums by cell."""

    def __init__(self, length: int) -> None:
        self._sum = [0.0] * length
        self._count = [0] * length

    def add(self, cell: int, value: float) -> None:
        if not math.isnan(value):
            self._sum[cell] += value
            self._count[cell] += 1

    def means(self) -> tuple[float, ...]:
        return tuple(total / count if count else math.nan for total, count in zip(self._sum, self._count, strict=True))
