"""Failed lamps of one phase of one loop, from its power: no lamp nodes needed (domain streetlights 3, estimating failed lamps).

What is missing is looked for in four ways, the quickest first: the last hour, half a night, two or three nights, each against the
last good nights and beyond the noise of such a look on this very phase; and the night against commissioning. What one of them has
told stands until the same look has it back within half of its limit.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace

import msgspec
from msgspec import structs

from control.alarms.model import Evidence, Text
from control.lighting.faults.loop import armed
from control.lighting.faults.model import UNTOLD, Clock, Finding, Held, Observed, Verdict, hold, proof
from control.lighting.faults.readings import PHASES, Loop, night_number
from control.lighting.faults.reference import Look, Reference, Stretch, add, equal, latest, looks, mended, turn, watts
from control.lighting.feeder.blocks import BLOCK_MIN
from control.lighting.feeder.count import HONEST, Count, estimate
from control.lighting.feeder.series import DAY_MIN
from control.lighting.feeder.stats import median

GUARD_S = 600.0
"""Past warm-up of any lamp: HID reach 95 % in six minutes (domain streetlights 3)."""
STEPS_W = 3.0
"""Less is in the last digit of a meter of whole watts, its rounding now and in the reference (the project's own)."""
STEADY = Clock(on_s=1500, off_s=1500, samples=5, gap_s=1500)
BLOCK_MS = BLOCK_MIN * 60_000


class Counting(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """State of ``lamps_lost``: rated watts of the lamps it has learned with, samples of the five minutes that run, what has been
    learned, and the clocks. ``bad``: something was missing or too much in this night. ``by``: the look that told what stands;
    ``said``: the share that was missing then; ``moved``: whether it is another by now.
    """

    rated: tuple[float, ...] = ()
    samples: tuple[float, ...] = ()
    block: int = -1
    level: int | None = None
    night: int = -1
    bad: bool = False
    reference: Reference = msgspec.field(default_factory=Reference)
    lost: Held = msgspec.field(default_factory=Held)
    gained: Held = msgspec.field(default_factory=Held)
    by: str = ""
    said: float = 0.0
    moved: Held = msgspec.field(default_factory=Held)


def restart(state: Counting, rated: Sequence[float] = ()) -> Counting:
    """After a repair or a change of the inventory: what was learned is no reference any more."""
    return Counting(rated=tuple(rated), lost=state.lost, gained=state.gained, by=state.by, said=state.said)


def lamps_lost(
    state: Counting, reading: Loop, phase: int, *, rated: Sequence[float], zone_ms: int
) -> tuple[Counting, tuple[Finding, ...]]:
    """Take in one reading of a loop; findings ``lamps-lost`` (with a count where one is honest, else watts) and ``load-added``
    of its phase; ``lamps-lost`` again, in new words, where it stands and more or fewer are missing. ``rated``: watts of each
    lamp on this phase by the inventory, () = not known; other lamps than before are learned anew. ``zone_ms``: offset
    of local time.
    """
    if state.rated != tuple(rated):
        state = restart(state, rated)
    power, level = reading.watts[phase], reading.level
    state = _turn(state, night_number(reading.time, zone_ms))
    if not armed(reading, GUARD_S) or power is None or power <= 0 or level is None:
        return structs.replace(state, samples=(), block=-1), ()
    block, whole = (reading.time + zone_ms) // BLOCK_MS, round(level)
    if block == state.block and whole == state.level:
        return structs.replace(state, samples=(*state.samples, power)), ()
    state, done = _close(state), state.samples and state.block >= 0
    state = structs.replace(state, samples=(power,), block=block, level=whole)
    return _judge(state, reading, phase) if done else (state, ())


def _turn(state: Counting, night: int) -> Counting:
    """A new night has begun."""
    if night == state.night:
        return state
    reference = turn(state.reference, good=not state.bad)
    return structs.replace(state, night=night, samples=(), block=-1, bad=state.lost.fault, reference=reference)


def _close(state: Counting) -> Counting:
    """The five minutes that ran are over."""
    if not state.samples or state.level is None:
        return state
    slot = state.block % (DAY_MIN // BLOCK_MIN)
    done = Stretch(state.level, slot, math.log(median(state.samples)))
    return structs.replace(state, reference=add(state.reference, done))


def _judge(state: Counting, reading: Loop, phase: int) -> tuple[Counting, tuple[Finding, ...]]:
    least = STEPS_W / (reading.watts[phase] or math.inf)
    least = max(least, _half(state.rated))
    seen = [one._replace(least=max(one.least, least)) for one in looks(state.reference)]
    evidence = proof(reading.place, reading.time, **{f"p_{PHASES[phase]}": reading.watts[phase], "level": reading.level})
    look = _look(state, seen)
    excess = next((one._replace(missing=-one.missing) for one in seen if one.name == "hour"), None)
    place = f"{reading.place}/{PHASES[phase]}"
    lost, less = hold(state.lost, reading.time, _verdict(state.lost, look, evidence), STEADY, "lamps-lost", place)
    gained, added = hold(state.gained, reading.time, _verdict(state.gained, excess, evidence), STEADY, "load-added", place)
    moved, again = _again(state, look, reading.time, evidence, place) if lost.told and less is None else (Held(), None)
    less = less or again
    said = look.missing if less is not None and look is not None else state.said
    found = [_with_count(one, state, each) for one, each in ((less, look), (added, excess)) if one is not None]
    by = state.by if lost.fault and state.lost.fault else look.name if look is not None else ""
    bad = state.bad or lost.raw is True or gained.raw is True
    reference = mended(state.reference) if state.lost.fault and not lost.fault else state.reference
    after = structs.replace(
        state, lost=lost, gained=gained, by=by, bad=bad, reference=reference, said=said, moved=Held() if again else moved
    )
    return after, tuple(found)


def _again(state: Counting, look: Look | None, time: int, evidence: Iterable[Evidence], place: str) -> Observed:
    """What stands is not left with the words of its beginning: said anew when as much more is missing, or back, as would be told
    by itself.
    """
    other = None if look is None else _other(look, state.said, equal(state.rated))
    moved, again = hold(state.moved, time, Verdict(value=other, evidence=evidence), STEADY, "lamps-lost", place)
    return moved, again if again is not None and again.value else None


def _other(look: Look, said: float, lamps: int | None) -> bool:
    """Whether another share is missing than was said: another number of lamps, where they can be told by number."""
    return abs(look.missing - said) >= look.least and (lamps is None or round(look.missing * lamps) != round(said * lamps))


def _half(rated: Sequence[float]) -> float:
    """Half a lamp, where one can be told apart: what is less rounds to none."""
    lamps = equal(rated)
    return 0.5 / lamps if lamps and 1 / lamps >= HONEST else 0.0


def _look(state: Counting, seen: Sequence[Look]) -> Look | None:
    """The one that counts: that which told what stands, else the first that misses something, else the quickest."""
    if state.lost.fault:
        return next((one for one in seen if one.name == state.by), None)
    return next((one for one in seen if one.missing >= one.least), seen[0] if seen else None)


def _verdict(held: Held, look: Look | None, evidence: Iterable[Evidence]) -> Verdict:
    """Beyond the limit it is there; until back within half of it, it stays."""
    if look is None:
        return UNTOLD
    return Verdict(value=look.missing >= (look.least / 2 if held.fault else look.least), evidence=evidence)


def _with_count(finding: Finding, state: Counting, look: Look | None) -> Finding:
    if not finding.value or look is None:
        return finding
    added = finding.fault == "load-added"
    missing = latest(state.reference, look._replace(missing=-look.missing) if added else look)
    usual, now = watts(state.reference, missing)
    lamps = equal(state.rated)
    count = estimate(usual - now, usual, lamps, look.noise)
    if lamps is None and state.rated:
        count = replace(count, why="the lamps are of different watts")
    if look.name == "commissioning":
        count = Count(watts=count.watts, least=count.least, why="it came slowly: lamps one by one, dirt or ageing")
    return replace(finding, count=count, why=_words(finding.fault, count, len(state.rated)))


def _words(fault: str, count: Count, lamps: int) -> Text:
    size = abs(count.watts)
    if fault == "load-added":
        return Text(
            zh=f"比参考多{size:.0f} W：新增负荷、窃电或换错灯",
            en=f"{size:.0f} W above reference: added load, theft of power, wrong lamp",
        )
    if count.lamps is None:
        return Text(
            zh=f"至少少{count.least:.0f} W（约{size:.0f} W），不足以定盏数",
            en=f"at least {count.least:.0f} W missing, about {size:.0f} W; {count.why}",
        )
    sure = f"{100 * (count.confidence or 0):.0f} %"
    return Text(
        zh=f"约{count.lamps}盏（共{lamps}盏）不亮，少{size:.0f} W，把握{sure}",
        en=f"about {count.lamps} of {lamps} lamps out, {size:.0f} W missing, confidence {sure}",
    )
