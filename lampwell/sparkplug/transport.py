"""The one module that holds an MQTT client: one new client object per connection, reconnecting is ours.

CONTRACT (implement below it):
    ``run`` connects, subscribes, calls ``on_connected`` and then ``on_message`` for each incoming message, until the link is lost
    or ``stop`` is called; then ``on_disconnected``; then waits (full jitter, 0.2 s growing to 30 s; a refused login goes straight
    to the maximum) and begins again with a new client and a new will. Clean session, MQTT 3.1.1. Logs once when it breaks, once
    when it heals.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol

from lampwell.assets import Broker
from lampwell.sparkplug.messages import Message, Subscription


class Owner(Protocol):
    """What the transport needs of a gateway or a collector. All are called on the event loop and must not block."""

    def will(self) -> Message: ...

    def subscriptions(self) -> tuple[Subscription, ...]: ...

    def on_connected(self) -> None: ...

    def on_disconnected(self, reason: str) -> None: ...

    def on_message(self, topic: str, payload: bytes) -> None: ...

    def farewell(self) -> Iterable[Message]:
        """Messages to publish before a DISCONNECT on purpose (NDEATH, STATE offline)."""
        ...


class MqttTransport:
    """The connection to the broker."""

    def __init__(
        self, broker: Broker, client_id: str, owner: Owner, *, password: str = "", jitter: Callable[[], float] | None = None
    ) -> None:
        raise NotImplementedError

    @property
    def connected(self) -> bool:
        raise NotImplementedError

    @property
    def backlog_bytes(self) -> int:
        """Bytes handed to the socket but not yet taken by it; the gateway paces its replay by this."""
        raise NotImplementedError

    def publish(self, message: Message) -> bool:
        """Hand a message to the socket; False (and nothing sent) when not connected. Success is not delivery."""
        raise NotImplementedError

    async def run(self) -> None:
        """Keep a connection until ``stop``."""
        raise NotImplementedError

    async def stop(self) -> None:
        """Publish the farewell, disconnect, end ``run``."""
        raise NotImplementedError
