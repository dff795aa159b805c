"""The History port: what the collector writes to and everyone reads from, whichever store is behind it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from lampwell.points import Kind, Value
from lampwell.readings import NodeId, Scan


@dataclass(frozen=True, slots=True, order=True)
class SeriesId:
    """One point of one device of one edge node. Written ``device/point-path`` (``cabinet-03/loop3/i_a``)."""

    node: NodeId
    device: str
    point: str

    def __str__(self) -> str:
        return f"{self.device or self.node.edge}/{self.point}"


@dataclass(frozen=True, slots=True)
class SeriesInfo:
    """What is known of a series: its kind, unit, and how many readings of it were stored."""

    id: SeriesId
    kind: Kind
    unit: str


@dataclass(frozen=True, slots=True)
class Latest:
    """The newest reading of a series (by its own time, historical or not)."""

    series: SeriesInfo
    time: int
    value: Value | None
    flags: int


@dataclass(frozen=True, slots=True)
class Buckets:
    """A series in buckets of equal width, columns side by side; empty buckets are left out.

    ``time`` is the start of each bucket (epoch ms UTC). ``min``/``max``/``mean``/``last`` are over readings that are not bad
    (None where there were none); ``count`` counts those, ``bad`` the others. The mean is over readings, not over time.
    """

    series: SeriesId
    width_ms: int
    time: Sequence[int]
    min: Sequence[float | None]
    max: Sequence[float | None]
    mean: Sequence[float | None]
    last: Sequence[float | None]
    count: Sequence[int]
    bad: Sequence[int]


@dataclass(frozen=True, slots=True)
class Readings:
    """Raw readings of a series in time order."""

    series: SeriesId
    time: Sequence[int]
    value: Sequence[Value | None]
    flags: Sequence[int]


@dataclass(frozen=True, slots=True)
class Gap:
    """No reading from ``start`` to ``end`` (epoch ms UTC)."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A reading the store would not take: when it was put aside, its series and time, its value as text, and why."""

    at: int
    series: SeriesId
    time: int
    value: str
    flags: int
    reason: str


class History(Protocol):
    """All times epoch ms UTC; ranges are half-open, [start, end)."""

    async def append(self, scans: Sequence[Scan], progress: Mapping[str, str]) -> None:
        """Store all scans and, in the same step, the ingest positions ``progress`` (opaque text by key), or raise StoreError
        and store nothing new. Historical or late scans are welcome in any order.
        """
        ...

    async def progress(self) -> Mapping[str, str]:
        """The ingest positions as last stored."""
        ...

    async def quarantine(self, scan: Scan, reason: str, now: int) -> None:
        """Keep, readable, a scan the store will never take; counted."""
        ...

    async def quarantined(self, limit: int = 1_000) -> Sequence[Quarantined]:
        """What the quarantine holds, newest first."""
        ...

    async def series(self, pattern: str = "*") -> Sequence[SeriesInfo]:
        """The series whose written form matches a shell pattern."""
        ...

    async def latest(self, pattern: str = "*") -> Sequence[Latest]:
        """The newest reading of each matching series."""
        ...

    async def readings(self, series: SeriesId, start: int, end: int, limit: int = 100_000) -> Readings:
        """Raw readings."""
        ...

    async def all_readings(self, series: Sequence[SeriesId], start: int, end: int) -> Sequence[Readings]:
        """Raw readings of each of these series, with no limit: one question where ``readings`` would be hundreds."""
        ...

    async def buckets(self, series: Sequence[SeriesId], start: int, end: int, width_ms: int) -> Sequence[Buckets]:
        """Each series in buckets aligned to the epoch. Wide buckets come from the 15-minute roll-ups where they can."""
        ...

    async def gaps(self, series: SeriesId, start: int, end: int, longer_than_ms: int) -> Sequence[Gap]:
        """Where the series has no reading for longer than that, the ends of the range included."""
        ...

    async def maintain(self, now: int) -> None:
        """Housekeeping, called about once a minute: roll-ups, retention, checkpoints. Cheap when there is nothing to do."""
        ...

    async def close(self) -> None:
        """Flush and release the store."""
        ...
