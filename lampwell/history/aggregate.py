"""Buckets and gaps of readings already in memory: the plain definition of what every store answers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby, pairwise

from lampwell.history.fit import BAD
from lampwell.history.port import Buckets, Gap, Readings
from lampwell.points import Value


def in_buckets(readings: Readings, width_ms: int) -> Buckets:
    """Readings in time order as buckets; bad ones and nulls only count as ``bad``, text only counts."""
    rows = []
    triples = zip(readings.time, readings.value, readings.flags, strict=True)
    for bucket, group in groupby(triples, lambda row: row[0] // width_ms):
        rows.append((bucket * width_ms, *_summary(list(group))))
    columns = list(zip(*rows, strict=True)) or [()] * 7
    return Buckets(readings.series, width_ms, *columns)


def _summary(
    rows: Sequence[tuple[int, Value | None, int]],
) -> tuple[float | None, float | None, float | None, float | None, int, int]:
    good = [value for _, value, flags in rows if value is not None and not flags & BAD]
    numbers = [float(value) for value in good if not isinstance(value, str)]
    bad = len(rows) - len(good)
    if not numbers:
        return None, None, None, None, len(good), bad
    return min(numbers), max(numbers), sum(numbers) / len(numbers), numbers[-1], len(good), bad


def gaps_between(times: Sequence[int], start: int, end: int, longer_than_ms: int) -> list[Gap]:
    """Where sorted times are further apart than that, the ends of the range included."""
    return [Gap(a, b) for a, b in pairwise([start, *times, end]) if b - a > longer_than_ms]
