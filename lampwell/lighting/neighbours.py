"""Which lamps stand next to each other along a road, from where they stand: what half-night lamps must respect.

CJJ 45 7.2 (unverified): late at night lamps may be off, but never two that are adjacent along the road. The lamp across the road
is no neighbour; it has its own row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from math import cos, hypot, radians

from lampwell.assets import Lamp

METRES = 111_320.0
"""Of one degree of latitude."""
REACH_M = 150.0
"""How far along a road the next lamp is looked for: three times the widest usual spacing."""
ROW_M = 7.5
"""Lamps whose distances from the line of the road differ by less stand in one row."""
Point = tuple[float, float]


def adjacent(lamps: Iterable[Lamp]) -> set[tuple[str, str]]:
    """Pairs of lamps (by id, in order) that are next to each other in a row of their road. Lamps without a place have none."""
    roads: dict[str, list[Lamp]] = {}
    for lamp in lamps:
        if lamp.latitude is not None and lamp.longitude is not None:
            roads.setdefault(lamp.road, []).append(lamp)
    return {tuple(sorted(pair)) for each in roads.values() for pair in _of_road(each)}  # type: ignore[misc]  # of two


def _of_road(lamps: Sequence[Lamp]) -> Iterator[tuple[str, str]]:
    points = _metres(lamps)
    for lamp, here in zip(lamps, points, strict=True):
        near = [(other.id, _minus(there, here)) for other, there in zip(lamps, points, strict=True) if other is not lamp]
        near = [(name, away) for name, away in near if hypot(*away) <= REACH_M]
        along = _direction([away for _, away in near])
        ahead = [(_dot(away, along), name) for name, away in near if abs(_cross(away, along)) < ROW_M]
        for side in (1, -1):
            row = [(side * distance, name) for distance, name in ahead if side * distance > 1.0]
            if row:
                yield lamp.id, min(row)[1]


def _metres(lamps: Sequence[Lamp]) -> list[Point]:
    """East and north of the first lamp."""
    first = lamps[0]
    assert first.latitude is not None
    assert first.longitude is not None
    scale = cos(radians(first.latitude)) * METRES
    return [
        (((one.longitude or 0.0) - first.longitude) * scale, ((one.latitude or 0.0) - first.latitude) * METRES) for one in lamps
    ]


def _direction(around: Sequence[Point]) -> Point:
    """Unit vector of the line that the lamps around stand along (the main axis of their scatter about the lamp)."""
    xx, yy = sum(x * x for x, _ in around), sum(y * y for _, y in around)
    xy = sum(x * y for x, y in around)
    large = (xx + yy + hypot(xx - yy, 2 * xy)) / 2
    x, y = (xy, large - xx) if abs(xy) > 1e-6 else ((1.0, 0.0) if xx >= yy else (0.0, 1.0))
    length = hypot(x, y)
    return x / length, y / length


def _minus(one: Point, other: Point) -> Point:
    return one[0] - other[0], one[1] - other[1]


def _dot(one: Point, other: Point) -> float:
    return one[0] * other[0] + one[1] * other[1]


def _cross(one: Point, other: Point) -> float:
    return one[0] * other[1] - one[1] * other[0]
