"""Which loop and which lamp takes which calendar: ordered assignments, the first that fits a loop counts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from lampwell.assets import County, Device, DeviceKind, lamp_nodes
from lampwell.lighting.model import Plan, Target
from lampwell.lighting.sun import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """What is given to the loops that fit every selector (an empty one fits all), or to ``lamps`` by name."""

    calendar: str
    festivals: str = ""
    loop_map: str = ""
    groups: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    areas: tuple[str, ...] = ()
    roads: tuple[str, ...] = ()
    road_classes: tuple[str, ...] = ()
    cabinets: tuple[str, ...] = ()
    loops: tuple[int, ...] = ()
    lamps: tuple[str, ...] = ()


def loop_id(cabinet: str, number: int) -> str:
    """A loop as plans name it."""
    return f"{cabinet}/loop{number}"


def resolve(county: County, assignments: Sequence[Assignment]) -> tuple[Target, ...]:
    """Every loop of the county's cabinets, and the lamps that a concentrator can speak to, each with what it is given.

    A loop that nothing fits is a target without a calendar: its lamps are on by night.
    """
    cabinets = [device for device in county.devices if device.kind is DeviceKind.CABINET]
    classes = {road.id: road.road_class for road in county.roads}
    loops = [one for cabinet in cabinets for one in _loops(county, cabinet, assignments, classes)]
    return (*loops, *_lamps(county, {one.cabinet: one.place for one in loops}, assignments))


def _loops(county: County, cabinet: Device, assignments: Sequence[Assignment], classes: Mapping[str, str]) -> Iterator[Target]:
    place = Place(
        county.latitude if cabinet.latitude is None else cabinet.latitude,
        county.longitude if cabinet.longitude is None else cabinet.longitude,
    )
    for number in range(1, int(cabinet.parameters.get("loops", 0)) + 1):
        target = Target(
            id=loop_id(cabinet.id, number),
            zh=f"{cabinet.zh or cabinet.id} {number}号回路",
            en=f"{cabinet.en or cabinet.id}, loop {number}",
            cabinet=cabinet.id,
            place=place,
        )
        given = next((one for one in assignments if _fits(one, cabinet, number, classes)), None)
        yield target if given is None else _given(target, given, number)


def _fits(one: Assignment, cabinet: Device, number: int, classes: Mapping[str, str]) -> bool:
    return (
        not one.lamps
        and (not one.areas or cabinet.area in one.areas)
        and (not one.roads or cabinet.road in one.roads)
        and (not one.road_classes or classes.get(cabinet.road) in one.road_classes)
        and (not one.cabinets or cabinet.id in one.cabinets)
        and (not one.loops or number in one.loops)
    )


def _given(target: Target, one: Assignment, number: int) -> Target:
    """A loop that no group names takes the calendar without the map: all its lamps follow the program's level."""
    group = next((group for group, numbers in one.groups.items() if number in numbers), "")
    return replace(target, calendar=one.calendar, festivals=one.festivals, loop_map=one.loop_map if group else "", group=group)


def _lamps(county: County, places: Mapping[str, Place], assignments: Sequence[Assignment]) -> Iterator[Target]:
    own = {lamp: one for one in reversed(assignments) for lamp in one.lamps}
    for lamp in (each for lamps in lamp_nodes(county).values() for each in lamps.values()):
        given = own.get(lamp.id)
        yield Target(
            id=lamp.id,
            zh=f"灯杆 {lamp.pole}",
            en=f"pole {lamp.pole}",
            cabinet=lamp.cabinet,
            loop=loop_id(lamp.cabinet, lamp.loop),
            place=places[lamp.cabinet],
            calendar=given.calendar if given else "",
            festivals=given.festivals if given else "",
        )


def only_cabinets(plan: Plan, cabinets: Sequence[str]) -> Plan:
    """The part of a plan that one edge node carries out: its cabinets' targets and what those use."""
    targets = tuple(one for one in plan.targets if one.cabinet in cabinets)
    names = {one.calendar for one in targets} | {one.festivals for one in targets}
    calendars = tuple(one for one in plan.calendars if one.id in names)
    used = {rule.program for one in calendars for rule in one.rules} | {one.default for one in calendars}
    programs = tuple(one for one in plan.programs if one.id in used)
    return replace(
        plan,
        targets=targets,
        calendars=calendars,
        programs=programs,
        loop_maps=tuple(one for one in plan.loop_maps if one.id in {each.loop_map for each in targets}),
        lux=tuple(one for one in plan.lux if one.id in {each.lux for each in programs}),
    )
