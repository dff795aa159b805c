"""Who is on shift, and when nobody is. Pure; instants are epoch ms, patterns are county wall-clock time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from control.people.roster import Roster, Rota, Season

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class OnShift:
    """One shift as it will be worked: [start, end) in epoch ms. ``persons`` empty: nobody. ``deputies``: the next team."""

    rota: str
    start: int
    end: int
    persons: tuple[str, ...]
    deputies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftGap:
    """A time in which a rota that should be filled has nobody."""

    rota: str
    start: int
    end: int


def on_shift(roster: Roster, rota: str, at: int, zone: ZoneInfo) -> OnShift | None:
    """The shift of a rota at an instant; None where none is planned (out of season, holiday, before it began, no such rota)."""
    return next((one for one in shifts(roster, rota, at, at + 1, zone)), None)


def shifts(roster: Roster, rota: str, start: int, end: int, zone: ZoneInfo) -> list[OnShift]:
    """Every shift of a rota that overlaps [start, end), in order; those written by hand stand in place of the pattern."""
    found = roster.rota(rota)
    if found is None:
        return []
    by_hand = [
        OnShift(rota=rota, start=ms(one.start, zone), end=ms(one.end, zone), persons=one.persons)
        for one in roster.shifts
        if one.rota == rota
    ]
    planned = [piece for one in _pattern(roster, found, start, end, zone) for piece in _without(one, by_hand)]
    every = sorted([*planned, *by_hand], key=lambda one: one.start)
    return [_swapped(roster, one, zone) for one in every if one.start < end and one.end > start]


def gaps(roster: Roster, start: int, end: int, zone: ZoneInfo) -> tuple[ShiftGap, ...]:
    """Where a rota in season has nobody in [start, end); asked for the next 24 h so that it is found a day ahead."""
    found: list[ShiftGap] = []
    for rota in roster.rotas:
        filled = [one for one in shifts(roster, rota.id, start, end, zone) if one.persons]
        for need in _needed(roster, rota, start, end, zone):
            at = need[0]
            for one in filled:
                if one.end <= at or one.start >= need[1]:
                    continue
                if one.start > at:
                    found.append(ShiftGap(rota=rota.id, start=at, end=one.start))
                at = max(at, one.end)
            if at < need[1]:
                found.append(ShiftGap(rota=rota.id, start=at, end=need[1]))
    return tuple(_joined(found))


def in_flood_season(season: Season, day: date) -> bool:
    """Whether the flood season is on; one that ends before it starts goes over the new year."""
    if season.mode != "auto":
        return season.mode == "on"
    now = f"{day:%m-%d}"
    if season.start <= season.end:
        return season.start <= now <= season.end
    return now >= season.start or now <= season.end


def in_season(roster: Roster, season: str, at: int, zone: ZoneInfo) -> bool:
    """Whether something of this season counts at an instant."""
    return season == "always" or (season == "flood") is in_flood_season(roster.season, _local(at, zone).date())


def is_holiday(roster: Roster, day: date) -> bool:
    """A day off by the roster's own list."""
    return any(one.date == day.isoformat() and not one.workday for one in roster.holidays)


def is_workday(roster: Roster, day: date) -> bool:
    """Monday to Friday but for days off, and weekend days that are worked in exchange."""
    named = next((one for one in roster.holidays if one.date == day.isoformat()), None)
    return named.workday if named else day.weekday() < 5


def ms(text: str, zone: ZoneInfo) -> int:
    """County time written out, as epoch ms."""
    return round(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1000)


# -- the pattern ---------------------------------------------------------------------------------------------------------------


def _pattern(roster: Roster, rota: Rota, start: int, end: int, zone: ZoneInfo) -> Iterator[OnShift]:
    if not rota.cycle:
        return
    anchor, size = date.fromisoformat(rota.anchor), len(rota.cycle)
    for day, number, begin, finish in _slots(rota, start, end, zone):
        if day < anchor or not _worked(roster, rota, day):
            continue
        turn = (day - anchor).days * len(rota.starts) + number
        yield OnShift(
            rota=rota.id, start=begin, end=finish, persons=rota.cycle[turn % size], deputies=rota.cycle[(turn + 1) % size]
        )


def _slots(rota: Rota, start: int, end: int, zone: ZoneInfo) -> Iterator[tuple[date, int, int, int]]:
    """(day it begins on, number in the day, start, end) of every slot that may overlap; wall-clock, so DST days are what they
    are.
    """
    starts = sorted(time.fromisoformat(each) for each in rota.starts)
    day = _local(start, zone).date() - 2 * DAY
    last = _local(end, zone).date() + DAY
    while day <= last:
        marks = [*(_at(day, each, zone) for each in starts), _at(day + DAY, starts[0], zone)]
        for number in range(len(starts)):
            if marks[number] < end and marks[number + 1] > start:
                yield day, number, marks[number], marks[number + 1]
        day += DAY


def _worked(roster: Roster, rota: Rota, day: date) -> bool:
    if rota.holidays == "off" and is_holiday(roster, day):
        return False
    return rota.season == "always" or (rota.season == "flood") is in_flood_season(roster.season, day)


def _needed(roster: Roster, rota: Rota, start: int, end: int, zone: ZoneInfo) -> Iterator[tuple[int, int]]:
    anchor = date.fromisoformat(rota.anchor)
    for day, _, begin, finish in _slots(rota, start, end, zone):
        if day >= anchor and _worked(roster, rota, day):
            yield max(begin, start), min(finish, end)


def _without(one: OnShift, taken: list[OnShift]) -> list[OnShift]:
    """What is left of a planned shift where others stand in its place."""
    left, at = [], one.start
    for other in sorted(taken, key=lambda each: each.start):
        if other.end <= at or other.start >= one.end:
            continue
        if other.start > at:
            left.append(OnShift(rota=one.rota, start=at, end=other.start, persons=one.persons, deputies=one.deputies))
        at = max(at, other.end)
    if at == one.start:
        return [one]
    if at < one.end:
        left.append(OnShift(rota=one.rota, start=at, end=one.end, persons=one.persons, deputies=one.deputies))
    return left


def _swapped(roster: Roster, one: OnShift, zone: ZoneInfo) -> OnShift:
    persons = one.persons
    for swap in roster.swaps:
        if swap.rota == one.rota and ms(swap.start, zone) == one.start:
            persons = tuple(swap.replaced_by if each == swap.out else each for each in persons)
    return OnShift(rota=one.rota, start=one.start, end=one.end, persons=persons, deputies=one.deputies)


def _joined(found: list[ShiftGap]) -> Iterator[ShiftGap]:
    """Gaps that touch are one."""
    before: ShiftGap | None = None
    for gap in sorted(found, key=lambda each: (each.rota, each.start)):
        if before is not None and before.rota == gap.rota and gap.start <= before.end:
            before = ShiftGap(rota=gap.rota, start=before.start, end=max(before.end, gap.end))
            continue
        if before is not None:
            yield before
        before = gap
    if before is not None:
        yield before


def _at(day: date, at: time, zone: ZoneInfo) -> int:
    return round(datetime.combine(day, at, zone).timestamp() * 1000)


def _local(at: int, zone: ZoneInfo) -> datetime:
    return datetime.fromtimestamp(at / 1000, zone)
