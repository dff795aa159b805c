"""Text in columns on a terminal, where Chinese characters take two cells."""

from __future__ import annotations

from unicodedata import east_asian_width


def text_width(text: str) -> int:
    """How many cells a text takes."""
    return sum(2 if east_asian_width(letter) in "WF" else 1 for letter in text)
