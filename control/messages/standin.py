"""A local stand-in for the vendors: takes what the ``stand-in`` channels send and keeps it, as the phones of the crews would.

For demos, drills and tests. It answers as a vendor does, and can be told to fail as one does.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from lampwell.clock import Clock

MOST, MOST_BYTES = 200, 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """One message as it arrived (epoch ms of the county's clock)."""

    time: int
    channel: str
    address: str
    title: str
    text: str
    priority: int
    link: str
    id: str


@dataclass(slots=True)
class Trouble:
    """How to fail: an HTTP status, a vendor code in a 200 answer, or no answer at all."""

    status: int = 200
    code: int = 0
    hang: bool = False


class Standin:
    """Serves while its ``async with`` block lasts; ``received`` is newest first."""

    def __init__(self, clock: Clock) -> None:
        self.received: deque[Received] = deque(maxlen=MOST)
        self.count = 0
        self.trouble = Trouble()
        self._clock = clock
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.StreamWriter] = set()

    @property
    def url(self) -> str:
        """Where the channels send to."""
        assert self._server is not None, "entered before"
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=MOST_BYTES)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        assert self._server is not None, "entered before"
        self._server.close()
        for writer in list(self._open):
            writer.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open.add(writer)
        try:
            path, body = await _request(reader)
            status, answer = self._take(path, body)
            if self.trouble.hang:
                await reader.read()
                return
            payload = json.dumps(answer).encode()
            head = f"HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {len(payload)}\r\nConnection: close"
            writer.write(f"{head}\r\n\r\n".encode() + payload)
            await writer.drain()
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, ValueError):
            pass  # no letter, no answer
        finally:
            self._open.discard(writer)
            writer.close()

    def _take(self, path: str, body: bytes) -> tuple[int, Mapping[str, Any]]:
        if self.trouble.status != 200 or self.trouble.code:
            return self.trouble.status, {"code": self.trouble.code or self.trouble.status, "msg": "told to fail"}
        try:
            said = json.loads(body)
            self._keep(path, said)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            return 400, {"code": 400, "msg": "not a letter"}
        return 200, {"code": 0, "id": str(self.count)}

    def _keep(self, path: str, said: Mapping[str, Any]) -> None:
        self.received.appendleft(
            Received(
                time=self._clock.now(),
                channel=str(said.get("channel") or path.strip("/")),
                address=str(said["address"]),
                title=str(said["title"]),
                text=str(said["text"]),
                priority=int(said["priority"]),
                link=str(said.get("link", "")),
                id=str(said["id"]),
            )
        )
        self.count += 1


async def _request(reader: asyncio.StreamReader) -> tuple[str, bytes]:
    """The path and body of one HTTP request. ValueError for what is none."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    method, path, _ = head[0].split(" ", 2)
    if method != "POST":
        raise ValueError(method)
    lengths = [line.partition(":")[2] for line in head if line.lower().startswith("content-length:")]
    length = int(lengths[0]) if lengths else 0
    if length > MOST_BYTES:
        raise ValueError(f"{length} bytes")
    return path, await reader.readexactly(length)
