"""A broker's bad day: an MQTT proxy that sends some data messages twice and lets others overtake.

It stands between the gateway and the broker and touches only QoS 0 PUBLISH packets of Sparkplug data on their way to the broker.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

PUBLISH_QOS_0 = 0x30
DATA = (b"/DDATA/", b"/NDATA/")


@dataclass(slots=True)
class Proxy:
    """From ``port`` to ``target``. ``share`` of the data messages is doubled, as many are held back, by up to ``hold_s``."""

    port: int
    target: int
    share: float = 0.1
    hold_s: float = 1.5
    doubled: int = 0
    held: int = 0
    random: random.Random = field(default_factory=lambda: random.Random(7))
    _server: asyncio.Server | None = None
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._client, "127.0.0.1", self.port)

    async def stop(self) -> None:
        """Close everything."""
        if self._server:
            self._server.close()
        for task in self._tasks:
            task.cancel()

    async def _client(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            broker_reader, broker_writer = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            writer.close()
            return
        up = asyncio.create_task(_until_closed(self._up, reader, broker_writer))
        down = asyncio.create_task(_until_closed(_copy, broker_reader, writer))
        self._tasks |= {up, down}
        await asyncio.wait((up, down), return_when=asyncio.FIRST_COMPLETED)
        for end in (writer, broker_writer):
            end.close()

    async def _up(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            packet = await _packet(reader)
            if packet[0] != PUBLISH_QOS_0 or not any(kind in packet[:80] for kind in DATA):
                writer.write(packet)
                continue
            chance = self.random.random()
            if self.share <= chance < 2 * self.share:
                self.held += 1
            else:
                writer.write(packet)
            if chance < 2 * self.share:
                self.doubled += chance < self.share
                asyncio.get_running_loop().call_later(self.random.random() * self.hold_s, _write, writer, packet)


def _write(writer: asyncio.StreamWriter, packet: bytes) -> None:
    if not writer.is_closing():
        writer.write(packet)


async def _until_closed(
    move: Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]],
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
) -> None:
    with contextlib.suppress(OSError, asyncio.IncompleteReadError):
        await move(reader, writer)


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


async def _packet(reader: asyncio.StreamReader) -> bytes:
    """One MQTT control packet: type, length of one to four bytes, body."""
    head = await reader.readexactly(1)
    length = shift = 0
    while True:
        byte = await reader.readexactly(1)
        head += byte
        length |= (byte[0] & 0x7F) << shift
        shift += 7
        if not byte[0] & 0x80:
            return head + await reader.readexactly(length)
