"""Counting events in time: fixed buckets, the sliding window, floods, bursts, and quantiles. Pure; times are integers in ms."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections import Counter, deque
from collections.abc import Iterable, Sequence

TEN_MS = 600_000
FLOOD_ABOVE, FLOOD_BELOW = 10, 5
"""A flood starts when more than 10 alarms have come within 10 min and ends when fewer than 5 have (ISA-18.2, domain alarms 1.2
[K], unverified)."""


def quantile(values: Iterable[float], share: float) -> float | None:
    """The smallest value that at least this share of the values does not exceed (nearest rank); None of none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else None


def buckets(times: Iterable[int], start: int, end: int, width: int) -> Counter[int]:
    """How many events fall into each bucket [start + n * width, start + (n + 1) * width); those outside [start, end) do not
    count.
    """
    return Counter((at - start) // width for at in times if start <= at < end)


def share_above(times: Iterable[int], start: int, end: int, width: int, limit: int) -> float:
    """Which share of the buckets of [start, end) holds more than ``limit`` events. The last bucket may be cut short."""
    crowded = sum(count > limit for count in buckets(times, start, end, width).values())
    return crowded / math.ceil((end - start) / width)


def fullest(times: Sequence[int], start: int, end: int, width: int = TEN_MS) -> int:
    """The most events in any window (t - width, t] with t in [start, end). ``times`` ascending."""
    return max(
        (bisect_right(times, at) - bisect_right(times, at - width) for at in times if start <= at < end),
        default=0,
    )


def floods(times: Sequence[int]) -> list[tuple[int, int]]:
    """Every flood [start, end) of ascending event times: from the instant the sliding window of 10 min holds more than 10 to the
    instant it holds fewer than 5.
    """
    found: list[tuple[int, int]] = []
    window: deque[int] = deque()
    began: int | None = None
    for at, many in sorted(Counter(times).items()):
        if began is not None and (over := _thins_at(window)) < at:
            found.append((began, over))
            began = None
        while window and window[0] <= at - TEN_MS:
            window.popleft()
        window.extend([at] * many)
        if began is None and len(window) > FLOOD_ABOVE:
            began = at
        elif began is not None and len(window) < FLOOD_BELOW:
            found.append((began, at))
            began = None
    if began is not None:
        found.append((began, _thins_at(window)))
    return found


def _thins_at(window: deque[int]) -> int:
    """When fewer than 5 are left of the window if nothing comes."""
    return window[len(window) - FLOOD_BELOW] + TEN_MS


def bursts(times: Sequence[int], many: int, within: int) -> list[int]:
    """The times at which at least ``many`` events lie within ``within`` ms, ends included. ``times`` ascending."""
    return [times[n] for n in range(many - 1, len(times)) if times[n] - times[n - many + 1] <= within]


def overlap(first: tuple[int, int], second: tuple[int, int]) -> int:
    """How long two spans [start, end) are common."""
    return max(0, min(first[1], second[1]) - max(first[0], second[0]))
