"""Whether a loop should be lit, by the plan that its edge node has confirmed: what fault logic holds the field against."""

from __future__ import annotations

import logging

from control.lighting.desk import LightDesk
from control.requests import NotDone
from control.store.errors import StateError
from lampwell.clock import Clock
from lampwell.lighting.level import NoTarget, Timetable
from lampwell.lighting.model import OFF
from lampwell.lighting.standing import Standing

log = logging.getLogger(__name__)

EVERY_S = 5.0


class Wanting:
    """``wanted`` answers at once from what ``run`` has learned."""

    def __init__(self, desk: LightDesk, clock: Clock) -> None:
        self._desk, self._clock = desk, clock
        self._tables: dict[str, tuple[str, Timetable]] = {}

    async def run(self) -> None:
        """Learn which plans are in force, until cancelled."""
        while True:
            try:
                await self.learn()
            except StateError as error:
                log.debug("which plans are in force is not known: %s", error)
            await self._clock.sleep(EVERY_S)

    async def learn(self) -> None:
        """The timetable of every edge node that goes by a plan of ours. StateError."""
        for edge, said in self._desk.said.items():
            known = self._tables.get(edge)
            if known is not None and known[0] == said.plan:
                continue
            self._tables.pop(edge, None)
            held = self._desk.holds(edge, said.plan)
            if held is None:
                continue
            try:
                self._tables[edge] = said.plan, await self._desk.shelf.timetable(*held)
            except NotDone as error:
                log.warning("the plan of %s can not be read: %s", edge, error)

    def wanted(self, loop: str, at: int) -> bool | None:
        """Whether a loop (``cabinet-01/loop3``) should be lit; None = not known: no plan of ours, no word of its edge node, or
        the light sensors there decide.
        """
        edge = self._desk.places.edge_of.get(loop.partition("/")[0], "")
        known = self._tables.get(edge)
        if known is None or not self._desk.said[edge].alive:
            return None
        standing, table = self._desk.standing, known[1]
        try:
            plain = table.level_at(loop, at, standing).level > OFF
            by_sensors = table.level_at(loop, at, _dark(standing, table)).level > OFF
        except NoTarget:
            return None
        return plain if plain is by_sensors else None


def _dark(standing: Standing, table: Timetable) -> Standing:
    """The same with every light sensor saying that it is dark."""
    dark = standing.without_sensors()
    dark.dark = dict.fromkeys(table.lux, True)
    return dark
