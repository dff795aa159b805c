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
    at = max(now, paused_until or now)
    if limits.per_minute:
        share = limits.per_minute - (0 if priority == 1 else limits.reserve)
        at = max(at, _free_again(handed, share, MINUTE_MS))
    if limits.per_second:
        at = max(at, _free_again(handed, limits.per_second, SECOND_MS))
    return at


def _free_again(handed: Sequence[int], most: int, window_ms: int) -> int:
    """When fewer than ``most`` hand-overs lie within a window that ends then."""
    if most <= 0:
        return handed[-1] + window_ms if handed else 0
    return 0 if len(handed) < most else handed[-most] + window_ms
