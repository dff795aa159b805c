"""The places of a county at which an alarm can be, each with the places around it, nearest first.

A place's id stands behind the @ of an alarm's key: ``cabinet-01/loop3``, ``cabinet-01``, ``edge:e1/link/l1``, ``edge:e1``,
``county:taihe``. Around a component is its device, around that its link, its edge node, the county. Around a concentrator is also
the cabinet whose lamps it serves, and around such a lamp the loop that feeds it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from control.alarms.edge_points import edge_points
from control.alarms.model import Place, Text
from control.alarms.words import component_name, device_name, edge_name, inside
from lampwell.assets import County, Device, DeviceKind, EdgeNode, Lamp, Link, lamp_nodes
from lampwell.points import Point
from lampwell.readings import NodeId


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A place, with its id and the ids of the places around it."""

    id: str
    place: Place
    around: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A point (None: the whole device or edge node) and the spot an alarm on it is at. ``device`` "" = the edge node's own."""

    spot: Spot
    node: NodeId | None
    device: str = ""
    point: Point | None = None


class Places:
    """All places of a county. Points and places are made once each, however many rules look for them."""

    def __init__(self, county: County) -> None:
        self.county = county
        self.county_spot = Spot(id=f"county:{county.id}", place=Place(text=Text(zh=county.zh, en=county.en)))
        self.edges = {edge.id: edge for edge in county.edges}
        self.links = {link.id: link for link in county.links}
        self.devices = {device.id: device for device in county.devices}
        self._spots: dict[str, Spot] = {}
        self._matching: dict[tuple[int, str], tuple[Point, ...]] = {}
        self._own: dict[str, tuple[Point, ...]] = {}

    # -- points ----------------------------------------------------------------------------------------------------------

    def on_device(self, device: Device, pattern: str | None) -> Iterator[Found]:
        """The device itself, or those of its points that a path with * matches."""
        node = self.edges[self.links[device.link].edge].node
        if pattern is None:
            yield Found(spot=self.device(device), node=node, device=device.id)
            return
        for point in self.points(device, pattern):
            yield Found(spot=self.component(device, point.component), node=node, device=device.id, point=point)

    def on_edge(self, edge: EdgeNode, pattern: str | None) -> Iterator[Found]:
        """The edge node itself, or those of its health points that a path with * matches, each at the link or device it is of."""
        if pattern is None:
            yield Found(spot=self.edge(edge), node=edge.node)
            return
        matches = re.compile(_expression(pattern)).fullmatch
        for point in self.health(edge):
            if matches(point.path):
                yield Found(spot=self._health_spot(edge, point), node=edge.node, point=point)

    def points(self, device: Device, pattern: str) -> Sequence[Point]:
        """The points of a device that a path with * matches."""
        key = id(device.profile), pattern
        if key not in self._matching:
            matches = re.compile(_expression(pattern)).fullmatch
            self._matching[key] = tuple(point for point in device.profile.points if matches(point.path))
        return self._matching[key]

    def health(self, edge: EdgeNode) -> Sequence[Point]:
        """The health points of an edge node with the links and devices it has."""
        if edge.id not in self._own:
            links = [link.id for link in self.county.links if link.edge == edge.id]
            units = [device.id for device in self.county.devices if device.link in links]
            self._own[edge.id] = tuple(edge_points(links, units))
        return self._own[edge.id]

    # -- spots -----------------------------------------------------------------------------------------------------------

    def edge(self, edge: EdgeNode) -> Spot:
        """An edge node."""
        place = Place(area=edge.area, edge=edge.id, text=edge_name(edge))
        return self._kept(Spot(id=f"edge:{edge.id}", place=place, around=(self.county_spot.id,)))

    def link(self, link: Link) -> Spot:
        """A link of an edge node."""
        outer = self.edge(self.edges[link.edge])
        text = inside(outer.place.text, Text(zh=f"链路 {link.id}", en=f"link {link.id}"))
        place = replace(outer.place, link=link.id, text=text)
        return self._kept(Spot(id=f"{outer.id}/link/{link.id}", place=place, around=(outer.id, *outer.around)))

    def device(self, device: Device) -> Spot:
        """A device."""
        if (known := self._spots.get(device.id)) is not None:
            return known
        outer = self.link(self.links[device.link])
        edge = self.edges[outer.place.edge]
        place = Place(
            area=device.area or edge.area,
            edge=edge.id,
            link=device.link,
            device=device.id,
            road=device.road,
            kind=str(device.kind),
            text=device_name(device),
        )
        feeder = self._feeder(device)
        around = ((feeder.id,) if feeder else ()) + (outer.id, *outer.around)
        return self._kept(Spot(id=device.id, place=place, around=around))

    def component(self, device: Device, component: str) -> Spot:
        """A component of a device; "" is the device itself."""
        outer = self.device(device)
        if not component:
            return outer
        name = f"{device.id}/{component}"
        if (known := self._spots.get(name)) is not None:
            return known
        lamp = self._lamps.get(device.id, {}).get(component)
        place = replace(
            outer.place,
            component=component,
            road=lamp.road if lamp else outer.place.road,
            text=inside(outer.place.text, component_name(component, lamp)),
        )
        loop = (f"{lamp.cabinet}/loop{lamp.loop}",) if lamp else ()
        return self._kept(Spot(id=name, place=place, around=(*loop, outer.id, *outer.around)))

    def _health_spot(self, edge: EdgeNode, point: Point) -> Spot:
        group, _, name = point.component.partition("/")
        if group == "link" and name in self.links:
            return self.link(self.links[name])
        if group == "unit" and name in self.devices:
            return self.device(self.devices[name])
        return self.edge(edge)

    def _kept(self, spot: Spot) -> Spot:
        return self._spots.setdefault(spot.id, spot)

    def _feeder(self, device: Device) -> Device | None:
        """The cabinet whose lamps a concentrator serves."""
        if device.kind is not DeviceKind.CONCENTRATOR:
            return None
        return self.devices.get(str(device.parameters.get("cabinet", "")))

    @cached_property
    def _lamps(self) -> dict[str, dict[str, Lamp]]:
        return lamp_nodes(self.county)


def _expression(pattern: str) -> str:
    """A path with * for any component (or part of one) as a regular expression."""
    return "[^/]*".join(re.escape(part) for part in pattern.split("*"))
