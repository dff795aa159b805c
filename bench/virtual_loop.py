"""An event loop in virtual time: it stands still while anything is to be done, then jumps to the next timer.

A month passes as fast as its work can be done, in the same order each time. What would be done in a thread is done at once, so
files may be used; sockets may not.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Stuck(RuntimeError):
    """Nothing is to be done, now or ever: somebody waits for what will not come."""


class _Jumping(selectors.SelectSelector):
    """Its wait is a jump."""

    def __init__(self) -> None:
        super().__init__()
        self.elapsed = 0.0

    def select(self, timeout: float | None = None) -> Any:
        found = super().select(0)
        if timeout is None and not found:
            raise Stuck("nothing is to be done any more")
        if timeout and not found:
            self.elapsed += timeout
        return found


class VirtualLoop(asyncio.SelectorEventLoop):
    """Its ``time`` begins at 0."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.elapsed

    def run_in_executor(self, executor: Any, func: Callable[..., Any], *args: Any) -> asyncio.Future[Any]:  # noqa: ARG002
        """At once, in this thread."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - whatever it is, it belongs to whoever waits
            future.set_exception(error)
        return future


class LoopClock:
    """The running loop's time as a clock that begins at ``start_ms`` (epoch ms) and runs ``speed`` times as slow or fast."""

    def __init__(self, start_ms: int, *, speed: float = 1.0) -> None:
        self._start_ms, self._speed = start_ms, speed

    def now(self) -> int:
        """Epoch milliseconds."""
        return self._start_ms + round(self.monotonic() * 1000)

    def monotonic(self) -> float:
        """Seconds since the loop began."""
        return asyncio.get_running_loop().time() * self._speed

    async def sleep(self, seconds: float) -> None:
        """Return after that many seconds of this clock."""
        await asyncio.sleep(max(0.0, seconds) / self._speed)


def run(work: Coroutine[Any, Any, T]) -> T:
    """As ``asyncio.run``, in virtual time."""
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)
