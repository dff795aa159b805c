"""Readings: what a device said. The scan is the unit of flow, column by column, never value by value."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, IntFlag

from lampwell.points import Point, Value


class Quality(IntEnum):
    """Sparkplug's three quality codes (tck-id-payloads-propertyset-quality-value-value)."""

    BAD = 0
    GOOD = 192
    STALE = 500


class Flag(IntFlag):
    """Why a reading is not simply good. Travels as property ``quality/flags``; 0 = good."""

    SENTINEL = 1  # the register held its "not available" pattern, NaN or infinity: there is no value
    RANGE = 2  # outside the gross range
    RATE = 4  # changed faster than physics allows
    DEVICE = 8  # the device reports its own sensor as faulty
    SPIKE = 16  # a jump not yet confirmed by the next sample
    FLAT = 32  # has not moved for longer than is plausible
    BLIND = 64  # in the sensor's blind zone: surcharge suspected
    CLOCK = 128  # the edge's clock is not trusted
    FAST_CHANGE = 256  # faster than usual, still possible
    STALE = 512  # not read for too long


BAD_FLAGS = Flag.SENTINEL | Flag.RANGE | Flag.RATE | Flag.DEVICE
_BAD, _NOT_GOOD = int(BAD_FLAGS), int(BAD_FLAGS | Flag.STALE)


def quality_of(flags: int) -> Quality:
    """The Sparkplug code for our flags. Doubtful ones (SPIKE, FLAT, BLIND, CLOCK, FAST_CHANGE) stay GOOD, flags beside them."""
    if not flags & _NOT_GOOD:
        return Quality.GOOD
    return Quality.BAD if flags & _BAD else Quality.STALE


@dataclass(frozen=True, slots=True, order=True)
class NodeId:
    """An edge node on the wire: Sparkplug group (= area) and edge node id."""

    group: str
    edge: str

    def __str__(self) -> str:
        return f"{self.group}/{self.edge}"


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """The columns of a device's scans, in the order of its birth. ``device`` is "" for the edge node's own points.

    Compared by identity: a new birth is a new layout, and everything cached per layout dies with it.
    """

    node: NodeId
    device: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Scan:
    """Readings of one device at one time (epoch ms UTC), columns side by side.

    ``index[i]`` is the position of the point in ``layout.points``; ``values[i]`` its value or None; ``flags[i]`` its
    quality flags. ``offset`` is the journal's number for it (segment << 32 | row), None where no journal stands behind it.
    """

    layout: Layout
    time: int
    index: tuple[int, ...]
    values: tuple[Value | None, ...]
    flags: tuple[int, ...]
    offset: int | None = None
    journal: str | None = None
    historical: bool = False
