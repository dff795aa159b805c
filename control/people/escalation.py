"""Who must have been told by now. Pure and without memory: what is due follows from times, so a restart forgets nothing.

Every call has a step that names it; the outbox takes each step of an occurrence once, so asking again is harmless. Domain alarms
2.2, rules 8 and 12: duty officer, deputy, leader, round after round until someone answers; nobody on shift goes to the last
target at once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from control.people.roster import Policy, Roster
from control.people.rota import in_season, on_shift

LIGHTING = ("cabinet", "concentrator", "meter")


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """An occurrence as people hear of it. ``announced_at``: the newest announcement, from which the steps are counted."""

    priority: int
    area: str
    kind: str
    announced_at: int
    acked_at: int | None = None
    closed_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One person (or group) to be told. ``step``: round and step; ``fallback``: further ways to the same person, in order.
    ``why`` says what was unusual, zh and en, "" = nothing.
    """

    step: str
    at: int
    person: str
    channel: str
    address: str
    fallback: tuple[tuple[str, str], ...] = ()
    why: str = ""


def policy_of(roster: Roster, told: Told, zone: ZoneInfo) -> Policy | None:
    """The first policy that is for this priority and kind and in season; one that names kinds comes before one that does not."""
    fitting = [
        one
        for one in roster.policies
        if told.priority in one.priorities
        and (not one.kinds or told.kind in one.kinds)
        and in_season(roster, one.season, told.announced_at, zone)
    ]
    return min(fitting, key=lambda one: (not one.kinds, one.season == "always"), default=None)


def due(roster: Roster, told: Told, now: int, zone: ZoneInfo) -> tuple[Call, ...]:
    """Everything that must have been said by ``now``. Nothing after an acknowledgement or the end; priority 4 waits for the
    digest like everything else of its policy.
    """
    policy = policy_of(roster, told, zone)
    if policy is None:
        return ()
    end = min(at for at in (now, told.acked_at, told.closed_at) if at is not None)
    calls: list[Call] = []
    for name, at, targets in _steps(policy, told, zone):
        if at <= end:
            calls += _calls(roster, policy, told, name, at, targets, zone)
    return tuple(calls)


def next_due(roster: Roster, told: Told, now: int, zone: ZoneInfo) -> int | None:
    """When the next step comes after ``now``; None = none will."""
    policy = policy_of(roster, told, zone)
    if policy is None or told.acked_at is not None or told.closed_at is not None:
        return None
    return min((at for _, at, _ in _steps(policy, told, zone) if at > now), default=None)


# -- the pieces ----------------------------------------------------------------------------------------------------------------


def _steps(policy: Policy, told: Told, zone: ZoneInfo) -> Iterator[tuple[str, int, tuple[str, ...]]]:
    """(name, when, targets) of every step of every round."""
    for turn in range(policy.rounds):
        for number, step in enumerate(policy.steps):
            at = told.announced_at + round((turn * policy.every_s + step.after_s) * 1000)
            yield f"{turn}.{number}", _awake(policy, told, at, zone), step.targets


def _awake(policy: Policy, told: Told, at: int, zone: ZoneInfo) -> int:
    """Not in the quiet hours, for what can wait."""
    if policy.quiet is None or told.priority < 3:
        return at
    local = datetime.fromtimestamp(at / 1000, zone)
    begin, end = policy.quiet
    clock = f"{local:%H:%M}"
    over_midnight = begin > end
    quiet = (clock >= begin or clock < end) if over_midnight else begin <= clock < end
    if not quiet:
        return at
    day = local.date() + (timedelta(days=1) if over_midnight and clock >= begin else timedelta())
    hour, minute = map(int, end.split(":"))
    return round(datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone).timestamp() * 1000)


def _calls(
    roster: Roster, policy: Policy, told: Told, name: str, at: int, targets: tuple[str, ...], zone: ZoneInfo
) -> Iterator[Call]:
    persons = [person for target in targets for person in _persons(roster, target, told, at, zone)]
    why = ""
    reached = [person for person in dict.fromkeys(persons) if roster.ways(person, told.priority)]
    if not reached:
        why = "无人值班 nobody on shift" if not persons else "值班人员无联系方式 those on shift can not be reached"
        last = [person for target in policy.steps[-1].targets for person in _persons(roster, target, told, at, zone)]
        reached = [person for person in dict.fromkeys(last) if roster.ways(person, told.priority)]
    for person in reached:
        first, *others = roster.ways(person, told.priority)
        fallback = tuple((each.channel, each.address) for each in others)
        yield Call(step=name, at=at, person=person, channel=first.channel, address=first.address, fallback=fallback, why=why)


def _persons(roster: Roster, target: str, told: Told, at: int, zone: ZoneInfo) -> tuple[str, ...]:
    word, _, name = target.partition(":")
    match word:
        case "person":
            return (name,)
        case "leader":
            return tuple(one.id for one in roster.persons if one.role == "leader")
        case "duty":
            shift = on_shift(roster, name, at, zone)
            return shift.persons if shift else ()
        case "deputy":
            shift = on_shift(roster, name, at, zone)
            return tuple(each for each in shift.deputies if each not in shift.persons) if shift else ()
    return crew_on_shift(roster, told.area, told.kind, at, zone)


def crew_on_shift(roster: Roster, area: str, kind: str, at: int, zone: ZoneInfo) -> tuple[str, ...]:
    """Of the crews for an area and kind of device: those on shift, or all members of a crew that has no rota."""
    skill = "lighting" if kind in LIGHTING else "drainage"
    found: list[str] = []
    for crew in roster.crews:
        if crew.skill != skill or (crew.areas and area and area not in crew.areas):
            continue
        rotas = [one for one in roster.rotas if one.crew == crew.id]
        if not rotas:
            found += crew.members
        for rota in rotas:
            shift = on_shift(roster, rota.id, at, zone)
            found += shift.persons if shift else ()
    return tuple(dict.fromkeys(found))
