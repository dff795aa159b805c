"""The asking end of ``history.sock``: the reading half of the History port, answered by the process that owns the store."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from collector.query_server import METHODS, SOCKET, Folder, frame, read_frame
from lampwell.errors import StoreAction, StoreError
from lampwell.history.port import Buckets, Gap, Latest, Quarantined, Readings, SeriesId, SeriesInfo


class RemoteHistory:
    """Questions over one connection, one at a time. See ``lampwell.history.port`` for what each answers."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer

    async def series(self, pattern: str = "*") -> Sequence[SeriesInfo]:
        answer: Sequence[SeriesInfo] = await self._ask("series", pattern)
        return answer

    async def latest(self, pattern: str = "*") -> Sequence[Latest]:
        answer: Sequence[Latest] = await self._ask("latest", pattern)
        return answer

    async def readings(self, series: SeriesId, start: int, end: int, limit: int = 100_000) -> Readings:
        answer: Readings = await self._ask("readings", series, start, end, limit)
        return answer

    async def buckets(self, series: Sequence[SeriesId], start: int, end: int, width_ms: int) -> Sequence[Buckets]:
        answer: Sequence[Buckets] = await self._ask("buckets", list(series), start, end, width_ms)
        return answer

    async def gaps(self, series: SeriesId, start: int, end: int, longer_than_ms: int) -> Sequence[Gap]:
        answer: Sequence[Gap] = await self._ask("gaps", series, start, end, longer_than_ms)
        return answer

    async def quarantined(self, limit: int = 1_000) -> Sequence[Quarantined]:
        answer: Sequence[Quarantined] = await self._ask("quarantined", limit)
        return answer

    async def close(self) -> None:
        """Hang up."""
        self._writer.close()

    async def _ask(self, method: str, *arguments: Any) -> Any:
        try:
            self._writer.write(frame([method, arguments]))
            await self._writer.drain()
            answer = await read_frame(self._reader)
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise StoreError(f"{SOCKET}: the collector hung up", StoreAction.WAIT) from error
        problem, result = msgspec.msgpack.decode(answer, type=tuple[str | None, msgspec.Raw])
        if problem is not None:
            raise StoreError(problem, StoreAction.WAIT)
        return msgspec.msgpack.decode(result, type=METHODS[method][1])


async def ask_owner(data_dir: Path) -> RemoteHistory | None:
    """A connection to the process that owns the store in this folder; None when none is running."""
    if not (data_dir / SOCKET).exists():
        return None
    folder = Folder(data_dir)
    try:
        return RemoteHistory(*await asyncio.open_unix_connection(folder.socket))
    except (ConnectionError, FileNotFoundError):
        return None  # left behind by a kill
    finally:
        folder.close()
