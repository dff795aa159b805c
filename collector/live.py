"""The newest reading of every series as it came in, for screens: in memory, before it is even stored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from lampwell.history.fit import part
from lampwell.history.port import Latest, SeriesId, SeriesInfo
from lampwell.points import Value
from lampwell.readings import Flag, Layout, NodeId, Scan

_NEVER = -(1 << 62)
STALE = int(Flag.STALE)


@dataclass(slots=True)
class DeviceLive:
    """One device: columns as its layout has them. ``since`` is when it came alive or died (the host's time)."""

    layout: Layout
    alive: bool
    since: int
    times: list[int] = field(default_factory=list)
    values: list[Value | None] = field(default_factory=list)
    flags: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        size = len(self.layout.points)
        self.times, self.values, self.flags = [_NEVER] * size, [None] * size, [0] * size

    def take(self, scan: Scan) -> None:
        """Keep what is newer than what is known."""
        times, values, flags, time = self.times, self.values, self.flags, scan.time
        for i, value, marks in zip(scan.index, scan.values, scan.flags, strict=True):
            if time >= times[i]:
                times[i], values[i], flags[i] = time, value, marks

    def move_to(self, layout: Layout) -> None:
        """A new birth: points that still exist keep their readings."""
        known = {point.path: i for i, point in enumerate(self.layout.points)}
        old = [known.get(point.path) for point in layout.points]
        self.times = [_NEVER if i is None else self.times[i] for i in old]
        self.values = [None if i is None else self.values[i] for i in old]
        self.flags = [0 if i is None else self.flags[i] for i in old]
        self.layout = layout


class Live:
    """All devices of all edge nodes. Readings of what is not alive are marked STALE."""

    def __init__(self) -> None:
        self._devices: dict[NodeId, dict[str, DeviceLive]] = {}

    def born(self, layout: Layout, now: int) -> None:
        """A device (or, with device "", its edge node) announced itself."""
        device = self._device(layout, now)
        device.alive, device.since = True, now
        if device.layout is not layout:
            device.move_to(layout)

    def news(self, scan: Scan) -> Scan:
        """The part of a born device's scan that is newer than what is known; births repeat old values."""
        times = self._devices[scan.layout.node][scan.layout.device].times
        return part(scan, [column for column, i in enumerate(scan.index) if scan.time > times[i]])

    def take(self, scan: Scan, now: int) -> None:
        """A scan came in. Old ones count only for what nothing newer is known of, and wake nobody up."""
        device = self._device(scan.layout, now)
        if device.layout is not scan.layout:
            if scan.historical:
                return  # told under an earlier birth; the present one has its own columns
            device.move_to(scan.layout)
        if not scan.historical and not device.alive:
            device.alive, device.since = True, now
        device.take(scan)

    def died(self, node: NodeId, device: str | None, now: int) -> None:
        """A device died, or with None the edge node and all it has."""
        for name, found in self._devices.get(node, {}).items():
            if (device is None or name == device) and found.alive:
                found.alive, found.since = False, now

    def lost(self, now: int) -> None:
        """The broker is gone: nothing is known to be alive until it is heard of again."""
        for node in self._devices:
            self.died(node, None, now)

    def nodes(self) -> Iterator[tuple[NodeId, dict[str, DeviceLive]]]:
        """Edge nodes with their devices by id; "" is the node itself."""
        return iter(sorted(self._devices.items()))

    def device(self, node: NodeId, device: str) -> list[Latest]:
        """The newest readings of one device, points never heard of left out."""
        found = self._devices.get(node, {}).get(device)
        return [] if found is None else list(_readings(found))

    def latest(self) -> list[Latest]:
        """The newest readings of everything."""
        return [one for _, devices in self.nodes() for device in devices.values() for one in _readings(device)]

    def _device(self, layout: Layout, now: int) -> DeviceLive:
        devices = self._devices.setdefault(layout.node, {})
        found = devices.get(layout.device)
        if found is None:
            found = devices[layout.device] = DeviceLive(layout, alive=True, since=now)
        return found


def _readings(device: DeviceLive) -> Iterator[Latest]:
    mark = 0 if device.alive else STALE
    layout = device.layout
    for point, time, value, flags in zip(layout.points, device.times, device.values, device.flags, strict=True):
        if time != _NEVER:
            series = SeriesInfo(SeriesId(layout.node, layout.device, point.path), point.kind, point.unit)
            yield Latest(series, time, value, flags | mark)
