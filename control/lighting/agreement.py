"""Whether an edge node agrees with what a roll-out asked of it, why not, and for how long it may not. Pure."""

from __future__ import annotations

from control.lighting.rollout import Fact, Goal, Rollout
from lampwell.lighting.wire import Said

LONGEST = 4
"""Who never agrees for long has had its time after the settle time and this many patiences; from then on a quarter of the
patience is enough, so that a control that was down for long does not stop a roll-out before it has heard of anybody.
"""


def doubt(rollout: Rollout, goal: Goal, fact: Fact) -> Said | None:
    """Why an edge node does not agree; None = it does."""
    edge = goal.edge
    if not fact.there:
        return Said(zh=f"{edge} 无应答", en=f"{edge} is not heard of")
    if fact.plan != goal.plan:
        return Said(zh=f"{edge} 未确认采用", en=f"{edge} has not confirmed it")
    if fact.unlike is None:
        return Said(zh=f"{edge} 未报回读", en=f"{edge} has not told what it reads back")
    if fact.unlike > rollout.allowed:
        return Said(
            zh=f"{edge} 有 {fact.unlike} 个回路或灯与要求不符",
            en=f"{edge} reads back {fact.unlike} targets unlike what should be",
        )
    return None


def refusal(goal: Goal, fact: Fact) -> Said | None:
    """Why an edge node did not take its plan; None = it did, or has not answered."""
    if fact.plan == goal.plan or goal.order not in fact.refused:
        return None
    why = fact.refused[goal.order]
    return Said(zh=f"{goal.edge} 未采用：{why.zh}", en=f"{goal.edge} did not take it: {why.en}")


def longest_ms(rollout: Rollout) -> int:
    """No edge node is waited for longer than this after it was asked."""
    return rollout.settle_ms + LONGEST * rollout.patience_ms


def had_its_time(rollout: Rollout, asked_at: int, since: int, now: int) -> bool:
    """Whether who was asked then, and has not agreed since, is not waited for any more."""
    patience_ms = rollout.patience_ms // LONGEST if now - asked_at >= longest_ms(rollout) else rollout.patience_ms
    return now - since >= patience_ms
