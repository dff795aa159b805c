"""The sender's care for itself: each channel is tested once a day, and a channel that fails is told of by another one
(domain alarms 2.2, rules 3 and 10). Functions on the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from control.messages.channel_notes import channel_notes, note_channel
from control.messages.compose import Facts
from control.messages.outbox import Address, Notice, To, put
from control.people.roster import Roster
from control.store.tables import delivery, notification
from lampwell.times import local

KEEPERS = ("engineer", "admin", "leader")
"""The roles that hear of the system's own troubles, the first that is reached on a channel gets its test."""
LATE_MIN = 60
"""A test that was missed by so much is left out until the next day: nobody wants it in the middle of the night."""
TEST_EXPIRES_MS = 30 * 60_000
BROKEN_EXPIRES_MS = 12 * 3_600_000
_GROUP = "channels"


def _nobody() -> Sequence[To]:
    return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Care:
    """``keepers``: every way to those who look after the system, the most concerned first (``keepers_of``). ``test_at``: by
    channel, the minute of the county's day of its test. ``beat``: tells something outside that the sender lives; never raises.
    """

    keepers: Callable[[], Sequence[To]] = _nobody
    test_at: Mapping[str, int] = field(default_factory=dict)
    beat: Callable[[], Awaitable[None]] | None = None


def keepers_of(roster: Roster) -> tuple[To, ...]:
    """The ways to engineers, administrators and leaders, then the group chats (whose address is ``-``)."""
    role = {one.id: one.role for one in roster.persons}
    ranked = [
        (KEEPERS.index(role[one.person]) if role.get(one.person) in KEEPERS else len(KEEPERS), one.order, one)
        for one in roster.contacts
        if role.get(one.person) in KEEPERS or one.address == "-"
    ]
    ranked.sort(key=lambda each: each[:2])
    return tuple(To(person=one.person, channel=one.channel, address=one.address) for _, _, one in ranked)


def tell_broken(connection: Connection, care: Care, channel: str, reason: str, now: int, step: str) -> int | None:
    """A channel fails: its keepers hear of it by their other ways. Each ``step`` is told once; None = told before, or nobody."""
    ways: dict[str, list[Address]] = {}
    for one in care.keepers():
        if one.channel != channel:
            ways.setdefault(one.person, []).append((one.channel, one.address))
    to = [To(person=person, channel=first[0], address=first[1], fallback=tuple(more)) for person, (first, *more) in ways.items()]
    about = _facts("channel", channel, reason, "messages go by other ways until it is mended", 2, now)
    return _put(connection, about, f"{channel}:{step}", now, BROKEN_EXPIRES_MS, to) if to else None


def daily(connection: Connection, care: Care, now: int, zone: ZoneInfo) -> list[str]:
    """Put today's tests that are due, and tell of those that did not arrive; the channels under test now."""
    here = local(now, zone)
    minute, today, notes = here.hour * 60 + here.minute, f"{here:%Y-%m-%d}", channel_notes(connection)
    begun = []
    for channel, at in care.test_at.items():
        known = notes.get(channel)
        if not at <= minute < at + LATE_MIN or (known is not None and known.tested_on == today):
            continue
        note_channel(connection, channel, tested_on=today)
        to = next((one for one in care.keepers() if one.channel == channel), None)
        if to is not None:
            about = _facts("test", channel, "每日通道测试, 无需处理", "daily test of the channel, nothing to do", 4, now)
            _put(connection, about, f"{channel}:{today}", now, TEST_EXPIRES_MS, [to])
            begun.append(channel)
    for channel, step in _failed(connection, now) if care.test_at else ():
        tell_broken(connection, care, channel, "每日测试未送达 the daily test did not arrive", now, f"test:{step}")
    return begun


def _failed(connection: Connection, now: int) -> list[tuple[str, str]]:
    """The tests of the last day that ended without having arrived."""
    query = (
        select(delivery.c.channel, notification.c.step)
        .join(notification, notification.c.id == delivery.c.notification)
        .where(
            notification.c.kind == "test",
            notification.c.created > now - 24 * 3_600_000,
            delivery.c.state.in_(("dead", "expired")),
        )
    )
    return [(row.channel, row.step) for row in connection.execute(query)]


def _facts(kind: str, channel: str, zh: str, en: str, priority: int, now: int) -> Facts:
    return Facts(kind=kind, number=0, priority=priority, place_zh=channel, place_en=channel, zh=zh, en=en, value="", time=now)


def _put(connection: Connection, about: Facts, step: str, now: int, lasts_ms: int, to: Sequence[To]) -> int | None:
    key = f"{_GROUP}:{about.kind}"
    notice = Notice(occurrence=None, step=step, group_key=key, created=now, release=now, expires=now + lasts_ms, facts=about)
    return put(connection, notice, to)
