"""What the analysis of a recorded feeder says, as it is printed: every field of ``lampwell backtest feeder``.

Times are local (``2024-01-03T18:07``) or, for a record with a bare index, its own minutes. None = not known. Power in W, energy
in kWh.
"""

from __future__ import annotations

from dataclasses import dataclass

from control.alarms.model import Text

Time = str | float


@dataclass(frozen=True, slots=True, kw_only=True)
class NightRow:
    """One switching on and off. ``night``: date of its evening, or a number. ``on_within_min``: a gap in the data leaves the time
    open by so much; None beside on = None: the record begins lit. ``kwh``: short gaps bridged, nothing for losses of supply;
    ``kwh_measured``: recorded minutes alone. ``saved_percent``: against full power of this record for as long.
    """

    night: str | int
    on: Time | None
    off: Time | None
    on_within_min: float | None
    off_within_min: float | None
    complete: bool
    lit_min: float
    missing_min: float
    kwh: float
    kwh_measured: float
    saved_percent: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRow:
    """A change of level. ``sort``: program (comes again on other nights) or unconfirmed (too few nights to tell).
    ``time``: when it began, ``until``: when it was complete; ``within_min``: how long no settled reading tells.
    """

    night: str | int
    time: Time
    until: Time
    from_w: float
    to_w: float
    from_percent: float
    to_percent: float
    sort: str
    within_min: float


@dataclass(frozen=True, slots=True, kw_only=True)
class GapRow:
    """No reading of power from ``begin`` up to ``end``. ``kind``: off, lit (data only), supply_loss, interruption, switching,
    or edge.
    """

    begin: Time
    end: Time
    minutes: float
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplyRow:
    """A loss of supply: one event from its begin to ``recovered``, when the feeder was at its level again. ``end``: supply is
    back; ``relit``: load is back; ``cold``: lamps had to restrike.
    """

    night: str | int
    begin: Time
    end: Time
    relit: Time
    recovered: Time
    minutes: float
    cold: bool
    seen_as: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Anomaly:
    """Something that should not be. ``lamp_fault``: lamps are concerned, a crew should look. ``watts``: missing (positive) or too
    much (negative). ``lamps`` between ``low`` and ``high`` with ``confidence`` where a count is honest, else None and
    ``why_no_count``. ``end`` None: it lasts.
    """

    kind: str
    night: str | int | None
    begin: Time
    end: Time | None
    lamp_fault: bool
    text: Text
    watts: float | None = None
    percent: float | None = None
    lamps: int | None = None
    low: int | None = None
    high: int | None = None
    confidence: float | None = None
    why_no_count: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelRow:
    """A learned level: median power over its plateaus, spread of the nights about it (from the median absolute deviation)."""

    level_percent: float
    watts: float
    mad_percent: float
    nights: int
    minutes: float
    volts: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VoltageRow:
    """Supply while lit, minutes outside the band of GB/T 12325 (198-235.4 V; unverified), and how power follows it:
    ``exponent`` is what is used, ``learned`` what the record shows; used only where that makes the spread clearly smaller.
    """

    median: float | None
    low: float | None
    high: float | None
    minutes_below: float
    minutes_above: float
    exponent: float
    learned: float | None
    spread_percent: float | None
    spread_corrected_percent: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """The counts of what follows."""

    nights: int
    switched_on: int
    switched_off: int
    dim_steps: int
    gaps: int
    missing_min: float
    supply_losses: int
    anomalies: int
    lamp_faults: int
    lamps_out: int | None
    watts_missing: float
    kwh: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FeederReport:
    """The whole. ``smallest_loss_percent``: what this record's noise lets be told within an hour."""

    file: str
    lamps: int
    time: str
    begin: Time
    end: Time
    interval_min: int
    rows: int
    lit_above_w: float
    off_w: float | None
    notes: tuple[str, ...]
    summary: Summary
    nights: tuple[NightRow, ...]
    dim_steps: tuple[StepRow, ...]
    gaps: tuple[GapRow, ...]
    supply_losses: tuple[SupplyRow, ...]
    anomalies: tuple[Anomaly, ...]
    levels: tuple[LevelRow, ...]
    voltage: VoltageRow
    drift_percent_per_30_nights: float | None
    noise_percent: float | None
    smallest_loss_percent: float
