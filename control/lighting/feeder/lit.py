"""When a feeder was lit: nights, the holes in them, and which of those were losses of supply.

A hole is a stretch without load, without supply or without data that lies inside a night: other days were lit then, or it is too
short to be a day. A loss of supply that ends in a cold restrike is one event (domain streetlights 3, power return).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import groupby, zip_longest

from control.lighting.feeder.series import DAY_MIN, Series
from control.lighting.feeder.stats import known, median

LIT_SHARE = 0.10
"""Above this share of full power a feeder is lit; a lamp that dims deepest still takes more (domain streetlights 3: 5 %
standby).
"""
DAY_LOAD_MOST = 0.25
"""A standing load (shelters, cameras) up to this share of full power is told from lamps."""
DARK_HOLE_MIN, MISSING_HOLE_MIN = 180.0, 360.0
"""Where no other day tells: a dark stretch longer than the first, or one without data longer than the second, is a day."""
RESTART_MIN = 10.0
"""Load may stay away so long after supply is back: the restart delay of a regulator or a staged closing (unverified)."""
BLINK_MIN = 2.0
"""A loss so short need not show in the voltage of any minute; lamps that restrike tell of it."""
COLD_SHARE, WARM_SHARE, STILL_COLD, WARM_WITHIN_MIN = 0.6, 0.8, 0.9, 20.0
"""Relit from cold: below the first at first, above the second within so long, after two minutes still below the third. Measured
on a real line: 19 % at first, 95 % after 6 min (domain streetlights 3)."""


class State(StrEnum):
    """What a cell of the grid shows."""

    LIT = "lit"
    OFF = "off"
    DEAD = "dead"  # no load and no supply
    MISSING = "missing"


class Hole(StrEnum):
    """What a hole in a night was."""

    SUPPLY = "supply_loss"
    DARK = "interruption"  # no load although supplied: a switch, a breaker, a contactor
    NO_DATA = "no_data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """Cells [begin, end) without a reading of power."""

    begin: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Break:
    """A hole in a night: cells [begin, end). ``cold``: lamps came back as from cold."""

    begin: int
    end: int
    kind: Hole
    cold: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """Lit cells [begin, end) with the holes inside. ``on_within``, ``off_within``: by how many minutes a gap leaves the switch
    time open; None = the record begins lit or ends lit.
    """

    begin: int
    end: int
    breaks: tuple[Break, ...]
    on_within: float | None
    off_within: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lit:
    """``limit``: watts above which a cell is lit; ``off``: watts of the standing load, NaN if never seen off. ``states`` by
    cell.
    """

    limit: float
    off: float
    states: tuple[State, ...]
    gaps: tuple[Gap, ...]
    nights: tuple[Night, ...]


def lit(series: Series) -> Lit:
    """Nights and holes of a series. One that never carries load has none."""
    limit, off = _limit(series)
    states = _states(series, limit)
    runs = _runs(states)
    gaps = tuple(Gap(begin=begin, end=end) for state, begin, end in runs if state is State.MISSING)
    spans = [(begin, end) for state, begin, end in runs if state is State.LIT]
    nights = tuple(_with_blinks(series, states, night) for night in _nights(series, states, spans))
    return Lit(limit=limit, off=off, states=states, gaps=gaps, nights=nights)


def _limit(series: Series) -> tuple[float, float]:
    watts = sorted(known(series.watts))
    full = watts[int(0.95 * (len(watts) - 1))] if watts else 0.0
    if full <= 0:
        return math.inf, median(watts)
    low = median([value for value in watts if value < DAY_LOAD_MOST * full])
    standing = 0.0 if math.isnan(low) else max(0.0, low)
    return max(LIT_SHARE * full, standing + LIT_SHARE / 2 * full), low


def _states(series: Series, limit: float) -> tuple[State, ...]:
    usual = median(known(series.volts))
    return tuple(_state(watts, volts, limit, usual) for watts, volts in zip(series.watts, series.volts, strict=True))


def _state(watts: float, volts: float, limit: float, usual: float) -> State:
    if watts > limit:
        return State.LIT
    if volts < 0.5 * usual:
        return State.DEAD
    return State.MISSING if math.isnan(watts) else State.OFF


def _runs(states: Sequence[State]) -> list[tuple[State, int, int]]:
    runs, at = [], 0
    for state, cells in groupby(states):
        length = sum(1 for _ in cells)
        runs.append((state, at, at + length))
        at += length
    return runs


def _nights(series: Series, states: Sequence[State], spans: Sequence[tuple[int, int]]) -> Iterator[Night]:
    """Join lit spans over the holes between them."""
    breaks: list[Break] = []
    whole: int | None = None
    for (begin, end), following in zip_longest(spans, spans[1:]):
        whole = begin if whole is None else whole
        if following is not None and is_hole(series, states, end, following[0]):
            breaks.append(_break(series, states, end, following[0]))
            continue
        on, off = _open(series, states, whole, -1), _open(series, states, end - 1, 1)
        yield Night(begin=whole, end=end, breaks=tuple(breaks), on_within=on, off_within=off)
        breaks, whole = [], None


def _open(series: Series, states: Sequence[State], cell: int, way: int) -> float | None:
    """Minutes without data next to a switch; None where the record ends there."""
    at = cell + way
    while 0 <= at < len(states) and states[at] is State.MISSING:
        at += way
    return (abs(at - cell) - 1.0) * series.step if 0 <= at < len(states) else None


def is_hole(series: Series, states: Sequence[State], begin: int, end: int) -> bool:
    """Whether cells [begin, end) between two lit spans lie inside a night rather than being a day."""
    minutes = (end - begin) * series.step
    if minutes >= DAY_MIN:
        return False
    share = lit_on_other_days(series, states, begin, end)
    if share is not None:
        return share > 0.5
    dark = sum(states[cell] is State.OFF for cell in range(begin, end))
    return minutes < (DARK_HOLE_MIN if 2 * dark > end - begin else MISSING_HOLE_MIN)


def lit_on_other_days(series: Series, states: Sequence[State], begin: int, end: int) -> float | None:
    """Which share of the same minutes of the seven days before and after was lit; None where fewer than half are known on any
    day.
    """
    day = DAY_MIN // series.step
    if DAY_MIN % series.step:
        return None
    shares = []
    for days in (*range(-7, 0), *range(1, 8)):
        seen = [states[cell + days * day] for cell in range(begin, end) if 0 <= cell + days * day < len(states)]
        told = [state is State.LIT for state in seen if state in (State.LIT, State.OFF)]
        if 2 * len(told) >= end - begin:
            shares.append(sum(told) / len(told))
    return median(shares) if shares else None


def _break(series: Series, states: Sequence[State], begin: int, end: int) -> Break:
    inside = states[begin:end]
    cold = relit(series, begin, end)
    dark = sum(state is State.OFF for state in inside)
    unseen = State.MISSING in inside and dark <= series.cells(RESTART_MIN)
    if State.DEAD in inside or (cold and (unseen or dark <= series.cells(BLINK_MIN))):
        kind = Hole.SUPPLY
    else:
        kind = Hole.DARK if dark else Hole.NO_DATA
    return Break(begin=begin, end=end, kind=kind, cold=cold)


def relit(series: Series, begin: int, end: int) -> bool:
    """Whether lamps came back from cold after cells [begin, end): little at first, against before and against soon after."""
    before = median(known(series.watts[max(0, begin - series.cells(10)) : begin]))
    after = known(series.watts[end : end + series.cells(WARM_WITHIN_MIN)])
    return bool(after) and after[0] < COLD_SHARE * min(before, max(after))


def _blinks(series: Series, states: Sequence[State], night: Night) -> Iterator[Break]:
    """Losses of supply too short to leave a minute without load: power falls at once and comes back as from cold."""
    ten, soon = series.cells(10), series.cells(WARM_WITHIN_MIN)
    shut = night.begin + ten
    for cell in range(night.begin + ten, night.end):
        if cell < shut or not series.watts[cell] < COLD_SHARE * series.watts[cell - 1] or states[cell] is not State.LIT:
            continue
        before = median(known(series.watts[cell - ten : cell]))
        after = known(series.watts[cell : min(night.end, cell + soon)])
        if (
            series.watts[cell] < COLD_SHARE * before
            and max(after) > WARM_SHARE * before
            and after[min(2, len(after) - 1)] < STILL_COLD * before
        ):
            shut = cell + soon
            yield Break(begin=cell, end=cell + 1, kind=Hole.SUPPLY, cold=True)


def _with_blinks(series: Series, states: Sequence[State], night: Night) -> Night:
    known_ones = night.breaks
    blinks = [
        one for one in _blinks(series, states, night) if not any(hole.end <= one.begin <= hole.end + 1 for hole in known_ones)
    ]
    return replace(night, breaks=tuple(sorted((*known_ones, *blinks), key=lambda one: one.begin))) if blinks else night
