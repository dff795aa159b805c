"""Whose turn it is on a channel: what goes now, what goes another way, what waits. Pure.

Red alarms are never put into one letter with others, so that a red one is told in full.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from control.messages.budget import allowed_at, left
from control.messages.port import Limits

PATIENCE_MS = {1: 30_000, 2: 120_000}
"""How long a message waits for a channel that the vendor has paused, when there is another way to the same person. The others
wait: they are in no hurry. A choice of this project.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """What waits for one address and belongs together. ``red``: priority 1. ``detour``: some of it has another way to go."""

    address: str
    group_key: str
    priority: int
    detour: bool

    @property
    def red(self) -> bool:
        """Whether it is of priority 1."""
        return self.priority == 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is known of a channel. ``handed``: hand-overs of the last minute, ascending; ``today``: hand-overs by address since
    the county's midnight; ``closed_until``: nothing goes before (None = open); ``broken``: because a person must mend it.
    """

    handed: Sequence[int] = ()
    today: Mapping[str, int] = field(default_factory=dict)
    closed_until: int | None = None
    broken: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Go:
    """One letter to ``address`` with everything of these groups that is red, or that is not."""

    address: str
    groups: tuple[str, ...]
    red: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Detour:
    """Another way for what of this has one."""

    head: Head
    reason: str


def turn(heads: Sequence[Head], seen: Seen, limits: Limits, now: int) -> Go | Detour | None:
    """The next thing to do on a channel. ``heads``: the most urgent and oldest first. None = nothing may go now."""
    for head in heads:
        if head.detour and (reason := _blocked(head, seen, limits, now)):
            return Detour(head=head, reason=reason)
        at = allowed_at(
            seen.handed, limits, head.priority, now, paused_until=seen.closed_until, today=seen.today.get(head.address, 0)
        )
        if at is not None and at <= now:
            return _letter(head, heads, left(seen.handed, limits, head.priority, now))
    return None


def _blocked(head: Head, seen: Seen, limits: Limits, now: int) -> str:
    """Why waiting here is worse than another way; "" = it is not."""
    if limits.per_day and seen.today.get(head.address, 0) >= limits.per_day:
        return "当日条数已满 the vendor takes no more for this address today"
    closed = max(0, (seen.closed_until or now) - now)
    if closed and seen.broken:
        return "通道故障 the channel does not work"
    patience = PATIENCE_MS.get(head.priority)
    return "通道暂停 the vendor has paused the channel" if patience is not None and closed > patience else ""


def _letter(head: Head, heads: Sequence[Head], room: int | None) -> Go:
    """A digest instead of fifty: where more waits than may go this minute, all that waits for the address goes as one."""
    alike = [one for one in heads if one.red == head.red]
    tight = room is not None and len(alike) > room
    groups = [one.group_key for one in alike if one.address == head.address] if tight else [head.group_key]
    return Go(address=head.address, groups=tuple(dict.fromkeys(groups)), red=head.red)
