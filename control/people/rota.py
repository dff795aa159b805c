"""Who is on shift, and when nobody is. Pure; instants are epoch ms, patterns are county wall-clock time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from itertools import accumulate
from zoneinfo import ZoneInfo

from control.people.roster import Roster, Rota, Season
from lampwell.times import local

DAY = timedelta(days=1)
DAY_MS = 86_400_000
DEPUTY_WITHIN_DAYS = (2, 15)
"""How far ahead a deputy is looked for: among the next shifts, else beyond the longest holiday (the project's own)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnShift:
    """One shift as it will be worked: [start, end) in epoch ms. ``persons`` empty: nobody."""

    rota: str
    start: int
    end: int
    persons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShiftGap:
    """A time in which a rota that should be filled has nobody."""

    rota: str
    start: int
    end: int


def on_shift(roster: Roster, rota: str, at: int, zone: ZoneInfo) -> tuple[str, ...]:
    """Who is on shift in a rota at an instant; nobody where none is planned (out of season, holiday, no such rota)."""
    return _everyone(shifts(roster, rota, at, at + 1, zone))


def deputies(roster: Roster, rota: str, at: int, zone: ZoneInfo) -> tuple[str, ...]:
    """Who comes next in a rota: of the first later shift that has anyone who is not on shift now."""
    for days in DEPUTY_WITHIN_DAYS:
        near = shifts(roster, rota, at, at + days * DAY_MS, zone)
        now = _everyone(one for one in near if one.start <= at)
        for later in (one for one in near if one.start > at):
            if others := tuple(each for each in later.persons if each not in now):
                return others
    return ()


def crew_on_shift(roster: Roster, area: str, skill: str, at: int, zone: ZoneInfo) -> tuple[str, ...]:
    """Of the crews for an area ("" = any) and skill ("" = any): those on shift; of one without a rota, all."""
    return tuple(dict.fromkeys(each for here in crews_here(roster, area, skill, at, zone).values() for each in here))


def crews_here(roster: Roster, area: str, skill: str, at: int, zone: ZoneInfo) -> dict[str, tuple[str, ...]]:
    """The same by crew."""
    found: dict[str, tuple[str, ...]] = {}
    for crew in roster.crews:
        if (not skill or crew.skill == skill) and _covers(crew.areas, area):
            rotas = [one for one in roster.rotas if one.crew == crew.id and _covers(one.areas, area)]
            here = [each for rota in rotas for each in on_shift(roster, rota.id, at, zone)] if rotas else crew.members
            found[crew.id] = tuple(dict.fromkeys(here))
    return found


def shifts(roster: Roster, rota: str, start: int, end: int, zone: ZoneInfo) -> tuple[OnShift, ...]:
    """Every shift of a rota that overlaps [start, end), in order; those written by hand stand in place of the pattern."""
    found = roster.rota(rota)
    if found is None:
        return ()
    by_hand = [_swapped(roster, one, zone) for one in _by_hand(roster, rota, start, end, zone)]
    pattern = (_swapped(roster, one, zone) for one in _pattern(roster, found, start, end, zone))
    planned = [piece for one in pattern for piece in _without(one, by_hand)]
    every = sorted([*planned, *by_hand], key=lambda one: (one.start, one.end))
    return tuple(one for one in every if one.start < end and one.end > start)


def gaps(roster: Roster, start: int, end: int, zone: ZoneInfo) -> tuple[ShiftGap, ...]:
    """Where a rota in season has nobody in [start, end), by rota and time; asked for the next 24 h, a gap is found a day ahead
    (domain alarms 2.2, rule 8).
    """
    found: list[ShiftGap] = []
    for rota in roster.rotas:
        filled = [one for one in shifts(roster, rota.id, start, end, zone) if one.persons]
        for need in _needed(roster, rota, start, end, zone):
            found += [ShiftGap(rota=rota.id, start=left.start, end=left.end) for left in _without(need, filled)]
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
    return season == "always" or (season == "flood") is in_flood_season(roster.season, local(at, zone).date())


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


def _by_hand(roster: Roster, rota: str, start: int, end: int, zone: ZoneInfo) -> Iterator[OnShift]:
    """Those that may matter to [start, end); told by their text first, for a year of them is long."""
    first, last = (f"{(local(at, zone) + days).date()}" for at, days in ((start, -2 * DAY), (end, 2 * DAY)))
    for one in roster.shifts:
        if one.rota == rota and one.start < one.end and one.end >= first and one.start[:10] <= last:
            yield OnShift(rota=rota, start=ms(one.start, zone), end=ms(one.end, zone), persons=one.persons)


def _pattern(roster: Roster, rota: Rota, start: int, end: int, zone: ZoneInfo) -> Iterator[OnShift]:
    if not rota.cycle:
        return
    anchor, a_day = date.fromisoformat(rota.anchor), len(set(rota.starts))
    for day, number, begin, finish in _slots(rota, start, end, zone):
        if day >= anchor and _worked(roster, rota, day):
            turn = (day - anchor).days * a_day + number
            yield OnShift(rota=rota.id, start=begin, end=finish, persons=rota.cycle[turn % len(rota.cycle)])


def _slots(rota: Rota, start: int, end: int, zone: ZoneInfo) -> Iterator[tuple[date, int, int, int]]:
    """(day it begins on, number in the day, start, end) of each slot in [start, end); wall-clock, so DST days are as they are."""
    starts = sorted(time.fromisoformat(each) for each in set(rota.starts))
    day, last = local(start, zone).date() - 2 * DAY, local(end, zone).date() + DAY
    while day <= last:
        # an hour that the clocks leave out would begin after the one behind it: never back
        marks = list(accumulate([*(_at(day, each, zone) for each in starts), _at(day + DAY, starts[0], zone)], max))
        for number, each in enumerate(starts):
            finish = min(marks[number + 1], _after(day, each, rota.length_h, zone) if rota.length_h else marks[number + 1])
            if marks[number] < min(end, finish) and finish > start:
                yield day, number, marks[number], finish
        day += DAY


def _worked(roster: Roster, rota: Rota, day: date) -> bool:
    if rota.holidays == "off" and is_holiday(roster, day):
        return False
    return rota.season == "always" or (rota.season == "flood") is in_flood_season(roster.season, day)


def _needed(roster: Roster, rota: Rota, start: int, end: int, zone: ZoneInfo) -> Iterator[OnShift]:
    anchor = date.fromisoformat(rota.anchor)
    for day, _, begin, finish in _slots(rota, start, end, zone):
        if day >= anchor and _worked(roster, rota, day):
            yield OnShift(rota=rota.id, start=max(begin, start), end=min(finish, end), persons=())


def _without(one: OnShift, taken: Sequence[OnShift]) -> Iterator[OnShift]:
    """What is left of a shift where others, in the order of their starts, stand in its place."""
    at = one.start
    for other in sorted(taken, key=lambda each: each.start):
        if other.end <= at or other.start >= one.end:
            continue
        if other.start > at:
            yield replace(one, start=at, end=other.start)
        at = other.end
    if at < one.end:
        yield replace(one, start=at)


def _swapped(roster: Roster, one: OnShift, zone: ZoneInfo) -> OnShift:
    persons, day = one.persons, f"{local(one.start, zone).date()}"
    for swap in roster.swaps:
        if swap.rota == one.rota and swap.start.startswith(day) and ms(swap.start, zone) == one.start:
            persons = tuple(dict.fromkeys(swap.replaced_by if each == swap.out else each for each in persons))
    return replace(one, persons=persons)


def _everyone(found: Iterable[OnShift]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each for one in found for each in one.persons))


def _covers(areas: Sequence[str], area: str) -> bool:
    """Nothing named, or an alarm of no one area: everywhere."""
    return not areas or not area or area in areas


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


def _after(day: date, at: time, hours: float, zone: ZoneInfo) -> int:
    return round((datetime.combine(day, at) + timedelta(hours=hours)).replace(tzinfo=zone).timestamp() * 1000)
