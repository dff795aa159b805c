"""Every afternoon: look at the lights before the night and tell the leaders where something is not in order."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from datetime import date
from functools import partial

from sqlalchemy import Connection

from control.leaders import tell_leaders
from control.lighting.digest import Digest
from control.messages.compose import Facts
from control.staff import Staff
from control.store.writer import Writer

log = logging.getLogger(__name__)

AT = "0 15 * * *"
"""Early enough to mend something before dusk, late enough that the day's changes are in."""
PRIORITY = 3


async def before_night(look: Callable[[], Awaitable[Digest]], staff: Staff, writer: Writer, wake: Callable[[], None]) -> None:
    """Look, and put what is wrong into the outbox, once a night; ``wake`` is called when it is there. StateError, ConfigError."""
    found = await look()
    for one in found.problems:
        log.warning("lights: %s %s", one.zh, one.en)
    if found.version and found.problems:
        await writer.write(partial(_put, found=found, staff=staff))
        wake()


def _put(connection: Connection, found: Digest, staff: Staff) -> None:
    tell_leaders(connection, staff.roster, _facts(found), step=f"lights:{date.isoformat(found.day)}", key="lights")


def _facts(found: Digest) -> Facts:
    first, more = found.problems[0], len(found.problems) - 1
    return Facts(
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
