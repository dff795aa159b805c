"""Where a county's loops and lamps are: which edge node carries a cabinet, in which area, and whose lamps light which road."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from lampwell.assets import County, DeviceKind
from lampwell.lighting.assign import loop_id
from lampwell.readings import NodeId


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """``edge_of``, ``area_of``, ``road_of``: by cabinet. ``roads_of``, ``lamps_on``: by loop; lamps as the inventory has them.

    ``area_of_edge``, ``node_of``: by edge node, of those that have a cabinet.
    """

    edge_of: Mapping[str, str]
    area_of: Mapping[str, str]
    road_of: Mapping[str, str]
    roads_of: Mapping[str, frozenset[str]]
    lamps_on: Mapping[str, int]
    area_of_edge: Mapping[str, str]
    node_of: Mapping[str, NodeId]

    @property
    def edges(self) -> Sequence[str]:
        """Every edge node that has a cabinet, in the order of the county's files."""
        return tuple(self.node_of)

    @property
    def roads(self) -> frozenset[str]:
        """Every road that has a cabinet or a lamp of one."""
        return frozenset(self.road_of.values()).union(*self.roads_of.values())

    def cabinets(self, edge: str) -> tuple[str, ...]:
        """What an edge node carries."""
        return tuple(cabinet for cabinet, its in self.edge_of.items() if its == edge)

    def edges_of(self, cabinets: Iterable[str]) -> tuple[str, ...]:
        """The edge nodes of these cabinets, each once, in order."""
        wanted = {self.edge_of[cabinet] for cabinet in cabinets}
        return tuple(edge for edge in self.edges if edge in wanted)


def places_of(county: County) -> Places:
    """Of a county whose references were checked by its loader."""
    cabinets = [device for device in county.devices if device.kind is DeviceKind.CABINET]
    by_link = {link.id: link.edge for link in county.links}
    edge_of = {cabinet.id: by_link[cabinet.link] for cabinet in cabinets}
    roads: dict[str, set[str]] = defaultdict(set)
    lamps: dict[str, int] = defaultdict(int)
    for lamp in county.lamps:
        loop = loop_id(lamp.cabinet, lamp.loop)
        roads[loop].add(lamp.road)
        lamps[loop] += 1
    used = [edge for edge in county.edges if edge.id in edge_of.values()]
    return Places(
        edge_of=edge_of,
        area_of={cabinet.id: cabinet.area for cabinet in cabinets},
        road_of={cabinet.id: cabinet.road for cabinet in cabinets},
        roads_of={loop: frozenset(names) for loop, names in roads.items()},
        lamps_on=dict(lamps),
        area_of_edge={edge.id: edge.area for edge in used},
        node_of={edge.id: edge.node for edge in used},
    )
