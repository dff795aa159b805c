"""An edge node without a field: it says over a real broker what a script tells it to, and gives births when asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lampwell.assets import County
from lampwell.clock import Clock
from lampwell.points import Point
from lampwell.readings import Layout, Scan
from lampwell.sparkplug.edge import EdgeSession
from lampwell.sparkplug.messages import Message, Subscription
from lampwell.sparkplug.transport import MqttTransport


class ScriptedEdge:
    """The edge node ``edge`` of a county with the devices given, each with its points. ``run`` and ``stop`` as every part."""

    def __init__(self, county: County, edge: str, devices: Mapping[str, Sequence[Point]], clock: Clock) -> None:
        node = next(one for one in county.edges if one.id == edge).node
        self._clock = clock
        self._layouts = {name: Layout(node, name, tuple(points)) for name, points in devices.items()}
        layout = Layout(node, "", (Point(path="uptime"),))
        self._session = EdgeSession(layout, bd_seq=-1, journal="script", host_id=county.host_id)
        self._transport = MqttTransport(county.broker, f"scripted-{edge}", self, jitter=lambda: 0.1)
        for own in self._layouts.values():
            self._session.device_born(own, Scan(own, clock.now(), (), (), ()))

    @property
    def is_born(self) -> bool:
        """Whether what it says is heard by whoever listens."""
        return self._session.is_born

    async def run(self) -> None:
        """Until ``stop``."""
        await self._transport.run()

    async def stop(self) -> None:
        """Say goodbye."""
        await self._transport.stop()

    def say(self, device: str, *values: float | None, flags: int = 0) -> None:
        """The values of all its points, as of now; what is said before its birth is in the birth."""
        layout = self._layouts[device]
        index = tuple(range(len(layout.points)))
        message = self._session.scan(Scan(layout, self._clock.now(), index, values, (flags,) * len(index)))
        if message is not None:
            self._transport.publish(message)

    # -- the transport's owner -------------------------------------------------------------------------------------------

    def will(self) -> Message:
        """NDEATH."""
        return self._session.will(self._clock.now())

    def subscriptions(self) -> tuple[Subscription, ...]:
        """Commands, and the host's STATE."""
        return self._session.subscriptions()

    def on_connected(self) -> None:
        """Births with the newest values."""
        for message in self._session.connected(self._clock.now(), journal_first=0, acknowledged={}):
            self._transport.publish(message)

    def on_disconnected(self, _: str) -> None:
        """Silent until it is back."""
        self._session.disconnected()

    def on_message(self, topic: str, payload: bytes) -> None:
        """A rebirth is given."""
        messages, _ = self._session.received(topic, payload, self._clock.now())
        for message in messages:
            self._transport.publish(message)

    def farewell(self) -> list[Message]:
        """NDEATH on purpose."""
        return self._session.leave(self._clock.now())
