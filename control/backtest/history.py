"""Recorded history as a story: the readings that rules look at, device by device, in the order of their source times.

The history holds readings, not births and deaths: a device that fell silent shows as silence, so stale alarms are judged and
offline ones are not. Arrival is taken to be the source time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Protocol

from control.alarms.bind import Binding
from lampwell.assets import County
from lampwell.history.port import Readings, SeriesId
from lampwell.points import Point, Value
from lampwell.readings import Layout, NodeId, Scan
from lampwell.sparkplug.messages import HostEvent, ScanReceived

MOST = 10_000_000


class Source(Protocol):
    """What is asked of the history."""

    async def readings(self, series: SeriesId, start: int, end: int, limit: int = 100_000) -> Readings:
        """Raw readings in time order."""
        ...


async def story(
    source: Source, binding: Binding, county: County, start: int, end: int, matching: Sequence[str] = ()
) -> list[tuple[int, HostEvent]]:
    """All scans of [start, end) that hold a point some rule looks at. ``matching``: only these devices (ids); empty = all."""
    events: list[tuple[int, HostEvent]] = []
    for (node, device), points in _looked_at(binding, county).items():
        if matching and device not in matching:
            continue
        layout = Layout(node, device, tuple(points))
        found = [await source.readings(SeriesId(node, device, point.path), start, end, MOST) for point in points]
        events += _scans(layout, found)
    return sorted(events, key=lambda event: event[0])


def _looked_at(binding: Binding, county: County) -> Mapping[tuple[NodeId, str], list[Point]]:
    """The points that alarms hang on, by edge node and device."""
    known = {(device.id, point.path): point for device in county.devices for point in device.profile.points}
    found: dict[tuple[NodeId, str], dict[str, Point]] = defaultdict(dict)
    for bound in binding.bounds:
        if bound.node is None:
            continue
        if bound.point is not None:
            found[bound.node, bound.device][bound.point.path] = bound.point
        for gate in bound.gates:
            found[bound.node, bound.device][gate.point] = known.get((bound.device, gate.point), Point(path=gate.point))
    return {where: list(points.values()) for where, points in found.items()}


def _scans(layout: Layout, found: Sequence[Readings]) -> list[tuple[int, HostEvent]]:
    rows: dict[int, list[tuple[int, Value | None, int]]] = defaultdict(list)
    for index, readings in enumerate(found):
        for time, value, flags in zip(readings.time, readings.value, readings.flags, strict=True):
            rows[time].append((index, value, flags))
    return [
        (time, ScanReceived(Scan(layout, time, *(tuple(column) for column in zip(*cells, strict=True)))))  # type: ignore[arg-type]
        for time, cells in rows.items()
    ]
