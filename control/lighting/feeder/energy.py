"""Energy of a night, and nights that used clearly more or less than the others for as long."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from control.lighting.feeder.lit import Hole, Night
from control.lighting.feeder.series import Series
from control.lighting.feeder.stats import median

MISMATCH = 0.15
"""Energy of a night against the others (domain streetlights 3, energy mismatch; SLightliMon uses the same)."""
LEAST_NIGHTS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Energy:
    """kWh of a night: ``measured`` of recorded minutes, ``bridged`` with gaps filled in a straight line but for losses of supply.
    ``missing``, ``lit``: minutes.
    """

    measured: float
    bridged: float
    missing: float
    lit: float


def energy(series: Series, night: Night) -> Energy:
    """The energy from switching on to switching off."""
    dark = {cell for one in night.breaks if one.kind is Hole.SUPPLY for cell in range(one.begin, one.end)}
    hours = series.step / 60_000
    measured = bridged = missing = dead = 0.0
    for cell in range(night.begin, night.end):
        watts = series.watts[cell]
        if not math.isnan(watts):
            measured += watts * hours
            bridged += watts * hours
        elif cell not in dark:
            bridged += _between(series, night, cell) * hours
        missing += math.isnan(watts)
        dead += cell in dark
    return Energy(
        measured=measured, bridged=bridged, missing=missing * series.step, lit=(night.end - night.begin - dead) * series.step
    )


def _between(series: Series, night: Night, cell: int) -> float:
    """Power of a missing minute, on the line between its neighbours."""
    left, right = cell, cell
    while left > night.begin and math.isnan(series.watts[left]):
        left -= 1
    while right < night.end - 1 and math.isnan(series.watts[right]):
        right += 1
    before, after = series.watts[left], series.watts[right]
    return before + (after - before) * (cell - left) / (right - left)


def mismatches(nights: Sequence[Night], energies: Sequence[Energy]) -> list[tuple[int, float]]:
    """Whole nights whose mean power is off that of the others by more than ``MISMATCH``, and by how much."""
    whole = [n for n, night in enumerate(nights) if night.on_within is not None and night.off_within is not None]
    if len(whole) <= LEAST_NIGHTS:
        return []
    mean = {n: energies[n].bridged / energies[n].lit for n in whole}
    usual = median(list(mean.values()))
    return [(n, mean[n] / usual - 1) for n in whole if abs(mean[n] / usual - 1) > MISMATCH]
