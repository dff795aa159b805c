"""What is kept of each channel: since when it is broken, until when it is paused, when it last worked, when it was tested."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, func, insert, select, update

from control.messages.budget import MINUTE_MS
from control.messages.port import Limits
from control.messages.turn import Seen
from control.store.tables import channel_state, letter


def note_channel(connection: Connection, channel: str, **values: Any) -> None:
    """Keep what is known of a channel."""
    done = connection.execute(update(channel_state).where(channel_state.c.channel == channel).values(**values))
    if not done.rowcount:
        connection.execute(insert(channel_state).values(channel=channel, **values))


def channel_notes(connection: Connection) -> Mapping[str, Any]:
    """What is known of each channel: rows with broken_since, paused_until, reason, tested_on, last_sent."""
    return {row.channel: row for row in connection.execute(select(channel_state))}


def note_broken(connection: Connection, channel: str, reason: str, now: int, until: int) -> bool:
    """The channel does not work and is left alone until then; whether that is news."""
    known = channel_notes(connection).get(channel)
    is_news = known is None or known.broken_since is None
    since = now if known is None or known.broken_since is None else known.broken_since
    note_channel(connection, channel, broken_since=since, reason=reason, paused_until=until)
    return is_news


def seen(connection: Connection, channel: str, limits: Limits, now: int, midnight: int) -> Seen:
    """What decides whose turn it is. ``midnight``: when the county's day began."""
    notes = channel_notes(connection).get(channel)
    paused = notes.paused_until if notes else None
    return Seen(
        handed=_handed(connection, channel, now - MINUTE_MS) if limits.per_minute or limits.per_second else (),
        today=_today(connection, channel, midnight) if limits.per_day else {},
        closed_until=paused if paused is not None and paused > now else None,
        broken=bool(notes and notes.broken_since is not None),
    )


def _handed(connection: Connection, channel: str, since: int) -> list[int]:
    """When letters were handed to a channel's vendor, ascending."""
    query = (
        select(letter.c.handed_at).where(letter.c.channel == channel, letter.c.handed_at >= since).order_by(letter.c.handed_at)
    )
    return list(connection.scalars(query))


def _today(connection: Connection, channel: str, since: int) -> dict[str, int]:
    """How many letters went to each address."""
    query = (
        select(letter.c.address, func.count().label("letters"))
        .where(letter.c.channel == channel, letter.c.handed_at >= since)
        .group_by(letter.c.address)
    )
    return {row.address: row.letters for row in connection.execute(query)}
