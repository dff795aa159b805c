"""Who answered and who did not, concluded from what was recorded.

The history holds readings, not births and deaths. But every point is reported at its heartbeat even when nothing changes, so a
device of which nothing was recorded for two heartbeats did not answer, and an edge node of which nothing at all was recorded for
ten minutes was gone. (Readings made while only the network was away are in the history too: the edge sent them later.) Deaths
are therefore told later than they were: a device's after two of its beats, where the live service knows after three polls.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping

from lampwell.assets import County, Device
from lampwell.points import Point, PollClass
from lampwell.readings import NodeId
from lampwell.sparkplug.messages import DeviceDied, HostEvent, NodeDied, ScanReceived

MISSED = 2
"""Beats without a reading. The live rule on silence takes three (domain drainage 3.2), and must not come first."""

NODE_SILENT_MS = MISSED * 300_000
"""An edge node's own points have the usual heartbeat of 300 s (``lampwell.points.Deadband``)."""

Where = tuple[NodeId, str]
"""A device of an edge node; the edge node itself with device ""."""


def pulse(device: Device) -> tuple[Point, int] | None:
    """The point that is reported most often when nothing changes, and how often (ms); None where a device has none to poll."""
    beats = [(beat_ms(point, device), n) for n, point in enumerate(device.profile.points) if point.poll is not PollClass.DEMAND]
    beat, position = min(beats, default=(0, -1))
    return (device.profile.points[position], beat) if beats else None


def beat_ms(point: Point, device: Device) -> int:
    """How often a point is reported at least: at its heartbeat, or when it is polled if that is more seldom."""
    polled_s = device.intervals.slow_s if point.poll is PollClass.SLOW else device.intervals.dry_s
    return round(max(point.deadband.heartbeat_s, polled_s) * 1000)


def beats_of(county: County) -> dict[Where, int]:
    """How often each device of a county must be heard of, in ms."""
    nodes = {edge.id: edge.node for edge in county.edges}
    edge_of = {link.id: link.edge for link in county.links}
    found = ((device, pulse(device)) for device in county.devices)
    return {(nodes[edge_of[device.link]], device.id): beat[1] for device, beat in found if beat is not None}


class Silences:
    """Puts deaths into a recorded story. ``beats``: how often each device must be heard of (ms); one that is not in it never dies
    alone. A device's silence says nothing of it while its edge node is silent too.
    """

    def __init__(self, beats: Mapping[Where, int]) -> None:
        self._beats = beats
        self._last: dict[Where, int] = {}
        self._timers: list[tuple[int, Where]] = []

    def woven(self, events: Iterable[tuple[int, HostEvent]], until: int) -> Iterator[tuple[int, HostEvent]]:
        """The next part of a story, with the deaths before ``until`` in their places."""
        for time, event in events:
            yield from self._deaths(time)
            if isinstance(event, ScanReceived):
                self._heard(event.scan.layout.node, event.scan.layout.device, time)
            yield time, event
        yield from self._deaths(until)

    def _heard(self, node: NodeId, device: str, time: int) -> None:
        for where in ((node, ""), (node, device)):
            if where not in self._last and (patience := self._patience(where)) is not None:
                heapq.heappush(self._timers, (time + patience, where))
            self._last[where] = time

    def _patience(self, where: Where) -> int | None:
        if not where[1]:
            return NODE_SILENT_MS
        beat = self._beats.get(where)
        return None if beat is None else MISSED * beat

    def _deaths(self, time: int) -> Iterator[tuple[int, HostEvent]]:
        while self._timers and self._timers[0][0] <= time:
            due, where = heapq.heappop(self._timers)
            if where not in self._last:
                continue  # it died with its edge node
            again = self._again(where, due)
            if again is not None:
                heapq.heappush(self._timers, (again, where))
            elif where[1]:
                del self._last[where]
                yield due, DeviceDied(where[0], where[1], due)
            else:
                for one in [one for one in self._last if one[0] == where[0]]:
                    del self._last[one]
                yield due, NodeDied(where[0], due)

    def _again(self, where: Where, due: int) -> int | None:
        """When to look at it again; None = it has died."""
        patience = self._patience(where)
        assert patience is not None, "what has none has no timer"
        if (ends := self._last[where] + patience) > due:
            return ends
        beat = patience // MISSED
        return due + beat if where[1] and self._last[where[0], ""] <= due - beat else None
