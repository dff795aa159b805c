"""One-use links to acknowledge an alarm from a phone: signed, kept only as a digest, good for a day (domain 2.2, rule 9)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import Connection, insert, select, update

from control.store.tables import ack_token

TTL_MS = 24 * 3_600_000
_RANDOM, _SIGNATURE = 16, 8


class Why(StrEnum):
    """Why a link can not be used. A wrong one and one that never was are not told apart."""

    UNKNOWN = "链接无效 this link is not valid"
    USED = "链接已使用过 this link has been used already"
    EXPIRED = "链接已过期 this link has expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Whom a link was sent to, and about what."""

    occurrence: int
    person: str


def make(connection: Connection, secret: bytes, occurrence: int, person: str, now: int, ttl_ms: int = TTL_MS) -> str:
    """A new token."""
    noise = secrets.token_bytes(_RANDOM)
    token = base64.urlsafe_b64encode(noise + _sign(secret, noise)).decode().rstrip("=")
    connection.execute(
        insert(ack_token).values(digest=_digest(token), occurrence=occurrence, person=person, created=now, expires=now + ttl_ms)
    )
    return token


def look(connection: Connection, secret: bytes, token: str, now: int) -> Link | Why:
    """What a link is about. Looking changes nothing, however often a chat program previews it."""
    if not _is_ours(secret, token):
        return Why.UNKNOWN
    row = connection.execute(select(ack_token).where(ack_token.c.digest == _digest(token))).first()
    if row is None:
        return Why.UNKNOWN
    if row.used_at is not None:
        return Why.USED
    return Link(occurrence=row.occurrence, person=row.person) if now < row.expires else Why.EXPIRED


def use(connection: Connection, secret: bytes, token: str, now: int) -> Link | Why:
    """Use it up, once."""
    found = look(connection, secret, token, now)
    if isinstance(found, Link):
        done = connection.execute(
            update(ack_token).where(ack_token.c.digest == _digest(token), ack_token.c.used_at.is_(None)).values(used_at=now)
        )
        if not done.rowcount:
            return Why.USED
    return found


def give_back(connection: Connection, token: str) -> None:
    """It was used, but what it was used for could not be kept: it is good again."""
    connection.execute(update(ack_token).where(ack_token.c.digest == _digest(token)).values(used_at=None))


def _sign(secret: bytes, noise: bytes) -> bytes:
    return hmac.new(secret, b"ack" + noise, hashlib.sha256).digest()[:_SIGNATURE]


def _is_ours(secret: bytes, token: str) -> bool:
    """Whether the signature holds: what was never made here costs no look into the database."""
    try:
        raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError):
        return False
    return len(raw) == _RANDOM + _SIGNATURE and hmac.compare_digest(_sign(secret, raw[:_RANDOM]), raw[_RANDOM:])


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
