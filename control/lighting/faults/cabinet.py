"""Faults of the cabinet and its data: door, dead cable stolen, frozen values, a schedule that was not carried out, energy."""

from __future__ import annotations

from dataclasses import dataclass, field

from control.alarms.model import Text
from control.lighting.faults.loop import flows
from control.lighting.faults.model import UNTOLD, Clock, Finding, Held, Observed, Verdict, hold, proof
from control.lighting.faults.readings import Loop, Three

DOOR = Clock(on_s=10, off_s=None, samples=2)
THEFT = Clock(on_s=20, off_s=None, samples=2)
END_UNITS = 2
FROZEN = Clock(on_s=600, off_s=0, samples=10, gap_s=900)
LATE = Clock(on_s=300, off_s=30, samples=2)
ENERGY_OFF, LEAST_COVERAGE = 0.15, 0.90
ONCE = Clock()


def door_open(state: Held, place: str, time: int, *, open_: bool | None, permitted: bool) -> Observed:
    """The door stands open and no work order allows it. It latches: a person clears it (``model.release``). Wind and vibration
    are shorter than the clock.
    """
    value = None if open_ is None else open_ and not permitted
    text = Text(zh="箱门打开，无工单", en="the door is open and no work order allows it")
    return hold(state, time, Verdict(value=value, why=text, evidence=proof(place, time, door=open_)), DOOR, "door-open", place)


def cable_theft(state: Held, reading: Loop, *, mains: bool | None, lost_end_units: int = 0) -> Observed:
    """A dead line is broken: its sensor says so, or two neighbouring end units are lost. Sensors fed by the line itself cannot
    tell theft from an outage: not judged without ``mains``. It latches.
    """
    signal = reading.cable_alarm
    if mains is not True or (signal is None and not lost_end_units):
        return hold(state, reading.time, UNTOLD, THEFT, "cable-theft", reading.place)
    value = bool(signal) or lost_end_units >= END_UNITS
    text = Text(zh="电缆断线报警：疑似被盗", en="the cable sensor reports a break: theft?")
    evidence = proof(reading.place, reading.time, cable_alarm=signal, end_units_lost=lost_end_units)
    return hold(state, reading.time, Verdict(value=value, why=text, evidence=evidence), THEFT, "cable-theft", reading.place)


@dataclass(frozen=True, slots=True, kw_only=True)
class Still:
    """State of ``frozen``: the values last seen, and the clock."""

    values: tuple[float, ...] = ()
    held: Held = field(default_factory=Held)


def frozen(
    state: Still, place: str, time: int, volts: Three, amps: Three, watts: Three, *, lit: bool | None
) -> tuple[Still, Finding | None]:
    """Voltages, currents and powers of a lit loop the same to the last digit for ten readings and ten minutes. By day, or without
    load, a coarse meter stands still rightly: not judged.
    """
    values = tuple(value for value in (*volts, *amps, *watts) if value is not None)
    if lit is not True or len(values) < 6 or not any(amps):
        held, finding = hold(state.held, time, UNTOLD, FROZEN, "frozen-data", place)
        return Still(held=held), finding
    text = Text(zh="亮灯时读数长时间不变：表计或通信卡住", en="readings stand still while lit: meter or link is stuck")
    a, b, c = volts
    verdict = Verdict(value=values == state.values, why=text, evidence=proof(place, time, u_a=a, u_b=b, u_c=c))
    held, finding = hold(state.held, time, verdict, FROZEN, "frozen-data", place)
    return Still(values=values, held=held), finding


def schedule_not_executed(state: Held, reading: Loop) -> Observed:
    """For five minutes the loop has not been what the program wants. Judged by current, else by feedback; not by hand, not
    locked.
    """
    actual = flows(reading)
    actual = reading.aux if actual is None else actual
    if reading.expected is None or actual is None or reading.local is True or reading.locked is True:
        return hold(state, reading.time, UNTOLD, LATE, "schedule-not-executed", reading.place)
    zh, en = ("亮", "on") if reading.expected else ("灭", "off")
    text = Text(zh=f"按方案应{zh}，实际相反", en=f"the program wants it {en}, it is not")
    evidence = proof(reading.place, reading.time, expected=reading.expected, aux=reading.aux, commanded=reading.commanded)
    verdict = Verdict(value=actual is not reading.expected, why=text, evidence=evidence)
    return hold(state, reading.time, verdict, LATE, "schedule-not-executed", reading.place)


@dataclass(frozen=True, slots=True, kw_only=True)
class Metered:
    """A night's energy: kWh metered and expected by program and learned power, and the share of the night with readings."""

    place: str
    time: int
    metered: float | None
    expected: float | None
    coverage: float
    meter_swapped: bool = False


def energy_mismatch(state: Held, night: Metered) -> Observed:
    """Metered energy of a night 15 % off what the program should have taken. Not judged over gaps or a new meter."""
    if night.metered is None or not night.expected or night.metered < 0 or night.meter_swapped or night.coverage < LEAST_COVERAGE:
        return hold(state, night.time, UNTOLD, ONCE, "energy-mismatch", night.place)
    off = night.metered / night.expected - 1
    text = Text(
        zh=f"电量{night.metered:.1f} kWh，应为{night.expected:.1f}（{100 * off:+.0f}%）",
        en=f"{night.metered:.1f} kWh, should be {night.expected:.1f} ({100 * off:+.0f} %)",
    )
    evidence = proof(night.place, night.time, metered_kwh=night.metered, expected_kwh=night.expected)
    return hold(
        state, night.time, Verdict(value=abs(off) > ENERGY_OFF, why=text, evidence=evidence), ONCE, "energy-mismatch", night.place
    )
