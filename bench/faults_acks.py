"""An onlooker on the broker: hears the acknowledgements, the one outside sign that a reading has been stored, and keeps what was
published, because a scan that is acknowledged before its commit never reaches the journal's file and still must be in the store.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, field

import aiomqtt

from lampwell.points import Value
from lampwell.sparkplug.codec import decode
from lampwell.sparkplug.names import JOURNAL_OFFSET, RESERVED

ROW = 0xFFFF_FFFF
COMMANDS, DATA = "spBv1.0/+/NCMD/+", ("spBv1.0/+/NDATA/+", "spBv1.0/+/DDATA/+/+")
Key = tuple[str, str, int]
"""Device, point, time."""


@dataclass(slots=True)
class AckWatch:
    """Follows a broker through its restarts. ``reached``: per segment the highest row acknowledged; ``heard``: data messages."""

    port: int
    reached: dict[int, int] = field(default_factory=dict)
    records: bool = True
    heard: list[tuple[str, bytes]] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)
    _task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to listen."""
        self._task = asyncio.create_task(self._listen())

    async def stop(self) -> None:
        """End."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def progress(self, seconds: float, above: int | None = None) -> float | None:
        """Real seconds until something new is acknowledged, in a segment above ``above`` if given; None if nothing is in time."""
        began = time.monotonic()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while True:
                    self._news.clear()
                    await self._news.wait()
                    if above is None or max(self.reached) > above:
                        return time.monotonic() - began
        return None

    async def until(self, wanted: dict[int, int], seconds: float) -> bool:
        """Wait until every segment's row has been acknowledged."""
        deadline = time.monotonic() + seconds
        while any(self.reached.get(segment, 0) < row for segment, row in wanted.items()):
            if time.monotonic() > deadline:
                return False
            await self.progress(1.0)
        return True

    async def _listen(self) -> None:
        while True:
            with contextlib.suppress(aiomqtt.MqttError):
                async with aiomqtt.Client("127.0.0.1", self.port, timeout=2) as client:
                    await client.subscribe([(COMMANDS, 1), *((topic, 0) for topic in DATA if self.records)])
                    async for message in client.messages:
                        self._take(str(message.topic), bytes(message.payload))
            await asyncio.sleep(0.05)

    def acknowledged(self) -> dict[Key, Value | None]:
        """The readings of every published scan whose offset has been acknowledged."""
        found: dict[Key, Value | None] = {}
        for topic, payload in self.heard:
            metrics = decode(payload).metrics
            offset = next((metric.value for metric in metrics if metric.name == JOURNAL_OFFSET), None)
            if not isinstance(offset, int) or (offset & ROW) > self.reached.get(offset >> 32, 0):
                continue
            device = topic.rpartition("/")[2]
            readings = (metric for metric in metrics if metric.name not in RESERVED)
            found.update({(device, metric.name, metric.time or 0): metric.value for metric in readings})  # type: ignore[misc]
        return found

    def _take(self, topic: str, payload: bytes) -> None:
        if "/NCMD/" in topic:
            self._note(payload)
        else:
            self.heard.append((topic, payload))

    def _note(self, payload: bytes) -> None:
        for metric in decode(payload).metrics:
            if metric.name == "journal/stored" and isinstance(metric.value, int):
                segment, row = metric.value >> 32, metric.value & ROW
                if row > self.reached.get(segment, 0):
                    self.reached[segment] = row
                    self._news.set()
