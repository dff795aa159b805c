"""Time as an argument.

Everything that decides takes a ``Clock``; nothing else reads time. ``now`` is epoch milliseconds UTC,
``monotonic`` and ``sleep`` are in county seconds: on a scaled clock ten of them may pass in one real second.
Socket and HTTP timeouts are the exception: hardware answers in real seconds, so the rim uses the event loop's own timers.
"""

from __future__ import annotations

import asyncio
import heapq
import time
from dataclasses import dataclass, field
from typing import Protocol


class Clock(Protocol):
    """What every part of lampwell knows of time."""

    def now(self) -> int:
        """Epoch milliseconds, UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go backwards."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after that many seconds of this clock."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> int:
        return time.time_ns() // 1_000_000

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds))


class ScaledClock:
    """A clock that begins at ``start_ms`` and runs ``speed`` times as fast as the machine's (1 to 60)."""

    def __init__(self, start_ms: int, speed: float = 1.0) -> None:
        if not 1 <= speed <= 60:
            raise ValueError(f"speed {speed:g}: must be between 1 and 60")
        self.speed = speed
        self._start_ms = start_ms
        self._origin = time.monotonic()

    def now(self) -> int:
        return self._start_ms + int(self.monotonic() * 1000)

    def monotonic(self) -> float:
        return (time.monotonic() - self._origin) * self.speed

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(0.0, seconds) / self.speed)


@dataclass
class VirtualClock:
    """A clock that moves only when told: ``await clock.advance(s)`` wakes every sleeper in order of its time."""

    start_ms: int = 1_780_000_000_000
    elapsed: float = 0.0
    _sleepers: list[tuple[float, int, asyncio.Future[None]]] = field(default_factory=list)
    _count: int = 0

    def now(self) -> int:
        return self.start_ms + round(self.elapsed * 1000)

    def monotonic(self) -> float:
        return self.elapsed

    async def sleep(self, seconds: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._count += 1
        heapq.heappush(self._sleepers, (self.elapsed + max(0.0, seconds), self._count, future))
        await future

    async def advance(self, seconds: float, settle: int = 20) -> None:
        """Move time on by ``seconds``; between wake-ups the loop gets ``settle`` turns to act."""
        end = self.elapsed + seconds
        await _turns(settle)
        while self._sleepers and self._sleepers[0][0] <= end:
            due, _, future = heapq.heappop(self._sleepers)
            self.elapsed = max(self.elapsed, due)
            if not future.done():
                future.set_result(None)
                await _turns(settle)
        self.elapsed = end
        await _turns(settle)


async def _turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)
