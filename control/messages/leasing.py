"""From deliveries that wait to one letter that goes. Functions on the caller's transaction.

The letter's row is written, and committed, before the hand-over: a crash between the two repeats it once at most and loses
nothing. What is leased is read again in the same transaction, so what was answered a moment ago does not go.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, case, func, insert, select, update

from control.messages.compose import Facts, unpack
from control.messages.group import WAIT_MS
from control.messages.turn import Go, Head
from control.store.tables import delivery, letter, notification

LEASE_MS = 60_000
"""A sender that has not renewed a lease for so long has died with it."""
MOST = 500
"""More deliveries than this are more than one letter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """Deliveries to one address that go as one letter. ``priority``: the most urgent one's. ``facts``: each occurrence once, as
    it was told last, the most urgent first. ``id``: the same for the same deliveries at a repeat.
    """

    channel: str
    address: str
    person: str
    priority: int
    deliveries: tuple[int, ...]
    facts: tuple[Facts, ...]
    id: str


def due_channels(connection: Connection, now: int) -> set[str]:
    """The channels on which something waits whose time has come."""
    query = select(delivery.c.channel).where(delivery.c.state == "queued", delivery.c.next_try <= now).distinct()
    return set(connection.scalars(query))


def heads(connection: Connection, channel: str, now: int) -> list[Head]:
    """What waits on a channel and may go now: by address, group and redness, the most urgent and oldest first."""
    red = case((notification.c.priority == 1, 1), else_=0).label("red")
    first, oldest = func.min(notification.c.priority).label("priority"), func.min(delivery.c.id)
    detour = func.max(case((delivery.c.fallback != "[]", 1), else_=0)).label("detour")
    query = (
        select(delivery.c.address, notification.c.group_key, first, detour)
        .join(notification, notification.c.id == delivery.c.notification)
        .where(
            delivery.c.channel == channel, delivery.c.state == "queued", delivery.c.next_try <= now, notification.c.expires > now
        )
        .group_by(delivery.c.address, notification.c.group_key, red)
        .order_by(first, oldest)
    )
    return [
        Head(address=row.address, group_key=row.group_key, priority=row.priority, detour=bool(row.detour))
        for row in connection.execute(query)
    ]


def lease(connection: Connection, channel: str, go: Go, now: int) -> Bundle | None:
    """What goes in one letter now: what is due, and what of its groups would be due soon (it waited for company, and here it is).

    None: there is nothing left, someone else was faster. A row that can not be read is dead, so that it holds up no other.
    """
    soon = now + (WAIT_MS[1] if go.red else WAIT_MS[3])
    query = (
        select(delivery, notification.c.priority, notification.c.body)
        .join(notification, notification.c.id == delivery.c.notification)
        .where(
            delivery.c.channel == channel,
            delivery.c.address == go.address,
            delivery.c.state == "queued",
            delivery.c.next_try <= soon,
            notification.c.group_key.in_(go.groups),
            (notification.c.priority == 1) == go.red,
            notification.c.expires > now,
        )
        .order_by(notification.c.priority, delivery.c.id)
        .limit(MOST)
        .with_for_update(of=delivery, skip_locked=True)
    )
    read = [(row, about) for row in connection.execute(query).all() if (about := _about(connection, row, now)) is not None]
    return _bundle(channel, read) if read else None


def hand_over(connection: Connection, bundle: Bundle, text: str, now: int) -> str:
    """Give a leased bundle to a letter that is about to go; the number of the letter."""
    number = secrets.token_hex(8)
    connection.execute(
        insert(letter).values(
            id=number,
            channel=bundle.channel,
            address=bundle.address,
            priority=bundle.priority,
            handed_at=now,
            deliveries=len(bundle.deliveries),
            text=text,
        )
    )
    connection.execute(
        update(delivery)
        .where(delivery.c.id.in_(bundle.deliveries), delivery.c.state == "queued")
        .values(state="leased", lease_until=now + LEASE_MS, letter=number, attempts=delivery.c.attempts + 1)
    )
    return number


def renew(connection: Connection, letters: Iterable[str], now: int) -> None:
    """These letters are still under way: a slow vendor must not be asked twice."""
    connection.execute(
        update(delivery)
        .where(delivery.c.letter.in_(list(letters)), delivery.c.state.in_(("leased", "recalled")))
        .values(lease_until=now + LEASE_MS)
    )


def told_with(connection: Connection, bundle: Bundle) -> list[str]:
    """Who else hears, or has heard, of the one occurrence that a bundle is about; [] where it is about several or none."""
    if len(bundle.facts) != 1 or not bundle.facts[0].number:
        return []
    query = (
        select(delivery.c.person, func.min(delivery.c.id))
        .join(notification, notification.c.id == delivery.c.notification)
        .where(
            notification.c.occurrence == bundle.facts[0].number,
            delivery.c.person != bundle.person,
            delivery.c.state.in_(("queued", "leased", "recalled", "sent", "unknown")),
        )
        .group_by(delivery.c.person)
        .order_by(func.min(delivery.c.id))
    )
    return [row.person for row in connection.execute(query)]


# -- the pieces ------------------------------------------------------------------------------------------------------------------


def _about(connection: Connection, row: Any, now: int) -> Facts | None:
    try:
        return unpack(row.body)
    except msgspec.MsgspecError as error:
        reason = f"内容无法读取 its text can not be read: {error}"
        connection.execute(update(delivery).where(delivery.c.id == row.id).values(state="dead", error=reason, ended_at=now))
        return None


def _bundle(channel: str, read: list[tuple[Any, Facts]]) -> Bundle:
    """One address may stand for several persons, and one occurrence may wait in several steps: each is told once."""
    newest: dict[tuple[str, int], tuple[Any, Facts]] = {}
    for row, about in sorted(read, key=lambda pair: pair[0].notification):
        newest["occurrence" if about.number else "notification", about.number or row.notification] = (row, about)
    told = sorted(newest.values(), key=lambda pair: (pair[1].priority, pair[0].id))
    numbers = tuple(row.id for row, _ in read)
    name = hashlib.sha256(f"{channel}:{sorted(numbers)}".encode()).hexdigest()[:16]
    return Bundle(
        channel=channel,
        address=read[0][0].address,
        person=read[0][0].person,
        priority=min(row.priority for row, _ in read),
        deliveries=numbers,
        facts=tuple(about for _, about in told),
        id=name,
    )
