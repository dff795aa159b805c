"""The newest reading of every point of some devices, as the wire tells it: by exception, so what is not said again still holds.

A device that does not live has no readings. A birth tells all of them, each with its own time.
"""

from __future__ import annotations

from collections.abc import Iterable

from control.alarms.model import Evidence
from lampwell.points import Value
from lampwell.readings import Layout, Scan
from lampwell.sparkplug.messages import DeviceBorn, DeviceDied, HostEvent, NodeDied, ScanReceived, dated

Values = dict[str, Evidence]
STIRS = 0.1
_NO_NUMBERS = (bool, str, type(None))


class Kept:
    """Only ``devices`` are kept."""

    def __init__(self, devices: Iterable[str]) -> None:
        self._values: dict[str, Values] = {device: {} for device in devices}
        self._node: dict[str, str] = {}

    def of(self, device: str) -> Values:
        """By path; empty where it does not live, or is none of ours."""
        return self._values.get(device, {})

    def event(self, event: HostEvent) -> str | None:
        """Take in what came off the wire; the device that a live scan was of."""
        match event:
            case ScanReceived(scan=scan):
                if scan.historical or scan.layout.device not in self._values:
                    return None
                self._take(scan)
                return scan.layout.device
            case DeviceBorn(layout=layout):
                if layout.device in self._values:
                    self._born(layout, dated(event) or (event.birth,))
            case DeviceDied(device=device):
                if device in self._values:
                    self._values[device] = {}
            case NodeDied(node=node):
                for device, edge in self._node.items():
                    if edge == node.edge:
                        self._values[device] = {}
            case _:
                pass
        return None

    def stirred_by(self, event: HostEvent) -> str | None:
        """The device of which a live scan brings news that is not mere drift: a contact, or a number off by a tenth."""
        if not isinstance(event, ScanReceived) or event.scan.historical:
            return None
        layout, before = event.scan.layout, self.of(event.scan.layout.device)
        told = ((before.get(layout.points[n].path), value) for n, value in zip(event.scan.index, event.scan.values, strict=True))
        return layout.device if any(one is None or _stirs(one.value, value) for one, value in told) else None

    def forget(self) -> None:
        """Nothing is known of anything: the broker is away."""
        for device in self._values:
            self._values[device] = {}

    def _born(self, layout: Layout, scans: Iterable[Scan]) -> None:
        self._values[layout.device] = {}
        for scan in scans:
            self._take(scan)

    def _take(self, scan: Scan) -> None:
        layout = scan.layout
        self._node[layout.device] = layout.node.edge
        values = self._values[layout.device]
        for index, value, flags in zip(scan.index, scan.values, scan.flags, strict=True):
            path = layout.points[index].path
            values[path] = Evidence(point=f"{layout.device}/{path}", time=scan.time, value=value, flags=flags)


def _stirs(before: Value | None, now: Value | None) -> bool:
    if before == now:  # most often, and soonest told
        return False
    if isinstance(before, _NO_NUMBERS) or isinstance(now, _NO_NUMBERS):
        return True
    return abs(now - before) > STIRS * max(abs(before), abs(now))
