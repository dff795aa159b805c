"""设施完好率 as rows: its parts by kind, all together, and what was damaged for how long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from control.lighting.figures.intact import Damage, Facility, together
from control.lighting.figures.tally import INTACT_TARGET, Tally, met, verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class IntactRow:
    """设施完好率 of a kind of facility, or of all together (``facility`` ""). ``intact``, ``damaged``, ``unknown``: facilities at
    once, on average over the quarter hours in which any could be judged.
    """

    facility: str
    count: int
    intact: float | None
    damaged: float | None
    unknown: float | None
    lower: float | None
    upper: float | None
    coverage: float | None
    target: float | None
    met: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class DamageRow:
    """For how long a facility was at fault by a rule."""

    facility: str
    name: str
    rule: str
    hours: float


def intact_rows(kinds: Mapping[Facility, Tally], counts: Mapping[Facility, int]) -> list[IntactRow]:
    """All together, then by kind."""
    rows = [
        IntactRow(
            facility=kind.value,
            count=counts.get(kind, 0),
            **_at_once(one),
            lower=one.lower,
            upper=one.upper,
            coverage=one.coverage,
            target=INTACT_TARGET,
            met=verdict(one, INTACT_TARGET),
        )
        for kind, one in sorted(kinds.items())
    ]
    every = together(kinds, counts)
    lower, upper, coverage = every or (None, None, None)
    whole = IntactRow(
        facility="",
        count=sum(row.count for row in rows),
        **{name: _sum([getattr(row, name) for row in rows]) for name in AT_ONCE},
        lower=lower,
        upper=upper,
        coverage=coverage,
        target=INTACT_TARGET,
        met=met(lower, upper, INTACT_TARGET),
    )
    return [whole, *rows]


AT_ONCE: Mapping[str, str] = {"intact": "good", "damaged": "bad", "unknown": "unknown"}


def _at_once(one: Tally) -> dict[str, float | None]:
    return {name: getattr(one, of) / one.slots if one.slots else None for name, of in AT_ONCE.items()}


def _sum(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None


def damage_rows(damaged: Mapping[Damage, int]) -> list[DamageRow]:
    """The longest first."""
    rows = [DamageRow(facility=one.kind.value, name=one.name, rule=one.rule, hours=slots / 4) for one, slots in damaged.items()]
    return sorted(rows, key=lambda row: (-row.hours, row.facility, row.name, row.rule))
