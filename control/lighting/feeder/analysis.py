"""The analysis of a recorded feeder: one-minute power and voltage in, nights, steps, gaps, losses of supply, lost lamps out.

Pure: nothing is read, no clock is asked. The same record gives the same report; shifted in time, the same report shifted.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from control.lighting.feeder.anomalies import VOLTS_HIGH, VOLTS_LOW, Facts, anomalies
from control.lighting.feeder.blocks import Block, Voltage, blocks, corrected, learn_voltage, per_hour
from control.lighting.feeder.count import BLOCK_NOISE
from control.lighting.feeder.energy import energy
from control.lighting.feeder.levels import Profile, Step, profile
from control.lighting.feeder.lit import Lit, Night, State, lit, lit_on_other_days
from control.lighting.feeder.losses import LEAST, STEP_SIGMAS, Shift, noise_inside, shifts_inside
from control.lighting.feeder.overnight import passing, shifts_overnight
from control.lighting.feeder.program import Sort, excursions, sort_steps
from control.lighting.feeder.report import FeederReport
from control.lighting.feeder.rows import (
    drift,
    gap_rows,
    level_rows,
    night_label,
    night_rows,
    step_rows,
    summary,
    supply_rows,
    voltage_row,
)
from control.lighting.feeder.series import Series

SHORT_MIN = 60.0
"""What is lit shorter than this, and by no other night's habit, is not a night."""


def analyse(series: Series, lamps: int, file: str = "", notes: Sequence[str] = ()) -> FeederReport:
    """Everything a recorded series says of a feeder of ``lamps`` equal lamps."""
    found, by_day = _nights(series, lit(series))
    profiles = [profile(series, found.nights, number) for number in range(len(found.nights))]
    sorts = sort_steps(series, profiles)
    raw = blocks(series, profiles)
    voltage = learn_voltage(raw)
    shifts, gone = _shifts(series, profiles, sorts, corrected(raw, voltage))
    energies = [energy(series, night) for night in found.nights]
    labels = [night_label(series, night, number) for number, night in enumerate(found.nights)]
    facts = Facts(
        series=series,
        lamps=lamps,
        lit=found,
        by_day=by_day,
        profiles=profiles,
        sorts=sorts,
        shifts=shifts,
        passing=gone,
        energies=energies,
        labels=labels,
    )
    return _report(facts, voltage, raw, file, notes)


def _nights(series: Series, found: Lit) -> tuple[Lit, tuple[Night, ...]]:
    """Tell nights from what was lit at other times."""
    by_day = tuple(night for night in found.nights if _by_day(series, found, night))
    return replace(found, nights=tuple(night for night in found.nights if night not in by_day)), by_day


def _by_day(series: Series, found: Lit, night: Night) -> bool:
    if night.on_within is None or night.off_within is None:
        return False
    share = lit_on_other_days(series, found.states, night.begin, night.end)
    return share < 0.5 if share is not None else (night.end - night.begin) * series.step < SHORT_MIN


def _shifts(
    series: Series, profiles: Sequence[Profile], sorts: Sequence[Sequence[Sort]], found: Sequence[Block]
) -> tuple[list[Shift], list[Shift]]:
    """Lasting changes of power in order of time, and those that the next night did not show."""
    hour = per_hour(series)
    small = shifts_inside(found, hour)
    gone = passing(found, small, hour)
    inside = [one for one in small if one not in gone] + [_shift(step) for step in excursions(profiles, sorts)[1]]
    return sorted((*inside, *shifts_overnight(found, inside, gone, hour)), key=lambda one: (one.cell, one.overnight)), gone


def _shift(step: Step) -> Shift:
    return Shift(night=step.night, cell=step.begin, change=step.change, before=step.before, noise=BLOCK_NOISE, overnight=False)


def _report(facts: Facts, voltage: Voltage, raw: Sequence[Block], file: str, notes: Sequence[str]) -> FeederReport:
    series, found = facts.series, facts.lit
    told = tuple(anomalies(facts))
    nights = night_rows(facts)
    steps, gaps, losses = step_rows(facts), gap_rows(facts), supply_rows(facts)
    noise = noise_inside(corrected(raw, voltage), per_hour(series))
    return FeederReport(
        file=file,
        lamps=facts.lamps,
        time="clock" if series.clock else "index",
        begin=series.when(0),
        end=series.when(len(series) - 1),
        interval_min=series.step,
        rows=series.rows,
        lit_above_w=round(found.limit, 1) if math.isfinite(found.limit) else 0.0,
        off_w=None if math.isnan(found.off) else round(found.off, 1),
        notes=(*notes, *_notes(facts)),
        summary=summary(facts, nights, steps, gaps, losses, told),
        nights=nights,
        dim_steps=steps,
        gaps=gaps,
        supply_losses=losses,
        anomalies=told,
        levels=level_rows(facts),
        voltage=voltage_row(facts, voltage, VOLTS_LOW, VOLTS_HIGH),
        drift_percent_per_30_nights=drift(facts),
        noise_percent=None if math.isnan(noise) else round(100 * noise, 3),
        smallest_loss_percent=round(100 * (2 * BLOCK_NOISE if math.isnan(noise) else max(LEAST, STEP_SIGMAS * noise)), 2),
    )


def _notes(facts: Facts) -> list[str]:
    notes = []
    if not facts.lit.nights:
        notes.append("no night was found: the feeder never carried load for long")
    elif len(facts.lit.nights) < 3:
        notes.append("fewer than three nights: steps cannot be told from a program, losses only inside a night")
    if State.OFF not in facts.lit.states:
        notes.append("the feeder was never seen off: what it takes by day is not known")
    return notes
