"""What is woken by the calendar: each at its times of the county's day, once, over stops and restarts. It decides nothing.

APScheduler's triggers reckon when (the first of a month, a day on which clocks change); the waiting is on the clock that is
passed in, so that years pass in a test and a night on the demo's fast clock.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import partial
from zoneinfo import ZoneInfo

from apscheduler.triggers.cron import CronTrigger

from control.store.notes import note, noted_ms
from control.store.writer import Writer
from lampwell.clock import Clock
from lampwell.errors import LampwellError
from lampwell.times import local

log = logging.getLogger(__name__)

LOOK_S, HEAR_S = 60.0, 600.0
"""After a start edge nodes are given the second to be heard of; what has failed is tried again so late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wake:
    """``at``: minute, hour, day, month, weekday as cron has them, in county time. ``do`` is told the instant (epoch ms) at which
    it was due; it may run twice for one instant, where control ended between its work and the mark that it is done.
    """

    name: str
    at: str
    do: Callable[[int], Awaitable[None]]


class Wakes:
    """Instants that went by while nobody was here are made up for by the newest of them."""

    def __init__(self, wakes: Sequence[Wake], writer: Writer, clock: Clock, zone: ZoneInfo) -> None:
        self._wakes = [(one, CronTrigger.from_crontab(one.at, timezone=zone)) for one in wakes]
        self._writer, self._clock, self._zone = writer, clock, zone

    async def run(self) -> None:
        """Each as it comes, until cancelled."""
        await self._clock.sleep(HEAR_S)
        while True:
            await self._clock.sleep(LOOK_S if await self.turn() else HEAR_S)

    async def turn(self) -> bool:
        """Do what is due; one that fails hinders no other. Whether none has failed."""
        return all([await self._tried(one, trigger) for one, trigger in self._wakes])

    async def _tried(self, wake: Wake, trigger: CronTrigger) -> bool:
        try:
            await self._do(wake, trigger)
        except LampwellError as error:
            log.error("%s: %s", wake.name, error)
            return False
        return True

    async def _do(self, wake: Wake, trigger: CronTrigger) -> None:
        """Do it if it is due. StateError, and what it raises."""
        key, now = f"wake.{wake.name}", local(self._clock.now(), self._zone)
        done = await self._writer.read(partial(noted_ms, key=key))
        due = newest(trigger, datetime.combine(now, time(), self._zone) if done is None else local(done, self._zone), now)
        if due is not None:
            at = round(due.timestamp() * 1000)
            await wake.do(at)
            await self._writer.write(partial(note, key=key, value=at))


def newest(trigger: CronTrigger, after: datetime, now: datetime) -> datetime | None:
    """The last instant in (``after``, ``now``]; None = there is none."""
    found, following = None, trigger.get_next_fire_time(None, after + timedelta(milliseconds=1))
    while following is not None and following <= now:
        found, following = following, trigger.get_next_fire_time(following, following)
    return found
