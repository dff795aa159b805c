"""What other tasks want of a bus, and the bus's sleep that they may end."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from lampwell.clock import Clock
from lampwell.errors import LinkDown, ModbusError


@dataclass(slots=True, eq=False)
class Asked:
    """One wish: what to do, and who waits for it."""

    act: Callable[[], Awaitable[Any]]
    future: asyncio.Future[Any]

    async def serve(self) -> ModbusError | None:
        """Do it, unless nobody waits any more; the outcome goes to whoever waits. Returns the error, if it ended in one."""
        if self.future.done():
            return None
        try:
            result = await self.act()
        except ModbusError as error:
            self.refuse(error)
            return error
        else:
            if not self.future.done():
                self.future.set_result(result)
            return None
        finally:
            self.refuse(LinkDown("not done: the link was stopped meanwhile"))

    def refuse(self, error: ModbusError) -> None:
        """It will not be done."""
        if not self.future.done():
            self.future.set_exception(error)


class Requests:
    """Writes first, then reads, each in the order they came. Who waits may give up; what is on the wire is left alone."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._writes: deque[Asked] = deque()
        self._reads: deque[Asked] = deque()
        self._wake = wake
        self._closed: LinkDown | None = None

    async def write(self, act: Callable[[], Awaitable[Any]]) -> Any:  # the caller knows what its act returns
        """Have a write done and wait for it."""
        return await self._put(self._writes, act)

    async def read(self, act: Callable[[], Awaitable[Any]]) -> Any:
        """Have a read done and wait for it."""
        return await self._put(self._reads, act)

    @property
    def waiting(self) -> bool:
        """Whether there is a wish to serve."""
        return bool(self._writes or self._reads)

    def next(self) -> Asked | None:
        """The wish to serve now."""
        if self._writes:
            return self._writes.popleft()
        return self._reads.popleft() if self._reads else None

    def refuse(self, error: LinkDown) -> None:
        """Nothing that waits will be done."""
        while asked := self.next():
            asked.refuse(error)

    def close(self, error: LinkDown) -> None:
        """Nothing will be done any more."""
        self._closed = error
        self.refuse(error)

    async def _put(self, queue: deque[Asked], act: Callable[[], Awaitable[Any]]) -> Any:
        if self._closed is not None:
            raise self._closed
        asked = Asked(act, asyncio.get_running_loop().create_future())
        queue.append(asked)
        self._wake()
        return await asked.future


class Nap:
    """Sleep on a clock that can be ended early."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sleepers: set[asyncio.Task[None]] = set()

    async def until(self, seconds: float | None) -> None:
        """Sleep so long (None: an hour), or until woken."""
        sleeper = asyncio.ensure_future(self._clock.sleep(3600.0 if seconds is None else seconds))
        self._sleepers.add(sleeper)
        try:
            await asyncio.wait((sleeper,))
        finally:
            self._sleepers.discard(sleeper)
            sleeper.cancel()

    def wake(self) -> None:
        """End every sleep now."""
        for sleeper in self._sleepers:
            sleeper.cancel()
