"""The sender: takes what may go from the outbox, one letter at a time on each channel, and writes down what became of it.

It may run inside control or as a process of its own on a relay; all it knows is in the database. A channel that hangs holds up
only itself. A budget that is spent turns what waits for an address into one digest.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from control.messages import channel_notes, compose, leasing, outbox
from control.messages.care import Care, daily, tell_broken
from control.messages.leasing import Bundle
from control.messages.port import Channel, Letter, Outcome, Receipt
from control.messages.state import State
from control.messages.turn import Detour, Go, turn
from control.store.database import StateError
from control.store.notes import note, noted_ms
from lampwell.clock import Clock
from lampwell.times import local

log = logging.getLogger(__name__)

POLL_S, HEARTBEAT_S, TIDY_S, BEAT_S = 1.0, 5.0, 5.0, 60.0
BROKEN_S = 300.0
"""How long a channel that does not work is left alone before one letter tries it again."""
STOP_S = 3.0
"""Real seconds that letters under way have to end in when the sender stops; what has not ended is repeated after the start."""
SILENT_MS = 300_000
"""A sender whose heartbeat is older is dead (domain alarms 2.2, rule 10)."""
_ALIVE = "sender_alive_at"
SMS_KINDS = ("aliyun-sms", "tencent-sms", "modem")
TITLED_KINDS = ("smtp", "apprise")

Links = Callable[[Connection, int, str, int], str]
"""Makes an acknowledgement link: (connection, occurrence, person, now) -> address, "" for none."""


_ELSEWHERE = ("", Letter(id="", address="", title="", text="", priority=4))
"""In place of a letter: it goes by another channel."""


@dataclass(slots=True)
class _Road:
    channel: Channel
    task: asyncio.Task[None] | None = None
    letter: str = ""


class Sender:
    """``links`` makes the links to acknowledge by; ``broken`` is told of a channel that has stopped working, and why; ``names``
    gives a person's name by id; ``care``: who hears of the channels themselves.
    """

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
        names: Callable[[str], str] = str,
        care: Care | None = None,
    ) -> None:
        self._state, self._clock, self._zone = state, clock, zone
        self._roads = {name: _Road(channel) for name, channel in channels.items()}
        self._links, self._rng, self._broken, self._names = links, rng, broken, names
        self._care = care or Care()
        self._woken, self._stopping, self._ended = asyncio.Event(), False, asyncio.Event()
        self._beaten = self._tidied = -1e9
        self._ended.set()

    def wake(self) -> None:
        """Something new waits."""
        self._woken.set()

    async def run(self) -> None:
        """Send until ``stop``. A database that is away is waited for."""
        self._ended.clear()
        beats = asyncio.create_task(self._beats(), name="heartbeat")
        try:
            while not self._stopping:
                self._woken.clear()
                try:
                    await self.keep()
                    await self.round()
                except StateError as error:
                    log.warning("the sender waits for its database: %s", error)
                await self._pause()
        finally:
            beats.cancel()
            await self._finish()
            self._ended.set()

    async def stop(self) -> None:
        """End ``run`` when the letters under way have ended, or soon after; a database that is away is not waited for."""
        self._stopping = True
        self.wake()
        with suppress(TimeoutError):
            async with asyncio.timeout(2 * STOP_S):
                await self._ended.wait()

    async def keep(self) -> None:
        """What is due besides sending: the heartbeat, leases of slow letters, expiry, the daily tests."""
        mono, now = self._clock.monotonic(), self._clock.now()
        if mono - self._beaten >= HEARTBEAT_S:
            await self._state.write(lambda connection: self._alive(connection, now))
            self._beaten = mono
        if mono - self._tidied >= TIDY_S:
            await self._state.write(lambda connection: self._tidy(connection, now))
            self._tidied = mono

    async def round(self) -> None:
        """Start whatever may go on every channel that is free."""
        for road in self._roads.values():
            if road.task is not None and road.task.done():
                ended, road.task = road.task, None
                _told(ended)
        due = await self._state.read(lambda connection: leasing.due_channels(connection, self._clock.now()))
        for name in due & self._roads.keys():
            road = self._roads[name]
            if road.task is None:
                road.task = asyncio.create_task(self._work(name, road), name=f"channel {name}")
        await asyncio.sleep(0)

    async def idle(self) -> None:
        """Return when every letter under way has ended."""
        await asyncio.gather(*(road.task for road in self._roads.values() if road.task))

    # -- one channel -----------------------------------------------------------------------------------------------------

    async def _work(self, name: str, road: _Road) -> None:
        """Send what may go now, most urgent first; looked at anew after each letter, since a red one may have come."""
        while not self._stopping and await self._state.read(partial(self._turn, channel=road.channel)) is not None:
            taken = await self._state.write(partial(self._take, channel=road.channel))
            if taken is None:
                return
            if taken is not _ELSEWHERE:
                await self._send(name, road, *taken)

    def _turn(self, connection: Connection, channel: Channel) -> Go | Detour | None:
        now = self._clock.now()
        midnight = local(now, self._zone).replace(hour=0, minute=0, second=0, microsecond=0)
        known = channel_notes.seen(connection, channel.name, channel.limits, now, round(midnight.timestamp() * 1000))
        return turn(leasing.heads(connection, channel.name, now), known, channel.limits, now)

    def _take(self, connection: Connection, channel: Channel) -> tuple[str, Letter] | None:
        """Decide anew, on the transaction that holds it: what was answered or taken by another sender meanwhile stays.

        None: nothing may go (any more).
        """
        now = self._clock.now()
        match self._turn(connection, channel):
            case Detour() as other:
                outbox.detour(connection, channel.name, other.head, other.reason, now)
                return _ELSEWHERE
            case Go() as go if (bundle := leasing.lease(connection, channel.name, go, now)) is not None:
                return self._written(connection, channel, bundle, now)
        return None

    async def _send(self, name: str, road: _Road, number: str, letter: Letter) -> None:
        road.letter = number
        try:
            receipt = await _sent(road.channel, letter)
            ended, jitter = self._clock.now(), 2 * self._rng() - 1
            await self._state.write(lambda connection: self._recorded(connection, road.channel, number, receipt, ended, jitter))
        finally:
            road.letter = ""
        if receipt.outcome is Outcome.BROKEN:
            log.error("channel %s does not work: %s", name, receipt.reason)
            if self._broken is not None:
                self._broken(name, receipt.reason)

    def _written(self, connection: Connection, channel: Channel, bundle: Bundle, now: int) -> tuple[str, Letter]:
        """SMS is short; group chats get the whole text, mail and push a title besides."""
        link, kind = self._link(connection, bundle, now), _kind(channel)
        short = compose.sms(bundle.facts, self._zone, link)
        told = [self._names(each) for each in leasing.told_with(connection, bundle)]
        number = leasing.hand_over(connection, bundle, compose.sms(bundle.facts, self._zone), now)
        return number, Letter(
            id=bundle.id,
            address=bundle.address,
            title=compose.title(bundle.facts) if kind in TITLED_KINDS else "",
            text=short if kind in SMS_KINDS else compose.long(bundle.facts, self._zone, told),
            priority=bundle.priority,
            link="" if kind in SMS_KINDS and link and link in short else link,
            template=compose.template(bundle.facts, self._zone),
        )

    def _link(self, connection: Connection, bundle: Bundle, now: int) -> str:
        number = next((one.number for one in bundle.facts if one.number and one.kind in outbox.ALARMING), 0)
        return self._links(connection, number, bundle.person, now) if self._links is not None and number else ""

    def _recorded(self, connection: Connection, channel: Channel, number: str, receipt: Receipt, now: int, jitter: float) -> None:
        outbox.record(connection, number, receipt, now, jitter)
        if receipt.outcome is Outcome.BROKEN:
            until = now + round(BROKEN_S * 1000)
            if channel_notes.note_broken(connection, channel.name, receipt.reason, now, until):
                tell_broken(connection, self._care, channel.name, receipt.reason, now, str(now))
        elif pause_s := _pause_s(channel, receipt):
            until = now + round(pause_s * 1000)
            channel_notes.note_channel(connection, channel.name, reason=receipt.reason, paused_until=until)

    # -- the pieces ------------------------------------------------------------------------------------------------------

    async def _pause(self) -> None:
        """Until something new waits, or the next look at what other processes put."""
        waiting = {asyncio.ensure_future(self._woken.wait()), asyncio.ensure_future(self._clock.sleep(POLL_S))}
        try:
            await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in waiting:
                each.cancel()

    async def _finish(self) -> None:
        tasks = {road.task for road in self._roads.values() if road.task is not None}
        if tasks:
            _, slow = await asyncio.wait(tasks, timeout=STOP_S)
            for task in slow:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _beats(self) -> None:
        """Tell the watcher outside, while this one works: a sender that hangs in its database is dead as well."""
        while self._care.beat is not None:
            works = self._clock.monotonic() - self._beaten < BEAT_S
            if works:
                await self._care.beat()
            await self._clock.sleep(BEAT_S if works else HEARTBEAT_S)

    def _alive(self, connection: Connection, now: int) -> None:
        note(connection, _ALIVE, now)
        leasing.renew(connection, [road.letter for road in self._roads.values() if road.letter], now)

    def _tidy(self, connection: Connection, now: int) -> None:
        outbox.tidy(connection, now)
        daily(connection, self._care, now, self._zone)


def silent_for(connection: Connection, now: int) -> int | None:
    """How long no sender has shown itself (ms); None = none ever has. More than ``SILENT_MS``: it is dead."""
    said = noted_ms(connection, _ALIVE)
    return None if said is None else max(0, now - said)


async def _sent(channel: Channel, letter: Letter) -> Receipt:
    try:
        return await channel.send(letter)
    except Exception as error:
        log.exception("channel %s has a fault of its own", channel.name)
        return Receipt(outcome=Outcome.UNKNOWN, code="fault", reason=f"程序错误 a fault of ours: {type(error).__name__}")


def _pause_s(channel: Channel, receipt: Receipt) -> float:
    """How long the whole channel is left alone. A vendor that counts by address means that address: the others need not wait."""
    if receipt.outcome is not Outcome.RETRY:
        return 0.0
    if receipt.code == "429":
        return receipt.retry_after_s or channel.limits.pause_s
    return 0.0 if channel.limits.per_day else receipt.retry_after_s or 0.0


def _kind(channel: Channel) -> str:
    """A stand-in is written to as what it stands for."""
    return getattr(channel, "like", "") or channel.kind


def _told(task: asyncio.Task[None]) -> None:
    """A channel's last round may have met a database that was away; anything else is a fault of ours and comes out."""
    if task.cancelled() or (error := task.exception()) is None:
        return
    if not isinstance(error, StateError):
        raise error
    log.warning("a letter waits for its database: %s", error)
