"""What counters of loops tell of a period: energy, hours lit, operations. A gap is never zero: it is bridged, or left out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

BRIDGE_MS = 86_400_000
"""A counter that was not heard for up to a day still tells how much, only not when; after longer it may be another meter's."""
FRESH_MS = 2_250_000
"""Two and a half heartbeats of a counter (900 s): until then it counts as heard (domain streetlights 3, comm lost)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """The counter rose by ``amount`` in [start, end), evenly as far as is known. ``bridged``: nobody heard it in between."""

    start: int
    end: int
    amount: float
    bridged: bool

    def within(self, start: int, end: int) -> float:
        """The amount that falls into [start, end)."""
        common = max(0, min(self.end, end) - max(self.start, start))
        return self.amount * common / (self.end - self.start)


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A counter over time. ``resets``: it went back or leapt further than its load can: a meter was changed or overflowed, and
    what passed meanwhile is not known.
    """

    pieces: tuple[Piece, ...]
    resets: int


def course(
    times: Sequence[int], values: Sequence[float | None], *, most_per_h: float | None = None, within_ms: int = 0
) -> Course:
    """Of a counter's readings in time order; None = a bad one. ``most_per_h``: more than this an hour is no reading;
    ``within_ms``: how exactly the times are known.
    """
    told = [(at, value) for at, value in zip(times, values, strict=True) if value is not None]
    pieces, resets = [], 0
    for (before, low), (after, high) in pairwise(told):
        if after - before > BRIDGE_MS or after <= before:
            continue
        if high < low or (most_per_h is not None and high - low > most_per_h * (after - before + within_ms) / 3_600_000 + 1):
            resets += 1
            continue
        pieces.append(Piece(start=before, end=after, amount=high - low, bridged=after - before > FRESH_MS))
    return Course(pieces=tuple(pieces), resets=resets)


def amount(one: Course, start: int, end: int) -> float | None:
    """How much in [start, end); None = nothing is known of it."""
    parts = [piece.within(start, end) for piece in overlapping(one, start, end)]
    return sum(parts) if parts else None


def heard_ms(one: Course, start: int, end: int) -> int:
    """For how much of [start, end) it was heard; bridged gaps do not count."""
    return sum(min(each.end, end) - max(each.start, start) for each in overlapping(one, start, end) if not each.bridged)


def overlapping(one: Course, start: int, end: int) -> Iterator[Piece]:
    """The pieces that have a part in [start, end)."""
    return (piece for piece in one.pieces if piece.start < end and piece.end > start)
