"""A drainage network, as far as stations and sensors come of it: values only. Metres, square metres and m3/s."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FOOT = 0.3048
FLOW_UNITS: Mapping[str, float] = {
    "CFS": FOOT**3,
    "GPM": 231 * 0.0254**3 / 60,
    "MGD": 231e6 * 0.0254**3 / 86400,
    "CMS": 1.0,
    "LPS": 1e-3,
    "MLD": 1e3 / 86400,
}
"""m3/s in one of each."""
US_UNITS = frozenset({"CFS", "GPM", "MGD"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A junction, divider, storage or outfall; ``depth`` is from invert to ground (0 where the file leaves it to SWMM)."""

    id: str
    kind: str
    invert: float
    depth: float
    place: tuple[float, float] | None = None

    @property
    def ground(self) -> float:
        """Elevation of the cover."""
        return self.invert + self.depth


@dataclass(frozen=True, slots=True, kw_only=True)
class Conduit:
    """A pipe or channel between two nodes; ``height`` is its inside height, ``full`` about what it carries running full, m3/s."""

    id: str
    inlet: str
    outlet: str
    height: float
    full: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Pump:
    """A pump; ``start``/``stop`` are the file's own depths in its well (0 = none), ``flow`` most its curve gives (0 = ideal)."""

    id: str
    inlet: str
    outlet: str
    start: float
    stop: float
    flow: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """What an ``.inp`` file describes. ``sections`` are its lines, comments and all, by upper-case section name;
    ``tags`` those of its nodes.
    """

    path: Path
    flow_units: str
    sections: Mapping[str, tuple[str, ...]]
    nodes: Mapping[str, Node]
    conduits: Mapping[str, Conduit]
    pumps: Mapping[str, Pump]
    gages: tuple[str, ...]
    has_subcatchments: bool
    fixed_stages: Mapping[str, float]
    tags: Mapping[str, str]

    @property
    def metric(self) -> bool:
        """False where lengths are feet and rain is inches."""
        return self.flow_units not in US_UNITS

    @property
    def stations(self) -> Mapping[str, tuple[Pump, ...]]:
        """Pumps by the node they draw from, in file order."""
        by_well: dict[str, list[Pump]] = {}
        for pump in self.pumps.values():
            by_well.setdefault(pump.inlet, []).append(pump)
        return {well: tuple(pumps) for well, pumps in by_well.items()}

    def downstream(self, node: str) -> Conduit | None:
        """The pipe that leaves a node."""
        return next((c for c in self.conduits.values() if c.inlet == node), None)
