"""Two plans side by side: what is written otherwise, which loops and lamps switch otherwise, and the kWh and CNY of it. Pure.

A year is reckoned as ``lampwell.lighting.preview`` does: without sensors and overrides, ramps as steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from control.lighting.nights import Night, loops_of, nights_of
from lampwell.lighting.difference import Edit, Moved, edits, moved
from lampwell.lighting.figures import Figures, total
from lampwell.lighting.level import Timetable
from lampwell.lighting.model import Plan
from lampwell.lighting.preview import Basis, preview
from lampwell.lighting.sun import MINUTE_MS


@dataclass(frozen=True, slots=True, kw_only=True)
class Rank:
    """Loops and lamps that do the same, to the minute, in both plans; times are those of the first."""

    targets: tuple[str, ...]
    was: Night
    now: Night


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """From an old plan to a new one. ``edits``: what is written otherwise; ``moved``: who has other levels in which of the
    ``nights`` nights from ``day`` on, over which the figures are, too; ``ranks``: what switches otherwise in the first of them.
    """

    day: date
    nights: int
    edits: tuple[Edit, ...]
    moved: tuple[Moved, ...]
    ranks: tuple[Rank, ...]
    was: Figures
    now: Figures

    @property
    def is_none(self) -> bool:
        """Whether both plans say the same."""
        return not self.edits


def difference(old: Plan, new: Plan, day: date, nights: int, basis: Basis) -> Difference:
    """What changes from ``old`` to ``new``."""
    before, after = Timetable(old), Timetable(new)
    days = [day + timedelta(n) for n in range(nights)]
    both = [name for name in after.targets if name in before.targets]
    nights_was, nights_now = nights_of(before, both, day), nights_of(after, both, day)
    return Difference(
        day=day,
        nights=nights,
        edits=edits(old, new, days),
        moved=moved(before, after, days),
        ranks=_ranks(both, nights_was, nights_now),
        was=figures(before, day, nights, basis),
        now=figures(after, day, nights, basis),
    )


def figures(table: Timetable, day: date, nights: int, basis: Basis) -> Figures:
    """Of all loops together; their lamps hang on them and are not counted again."""
    return total(preview(table, loops_of(table), day, nights, basis).values())


def by_class(table: Timetable, day: date, nights: int, basis: Basis) -> dict[str, Figures]:
    """Of all loops by the class of their road, and ``all`` together."""
    found = preview(table, loops_of(table), day, nights, basis)
    classes: dict[str, list[Figures]] = {}
    for name, sums in found.items():
        classes.setdefault(basis.loads[name].road_class if name in basis.loads else "", []).append(sums)
    return {**{road: total(each) for road, each in classes.items()}, "all": total(found.values())}


def _alike(night: Night) -> Night:
    """To the minute: neighbours differ by seconds of the sun."""
    return tuple((round(at / MINUTE_MS), level) for at, level in night)


def _ranks(targets: Sequence[str], was: Mapping[str, Night], now: Mapping[str, Night]) -> tuple[Rank, ...]:
    alike: dict[tuple[Night, Night], list[str]] = {}
    for name in targets:
        if was[name] != now[name]:
            alike.setdefault((_alike(was[name]), _alike(now[name])), []).append(name)
    return tuple(Rank(targets=tuple(names), was=was[names[0]], now=now[names[0]]) for names in alike.values())
