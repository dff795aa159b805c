"""Robust statistics of short lists. NaN never enters: callers leave out what is missing."""

from __future__ import annotations

import math
from collections.abc import Sequence

TO_SIGMA = 1.4826
"""The median absolute deviation of normal noise, times this, is its standard deviation."""


def median(values: Sequence[float]) -> float:
    """The middle value; NaN of nothing."""
    if not values:
        return math.nan
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def middle_mean(values: Sequence[float]) -> float:
    """The mean of the middle half: steadier than the median, as deaf to outliers. NaN of nothing."""
    ordered = sorted(values)
    cut = len(ordered) // 4
    kept = ordered[cut : len(ordered) - cut]
    return sum(kept) / len(kept) if kept else math.nan


def sigma(values: Sequence[float]) -> float:
    """Spread as a standard deviation, from the median absolute deviation; NaN of nothing."""
    middle = median(values)
    return TO_SIGMA * median([abs(value - middle) for value in values])


def known(values: Sequence[float]) -> list[float]:
    """Without what is missing (NaN)."""
    return [value for value in values if not math.isnan(value)]


def slope(xs: Sequence[float], ys: Sequence[float]) -> float:
    """Theil-Sen: the median of the slopes of all pairs. NaN where there is no pair."""
    pairs = [
        (x1, y1, x2, y2) for n, (x1, y1) in enumerate(zip(xs, ys, strict=True)) for x2, y2 in zip(xs[:n], ys[:n], strict=True)
    ]
    return median([(y2 - y1) / (x2 - x1) for x1, y1, x2, y2 in pairs if x1 != x2])
