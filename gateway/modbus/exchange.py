"""One request and the wait for its answer, as both framings use it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from gateway.modbus.frames import Request
from lampwell.errors import NoAnswer

GRACE_S = 0.002
"""A loop runs its timers before it reads its sockets, so after a stall of our own a timer may fire while the answer waits in the
socket. Every timeout therefore fires twice: the socket is read in between."""


class Alarm:
    """Calls once after ``delay_s``, the sockets read in between; can be called off."""

    __slots__ = ("_handle",)

    def __init__(self, loop: asyncio.AbstractEventLoop, delay_s: float, call: Callable[[], None]) -> None:
        def nearly() -> None:
            self._handle = loop.call_later(GRACE_S, call)

        self._handle = loop.call_later(delay_s, nearly)

    def cancel(self) -> None:
        """Do not call."""
        self._handle.cancel()


class Exchange:
    """A request in flight. ``future`` brings the data or the error; ``on_silence`` is called once when the time is up."""

    __slots__ = ("_loop", "_on_silence", "_timeout_s", "_timer", "future", "request", "sent", "unit")

    def __init__(
        self,
        unit: int,
        request: Request,
        timeout_s: float,
        on_silence: Callable[[Exchange], None],
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.unit = unit
        self.request = request
        self.future: asyncio.Future[bytes] = loop.create_future()
        self.sent = loop.time()
        self._loop = loop
        self._timeout_s = timeout_s
        self._on_silence = on_silence
        self._timer = Alarm(loop, timeout_s, self._over)

    def succeed(self, data: bytes) -> None:
        """The answer is believed."""
        self._timer.cancel()
        if not self.future.done():
            self.future.set_result(data)

    def fail(self, error: Exception) -> None:
        """There will be no answer, or not one to believe."""
        self._timer.cancel()
        if not self.future.done():
            self.future.set_exception(error)

    def complete(self) -> None:
        """The whole answer is here; what is left is to see that nothing follows it. The time can not run out any more."""
        self._timer.cancel()

    def age_s(self) -> float:
        """Seconds since the request was sent."""
        return self._loop.time() - self.sent

    def _over(self) -> None:
        self._on_silence(self)
        self.fail(NoAnswer(f"{self.request.name} of unit {self.unit}: no answer within {self._timeout_s:.3g} s"))
