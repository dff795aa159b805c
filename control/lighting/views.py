"""What the lighting desk shows: edge nodes, overrides, orders and roll-outs as people look at them. Values only, no I/O."""

from __future__ import annotations

from dataclasses import dataclass

from control.lighting.changes import Change
from control.lighting.checks import Finding
from control.lighting.compare import Difference
from control.lighting.rollout import Owed, Phase
from lampwell.lighting.wire import Outcome, Said


@dataclass(frozen=True, slots=True, kw_only=True)
class OverrideRow:
    """What stands above the programs at an edge node. ``left_s``: until its end; None = until it is released."""

    id: str
    edge: str
    layer: str
    targets: tuple[str, ...]
    level: int
    start: int
    end: int | None
    left_s: int | None
    who: str
    reason: Said


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeRow:
    """``asked``, ``confirmed``: ``<revision> <hash>``, and the versions behind them (0 = none of ours). ``agrees`` None: not
    known, since the node is not there or has not said.
    """

    edge: str
    zh: str
    en: str
    area: str
    alive: bool | None
    asked: str
    asked_version: int
    confirmed: str
    confirmed_version: int
    agrees: bool | None
    unlike: int | None
    unlike_at: int | None
    overrides: tuple[OverrideRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RolloutRow:
    """``stage``: of ``stages``, from 1. ``since``: when its edge nodes began to agree, None they do not yet. ``owed``: those that
    were away and have not agreed yet; one that stopped serves them no more.
    """

    id: str
    version: int
    at: int
    who: str
    why: str
    phase: Phase
    stage: int
    stages: tuple[Said, ...]
    settle_s: int
    since: int | None
    reason: Said
    ended_at: int | None
    owed: tuple[Owed, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LightStatus:
    """``running``: the version that all edge nodes were last brought to, 0 none."""

    now: int
    running: int
    edges: tuple[EdgeRow, ...]
    rollout: RolloutRow | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LightOrder:
    """An order and what has become of it. ``kind``: plan, lease, lock, release. ``by_control``: nobody answered."""

    id: str
    request: str
    edge: str
    who: str
    kind: str
    what: Said
    issued: int
    expires: int
    state: str
    by_control: bool
    reason: Said
    sent: int
    sent_at: int | None
    ended_at: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LightOrderDetail:
    """With everything that the edge node said of it, in the order in which it was heard. Ramps, seconds: of a lease."""

    order: LightOrder
    answers: tuple[Outcome, ...]
    ramp_s: int = 0
    ramp_back_s: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a wish came to. ``token``: it is not done yet, say it again with this token; else ``orders`` are under way."""

    change: Change
    orders: tuple[LightOrder, ...] = ()
    token: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """The level that should hold at an instant and why. ``plan``: as the edge node confirmed it, "" = by the newest version,
    which the node has not confirmed. ``alive`` as in ``EdgeRow``.
    """

    target: str
    zh: str
    en: str
    at: int
    level: int
    why: Said
    layer: str
    plan: str
    version: int
    alive: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of the plan, without its body."""

    version: int
    at: int
    who: str
    reason: str
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tonight:
    """What the running plan will do: the first switch-on, the last switch-off, energy and money of all loops."""

    first_on: int | None
    last_off: int | None
    kwh: float
    cny: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanChange:
    """What a version would change. ``running`` 0: none runs, so there is no ``difference`` and all is new. ``cabinets``,
    ``lamps``: those for which anything is written otherwise; ``edges``: who goes by something else now; ``away``: who is not
    known to be there and would be owed it. ``difference``: of tonight's switches, the figures over a year. ``findings``: of
    the check of the version as of today.
    """

    version: int
    running: int
    cabinets: tuple[str, ...]
    lamps: int
    edges: tuple[str, ...]
    away: tuple[str, ...]
    tonight: Tonight
    difference: Difference | None
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """``token``: nothing is done yet, say it again with this token; else ``rollout`` is under way."""

    change: PlanChange
    rollout: RolloutRow | None = None
    token: str = ""
