"""A roster's rows held against each other: who is named must exist, nobody is at two places, everyone is told of something."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import Any
from zoneinfo import ZoneInfo

from control.people.file_models import ContactFile, CrewFile, HolidayFile, PolicyFile, RotaFile, ShiftFile, SwapFile
from control.people.roster import Roster
from control.people.rota import ms, shifts
from lampwell.config import Entry
from lampwell.errors import Problem

PHONE = re.compile(r"\+[0-9]{6,15}|1[0-9]{10}")
"""A mobile number of China as it is dialled there, or any with + and its country (ITU-T E.164: at most 15 digits)."""
WALL = ZoneInfo("UTC")
"""Rows are held against each other in wall-clock time; a zone where it runs evenly leaves it as it is written."""
MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def names_of(persons: str | list[str]) -> tuple[str, ...]:
    """The persons of a shift: in CSV they stand in one cell with spaces between."""
    return tuple(persons.split()) if isinstance(persons, str) else tuple(persons)


def held_together(roster: Roster, rows: dict[str, list[tuple[Entry, Any]]], areas: Collection[str]) -> Iterator[Problem]:
    """Everything in which rows contradict each other. What only whole tables can tell is told when each row of them is good."""
    persons = {one.id for one in roster.persons}
    rotas, crews = {one.id for one in roster.rotas}, {one.id for one in roster.crews}
    for table in ("person", "crew", "rota", "policy"):
        yield from _twice(rows[table], table)
    for entry, contact in rows["contact"]:
        yield from _known(entry, "person", contact.person, persons, "person")
        yield from _address(entry, contact)
    yield from _crews(rows["crew"], persons, areas)
    yield from _rotas(rows["rota"], persons, crews, areas)
    yield from _swaps(rows["swap"], roster, persons, rotas)
    yield from _shifts(rows["shift"], persons, rotas, groups={one.id for one in roster.persons if one.role == "viewer"})
    yield from _holidays(rows["holiday"])
    yield from _policies(rows["policy"], roster, persons, rotas)


def everyone_told(roster: Roster, rows: dict[str, list[tuple[Entry, Any]]], file: str) -> Iterator[Problem]:
    """Priorities for which nobody would be told. Asked when every row is good: a bad one may be the one missing."""
    policies = rows["policy"]
    if roster.persons and not policies:
        yield Problem(file, "policy", "there are persons but no policy: nobody would be told of anything")
    by_season = {
        season: {number for _, one in policies if not one.kinds and one.season in ("always", season) for number in one.priorities}
        for season in ("flood", "dry")
    }
    if policies and (missing := sorted({1, 2, 3} - (by_season["flood"] & by_season["dry"]))):
        reason = f"no policy is for priority {', '.join(map(str, missing))} in every season and of every kind"
        yield policies[-1][0].problem(reason, "priorities")


def _crews(rows: Sequence[tuple[Entry, CrewFile]], persons: Collection[str], areas: Collection[str]) -> Iterator[Problem]:
    for entry, crew in rows:
        for member in crew.members:
            yield from _known(entry, "person", member, persons, "members")
        for area in crew.areas:
            yield from _known(entry, "area", area, areas, "areas")


def _rotas(
    rows: Sequence[tuple[Entry, RotaFile]], persons: Collection[str], crews: Collection[str], areas: Collection[str]
) -> Iterator[Problem]:
    for entry, rota in rows:
        for member in dict.fromkeys(each for team in rota.cycle for each in team):
            yield from _known(entry, "person", member, persons, "cycle")
        if rota.crew:
            yield from _known(entry, "crew", rota.crew, crews, "crew")
        for area in rota.areas:
            yield from _known(entry, "area", area, areas, "areas")
        if len(set(rota.starts)) < len(rota.starts):
            yield entry.problem("two shifts begin at the same time", "starts")


def _known(entry: Entry, what: str, name: str, known: Collection[str], key: str) -> Iterator[Problem]:
    if name not in known:
        yield entry.problem(f"there is no {what} {name!r}", key)


def _twice(rows: Sequence[tuple[Entry, Any]], what: str) -> Iterator[Problem]:
    seen: set[str] = set()
    for entry, one in rows:
        if one.id in seen:
            yield entry.problem(f"{what} {one.id!r} is there twice", "id")
        seen.add(one.id)


def _address(entry: Entry, contact: ContactFile) -> Iterator[Problem]:
    if contact.channel.startswith("sms") and not PHONE.fullmatch(contact.address):
        yield entry.problem(f"must be a mobile number (13800000000 or +8613800000000), not {contact.address!r}", "address")
    if contact.channel.startswith("mail") and not MAIL.fullmatch(contact.address):
        yield entry.problem(f"must be a mail address, not {contact.address!r}", "address")


def _swaps(
    rows: Sequence[tuple[Entry, SwapFile]], roster: Roster, persons: Collection[str], rotas: Collection[str]
) -> Iterator[Problem]:
    """One that fits no shift would do nothing, and the wrong person would be called. Earlier swaps of a shift are done first."""
    for number, (entry, swap) in enumerate(rows):
        yield from _known(entry, "rota", swap.rota, rotas, "rota")
        for key in ("out", "replaced_by"):
            yield from _known(entry, "person", getattr(swap, key), persons, key)
        if swap.rota not in rotas:
            continue
        begin = ms(swap.start, WALL)
        found = shifts(replace(roster, swaps=roster.swaps[:number]), swap.rota, begin, begin + 1, WALL)
        shift = next((one for one in found if one.start == begin), None)
        if shift is None:
            yield entry.problem(f"no shift of {swap.rota!r} begins at {swap.start}", "start")
        elif swap.out not in shift.persons:
            yield entry.problem(f"{swap.out!r} is not on that shift; {' '.join(shift.persons) or 'nobody'} is", "out")


def _holidays(rows: Sequence[tuple[Entry, HolidayFile]]) -> Iterator[Problem]:
    seen: set[str] = set()
    for entry, one in rows:
        if one.date in seen:
            yield entry.problem(f"{one.date} is there twice", "date")
        seen.add(one.date)


def _shifts(
    rows: Sequence[tuple[Entry, ShiftFile]], persons: Collection[str], rotas: Collection[str], *, groups: Collection[str]
) -> Iterator[Problem]:
    """Nobody is at two places; ``groups`` are: a chat (role viewer) may stand beside every crew."""
    taken: list[tuple[str, str, str]] = []
    for entry, shift in rows:
        yield from _known(entry, "rota", shift.rota, rotas, "rota")
        if shift.start >= shift.end:
            yield entry.problem(f"ends ({shift.end}) before it begins ({shift.start})", "end")
        for person in dict.fromkeys(names_of(shift.persons)):
            yield from _known(entry, "person", person, persons, "persons")
            if any(who == person and begin < shift.end and shift.start < end for who, begin, end in taken):
                yield entry.problem(f"{person!r} is on another shift at that time", "persons")
            if person not in groups:
                taken.append((person, shift.start, shift.end))


def _policies(
    rows: Sequence[tuple[Entry, PolicyFile]], roster: Roster, persons: Collection[str], rotas: Collection[str]
) -> Iterator[Problem]:
    channels = {one.channel for one in roster.contacts}
    for entry, policy in rows:
        if policy.quiet and min(policy.priorities) < 3:
            yield entry.problem("quiet hours are for priorities 3 and 4 alone", "quiet")
        after = [step.after_s for step in policy.steps]
        if after != sorted(after):
            yield entry.problem("a step comes before the one above it", "steps")
        if policy.rounds > 1 and policy.every_s <= max(after):
            yield entry.problem(f"the next round would begin before the last step ({max(after):g} s)", "every_s")
        for name in dict.fromkeys(each for step in policy.steps for each in step.channels):
            yield from _known(entry, "contact with channel", name, channels, "steps")
        for target in dict.fromkeys(each for step in policy.steps for each in step.targets):
            word, _, name = target.partition(":")
            if word in ("duty", "deputy"):
                yield from _known(entry, "rota", name, rotas, "steps")
            elif word == "person":
                yield from _known(entry, "person", name, persons, "steps")
            elif word == "leader" and not any(one.role == "leader" for one in roster.persons):
                yield entry.problem("there is no person whose role is leader", "steps")
