"""The connection to the broker, kept: one new connection after the other, reconnecting is ours.

``run`` connects, subscribes, calls ``on_connected`` and then ``on_message`` for each incoming message, until the link is lost
or ``stop`` is called; then ``on_disconnected``; then waits (full jitter, 0.2 s growing to 30 s; a refused login goes straight
to the maximum) and begins again with a new client and a new will. Clean session, MQTT 3.1.1. Logs once when it breaks, once
when it heals.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import ssl
import time
from collections.abc import Callable
from typing import Any

from lampwell.assets import Broker
from lampwell.errors import ConfigError, Problem
from lampwell.sparkplug.connection import Link, Owner, Refused, guarded
from lampwell.sparkplug.messages import Message

_log = logging.getLogger(__name__)

FIRST_WAIT_S, LAST_WAIT_S = 0.2, 30.0
STEADY_S = 10.0  # a connection that lasted this long starts the back-off anew
UNSTEADY_TRIES = 4  # one that was up for less is tried again within 3.2 s: a broker restarting, or two clients of one name


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
        self._link: Link | None = None
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
            link = self._link = Link(self._broker, self._client_id, self._owner, self._password, self._tls)
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
        except Refused as error:
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

    async def _leave(self, link: Link) -> None:
        if link.is_up:
            await link.leave(self._owner.farewell())

    def _close(self, link: Link) -> None:
        told = link.lost.result() if link.lost.done() and not self._stop.is_set() else "stopped"
        was_up = link.was_up
        self._link = None
        link.abort(told)
        if was_up:
            guarded(self._owner.on_disconnected, told)

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
