"""Leakage of a loop: three tests on residual current. A fixed 30 mA means nothing: sixty healthy lamps leak 42 mA (domain
streetlights fact 9), so the loop's own baseline is learned, steps are told at once, drift by the day.
"""

from __future__ import annotations

import msgspec
from msgspec import structs

from control.alarms.model import Text
from control.lighting.faults.model import UNTOLD, Clock, Finding, Held, Verdict, hold, proof
from control.lighting.faults.readings import DAY_MS, Loop
from control.lighting.feeder.stats import median

BLIND_S = 2.0
"""After switching on: inrush of LED drivers."""
TRIP_MA, PREALARM_SHARE = 300.0, 0.5
"""Used where the cabinet's own setting is not known; the pre-alarm is half of the trip (domain streetlights 3)."""
STEP_MA, STEP_LOOK_MS = 40.0, 120_000
DRIFT_MA, HOUR_MS, HOURS = 100.0, 3_600_000, 168
LEAST_HOURS = 4
ABSOLUTE = Clock(on_s=1, off_s=60, samples=2)
STEP = Clock(on_s=0, off_s=60, samples=2)
DRIFT = Clock(on_s=1800, off_s=1800, samples=3, gap_s=7200)


class Leak(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """State: the last two minutes, the hour that runs, medians of the lit hours of a week, and the three clocks. ``before_step``:
    what it was before the step that stands.
    """

    recent: tuple[tuple[int, float], ...] = ()
    hour: tuple[float, ...] = ()
    hour_at: int = 0
    hours: tuple[tuple[int, float], ...] = ()
    before_step: float | None = None
    absolute: Held = msgspec.field(default_factory=Held)
    step: Held = msgspec.field(default_factory=Held)
    drift: Held = msgspec.field(default_factory=Held)


def leakage(state: Leak, reading: Loop, *, trip_ma: float | None = None) -> tuple[Leak, tuple[Finding, ...]]:
    """Judge a loop's residual current. Not judged while the loop is off, within the blind time, or without a reading."""
    now = reading.residual
    live = reading.aux is True and (reading.commanded is not True or (reading.steady_s or 0.0) >= BLIND_S)
    if not live or now is None:
        return _pause(state, reading)
    evidence = proof(reading.place, reading.time, residual=now)
    limit = PREALARM_SHARE * (trip_ma or TRIP_MA)
    above = Text(zh=f"剩余电流{now:.0f} mA，预警{limit:.0f}", en=f"{now:.0f} mA of residual current, pre-alarm {limit:.0f}")
    absolute, first = hold(
        state.absolute,
        reading.time,
        Verdict(value=now >= limit, why=above, evidence=evidence),
        ABSOLUTE,
        "leakage",
        reading.place,
    )
    before = _before_step(state, reading.time, now)
    rose = Text(
        zh=f"剩余电流突增至{now:.0f} mA，原{before or 0:.0f}", en=f"residual current rose to {now:.0f} mA from {before or 0:.0f}"
    )
    step, second = hold(
        state.step,
        reading.time,
        Verdict(value=before is not None, why=rose, evidence=evidence),
        STEP,
        "leakage-step",
        reading.place,
    )
    state = _learn(structs.replace(state, absolute=absolute, step=step, before_step=before), reading.time, now)
    drift, third = hold(state.drift, reading.time, _drift(state, reading), DRIFT, "leakage-drift", reading.place)
    return structs.replace(state, drift=drift), tuple(one for one in (first, second, third) if one is not None)


def baseline(state: Leak, time: int) -> float | None:
    """What the loop leaks when lit and dry: the lower quartile of its hours, the last day left out, so that neither rain nor a
    week of creeping makes itself the rule. None until four hours are known.
    """
    old = sorted(value for at, value in state.hours if time - at >= DAY_MS)
    return old[len(old) // 4] if len(old) >= LEAST_HOURS else None


def _pause(state: Leak, reading: Loop) -> tuple[Leak, tuple[Finding, ...]]:
    absolute, first = hold(state.absolute, reading.time, UNTOLD, ABSOLUTE, "leakage", reading.place)
    step, second = hold(state.step, reading.time, UNTOLD, STEP, "leakage-step", reading.place)
    drift, third = hold(state.drift, reading.time, UNTOLD, DRIFT, "leakage-drift", reading.place)
    state = structs.replace(state, recent=(), before_step=None, absolute=absolute, step=step, drift=drift)
    return state, tuple(one for one in (first, second, third) if one is not None)


def _before_step(state: Leak, time: int, now: float) -> float | None:
    """The level before a step that stands: it ends when current is back within half a step of it."""
    if state.before_step is not None:
        return state.before_step if now - state.before_step >= STEP_MA / 2 else None
    recent = [value for at, value in state.recent if time - at <= STEP_LOOK_MS]
    return median(recent) if len(recent) >= 3 and now - median(recent) >= STEP_MA else None


def _learn(state: Leak, time: int, now: float) -> Leak:
    recent = (*((at, value) for at, value in state.recent if time - at <= STEP_LOOK_MS), (time, now))
    hour = time // HOUR_MS
    if hour == state.hour_at:
        return structs.replace(state, recent=recent, hour=(*state.hour, now)[-720:])
    hours = (*state.hours, (state.hour_at * HOUR_MS, median(state.hour)))[-HOURS:] if state.hour else state.hours
    return structs.replace(state, recent=recent, hours=hours, hour=(now,), hour_at=hour)


def _drift(state: Leak, reading: Loop) -> Verdict:
    base = baseline(state, reading.time)
    if base is None or len(state.hour) < 3:
        return UNTOLD
    now = median(state.hour)
    text = Text(zh=f"剩余电流由{base:.0f}渐增至{now:.0f} mA", en=f"residual current has crept from {base:.0f} to {now:.0f} mA")
    return Verdict(value=now - base >= DRIFT_MA, why=text, evidence=proof(reading.place, reading.time, residual=now))
