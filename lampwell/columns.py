"""Text in columns on a terminal, where Chinese characters take two cells."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from unicodedata import east_asian_width


def text_width(text: str) -> int:
    """How many cells a text takes."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)


def padded(text: str, width: int, *, right: bool = False) -> str:
    """A text with spaces up to a width, behind it or (``right``) before it."""
    space = " " * (width - text_width(text))
    return space + text if right else text + space


def table(rows: Sequence[Sequence[str]], *, right: Collection[int] = ()) -> Iterator[str]:
    """Rows in aligned columns, two spaces between; ``right``: the columns that end at the same place."""
    widths = [max(text_width(row[n]) for row in rows) for n in range(len(rows[0]))]
    for row in rows:
        cells = (padded(cell, width, right=n in right) for n, (cell, width) in enumerate(zip(row, widths, strict=True)))
        yield "  ".join(cells).rstrip()
