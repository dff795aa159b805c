"""The newest reading of each series in memory, so that a screen of five thousand costs no query."""

from __future__ import annotations

from itertools import repeat
from math import isfinite

from lampwell.history.catalogue import Numbered
from lampwell.history.fit import judged
from lampwell.points import Value
from lampwell.readings import Scan

NEVER = -(1 << 62)
Row = tuple[int, Value | None, int]
"""Time, value, flags."""


class LatestRows:
    """Newest readings by series number; "newest" is by the reading's own time, whenever it was stored."""

    def __init__(self, rows: dict[int, Row]) -> None:
        self.rows = rows
        self.newest = max((row[0] for row in rows.values()), default=NEVER)

    def remember(self, numbered: Numbered, scan: Scan) -> None:
        """Take a stored scan into account. Most scans are newer than all their device has: those cost one dict update."""
        if numbered.newest == NEVER:
            numbered.newest = max(self.rows[i][0] if i in self.rows else NEVER + 1 for i in numbered.ids)
        shape, time = numbered.shape(scan.index), scan.time
        self.newest = max(self.newest, time)
        if time >= numbered.newest and shape.plain and _finite(scan):
            self.rows.update(zip(shape.ids, zip(repeat(time), scan.values, scan.flags), strict=False))
            numbered.newest = time
            return
        for number, value, flags in zip(shape.ids, scan.values, scan.flags, strict=True):
            known = self.rows.get(number)
            if known is None or known[0] <= time:
                self.rows[number] = (time, *judged(value, flags))
        numbered.newest = max(numbered.newest, time)


def _finite(scan: Scan) -> bool:
    try:
        return isfinite(sum(scan.values))  # type: ignore[arg-type]  # a null raises, which is the point
    except (TypeError, OverflowError):
        return False
