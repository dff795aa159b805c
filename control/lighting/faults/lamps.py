"""Faults of one lamp with a node: out, dim or bright, burning by day, driver, restless, cycling.

A lamp is judged while its loop feeds it and its level stands still; loops that fall together are judged by ``causes``. A crew
is sent for a single lamp only after the second night or a command repeated: ``confirmed``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import msgspec
from msgspec import structs

from control.alarms.model import Evidence, Text
from control.lighting.faults.model import UNTOLD, Clock, Finding, Held, Observed, Verdict, hold, proof
from control.lighting.faults.readings import Lamp, level_share, night_number
from control.lighting.feeder.stats import median, sigma

LIT_LEVEL, OUT_SHARE = 20.0, 0.20
"""Judged from this level on; out below this share of expected power (domain streetlights 1.2, CPD 3000)."""
OFF_BY, OFF_BY_W = 0.15, 5.0
DAY_SHARE, OPEN_RELAY_W = 0.10, 6.0
RESTLESS, RESTLESS_MIN, RESTLESS_SAMPLES = 0.05, 10.0, 8
CYCLES_HOUR, CYCLES_NIGHT, SWING, HOUR_MS, NIGHT_MS = 4, 6, 0.5, 3_600_000, 43_200_000
GUARD_S = 120.0

OUT = Clock(on_s=900, off_s=900, samples=3, gap_s=2 * 3600)
POWER = Clock(on_s=900, off_s=900, samples=2, gap_s=2 * 3600)
DAY_BURN = Clock(on_s=600, off_s=60, samples=2, gap_s=2 * 3600)
DRIVER = Clock(on_s=60, off_s=60, samples=2, gap_s=2 * 3600)
RESTLESS_CLOCK = Clock(on_s=0, off_s=1800)


def expected(reading: Lamp) -> float | None:
    """Watts at this level: learned if they are given, else by rating; None where neither is known."""
    if reading.expected is not None or reading.rated is None or reading.level is None:
        return reading.expected
    return reading.rated * level_share(reading.level)


def settled(reading: Lamp) -> bool:
    """Fed, at a level that has stood past warm-up and ramp, bright enough to judge."""
    bright = reading.level is not None and reading.level >= LIT_LEVEL
    return reading.live is True and bright and reading.steady_s is not None and reading.steady_s >= GUARD_S


def _proof(reading: Lamp) -> Iterable[Evidence]:
    return proof(reading.place, reading.time, level=reading.level, power=reading.watts, voltage=reading.volts)


def lamp_out(state: Held, reading: Lamp) -> Observed:
    """Less than a fifth of what it should take. A node whose meter is dead (no power, yet current) is not a dark lamp."""
    watts, should = reading.watts, expected(reading)
    if not settled(reading) or watts is None or not should or _meter_dead(reading):
        return hold(state, reading.time, UNTOLD, OUT, "lamp-out", reading.place)
    text = Text(zh=f"{watts:.0f} W，应有{should:.0f} W：灯不亮", en=f"{watts:.0f} W, should be {should:.0f} W: it is dark")
    verdict = Verdict(value=watts < OUT_SHARE * should, why=text, evidence=_proof(reading))
    return hold(state, reading.time, verdict, OUT, "lamp-out", reading.place)


def _meter_dead(reading: Lamp) -> bool:
    apparent = (reading.volts or 0.0) * (reading.amps or 0.0)
    return reading.watts == 0 and apparent > OFF_BY_W


def lamp_power(state: Held, reading: Lamp) -> Observed:
    """Lit, but 15 % and 5 W off what this level should take: aged, derated, wrong type, or it does not dim. Not for a dark
    lamp.
    """
    watts, should = reading.watts, expected(reading)
    if not settled(reading) or watts is None or not should or watts < OUT_SHARE * should:
        return hold(state, reading.time, UNTOLD, POWER, "lamp-power", reading.place)
    off = watts - should
    value = abs(off) > OFF_BY * should and abs(off) >= OFF_BY_W
    text = Text(
        zh=f"{watts:.0f} W，应有{should:.0f} W（{100 * off / should:+.0f}%）",
        en=f"{watts:.0f} W, should be {should:.0f} W ({100 * off / should:+.0f} %)",
    )
    return hold(state, reading.time, Verdict(value=value, why=text, evidence=_proof(reading)), POWER, "lamp-power", reading.place)


def dim_failure(state: Held, reading: Lamp) -> Observed:
    """The level the lamp reports is not the level asked for, long after the ramp."""
    if reading.live is not True or reading.asked is None or reading.level is None or (reading.steady_s or 0.0) < GUARD_S:
        return hold(state, reading.time, UNTOLD, POWER, "lamp-dim-failure", reading.place)
    text = Text(
        zh=f"要求{reading.asked:.0f}%，实际{reading.level:.0f}%", en=f"asked {reading.asked:.0f} %, is at {reading.level:.0f} %"
    )
    value = abs(reading.level - reading.asked) > 100 * OFF_BY
    return hold(
        state, reading.time, Verdict(value=value, why=text, evidence=_proof(reading)), POWER, "lamp-dim-failure", reading.place
    )


def day_burner(state: Held, reading: Lamp) -> Observed:
    """Takes power by day although asked to be dark. Where the node's meter is dead, its current speaks."""
    watts = (reading.volts or 0.0) * (reading.amps or 0.0) if _meter_dead(reading) else reading.watts
    if watts is None or reading.day is None or (reading.asked or 0.0) > 0:
        return hold(state, reading.time, UNTOLD, DAY_BURN, "lamp-day-burning", reading.place)
    limit = max(OPEN_RELAY_W, DAY_SHARE * (reading.rated or 0.0))
    text = Text(zh=f"白天{watts:.0f} W", en=f"{watts:.0f} W by day")
    verdict = Verdict(value=reading.day and watts > limit, why=text, evidence=_proof(reading))
    return hold(state, reading.time, verdict, DAY_BURN, "lamp-day-burning", reading.place)


def driver(state: Held, reading: Lamp) -> Observed:
    """The node's own word on its driver."""
    judged = reading.driver_fault is not None and reading.live is not False
    text = Text(zh="节点报驱动故障", en="the node reports a driver fault")
    verdict = Verdict(
        value=reading.driver_fault, why=text, evidence=proof(reading.place, reading.time, driver_fault=reading.driver_fault)
    )
    return hold(state, reading.time, verdict if judged else UNTOLD, DRIVER, "lamp-driver", reading.place)


# -- restless lamps --------------------------------------------------------------------------------------------------------------


class Restless(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """State of ``flicker`` and ``cycling``: recent power at one level, times of swings, whether it was lit, and the two
    clocks.
    """

    watts: tuple[tuple[int, float], ...] = ()
    level: float | None = None
    swings: tuple[int, ...] = ()
    lit: bool | None = None
    flicker: Held = msgspec.field(default_factory=Held)
    cycling: Held = msgspec.field(default_factory=Held)


def restless(state: Restless, reading: Lamp, *, common: bool = False) -> tuple[Restless, tuple[Finding, ...]]:
    """Flicker: power spreads by 5 % over ten minutes at a steady level. Cycling: it goes out or comes back by more than half,
    four times an hour or six a night. ``common``: its phase was disturbed, which moves every lamp at once and counts for none.
    """
    watts, should = reading.watts, expected(reading)
    if not settled(reading) or watts is None or not should or common:
        flicker, first = hold(state.flicker, reading.time, UNTOLD, RESTLESS_CLOCK, "lamp-flicker", reading.place)
        cycling, second = hold(state.cycling, reading.time, UNTOLD, RESTLESS_CLOCK, "lamp-cycling", reading.place)
        state = structs.replace(state, watts=(), lit=None, flicker=flicker, cycling=cycling)
        return state, tuple(one for one in (first, second) if one is not None)
    state = _swung(_seen(state, reading, watts), reading, watts / should)
    flicker, first = hold(state.flicker, reading.time, _flicker(state, reading), RESTLESS_CLOCK, "lamp-flicker", reading.place)
    cycling, second = hold(state.cycling, reading.time, _cycling(state, reading), RESTLESS_CLOCK, "lamp-cycling", reading.place)
    return structs.replace(state, flicker=flicker, cycling=cycling), tuple(one for one in (first, second) if one is not None)


def _seen(state: Restless, reading: Lamp, watts: float) -> Restless:
    kept = state.watts if reading.level == state.level else ()
    kept = tuple((at, value) for at, value in kept if reading.time - at <= RESTLESS_MIN * 60_000)
    return structs.replace(state, level=reading.level, watts=(*kept, (reading.time, watts)))


def _swung(state: Restless, reading: Lamp, share: float) -> Restless:
    """Note a swing through the half; between, what it was stays."""
    lit = True if share > 1 - SWING / 2 else False if share < SWING / 2 else state.lit
    swings = tuple(at for at in state.swings if reading.time - at <= NIGHT_MS)
    moved = lit is not None and state.lit is not None and lit is not state.lit
    return structs.replace(state, lit=lit, swings=(*swings, reading.time) if moved else swings)


def _flicker(state: Restless, reading: Lamp) -> Verdict:
    values = [watts for _, watts in state.watts]
    if len(values) < RESTLESS_SAMPLES or state.lit is not True:
        return UNTOLD
    spread = sigma(values) / median(values)
    text = Text(zh=f"功率波动{100 * spread:.0f}%", en=f"power spreads by {100 * spread:.0f} %")
    return Verdict(value=spread > RESTLESS, why=text, evidence=_proof(reading))


def _cycling(state: Restless, reading: Lamp) -> Verdict:
    hour = sum(reading.time - at <= HOUR_MS for at in state.swings)
    value = hour >= CYCLES_HOUR or len(state.swings) >= CYCLES_NIGHT
    text = Text(
        zh=f"一小时内通断{hour}次，一夜{len(state.swings)}次",
        en=f"{hour} switchings within an hour, {len(state.swings)} in the night",
    )
    return Verdict(value=value, why=text, evidence=_proof(reading))


# -- confirmation over nights ----------------------------------------------------------------------------------------------------


class Nights(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """State of ``confirmed``: the nights (local noon to noon, numbered) in which a fault was found, newest last; the number of
    the command that stood then.
    """

    found: tuple[int, ...] = ()
    told: bool = False
    command: int | None = None


def confirmed(state: Nights, finding: Finding, *, zone_ms: int, command: int | None = None) -> tuple[Nights, Finding | None]:
    """The second clock: a lamp's fault is worth a journey when it is found on two of three nights, or in one night after another
    command than before (``command``: the number of the one that stands; None = commands do not count). ``zone_ms``: offset of
    local time. The finding comes back once, under ``<fault>-confirmed``; False ends it.
    """
    if finding.value is None:
        return state, None
    night = night_number(finding.time, zone_ms)
    if not finding.value:
        return structs.replace(state, told=False), _renamed(finding) if state.told else None
    again = night in state.found and command is not None and command != state.command
    found = (*(one for one in state.found if night - 2 <= one < night), night)
    sure = again or len(found) >= 2
    return Nights(found=found, told=state.told or sure, command=command), _renamed(finding) if sure and not state.told else None


def _renamed(finding: Finding) -> Finding:
    return replace(finding, fault=f"{finding.fault}-confirmed")
