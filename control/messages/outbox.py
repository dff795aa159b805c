"""The durable outbox: what is to be told to whom, what became of it, and what is next. Functions on the caller's transaction.

A delivery is queued, leased to a sender while a letter is under way, then sent, dead (with its reason), expired or cancelled.
The letter's row is written before the hand-over: a crash between the two repeats it once at most and loses nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, and_, func, insert, select, update

from control.messages.compose import Facts, pack, unpack
from control.messages.port import Outcome, Receipt
from control.store.tables import channel_state, delivery, letter, notification

RETRY_S = (2.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0)
JITTER = 0.2
LEASE_MS = 60_000
"""A sender that is silent for longer has died with its lease."""

Address = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something to be told. ``step`` tells repeats apart from news: the same occurrence, kind and step is put once, ever."""

    occurrence: int | None
    step: str
    group_key: str
    created: int
    release: int
    expires: int
    facts: Facts


@dataclass(frozen=True, slots=True, kw_only=True)
class To:
    """A person (or group) on a channel. ``fallback``: (channel, address) to go on with when this one fails for good."""

    person: str
    channel: str
    address: str
    fallback: tuple[Address, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """Deliveries of one group to one address that may go now, as one letter. ``priority``: the most urgent one's."""

    channel: str
    address: str
    person: str
    priority: int
    deliveries: tuple[int, ...]
    occurrences: tuple[int, ...]
    facts: tuple[Facts, ...]


def put(connection: Connection, notice: Notice, to: Sequence[To]) -> int | None:
    """Queue a notice for everyone it is for; its id, or None if it was put before (nothing changes then)."""
    known = and_(
        notification.c.kind == notice.facts.kind,
        notification.c.step == notice.step,
        notification.c.occurrence == notice.occurrence if notice.occurrence is not None else notification.c.occurrence.is_(None),
    )
    if connection.scalar(select(notification.c.id).where(known)) is not None:
        return None
    done = connection.execute(
        insert(notification).values(
            occurrence=notice.occurrence,
            kind=notice.facts.kind,
            step=notice.step,
            priority=notice.facts.priority,
            group_key=notice.group_key,
            created=notice.created,
            release=notice.release,
            expires=notice.expires,
            body=pack(notice.facts),
        )
    )
    assert done.inserted_primary_key is not None, "the table has a key"
    number = int(done.inserted_primary_key[0])
    for each in dict.fromkeys(to):
        connection.execute(insert(delivery).values(**_new(number, each, notice.release)))
    return number


def ready(connection: Connection, channel: str, now: int) -> list[Bundle]:
    """What may go on a channel now, one bundle an address and group, the most urgent and oldest first."""
    rows = connection.execute(
        select(delivery, notification.c.occurrence, notification.c.priority, notification.c.group_key, notification.c.body)
        .join(notification, notification.c.id == delivery.c.notification)
        .where(
            delivery.c.channel == channel, delivery.c.state == "queued", delivery.c.next_try <= now, notification.c.expires > now
        )
        .order_by(notification.c.priority, delivery.c.id)
        .limit(500)
    ).all()
    groups: dict[tuple[str, str], list[Any]] = {}
    for row in rows:
        groups.setdefault((row.address, row.group_key), []).append(row)
    return [_bundle(channel, members) for members in groups.values()]


def waiting_with(connection: Connection, bundle: Bundle, now: int) -> list[Bundle]:
    """All that waits for the same address, as one bundle or none: a digest instead of fifty when the budget is spent."""
    others = [one for one in ready(connection, bundle.channel, now) if one.address == bundle.address]
    if len(others) < 2:
        return others
    return [
        Bundle(
            channel=bundle.channel,
            address=bundle.address,
            person=bundle.person,
            priority=min(one.priority for one in others),
            deliveries=tuple(n for one in others for n in one.deliveries),
            occurrences=tuple(n for one in others for n in one.occurrences),
            facts=tuple(each for one in others for each in one.facts),
        )
    ]


def hand_over(connection: Connection, bundle: Bundle, text: str, now: int) -> str:
    """Lease a bundle's deliveries to a letter that is about to go; the letter's id."""
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
        .where(delivery.c.id.in_(bundle.deliveries))
        .values(state="leased", lease_until=now + LEASE_MS, letter=number, attempts=delivery.c.attempts + 1)
    )
    return number


def record(connection: Connection, number: str, receipt: Receipt, now: int, jitter: float) -> None:
    """What became of a letter. ``jitter``: a number in [-1, 1] that spreads the retries."""
    connection.execute(update(letter).where(letter.c.id == number).values(ended_at=now, outcome=str(receipt.outcome)))
    rows = connection.execute(
        select(delivery, notification.c.priority, notification.c.expires)
        .join(notification, notification.c.id == delivery.c.notification)
        .where(delivery.c.letter == number, delivery.c.state == "leased")
    ).all()
    for row in rows:
        _record_one(connection, row, receipt, now, jitter)
    channel = connection.scalar(select(letter.c.channel).where(letter.c.id == number)) or ""
    if receipt.outcome is Outcome.SENT:
        note_channel(connection, channel, last_sent=now, broken_since=None, reason="")


def _record_one(connection: Connection, row: Any, receipt: Receipt, now: int, jitter: float) -> None:
    said = {"code": receipt.code, "error": receipt.reason, "provider_id": receipt.provider_id, "lease_until": None}
    match receipt.outcome:
        case Outcome.SENT:
            _set(connection, row.id, state="sent", sent_at=now, ended_at=now, **said)
        case Outcome.UNKNOWN if row.priority > 2:
            _set(connection, row.id, state="unknown", ended_at=now, **said)
        case Outcome.DEAD | Outcome.BROKEN:
            _set(connection, row.id, state="dead", ended_at=now, **said)
            _go_on(connection, row, now)
        case _ if row.attempts > len(RETRY_S):
            _set(connection, row.id, state="dead", ended_at=now, **said)
            _go_on(connection, row, now)
        case _:
            wait = max(RETRY_S[min(row.attempts, len(RETRY_S)) - 1] * (1 + JITTER * jitter), receipt.retry_after_s or 0.0)
            _set(connection, row.id, state="queued", next_try=now + round(wait * 1000), **said)


def _go_on(connection: Connection, row: Any, now: int) -> None:
    """The next way to the same person, if there is one that was not tried."""
    left: list[Address] = [tuple(each) for each in msgspec.json.decode(row.fallback)]
    tried = {
        (each.channel, each.address)
        for each in connection.execute(
            select(delivery.c.channel, delivery.c.address).where(
                delivery.c.notification == row.notification, delivery.c.person == row.person
            )
        )
    }
    for n, (channel, address) in enumerate(left):
        if (channel, address) not in tried:
            to = To(person=row.person, channel=channel, address=address, fallback=tuple(left[n + 1 :]))
            connection.execute(insert(delivery).values(**_new(row.notification, to, now)))
            return


def postpone(connection: Connection, bundle: Bundle, until: int) -> None:
    """Look at a bundle again only then."""
    connection.execute(update(delivery).where(delivery.c.id.in_(bundle.deliveries)).values(next_try=until))


def give_up(connection: Connection, bundle: Bundle, reason: str, now: int) -> None:
    """An address that takes no more: the next way to the same person."""
    for row in connection.execute(select(delivery).where(delivery.c.id.in_(bundle.deliveries))).all():
        _set(connection, row.id, state="dead", error=reason, ended_at=now)
        _go_on(connection, row, now)


def stop(connection: Connection, occurrence: int, now: int) -> int:
    """An occurrence was answered or is over: nobody need be told any more what still waits; how many were cancelled."""
    mine = select(notification.c.id).where(
        notification.c.occurrence == occurrence, notification.c.kind.in_(("raise", "escalate", "realarm"))
    )
    done = connection.execute(
        update(delivery)
        .where(delivery.c.state == "queued", delivery.c.notification.in_(mine))
        .values(state="cancelled", ended_at=now)
    )
    return int(done.rowcount)


def tidy(connection: Connection, now: int) -> tuple[int, int]:
    """Leases of a sender that died are free again; what is too old to be of use expires: (freed, expired)."""
    freed = connection.execute(
        update(delivery)
        .where(delivery.c.state == "leased", delivery.c.lease_until < now)
        .values(state="queued", lease_until=None, next_try=now)
    )
    old = select(notification.c.id).where(notification.c.expires <= now)
    expired = connection.execute(
        update(delivery)
        .where(delivery.c.state == "queued", delivery.c.notification.in_(old))
        .values(state="expired", ended_at=now)
    )
    return int(freed.rowcount), int(expired.rowcount)


def handed(connection: Connection, channel: str, since: int) -> list[int]:
    """When letters were handed to a channel's vendor, ascending."""
    query = (
        select(letter.c.handed_at).where(letter.c.channel == channel, letter.c.handed_at >= since).order_by(letter.c.handed_at)
    )
    return list(connection.scalars(query))


def handed_to(connection: Connection, channel: str, address: str, since: int) -> int:
    """How many letters went to one address."""
    query = select(func.count()).where(letter.c.channel == channel, letter.c.address == address, letter.c.handed_at >= since)
    return connection.scalar(query) or 0


def note_channel(connection: Connection, channel: str, **values: Any) -> None:
    """Keep what is known of a channel."""
    done = connection.execute(update(channel_state).where(channel_state.c.channel == channel).values(**values))
    if not done.rowcount:
        connection.execute(insert(channel_state).values(channel=channel, **values))


def channel_notes(connection: Connection) -> Mapping[str, Any]:
    """What is known of each channel: rows with broken_since, paused_until, reason, tested_on, last_sent."""
    return {row.channel: row for row in connection.execute(select(channel_state))}


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryRow:
    """One line of the outbox, for people."""

    id: int
    occurrence: int
    kind: str
    priority: int
    person: str
    channel: str
    address: str
    state: str
    attempts: int
    created: int
    sent_at: int | None
    error: str
    zh: str


def listing(connection: Connection, *, state: str = "", occurrence: int | None = None, most: int = 200) -> list[DeliveryRow]:
    """Deliveries, newest first."""
    query = select(delivery, notification).join(notification, notification.c.id == delivery.c.notification)
    if state:
        query = query.where(delivery.c.state == state)
    if occurrence is not None:
        query = query.where(notification.c.occurrence == occurrence)
    rows = connection.execute(query.order_by(delivery.c.id.desc()).limit(most)).mappings()
    return [_row(row) for row in rows]


def summary(connection: Connection) -> dict[str, dict[str, int]]:
    """How many deliveries are in which state, by channel."""
    found: dict[str, dict[str, int]] = {}
    query = select(delivery.c.channel, delivery.c.state, func.count()).group_by(delivery.c.channel, delivery.c.state)
    for channel, state, count in connection.execute(query):
        found.setdefault(channel, {})[state] = count
    return found


# -- rows ----------------------------------------------------------------------------------------------------------------------


def _new(number: int, to: To, at: int) -> dict[str, Any]:
    return {
        "notification": number,
        "person": to.person,
        "channel": to.channel,
        "address": to.address,
        "fallback": msgspec.json.encode(to.fallback).decode(),
        "state": "queued",
        "next_try": at,
    }


def _set(connection: Connection, number: int, **values: Any) -> None:
    connection.execute(update(delivery).where(delivery.c.id == number).values(**values))


def _bundle(channel: str, rows: Sequence[Any]) -> Bundle:
    return Bundle(
        channel=channel,
        address=rows[0].address,
        person=rows[0].person,
        priority=min(row.priority for row in rows),
        deliveries=tuple(row.id for row in rows),
        occurrences=tuple(row.occurrence for row in rows if row.occurrence is not None),
        facts=tuple(unpack(row.body) for row in rows),
    )


def _row(row: Any) -> DeliveryRow:
    about = unpack(row[notification.c.body])
    return DeliveryRow(
        id=row[delivery.c.id],
        occurrence=row[notification.c.occurrence] or 0,
        kind=row[notification.c.kind],
        priority=row[notification.c.priority],
        person=row[delivery.c.person],
        channel=row[delivery.c.channel],
        address=row[delivery.c.address],
        state=row[delivery.c.state],
        attempts=row[delivery.c.attempts],
        created=row[notification.c.created],
        sent_at=row[delivery.c.sent_at],
        error=row[delivery.c.error],
        zh=f"{about.place_zh} {about.zh}",
    )
