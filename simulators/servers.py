"""Sockets and pseudo-terminals for the virtual county's links. All that is decided is decided in ``simulators.bus``."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import tty
from pathlib import Path
from typing import Protocol, cast

from lampwell.assets import Link, Transport
from lampwell.errors import LampwellError
from simulators.bus import Bus, Session
from simulators.frames import BadFrame
from simulators.linkfaults import Plan

log = logging.getLogger(__name__)

_UNREAD_LIMIT = 1 << 20  # a master that reads nothing for so many bytes of answers is dropped
_DRAIN_S = 0.02  # closing a pseudo-terminal throws away what was not read yet
_REASONS = {
    errno.EADDRINUSE: "the port is already in use by another program; end that, or change the link's port",
    errno.EACCES: "this user may not open that port; ports from 1024 on need no rights",
    errno.EADDRNOTAVAIL: "this machine does not have that address",
}


class AddressTaken(LampwellError):
    """A link of the virtual county can not be opened; the message names the link, the place and the reason."""


class Server(Protocol):
    """One link being served."""

    @property
    def endpoint(self) -> str:
        """Where masters find it."""
        ...

    async def start(self) -> None:
        """Open the link, or raise AddressTaken."""
        ...

    async def attend(self) -> None:
        """Close or open again as the ``refuse`` fault says; called after every change of faults."""
        ...

    async def close(self) -> None:
        """Close the link and every connection to it."""
        ...


def server(bus: Bus, data_dir: Path) -> Server:
    """The server for a bus's transport; a serial path is relative to ``data_dir``."""
    return PtyServer(bus, data_dir / bus.link.path) if bus.link.transport is Transport.RTU else TcpServer(bus)


# -- TCP, with MBAP or RTU frames --------------------------------------------------------------------------------------


class TcpServer:
    """A listening socket. Port 0 in the link means any free one; ``port`` says which it became."""

    def __init__(self, bus: Bus) -> None:
        self.port = bus.link.port
        self._bus = bus
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()

    @property
    def endpoint(self) -> str:
        return f"{self._bus.link.host}:{self.port}"

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        link = self._bus.link
        try:
            self._server = await loop.create_server(lambda: _Connection(self._bus, self._connections), link.host, self.port)
        except OSError as error:
            raise _taken(link, self.endpoint, error) from error
        self.port = self._server.sockets[0].getsockname()[1]

    async def attend(self) -> None:
        if self._bus.refuses():
            await self.close()
        elif self._server is None:
            await self.start()

    async def close(self) -> None:
        for connection in tuple(self._connections):
            connection.abort()
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None


class _Connection(asyncio.Protocol):
    """One master on a TCP link."""

    def __init__(self, bus: Bus, all_connections: set[_Connection]) -> None:
        self._bus = bus
        self._all = all_connections
        self._session = Session(bus)
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is none by inheritance
        self._all.add(self)
        self._bus.clients += 1

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  asyncio's signature
        self._transport = None
        self._all.discard(self)
        self._bus.clients -= 1

    def data_received(self, data: bytes) -> None:
        try:
            plans = self._session.feed(data, self._loop.time())
        except BadFrame as error:
            log.debug("link %s: %s", self._bus.link.id, error)
            self.abort()
            return
        for plan in plans:
            self._carry_out(plan)

    def _carry_out(self, plan: Plan) -> None:
        last = 0.0
        for last, data in plan.steps:
            if last <= 0:
                self._send(data)
            else:
                self._loop.call_later(last, self._send, data)
        if plan.drop:
            self._loop.call_later(last, self._hang_up)

    def _send(self, data: bytes) -> None:
        if self._transport is None or self._transport.is_closing():
            return
        self._transport.write(data)
        if self._transport.get_write_buffer_size() > _UNREAD_LIMIT:
            self.abort()

    def _hang_up(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()


# -- a serial line ---------------------------------------------------------------------------------------------------


class PtyServer:
    """A pseudo-terminal behind a symbolic link: to a master it is a serial port, raw, at any baud rate."""

    def __init__(self, bus: Bus, path: Path) -> None:
        self.path = path
        self._bus = bus
        self._session = Session(bus)
        self._master = -1
        self._slave = -1
        self._name = ""

    @property
    def endpoint(self) -> str:
        return str(self.path)

    async def start(self) -> None:
        self._open()

    async def attend(self) -> None:
        if self._bus.refuses():
            self._shut()
        elif self._master < 0:
            self._open()

    async def close(self) -> None:
        self._shut()

    def _open(self) -> None:
        link = self._bus.link
        if self.path.exists() and not self.path.is_symlink():
            raise AddressTaken(f"link {link.id}: {self.path} exists and is no link to a pseudo-terminal; it was left as it is")
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)  # kept open: without any open end a pseudo-terminal reports errors instead of waiting
        os.set_blocking(self._master, False)
        self._name = os.ttyname(self._slave)
        self._publish()
        self._session = Session(self._bus)
        asyncio.get_running_loop().add_reader(self._master, self._readable)

    def _shut(self) -> None:
        if self._master < 0:
            return
        asyncio.get_running_loop().remove_reader(self._master)
        os.close(self._master)
        os.close(self._slave)
        self._master = self._slave = -1
        if self.path.is_symlink() and str(self.path.readlink()) == self._name:
            self.path.unlink()

    def _publish(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(self._name)
        fresh.replace(self.path)

    def _readable(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            data = os.read(self._master, 4096)
        except BlockingIOError:
            return
        for plan in self._session.feed(data, loop.time()):
            last = 0.0
            for last, sent in plan.steps:
                loop.call_later(last, self._send, self._master, sent)
            if plan.drop:
                loop.call_later(last + _DRAIN_S, self._hang_up)

    def _send(self, master: int, data: bytes) -> None:
        if master == self._master:
            with contextlib.suppress(BlockingIOError):  # nobody reads: on a real line the bytes are gone too
                os.write(master, data)

    def _hang_up(self) -> None:
        """As when a USB adapter resets: every open end sees the line go, and the port comes back."""
        self._shut()
        self._open()


def _taken(link: Link, endpoint: str, error: OSError) -> AddressTaken:
    reason = _REASONS.get(error.errno or 0, error.strerror or str(error))
    return AddressTaken(f"link {link.id}: the virtual county can not listen on {endpoint}: {reason}")
