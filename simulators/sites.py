"""Which place of a drainage network a device stands at.

The network may say so itself: a node whose tag ([TAGS], as drawn in SWMM) is a device id, or several with commas. Otherwise
names and order decide.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lampwell.assets import Device, DeviceKind
from simulators.network import Network, Node

WELLS = 40
"""Most well sensors put into a network that names none."""
ON_NODES = (DeviceKind.STATION, DeviceKind.WELL, DeviceKind.PONDING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sites:
    """Node by device id. ``unplaced`` devices have no water: the network is too small for them."""

    nodes: Mapping[str, Node]
    unplaced: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidates:
    """Nodes that devices can be put at, in the order in which they are given out."""

    stations: list[Node]
    wells: list[Node]
    pondings: list[Node]


def sites_of(devices: Sequence[Device], network: Network, said: Mapping[str, str]) -> Sites:
    """A device stands where ``said`` (node by device id, see ``tagged``) puts it, or at the node that bears its id. The others
    are given out in order: stations to wells with pumps, well sensors to junctions spread over the file, ponding sensors to the
    junctions least deep below ground.
    """
    devices = [d for d in devices if d.kind in ON_NODES]
    named = {d.id: said.get(d.id, d.id) for d in devices}
    nodes = {device: network.nodes[node] for device, node in named.items() if node in network.nodes}
    free = candidates(network, {n.id for n in nodes.values()})
    given = {DeviceKind.STATION: free.stations, DeviceKind.WELL: free.wells, DeviceKind.PONDING: free.pondings}
    for kind, places in given.items():
        waiting = [d.id for d in devices if d.kind is kind and d.id not in nodes]
        nodes.update(zip(waiting, places, strict=False))
    return Sites(nodes=nodes, unplaced=tuple(d.id for d in devices if d.id not in nodes))


def tagged(network: Network) -> dict[str, str]:
    """Node by device id, as the network's tags say."""
    return {device.strip(): node for node, tag in network.tags.items() for device in tag.split(",")}


def candidates(network: Network, taken: set[str]) -> Candidates:
    """The free places of a network. A pump's well is a station, whatever kind of node it is."""
    pumped = [network.nodes[well] for well in network.stations if well in network.nodes]
    junctions = [n for n in network.nodes.values() if n.kind == "junction" and n.depth > 0 and n.id not in network.stations]
    free = [n for n in junctions if n.id not in taken]
    return Candidates(
        stations=[n for n in pumped if n.id not in taken],
        wells=_spread(free, WELLS),
        pondings=sorted(free, key=lambda n: n.depth),
    )


def _spread(nodes: list[Node], most: int) -> list[Node]:
    """At most so many, evenly over the file."""
    if len(nodes) <= most:
        return nodes
    return [nodes[k * len(nodes) // most] for k in range(most)]
