"""Answers questions to the history from other processes of this machine, over a Unix socket in the data folder.

Only one process can open the embedded store, so its owner answers for it. Each message is a 4-byte big-endian length and
MessagePack. A request is ``[method, arguments]``, an answer ``[error text or nil, result]``. The socket is for its owner (0600).
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from lampwell.errors import LampwellError
from lampwell.history.port import Buckets, Gap, History, Latest, Quarantined, Readings, SeriesId, SeriesInfo

log = logging.getLogger(__name__)

SOCKET = "history.sock"
MOST_BYTES = 256 << 20

METHODS: dict[str, tuple[tuple[type, ...] | tuple[Any, ...], Any]] = {
    "series": ((str,), list[SeriesInfo]),
    "latest": ((str,), list[Latest]),
    "readings": ((SeriesId, int, int, int), Readings),
    "buckets": ((list[SeriesId], int, int, int), list[Buckets]),
    "gaps": ((SeriesId, int, int, int), list[Gap]),
    "quarantined": ((int,), list[Quarantined]),
}
"""What may be asked: argument types and the type of the answer."""


class Folder:
    """A short name for a socket in a folder however long its path is (the kernel takes 107 characters)."""

    def __init__(self, folder: Path) -> None:
        self._fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        self.socket = f"/proc/self/fd/{self._fd}/{SOCKET}"

    def close(self) -> None:
        """Give the folder back."""
        os.close(self._fd)


async def read_frame(reader: asyncio.StreamReader) -> bytes:
    """One message; asyncio.IncompleteReadError at the end."""
    size = int.from_bytes(await reader.readexactly(4))
    if size > MOST_BYTES:
        raise ValueError(f"a message of {size} bytes")
    return await reader.readexactly(size)


def frame(message: Any) -> bytes:
    """A message ready to be sent."""
    body = msgspec.msgpack.encode(message)
    return len(body).to_bytes(4) + body


class QueryServer:
    """Serves a history while its ``async with`` block lasts."""

    def __init__(self, history: History, data_dir: Path) -> None:
        self._history, self._data_dir = history, data_dir
        self._server: asyncio.Server | None = None
        self._folder: Folder | None = None

    async def __aenter__(self) -> Self:
        self._folder = Folder(self._data_dir)
        with suppress(FileNotFoundError):
            (self._data_dir / SOCKET).unlink()
        before = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._serve, self._folder.socket)
        finally:
            os.umask(before)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._server is not None, "entered before"
        assert self._folder is not None, "entered before"
        self._server.close()
        with suppress(FileNotFoundError):
            (self._data_dir / SOCKET).unlink()
        self._folder.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                writer.write(await self._answer(await read_frame(reader)))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has heard enough
        except ValueError as error:
            log.warning("a client of %s was cut off: %s", SOCKET, error)
        finally:
            writer.close()

    async def _answer(self, body: bytes) -> bytes:
        try:
            method, arguments = msgspec.msgpack.decode(body, type=tuple[str, msgspec.Raw])
            types, _ = METHODS[method]
            ask: Callable[..., Awaitable[Sequence[Any]]] = getattr(self._history, method)
            result = await ask(*msgspec.msgpack.decode(arguments, type=tuple.__class_getitem__(types)))
        except (msgspec.DecodeError, KeyError) as error:
            return frame([f"not a question: {error}", None])
        except LampwellError as error:
            return frame([str(error), None])
        return frame([None, result])
