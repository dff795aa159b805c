"""Questions from other processes of the same machine, over a Unix socket in a service's data folder.

Some things have one owner (the embedded store, the running alarms); the owner answers for them. Each message is a 4-byte
big-endian length and MessagePack. A request is ``[method, arguments]``, an answer ``[error text or nil, result]``. The socket is
for its owner (0600): whoever may read the data folder's files as that user may ask.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from operator import attrgetter
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec

from lampwell.errors import LampwellError

log = logging.getLogger(__name__)

MOST_BYTES = 256 << 20

Methods = Mapping[str, tuple[tuple[Any, ...], Any]]
"""What may be asked: argument types and the type of the answer. The target, or a part of it (``people.duty``), has an async
method of each name."""


class NotAnswered(LampwellError):
    """The owner refused, or hung up; the message is its own."""


class LocalServer:
    """Answers for ``target`` while its ``async with`` block lasts."""

    def __init__(self, target: object, methods: Methods, data_dir: Path, name: str) -> None:
        self._target, self._methods, self._data_dir, self._name = target, methods, data_dir, name
        self._server: asyncio.Server | None = None
        self._folder: _Folder | None = None

    async def __aenter__(self) -> Self:
        self._folder = _Folder(self._data_dir)
        with suppress(FileNotFoundError):
            (self._data_dir / self._name).unlink()
        before = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._serve, self._folder.path(self._name))
        finally:
            os.umask(before)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._server is not None, "entered before"
        assert self._folder is not None, "entered before"
        self._server.close()
        with suppress(FileNotFoundError):
            (self._data_dir / self._name).unlink()
        self._folder.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                writer.write(await self._answer(await _read(reader)))
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has heard enough
        except ValueError as error:
            log.warning("a client of %s was cut off: %s", self._name, error)
        finally:
            writer.close()

    async def _answer(self, body: bytes) -> bytes:
        try:
            method, arguments = msgspec.msgpack.decode(body, type=tuple[str, msgspec.Raw])
            types, _ = self._methods[method]
            ask: Callable[..., Awaitable[object]] = attrgetter(method)(self._target)
            result = await ask(*msgspec.msgpack.decode(arguments, type=tuple.__class_getitem__(types)))
        except (msgspec.DecodeError, KeyError) as error:
            return _frame([f"not a question: {error}", None])
        except LampwellError as error:
            return _frame([str(error), None])
        return _frame([None, result])


class LocalClient:
    """Questions over one connection, one at a time."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, methods: Methods, name: str) -> None:
        self._reader, self._writer, self._methods, self._name = reader, writer, methods, name

    async def ask(self, method: str, *arguments: Any) -> Any:
        """The owner's answer. NotAnswered."""
        try:
            self._writer.write(_frame([method, arguments]))
            await self._writer.drain()
            answer = await _read(self._reader)
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise NotAnswered(f"{self._name}: the process that owns it hung up") from error
        problem, result = msgspec.msgpack.decode(answer, type=tuple[str | None, msgspec.Raw])
        if problem is not None:
            raise NotAnswered(problem)
        return msgspec.msgpack.decode(result, type=self._methods[method][1])

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


async def connect(data_dir: Path, methods: Methods, name: str) -> LocalClient | None:
    """A connection to the owner in this folder; None when none is running."""
    if not (data_dir / name).exists():
        return None
    folder = _Folder(data_dir)
    try:
        return LocalClient(*await asyncio.open_unix_connection(folder.path(name)), methods, name)
    except (ConnectionError, FileNotFoundError):
        return None  # left behind by a kill
    finally:
        folder.close()


class _Folder:
    """A short name for a socket in a folder however long its path is (the kernel takes 107 characters)."""

    def __init__(self, folder: Path) -> None:
        self._fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)

    def path(self, name: str) -> str:
        return f"/proc/self/fd/{self._fd}/{name}"

    def close(self) -> None:
        os.close(self._fd)


async def _read(reader: asyncio.StreamReader) -> bytes:
    """One message; asyncio.IncompleteReadError at the end."""
    size = int.from_bytes(await reader.readexactly(4))
    if size > MOST_BYTES:
        raise ValueError(f"a message of {size} bytes")
    return await reader.readexactly(size)


def _frame(message: Any) -> bytes:
    body = msgspec.msgpack.encode(message)
    return len(body).to_bytes(4) + body
