"""Control: what comes off the wire becomes alarms, alarms become messages that someone answers. Here it is put together."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from control.alarms.bind import Binding, bind
from control.alarms.engine import Engine
from control.alarms.rule_files import read_rules
from control.alarms.watch import Watch
from control.desk import Desk
from control.duty import Duty
from control.ear import Ear
from control.front import METHODS, SOCKET, Front
from control.messages.port import Channel
from control.messages.sender import Sender
from control.people.roster import Roster
from control.store import journal
from control.store.changes import current_changes
from control.store.database import Database
from control.store.writer import Writer
from lampwell.assets import County
from lampwell.clock import Clock, SystemClock
from lampwell.errors import ConfigError
from lampwell.local import LocalServer

log = logging.getLogger(__name__)

TICK_S, ALIVE_S = 0.25, 5.0


@dataclass(slots=True, kw_only=True)
class _Parts:
    binding: Binding
    writer: Writer
    desk: Desk
    ear: Ear
    duty: Duty
    front: Front
    sender: Sender | None


class Control:
    """One control service. ``database`` and ``channels`` are opened and closed by the caller; without channels the messages wait
    in the outbox for a sender of their own (a relay). ``roster``: who is on duty. ``machine``: the clock of the hardware below.
    """

    def __init__(
        self,
        county: County,
        roster: Roster,
        *,
        clock: Clock,
        database: Database,
        channels: Mapping[str, Channel] | None = None,
        data_dir: Path,
        password: str = "",
        machine: Clock | None = None,
    ) -> None:
        self._county, self._roster, self._clock = county, roster, clock
        self._database, self._channels, self._data_dir = database, channels, data_dir
        self._password, self._machine = password, machine or SystemClock()
        self._specs = read_rules(county.folder, county)
        self._stop, self._done = asyncio.Event(), asyncio.Event()
        self._parts: _Parts | None = None
        self._started = asyncio.Event()

    @property
    def front(self) -> Front:
        """The typed API; only after ``ready``."""
        assert self._parts is not None, "ask after ready()"
        return self._parts.front

    @property
    def is_ready(self) -> bool:
        """Whether the desk answers."""
        return self._started.is_set()

    async def ready(self) -> None:
        """Return when the alarms of an earlier life are in place and the desk answers."""
        await self._started.wait()

    async def run(self) -> None:
        """Listen, decide, tell, until ``stop``. Raises what one of its parts raised."""
        self._parts = parts = await self._build()
        try:
            async with AsyncExitStack() as stack:
                await stack.enter_async_context(LocalServer(parts.front, METHODS, self._data_dir, SOCKET))
                parts.desk.begin()
                self._started.set()
                await self._work(parts)
        finally:
            await parts.writer.close()
            self._done.set()

    async def stop(self) -> None:
        """End ``run`` in good order: goodbye to the broker, everything decided is on disk."""
        self._stop.set()
        if self._parts is not None:
            await self._done.wait()

    async def reload(self) -> tuple[str, ...]:
        """Read the rules anew and go over to them; what is wrong with them, if anything: then the old ones keep running."""
        try:
            self._specs = await asyncio.to_thread(read_rules, self._county.folder, self._county)
        except ConfigError as error:
            log.error("the new rules are refused, the old ones keep running:\n%s", error)
            return tuple(map(str, error.problems))
        if self._parts is not None:
            await self._rebind(self._parts)
        return ()

    # -- the pieces ------------------------------------------------------------------------------------------------------

    async def _build(self) -> _Parts:
        writer, now = Writer(self._database, self._machine), self._clock.now()
        kept = await writer.read(lambda connection: journal.load(connection, now))
        binding = bind(self._specs, self._county, await writer.read(current_changes))
        desk = Desk(Engine(binding.alarms, kept.states, number=kept.number), kept, writer, self._clock)
        watch = Watch(binding, self._county)
        sender = self._sender(writer)
        duty = Duty(self._county, self._roster, writer, self._clock, wake=sender.wake if sender else _nothing)
        await duty.resume(desk)
        desk.followers.append(duty)
        ear = Ear(self._county, watch, desk, self._clock, password=self._password)
        front = Front(desk=desk, writer=writer, clock=self._clock, reload=self._changed)
        return _Parts(binding=binding, writer=writer, desk=desk, ear=ear, duty=duty, front=front, sender=sender)

    def _sender(self, writer: Writer) -> Sender | None:
        zone = ZoneInfo(self._county.time_zone)
        return Sender(writer, self._channels, self._clock, zone) if self._channels else None

    async def _changed(self) -> None:
        """A limit was changed: go over to it."""
        if self._parts is not None:
            await self._rebind(self._parts)

    async def _rebind(self, parts: _Parts) -> None:
        """Go over to the present rules with the limits changed away from them."""
        binding = bind(self._specs, self._county, await parts.writer.read(current_changes))
        parts.binding = binding
        parts.desk.reload(binding.alarms)
        parts.ear.tell(parts.ear.watch.rebind(binding, self._county, self._clock.now()))

    async def _work(self, parts: _Parts) -> None:
        works: dict[str, Callable[[], Any]] = {"broker": parts.ear.run, "ticks": lambda: self._ticks(parts)}
        if parts.sender is not None:
            works["sender"] = parts.sender.run
        tasks = {asyncio.create_task(work(), name=name) for name, work in works.items()}
        stopped = asyncio.create_task(self._stop.wait(), name="stop")
        try:
            ended, _ = await asyncio.wait({stopped, *tasks}, return_when=asyncio.FIRST_COMPLETED)
            for task in ended - {stopped}:
                task.result()
            await parts.ear.stop()
            if parts.sender is not None:
                await parts.sender.stop()
        finally:
            for task in {stopped, *tasks}:
                task.cancel()
            await asyncio.gather(stopped, *tasks, return_exceptions=True)

    async def _ticks(self, parts: _Parts) -> None:
        alive = -ALIVE_S
        while True:
            parts.ear.tick()
            parts.desk.tick()
            parts.duty.tick(parts.desk)
            if self._clock.monotonic() - alive >= ALIVE_S:
                alive, now = self._clock.monotonic(), self._clock.now()
                parts.writer.submit(partial(journal.alive, now=now))
            await self._clock.sleep(TICK_S)


def _nothing() -> None:
    pass
