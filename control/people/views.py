"""Who is on duty, as people see it. Values only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyRow:
    """One rota at an instant. ``start`` None: no shift is planned; ``persons`` empty: nobody. Names as people call them."""

    rota: str
    zh: str
    en: str
    start: int | None = None
    end: int | None = None
    persons: tuple[str, ...] = ()
