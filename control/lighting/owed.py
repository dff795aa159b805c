"""Edge nodes that a roll-out went on without: asked again when they are back, and no longer owed when they agree. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from control.lighting.agreement import doubt, had_its_time, refusal
from control.lighting.following import UNSAID
from control.lighting.rollout import Fact, Goal, Owed, Rollout, asked


def edges(rollout: Rollout) -> frozenset[str]:
    """Their names."""
    return frozenset(one.edge for one in rollout.owed)


def disagree(rollout: Rollout) -> bool:
    """Whether one of them is back and does not agree (yet): nothing goes on meanwhile."""
    return any(one.back_at is not None and one.agreed_since is None for one in rollout.owed)


def turned(rollout: Rollout, facts: Mapping[str, Fact], now: int) -> tuple[Rollout, tuple[Goal, ...]]:
    """The roll-out without those who have agreed for the settle time, and what has to be asked of those who came back."""
    goals = asked(rollout)
    each = [_turned(rollout, one, goals[one.edge], facts.get(one.edge, Fact()), now) for one in rollout.owed]
    again = tuple(goals[one.edge] for one, is_due in each if one is not None and is_due)
    left = tuple(one for one, _ in each if one is not None)
    paid = {before.edge: now for before, (after, _) in zip(rollout.owed, each, strict=True) if after is None}
    return replace(rollout, owed=left, served={**rollout.served, **paid}), again


def troubled(before: Rollout, after: Rollout) -> tuple[Owed, ...]:
    """Those who came back and were found in trouble by a step."""
    known = {one.edge for one in before.owed if one.trouble != UNSAID}
    return tuple(one for one in after.owed if one.trouble != UNSAID and one.edge not in known)


def _turned(rollout: Rollout, one: Owed, goal: Goal, fact: Fact, now: int) -> tuple[Owed | None, bool]:
    """One of them a moment later, None = it is owed nothing any more; and whether it has to be asked again."""
    if not fact.there:
        return replace(one, back_at=None, agreed_since=None, doubtful_since=None), False
    if one.back_at is None:
        return replace(one, back_at=now, doubtful_since=now), fact.plan != goal.plan
    why = refusal(goal, fact)
    over = why is not None
    if why is None and (why := doubt(rollout, goal, fact)) is None:
        since = now if one.agreed_since is None else one.agreed_since
        paid = now - since >= rollout.settle_ms
        return None if paid else replace(one, agreed_since=since, doubtful_since=None), False
    since = now if one.doubtful_since is None else one.doubtful_since
    over = over or had_its_time(rollout, one.back_at, since, now)
    trouble = why if over and one.trouble == UNSAID else one.trouble
    return replace(one, agreed_since=None, doubtful_since=since, trouble=trouble), False
