"""A control at work: every part runs until one fails or the end is asked for; then they end so that nothing is lost."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from fastapi import FastAPI

from control.alarms.bind import Binding
from control.desk import Desk
from control.duty import Duty
from control.ear import Ear
from control.front import Front
from control.kpi import daily
from control.lighting import nightly
from control.lighting.desk import LightDesk
from control.lighting.field import LightingField
from control.lighting.memory import Memory
from control.lighting.wanting import Wanting
from control.links import LinkServer
from control.messages.ackpage import ack_app
from control.messages.pulse import Pulse
from control.messages.sender import Sender
from control.permits import Permits
from control.postbox import Postbox
from control.repairs import Repairs
from control.staff import Staff
from control.store import journal
from control.store.errors import StateError
from control.store.writer import Writer
from control.wakes import Wake, Wakes
from lampwell.clock import Clock

log = logging.getLogger(__name__)

TICK_S, ALIVE_S = 0.25, 5.0


@dataclass(slots=True, kw_only=True)
class Parts:
    """What a running control is made of. None: there is no such part here.
    ``secret``: of the links to acknowledge by, b"" where none are.
    """

    binding: Binding
    writer: Writer
    staff: Staff
    desk: Desk
    ear: Ear
    duty: Duty
    repairs: Repairs
    lights: LightDesk
    wanting: Wanting
    permits: Permits
    field: LightingField
    memory: Memory
    postbox: Postbox | None
    front: Front
    sender: Sender | None
    pulse: Pulse | None
    page: LinkServer | None
    secret: bytes


async def work(parts: Parts, stop: asyncio.Event, clock: Clock) -> None:
    """Until ``stop`` is set. Raises what a part raised."""
    tasks = {asyncio.create_task(one(), name=name) for name, one in _works(parts, clock).items()}
    stopped = asyncio.create_task(stop.wait(), name="stop")
    try:
        ended, _ = await asyncio.wait({stopped, *tasks}, return_when=asyncio.FIRST_COMPLETED)
        for task in ended - {stopped}:
            task.result()
        await parts.ear.stop()
        if parts.sender is not None:
            await parts.sender.stop()
        if parts.page is not None:
            await parts.page.stop()
    finally:
        for task in {stopped, *tasks}:
            task.cancel()
        await asyncio.gather(stopped, *tasks, return_exceptions=True)


async def close(parts: Parts) -> None:
    """What was decided goes to the disk; nothing is served any more."""
    if parts.page is not None:
        parts.page.close()
    if parts.pulse is not None:
        await parts.pulse.close()
    await parts.memory.save(parts.field.learned())
    await parts.writer.close()


def nothing() -> None:
    """In place of waking a sender that is not here."""


def _works(parts: Parts, clock: Clock) -> Mapping[str, Callable[[], Any]]:
    works: dict[str, Callable[[], Any]] = {
        "broker": parts.ear.run,
        "ticks": partial(_ticks, parts, clock),
        "work orders": parts.repairs.run,
        "lighting": parts.lights.run,
        "plans in force": parts.wanting.run,
        "crews at work": parts.permits.run,
        "what was learned": partial(_keep_learned, parts),
        "calendar": Wakes(_wakes(parts), parts.writer, clock, parts.staff.zone).run,
    }
    if parts.postbox is not None:
        works["postbox"] = parts.postbox.run
    if parts.sender is not None:
        works["sender"] = parts.sender.run
    if parts.page is not None:
        works["page"] = partial(parts.page.run, _page(parts, clock))
    return works


def _wakes(parts: Parts) -> list[Wake]:
    """What the calendar wakes."""
    wake = parts.sender.wake if parts.sender else nothing
    front, staff, writer = parts.front, parts.staff, parts.writer

    async def lights(_due: int) -> None:
        await nightly.before_night(front.lighting.digest, staff, writer, wake)

    kept = partial(daily.keep_yesterday, front.messages.kpi, sorted(front.orders.areas), writer, staff.zone)
    told = partial(daily.tell_month, front.messages.kpi, staff, writer, wake=wake)
    return [
        Wake(name="lights tonight", at=nightly.AT, do=lights),
        Wake(name="figures of the day", at=daily.DAILY_AT, do=kept),
        Wake(name="figures of the month", at=daily.MONTHLY_AT, do=told),
    ]


async def _ticks(parts: Parts, clock: Clock) -> None:
    alive = -ALIVE_S
    while True:
        parts.ear.tick()
        parts.desk.tick()
        parts.duty.tick(parts.desk)
        if clock.monotonic() - alive >= ALIVE_S:
            alive = clock.monotonic()
            _say_alive(parts.writer, clock.now())
        await clock.sleep(TICK_S)


async def _keep_learned(parts: Parts) -> None:
    while True:
        await parts.memory.pause()
        await parts.memory.save(parts.field.learned())


def _say_alive(writer: Writer, now: int) -> None:
    """A sign of life is of no use when the disk is far behind."""
    try:
        writer.submit(partial(journal.alive, now=now))
    except StateError as error:
        log.debug("no sign of life: %s", error)


def _page(parts: Parts, clock: Clock) -> FastAPI:
    front, staff = parts.front, parts.staff
    return ack_app(
        state=parts.writer,
        secret=parts.secret,
        clock=clock,
        zone=staff.zone,
        view=lambda number: front.alarm(str(number)),
        acknowledge=lambda number, person, note: front.acknowledge(number, staff.name(person), note),
    )
