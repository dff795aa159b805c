"""Counts of what is known and what is not, and the bounds that follow: unknown is not good (lower) and might be (upper).

亮灯率 = lit / should be lit; lamps whose state is unknown count neither as lit nor as dark (domain streetlights 2.3). Tallies of
periods, roads or classes add up; nothing here is an average of averages.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Things times quarter hours: ``good`` (lit, intact), ``bad`` (dark, at fault), ``unknown``. ``sources``: how many are known
    from which readings; ``bases``: why they were to be counted. ``slots``: quarter hours in which there was anything
    to count.
    """

    good: int = 0
    bad: int = 0
    unknown: int = 0
    sources: Mapping[str, int] = field(default_factory=dict)
    bases: Mapping[str, int] = field(default_factory=dict)
    slots: int = 0

    @property
    def all(self) -> int:
        """What was to be counted."""
        return self.good + self.bad + self.unknown

    @property
    def lower(self) -> float | None:
        """If all that is unknown is bad; None where nothing was to be counted."""
        return self.good / self.all if self.all else None

    @property
    def upper(self) -> float | None:
        """If all that is unknown is good."""
        return (self.good + self.unknown) / self.all if self.all else None

    @property
    def coverage(self) -> float | None:
        """The share that is known."""
        return (self.good + self.bad) / self.all if self.all else None


def total(parts: Iterable[Tally]) -> Tally:
    """Several together."""
    every = list(parts)
    sources: Counter[str] = Counter()
    bases: Counter[str] = Counter()
    for one in every:
        sources.update(one.sources)
        bases.update(one.bases)
    return Tally(
        good=sum(one.good for one in every),
        bad=sum(one.bad for one in every),
        unknown=sum(one.unknown for one in every),
        sources=dict(sources),
        bases=dict(bases),
        slots=sum(one.slots for one in every),
    )


class Sum:
    """A tally while it grows."""

    __slots__ = ("bad", "bases", "good", "slots", "sources", "unknown")

    def __init__(self) -> None:
        self.good = self.bad = self.unknown = 0
        self.sources: Counter[str] = Counter()
        self.bases: Counter[str] = Counter()
        self.slots: set[int] = set()

    def add(self, slot: int, good: int, bad: int, unknown: int, source: str, basis: str = "") -> None:
        """So many things in a quarter hour, known from ``source``."""
        self.slots.add(slot)
        self.good, self.bad, self.unknown = self.good + good, self.bad + bad, self.unknown + unknown
        if good + bad:
            self.sources[source] += good + bad
        if basis and good + bad + unknown:
            self.bases[basis] += good + bad + unknown

    def tally(self) -> Tally:
        """As a value."""
        return Tally(
            good=self.good,
            bad=self.bad,
            unknown=self.unknown,
            sources=dict(self.sources),
            bases=dict(self.bases),
            slots=len(self.slots),
        )


TARGETS: Mapping[str, float] = {"main": 0.98, "secondary": 0.96, "branch": 0.96}
"""亮灯率 by class of road: Hebei provincial rules (domain streetlights 2.3); a county may be held to others."""
INTACT_TARGET = 0.95
"""设施完好率, same rules."""


def verdict(tally: Tally, target: float | None) -> bool | None:
    """Whether a target was met; None = what is unknown could decide it either way, or there is nothing to judge."""
    return met(tally.lower, tally.upper, target)


def met(lower: float | None, upper: float | None, target: float | None) -> bool | None:
    """The same of bounds; None also where they are not known."""
    if lower is None or upper is None or target is None:
        return None
    return True if lower >= target else False if upper < target else None
