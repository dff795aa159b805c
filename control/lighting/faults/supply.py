"""Faults of the supply: mains, phases, neutral, voltage. Cause of everything below them (domain streetlights 3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from control.alarms.model import Evidence, Text
from control.lighting.faults.model import UNTOLD, Clock, Held, Observed, Verdict, hold, proof
from control.lighting.faults.readings import PHASES, Supply
from lampwell.supply import DEAD_V
from lampwell.supply import neutral_open as broken

BACKFED_V, HEALTHY_V = 180.0, 198.0
"""A phase below the first while both others are above the second is lost too, if it carries no current for so long: loads
between lines feed 120-180 V back into it (domain streetlights 3).
"""
NO_AMPS = 0.1
ALARM_LOW_V, ALARM_HIGH_V = 187.0, 253.0
"""15 % off nominal (domain streetlights 1.2, CPD 3000)."""

MAINS = Clock(on_s=5, off_s=60)
PHASE = Clock(on_s=5, off_s=10)
BACKFED = Clock(on_s=30, off_s=10)
"""Over sooner than the alarms on each phase's voltage, which explain theirs."""
NEUTRAL = Clock(on_s=2, off_s=60, samples=2)
VOLTAGE = Clock(on_s=600, off_s=600)


Detector = Callable[[Held, Supply], Observed]


def mains_lost(state: Held, reading: Supply) -> Observed:
    """All phases dead; the battery's word is enough where no voltage is known, and a dead meter beside live mains is not."""
    return hold(state, reading.time, _mains(reading), MAINS, "mains-lost", reading.place)


def _mains(reading: Supply) -> Verdict:
    known = [volts for volts in reading.volts if volts is not None]
    evidence = _volts(reading, on_battery=reading.on_battery)
    text = Text(zh="三相全部失电", en="all phases are dead")
    if any(volts >= DEAD_V for volts in known):
        return Verdict(value=False, evidence=evidence)
    if len(known) == 3 and reading.on_battery is not False:
        return Verdict(value=True, why=text, evidence=evidence)
    if not known and reading.on_battery:
        return Verdict(
            value=True,
            why=Text(zh="控制器由电池供电，电压未知", en="the controller runs on battery, voltage not known"),
            evidence=evidence,
        )
    return UNTOLD


def phase_lost(state: Held, reading: Supply, phase: int) -> Observed:
    """One phase dead while another lives: with all dead it is mains. ``phase``: 0, 1, 2."""
    verdict = _phase(reading, phase)
    volts = reading.volts[phase]
    clock = BACKFED if verdict.value and volts is not None and volts >= DEAD_V else PHASE
    return hold(state, reading.time, verdict, clock, f"phase-{PHASES[phase]}-lost", reading.place)


def _phase(reading: Supply, phase: int) -> Verdict:
    own = reading.volts[phase]
    others = [volts for n, volts in enumerate(reading.volts) if n != phase and volts is not None]
    if own is None or (own < DEAD_V and len(others) < 2):
        return UNTOLD
    evidence, name = _volts(reading), PHASES[phase].upper()
    if own < DEAD_V:
        live = any(volts >= DEAD_V for volts in others)
        return Verdict(value=live, why=Text(zh=f"{name}相{own:.0f} V", en=f"phase {name} at {own:.0f} V"), evidence=evidence)
    amps = reading.amps[phase]
    backfed = own < BACKFED_V and len(others) == 2 and min(others) >= HEALTHY_V and amps is not None and amps < NO_AMPS
    text = Text(
        zh=f"{name}相{own:.0f} V且无电流：可能由负荷反馈", en=f"phase {name} at {own:.0f} V without current: fed back by loads"
    )
    return Verdict(value=backfed, why=text, evidence=evidence)


def neutral_open(state: Held, reading: Supply) -> Observed:
    """One phase too high while another is too low and no neutral current: loops must be opened at once, drivers burn in
    minutes.
    """
    return hold(state, reading.time, _neutral(reading), NEUTRAL, "neutral-open", reading.place)


def _neutral(reading: Supply) -> Verdict:
    value = broken(reading.volts, reading.neutral)
    if value is None:
        return UNTOLD
    known = [volts for volts in reading.volts if volts is not None]
    text = Text(
        zh=f"相电压{max(known):.0f}/{min(known):.0f} V，中性线无电流：断零",
        en=f"phases at {max(known):.0f} and {min(known):.0f} V, no neutral current",
    )
    return Verdict(value=value, why=text, evidence=_volts(reading, i_n=reading.neutral))


def voltage(state: Held, reading: Supply) -> Observed:
    """A live phase 15 % off nominal for ten minutes. The narrower band is a budget of time: ``budget.voltage``."""
    live = [volts for volts in reading.volts if volts is not None and volts >= DEAD_V]
    if not live:
        return hold(state, reading.time, UNTOLD, VOLTAGE, "voltage-serious", reading.place)
    out = [volts for volts in live if not ALARM_LOW_V <= volts <= ALARM_HIGH_V]
    words = ", ".join(f"{volts:.0f} V" for volts in out)
    text = Text(
        zh=f"电压{words}，允许{ALARM_LOW_V:g}-{ALARM_HIGH_V:g} V", en=f"{words}, allowed {ALARM_LOW_V:g}-{ALARM_HIGH_V:g} V"
    )
    verdict = Verdict(value=bool(out), why=text, evidence=_volts(reading))
    return hold(state, reading.time, verdict, VOLTAGE, "voltage-serious", reading.place)


def _volts(reading: Supply, **more: float | bool | None) -> Iterable[Evidence]:
    a, b, c = reading.volts
    return proof(reading.place, reading.time, u_a=a, u_b=b, u_c=c, **more)
