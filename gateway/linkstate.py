"""Whether a link is up: it is opened when its time has come, and made anew when nobody on it answers."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from gateway.backoff import Reconnect
from gateway.modbus.port import ModbusLink
from lampwell.assets import Link
from lampwell.clock import Clock
from lampwell.errors import LinkDown

log = logging.getLogger(__name__)

SILENT_LINK = 4  # requests in a row of each hand without any answer, and the connection is made anew (it may be half open)


class LinkState:
    """``hands``: so many requests may be under way together. ``on_open()``: it is open again after an outage. ``on_down(error)``:
    it could not be opened. Times are the clock's monotonic seconds.
    """

    def __init__(
        self,
        link: Link,
        modbus: ModbusLink,
        clock: Clock,
        rng: Callable[[], float],
        *,
        hands: int,
        on_open: Callable[[], None],
        on_down: Callable[[LinkDown], None],
    ) -> None:
        self._link, self._modbus, self._clock = link, modbus, clock
        self._hands = hands
        self._on_open, self._on_down = on_open, on_down
        self._reconnect = Reconnect(rng)
        self._opening = asyncio.Lock()
        self._unanswered = 0

    @property
    def connected(self) -> bool:
        """Whether it is open now."""
        return self._modbus.connected

    @property
    def failing(self) -> bool:
        """It was lost or could not be opened, and no answer has come since."""
        return self._reconnect.failures > 0

    async def open(self, now: float) -> float | None:
        """Open the link if its time has come. Seconds until the next try; None: it is open."""
        async with self._opening:
            if self.connected:
                return None
            if self._reconnect.due <= now:
                try:
                    await self._modbus.connect()
                except LinkDown as error:
                    self.lost(error)
                    self._on_down(error)
                else:
                    if self.failing:
                        self._on_open()
                    return None
            return self._reconnect.due - self._clock.monotonic()

    def lost(self, error: LinkDown) -> None:
        """It broke, or could not be opened. Told once."""
        if not self.failing:
            log.warning("link %s: %s", self._link.id, error)
        self._reconnect.failed(self._clock.monotonic())

    def heard(self) -> None:
        """An answer came."""
        self._unanswered = 0
        if self.failing:
            log.info("link %s: answers again after %d failures", self._link.id, self._reconnect.failures)
            self._reconnect.succeeded()

    async def unheard(self) -> None:
        """A request was not answered in time."""
        self._unanswered += 1
        if self._unanswered >= SILENT_LINK * self._hands:
            self._unanswered = 0
            await self._modbus.close()
