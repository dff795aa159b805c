"""The seq of one edge node as a host sees it: in order, late, seen before, or after a gap."""

from __future__ import annotations

from enum import Enum


class Arrival(Enum):
    """Where a message stands in its node's sequence."""

    IN_ORDER = "in order"
    LATE = "late"  # it fills a gap
    AGAIN = "again"  # the very same message once more
    AFTER_GAP = "after a gap"


class SequenceTracker:
    """Follows seq 0..255 from a birth on. ``gap_at`` is when the oldest open gap was noticed (epoch ms), None without one;
    ``is_whole`` says that nothing sent before the newest message is missing.

    A repeat is told from a message 256 later by its digest, so a wrap-around is never mistaken for a repeat.
    """

    __slots__ = ("_expected", "_head", "_lost", "_missing", "_seen", "gap_at")

    def __init__(self, first: int, digest: int) -> None:
        self._expected = (first + 1) & 255
        self._missing: set[int] = set()
        self._seen: list[int | None] = [None] * 256
        self._seen[first & 255] = digest
        self._head = 0
        self._lost = False
        self.gap_at: int | None = None

    @property
    def is_whole(self) -> bool:
        """False from a gap on until it is filled; once given up, until the next birth."""
        return not self._missing and not self._lost

    def position(self, seq: int) -> int:
        """How many messages after the birth this one was sent; only of the last 256 that is sure."""
        return self._head - ((self._expected - 1 - seq) & 255)

    def arrived(self, seq: int, digest: int, now: int) -> Arrival:
        """Take note of one message."""
        if seq == self._expected:
            self._expected = (seq + 1) & 255
            self._head += 1
            self._seen[seq] = digest
            if self._missing:
                self._found(seq)
            return Arrival.IN_ORDER
        if self._seen[seq & 255] == digest:
            return Arrival.AGAIN
        self._seen[seq & 255] = digest
        if seq in self._missing:
            self._found(seq)
            return Arrival.LATE
        self._gap(seq & 255, now)
        return Arrival.AFTER_GAP

    def give_up(self) -> None:
        """Stop waiting for what is missing."""
        self._missing.clear()
        self._lost = True
        self.gap_at = None

    def _found(self, seq: int) -> None:
        self._missing.discard(seq)
        if not self._missing:
            self.gap_at = None

    def _gap(self, seq: int, now: int) -> None:
        lost = (seq - self._expected) & 255
        self._missing.update((self._expected + i) & 255 for i in range(lost))
        self._missing.discard(seq)
        self._expected = (seq + 1) & 255
        self._head += lost + 1
        if self.gap_at is None:
            self.gap_at = now
