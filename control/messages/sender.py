"""The sender: takes what may go from the outbox, one letter at a time on each channel, and writes down what became of it.

It may run inside control or as a process of its own on a relay; all it knows is in the database. A channel that hangs holds up
only itself. A budget that is spent turns what waits for an address into one digest.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Protocol, TypeVar
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, delete, insert, select

from control.messages import compose, outbox
from control.messages.budget import MINUTE_MS, allowed_at
from control.messages.channels.texts import text_cut
from control.messages.outbox import Bundle
from control.messages.port import Channel, Letter, Outcome, Receipt
from control.store.database import StateError
from control.store.tables import meta
from lampwell.clock import Clock

log = logging.getLogger(__name__)

T = TypeVar("T")
POLL_S, HEARTBEAT_S, TIDY_S = 1.0, 5.0, 5.0
BROKEN_S = 300.0
"""How long a channel that does not work is left alone."""
SILENT_MS = 300_000
"""A sender whose heartbeat is older is dead (domain alarms 2.2, rule 10)."""
_ALIVE = "sender_alive_at"
SMS_KINDS = ("aliyun-sms", "tencent-sms", "modem")


class State(Protocol):
    """The database as the sender uses it."""

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Do it and commit."""
        ...

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Ask."""
        ...


Links = Callable[[Connection, int, str, int], str]
"""Makes an acknowledgement link: (connection, occurrence, person, now) -> address, "" for none."""


@dataclass(slots=True)
class _Road:
    channel: Channel
    task: asyncio.Task[None] | None = None
    quiet_until: int = 0


class Sender:
    """``links`` makes the links to acknowledge by; ``broken`` is told of a channel that has stopped working, and why."""

    def __init__(
        self,
        state: State,
        channels: Mapping[str, Channel],
        clock: Clock,
        zone: ZoneInfo,
        *,
        links: Links | None = None,
        rng: Callable[[], float] = random.random,
        broken: Callable[[str, str], None] | None = None,
    ) -> None:
        self._state, self._clock, self._zone = state, clock, zone
        self._roads = {name: _Road(channel) for name, channel in channels.items()}
        self._links, self._rng, self._broken = links, rng, broken
        self._woken, self._stopping = asyncio.Event(), False

    def wake(self) -> None:
        """Something new waits."""
        self._woken.set()

    async def run(self) -> None:
        """Send until ``stop``. A database that is away is waited for."""
        beat = tidy = -1e9
        while not self._stopping:
            self._woken.clear()
            try:
                mono = self._clock.monotonic()
                if mono - beat >= HEARTBEAT_S:
                    beat = mono
                    await self._state.write(self._alive)
                if mono - tidy >= TIDY_S:
                    tidy = mono
                    await self._state.write(lambda connection: outbox.tidy(connection, self._clock.now()))
                await self.round()
            except StateError as error:
                log.warning("the sender waits for its database: %s", error)
            await self._pause()
        await asyncio.gather(*(road.task for road in self._roads.values() if road.task), return_exceptions=True)

    async def stop(self) -> None:
        """End ``run`` when the letters under way have ended."""
        self._stopping = True
        self.wake()

    async def round(self) -> None:
        """Start whatever may go on every channel that is free."""
        for name, road in self._roads.items():
            if road.task is None or road.task.done():
                _told(road.task)
                road.task = asyncio.create_task(self._work(name, road), name=f"channel {name}")
        await asyncio.sleep(0)

    async def idle(self) -> None:
        """Return when every letter under way has ended."""
        await asyncio.gather(*(road.task for road in self._roads.values() if road.task))

    # -- one channel -----------------------------------------------------------------------------------------------------

    async def _work(self, name: str, road: _Road) -> None:
        """Send what may go now, most urgent first."""
        tried: set[int] = set()
        while not self._stopping:
            now = self._clock.now()
            bundles = await self._state.read(partial(outbox.ready, channel=name, now=now))
            bundle = next((one for one in bundles if not tried & set(one.deliveries)), None)
            if bundle is None:
                return
            tried |= set(bundle.deliveries)
            await self._one(name, road, bundle)

    async def _one(self, name: str, road: _Road, bundle: Bundle) -> None:
        now, limits = self._clock.now(), road.channel.limits
        midnight = datetime.fromtimestamp(now / 1000, self._zone).replace(hour=0, minute=0, second=0, microsecond=0)

        def look(connection: Connection) -> tuple[int | None, bool]:
            notes = outbox.channel_notes(connection).get(name)
            today = (
                outbox.handed_to(connection, name, bundle.address, round(midnight.timestamp() * 1000)) if limits.per_day else 0
            )
            handed = outbox.handed(connection, name, now - MINUTE_MS)
            at = allowed_at(handed, limits, bundle.priority, now, paused_until=notes.paused_until if notes else None, today=today)
            return at, bool(limits.per_minute and len(handed) >= limits.per_minute - limits.reserve)

        at, tight = await self._state.read(look)
        if at is None:
            await self._state.write(lambda connection: outbox.give_up(connection, bundle, "daily limit of the vendor", now))
        elif at > now:
            await self._state.write(lambda connection: outbox.postpone(connection, bundle, at))
        else:
            if tight:
                merged = await self._state.read(lambda connection: outbox.waiting_with(connection, bundle, now))
                bundle = merged[0] if merged else bundle
            await self._send(name, road, bundle)

    async def _send(self, name: str, road: _Road, bundle: Bundle) -> None:
        now = self._clock.now()
        number, letter = await self._state.write(lambda connection: self._written(connection, road.channel, bundle, now))
        receipt = await road.channel.send(letter)
        ended, jitter = self._clock.now(), 2 * self._rng() - 1
        await self._state.write(lambda connection: self._recorded(connection, road.channel, number, receipt, ended, jitter))
        if receipt.outcome is Outcome.BROKEN:
            log.error("channel %s does not work: %s", name, receipt.reason)
            if self._broken is not None:
                self._broken(name, receipt.reason)

    def _written(self, connection: Connection, channel: Channel, bundle: Bundle, now: int) -> tuple[str, Letter]:
        links = self._made_links(connection, bundle, now)
        short = compose.sms(bundle.facts, self._zone)
        text = short if _is_sms(channel) else compose.long(bundle.facts, self._zone, links)
        number = outbox.hand_over(connection, bundle, short, now)
        return number, Letter(
            id=number,
            address=bundle.address,
            title=compose.title(bundle.facts),
            text=text_cut(text, channel.limits),
            priority=bundle.priority,
            link=links[0] if links else "",
            template=compose.template(bundle.facts, self._zone),
        )

    def _made_links(self, connection: Connection, bundle: Bundle, now: int) -> list[str]:
        if self._links is None or not bundle.occurrences or all(one.kind == "clear" for one in bundle.facts):
            return []
        link = self._links(connection, bundle.occurrences[0], bundle.person, now)
        return [link] if link else []

    @staticmethod
    def _recorded(connection: Connection, channel: Channel, number: str, receipt: Receipt, now: int, jitter: float) -> None:
        outbox.record(connection, number, receipt, now, jitter)
        pause_s = receipt.retry_after_s or 0.0
        if receipt.outcome is Outcome.BROKEN:
            outbox.note_channel(
                connection, channel.name, broken_since=now, reason=receipt.reason, paused_until=now + round(BROKEN_S * 1000)
            )
        elif receipt.outcome is Outcome.RETRY and pause_s >= channel.limits.pause_s > 0:
            outbox.note_channel(connection, channel.name, reason=receipt.reason, paused_until=now + round(pause_s * 1000))

    # -- the pieces ------------------------------------------------------------------------------------------------------

    async def _pause(self) -> None:
        """Until something new waits, or the next look at what other processes put."""
        waiting = {asyncio.ensure_future(self._woken.wait()), asyncio.ensure_future(self._clock.sleep(POLL_S))}
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()

    def _alive(self, connection: Connection) -> None:
        connection.execute(delete(meta).where(meta.c.key == _ALIVE))
        connection.execute(insert(meta).values(key=_ALIVE, value=str(self._clock.now())))


def silent_for(connection: Connection, now: int) -> int | None:
    """How long no sender has shown itself (ms); None = none ever has."""
    said = connection.scalar(select(meta.c.value).where(meta.c.key == _ALIVE))
    return None if said is None else max(0, now - int(said))


def _is_sms(channel: Channel) -> bool:
    return channel.kind in SMS_KINDS or getattr(channel, "like", "") in SMS_KINDS


def _told(task: asyncio.Task[None] | None) -> None:
    """A channel's last round may have met a database that was away; anything else is a fault of ours and comes out."""
    if task is None or task.cancelled() or (error := task.exception()) is None:
        return
    if not isinstance(error, StateError):
        raise error
    log.warning("a letter waits for its database: %s", error)
