"""The asking end of ``history.sock``: the reading half of the History port, answered by the process that owns the store."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from collector.query_server import METHODS, SOCKET
from lampwell.errors import StoreAction, StoreError
from lampwell.history.port import Buckets, Gap, Latest, Quarantined, Readings, SeriesId, SeriesInfo
from lampwell.local import LocalClient, NotAnswered, connect


class RemoteHistory:
    """Questions over one connection, one at a time. See ``lampwell.history.port`` for what each answers."""

    def __init__(self, client: LocalClient) -> None:
        self._client = client

    async def series(self, pattern: str = "*") -> Sequence[SeriesInfo]:
        answer: Sequence[SeriesInfo] = await self._ask("series", pattern)
        return answer

    async def latest(self, pattern: str = "*") -> Sequence[Latest]:
        answer: Sequence[Latest] = await self._ask("latest", pattern)
        return answer

    async def readings(self, series: SeriesId, start: int, end: int, limit: int = 100_000) -> Readings:
        answer: Readings = await self._ask("readings", series, start, end, limit)
        return answer

    async def all_readings(self, series: Sequence[SeriesId], start: int, end: int) -> Sequence[Readings]:
        answer: Sequence[Readings] = await self._ask("all_readings", list(series), start, end)
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
        self._client.close()

    async def _ask(self, method: str, *arguments: Any) -> Any:
        try:
            return await self._client.ask(method, *arguments)
        except NotAnswered as error:
            raise StoreError(str(error), StoreAction.WAIT) from error


async def ask_owner(data_dir: Path) -> RemoteHistory | None:
    """A connection to the process that owns the store in this folder; None when none is running."""
    client = await connect(data_dir, METHODS, SOCKET)
    return None if client is None else RemoteHistory(client)
