"""Recorded history as a story: the readings that rules look at and those that show who answers, slice by slice.

Arrival is taken to be the source time. Births and deaths are not recorded; ``control.backtest.life`` concludes them.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from typing import Protocol

from control.alarms.bind import Binding
from control.alarms.clauses import Fault
from control.alarms.edge_points import NODE
from control.alarms.watched import FACTS
from control.backtest.life import Silences, Where, beats_of, pulse
from control.lighting.watched import feeder_of, looked_at_by_logic
from lampwell.assets import County, Device
from lampwell.history.port import Readings, SeriesId, SeriesInfo
from lampwell.points import Point, Value
from lampwell.readings import Layout, Scan
from lampwell.sparkplug.messages import HostEvent, ScanReceived

SLICE_MS = 86_400_000
"""Read at once; what a slice holds is all that is in memory."""

Events = list[tuple[int, HostEvent]]


class Source(Protocol):
    """What is asked of the history."""

    async def series(self, pattern: str = "*") -> Sequence[SeriesInfo]:
        """The series whose written form matches a shell pattern."""
        ...

    async def all_readings(self, series: Sequence[SeriesId], start: int, end: int) -> Sequence[Readings]:
        """Raw readings of each series, in time order."""
        ...


class Recorded:
    """The history as these rule sets see it. ``read``: how many readings were taken from it so far; ``first``, ``last``: times of
    the first and the last of them.
    """

    def __init__(self, source: Source, bindings: Sequence[Binding], county: County) -> None:
        self._source = source
        self._layouts = [Layout(*where, tuple(points)) for where, points in looked_at(bindings, county).items()]
        self._silences = Silences(beats_of(county))
        self.read = 0
        self.first: int | None = None
        self.last: int | None = None

    async def slices(self, start: int, end: int) -> AsyncIterator[tuple[int, Events]]:
        """Every slice of [start, end) as its end and its events, in time order."""
        known = {info.id for info in await self._source.series()}
        columns = [(layout, *_stored(layout, known)) for layout in self._layouts]
        for begin in range(start, end, SLICE_MS):
            until = min(begin + SLICE_MS, end)
            scans = [scan for asked in columns for scan in await self._scans(*asked, begin, until)]
            scans.sort(key=lambda scan: scan.time)
            if scans:
                self.first, self.last = scans[0].time if self.first is None else self.first, scans[-1].time
            yield until, list(self._silences.woven(((scan.time, ScanReceived(scan)) for scan in scans), until))

    async def _scans(self, layout: Layout, index: Sequence[int], series: Sequence[SeriesId], start: int, end: int) -> list[Scan]:
        rows: dict[int, list[tuple[int, Value | None, int]]] = defaultdict(list)
        for position, found in zip(index, await self._source.all_readings(series, start, end), strict=True):
            self.read += len(found.time)
            for time, value, flags in zip(found.time, found.value, found.flags, strict=True):
                rows[time].append((position, value, flags))
        return [_scan(layout, time, cells) for time, cells in rows.items()]


def looked_at(bindings: Sequence[Binding], county: County) -> Mapping[Where, list[Point]]:
    """By edge node and device: the points on which alarms of these sets hang, those that logic looks at where an alarm names a
    fault, and the pulse of each device that has any.
    """
    devices = {device.id: device for device in county.devices}
    known = {(device.id, point.path): point for device in county.devices for point in device.profile.points}
    found: dict[Where, dict[str, Point]] = defaultdict(dict)
    for bound in (bound for binding in bindings for bound in binding.bounds):
        if bound.node is None:
            continue
        points = found[bound.node, bound.device]
        if bound.point is not None:
            points[bound.point.path] = bound.point
        for gate in bound.gates:
            points[gate.point] = known.get((bound.device, gate.point), Point(path=gate.point))
    for where, watched in _of_logic(bindings, county, devices).items():
        found[where] |= {point.path: point for point in looked_at_by_logic(watched)}
    for (_, device), points in found.items():
        beat = pulse(devices[device]) if device else None
        own = (beat[0],) if beat else () if device else (point for point in NODE if point.path in FACTS or point.path == "uptime")
        points |= {point.path: point for point in own}
    return {where: list(points.values()) for where, points in found.items()}


def _of_logic(bindings: Sequence[Binding], county: County, devices: Mapping[str, Device]) -> Mapping[Where, Device]:
    """The devices on which an alarm names a fault, and the cabinets that feed them."""
    node_of, edge_of = {edge.id: edge.node for edge in county.edges}, {link.id: link.edge for link in county.links}
    names = {bound.device for binding in bindings for bound in binding.bounds if isinstance(bound.clause, Fault)}
    named = names | {feeder for name in names if (feeder := feeder_of(devices[name]))}
    whole = [devices[name] for name in sorted(named)]
    return {(node_of[edge_of[device.link]], device.id): device for device in whole}


def _stored(layout: Layout, known: Collection[SeriesId]) -> tuple[Sequence[int], Sequence[SeriesId]]:
    """The positions and series of a layout's points that were ever stored."""
    series = [SeriesId(layout.node, layout.device, point.path) for point in layout.points]
    index = [position for position, one in enumerate(series) if one in known]
    return index, [series[position] for position in index]


def _scan(layout: Layout, time: int, cells: Sequence[tuple[int, Value | None, int]]) -> Scan:
    index, values, flags = zip(*cells, strict=True)
    return Scan(layout, time, index, values, flags)
