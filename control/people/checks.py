"""A roster's rows held against each other: who is named must exist, nobody is at two places, everyone is told of something."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from control.people.file_models import ContactFile, CrewFile, PolicyFile, RotaFile, ShiftFile
from control.people.roster import Roster
from lampwell.config import Entry
from lampwell.errors import Problem

PHONE = re.compile(r"(\+\d{6,15}|1\d{10})")
MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def names_of(persons: str | list[str]) -> tuple[str, ...]:
    """The persons of a shift: in CSV they stand in one cell with spaces between."""
    return tuple(persons.split()) if isinstance(persons, str) else tuple(persons)


def held_together(roster: Roster, rows: dict[str, list[tuple[Entry, Any]]], areas: Collection[str]) -> Iterator[Problem]:
    """Everything in which rows contradict each other."""
    persons = {one.id for one in roster.persons}
    rotas, crews = {one.id for one in roster.rotas}, {one.id for one in roster.crews}
    for table in ("person", "crew", "rota", "policy"):
        yield from _twice(rows[table], table)
    for entry, contact in rows["contact"]:
        yield from _known(entry, "person", contact.person, persons, "person")
        yield from _address(entry, contact)
    yield from _crews(rows["crew"], persons, areas)
    yield from _rotas(rows["rota"], persons, crews)
    for entry, swap in rows["swap"]:
        yield from _known(entry, "rota", swap.rota, rotas, "rota")
        for key in ("out", "replaced_by"):
            yield from _known(entry, "person", getattr(swap, key), persons, key)
    yield from _shifts(rows["shift"], persons, rotas)
    yield from _policies(rows["policy"], roster, persons, rotas)


def _crews(rows: Sequence[tuple[Entry, CrewFile]], persons: Collection[str], areas: Collection[str]) -> Iterator[Problem]:
    for entry, crew in rows:
        for member in crew.members:
            yield from _known(entry, "person", member, persons, "members")
        for area in crew.areas:
            yield from _known(entry, "area", area, areas, "areas")


def _rotas(rows: Sequence[tuple[Entry, RotaFile]], persons: Collection[str], crews: Collection[str]) -> Iterator[Problem]:
    for entry, rota in rows:
        for member in dict.fromkeys(each for team in rota.cycle for each in team):
            yield from _known(entry, "person", member, persons, "cycle")
        if rota.crew:
            yield from _known(entry, "crew", rota.crew, crews, "crew")


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


def _shifts(rows: Sequence[tuple[Entry, ShiftFile]], persons: Collection[str], rotas: Collection[str]) -> Iterator[Problem]:
    taken: list[tuple[str, str, str]] = []
    for entry, shift in rows:
        yield from _known(entry, "rota", shift.rota, rotas, "rota")
        if shift.start >= shift.end:
            yield entry.problem(f"ends ({shift.end}) before it begins ({shift.start})", "end")
        for person in names_of(shift.persons):
            yield from _known(entry, "person", person, persons, "persons")
            if any(who == person and begin < shift.end and shift.start < end for who, begin, end in taken):
                yield entry.problem(f"{person!r} is on another shift at that time", "persons")
            taken.append((person, shift.start, shift.end))


def _policies(
    rows: Sequence[tuple[Entry, PolicyFile]], roster: Roster, persons: Collection[str], rotas: Collection[str]
) -> Iterator[Problem]:
    for entry, policy in rows:
        if policy.quiet and min(policy.priorities) < 3:
            yield entry.problem("quiet hours are for priorities 3 and 4 alone", "quiet")
        for target in (each for step in policy.steps for each in step.targets):
            word, _, name = target.partition(":")
            if word in ("duty", "deputy"):
                yield from _known(entry, "rota", name, rotas, "steps")
            elif word == "person":
                yield from _known(entry, "person", name, persons, "steps")
    always = {number for _, one in rows if one.season == "always" and not one.kinds for number in one.priorities}
    if rows and (missing := sorted({1, 2, 3} - always)):
        last = rows[-1][0]
        yield last.problem(
            f"no policy is for priority {', '.join(map(str, missing))} in every season and of every kind", "priorities"
        )
    if roster.persons and not rows:
        yield Problem("people/people.toml", "policy", "there are persons but no policy: nobody would be told of anything")
