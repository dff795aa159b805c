"""Who there is, how they are reached, who is on duty when, and who is told next when nobody answers. Values only.

A roster is one document with versions: what is changed is changed as a whole, and every earlier version can be looked at.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

import msgspec

from lampwell.errors import LampwellError


class UnreadableRoster(LampwellError):
    """A kept roster that this program can not read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """``role``: viewer, crew, duty, engineer, leader or admin."""

    id: str
    zh: str
    en: str = ""
    role: str = "crew"


@dataclass(frozen=True, slots=True, kw_only=True)
class Contact:
    """A way to a person. ``min_priority``: only alarms at least so urgent come this way (1 = red alone, 4 = all). ``order``:
    which way is tried first.
    """

    person: str
    channel: str
    address: str
    min_priority: int = 4
    order: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Crew:
    """People who go out. ``areas`` empty: the whole county. ``skill``: lighting or drainage."""

    id: str
    zh: str
    en: str = ""
    areas: tuple[str, ...] = ()
    skill: str = "lighting"
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rota:
    """A position that someone fills. Shifts begin at ``starts`` (county time, ``08:00``) every day from ``anchor`` (ISO date) on
    and last ``length_h`` hours, but never beyond the next start (None: until then). ``cycle`` are the teams, one shift each, over
    and over; none: every shift is written by hand. ``areas``: of a crew's rota, where it holds (empty: wherever the crew works).
    ``season``: always, flood or dry. ``holidays``: same, or off (no shift on a holiday).
    """

    id: str
    zh: str
    en: str = ""
    crew: str = ""
    areas: tuple[str, ...] = ()
    starts: tuple[str, ...] = ("08:00",)
    length_h: float | None = None
    cycle: tuple[tuple[str, ...], ...] = ()
    anchor: str = "2026-01-01"
    season: str = "always"
    holidays: str = "same"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """A shift written down by hand; it stands in place of the pattern. ``start`` and ``end``: county time,
    ``2026-06-21T08:00``.
    """

    rota: str
    start: str
    end: str
    persons: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Swap:
    """For the shift of a rota that begins at ``start``: ``out`` goes, ``replaced_by`` comes, as ``agreed_by`` has agreed."""

    rota: str
    start: str
    out: str
    replaced_by: str
    agreed_by: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holiday:
    """A day off, or (``workday``) a weekend day that is worked in exchange (调休)."""

    date: str
    zh: str
    en: str = ""
    workday: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Season:
    """The flood season: from ``start`` to ``end`` (``04-01``, both included) each year, or switched ``on`` or ``off`` by hand."""

    start: str = "04-01"
    end: str = "09-30"
    mode: str = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """After so many seconds these are told: ``duty:<rota>``, ``deputy:<rota>`` (who comes next in it), ``crew`` (of the alarm's
    area and kind), ``person:<id>`` or ``leader``. ``channels``: by these ways alone; empty: by any.
    """

    after_s: float
    targets: tuple[str, ...]
    channels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What is done about alarms of these priorities (and device ``kinds``, empty = all) in a season. The steps are gone through
    ``rounds`` times, ``every_s`` apart. ``quiet``: county time from, to, when nobody is woken (priorities 3 and 4 only).
    """

    id: str
    zh: str
    en: str = ""
    priorities: tuple[int, ...]
    kinds: tuple[str, ...] = ()
    season: str = "always"
    steps: tuple[Step, ...]
    rounds: int = 1
    every_s: float = 900.0
    quiet: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """All of it."""

    persons: tuple[Person, ...] = ()
    contacts: tuple[Contact, ...] = ()
    crews: tuple[Crew, ...] = ()
    rotas: tuple[Rota, ...] = ()
    shifts: tuple[Shift, ...] = ()
    swaps: tuple[Swap, ...] = ()
    holidays: tuple[Holiday, ...] = ()
    season: Season = field(default_factory=Season)
    policies: tuple[Policy, ...] = ()

    def person(self, name: str) -> Person | None:
        """One person, None if there is no such."""
        return next((one for one in self.persons if one.id == name), None)

    def name(self, person: str) -> str:
        """What people call someone; the id where nobody is known by it."""
        found = self.person(person)
        return found.zh if found else person

    def rota(self, name: str) -> Rota | None:
        """One rota, None if there is no such."""
        return next((one for one in self.rotas if one.id == name), None)

    def ways(self, person: str, priority: int, channels: Collection[str] = ()) -> tuple[Contact, ...]:
        """The ways to a person that an alarm of this priority may go (by ``channels`` alone, if any are named), in the order in
        which they are tried.
        """
        mine = (one for one in self.contacts if one.person == person and priority <= one.min_priority)
        fitting = (one for one in mine if not channels or one.channel in channels)
        return tuple(sorted(fitting, key=lambda one: one.order))


def to_json(roster: Roster) -> str:
    """A roster as text."""
    return msgspec.json.encode(roster).decode()


def from_json(text: str) -> Roster:
    """The roster of a text. UnreadableRoster."""
    try:
        return msgspec.json.decode(text, type=Roster)
    except msgspec.MsgspecError as error:
        raise UnreadableRoster(f"the roster can not be read: {error}") from error


def channels_used(roster: Roster) -> tuple[str, ...]:
    """The channels that contacts and steps name."""
    by_step = {channel for policy in roster.policies for step in policy.steps for channel in step.channels}
    return tuple(sorted({one.channel for one in roster.contacts} | by_step))
