"""A version of the plan on its way to the edge nodes: its stages and how far they are. A value, kept in the database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

import msgspec

from control.lighting.following import UNSAID
from lampwell.lighting.wire import Said

SETTLE_S, PATIENCE_S = 600, 300


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
class Owed:
    """An edge node set aside, and since when. ``back_at``: since when it is there again, None it is not; ``agreed_since`` and
    ``doubtful_since`` as of a roll-out, of this node alone. ``trouble``: what was wrong when it was back, "" nothing was; it is
    told once, and the node is owed until it agrees.
    """

    edge: str
    since: int
    back_at: int | None = None
    agreed_since: int | None = None
    doubtful_since: int | None = None
    trouble: Said = UNSAID


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """``at``: the stage that is under way; ``asked_at``: when it was asked for, None not yet; ``agreed_since``: since when all
    agree; ``doubtful``, ``away``: who is there and does not agree, and who is not there, since when. Those owed are in none of
    these; ``served``: who was owed it before, and when it had agreed. ``allowed``: so many targets of an edge node may be unlike
    (faults known before).
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
    doubtful: Mapping[str, int] = field(default_factory=dict)
    away: Mapping[str, int] = field(default_factory=dict)
    ended_at: int | None = None
    reason: Said = UNSAID
    owed: tuple[Owed, ...] = ()
    served: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What is known of an edge node now. ``there``: it is known to be. ``plan`` None, ``unlike`` None: not known (it is away, or
    has not said). ``refused``: orders for a plan that ended badly, by id, with the reason.
    """

    there: bool = False
    plan: str | None = None
    unlike: int | None = None
    refused: Mapping[str, Said] = field(default_factory=dict)


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
