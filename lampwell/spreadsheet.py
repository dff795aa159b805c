"""CSV that a spreadsheet opens as it is meant: byte order mark, and no cell that it would execute."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""First letters that a spreadsheet takes for a formula (OWASP, CSV Injection), and their full-width forms."""


def as_csv(titles: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    """The whole file; cells as ``harmless`` makes them, numbers stay numbers."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(titles)
    for line in lines:
        writer.writerow([harmless(cell) for cell in line])
    return "\ufeff" + out.getvalue()


def harmless(cell: object) -> object:
    """A cell that no spreadsheet executes: text that begins like a formula gets an apostrophe before it, None is empty."""
    if cell is None:
        return ""
    return f"'{cell}" if isinstance(cell, str) and begins_formula(cell) else cell


def begins_formula(text: str) -> bool:
    """Whether a spreadsheet would take it for more than text; it may be a negative number."""
    return text.lstrip(" ").startswith(_FORMULA)
