"""Faults of a loop and its contactor: dead loop, dead phase, welded, not closing, feedback, burning by day.

A loop is judged only while its command has stood still for long enough and its phase is fed. Contactor and feedback are told
apart by current: (closed, no current) after OFF is a stuck auxiliary, (open, current) a wire or a bypass, (closed, current) a
weld.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from control.alarms.model import Evidence, Text
from control.lighting.faults.model import UNTOLD, Clock, Held, Observed, Verdict, hold, proof
from control.lighting.faults.readings import PHASES, Loop
from lampwell.supply import DEAD_V

LEAST_A, FLOWS_SHARE, DEAD_SHARE = 0.3, 0.03, 0.05
"""Current flows above max(0.3 A, 3 % of reference); a phase is dead below 5 % of reference (domain streetlights 3)."""
UNREFERENCED_A = 0.1
"""Dead below this where no reference is known yet; only a loop without any current is judged then (unverified)."""
GUARD_S, STAGED_S = 120.0, 10.0
"""After a command: LED warm-up with staged closing, and the time contactors may take to follow."""
DIM_LEVEL = 20.0
"""A loop dimmed lower may draw next to nothing legitimately."""

OPEN = Clock(on_s=90, off_s=60, samples=2)
WELDED = Clock(on_s=15, off_s=10, samples=2)
NOT_CLOSING = Clock(on_s=8, off_s=10, samples=2)
FEEDBACK = Clock(on_s=30, off_s=30, samples=2)
DAY_BURN = Clock(on_s=600, off_s=60, samples=2)
BREAKER = Clock(on_s=2, off_s=2)


Detector = Callable[[Held, Loop], Observed]


# -- what current says -----------------------------------------------------------------------------------------------------------


def flows(reading: Loop) -> bool | None:
    """Whether any phase carries current; None where a phase is not known and no other tells."""
    told = [_flows(amps, reference) for amps, reference in zip(reading.amps, reading.reference, strict=True)]
    if any(told):
        return True
    return None if None in told else False


def _flows(amps: float | None, reference: float | None) -> bool | None:
    return None if amps is None else amps > max(LEAST_A, FLOWS_SHARE * (reference or 0.0))


def dead(reading: Loop, phase: int) -> bool | None:
    """Whether a phase that should carry current does not; None where it is not fed, not expected to, or not known."""
    amps, volts, reference = reading.amps[phase], reading.volts[phase], reading.reference[phase]
    if amps is None or volts is None or volts < DEAD_V or (reference is not None and reference < LEAST_A):
        return None
    return amps < (UNREFERENCED_A if reference is None else DEAD_SHARE * reference)


def armed(reading: Loop, steady_s: float = GUARD_S) -> bool:
    """Command ON and long enough so, feedback agrees, lit enough to draw current, nobody switches by hand."""
    closed = reading.commanded is True and reading.aux is True and reading.local is not True
    bright = reading.level is None or reading.level >= DIM_LEVEL
    return closed and bright and reading.steady_s is not None and reading.steady_s >= steady_s


# -- the detectors ---------------------------------------------------------------------------------------------------------------


def loop_open(state: Held, reading: Loop) -> Observed:
    """Commanded on, contactor closed, no current on any fed phase: breaker, fuse or cable. Suppressed by phase and mains."""
    return hold(state, reading.time, _open(reading), OPEN, "loop-open", reading.place)


def _open(reading: Loop) -> Verdict:
    fed = [told for phase in range(3) if (told := dead(reading, phase)) is not None]
    if not armed(reading) or not fed:
        return UNTOLD
    cause = (
        ("断路器已断开", "its breaker is open")
        if reading.breaker is False
        else ("断路器、熔断器或电缆", "breaker, fuse or cable")
    )
    text = Text(zh=f"接触器闭合而各相无电流：{cause[0]}", en=f"contactor closed, no current on any phase: {cause[1]}")
    return Verdict(value=all(fed), why=text, evidence=electrics(reading))


def phase_open(state: Held, reading: Loop, phase: int) -> Observed:
    """One phase of a loop without current while another carries it: a fuse or one core of the cable."""
    name = PHASES[phase]
    return hold(state, reading.time, _phase_open(reading, phase), OPEN, f"loop-phase-{name}-open", reading.place)


def _phase_open(reading: Loop, phase: int) -> Verdict:
    own = dead(reading, phase)
    others = [told for n in range(3) if n != phase and (told := dead(reading, n)) is not None]
    if not armed(reading) or own is None or reading.reference[phase] is None or (own and (not others or all(others))):
        return UNTOLD
    name = PHASES[phase].upper()
    text = Text(
        zh=f"{name}相无电流，其他相正常：查熔断器、电缆", en=f"no current on phase {name}, others carry it: fuse or cable"
    )
    return Verdict(value=own, why=text, evidence=electrics(reading))


def breaker_open(state: Held, reading: Loop) -> Observed:
    """The loop's breaker says it is open: root of the dead loop behind it."""
    text = Text(zh="回路断路器断开", en="the loop's breaker is open")
    verdict = UNTOLD if reading.breaker is None else Verdict(value=not reading.breaker, why=text, evidence=electrics(reading))
    return hold(state, reading.time, verdict, BREAKER, "loop-breaker", reading.place)


def welded(state: Held, reading: Loop) -> Observed:
    """After OFF contacts still closed and current flows: stuck on. Feedback alone, or current alone, is ``feedback_fault``."""
    if reading.commanded is not False or reading.local is True or not _stood(reading):
        return hold(state, reading.time, UNTOLD, WELDED, "contactor-welded", reading.place)
    current = flows(reading)
    value = None if current is None or reading.aux is None else current and reading.aux
    text = Text(
        zh="已令断开，反馈仍合且有电流：触头粘连", en="commanded off, feedback closed and current flows: contacts are welded"
    )
    return _found(state, reading, value, text, WELDED, "contactor-welded")


def feedback_fault(state: Held, reading: Loop) -> Observed:
    """Feedback and current contradict each other. It never says that a loop is dead or alive: current does."""
    return hold(state, reading.time, _feedback(reading), FEEDBACK, "contactor-feedback", reading.place)


def _feedback(reading: Loop) -> Verdict:
    current = flows(reading)
    if current is None or reading.aux is None or reading.commanded is None or not _stood(reading):
        return UNTOLD
    evidence = electrics(reading)
    if not reading.aux and current:
        return Verdict(
            value=True,
            why=Text(zh="反馈断开而有电流：辅助触点接线或旁路", en="feedback open but current flows: aux wiring or a bypass"),
            evidence=evidence,
        )
    if reading.aux and not current and not reading.commanded:
        return Verdict(
            value=True,
            why=Text(zh="反馈闭合而无电流：辅助触点卡住", en="feedback closed without current: the aux contact is stuck"),
            evidence=evidence,
        )
    return Verdict(value=False, evidence=evidence)


def not_closing(state: Held, reading: Loop) -> Observed:
    """Commanded on, feedback open, no current: the coil, its fuse or undervoltage. Not judged under lock, by hand, or unfed."""
    fed = any(volts is not None and volts >= 0.85 * 220 for volts in reading.volts)
    judged = reading.commanded is True and reading.local is not True and reading.locked is not True and fed and _stood(reading)
    current = flows(reading)
    value = None if not judged or current is None or reading.aux is None else not reading.aux and not current
    text = Text(
        zh="已令闭合，反馈断开且无电流：线圈或控制回路", en="commanded on, feedback open, no current: coil or control circuit"
    )
    return _found(state, reading, value, text, NOT_CLOSING, "contactor-not-closing")


def _stood(reading: Loop) -> bool:
    return reading.steady_s is not None and reading.steady_s >= STAGED_S


def day_burning(state: Held, reading: Loop, *, day: bool | None) -> Observed:
    """Current in daylight (sun well up) although commanded off and nobody works there by hand."""
    judged = day is True and reading.commanded is False and reading.local is False
    text = Text(zh="白天已令断开仍有电流", en="current by day although commanded off")
    value = flows(reading) if judged else (False if day is False and flows(reading) is False else None)
    return _found(state, reading, value, text, DAY_BURN, "loop-day-burning")


def _found(state: Held, reading: Loop, value: bool | None, why: Text, clock: Clock, fault: str) -> Observed:
    """Held against its clock, with the loop's electrics behind it."""
    return hold(state, reading.time, Verdict(value=value, why=why, evidence=electrics(reading)), clock, fault, reading.place)


def electrics(reading: Loop) -> Iterable[Evidence]:
    """What is shown of a loop with every finding."""
    a, b, c = reading.amps
    return proof(
        reading.place,
        reading.time,
        commanded=reading.commanded,
        aux=reading.aux,
        breaker=reading.breaker,
        i_a=a,
        i_b=b,
        i_c=c,
        level=reading.level,
    )
