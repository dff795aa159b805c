"""The durable outbox: what is to be told to whom, what became of it, and what is next. Functions on the caller's transaction.

A delivery is queued, leased to a sender while a letter is under way, then sent, unknown (it may have arrived), dead (with its
reason), expired or cancelled; recalled is a lease whose news is of no more use. What leases is in ``leasing``, what people
are shown in ``deliveries``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Connection, and_, func, insert, select, update

from control.messages.channel_notes import note_channel
from control.messages.compose import Facts, pack
from control.messages.port import Outcome, Receipt
from control.messages.turn import PATIENCE_MS, Head
from control.store.tables import delivery, letter, notification

RETRY_S = (2.0, 5.0, 15.0, 30.0, 60.0, 120.0, 300.0)
"""Domain alarms 2.2, rule 3. The last one goes on until the message expires or goes another way."""
JITTER = 0.2
ALARMING = ("raise", "escalate", "realarm")

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


# -- in --------------------------------------------------------------------------------------------------------------------------


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
    for each in {(each.person, each.channel, each.address): each for each in to}.values():
        connection.execute(insert(delivery).values(**_new(number, each, notice.release)))
    return number


def stop(connection: Connection, occurrence: int, now: int) -> int:
    """An occurrence was answered or is over: nobody need be told any more what still waits; how many were cancelled. A letter
    under way can not be called back, but it is not tried again.
    """
    mine = select(notification.c.id).where(notification.c.occurrence == occurrence, notification.c.kind.in_(ALARMING))
    done = connection.execute(
        update(delivery)
        .where(delivery.c.state == "queued", delivery.c.notification.in_(mine))
        .values(state="cancelled", ended_at=now)
    )
    connection.execute(
        update(delivery).where(delivery.c.state == "leased", delivery.c.notification.in_(mine)).values(state="recalled")
    )
    return int(done.rowcount)


def reached(connection: Connection, occurrence: int) -> list[To]:
    """Everyone to whom news of this occurrence went, or may have gone: whoever must hear that it is over."""
    query = (
        select(delivery.c.person, delivery.c.channel, delivery.c.address)
        .join(notification, notification.c.id == delivery.c.notification)
        .where(
            notification.c.occurrence == occurrence,
            notification.c.kind.in_(ALARMING),
            delivery.c.state.in_(("sent", "unknown", "leased", "recalled")),
        )
        .group_by(delivery.c.person, delivery.c.channel, delivery.c.address)
        .order_by(func.min(delivery.c.id))
    )
    return [To(person=row.person, channel=row.channel, address=row.address) for row in connection.execute(query)]


# -- out -------------------------------------------------------------------------------------------------------------------------


def record(connection: Connection, number: str, receipt: Receipt, now: int, jitter: float) -> None:
    """What became of a letter. ``jitter``: a number in [-1, 1] that spreads the retries.

    Rows whose lease has run out in between still count, as long as no other letter has taken them.
    """
    connection.execute(update(letter).where(letter.c.id == number).values(ended_at=now, outcome=str(receipt.outcome)))
    rows = connection.execute(
        select(delivery, notification.c.priority, notification.c.expires)
        .join(notification, notification.c.id == delivery.c.notification)
        .where(delivery.c.letter == number, delivery.c.state.in_(("leased", "recalled", "queued")))
    ).all()
    for row in rows:
        _record_one(connection, row, receipt, now, jitter)
    channel = connection.scalar(select(letter.c.channel).where(letter.c.id == number)) or ""
    if receipt.outcome is Outcome.SENT:
        note_channel(connection, channel, last_sent=now, broken_since=None, paused_until=None, reason="")


def _record_one(connection: Connection, row: Any, receipt: Receipt, now: int, jitter: float) -> None:
    said = {"code": receipt.code, "error": receipt.reason, "provider_id": receipt.provider_id, "lease_until": None}
    match receipt.outcome:
        case Outcome.SENT:
            _set(connection, row.id, state="sent", sent_at=now, ended_at=now, **said)
        case Outcome.UNKNOWN if row.priority > 2 or row.state == "recalled":
            _set(connection, row.id, state="unknown", ended_at=now, **said)
        case _ if row.state == "recalled":
            _set(connection, row.id, state="cancelled", ended_at=now, **said)
        case Outcome.DEAD | Outcome.BROKEN:
            _set(connection, row.id, state="dead", ended_at=now, **said)
            _go_on(connection, row, now)
        case _ if _is_tired(row, receipt) and _go_on(connection, row, now):
            _set(connection, row.id, state="dead", ended_at=now, **said)
        case _:
            wait = max(RETRY_S[min(row.attempts, len(RETRY_S)) - 1] * (1 + JITTER * jitter), receipt.retry_after_s or 0.0)
            _set(connection, row.id, state="queued", next_try=now + round(wait * 1000), **said)


def _is_tired(row: Any, receipt: Receipt) -> bool:
    """Tried often enough, or told to wait for longer than the message has patience: time for another way, if there is one."""
    patience = PATIENCE_MS.get(row.priority)
    return row.attempts > len(RETRY_S) or (patience is not None and (receipt.retry_after_s or 0.0) * 1000 > patience)


def detour(connection: Connection, channel: str, head: Head, reason: str, now: int) -> int:
    """What of a head has another way to go takes it; how many did. The rest stays and is not asked again."""
    rows = connection.execute(
        select(delivery)
        .join(notification, notification.c.id == delivery.c.notification)
        .where(
            delivery.c.channel == channel,
            delivery.c.address == head.address,
            delivery.c.state == "queued",
            delivery.c.next_try <= now,
            delivery.c.fallback != "[]",
            notification.c.group_key == head.group_key,
            (notification.c.priority == 1) == head.red,
            notification.c.expires > now,
        )
    ).all()
    moved = 0
    for row in rows:
        if _go_on(connection, row, now):
            _set(connection, row.id, state="dead", error=reason, ended_at=now)
            moved += 1
        else:
            _set(connection, row.id, fallback="[]")
    return moved


def _go_on(connection: Connection, row: Any, now: int) -> bool:
    """The next way to the same person that was not tried; whether there was one."""
    ways: list[Address] = [tuple(each) for each in msgspec.json.decode(row.fallback)]
    tried = {
        (each.channel, each.address)
        for each in connection.execute(
            select(delivery.c.channel, delivery.c.address).where(
                delivery.c.notification == row.notification, delivery.c.person == row.person
            )
        )
    }
    for n, (channel, address) in enumerate(ways):
        if (channel, address) not in tried:
            to = To(person=row.person, channel=channel, address=address, fallback=tuple(ways[n + 1 :]))
            connection.execute(insert(delivery).values(**_new(row.notification, to, now)))
            return True
    return False


def tidy(connection: Connection, now: int) -> tuple[int, int]:
    """Leases of a sender that died are free again; what is too old to be of use expires: (freed, expired)."""
    lapsed = delivery.c.lease_until < now
    gone = select(delivery.c.letter).where(delivery.c.state.in_(("leased", "recalled")), lapsed)
    connection.execute(update(letter).where(letter.c.id.in_(gone), letter.c.outcome == "").values(outcome="unknown"))
    freed = connection.execute(
        update(delivery).where(delivery.c.state == "leased", lapsed).values(state="queued", lease_until=None, next_try=now)
    )
    connection.execute(
        update(delivery).where(delivery.c.state == "recalled", lapsed).values(state="unknown", lease_until=None, ended_at=now)
    )
    too_old = (
        select(notification.c.id).where(notification.c.id == delivery.c.notification, notification.c.expires <= now).exists()
    )
    expired = connection.execute(
        update(delivery).where(delivery.c.state == "queued", too_old).values(state="expired", ended_at=now)
    )
    return int(freed.rowcount), int(expired.rowcount)


# -- rows ------------------------------------------------------------------------------------------------------------------------


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
