"""Power factor of lamps and loops. The limit is a curve against the dim level: dimmed drivers are capacitive by design."""

from __future__ import annotations

from collections.abc import Iterable

from control.alarms.model import Evidence, Text
from control.lighting.faults.lamps import OUT_SHARE, expected, settled
from control.lighting.faults.loop import armed, flows
from control.lighting.faults.model import UNTOLD, Clock, Held, Observed, Verdict, hold, proof
from control.lighting.faults.readings import Lamp, Loop

WARN, ALARM = 0.85, 0.65
"""At ``FULL_LEVEL`` and above (domain streetlights 3, driver / PF; CPD 3000 has 0.65)."""
FULL_LEVEL, LEAST_LEVEL, LEAST_SHARE = 80.0, 50.0, 0.7
"""Below the first the limit falls in a straight line to this share of it; below the second there is none (unverified: 0.3-0.4 is
normal when off, and what drivers do at half is theirs).
"""
FACTOR = Clock(on_s=1800, off_s=1800, samples=2, gap_s=2 * 3600)


def limit(at_full: float, level: float) -> float | None:
    """The least power factor at a level in percent; None where none is asked for."""
    if level < LEAST_LEVEL:
        return None
    share = min(1.0, (level - LEAST_LEVEL) / (FULL_LEVEL - LEAST_LEVEL))
    return at_full * (LEAST_SHARE + (1 - LEAST_SHARE) * share)


def lamp_factor(state: Held, reading: Lamp, *, serious: bool = False) -> Observed:
    """Of a lamp that is lit at a level that has stood; one that is dark has none worth a word."""
    fault = "lamp-power-factor-serious" if serious else "lamp-power-factor"
    lit = reading.watts is not None and reading.watts >= OUT_SHARE * (expected(reading) or 0.0)
    evidence = proof(reading.place, reading.time, pf=reading.factor, level=reading.level, power=reading.watts)
    verdict = _verdict(reading.factor, reading.level, serious, evidence) if settled(reading) and lit else UNTOLD
    return hold(state, reading.time, verdict, FACTOR, fault, reading.place)


def loop_factor(state: Held, reading: Loop, *, mixed: bool = False, serious: bool = False) -> Observed:
    """Of a lit loop as its meter has it. ``mixed``: its lamps have other levels than the loop, so no limit is known."""
    fault = "loop-power-factor-serious" if serious else "loop-power-factor"
    judged = armed(reading) and not mixed and flows(reading) is True
    evidence = proof(reading.place, reading.time, pf=reading.factor, level=reading.level)
    verdict = _verdict(reading.factor, reading.level, serious, evidence) if judged else UNTOLD
    return hold(state, reading.time, verdict, FACTOR, fault, reading.place)


def _verdict(factor: float | None, level: float | None, serious: bool, evidence: Iterable[Evidence]) -> Verdict:
    least = None if level is None else limit(ALARM if serious else WARN, level)
    if factor is None or least is None:
        return UNTOLD
    text = Text(
        zh=f"功率因数{abs(factor):.2f}，低于{least:.2f}（{level:.0f}%亮度）",
        en=f"power factor {abs(factor):.2f}, below {least:.2f} at {level:.0f} %",
    )
    return Verdict(value=abs(factor) < least, why=text, evidence=evidence)
