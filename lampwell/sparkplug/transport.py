"""The one module that holds an MQTT client: one new client object per connection, reconnecting is ours.

``run`` connects, subscribes, calls ``on_connected`` and then ``on_message`` for each incoming message, until the link is lost
or ``stop`` is called; then ``on_disconnected``; then waits (full jitter, 0.2 s growing to 30 s; a refused login goes straight
to the maximum) and begins again with a new client and a new will. Clean session, MQTT 3.1.1. Logs once when it breaks, once
when it heals.

The client is gmqtt (docs/dependencies.md says why). What must be known of it, each pinned by a test: its own reconnecting is
only off with a negative ``reconnect_retries`` (0 still tries once, with the old will); it would close a half-open link only
after its send buffer has drained, which is never, so the watchdog here aborts the socket instead.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import ssl
import time
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import gmqtt
from gmqtt.mqtt.constants import MQTTv311
from gmqtt.mqtt.handler import MQTTConnectError

from lampwell.assets import Broker
from lampwell.errors import ConfigError, Problem
from lampwell.sparkplug.messages import Message, Subscription

_log = logging.getLogger(__name__)
# gmqtt reports every step of every loss; what people should read is logged here
logging.getLogger("gmqtt").setLevel(logging.CRITICAL)

FIRST_WAIT_S, LAST_WAIT_S = 0.2, 30.0
STEADY_S = 10.0  # a connection that lasted this long starts the back-off anew
UNSTEADY_TRIES = 4  # one that was up for less is tried again within 3.2 s: a broker restarting, or two clients of one name
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


class _Refused(Exception):
    """The broker answered and said no; ``login`` where the credentials or rights are at fault."""

    def __init__(self, reason: str, *, login: bool) -> None:
        super().__init__(reason)
        self.login = login


class _Link:
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
        """Connect and subscribe; raises OSError, TimeoutError or _Refused."""
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
            raise _Refused(error.message, login=code in _LOGIN_REFUSED) from None
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
            self._subscribed.set_exception(_Refused(f"subscription to {', '.join(refused)} refused", login=True))
            return
        self.is_up = True
        _guarded(self._owner.on_connected)
        for topic, payload in self._early:
            _guarded(self._owner.on_message, topic, payload)
        self._early.clear()
        self._subscribed.set_result(None)

    def _on_message(self, _client: Any, topic: str, payload: bytes, _qos: int, _properties: Any) -> None:
        if self.is_up:
            _guarded(self._owner.on_message, topic, payload)
        else:
            self._early.append((topic, payload))

    def _on_disconnect(self, _client: Any, _packet: Any, _error: Any = None) -> None:
        self._end("connection lost")


class MqttTransport:
    """The connection to the broker. ``jitter`` gives 0..1. Raises ConfigError for a ``ca_file`` that cannot be used."""

    def __init__(
        self, broker: Broker, client_id: str, owner: Owner, *, password: str = "", jitter: Callable[[], float] | None = None
    ) -> None:
        if not client_id.isascii():
            raise ValueError(f"client id {client_id!r}: must be ASCII")
        if broker.keepalive_s < 1:
            raise ValueError(f"keepalive_s {broker.keepalive_s}: must be at least 1")
        self._broker = broker
        self._client_id = client_id
        self._owner = owner
        self._password = password
        self._jitter = jitter or random.random
        self._tls = _tls(broker)
        self._link: _Link | None = None
        self._stop = asyncio.Event()
        self._ended: asyncio.Event | None = None
        self._ups = 0
        self._failures: set[str] = set()

    @property
    def connected(self) -> bool:
        """True from ``on_connected`` to ``on_disconnected``."""
        return self._link is not None and self._link.is_up

    @property
    def backlog_bytes(self) -> int:
        """Bytes handed to the socket but not yet taken by it; the gateway paces its replay by this."""
        return self._link.backlog_bytes if self._link else 0

    def publish(self, message: Message) -> bool:
        """Hand a message to the socket; False (and nothing sent) when not connected. Success is not delivery."""
        return self._link is not None and self._link.is_up and self._link.publish(message)

    async def run(self) -> None:
        """Keep a connection until ``stop``."""
        self._ended = asyncio.Event()
        tries = 0
        try:
            while not self._stop.is_set():
                began, ups = time.monotonic(), self._ups
                refused = await self._connection()
                if self._ups > ups:
                    tries = 0 if time.monotonic() - began >= STEADY_S else min(tries, UNSTEADY_TRIES - 1)
                tries += 1
                limit = min(LAST_WAIT_S, FIRST_WAIT_S * 2 ** min(tries - 1, 10))
                await self._pause(LAST_WAIT_S if refused else self._jitter() * limit)
        finally:
            self._ended.set()

    async def stop(self) -> None:
        """Publish the farewell, disconnect, end ``run``."""
        self._stop.set()
        if self._ended is not None:
            await self._ended.wait()

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._stop.wait(), seconds)

    async def _connection(self) -> bool:
        """One connection from beginning to end; True where the login was refused."""
        try:
            link = self._link = _Link(self._broker, self._client_id, self._owner, self._password, self._tls)
        except OSError as error:  # an edge node keeps its bdSeq on the disk before it uses it
            self._broke(f"no will could be made, so no connection: {error}")
            return False
        try:
            await self._until_stop(link.open())
            if link.was_up:
                self._healed()
            if not self._stop.is_set():
                await self._until_stop(link.watch())
            if self._stop.is_set():
                await self._leave(link)
            else:
                self._broke(link.lost.result())
        except _Refused as error:
            self._broke(str(error), login=error.login)
            return error.login
        except OSError as error:
            self._broke(str(error) or type(error).__name__)
        finally:
            self._close(link)
        return False

    async def _until_stop(self, work: Any) -> None:
        task, stop = asyncio.ensure_future(work), asyncio.ensure_future(self._stop.wait())
        try:
            await asyncio.wait({task, stop}, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                task.result()
        finally:
            for one in (task, stop):
                one.cancel()
            await asyncio.wait({task, stop})

    async def _leave(self, link: _Link) -> None:
        if link.is_up:
            await link.leave(self._owner.farewell())

    def _close(self, link: _Link) -> None:
        told = link.lost.result() if link.lost.done() and not self._stop.is_set() else "stopped"
        was_up = link.was_up
        self._link = None
        link.abort(told)
        if was_up:
            _guarded(self._owner.on_disconnected, told)

    def _healed(self) -> None:
        self._ups += 1
        _log.info("%s: connected to the broker %s%s", self._client_id, self._endpoint, " again" if self._failures else "")
        self._failures.clear()

    def _broke(self, reason: str, *, login: bool = False) -> None:
        kind = "login" if login else "down"
        if kind in self._failures:
            return
        self._failures.add(kind)
        if login:
            text = "%s: the broker %s refused the login (user %r): %s. Next try in %g s"
            _log.error(text, self._client_id, self._endpoint, self._broker.username, reason, LAST_WAIT_S)
        else:
            _log.warning("%s: no broker at %s: %s. Trying on", self._client_id, self._endpoint, reason)

    @property
    def _endpoint(self) -> str:
        return f"{self._broker.host}:{self._broker.port}"


def _tls(broker: Broker) -> ssl.SSLContext | bool:
    if not broker.tls:
        return False
    try:
        return ssl.create_default_context(cafile=broker.ca_file or None)
    except OSError as error:  # ssl.SSLError is one as well
        raise ConfigError([Problem(broker.ca_file, "ca_file", f"not a usable CA certificate: {error}")]) from None


def _guarded(call: Callable[..., None], *arguments: object) -> None:
    try:
        call(*arguments)
    except Exception:  # noqa: BLE001 - a bug in the owner: gmqtt would swallow it, and the link is not at fault
        _log.exception("%s failed", getattr(call, "__qualname__", call))
