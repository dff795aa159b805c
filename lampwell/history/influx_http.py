"""The HTTP side of InfluxDB: ``/write`` (1.x) and ``/api/v2/write`` (2.x, 3) to write, InfluxQL over ``/query`` (all) to read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import aiohttp
import msgspec

from lampwell.assets import HistorySettings
from lampwell.clock import Clock
from lampwell.errors import StoreAction, StoreError
from lampwell.history.answers import refused
from lampwell.history.lines import identifier

_TIMEOUT = aiohttp.ClientTimeout(total=60, connect=5)
"""Real seconds: the store answers in them."""


class InfluxHttp:
    """One session of keep-alive connections; made when first used, on the loop that uses it."""

    def __init__(self, settings: HistorySettings, clock: Clock, password: str, token: str) -> None:
        self._url = settings.url.rstrip("/")
        self._settings, self._clock = settings, clock
        self._auth = aiohttp.BasicAuth(settings.username, password) if settings.username else None
        self._headers = {"Authorization": f"Token {token}"} if token else {}
        self._session: aiohttp.ClientSession | None = None
        if settings.version == 1:
            self._write = (f"{self._url}/write", {"db": settings.database, "precision": "ms"})
        else:
            params = {"org": settings.org, "bucket": settings.database, "precision": "ms"}
            self._write = (f"{self._url}/api/v2/write", {key: value for key, value in params.items() if value})

    async def write(self, body: bytes, *, many: bool) -> None:
        """Post lines; StoreError tells what to do if they were not taken. A missing 1.x database is made."""
        status, text, headers = await self._post(*self._write, body)
        if status == 404 and self._settings.version == 1 and "database not found" in text:
            await self._post(f"{self._url}/query", {"q": f"CREATE DATABASE {identifier(self._settings.database)}"}, b"")
            status, text, headers = await self._post(*self._write, body)
        error = refused(status, text, headers, many=many, now=self._clock.now())
        if error is not None:
            raise error

    async def query(self, statements: Sequence[str]) -> list[list[dict[str, Any]]]:
        """The series of each statement's result (``name``, ``tags``, ``columns``, ``values``; times in ms)."""
        if not statements:
            return []
        params = {"db": self._settings.database, "epoch": "ms"}
        status, text, _ = await self._post(f"{self._url}/query", params, {"q": ";".join(statements)})
        answer = _decoded(text)
        if status == 404 or "database not found" in str(answer.get("error", "")):
            return [[] for _ in statements]
        results = answer.get("results", [])
        error = answer.get("error") or next((result["error"] for result in results if "error" in result), None)
        if status >= 300 or error:
            if "database not found" in str(error):
                return [[] for _ in statements]
            raise StoreError(f"query: {status} {error or text[:300]}", StoreAction.WAIT)
        return [result.get("series", []) for result in results]

    async def close(self) -> None:
        """Close the connections."""
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _post(self, url: str, params: dict[str, str], data: Any) -> tuple[int, str, Any]:
        if self._session is None:
            self._session = aiohttp.ClientSession(auth=self._auth, headers=self._headers, timeout=_TIMEOUT)
        try:
            async with self._session.post(url, params=params, data=data) as answer:
                return answer.status, await answer.text(), answer.headers
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise StoreError(f"{url}: {error or type(error).__name__}", StoreAction.WAIT) from error


def _decoded(text: str) -> dict[str, Any]:
    try:
        answer = msgspec.json.decode(text)
    except msgspec.DecodeError:
        return {"error": text[:300]}
    return answer if isinstance(answer, dict) else {"error": text[:300]}
