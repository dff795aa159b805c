"""Rows held against each other: references, duplicates, places. Each function tells what it finds and changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from lampwell.assets import Transport
from lampwell.county.files import DeviceFile, LinkFile
from lampwell.county.read import Row, Rows
from lampwell.errors import Problem

Named = tuple[str, Callable[[str, str], Problem]]
"""An id and the way to complain about a key of its row."""


def check_rows(rows: Rows) -> Iterator[Problem]:
    """Everything in which rows contradict each other."""
    yield from _duplicates("area", [(row.model.id, row.problem) for row in rows.areas])
    yield from _duplicates("road", [(row.model.id, row.problem) for row in rows.roads])
    yield from _duplicates("edge", [(row.model.id, row.problem) for row in rows.edges])
    yield from _duplicates("link", [(row.model.id, row.problem) for row in rows.links])
    yield from _duplicates("device", [(row.model.id, row.problem) for row in rows.devices])
    yield from _duplicates("lamp", [(row.model.id, row.problem) for row in rows.lamps])
    yield from _references(rows)
    yield from _endpoints(rows.links)
    yield from _units(rows.devices)
    yield from _device_areas(rows)


def _duplicates(what: str, named: Sequence[Named]) -> Iterator[Problem]:
    """Ids that are there twice, or that differ only in case (Sparkplug advises against it, file systems may not keep both)."""
    seen: dict[str, str] = {}
    for name, problem in named:
        other = seen.get(name.lower())
        if other == name:
            yield problem(f"{what} {name!r} is there twice", "id")
        elif other:
            yield problem(f"{what} {name!r} differs from {other!r} only in case", "id")
        seen.setdefault(name.lower(), name)


def _references(rows: Rows) -> Iterator[Problem]:
    for road in rows.roads:
        yield from _known(rows, "area", road.model.area, road.problem, "area")
    for edge in rows.edges:
        yield from _known(rows, "area", edge.model.area, edge.problem, "area")
    for link in rows.links:
        yield from _known(rows, "edge", link.model.edge, link.problem, "edge")
    for device in rows.devices:
        yield from _known(rows, "link", device.model.link, device.problem, "link")
        if device.model.area:
            yield from _known(rows, "area", device.model.area, device.problem, "area")
        if device.model.road:
            yield from _known(rows, "road", device.model.road, device.problem, "road")
    for lamp in rows.lamps:
        yield from _known(rows, "road", lamp.model.road, lamp.problem, "road")


def _known(rows: Rows, what: str, name: str, problem: Callable[[str, str], Problem], key: str) -> Iterator[Problem]:
    if what in rows.ids and name not in rows.ids[what]:
        yield problem(f"there is no {what} {name!r}", key)


def _endpoints(links: Sequence[Row[LinkFile]]) -> Iterator[Problem]:
    """One connection has one owner; units behind one address belong on one link."""
    seen: dict[object, str] = {}
    for row in links:
        link = row.model
        where = link.path if link.transport is Transport.RTU else f"{link.host.lower()}:{link.port}"
        if (other := seen.setdefault(where, link.id)) != link.id:
            yield row.problem(f"link {link.id!r} goes to {where} like link {other!r}; put their units on one link")


def _units(devices: Sequence[Row[DeviceFile]]) -> Iterator[Problem]:
    seen: dict[tuple[str, int], str] = {}
    for row in devices:
        device = row.model
        if (other := seen.setdefault((device.link, device.unit), device.id)) != device.id:
            yield row.problem(f"unit {device.unit} on link {device.link!r} is {other!r} already", "unit")


def _device_areas(rows: Rows) -> Iterator[Problem]:
    """A device belongs to the area whose edge node polls it: that is its Sparkplug group."""
    area_of_edge = {row.model.id: row.model.area for row in rows.edges}
    edge_of_link = {row.model.id: row.model.edge for row in rows.links}
    for row in rows.devices:
        edge = edge_of_link.get(row.model.link, "")
        area = area_of_edge.get(edge)
        if area and row.model.area and row.model.area != area:
            yield row.problem(f"must be {area!r}, the area of edge {edge!r} that polls link {row.model.link!r}", "area")
