"""What logic finds, put into a story: the lighting detectors of control over the same events, in the same order.

A live control looks at a cabinet at each of its scans; here it looks every ``LOOK_S``, and every five seconds for two minutes
after something has stirred there, which costs a tenth. Programs and work orders of the past are not known here: nothing is said
of a schedule that was not carried out, and every door that opens is one without an order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from control.alarms.model import Condition
from control.lighting.field import LightingField
from lampwell.assets import County, DeviceKind
from lampwell.sparkplug.messages import DeviceBorn, HostEvent, HostState, ScanReceived

LOOK_S = 60.0
TICK_MS = 5000


@dataclass(frozen=True, slots=True)
class BrokerLink:
    """The alarm service's own connection to the broker comes or goes."""

    connected: bool


@dataclass(frozen=True, slots=True)
class Found:
    """Logic has come to know this of some faults."""

    conditions: tuple[Condition, ...]


StoryEvent = HostEvent | BrokerLink | HostState | Found
"""``HostState``: the collector's STATE."""

Story = Iterable[tuple[int, StoryEvent]]
"""What came to the alarm service, as (epoch ms of arrival, event), in that order."""


class Logic:
    """Give it the parts of a story one after the other; ``start``: when it begins (epoch ms)."""

    def __init__(self, county: County, start: int, *, look_s: float = LOOK_S) -> None:
        self._field = LightingField(county, look_s=look_s)
        self._devices = {one.id for one in county.devices if one.kind in (DeviceKind.CABINET, DeviceKind.CONCENTRATOR)}
        self._next, self._heard = start + TICK_MS, False

    def woven(self, story: Story, until: int) -> Iterator[tuple[int, StoryEvent]]:
        """The next part of a story, with what was found in its places."""
        for time, event in story:
            yield from self._looks(time)
            match event:
                case BrokerLink(connected=connected):
                    self._field.broker(connected, time)
                case HostState() | Found():
                    pass
                case _:
                    self._heard = self._heard or _device_of(event) in self._devices
                    self._field.event(event, time)
            yield time, event
        yield from self._looks(until)

    def _looks(self, until: int) -> Iterator[tuple[int, StoryEvent]]:
        if not self._heard:  # nothing to look at yet
            self._next += max(0, (until - self._next) // TICK_MS + 1) * TICK_MS
        while self._next <= until:
            at, self._next = self._next, self._next + TICK_MS
            self._field.tick(at)
            if found := tuple(self._field.told()):
                yield at, Found(found)


def _device_of(event: HostEvent) -> str:
    match event:
        case ScanReceived(scan=scan):
            return scan.layout.device
        case DeviceBorn(layout=layout):
            return layout.device
        case _:
            return ""
