"""A version of the plan on its way to the edge nodes, stage by stage. Pure: facts and time are arguments, nothing is sent here.

A stage is asked for once; the next one begins only when every edge node asked so far has confirmed its plan and read back every
target as it should be, without a break, for the settle time. A refusal, or another plan than the confirmed one, stops it at once;
silence or targets unlike stop it after the patience. A stop is final: a person decides what comes next.

What the stepper remembers is a value, kept in the database; a restart of control in between changes nothing that it decides.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

import msgspec

from control.lighting.following import UNSAID
from lampwell.lighting.wire import Said

SETTLE_S, PATIENCE_S = 600, 300
LONGEST = 4
"""A stage that never agrees for long ends after the settle time and this many patiences."""


class Phase(StrEnum):
    """The last two are ends."""

    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """An edge node should go by ``plan`` (``<revision> <hash>``), asked for by the order of this id.

    ``trial``: of the new version for this cabinet alone, the node's others staying on version ``over``; "" for all of it.
    """

    edge: str
    plan: str
    order: str
    trial: str = ""
    over: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Edge nodes that are asked together."""

    zh: str
    en: str
    goals: tuple[Goal, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """``at``: the stage that is under way; ``asked_at``: when it was asked for, None not yet; ``agreed_since`` and
    ``doubtful_since``: since when all agree, or not all do. ``allowed``: so many targets of an edge node may be unlike (faults
    known before).
    """

    id: str
    version: int
    stages: tuple[Stage, ...]
    settle_ms: int = SETTLE_S * 1000
    patience_ms: int = PATIENCE_S * 1000
    allowed: int = 0
    phase: Phase = Phase.RUNNING
    at: int = 0
    asked_at: int | None = None
    agreed_since: int | None = None
    doubtful_since: int | None = None
    ended_at: int | None = None
    reason: Said = UNSAID


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What is known of an edge node now. ``plan`` None, ``unlike`` None: not known (it is away, or has not said).

    ``refused``: orders for a plan that ended badly, by id, with the reason.
    """

    plan: str | None = None
    unlike: int | None = None
    refused: Mapping[str, Said] = field(default_factory=dict)


def step(rollout: Rollout, facts: Mapping[str, Fact], now: int) -> tuple[Rollout, tuple[Goal, ...]]:
    """The roll-out a moment later, and what has to be asked for now (each goal once). ``facts`` by edge node."""
    if rollout.phase is not Phase.RUNNING:
        return rollout, ()
    if rollout.asked_at is None:
        goals = tuple(one for one in rollout.stages[rollout.at].goals if _fact(facts, one).plan != one.plan)
        return replace(rollout, asked_at=now, doubtful_since=now), goals
    if reason := next(_breaches(rollout, facts), None):
        return stopped(rollout, reason, now), ()
    doubts = list(_doubts(rollout, facts))
    return (_doubtful(rollout, doubts, now) if doubts else _agreeing(rollout, now)), ()


def stopped(rollout: Rollout, reason: Said, now: int) -> Rollout:
    """It ends here; what was confirmed stays where it is."""
    return replace(rollout, phase=Phase.STOPPED, ended_at=now, reason=reason)


def asked(rollout: Rollout) -> Mapping[str, Goal]:
    """What each edge node was last asked for, by the stages up to the one under way."""
    begun = rollout.at + (rollout.asked_at is not None)
    return {goal.edge: goal for stage in rollout.stages[:begun] for goal in stage.goals}


def write(rollout: Rollout) -> str:
    """As it is kept."""
    return msgspec.json.encode(rollout).decode()


def read(text: str) -> Rollout:
    """The same again."""
    return msgspec.json.decode(text, type=Rollout)


def number_of(plan: str) -> int:
    """The revision in ``<revision> <hash>``; 0 = none."""
    first = plan.partition(" ")[0]
    return int(first) if first.isdecimal() else 0


def hash_of(plan: str) -> str:
    """The hash in it; "" = none."""
    return plan.partition(" ")[2]


def _agreeing(rollout: Rollout, now: int) -> Rollout:
    since = now if rollout.agreed_since is None else rollout.agreed_since
    if now - since < rollout.settle_ms:
        return replace(rollout, agreed_since=since, doubtful_since=None)
    if rollout.at + 1 == len(rollout.stages):
        return replace(rollout, phase=Phase.DONE, ended_at=now, agreed_since=since, doubtful_since=None)
    return replace(rollout, at=rollout.at + 1, asked_at=None, agreed_since=None, doubtful_since=None)


def _doubtful(rollout: Rollout, doubts: list[Said], now: int) -> Rollout:
    since = now if rollout.doubtful_since is None else rollout.doubtful_since
    assert rollout.asked_at is not None, "only of a stage that was asked for"
    if now - since < rollout.patience_ms and now - rollout.asked_at < rollout.settle_ms + LONGEST * rollout.patience_ms:
        return replace(rollout, agreed_since=None, doubtful_since=since)
    return stopped(rollout, Said(zh="；".join(one.zh for one in doubts), en="; ".join(one.en for one in doubts)), now)


def _breaches(rollout: Rollout, facts: Mapping[str, Fact]) -> Iterator[Said]:
    """What ends it at once."""
    under_way = {goal.edge for goal in rollout.stages[rollout.at].goals}
    for edge, goal in asked(rollout).items():
        fact = _fact(facts, goal)
        if fact.plan == goal.plan:
            continue
        if why := fact.refused.get(goal.order):
            yield Said(zh=f"{edge} 未采用：{why.zh}", en=f"{edge} did not take it: {why.en}")
        elif fact.plan is not None and (edge not in under_way or rollout.agreed_since is not None):
            yield Said(zh=f"{edge} 改用了 {fact.plan or '（无）'}", en=f"{edge} has gone over to {fact.plan or 'no plan'}")


def _doubts(rollout: Rollout, facts: Mapping[str, Fact]) -> Iterator[Said]:
    """What keeps it from going on."""
    for edge, goal in asked(rollout).items():
        fact = _fact(facts, goal)
        if fact.plan is None:
            yield Said(zh=f"{edge} 无应答", en=f"{edge} is not heard of")
        elif fact.plan != goal.plan:
            yield Said(zh=f"{edge} 未确认采用", en=f"{edge} has not confirmed it")
        elif fact.unlike is None:
            yield Said(zh=f"{edge} 未报回读", en=f"{edge} has not told what it reads back")
        elif fact.unlike > rollout.allowed:
            yield Said(
                zh=f"{edge} 有 {fact.unlike} 个回路或灯与要求不符",
                en=f"{edge} reads back {fact.unlike} targets unlike what should be",
            )


def _fact(facts: Mapping[str, Fact], goal: Goal) -> Fact:
    return facts.get(goal.edge, Fact())
