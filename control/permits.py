"""Where crews are at work by their orders: what may look like a fault there, an open door, is none."""

from __future__ import annotations

import logging

from control.lighting.watched import feeder_of
from control.orders import orders
from control.store.errors import StateError
from control.store.writer import Writer
from lampwell.assets import County
from lampwell.clock import Clock

log = logging.getLogger(__name__)

EVERY_S = 5.0


class Permits:
    """``here`` answers at once from what ``run`` has learned. Before it has learned anything nobody has a permit."""

    def __init__(self, county: County, writer: Writer, clock: Clock) -> None:
        self._writer, self._clock = writer, clock
        self._cabinet = {one.id: feeder_of(one) for one in county.devices}
        self._here: frozenset[str] = frozenset()

    async def run(self) -> None:
        """Learn where crews are at work, until cancelled. A database that is away leaves what was known."""
        while True:
            try:
                await self.learn()
            except StateError as error:
                log.debug("where crews are at work is not known anew: %s", error)
            await self._clock.sleep(EVERY_S)

    async def learn(self) -> None:
        """The devices of all orders that a crew has taken on; who repairs a lamp opens the cabinet that feeds it. StateError."""
        found = await self._writer.read(orders.at_work)
        self._here = frozenset(found) | {self._cabinet.get(one, "") for one in found}

    def here(self, cabinet: str) -> bool:
        """Whether a crew works at a cabinet by an order."""
        return cabinet in self._here
