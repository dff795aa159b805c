"""Energy before and after a change of lamps, for the loops that were heard on both sides of it. Pure.

Measured: kWh, hours lit, and the hours of darkness that the energy is known of; so power in an hour of darkness and in an hour
lit do not hang on longer nights, on other burn hours, or on gaps. Estimated: what the rated watts of the inventory promise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """Before or after. ``kw``: mean power in an hour of darkness, ``lit_kw``: in an hour lit (None: hours lit were not heard);
    ``rated_kw`` of the inventory (None: not known). Of several loops: sums, power of all of them together.
    """

    kwh: float
    dark_h: float
    burn_h: float | None
    kw: float
    lit_kw: float | None
    rated_kw: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Led:
    """``loops`` of ``every`` could be compared. Savings are shares of before: in an hour of darkness and in an hour lit
    (measured), and by rated watts (estimated; None where the inventory knows of no change); None = not to be told.
    """

    at: int
    loops: int
    every: int
    before: Side
    after: Side
    saved: float | None
    saved_lit: float | None
    saved_rated: float | None


def side(kwh: float | None, dark_h: float, burn_h: float | None, rated_kw: float | None) -> Side | None:
    """One loop on one side; None = nothing was heard of it in the dark."""
    if kwh is None or dark_h <= 0:
        return None
    lit = kwh / burn_h if burn_h else None
    return Side(kwh=kwh, dark_h=dark_h, burn_h=burn_h, kw=kwh / dark_h, lit_kw=lit, rated_kw=rated_kw)


def compared(at: int, sides: Mapping[str, tuple[Side | None, Side | None]]) -> Led | None:
    """All loops that were heard before and after; None = there is none."""
    pairs = [(before, after) for before, after in sides.values() if before is not None and after is not None]
    if not pairs:
        return None
    before, after = _together([one for one, _ in pairs]), _together([one for _, one in pairs])
    return Led(
        at=at,
        loops=len(pairs),
        every=len(sides),
        before=before,
        after=after,
        saved=_less(before.kw, after.kw),
        saved_lit=_less(before.lit_kw, after.lit_kw),
        saved_rated=_less(before.rated_kw, after.rated_kw) if before.rated_kw != after.rated_kw else None,
    )


def _together(sides: Sequence[Side]) -> Side:
    return Side(
        kwh=sum(one.kwh for one in sides),
        dark_h=sum(one.dark_h for one in sides),
        burn_h=_sum([one.burn_h for one in sides]),
        kw=sum(one.kw for one in sides),
        lit_kw=_sum([one.lit_kw for one in sides]),
        rated_kw=_sum([one.rated_kw for one in sides]),
    )


def _sum(values: Sequence[float | None]) -> float | None:
    """Unknown where one of them is."""
    known = [value for value in values if value is not None]
    return sum(known) if len(known) == len(values) else None


def _less(before: float | None, after: float | None) -> float | None:
    return None if not before or after is None else 1 - after / before
