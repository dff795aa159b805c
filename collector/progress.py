"""Which offsets of which journals are accounted for. Pure; the texts go into the store in the same step as the rows.

An offset is ``segment << 32 | row``; within a segment rows are contiguous from 1, so what is stored is a few ranges. A journal
that dropped rows at its bound says ``first``: everything below it, of any segment, is accounted for.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping

SHIFT = 32
ROWS = (1 << SHIFT) - 1
_FIRST = "first"


class Ranges:
    """A set of positive whole numbers as sorted, half-open, never touching ranges."""

    __slots__ = ("ends", "starts")

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.ends: list[int] = []

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self.starts, number)
        return at > 0 and number < self.ends[at - 1]

    def add(self, number: int) -> bool:
        """Put a number in; False if it was there already. The next number after the last costs almost nothing."""
        if self.ends and number == self.ends[-1]:
            self.ends[-1] = number + 1
            return True
        if number in self:
            return False
        self.fill(number, number + 1)
        return True

    def fill(self, start: int, end: int) -> None:
        """Put all of [start, end) in."""
        if start >= end:
            return
        low = bisect_right(self.ends, start - 1)
        high = bisect_right(self.starts, end)
        if low < high:
            start, end = min(start, self.starts[low]), max(end, self.ends[high - 1])
        self.starts[low:high] = [start]
        self.ends[low:high] = [end]

    def floor(self) -> int:
        """The highest number up to which all are in, from 1 on; 0 if 1 is missing."""
        return self.ends[0] - 1 if self.starts and self.starts[0] <= 1 else 0

    def __str__(self) -> str:
        return ",".join(f"{start}-{end - 1}" for start, end in zip(self.starts, self.ends, strict=True))

    @classmethod
    def parse(cls, text: str) -> Ranges:
        """Read what ``str`` wrote; ValueError on anything else."""
        found = cls()
        for part in text.split(",") if text else ():
            start, _, end = part.partition("-")
            found.fill(int(start), int(end) + 1)
        return found


class Progress:
    """All journals. ``changed`` collects the keys whose texts differ from those last taken."""

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._segments: dict[str, dict[int, Ranges]] = {}
        self._first: dict[str, int] = {}
        self._changed: set[tuple[str, str]] = set()
        for key, text in texts.items():
            try:
                self._read(key, text)
            except ValueError as error:
                raise ValueError(f"ingest position {key}: {text[:100]!r} is damaged: {error}") from error

    def _read(self, key: str, text: str) -> None:
        journal, _, segment = key.rpartition("/")
        if segment == _FIRST:
            self._first[journal] = int(text)
        else:
            self._segments.setdefault(journal, {})[int(segment)] = Ranges.parse(text)

    def has(self, journal: str, offset: int) -> bool:
        """Whether an offset is accounted for."""
        if offset < self._first.get(journal, 0):
            return True
        ranges = self._segments.get(journal, {}).get(offset >> SHIFT)
        return ranges is not None and (offset & ROWS) in ranges

    def add(self, journal: str, offset: int) -> bool:
        """Account for an offset; False if it was so already."""
        if offset < self._first.get(journal, 0):
            return False
        segment = offset >> SHIFT
        ranges = self._segments.setdefault(journal, {}).setdefault(segment, Ranges())
        if not ranges.add(offset & ROWS):
            return False
        self._changed.add((journal, str(segment)))
        return True

    def move_first(self, journal: str, first: int) -> bool:
        """Everything below ``first`` is accounted for; False if that was known. Segments below it are forgotten."""
        if first <= self._first.get(journal, 0):
            return False
        self._first[journal] = first
        self._changed.add((journal, _FIRST))
        segments = self._segments.setdefault(journal, {})
        for segment in [one for one in segments if one < first >> SHIFT]:
            del segments[segment]
            self._changed.add((journal, str(segment)))
        if first & ROWS > 1:
            segments.setdefault(first >> SHIFT, Ranges()).fill(1, first & ROWS)
            self._changed.add((journal, str(first >> SHIFT)))
        return True

    def floors(self, journal: str) -> dict[int, int]:
        """For each segment the highest offset below which everything is accounted for; segments without one are left out."""
        segments = self._segments.get(journal, {})
        return {segment: segment << SHIFT | floor for segment, ranges in segments.items() if (floor := ranges.floor())}

    def journals(self) -> Iterator[str]:
        """Every journal known."""
        return iter(set(self._segments) | set(self._first))

    def take_changes(self) -> dict[str, str]:
        """The texts that changed since the last call; an empty one means that its key is no longer needed."""
        texts = {f"{journal}/{name}": self._text(journal, name) for journal, name in self._changed}
        self._changed.clear()
        return texts

    def _text(self, journal: str, name: str) -> str:
        if name == _FIRST:
            return str(self._first[journal])
        return str(self._segments[journal].get(int(name), ""))
