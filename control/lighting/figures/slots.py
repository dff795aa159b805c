"""Readings on a grid of quarter hours: what was known of a point at the end of each. None = not known, never zero."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from lampwell.history.port import Buckets

WIDTH_MS = 900_000
"""A quarter of an hour: the roll-ups of the history have it for years."""
PERIODS = 2.5
"""A value is believed for so many of its heartbeats (domain streetlights 3, comm lost: 2-3 report periods)."""

Values = Sequence[float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """``count`` slots from the epoch-aligned instant ``start`` on; slot n ends at ``end(n)``, where it is judged."""

    start: int
    count: int

    def end(self, slot: int) -> int:
        """When a slot is over."""
        return self.start + (slot + 1) * WIDTH_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """The points of devices on one grid: (device, path) -> value by slot. What is not there was never heard of."""

    grid: Grid
    values: Mapping[tuple[str, str], Values] = field(default_factory=dict)

    def at(self, device: str, path: str, slot: int) -> float | None:
        """What a point was at the end of a slot; None before the grid, too."""
        found = self.values.get((device, path))
        return None if found is None or slot < 0 else found[slot]


def grid_of(start: int, end: int) -> Grid:
    """The slots that begin in [start, end): periods side by side share none."""
    first, last = -(-start // WIDTH_MS), -(-end // WIDTH_MS)
    return Grid(start=first * WIDTH_MS, count=max(0, last - first))


def age_slots(beat_s: float) -> int:
    """How many slots later a value still counts, by the heartbeat of its point."""
    return int(PERIODS * beat_s * 1000 / WIDTH_MS)


def held(buckets: Buckets, grid: Grid, beat_s: float) -> list[float | None]:
    """The values of a series at the ends of slots. A bucket with any bad reading is not believed, and ends what was."""
    found: list[float | None] = [None] * grid.count
    times = [(at - grid.start) // WIDTH_MS for at in buckets.time]
    age = age_slots(beat_s)
    for n, slot in enumerate(times):
        value = None if buckets.bad[n] else buckets.last[n]
        until = min(times[n + 1] if n + 1 < len(times) else grid.count, slot + age + 1)
        for each in range(max(slot, 0), min(until, grid.count)):
            found[each] = value
    return found
