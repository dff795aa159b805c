"""The one module that holds an MQTT client: one new client object per connection, from CONNECT to the end.

The client is gmqtt (docs/dependencies.md says why). What must be known of it, each pinned by a test: its own reconnecting is
only off with a negative ``reconnect_retries`` (0 still tries once, with the old will); it would close a half-open link only
after its send buffer has drained, which is never, so the watchdog here aborts the socket instead.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import gmqtt
from gmqtt.mqtt.constants import MQTTv311
from gmqtt.mqtt.handler import MQTTConnectError

from lampwell.assets import Broker
from lampwell.sparkplug.messages import Message, Subscription

_log = logging.getLogger(__name__)
# gmqtt reports every step of every loss; what people should read is logged by us
logging.getLogger("gmqtt").setLevel(logging.CRITICAL)

ANSWER_S = 10.0  # for TCP, TLS and CONNACK together, and again for SUBACK
FAREWELL_S = 2.0
SILENCE = 1.5  # keepalive periods without a byte from the broker
MAX_BACKLOG = 32 << 20  # bytes the socket does not take: the link is worse than none

_NO_RECONNECT = -2  # -1 is "for ever", and 0 still allows one
_LOGIN_REFUSED = {4, 5}


class Owner(Protocol):
    """What the transport needs of a gateway or a collector. All are called on the event loop and must not block."""

    def will(self) -> Message:
        """The will for the next CONNECT."""
        ...

    def subscriptions(self) -> tuple[Subscription, ...]:
        """What to subscribe to before ``on_connected``."""
        ...

    def on_connected(self) -> None:
        """Connected and subscribed: publish births."""
        ...

    def on_disconnected(self, reason: str) -> None:
        """A connection that was up is gone."""
        ...

    def on_message(self, topic: str, payload: bytes) -> None:
        """An incoming message; never before ``on_connected``."""
        ...

    def farewell(self) -> Iterable[Message]:
        """Messages to publish before a DISCONNECT on purpose (NDEATH, STATE offline)."""
        ...


class Refused(Exception):
    """The broker answered and said no; ``login`` where the credentials or rights are at fault."""

    def __init__(self, reason: str, *, login: bool) -> None:
        super().__init__(reason)
        self.login = login


class Link:
    """One connection: one gmqtt client from CONNECT to the end."""

    def __init__(self, broker: Broker, client_id: str, owner: Owner, password: str, tls: ssl.SSLContext | bool) -> None:
        self._broker = broker
        self._owner = owner
        self._tls = tls
        self._loop = asyncio.get_running_loop()
        self._early: list[tuple[str, bytes]] = []
        self._subscribed: asyncio.Future[None] = self._loop.create_future()
        self.is_up = False
        self.lost: asyncio.Future[str] = self._loop.create_future()
        will = owner.will()
        self._client: Any = gmqtt.Client(
            client_id,
            clean_session=True,
            will_message=gmqtt.Message(will.topic, will.payload, qos=will.qos, retain=will.retain),
        )
        self._client.reconnect_retries = _NO_RECONNECT
        if broker.username:
            self._client.set_auth_credentials(broker.username, password or None)
        self._client.on_message = self._on_message
        self._client.on_subscribe = self._on_subscribe
        self._client.on_disconnect = self._on_disconnect

    async def open(self) -> None:
        """Connect and subscribe; raises OSError, TimeoutError or Refused."""
        connecting = self._client.connect(
            self._broker.host,
            self._broker.port,
            ssl=self._tls,
            keepalive=self._broker.keepalive_s,
            version=MQTTv311,
        )
        try:
            await self._answer(connecting, "CONNECT")
        except MQTTConnectError as error:
            code = error._code
            raise Refused(error.message, login=code in _LOGIN_REFUSED) from None
        wanted = [gmqtt.Subscription(s.topic, qos=s.qos) for s in self._owner.subscriptions()]
        self._client.subscribe(wanted)
        await self._answer(self._subscribed, "SUBSCRIBE")

    async def _answer(self, waiting: Any, what: str) -> None:
        """Wait for an answer, for the end of the link, or too long."""
        task = asyncio.ensure_future(waiting)
        try:
            await asyncio.wait({task, self.lost}, timeout=ANSWER_S, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                task.result()
                return
        finally:
            task.cancel()
            await asyncio.wait({task})
        if self.lost.done():
            raise ConnectionResetError(f"connection closed during {what}")
        raise TimeoutError(f"no answer to {what} in {ANSWER_S:g} s")

    async def watch(self) -> None:
        """Return when the link is lost; abort it when the broker has been silent for too long."""
        limit = SILENCE * self._broker.keepalive_s
        while not self.lost.done():
            await asyncio.wait({self.lost}, timeout=self._broker.keepalive_s / 4)
            silent = time.monotonic() - self._client._connection._last_data_in
            if silent >= limit:
                self.abort(f"no sign of the broker for {silent:.0f} s")

    def publish(self, message: Message) -> bool:
        """Hand a message to the socket."""
        connection = self._client._connection
        if connection.is_closing():
            return False
        if self.backlog_bytes > MAX_BACKLOG:
            self.abort(f"the broker takes no data: {self.backlog_bytes >> 20} MiB waiting")
            return False
        try:
            self._client.publish(message.topic, message.payload, qos=message.qos, retain=message.retain)
        except OverflowError:
            return False  # 65,534 messages of QoS 1 without an answer
        return True

    @property
    def _socket(self) -> asyncio.Transport | None:
        connection = self._client._connection
        return None if connection is None else connection._transport

    @property
    def backlog_bytes(self) -> int:
        """What the socket has not taken yet."""
        socket = self._socket
        return 0 if socket is None or socket.is_closing() else socket.get_write_buffer_size()

    async def leave(self, messages: Iterable[Message]) -> None:
        """Publish the farewell and disconnect; the broker closes once it has read everything."""
        for message in messages:
            self.publish(message)
        self._client._connection.send_disconnect()
        await asyncio.wait({self.lost}, timeout=FAREWELL_S)

    @property
    def was_up(self) -> bool:
        """True where the owner was told that it is connected."""
        return self._subscribed.done() and not self._subscribed.cancelled() and self._subscribed.exception() is None

    def abort(self, reason: str) -> None:
        """Drop the socket at once; the broker will publish the will."""
        self._end(reason)
        socket = self._socket
        if socket is not None:
            socket.abort()

    def _end(self, reason: str) -> None:
        self.is_up = False
        if not self.lost.done():
            self.lost.set_result(reason)

    # -- gmqtt's callbacks ---------------------------------------------------------------------------------------------

    def _on_subscribe(self, _client: Any, _mid: int, granted: tuple[int, ...], _properties: Any) -> None:
        if self._subscribed.done():
            return
        refused = [s.topic for s, qos in zip(self._owner.subscriptions(), granted, strict=False) if qos > 2]
        if refused:
            self._subscribed.set_exception(Refused(f"subscription to {', '.join(refused)} refused", login=True))
            return
        self.is_up = True
        guarded(self._owner.on_connected)
        for topic, payload in self._early:
            guarded(self._owner.on_message, topic, payload)
        self._early.clear()
        self._subscribed.set_result(None)

    def _on_message(self, _client: Any, topic: str, payload: bytes, _qos: int, _properties: Any) -> None:
        if self.is_up:
            guarded(self._owner.on_message, topic, payload)
        else:
            self._early.append((topic, payload))

    def _on_disconnect(self, _client: Any, _packet: Any, _error: Any = None) -> None:
        self._end("connection lost")


def guarded(call: Callable[..., None], *arguments: object) -> None:
    """Call the owner; what it raises is logged."""
    try:
        call(*arguments)
    except Exception:  # noqa: BLE001 - a bug in the owner: gmqtt would swallow it, and the link is not at fault
        _log.exception("%s failed", getattr(call, "__qualname__", call))
