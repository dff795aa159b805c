"""Every afternoon: look at the lights before the night, keep what was found, tell the leaders where something is not in order.

It wakes, reads and tells; it decides nothing and sends nothing to the field. Whether today's has been done stands in the
database, so that a restart neither forgets nor repeats it.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import date, datetime, time
from functools import partial

import msgspec
from sqlalchemy import Connection, insert, select, update

from control.gaps import leaders
from control.lighting.digest import Digest
from control.messages import outbox
from control.messages.compose import Facts
from control.messages.group import EXPIRES_MS
from control.messages.outbox import Notice
from control.staff import Staff
from control.store.tables import meta
from control.store.writer import Writer
from lampwell.clock import Clock
from lampwell.errors import LampwellError
from lampwell.lighting.night import night_of

log = logging.getLogger(__name__)

AT = time(15)
"""Early enough to mend something before dusk, late enough that the day's changes are in."""
LOOK_S, HEAR_S = 60.0, 600.0
"""After a start edge nodes are given the second to be heard of; after a failure it is tried again so late."""
PRIORITY = 3
KEY = "lighting.digest"


class Nightly:
    """``look``: the digest of the coming night; ``wake`` is called when something new is in the outbox."""

    def __init__(
        self, look: Callable[[], Awaitable[Digest]], staff: Staff, writer: Writer, clock: Clock, *, wake: Callable[[], None]
    ) -> None:
        self._look, self._staff, self._writer, self._clock, self._wake = look, staff, writer, clock, wake

    async def run(self) -> None:
        """Once a day, until cancelled."""
        await self._clock.sleep(HEAR_S)
        while True:
            wait = LOOK_S
            try:
                await self.turn()
            except LampwellError as error:
                log.error("no look at the lights: %s", error)
                wait = HEAR_S
            await self._clock.sleep(wait)

    async def turn(self) -> Digest | None:
        """Today's, if its time has come and it has not been done. StateError, ConfigError."""
        local = datetime.fromtimestamp(self._clock.now() / 1000, self._staff.zone)
        if local.time() < AT:
            return None
        last = await self._writer.read(_last)
        if last is not None and last.day >= night_of(self._clock.now(), self._staff.zone):
            return None
        found = await self._look()
        await self._writer.write(partial(self._kept, found=found))
        self._wake()
        for one in found.problems:
            log.warning("lights: %s %s", one.zh, one.en)
        return found

    def _kept(self, connection: Connection, found: Digest) -> None:
        value = msgspec.json.encode(found).decode()
        if not connection.execute(update(meta).where(meta.c.key == KEY).values(value=value)).rowcount:
            connection.execute(insert(meta).values(key=KEY, value=value))
        if found.version and found.problems and (to := leaders(self._staff.roster)):
            outbox.put(connection, _notice(found), to)


def _last(connection: Connection) -> Digest | None:
    text = connection.scalar(select(meta.c.value).where(meta.c.key == KEY))
    try:
        return msgspec.json.decode(text, type=Digest) if text else None
    except msgspec.MsgspecError:
        return None  # of another version of this program: today's is made anew


def _notice(found: Digest) -> Notice:
    first, more = found.problems[0], len(found.problems) - 1
    about = Facts(
        kind="lights",
        number=0,
        priority=PRIORITY,
        place_zh=f"今夜 {found.agree}/{found.edges} 网关就绪",
        place_en=f"tonight {found.agree} of {found.edges} edge nodes are ready",
        zh=first.zh + (f" 等{more + 1}项" if more else ""),
        en="; ".join(one.en for one in found.problems),
        value="",
        time=found.at,
        because_zh="；".join(one.zh for one in found.problems),
        because_en="; ".join(one.en for one in found.problems),
    )
    return Notice(
        occurrence=None,
        step=f"lights:{date.isoformat(found.day)}",
        group_key="lights",
        created=found.at,
        release=found.at,
        expires=found.at + EXPIRES_MS[PRIORITY],
        facts=about,
    )
