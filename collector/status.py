"""What a running collector says of itself: values for screens and tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from lampwell.readings import NodeId


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeStatus:
    """One edge node: ``journal`` is None for one of another make; ``devices``: id -> alive; ``acknowledged``: the highest offset
    below which all is stored, by journal segment; ``since``: when it was born or died (epoch ms).
    """

    node: NodeId
    alive: bool
    since: int
    journal: str | None
    devices: Mapping[str, bool]
    acknowledged: Mapping[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestStatus:
    """Counts since the start. ``stored`` and ``quarantined`` are readings; ``scans``, ``duplicates``, ``deferred`` (left with
    their edge's journal while the store was away) and ``dropped`` (by reason) are scans; ``waiting`` is readings not yet stored,
    ``waiting_since`` when the store stopped taking them (epoch ms, None while it does) and ``waiting_for`` its own words.
    Latencies are from a live scan's time to its being stored, in ms of the clock, over the last 5,000 scans.
    """

    stored: int = 0
    scans: int = 0
    per_second: float = 0.0
    duplicates: int = 0
    quarantined: int = 0
    deferred: int = 0
    dropped: Mapping[str, int] = field(default_factory=dict)
    waiting: int = 0
    waiting_since: int | None = None
    waiting_for: str = ""
    latency_p50_ms: float | None = None
    latency_p99_ms: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectorStatus:
    """The collector as a whole. ``complaints`` counts what was wrong on the wire, ``last_complaint`` is the newest of them."""

    broker: bool
    ingest: IngestStatus
    nodes: tuple[NodeStatus, ...]
    complaints: int = 0
    last_complaint: str = ""
