"""A roll-out a moment later. Pure: facts and time are arguments, nothing is sent here.

A stage is asked for once; the next one begins only when every edge node asked so far has confirmed its plan and read back every
target as it should be, without a break, for the settle time. A refusal, or another plan than the confirmed one, stops it at once;
who is there and does not agree stops it after the patience. A stop is final: a person decides what comes next.

An edge node that is not there for the patience is set aside as **owed** and the others go on, where one of the stage under way
agrees: none begins with a node that is away. Back again it is asked again, by the same order, and has to agree as the others did;
nothing goes on while it does not, and its trouble stops the roll-out. Done is done with those owed, who are still served.

What the stepper remembers is a value, kept in the database; a restart of control in between changes nothing that it decides.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from control.lighting import owed
from control.lighting.agreement import doubt, had_its_time, refusal
from control.lighting.following import UNSAID
from control.lighting.rollout import Fact, Goal, Owed, Phase, Rollout, asked
from lampwell.lighting.wire import Said


def step(rollout: Rollout, facts: Mapping[str, Fact], now: int) -> tuple[Rollout, tuple[Goal, ...]]:
    """The roll-out a moment later, and what has to be asked for now: each goal once, and again whenever one who is owed it has
    come back. ``facts`` by edge node.
    """
    if rollout.phase is Phase.STOPPED or (rollout.phase is Phase.DONE and not rollout.owed):
        return rollout, ()
    rollout, again = owed.turned(rollout, facts, now)
    if rollout.phase is Phase.DONE:
        return rollout, again
    if reason := next(_breaches(rollout, facts), None):
        return stopped(rollout, reason, now), ()
    if rollout.asked_at is None:
        goals = tuple(one for one in rollout.stages[rollout.at].goals if _fact(facts, one).plan != one.plan)
        return replace(rollout, asked_at=now), (*again, *goals)
    doubts = dict(_doubts(rollout, facts))
    there = {edge for edge in doubts if facts.get(edge, Fact()).there}
    away, doubtful = _since(rollout.away, doubts.keys() - there, now), _since(rollout.doubtful, there, now)
    rollout = replace(rollout, away=away, doubtful=doubtful)
    return (_doubtful(rollout, doubts, now) if doubts else _agreeing(rollout, now)), again


def stopped(rollout: Rollout, reason: Said, now: int) -> Rollout:
    """It ends here; what was confirmed stays where it is, and who is owed is not served any more."""
    return replace(rollout, phase=Phase.STOPPED, ended_at=now, reason=reason)


def failed(rollout: Rollout, goals: Iterable[Goal], reason: Said, now: int) -> Rollout:
    """What had to be asked can not be: it stops; one that is done already is in trouble with whom it owes."""
    if rollout.phase is Phase.RUNNING:
        return replace(stopped(rollout, reason, now), asked_at=None)
    names = {goal.edge for goal in goals}
    return replace(rollout, owed=tuple(replace(one, trouble=reason) if one.edge in names else one for one in rollout.owed))


def _agreeing(rollout: Rollout, now: int) -> Rollout:
    since = now if rollout.agreed_since is None else rollout.agreed_since
    if now - since < rollout.settle_ms or owed.disagree(rollout):
        return replace(rollout, agreed_since=since)
    if rollout.at + 1 == len(rollout.stages):
        return replace(rollout, phase=Phase.DONE, ended_at=now, agreed_since=since)
    return replace(rollout, at=rollout.at + 1, asked_at=None, agreed_since=None)


def _doubtful(rollout: Rollout, doubts: Mapping[str, Said], now: int) -> Rollout:
    """Some do not agree: wait, go on without those who are away, or stop."""
    rollout = replace(rollout, agreed_since=None)
    over = {edge: why for edge, why in doubts.items() if _is_over(rollout, edge, now)}
    aside = owed.edges(rollout)
    rest = [goal.edge for goal in rollout.stages[rollout.at].goals if goal.edge not in over and goal.edge not in aside]
    if over and (over.keys() & rollout.doubtful.keys() or not rest):
        return stopped(rollout, _all(over.values()), now)
    if not over or doubts.keys() >= set(rest):
        return rollout
    left = {edge: since for edge, since in rollout.away.items() if edge not in over}
    more = (Owed(edge=edge, since=rollout.away[edge]) for edge in over)
    return replace(rollout, owed=(*rollout.owed, *more), away=left)


def _is_over(rollout: Rollout, edge: str, now: int) -> bool:
    assert rollout.asked_at is not None, "only of a stage that was asked for"
    since = rollout.doubtful[edge] if edge in rollout.doubtful else rollout.away[edge]
    return had_its_time(rollout, rollout.asked_at, since, now)


def _breaches(rollout: Rollout, facts: Mapping[str, Fact]) -> Iterator[Said]:
    """What ends it at once."""
    yield from (one.trouble for one in rollout.owed if one.trouble != UNSAID)
    under_way = {goal.edge for goal in rollout.stages[rollout.at].goals}
    for edge, goal in _held(rollout).items():
        fact = _fact(facts, goal)
        if why := refusal(goal, fact):
            yield why
        elif fact.plan not in (None, goal.plan) and (edge not in under_way or rollout.agreed_since is not None):
            yield Said(zh=f"{edge} 改用了 {fact.plan or '（无）'}", en=f"{edge} has gone over to {fact.plan or 'no plan'}")


def _doubts(rollout: Rollout, facts: Mapping[str, Fact]) -> Iterator[tuple[str, Said]]:
    """What keeps it from going on, by edge node."""
    for edge, goal in _held(rollout).items():
        if why := doubt(rollout, goal, _fact(facts, goal)):
            yield edge, why


def _held(rollout: Rollout) -> Mapping[str, Goal]:
    """Who has to agree: those asked and not set aside."""
    aside = owed.edges(rollout)
    return {edge: goal for edge, goal in asked(rollout).items() if edge not in aside}


def _since(before: Mapping[str, int], edges: Iterable[str], now: int) -> Mapping[str, int]:
    return {edge: before.get(edge, now) for edge in sorted(edges)}


def _all(reasons: Iterable[Said]) -> Said:
    every = list(reasons)
    return Said(zh="；".join(one.zh for one in every), en="; ".join(one.en for one in every))


def _fact(facts: Mapping[str, Fact], goal: Goal) -> Fact:
    return facts.get(goal.edge, Fact())
