"""Control's place on the broker: a Sparkplug host of its own that listens to everything and tells the desk what it means.

It is not the collector: it acknowledges no journal. Edge nodes that it does not know yet are asked for a rebirth.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from control.alarms.bind import Binding
from control.alarms.model import Condition
from control.alarms.watch import Seen, Watch
from control.desk import Desk
from lampwell.assets import County
from lampwell.clock import Clock
from lampwell.points import Value
from lampwell.readings import NodeId
from lampwell.sparkplug import hoststate, topics
from lampwell.sparkplug.host import HostSession
from lampwell.sparkplug.messages import Complaint, HostEvent, Message, Subscription
from lampwell.sparkplug.transport import MqttTransport

log = logging.getLogger(__name__)


class Hearer(Protocol):
    """Someone else who wants to know what is heard."""

    def event(self, event: HostEvent, now: int) -> None:
        """Something came off the wire."""
        ...

    def broker(self, connected: bool, now: int) -> None:
        """The broker is there or away."""
        ...


class Logic(Hearer, Protocol):
    """What finds faults by looking at whole devices (lighting, drainage)."""

    def tick(self, now: int) -> None:
        """Time has passed."""
        ...

    def told(self) -> Iterable[Condition]:
        """What has become known since the last time."""
        ...


class Ear:
    """``watch`` turns what is heard into conditions; ``logic`` finds faults besides; ``desk`` takes what both say; ``hearers``
    are told as well; ``transport``: made as an ``MqttTransport`` is.
    """

    def __init__(
        self,
        county: County,
        watch: Watch,
        desk: Desk,
        clock: Clock,
        *,
        password: str = "",
        logic: Sequence[Logic] = (),
        transport: Callable[..., MqttTransport] = MqttTransport,
    ) -> None:
        self.watch, self._logic = watch, logic
        self.hearers: list[Hearer] = [*logic]
        self.complaints = 0
        self._desk, self._clock = desk, clock
        self._host = HostSession(f"{county.host_id}-control")
        self._collector_state = topics.state(county.host_id)
        self._transport = transport(county.broker, f"{county.host_id}-control", self, password=password)

    @property
    def connected(self) -> bool:
        """Whether the broker is there."""
        return self._transport.connected

    async def run(self) -> None:
        """Listen until ``stop``. Before the first connection the broker counts as away."""
        self._broker(connected=False, now=self._clock.now())
        await self._transport.run()

    async def stop(self) -> None:
        """Say goodbye to the broker."""
        await self._transport.stop()

    def tick(self) -> None:
        """About once a second: rebirths that are due, and devices that have not been heard of for too long."""
        now = self._clock.now()
        self._publish(self._host.tick(now))
        self.tell(self.watch.tick(now))
        for one in self._logic:
            one.tick(now)
        self._find(now)

    def command(self, node: NodeId, metric: str, value: Value) -> bool:
        """Say this to an edge node (NCMD, not kept by the broker); whether it went out."""
        return self._transport.publish(self._host.command(node, "", {metric: value}, self._clock.now()))

    # -- the transport's owner -------------------------------------------------------------------------------------------

    def will(self) -> Message:
        """STATE offline."""
        return self._host.will(self._clock.now())

    def subscriptions(self) -> tuple[Subscription, ...]:
        """All of Sparkplug."""
        return self._host.subscriptions()

    def on_connected(self) -> None:
        """STATE online; what is alive will be heard."""
        now = self._clock.now()
        self._broker(connected=True, now=now)
        self._publish(self._host.connected(now))

    def on_disconnected(self, reason: str) -> None:
        """Nothing is known to be alive until it is heard of again; one alarm says so."""
        log.debug("broker lost: %s", reason)
        self._broker(connected=False, now=self._clock.now())

    def on_message(self, topic: str, payload: bytes) -> None:
        """One message from the broker."""
        now = self._clock.now()
        if topic == self._collector_state:
            self._collector(payload, now)
            return
        messages, events = self._host.received(topic, payload, now)
        self._publish(messages)
        for event in events:
            if isinstance(event, Complaint):
                self.complaints += 1  # the collector logs them
            else:
                self.tell(self.watch.event(event, now))
                for hearer in self.hearers:
                    hearer.event(event, now)
                self._find(now)

    def farewell(self) -> Iterable[Message]:
        """STATE offline, said on purpose."""
        return self._host.leave(self._clock.now())

    def rebind(self, binding: Binding, county: County) -> None:
        """Go over to other alarms: the new ones hear all that is known."""
        self.tell(self.watch.rebind(binding, county, self._clock.now()))

    # -- the pieces ------------------------------------------------------------------------------------------------------

    def _find(self, now: int) -> None:
        """What logic has found since the last time."""
        for one in self._logic:
            for condition in one.told():
                self.watch.fault(condition.key, condition, now)
        self.tell(self.watch.seen())

    def _broker(self, *, connected: bool, now: int) -> None:
        self.tell(self.watch.broker(connected=connected, now=now))
        for hearer in self.hearers:
            hearer.broker(connected, now)

    def _collector(self, payload: bytes, now: int) -> None:
        try:
            online, _ = hoststate.parse(payload)
        except hoststate.BadState as error:
            self.complaints += 1
            log.debug("the collector's STATE: %s", error)
            return
        self.tell(self.watch.host_state(online=online, now=now))

    def tell(self, seen: Seen) -> None:
        """Give the desk what was seen."""
        for one in seen.enabled:
            self._desk.enable(one.key, enabled=one.enabled, why=one.why)
        if seen.conditions:
            self._desk.observe(seen.conditions)

    def _publish(self, messages: Iterable[Message]) -> None:
        for message in messages:
            self._transport.publish(message)
