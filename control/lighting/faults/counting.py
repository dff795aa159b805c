"""Failed lamps of one phase of one loop, from its power: no lamp nodes needed (domain streetlights 3, estimating failed lamps).

The reference is the median of the last seven good nights at the same five minutes of the day and the same level; a night in which
lamps were missing is not a good one, so the reference never learns dead lamps. What is judged is the last hour's median against
it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from control.alarms.model import Evidence, Text
from control.lighting.blocks import BLOCK_MIN, Block
from control.lighting.count import BLOCK_NOISE, Count, estimate
from control.lighting.faults.loop import armed
from control.lighting.faults.model import UNTOLD, Clock, Finding, Held, Verdict, hold, proof
from control.lighting.faults.readings import PHASES, Loop
from control.lighting.losses import LEAST, NIGHT_SIGMAS, REFERENCE_NIGHTS, UNLEARNED, WORST
from control.lighting.series import DAY_MIN
from control.lighting.stats import median, sigma

GUARD_S = 600.0
"""Past warm-up of any lamp: HID reach 95 % in six minutes (domain streetlights 3)."""
HOUR = 60 // BLOCK_MIN
SLOTS, LEAST_SAME = 2, 6
"""Compared with blocks at most ten minutes earlier or later in the night, six of them at least: two nights (unverified)."""
LEAST_HOURS_LEARNED = 20
STEADY = Clock(on_s=1500, off_s=1500, samples=5, gap_s=1500)
BLOCK_MS, DAY_MS = BLOCK_MIN * 60_000, DAY_MIN * 60_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Counting:
    """State of ``lamps_lost``: samples of the block that runs, blocks of this night, those of the good nights before, hourly
    deviations of the latter (the noise), and the clocks. ``bad``: something was missing or too much in this night.
    """

    samples: tuple[float, ...] = ()
    block: int = -1
    level: int | None = None
    night: int = -1
    tonight: tuple[Block, ...] = ()
    past: tuple[tuple[Block, ...], ...] = ()
    hours: tuple[float, ...] = ()
    hours_tonight: tuple[float, ...] = ()
    bad: bool = False
    lost: Held = field(default_factory=Held)
    gained: Held = field(default_factory=Held)


def restart(state: Counting) -> Counting:
    """After a repair or a change of the inventory: what was learned is no reference any more."""
    return Counting(lost=state.lost, gained=state.gained)


def lamps_lost(
    state: Counting, reading: Loop, phase: int, *, lamps: int | None, zone_ms: int
) -> tuple[Counting, tuple[Finding, ...]]:
    """Take in one reading of a loop; findings ``lamps-lost`` (with a count where one is honest, else watts) and ``load-added``
    of its phase. ``lamps``: equal lamps on this phase. ``zone_ms``: offset of local time.
    """
    watts, level = reading.watts[phase], reading.level
    local = reading.time + zone_ms
    state = _turn(state, (local - DAY_MS // 2) // DAY_MS)
    if not armed(reading, GUARD_S) or watts is None or watts <= 0 or level is None:
        return replace(state, samples=(), block=-1), ()
    block, whole = local // BLOCK_MS, round(level)
    if block == state.block and whole == state.level:
        return replace(state, samples=(*state.samples, watts)), ()
    state, done = _close(state), state.samples and state.block >= 0
    state = replace(state, samples=(watts,), block=block, level=whole)
    return _judge(state, reading, phase, lamps) if done else (state, ())


def _turn(state: Counting, night: int) -> Counting:
    """A new night has begun: keep the last one if it was good and long enough."""
    if night == state.night:
        return state
    good = not state.bad and len(state.tonight) >= 2 * HOUR
    past = (*state.past, state.tonight)[-REFERENCE_NIGHTS:] if good else state.past
    hours = (*state.hours, *state.hours_tonight)[-REFERENCE_NIGHTS * 12 :] if good else state.hours
    return replace(
        state, night=night, tonight=(), samples=(), block=-1, past=past, hours=hours, hours_tonight=(), bad=state.lost.fault
    )


def _close(state: Counting) -> Counting:
    """The block that ran is over: its median joins the night."""
    if not state.samples or state.level is None:
        return state
    slot = state.block % (DAY_MIN // BLOCK_MIN)
    done = Block(
        night=state.night, plateau=state.level, cell=state.block, slot=slot, x=math.log(median(state.samples)), v=math.nan
    )
    return replace(state, tonight=(*state.tonight, done))


def limit(state: Counting) -> tuple[float, float]:
    """Smallest believed deviation of an hour (logarithm), and its noise: learned from good nights, or taken as on a noisy
    line.
    """
    if len(state.hours) < LEAST_HOURS_LEARNED:
        return UNLEARNED, BLOCK_NOISE
    noise = sigma(state.hours)
    return max(LEAST, NIGHT_SIGMAS * noise, WORST * max(map(abs, state.hours))), noise


def deviation(state: Counting, blocks: int = HOUR) -> float:
    """Median deviation of the last ``blocks`` from the good nights, each at its own level and time of day (logarithm); NaN where
    three quarters of them cannot be compared.
    """
    recent = state.tonight[-blocks:]
    found = [off for one in recent if not math.isnan(off := _off(state, one))]
    return median(found) if 4 * len(found) >= 3 * blocks else math.nan


def _off(state: Counting, block: Block) -> float:
    same = [
        one.x for night in state.past for one in night if one.plateau == block.plateau and abs(one.slot - block.slot) <= SLOTS
    ]
    return block.x - median(same) if len(same) >= LEAST_SAME else math.nan


def _judge(state: Counting, reading: Loop, phase: int, lamps: int | None) -> tuple[Counting, tuple[Finding, ...]]:
    off = deviation(state)
    least, noise = limit(state)
    place = f"{reading.place}/{PHASES[phase]}"
    lost, less = hold(
        state.lost, reading.time, _verdict(state.lost, -off, least, _proof(reading, phase)), STEADY, "lamps-lost", place
    )
    gained, more = hold(
        state.gained, reading.time, _verdict(state.gained, off, least, _proof(reading, phase)), STEADY, "load-added", place
    )
    if not math.isnan(off) and len(state.tonight) % HOUR == 0:
        state = replace(state, hours_tonight=(*state.hours_tonight, off))
    state = replace(state, lost=lost, gained=gained, bad=state.bad or lost.raw is True or gained.raw is True)
    return state, tuple(_with_count(one, state, off, lamps, noise) for one in (less, more) if one is not None)


def _verdict(held: Held, missing: float, least: float, evidence: tuple[Evidence, ...]) -> Verdict:
    """Beyond the limit it is there; until back within half of it, it stays."""
    if math.isnan(missing):
        return UNTOLD
    return Verdict(value=missing >= (least / 2 if held.fault else least), evidence=evidence)


def _proof(reading: Loop, phase: int) -> tuple[Evidence, ...]:
    return proof(reading.place, reading.time, **{f"p_{PHASES[phase]}": reading.watts[phase], "level": reading.level})


def _with_count(finding: Finding, state: Counting, off: float, lamps: int | None, noise: float) -> Finding:
    if not finding.value or math.isnan(off):
        return finding
    late = deviation(state, HOUR // 2)  # the whole hour may still hold what was before
    off = off if math.isnan(late) else late
    now = math.exp(median([one.x for one in state.tonight[-HOUR // 2 :]]))
    reference = now / math.exp(off)
    count = estimate(reference - now, reference, lamps, noise)
    return replace(finding, count=count, why=_words(finding.fault, count, lamps))


def _words(fault: str, count: Count, lamps: int | None) -> Text:
    watts = abs(count.watts)
    if fault == "load-added":
        return Text(
            zh=f"比参考多{watts:.0f} W：新增负荷、窃电或换错灯",
            en=f"{watts:.0f} W above reference: added load, theft of power, wrong lamp",
        )
    if count.lamps is None:
        return Text(zh=f"至少少{watts:.0f} W，不足以定盏数", en=f"at least {watts:.0f} W missing; {count.why}")
    sure = f"{100 * (count.confidence or 0):.0f} %"
    return Text(
        zh=f"约{count.lamps}盏（共{lamps}盏）不亮，少{watts:.0f} W，把握{sure}",
        en=f"about {count.lamps} of {lamps} lamps out, {watts:.0f} W missing, confidence {sure}",
    )


def watts_missing(findings: Sequence[Finding]) -> float:
    """Sum of what some findings miss, for a cross-check with the main meter."""
    return sum(one.count.watts for one in findings if one.value and one.count is not None and one.fault == "lamps-lost")
