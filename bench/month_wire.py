"""A broker without sockets: what one client publishes, the others that subscribed to it receive, in order, wills and retained
messages included. Clients come as owners of an MQTT transport do.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from lampwell.assets import Broker
from lampwell.sparkplug.connection import Owner
from lampwell.sparkplug.messages import Message, Subscription

BACK_S = 2.0
"""A client tries again so long after it lost its connection."""


@dataclass(eq=False)
class Line:
    """One client's connection, in place of an ``MqttTransport``."""

    wire: Wire
    name: str
    owner: Owner
    connected: bool = False
    backlog_bytes: int = 0
    away_until: float = 0.0
    _will: Message | None = None
    _topics: tuple[Subscription, ...] = ()
    _heard: dict[str, bool] = field(default_factory=dict)
    _lost: asyncio.Event = field(default_factory=asyncio.Event)
    _ended: asyncio.Event = field(default_factory=asyncio.Event)
    _stopping: bool = False

    def publish(self, message: Message) -> bool:
        """False (and nothing sent) when not connected."""
        if self.connected:
            self.wire.carry(message, self)
        return self.connected

    async def run(self) -> None:
        """Keep a connection until ``stop``; after a cancel the connection is gone without a farewell."""
        try:
            while not self._stopping:
                await asyncio.sleep(max(0.0, self.away_until - asyncio.get_running_loop().time()))
                self._connect()
                await self._lost.wait()
                await asyncio.sleep(BACK_S)
        finally:
            self.cut("its program ended")
            self._ended.set()

    async def stop(self) -> None:
        """Publish the farewell, then no connection any more."""
        self._stopping = True
        if self.connected:
            for message in self.owner.farewell():
                self.publish(message)
            self._will = None
            self.cut("stopped")
        await self._ended.wait()

    def hears(self, topic: str) -> bool:
        """Whether it has subscribed to this."""
        if topic not in self._heard:
            self._heard[topic] = any(_fits(one.topic, topic) for one in self._topics)
        return self._heard[topic]

    def cut(self, reason: str, *, away_s: float = 0.0, silent: bool = False) -> None:
        """The connection breaks, for so long; the broker tells the will, unless it broke itself (``silent``)."""
        self.away_until = max(self.away_until, asyncio.get_running_loop().time() + away_s)
        if not self.connected:
            return
        self.connected = False
        if self._will is not None and not silent:
            self.wire.carry(self._will, self)
        self.owner.on_disconnected(reason)
        self._lost.set()

    def _connect(self) -> None:
        self._lost.clear()
        self._will, self._topics = self.owner.will(), self.owner.subscriptions()
        self._heard.clear()
        self.connected = True
        self.owner.on_connected()
        for message in self.wire.retained.values():
            self.wire.give(self, message)


class Wire:
    """The broker. ``carried``: messages so far."""

    def __init__(self) -> None:
        self.retained: dict[str, Message] = {}
        self.lines: list[Line] = []
        self.carried = 0

    def line(self, broker: Broker, name: str, owner: Owner, *, password: str = "") -> Line:  # noqa: ARG002 - as MqttTransport
        """A connection for an owner."""
        made = Line(self, name, owner)
        self.lines = [one for one in self.lines if one.name != name] + [made]
        return made

    def carry(self, message: Message, sender: Line | None) -> None:
        """Give a message to everybody who wants it."""
        self.carried += 1
        if message.retain:
            self.retained[message.topic] = message
        for line in self.lines:
            if line is not sender:
                self.give(line, message)

    def give(self, line: Line, message: Message) -> None:
        """After what is under way already."""
        if line.connected and line.hears(message.topic):
            asyncio.get_running_loop().call_soon(_deliver, line, message)

    def down(self, seconds: float) -> None:
        """The broker stops: everybody loses the connection, no will is told; what it retained it still has afterwards."""
        for line in self.lines:
            line.cut("the broker stopped", away_s=seconds, silent=True)


def _deliver(line: Line, message: Message) -> None:
    if line.connected:
        line.owner.on_message(message.topic, message.payload)


def _fits(wanted: str, topic: str) -> bool:
    asked, said = wanted.split("/"), topic.split("/")
    for n, word in enumerate(asked):
        if word == "#":
            return True
        if n >= len(said) or word not in ("+", said[n]):
            return False
    return len(asked) == len(said)
