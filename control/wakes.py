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
from sqlalchemy import Connection, insert, select, update

from control.store.tables import meta
from control.store.writer import Writer
from lampwell.clock import Clock
from lampwell.errors import LampwellError

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
        now = datetime.fromtimestamp(self._clock.now() / 1000, self._zone)
        done = await self._writer.read(partial(_done, name=wake.name))
        due = newest(trigger, datetime.combine(now, time(), self._zone) if done is None else _local(done, self._zone), now)
        if due is not None:
            at = round(due.timestamp() * 1000)
            await wake.do(at)
            await self._writer.write(partial(_mark, name=wake.name, at=at))


def newest(trigger: CronTrigger, after: datetime, now: datetime) -> datetime | None:
    """The last instant in (``after``, ``now``]; None = there is none."""
    found, following = None, trigger.get_next_fire_time(None, after + timedelta(milliseconds=1))
    while following is not None and following <= now:
        found, following = following, trigger.get_next_fire_time(following, following)
    return found


def _local(at: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(at / 1000, zone)


def _done(connection: Connection, name: str) -> int | None:
    text = connection.scalar(select(meta.c.value).where(meta.c.key == f"wake.{name}"))
    return None if text is None else int(text)


def _mark(connection: Connection, name: str, at: int) -> None:
    key = f"wake.{name}"
    if not connection.execute(update(meta).where(meta.c.key == key).values(value=str(at))).rowcount:
        connection.execute(insert(meta).values(key=key, value=str(at)))
