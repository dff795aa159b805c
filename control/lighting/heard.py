"""What edge nodes say of lighting, from what a host hears of them. Pure: no clock, no I/O.

A value counts as known only while its node is known to be there; what it said before stays, with its time.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from lampwell.lighting.model import Layer, Override, Text
from lampwell.lighting.standing import Standing
from lampwell.lighting.wire import OUTCOME, OVERRIDES, PLAN, UNLIKE, BadOrder, Outcome, Stands, read_outcome, read_overrides
from lampwell.readings import Layout, NodeId, Scan
from lampwell.sparkplug.messages import HostEvent, NodeBorn, NodeDied, ScanReceived

log = logging.getLogger(__name__)

_PATHS = frozenset({PLAN, OUTCOME, OVERRIDES, UNLIKE})
LAYERS: Mapping[str, Layer] = {"lease": Layer.LEASE, "crew lock": Layer.CREW_LOCK, "interlock": Layer.INTERLOCK}


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeSaid:
    """``alive`` None: not known. ``plan`` as it was confirmed; times by the node's clock, None = never said."""

    alive: bool | None = None
    plan: str = ""
    plan_at: int | None = None
    unlike: int | None = None
    unlike_at: int | None = None
    overrides: tuple[Stands, ...] = ()
    overrides_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What an event told: of which edge node, what it says now, and outcomes of orders."""

    edge: str
    said: EdgeSaid
    outcomes: tuple[Outcome, ...] = ()


@dataclass(slots=True)
class Listener:
    """``said`` by edge node. A scan's columns are looked up once a layout."""

    edges: Mapping[NodeId, str]
    said: dict[str, EdgeSaid] = field(default_factory=dict)
    _columns: dict[str, tuple[Layout, dict[int, str]]] = field(default_factory=dict)

    @property
    def everyone(self) -> Mapping[str, EdgeSaid]:
        """What each edge node last said, also of those that have said nothing yet."""
        return {edge: self._of(edge) for edge in self.edges.values()}

    @property
    def standing(self) -> Standing:
        """What stands above the programs, as the edge nodes tell it."""
        return standing_of(tuple(one for said in self.everyone.values() for one in said.overrides))

    def event(self, event: HostEvent) -> News | None:
        """None: nothing of lighting in it."""
        match event:
            case NodeBorn(layout=layout, birth=birth):
                return self._scan(layout, birth, born=True)
            case ScanReceived(scan=scan):
                return self._scan(scan.layout, scan)
            case NodeDied(node=node) if edge := self.edges.get(node):
                return self._tell(edge, replace(self._of(edge), alive=False))
        return None

    def lost(self) -> None:
        """The broker is away: of no node is it known whether it is there."""
        self.said = {edge: replace(said, alive=None) for edge, said in self.said.items()}

    def _scan(self, layout: Layout, scan: Scan, *, born: bool = False) -> News | None:
        edge = self.edges.get(layout.node)
        if edge is None:
            return None
        before = self._of(edge)
        if layout.device and (before.alive or scan.historical):
            return None  # nearly all that comes
        said = EdgeSaid(alive=True) if born else before if scan.historical else replace(before, alive=True)
        if layout.device:
            return self._tell(edge, said)
        outcomes: list[Outcome] = []
        for path, value in self._values(edge, layout, scan):
            try:
                if path == OUTCOME:
                    outcomes += [read_outcome(str(value))] if value else []
                elif not scan.historical:
                    said = _taken(said, path, value, scan.time)
            except (BadOrder, ValueError) as error:
                log.warning("%s: %s: %s", edge, path, str(error)[:200])
        return self._tell(edge, said, tuple(outcomes)) if outcomes or said != before else None

    def _values(self, edge: str, layout: Layout, scan: Scan) -> Iterator[tuple[str, object]]:
        known, columns = self._columns.get(edge, (None, {}))
        if known is not layout:
            columns = {n: point.path for n, point in enumerate(layout.points) if point.path in _PATHS}
            self._columns[edge] = layout, columns
        for n, value in zip(scan.index, scan.values, strict=True):
            if n in columns and value is not None:
                yield columns[n], value

    def _of(self, edge: str) -> EdgeSaid:
        return self.said.get(edge, EdgeSaid())

    def _tell(self, edge: str, said: EdgeSaid, outcomes: tuple[Outcome, ...] = ()) -> News:
        self.said[edge] = said
        return News(edge=edge, said=said, outcomes=outcomes)


def _taken(said: EdgeSaid, path: str, value: object, at: int) -> EdgeSaid:
    if path == PLAN:
        return replace(said, plan=str(value), plan_at=at)
    if path == UNLIKE:
        return replace(said, unlike=int(str(value)), unlike_at=at)
    return replace(said, overrides=read_overrides(str(value)) if value else (), overrides_at=at)


def standing_of(stands: Iterator[Stands] | tuple[Stands, ...]) -> Standing:
    """What stands above the programs, as the edge nodes tell it. What can not be understood is left out and logged."""
    return Standing([one for each in stands if (one := _override(each)) is not None])


def layer_of(name: str) -> Layer | None:
    """However a node writes it; None = a layer that this program does not know."""
    return LAYERS.get(name.replace("-", " ").replace("_", " ").lower())


def _override(one: Stands) -> Override | None:
    layer = layer_of(one.layer)
    if layer is None:
        log.warning("override %s of an edge node: layer %r is not known", one.id, one.layer)
        return None
    try:
        return Override(
            id=one.id,
            layer=layer,
            targets=one.targets,
            level=one.level,
            issued=one.start,
            start=one.start,
            end=one.end,
            who=one.who,
            reason=Text(zh=one.reason.zh, en=one.reason.en or one.reason.zh),
        )
    except ValueError as error:
        log.warning("override %s of an edge node: %s", one.id, error)
        return None
