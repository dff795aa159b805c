"""What a running gateway says of itself: values for screens, health points and tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalStatus:
    """``backlog``: scans not yet acknowledged; ``oldest_ms``: time of the oldest of them; ``holds_hours``: how long an outage the
    journal bridges at the present rate (None = nothing to go by yet); ``dropped``: scans given up, by reason; ``durable``: False
    while the disk takes nothing.
    """

    id: str
    backlog: int
    oldest_ms: int | None
    holds_hours: float | None
    dropped: Mapping[str, int] = field(default_factory=dict)
    durable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitStatus:
    """One unit: ``state`` is ok, slow, dead or new; ``errors`` counts failures by kind since the start."""

    device: str
    state: str
    last_ok_ms: int | None = None
    rtt_ms: float | None = None
    mode: str = "dry"
    errors: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkStatus:
    """One link and its units. ``load`` is the share of time the link was busy, 0 to 1; ``late`` counts
    answers that came after they were given up.
    """

    id: str
    endpoint: str
    connected: bool
    units: tuple[UnitStatus, ...]
    cycle_s: float | None = None
    load: float | None = None
    late: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LightingStatus:
    """``plan``, ``overrides``: as the wire says them (``lampwell.lighting.wire``); ``unlike``: targets that are not as they
    should be and that nothing more is being tried for; ``round_ms``: what the last round cost.
    """

    plan: str = ""
    overrides: str = "[]"
    unlike: int = 0
    round_ms: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayStatus:
    """One edge node. ``polls``: requests answered; ``readings``: accepted into the journal; ``scans``: rows given an offset."""

    edge: str
    now_ms: int
    links: tuple[LinkStatus, ...]
    polls: int
    readings: int
    scans: int
    journal: JournalStatus
    broker: bool
    host: bool
    clock_trusted: bool = True
    lighting: LightingStatus = LightingStatus()
    problems: tuple[str, ...] = ()
