"""What a channel is to the sender: it takes one letter for one address and says what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol


class Outcome(StrEnum):
    """What became of a letter, cut by what the sender does next."""

    SENT = "sent"  # the vendor took it: HTTP 2xx and its own code says success
    RETRY = "retry"  # refused or not reached, may work later (429, 5xx, vendor busy, no connection)
    UNKNOWN = "unknown"  # handed over, but no answer came: it may have arrived; a repeat may be a duplicate
    DEAD = "dead"  # this letter to this address will never work (bad number, refused text)
    BROKEN = "broken"  # the channel itself does not work until a person mends it (bad token, bad signature, expired certificate)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One message for one address. ``id``: the delivery's id, the same at a repeat, for vendors that can deduplicate. ``title``
    and ``text`` are plain text; ``link`` opens the occurrence on a phone; ``priority`` 1 (red) to 4 (blue); ``mention``: phone
    numbers to call out in a group chat. ``template``: values by name for template SMS (priority, place, what, value, limit, time,
    number).
    """

    id: str
    address: str
    title: str
    text: str
    priority: int
    link: str = ""
    mention: tuple[str, ...] = ()
    template: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """``code``: the vendor's own code or the HTTP status; ``reason``: for people, without secrets; ``provider_id``: the vendor's
    id of the message; ``retry_after_s``: the vendor's wish, if it gave one.
    """

    outcome: Outcome
    code: str = ""
    reason: str = ""
    provider_id: str = ""
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """A vendor's budget and our share of it: at most ``per_minute`` letters in any 60 s, of which ``reserve`` are kept for
    priority 1; ``per_second`` in any second; ``per_day`` per address. 0 = no limit known. ``text_bytes``/``text_chars``: longest
    text taken. ``pause_s``: how long the vendor is silent towards us once its limit was hit.
    """

    per_minute: int = 0
    reserve: int = 0
    per_second: int = 0
    per_day: int = 0
    text_bytes: int = 0
    text_chars: int = 0
    pause_s: float = 60.0


class Channel(Protocol):
    """A way to reach people. ``name`` is its id in the county's ``channels.toml``."""

    name: str
    kind: str
    limits: Limits

    async def send(self, letter: Letter) -> Receipt:
        """Hand the letter over, once, within the channel's own timeout. Never raises for what the vendor or network does."""
        ...

    async def close(self) -> None:
        """Release connections."""
        ...
