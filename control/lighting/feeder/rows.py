"""The rows of a feeder report, from what was found."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta

from control.lighting.feeder.anomalies import Facts
from control.lighting.feeder.blocks import SAME_LEVEL, Voltage
from control.lighting.feeder.count import BLOCK_NOISE, estimate
from control.lighting.feeder.levels import Plateau
from control.lighting.feeder.lit import Gap, Hole, Night, State
from control.lighting.feeder.program import Sort
from control.lighting.feeder.report import Anomaly, GapRow, LevelRow, NightRow, StepRow, Summary, SupplyRow, VoltageRow
from control.lighting.feeder.series import DAY_MIN, EPOCH, Series
from control.lighting.feeder.stats import TO_SIGMA, known, median, sigma, slope

DRIFT_NIGHTS = 7
LEAST_PLATEAU_MIN = 15.0
NOON_MIN = 720.0


def night_label(series: Series, night: Night, number: int) -> str | int:
    """A night belongs to the date of its dusk, noon to noon; without a clock it has a number."""
    if not series.clock:
        return number + 1
    return (EPOCH + timedelta(minutes=series.minute(night.begin) - NOON_MIN)).date().isoformat()


def night_rows(facts: Facts) -> tuple[NightRow, ...]:
    """One row for each night."""
    full = full_watts(facts)
    rows = []
    for night, used, label in zip(facts.lit.nights, facts.energies, facts.labels, strict=True):
        on, off = night.on_within is not None, night.off_within is not None
        most = full * used.lit / 60_000
        rows.append(
            NightRow(
                night=label,
                on=facts.series.when(night.begin) if on else None,
                off=facts.series.when(night.end) if off else None,
                on_within_min=night.on_within,
                off_within_min=night.off_within,
                complete=on and off,
                lit_min=used.lit,
                missing_min=used.missing,
                kwh=round(used.bridged, 3),
                kwh_measured=round(used.measured, 3),
                saved_percent=round(100 * (1 - used.bridged / most), 1) if most else None,
            )
        )
    return tuple(rows)


def full_watts(facts: Facts) -> float:
    """Power of the highest level that was held for long; 0 where there is none."""
    return max((one.watts for one in _plateaus(facts)), default=0.0)


def _plateaus(facts: Facts) -> list[Plateau]:
    least = facts.series.cells(LEAST_PLATEAU_MIN)
    return [one for profile in facts.profiles for one in profile.plateaus if len(one.cells) >= least]


def step_rows(facts: Facts) -> tuple[StepRow, ...]:
    """One row for each change of level that a program makes or may make."""
    full, when = full_watts(facts), facts.series.when
    return tuple(
        StepRow(
            night=facts.labels[step.night],
            time=when(step.begin),
            until=when(step.end),
            from_w=round(step.before, 1),
            to_w=round(step.after, 1),
            from_percent=round(100 * step.before / full, 1),
            to_percent=round(100 * step.after / full, 1),
            sort=sort.value,
            within_min=step.within,
        )
        for profile, sorts in zip(facts.profiles, facts.sorts, strict=True)
        for step, sort in zip(profile.steps, sorts, strict=True)
        if sort is not Sort.UNSCHEDULED  # those are told as anomalies
    )


def gap_rows(facts: Facts) -> tuple[GapRow, ...]:
    """One row for each stretch without data."""
    series = facts.series
    return tuple(
        GapRow(
            begin=series.when(gap.begin),
            end=series.when(gap.end),
            minutes=(gap.end - gap.begin) * series.step,
            kind=_gap_kind(facts, gap),
        )
        for gap in facts.lit.gaps
    )


def _gap_kind(facts: Facts, gap: Gap) -> str:
    for night in facts.lit.nights:
        for one in night.breaks:
            if one.begin <= gap.begin < one.end:
                return "lit" if one.kind is Hole.NO_DATA else one.kind.value
    states = facts.lit.states
    before = states[gap.begin - 1] if gap.begin else None
    after = states[gap.end] if gap.end < len(states) else None
    if before is None or after is None:
        return "edge"
    return "off" if State.LIT not in (before, after) else "switching"


def supply_rows(facts: Facts) -> tuple[SupplyRow, ...]:
    """One row for each loss of supply."""
    series, rows = facts.series, []
    for night, profile, label in zip(facts.lit.nights, facts.profiles, facts.labels, strict=True):
        for one, recovered in zip(night.breaks, profile.recovered, strict=True):
            if one.kind is not Hole.SUPPLY:
                continue
            inside = facts.lit.states[one.begin : one.end]
            back = (
                next(
                    (cell for cell in range(one.end - 1, one.begin - 1, -1) if inside[cell - one.begin] is not State.OFF),
                    one.begin,
                )
                + 1
            )
            rows.append(
                SupplyRow(
                    night=label,
                    begin=series.when(one.begin),
                    end=series.when(back),
                    relit=series.when(one.end),
                    recovered=series.when(recovered),
                    minutes=(back - one.begin) * series.step,
                    cold=one.cold,
                    seen_as=_seen_as(inside),
                )
            )
    return tuple(rows)


def _seen_as(inside: Sequence[State]) -> str:
    if State.DEAD in inside:
        return "no voltage"
    return "no data, then lamps from cold" if State.MISSING in inside else "power fell, then lamps from cold"


def level_rows(facts: Facts) -> tuple[LevelRow, ...]:
    """Levels learned, highest first: plateaus of like power together."""
    groups: list[list[Plateau]] = []
    for one in sorted(_plateaus(facts), key=lambda plateau: -plateau.watts):
        if groups and math.log(groups[-1][-1].watts / one.watts) < SAME_LEVEL:
            groups[-1].append(one)
        else:
            groups.append([one])
    return tuple(_level(facts, group) for group in groups)


def _level(facts: Facts, group: Sequence[Plateau]) -> LevelRow:
    watts = [facts.series.watts[cell] for one in group for cell in one.cells]
    volts = median(known([one.volts for one in group]))
    return LevelRow(
        level_percent=round(100 * median(watts) / full_watts(facts), 1),
        watts=round(median(watts), 1),
        mad_percent=round(100 * sigma(watts) / TO_SIGMA / median(watts), 3),
        nights=len({one.night for one in group}),
        minutes=len(watts) * facts.series.step,
        volts=None if math.isnan(volts) else round(volts, 1),
    )


def voltage_row(facts: Facts, voltage: Voltage, low: float, high: float) -> VoltageRow:
    """Supply while lit, and the learned exponent."""
    cells = [cell for night in facts.lit.nights for cell in range(night.begin, night.end) if facts.lit.states[cell] is State.LIT]
    volts = sorted(known([facts.series.volts[cell] for cell in cells]))
    at = (lambda share: round(volts[int(share * (len(volts) - 1))], 1)) if volts else (lambda _: None)
    return VoltageRow(
        median=at(0.5),
        low=at(0.01),
        high=at(0.99),
        minutes_below=sum(volt < low for volt in volts) * facts.series.step,
        minutes_above=sum(volt > high for volt in volts) * facts.series.step,
        exponent=round(voltage.exponent, 2),
        learned=round(voltage.learned, 2) if volts else None,
        spread_percent=_percent(voltage.spread_before),
        spread_corrected_percent=_percent(voltage.spread_after),
    )


def _percent(share: float) -> float | None:
    return None if math.isnan(share) else round(100 * share, 3)


def drift(facts: Facts) -> float | None:
    """How power wanders from night to night, percent in 30 nights, from levels seen on a week's nights or more; lost lamps
    taken out.
    """
    day = DAY_MIN / facts.series.step
    found = []
    plateaus = _plateaus(facts)
    for top in sorted({round(math.log(one.watts) / SAME_LEVEL) for one in plateaus}):
        alike = [one for one in plateaus if round(math.log(one.watts) / SAME_LEVEL) == top]
        if len({one.night for one in alike}) >= DRIFT_NIGHTS:
            found.append(
                slope([one.cells[0] / day for one in alike], [math.log(one.watts) - _lost(facts, one.cells[0]) for one in alike])
            )
    rates = known(found)
    return round(3000 * median(rates), 2) if rates else None


def _lost(facts: Facts, cell: int) -> float:
    """What had been lost for good by then (logarithm)."""
    return sum(shift.change for shift in facts.shifts if shift.cell <= cell)


def summary(
    facts: Facts,
    nights: Sequence[NightRow],
    steps: Sequence[StepRow],
    gaps: Sequence[GapRow],
    losses: Sequence[SupplyRow],
    told: Sequence[Anomaly],
) -> Summary:
    """The counts. ``watts_missing`` at full power at the end of the record."""
    missing = max(0.0, 1 - math.exp(sum(shift.change for shift in facts.shifts)))
    watts = missing * full_watts(facts)
    noise = max((shift.noise for shift in facts.shifts), default=BLOCK_NOISE)
    count = estimate(watts, full_watts(facts), facts.lamps, noise)
    return Summary(
        nights=len(nights),
        switched_on=sum(row.on is not None for row in nights),
        switched_off=sum(row.off is not None for row in nights),
        dim_steps=len(steps),
        gaps=len(gaps),
        missing_min=sum(row.minutes for row in gaps),
        supply_losses=len(losses),
        anomalies=len(told),
        lamp_faults=sum(one.lamp_fault for one in told),
        lamps_out=count.lamps if watts > noise * full_watts(facts) else 0,
        watts_missing=round(watts, 1),
        kwh=round(sum(row.kwh for row in nights), 3),
    )
