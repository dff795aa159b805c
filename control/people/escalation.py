"""Who must have been told by now. Pure and without memory: what is due follows from times, so a restart forgets nothing.

Every call has a step that names it; the outbox takes each step of an occurrence once, so asking again is harmless. Domain alarms
2.2, rules 8 and 12: duty officer, deputy, leader, round after round until someone answers; nobody on shift goes to the last
target at once, one who can not be reached to the next.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from control.people.roster import Policy, Roster, Step
from control.people.rota import crew_on_shift, deputies, in_season, on_shift
from lampwell.times import local

SKILLS = {
    **dict.fromkeys(("cabinet", "concentrator", "meter"), "lighting"),
    **dict.fromkeys(("station", "well", "ponding", "rain", "river"), "drainage"),
}
"""Which crew goes to a kind of device. A kind that is not here (an edge node, a link) is for whoever is there."""

EMPTY = {
    "duty": "无人值班 nobody on shift",
    "deputy": "无接班人 nobody comes next on the rota",
    "crew": "班组无人值班 no crew on shift",
    "leader": "无负责人 no leader",
    "person": "查无此人 no such person",
}
UNREACHED = "无可用联系方式 no way to reach"
LAST_RESORT = "leader"


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
    """Everything that must have been said by ``now``, in order; nothing from an acknowledgement or the end on. Priority 4 is in
    no hurry: its calls leave the outbox with the daily digest.
    """
    policy = policy_of(roster, told, zone)
    if policy is None:
        return ()
    stop = min((at for at in (told.acked_at, told.closed_at) if at is not None), default=now + 1)
    ahead = ((name, at, number) for name, at, number in _steps(policy, told, zone) if at <= now and at < stop)
    return tuple(call for name, at, number in ahead for call in _calls(roster, policy, told, name, at, number, zone))


def next_due(roster: Roster, told: Told, now: int, zone: ZoneInfo) -> int | None:
    """When the next step comes after ``now``; None = none will."""
    policy = policy_of(roster, told, zone)
    if policy is None or told.acked_at is not None or told.closed_at is not None:
        return None
    return min((at for _, at, _ in _steps(policy, told, zone) if at > now), default=None)


# -- when ----------------------------------------------------------------------------------------------------------------------


def _steps(policy: Policy, told: Told, zone: ZoneInfo) -> Iterator[tuple[str, int, int]]:
    """(name, when, number of the step) of every step of every round. Quiet hours stop the policy's clock: behind them the steps
    are as far apart as ever, not all at once.
    """
    planned = [
        (turn * policy.every_s + step.after_s, turn, number)
        for turn in range(policy.rounds)
        for number, step in enumerate(policy.steps)
    ]
    slept = 0
    for after_s, turn, number in sorted(planned):
        at = told.announced_at + round(after_s * 1000) + slept
        awake = _awake(policy, told, at, zone)
        slept += awake - at
        yield f"{turn}.{number}", awake, number


def _awake(policy: Policy, told: Told, at: int, zone: ZoneInfo) -> int:
    """Not in the quiet hours, for what can wait (rule 12: priorities 3 and 4 alone)."""
    if policy.quiet is None or told.priority < 3:
        return at
    here = local(at, zone)
    begin, end = map(time.fromisoformat, policy.quiet)
    clock, over_midnight = here.time(), begin > end
    if not ((clock >= begin or clock < end) if over_midnight else begin <= clock < end):
        return at
    day = here.date() + timedelta(days=1 if over_midnight and clock >= begin else 0)
    return max(at, round(datetime.combine(day, end, zone).timestamp() * 1000))


# -- whom ----------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What finding people for a target needs to know."""

    roster: Roster
    told: Told
    at: int
    zone: ZoneInfo


def _calls(roster: Roster, policy: Policy, told: Told, name: str, at: int, number: int, zone: ZoneInfo) -> Iterator[Call]:
    """The calls of one step, each person once."""
    asked = _Asked(roster=roster, told=told, at=at, zone=zone)
    seen: set[str] = set()
    for target in policy.steps[number].targets:
        reached, step, why = _reached(asked, policy, number, target)
        for person in reached:
            if person not in seen:
                seen.add(person)
                yield _call(roster, told, step, name, at, person, why)


def _call(roster: Roster, told: Told, step: Step, name: str, at: int, person: str, why: str) -> Call:
    first, *others = roster.ways(person, told.priority, step.channels)
    return Call(
        step=name,
        at=at,
        person=person,
        channel=first.channel,
        address=first.address,
        fallback=tuple((each.channel, each.address) for each in others),
        why=why,
    )


def _reached(asked: _Asked, policy: Policy, number: int, target: str) -> tuple[tuple[str, ...], Step, str]:
    """Who hears of it for a target, under which step's ways, and why if it is not who was meant: nobody there, the policy's last
    target; there but not to be reached, the first target of the steps behind that can be. In the end whoever leads.
    """
    here, last = policy.steps[number], policy.steps[-1]
    meant = _persons(asked, target)
    if found := _with_ways(asked, here, meant):
        return found, here, ""
    why = f"{UNREACHED} {' '.join(meant)}" if meant else EMPTY.get(target.partition(":")[0], EMPTY["crew"])
    instead = [(step, other) for step in policy.steps[number + 1 :] for other in step.targets] if meant else []
    for step, other in [*instead, (last, last.targets[-1]), (Step(after_s=0, targets=()), LAST_RESORT)]:
        if found := _with_ways(asked, step, _persons(asked, other)):
            return found, step, why
    return (), here, why


def _with_ways(asked: _Asked, step: Step, persons: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(each for each in dict.fromkeys(persons) if asked.roster.ways(each, asked.told.priority, step.channels))


def _persons(asked: _Asked, target: str) -> tuple[str, ...]:
    roster, at, zone = asked.roster, asked.at, asked.zone
    word, _, name = target.partition(":")
    match word:
        case "person":
            return (name,) if roster.person(name) else ()
        case "leader":
            return tuple(one.id for one in roster.persons if one.role == "leader")
        case "duty":
            return on_shift(roster, name, at, zone)
        case "deputy":
            return deputies(roster, name, at, zone)
    return crew_on_shift(roster, asked.told.area, SKILLS.get(asked.told.kind, ""), at, zone)
