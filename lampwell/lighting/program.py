"""What a program makes of one night: its track, a row of pieces from noon to noon that leaves no instant out."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from operator import itemgetter
from typing import NamedTuple, TypeVar

from lampwell.lighting.model import FULL, OFF, Adjustment, Event, Moment, Operation, Period, Program, Step
from lampwell.lighting.night import Night


class Piece(NamedTuple):
    """From ``start`` until the next piece. ``step`` is the step that set the level; None before the first one of the night."""

    start: int
    level: int
    active: bool
    step: Step | None
    ramp_s: int
    edge: Period | None
    """The active period it lies in, or outside of which it lies (the next one, else the last)."""
    adjustment: Adjustment | None = None


Span = tuple[int, int, Period]
_Timed = TypeVar("_Timed", Step, Adjustment)


def track(program: Program, night: Night, carried: int | None = None) -> tuple[Piece, ...]:
    """The pieces of a night, the first at its noon. ``carried``: the last level of the night before (see ``last_level``)."""
    spans = active_spans(program, night)
    steps = _placed(program.steps, night)
    adjustments = _placed(program.adjustments, night)
    starts = [at for at, _ in steps]
    adjusted = [at for at, _ in adjustments]
    first = _first_level(program, carried)
    bounds = {night.start, *starts, *adjusted, *(at for start, end, _ in spans for at in (start, end))}
    pieces = []
    for at in sorted(each for each in bounds if night.start <= each < night.end):
        n, m = bisect_right(starts, at) - 1, bisect_right(adjusted, at) - 1
        step = steps[n][1] if n >= 0 else None
        adjustment = adjustments[m][1] if m >= 0 else None
        inside = _span_at(spans, at)
        level = _adjusted(step.level if step else first, adjustment)
        pieces.append(
            Piece(
                start=at,
                level=level if inside or not program.active else OFF,
                active=inside is not None or not program.active,
                step=step,
                ramp_s=_ramp(program, step, starts[n] == at if n >= 0 else False),
                edge=inside[2] if inside else _nearest(spans, at, program),
                adjustment=adjustment,
            )
        )
    return tuple(pieces)


def last_level(program: Program) -> int:
    """The level a program ends its day with, which TALQ carries into the next night (its steps in noon-to-noon order)."""
    if program.steps:
        return max(enumerate(program.steps), key=lambda each: (_order(each[1].at), each[0]))[1].level
    return FULL if program.level is None else program.level


def active_spans(program: Program, night: Night) -> list[Span]:
    """The active periods of a night, in order, inside it. Where the sun has no such event the darkness decides."""
    spans = []
    for period in program.active:
        start, end = _edge(period.start, night, night.start), _edge(period.end, night, night.end)
        if start is None or end is None:
            continue
        if _same_clock(period):
            start, end = night.start, night.end
        spans += [(max(a, night.start), min(b, night.end), period) for a, b in _around(period, start, end, night)]
    return sorted(((a, b, period) for a, b, period in spans if a < b), key=lambda span: span[:2])


def astro_offsets(program: Program) -> tuple[int, int] | None:
    """Minutes after sunset and after sunrise between which it is active: what a device's own astro table takes as a last resort.

    None where its night is not one from sunset to sunrise, and the device had better keep its table as it is.
    """
    starts = [one.start.seconds for one in program.active if one.start.event is Event.SUNSET]
    ends = [one.end.seconds for one in program.active if one.end.event is Event.SUNRISE]
    if not starts or not ends:
        return None
    return round(min(starts) / 60), round(max(ends) / 60)


def _span_at(spans: Sequence[Span], at: int) -> Span | None:
    for span in spans:
        if span[0] <= at < span[1]:
            return span
    return None


def _same_clock(period: Period) -> bool:
    """TALQ: equal times mean the whole day."""
    return period.start == period.end and period.start.event is Event.CLOCK


def _around(period: Period, start: int, end: int, night: Night) -> list[tuple[int, int]]:
    """A period whose end comes before its start in the night (06:00 to 20:00 by the clock) is its first and its last part."""
    clock = period.start.event is Event.CLOCK and period.end.event is Event.CLOCK
    return [(night.start, end), (start, night.end)] if clock and end < start else [(start, end)]


def _edge(moment: Moment, night: Night, bound: int) -> int | None:
    at = night.instant(moment)
    if at is None and night.is_dark_without(moment.event):
        return bound
    return at


def _placed(items: Sequence[_Timed], night: Night) -> list[tuple[int, _Timed]]:
    """Those that there are in this night, by time; of equal times the later one written counts."""
    found = [(at, item) for item in items if (at := night.instant(item.at)) is not None]
    found.sort(key=itemgetter(0))
    return found


def _first_level(program: Program, carried: int | None) -> int:
    if program.level is not None:
        return program.level
    return last_level(program) if carried is None else carried


def _order(moment: Moment) -> float:
    """Where in a night a moment is, roughly: only to say which is the last."""
    anchors = {Event.SUNSET: 18, Event.DUSK: 18.5, Event.MIDNIGHT: 24, Event.DAWN: 29.5, Event.SUNRISE: 30}
    if moment.event is Event.CLOCK:
        return (moment.seconds / 3600 - 12) % 24 + 12
    return anchors[moment.event] + moment.seconds / 3600


def _ramp(program: Program, step: Step | None, starts_here: bool) -> int:
    """Contactors do not ramp: only a step inside an active period does."""
    if step is None or not starts_here:
        return 0
    return program.ramp_s if step.ramp_s is None else step.ramp_s


def _nearest(spans: Sequence[Span], at: int, program: Program) -> Period | None:
    for span in spans:
        if span[0] > at:
            return span[2]
    if spans:
        return spans[-1][2]
    return program.active[0] if program.active else None


def _adjusted(level: int, adjustment: Adjustment | None) -> int:
    if adjustment is None:
        return level
    other = adjustment.level
    made = {
        Operation.SET: other,
        Operation.MAX: max(level, other),
        Operation.MIN: min(level, other),
        Operation.ADD: level + other,
        Operation.SUB: level - other,
        Operation.MUL: round(level * other / 100),
    }[adjustment.operation]
    return max(OFF, min(FULL, made))
