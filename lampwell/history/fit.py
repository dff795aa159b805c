"""What a store may hold of a reading: the one place that says which values fit which kind, and what a null means."""

from __future__ import annotations

from dataclasses import replace
from math import isfinite

from lampwell.points import Kind, Value
from lampwell.readings import BAD_FLAGS, Flag, Scan

BAD = int(BAD_FLAGS)
NO_VALUE = int(Flag.SENTINEL)
MISFIT = "value does not fit the kind that its birth declared"
"""The reason in the quarantine for what ``sort_out`` puts aside."""
FLAGS_MASK = 0xFFFF
"""Flags are kept in 16 bits; what a foreign node sets above them is not ours and is left out."""


def fits(kind: Kind, value: Value | None) -> bool:
    """Whether a value can be stored under a kind: text as text, everything else as a number (a null always fits)."""
    if value is None:
        return True
    if kind is Kind.TEXT:
        return isinstance(value, str)
    if not isinstance(value, (bool, int, float)):
        return False
    return not isinstance(value, int) or abs(value) < 1 << 1000


def judged(value: Value | None, flags: int) -> tuple[Value | None, int]:
    """The reading as every store keeps it: NaN and infinities are no values, and no value is always flagged as bad."""
    flags &= FLAGS_MASK
    if value is None or (isinstance(value, float) and not isfinite(value)):
        return None, flags if flags & BAD else flags | NO_VALUE
    return value, flags


def as_kind(kind: Kind, value: float | str | bool | None) -> Value | None:
    """A stored number back in the shape of its kind. Integers are exact up to 2**53 and rounded to a double beyond."""
    if value is None or kind is Kind.TEXT:
        return value
    number = float(value)
    if kind is Kind.FLOAT:
        return number
    return bool(number) if kind is Kind.BOOL else int(number)


def part(scan: Scan, columns: list[int]) -> Scan:
    """The scan with only these of its columns."""
    return replace(
        scan,
        index=tuple(scan.index[i] for i in columns),
        values=tuple(scan.values[i] for i in columns),
        flags=tuple(scan.flags[i] for i in columns),
    )


def sort_out(scan: Scan) -> tuple[Scan, Scan | None]:
    """The part of a scan that fits its layout, and the part that does not (None when all fits)."""
    points = scan.layout.points
    good: list[int] = []
    bad: list[int] = []
    for column, (index, value) in enumerate(zip(scan.index, scan.values, strict=True)):
        (good if fits(points[index].kind, value) else bad).append(column)
    return (scan, None) if not bad else (part(scan, good), part(scan, bad))
