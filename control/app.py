"""Control: what comes off the wire becomes alarms, alarms become messages that someone answers. Here it is put together."""

from __future__ import annotations

import asyncio
import logging
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from control.alarms.bind import bind
from control.alarms.bound_checks import refusal
from control.alarms.engine import Engine
from control.alarms.rule_files import read_rules
from control.alarms.watch import Watch
from control.desk import Desk
from control.duty import Duty
from control.ear import Ear
from control.front import Front
from control.front_lighting import Lighting
from control.front_messages import Messages
from control.front_orders import Orders
from control.front_people import People
from control.lighting.desk import LightDesk
from control.lighting.field import LightingField
from control.lighting.memory import Memory
from control.lighting.places import places_of
from control.lighting.telling import tell_trouble
from control.lighting.wanting import Wanting
from control.links import LinkServer
from control.messages.pulse import Pulse
from control.messages.sender import Sender
from control.methods import METHODS, SOCKET
from control.outgoing import Outgoing, build_sender
from control.people.roster import Roster
from control.permits import Permits
from control.postbox import Postbox
from control.repairs import Repairs
from control.staff import Staff
from control.store import journal
from control.store.changes import current_changes
from control.store.database import Database
from control.store.secret import link_secret
from control.store.writer import Writer
from control.works import Parts, close, nothing, work
from lampwell.assets import County
from lampwell.clock import Clock, SystemClock
from lampwell.errors import ConfigError
from lampwell.lighting.wire import ORDER
from lampwell.local import LocalServer

log = logging.getLogger(__name__)


class Control:
    """One control service. ``database`` and the channels of ``out`` are opened and closed by the caller; without channels the
    messages wait in the outbox for a sender of their own. ``roster``: as the county's files have it. ``machine``: the clock of
    the hardware below. ``sent_elsewhere``: another process sends, and its silence is an alarm here.
    """

    def __init__(
        self,
        county: County,
        roster: Roster,
        *,
        clock: Clock,
        database: Database,
        out: Outgoing | None = None,
        data_dir: Path,
        password: str = "",
        machine: Clock | None = None,
        sent_elsewhere: bool = False,
    ) -> None:
        self._county, self._of_files, self._clock = county, roster, clock
        self._database, self._out, self._data_dir = database, out or Outgoing(), data_dir
        self._password, self._machine, self._sent_elsewhere = password, machine or SystemClock(), sent_elsewhere
        self._specs = read_rules(county.folder, county)
        self._stop, self._done = asyncio.Event(), asyncio.Event()
        self._parts: Parts | None = None
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
                await work(parts, self._stop, self._clock)
        finally:
            await close(parts)
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

    async def _build(self) -> Parts:
        county, clock = self._county, self._clock
        writer, now = Writer(self._database, self._machine), clock.now()
        kept = await writer.read(lambda connection: journal.load(connection, now))
        staff = Staff(county, writer, clock)
        await staff.begin(self._of_files)
        binding = bind(self._specs, county, await writer.read(current_changes))
        desk = Desk(Engine(binding.alarms, kept.states, number=kept.number), kept, writer, clock)
        watch = Watch(binding, county)
        secret = link_secret(self._data_dir) if self._out.reach.listen or self._out.channels else b""
        page, sender, pulse = self._outgoing(writer, staff, secret)
        duty = Duty(staff, writer, clock, wake=sender.wake if sender else nothing)
        repairs = Repairs(staff, writer, clock, desk=desk, newest=watch.newest)
        await duty.resume(desk)
        desk.followers += [duty, repairs]
        lights = LightDesk(
            places_of(county),
            writer,
            clock,
            lambda node, order: ear.command(node, ORDER, order),  # made below: it needs what it tells
            tell=partial(tell_trouble, staff=staff),
            wake=sender.wake if sender else nothing,
        )
        await lights.begin()
        wanting, permits = Wanting(lights, clock), Permits(county, writer, clock)
        field = LightingField(county, wanted=wanting.wanted, permitted=permits.here)
        memory = Memory(self._data_dir, clock)
        field.recall(await memory.load())
        ear = Ear(county, watch, desk, clock, password=self._password, logic=[field])
        ear.hearers.append(lights)
        return Parts(
            binding=binding,
            writer=writer,
            staff=staff,
            desk=desk,
            ear=ear,
            duty=duty,
            repairs=repairs,
            lights=lights,
            wanting=wanting,
            permits=permits,
            field=field,
            memory=memory,
            postbox=Postbox(ear, writer, clock) if sender or self._sent_elsewhere else None,
            front=self._front(desk, writer, staff, repairs, lights),
            sender=sender,
            pulse=pulse,
            page=page,
            secret=secret,
        )

    def _outgoing(self, writer: Writer, staff: Staff, secret: bytes) -> tuple[LinkServer | None, Sender | None, Pulse | None]:
        listen = self._out.reach.listen
        page = LinkServer(*listen) if listen else None
        if not self._out.channels:
            return page, None, None
        sender, pulse = build_sender(
            writer,
            self._out,
            self._clock,
            ZoneInfo(self._county.time_zone),
            roster=lambda: staff.roster,
            served_at=page.address if page else "",
            secret=secret,
        )
        return page, sender, pulse

    def _front(self, desk: Desk, writer: Writer, staff: Staff, repairs: Repairs, lights: LightDesk) -> Front:
        areas = frozenset(area.id for area in self._county.areas)
        return Front(
            desk=desk,
            writer=writer,
            clock=self._clock,
            people=People(staff=staff, clock=self._clock),
            orders=Orders(repairs=repairs, staff=staff, writer=writer, clock=self._clock, areas=areas),
            messages=Messages(desk=desk, writer=writer, clock=self._clock),
            lighting=Lighting(self._county, lights, writer, self._clock),
            reload=self._changed,
            wrong=self._wrong,
        )

    def _wrong(self, key: str, field: str, value: float) -> str | None:
        assert self._parts is not None, "asked by a front that runs"
        return refusal(self._parts.binding, key, field, value)

    async def _changed(self) -> None:
        """A limit was changed: go over to it."""
        if self._parts is not None:
            await self._rebind(self._parts)

    async def _rebind(self, parts: Parts) -> None:
        """Go over to the present rules with the limits changed away from them."""
        binding = bind(self._specs, self._county, await parts.writer.read(current_changes))
        parts.binding = binding
        parts.desk.reload(binding.alarms)
        parts.ear.rebind(binding, self._county)
