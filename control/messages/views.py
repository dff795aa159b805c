"""Messages and channels as people see them. Values only."""

from __future__ import annotations

from dataclasses import dataclass


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


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelRow:
    """One channel: how many deliveries are in which state, and what is wrong. Times are epoch ms, None = not so."""

    channel: str
    counts: dict[str, int]
    broken_since: int | None = None
    paused_until: int | None = None
    last_sent: int | None = None
    reason: str = ""
    tested_on: str = ""
