"""What should not be, in words: lost lamps, interruptions, cycling, lamps by day, steps that came or stayed away, frozen data."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from control.alarms.model import Text
from control.lighting.feeder.count import estimate
from control.lighting.feeder.energy import Energy, mismatches
from control.lighting.feeder.frozen import frozen
from control.lighting.feeder.levels import Profile
from control.lighting.feeder.lit import Hole, Lit, Night
from control.lighting.feeder.losses import Shift
from control.lighting.feeder.program import Sort, excursions, missed
from control.lighting.feeder.report import Anomaly
from control.lighting.feeder.series import Series

CYCLES, CYCLES_WITHIN_MIN = 2, 60.0
"""Two interruptions within an hour are four switchings: cycling (domain streetlights 3)."""
VOLTS_LOW, VOLTS_HIGH, VOLTS_MIN = 198.0, 235.4, 180.0
"""The band of GB/T 12325 (unverified) and the budget of a night outside it (domain streetlights 3: 3 h)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that was found, for the words to be made of. ``lit`` holds the nights that count, ``by_day`` what was lit besides."""

    series: Series
    lamps: int
    lit: Lit
    by_day: tuple[Night, ...]
    profiles: Sequence[Profile]
    sorts: Sequence[Sequence[Sort]]
    shifts: Sequence[Shift]
    passing: Sequence[Shift]
    energies: Sequence[Energy]
    labels: Sequence[str | int]


def anomalies(facts: Facts) -> list[Anomaly]:
    """All of them, in order of time."""
    kinds = (_power, _dark, _cycling, _lit_by_day, _dips, _excursions, _passing, _missed, _frozen, _energy, _voltage)
    found = [(cell, one) for kind in kinds for cell, one in kind(facts)]
    return [one for _, one in sorted(found, key=lambda pair: pair[0])]


Found = Iterator[tuple[int, Anomaly]]


def _power(facts: Facts) -> Found:
    """Every lasting change of power: a loss ends where power returns."""
    offset = 0.0
    for n, shift in enumerate(facts.shifts):
        returned = shift.change > 0 and offset < -shift.noise
        kind = ("power_returned" if returned else "power_gained") if shift.change > 0 else "power_lost"
        offset += shift.change
        end = (
            next((later.cell for later in facts.shifts[n + 1 :] if later.change > 0), None)
            if kind == "power_lost"
            else shift.cell
        )
        yield shift.cell, _shift(facts, shift, kind, end)


def _shift(facts: Facts, shift: Shift, kind: str, end: int | None) -> Anomaly:
    watts = shift.before * (1 - math.exp(shift.change))
    count = estimate(watts, shift.before, facts.lamps, shift.noise)
    if kind == "power_lost" and count.lamps:
        kind = "lamps_lost"
    return Anomaly(
        kind=kind,
        night=facts.labels[shift.night],
        begin=facts.series.when(shift.cell),
        end=None if end is None else facts.series.when(end),
        lamp_fault=shift.change < 0,
        text=_shift_text(kind, watts, count.lamps, overnight=shift.overnight),
        watts=round(watts, 1),
        percent=round(100 * (1 - math.exp(shift.change)), 2),
        lamps=count.lamps,
        low=count.low,
        high=count.high,
        confidence=count.confidence,
        why_no_count=count.why,
    )


def _shift_text(kind: str, watts: float, lamps: int | None, *, overnight: bool) -> Text:
    since_zh, since_en = ("开灯即少", "found so at dusk") if overnight else ("夜间突降", "at once, in the night")
    size_zh, size_en = f"{abs(watts):.0f} W", f"{abs(watts):.0f} W"
    match kind:
        case "lamps_lost":
            cause_zh, cause_en = (
                ("多盏同时：查熔断器、电缆", "several: look at fuse and cable")
                if (lamps or 0) >= 3
                else ("查灯具", "look for a lamp")
            )
            return Text(
                zh=f"约{lamps}盏灯不亮，少{size_zh}，{since_zh}；{cause_zh}",
                en=f"about {lamps} lamp(s) out, {size_en} less, {since_en}; {cause_en}",
            )
        case "power_lost":
            return Text(
                zh=f"至少少{size_zh}，{since_zh}，不足以定盏数",
                en=f"at least {size_en} missing, {since_en}; not to be counted in lamps",
            )
        case "power_returned":
            return Text(zh=f"恢复{size_zh}", en=f"{size_en} are back")
        case _:
            return Text(
                zh=f"多出{size_zh}：新增负荷、窃电或换错灯", en=f"{size_en} more: added load, theft of power or a wrong lamp type"
            )


def _one(
    facts: Facts,
    kind: str,
    where: tuple[int | None, int, int],
    text: Text,
    *,
    lamp_fault: bool = False,
    percent: float | None = None,
) -> tuple[int, Anomaly]:
    number, begin, end = where
    night = None if number is None else facts.labels[number]
    share = None if percent is None else round(percent, 2)
    when = facts.series.when
    return begin, Anomaly(
        kind=kind, night=night, begin=when(begin), end=when(end), lamp_fault=lamp_fault, text=text, percent=share
    )


def _dark(facts: Facts) -> Found:
    for n, night in enumerate(facts.lit.nights):
        for one in night.breaks:
            if one.kind is Hole.DARK:
                minutes = (one.end - one.begin) * facts.series.step
                zh = f"有电而无负荷{minutes:g}分钟：开关、断路器或接触器"
                en = f"no load for {minutes:g} min although supplied: a switch, breaker or contactor"
                yield _one(facts, "interruption", (n, one.begin, one.end), Text(zh=zh, en=en))


def _cycling(facts: Facts) -> Found:
    for n, night in enumerate(facts.lit.nights):
        dark = [one for one in night.breaks if one.kind is Hole.DARK]
        near = [
            b
            for a, b in zip(dark, dark[CYCLES - 1 :], strict=False)
            if b.begin - a.begin <= facts.series.cells(CYCLES_WITHIN_MIN)
        ]
        if near:
            text = Text(
                zh=f"反复通断，一夜{len(dark)}次：查光控回差",
                en=f"switched off and on {len(dark)} times in a night: look at the photocell's hysteresis",
            )
            yield _one(facts, "cycling", (n, dark[0].begin, dark[-1].end), text)


def _lit_by_day(facts: Facts) -> Found:
    for one in facts.by_day:
        minutes = (one.end - one.begin) * facts.series.step
        text = Text(zh=f"其他日子不亮的时段亮灯{minutes:g}分钟", en=f"lit for {minutes:g} min when other days are dark")
        yield _one(facts, "lit_by_day", (None, one.begin, one.end), text)


def _dips(facts: Facts) -> Found:
    for n, profile in enumerate(facts.profiles):
        for dip in profile.dips:
            depth = 100 * dip.depth
            text = Text(
                zh=f"功率短时变化{depth:+.0f}%后恢复：电压暂降或短时负荷",
                en=f"power moved by {depth:+.0f} % and came back: a dip of supply or a short load",
            )
            yield _one(facts, "dip", (n, dip.begin, dip.end), text, percent=depth)


def _excursions(facts: Facts) -> Found:
    for away, back in excursions(facts.profiles, facts.sorts)[0]:
        change = 100 * (math.exp(away.change) - 1)
        zh = f"仅此一夜功率变化{change:+.0f}%后恢复：临时指令，或回路断开又合上"
        en = f"power {change:+.0f} % on this night alone, then back: an override, or a loop opened and closed"
        yield _one(facts, "level_excursion", (away.night, away.begin, back.begin), Text(zh=zh, en=en), percent=change)


def _passing(facts: Facts) -> Found:
    for shift in facts.passing:
        change = 100 * (math.exp(shift.change) - 1)
        text = Text(
            zh=f"功率变化{change:+.1f}%，次夜不再：不派工",
            en=f"power moved by {change:+.1f} %, the next night does not show it: no journey",
        )
        yield _one(facts, "passing_change", (shift.night, shift.cell, shift.cell), text, percent=change)


def _missed(facts: Facts) -> Found:
    for one in missed(facts.series, facts.profiles, facts.sorts):
        change = 100 * (math.exp(one.change) - 1)
        text = Text(zh=f"每夜都有的{change:+.0f}%调光未执行", en=f"the step of {change:+.0f} % that every night has did not come")
        yield _one(facts, "step_missed", (one.night, one.cell, one.cell), text, percent=change)


def _frozen(facts: Facts) -> Found:
    for begin, end in frozen(facts.series, facts.lit):
        count = end - begin
        text = Text(
            zh=f"读数{count}次完全相同：表计或链路卡住",
            en=f"{count} readings are the same to the last digit: meter or link is stuck",
        )
        yield _one(facts, "frozen_data", (None, begin, end), text)


def _energy(facts: Facts) -> Found:
    for n, share in mismatches(facts.lit.nights, facts.energies):
        night = facts.lit.nights[n]
        text = Text(
            zh=f"每小时电量比其他夜{100 * share:+.0f}%", en=f"energy per hour {100 * share:+.0f} % against the other nights"
        )
        yield _one(facts, "energy_mismatch", (n, night.begin, night.end), text, percent=100 * share)


def _voltage(facts: Facts) -> Found:
    """Nights that spend more than the budget outside the band, below it only at full level: a regulator lowers it to dim."""
    for n, (night, profile) in enumerate(zip(facts.lit.nights, facts.profiles, strict=True)):
        full = max((one.watts for one in profile.plateaus), default=math.nan)
        cells = [cell for one in profile.plateaus if one.watts > 0.9 * full for cell in one.cells]
        low = sum(facts.series.volts[cell] < VOLTS_LOW for cell in cells) * facts.series.step
        high = sum(facts.series.volts[cell] > VOLTS_HIGH for cell in profile.settled) * facts.series.step
        for kind, minutes, limit, zh in (("voltage_low", low, VOLTS_LOW, "低于"), ("voltage_high", high, VOLTS_HIGH, "高于")):
            if minutes > VOLTS_MIN:
                side = "below" if kind == "voltage_low" else "above"
                text = Text(zh=f"{minutes:g}分钟电压{zh}{limit:g} V", en=f"{minutes:g} min {side} {limit:g} V")
                yield _one(facts, kind, (n, night.begin, night.end), text)
