"""When the next letter may go, so that a vendor's limit is never reached and a red alarm never waits behind yellow ones. Pure.

What was handed over is counted, not what was taken: a vendor counts what it refused as well. The hand-overs come from the
database, so the budget holds over restarts.
"""

from __future__ import annotations

from collections.abc import Sequence

from control.messages.port import Limits

MINUTE_MS, SECOND_MS = 60_000, 1_000


def allowed_at(
    handed: Sequence[int], limits: Limits, priority: int, now: int, *, paused_until: int | None = None, today: int = 0
) -> int | None:
    """The earliest time (epoch ms, ``now`` or later) at which one more letter may go; None = not today.

    ``handed``: times of the channel's hand-overs, at least of the last minute, ascending. ``today``: hand-overs to this address
    since the county's midnight. All but priority 1 leave ``reserve`` of the minute free.
    """
    if limits.per_day and today >= limits.per_day:
        return None
    counted = _believed(handed, now)
    at = max(now, paused_until or now)
    if limits.per_minute:
        at = max(at, _free_again(counted, _share(limits, priority), MINUTE_MS))
    if limits.per_second:
        at = max(at, _free_again(counted, limits.per_second, SECOND_MS))
    return at


def left(handed: Sequence[int], limits: Limits, priority: int, now: int) -> int | None:
    """How many letters of a priority may still go within this minute; None = no limit is known."""
    if not limits.per_minute:
        return None
    return max(0, _share(limits, priority) - sum(each > now - MINUTE_MS for each in _believed(handed, now)))


def _share(limits: Limits, priority: int) -> int:
    return limits.per_minute - (0 if priority == 1 else limits.reserve)


def _believed(handed: Sequence[int], now: int) -> Sequence[int]:
    """A clock that was set back leaves hand-overs in the future: they must not silence a channel for hours."""
    return [each for each in handed if each <= now + MINUTE_MS]


def _free_again(handed: Sequence[int], most: int, window_ms: int) -> int:
    """When fewer than ``most`` hand-overs lie within a window that ends then."""
    if most <= 0:
        return handed[-1] + window_ms if handed else 0
    return 0 if len(handed) < most else handed[-most] + window_ms
