"""Values that do not move: a meter or a link that repeats its last answer."""

from __future__ import annotations

from collections.abc import Iterator

from control.lighting.feeder.lit import Lit, State
from control.lighting.feeder.series import Series
from control.lighting.feeder.stats import median

LEAST_SAMPLES, USUAL = 10, 4
"""Frozen: the same power and voltage to the last digit for ten samples (domain streetlights 3), and for four times as long as the
usual longest stretches of this record: a meter of low resolution repeats itself."""


def frozen(series: Series, found: Lit) -> Iterator[tuple[int, int]]:
    """Stretches [begin, end) of lit cells that repeat one reading."""
    runs = list(_runs(series, found))
    longest = sorted((end - begin for begin, end in runs), reverse=True)[1 : 1 + max(3, len(runs) // 100)]
    least = max(LEAST_SAMPLES, USUAL * median(longest)) if longest else LEAST_SAMPLES
    return (run for run in runs if run[1] - run[0] >= least)


def _runs(series: Series, found: Lit) -> Iterator[tuple[int, int]]:
    begin = 0
    for cell in range(1, len(series) + 1):
        if cell < len(series) and series.watts[cell] == series.watts[begin] and series.volts[cell] == series.volts[begin]:
            continue
        if found.states[begin] is State.LIT:
            yield begin, cell
        begin = cell
