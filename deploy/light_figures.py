"""Gather what the figures of lighting rest on: recorded history and control's database, a night at a time."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from collector.asking import Source
from control.lighting.figures import tally as tallies
from control.lighting.figures.faults import Faults
from control.lighting.figures.intact import Damage, Facility, intact_of_day
from control.lighting.figures.inventory import as_of, changed
from control.lighting.figures.lamps import NIGHTS, night_ratio, reference
from control.lighting.figures.lit_rate import Known, Loop, lit_of_day, shares_of_day
from control.lighting.figures.should import InForce
from control.lighting.figures.slots import WIDTH_MS, Grid, Readings, grid_of, held
from control.lighting.figures.tally import Tally
from deploy.light_figures_sky import ILLUMINANCE, Stored, sky
from lampwell.assets import County, DeviceKind
from lampwell.history.port import SeriesId
from lampwell.lighting.night import night_of, noon_ms
from lampwell.lighting.sun import Place

LOOK_BACK_MS = 3 * 3_600_000
"""Before a noon: the oldest value that is still believed then, of lamp nodes."""
OF_CABINET = ("p",)
OF_LOOP = ("commanded", "aux", "locked", "level", "p_a", "p_b", "p_c")
OF_LAMP = ("no_answer", "level", "power", "failed")
WEEK = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What is to be told, of [start, end): loops, and the roads whose lamps count."""

    county: County
    loops: Sequence[Loop]
    roads: frozenset[str]
    start: int
    end: int

    @property
    def zone(self) -> ZoneInfo:
        """County time."""
        return ZoneInfo(self.county.time_zone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lights:
    """By road, and by kind of facility; what was damaged, for how many quarter hours."""

    roads: Mapping[str, Tally]
    facilities: Mapping[Facility, Tally]
    damaged: Counter[Damage]


# -- lamps and facilities, night by night ----------------------------------------------------------------------------------------


async def lights(source: Source, asked: Asked, force: InForce, faults: Faults) -> Lights:
    """Lamps and facilities. A week before the period is read, too: what healthy loops take."""
    series = await series_of(source, asked.county, _points(asked.loops))
    sensors = await _sensors(source, asked.county, force)
    first, last = night_of(asked.start, asked.zone), night_of(asked.end - 1, asked.zone)
    past: dict[tuple[str, str], deque[float | None]] = defaultdict(lambda: deque(maxlen=NIGHTS))
    days: list[Lights] = []
    day = first - timedelta(WEEK)
    while day <= last:
        noon, until = noon_ms(day, asked.zone), noon_ms(day + timedelta(1), asked.zone)
        readings = await _read(source, series, grid_of(noon, until))
        for key in changed(asked.loops, day) & set(past):
            past[key].clear()
        loops = as_of(asked.loops, day)
        if day >= first:
            ratios = {key: reference(tuple(each)) for key, each in past.items()}
            by = replace(force, sky=await sky(source, sensors, force, noon, until))
            known = Known(readings=readings, force=by, faults=faults, ratios=ratios, slots=_part(asked, readings.grid))
            days.append(_of_day(asked, loops, known))
        shares = shares_of_day(loops, readings, faults)
        for key in {*past, *shares}:
            past[key].append(night_ratio(shares.get(key, ())))
        day += timedelta(1)
    return _together(days)


async def _sensors(source: Source, county: County, force: InForce) -> Stored:
    """The light sensors of every cabinet of these edge nodes, whichever loops are asked for: they vote together."""
    cabinets = {one.id: (ILLUMINANCE,) for one in county.devices if one.kind is DeviceKind.CABINET and one.id in force.edge}
    return {device: one for (device, _), one in (await series_of(source, county, cabinets)).items()}


def _part(asked: Asked, grid: Grid) -> range:
    """The slots of a night that begin in the period."""
    part = grid_of(max(asked.start, grid.start), min(asked.end, grid.start + grid.count * WIDTH_MS))
    begin = (part.start - grid.start) // WIDTH_MS
    return range(begin, begin + part.count)


def _of_day(asked: Asked, loops: Sequence[Loop], known: Known) -> Lights:
    roads = {road: one for road, one in lit_of_day(loops, known).items() if road in asked.roads}
    intact = intact_of_day(loops, known)
    return Lights(roads=roads, facilities=intact.kinds, damaged=intact.damaged)


def _together(days: Sequence[Lights]) -> Lights:
    roads = {road for one in days for road in one.roads}
    return Lights(
        roads={road: tallies.total(one.roads[road] for one in days if road in one.roads) for road in roads},
        facilities={kind: tallies.total(one.facilities[kind] for one in days if kind in one.facilities) for kind in Facility},
        damaged=sum((one.damaged for one in days), Counter()),
    )


async def _read(source: Source, series: Mapping[tuple[str, str], tuple[SeriesId, float]], grid: Grid) -> Readings:
    """The points on a grid; one that is not stored is not known."""
    end = grid.start + grid.count * WIDTH_MS
    found = await source.buckets([one for one, _ in series.values()], grid.start - LOOK_BACK_MS, end, WIDTH_MS)
    values = {key: held(one, grid, beat) for (key, (_, beat)), one in zip(series.items(), found, strict=True)}
    return Readings(grid=grid, values=values)


def _points(loops: Sequence[Loop]) -> dict[str, set[str]]:
    """Device -> the paths that tell of these loops."""
    found: dict[str, set[str]] = defaultdict(set)
    for loop in loops:
        found[loop.cabinet] |= {*OF_CABINET, *(f"{loop.component}/{name}" for name in OF_LOOP)}
        for one in (lamp for phase in loop.phases.values() for lamp in phase if lamp.component):
            found[one.concentrator] |= {f"{one.component}/{name}" for name in OF_LAMP}
    return found


async def series_of(
    source: Source, county: County, wanted: Mapping[str, Iterable[str]]
) -> dict[tuple[str, str], tuple[SeriesId, float]]:
    """The stored series of these points, with their heartbeats. Of two edge nodes the one that carries the device now."""
    devices = {device.id: device for device in county.devices}
    nodes = {link.id: edge.node for link in county.links for edge in county.edges if edge.id == link.edge}
    beats = {name: {point.path: point.deadband.heartbeat_s for point in devices[name].profile.points} for name in wanted}
    found: dict[tuple[str, str], tuple[SeriesId, float]] = {}
    for info in await source.series("*"):
        one = info.id
        device = devices.get(one.device)
        if device is None or one.point not in wanted.get(one.device, ()):
            continue
        if (one.device, one.point) not in found or one.node == nodes[device.link]:
            found[one.device, one.point] = one, beats[device.id].get(one.point, 300.0)
    return found


def places(county: County) -> dict[str, Place]:
    """Where each device is; the county's middle where nobody says."""
    home = Place(county.latitude, county.longitude)
    return {
        one.id: home if one.latitude is None or one.longitude is None else Place(one.latitude, one.longitude)
        for one in county.devices
    }


def chosen(county: County, loops: Sequence[Loop], area: str, road: str) -> tuple[list[Loop], frozenset[str]]:
    """The loops that light the roads asked for, and those roads; "" = all."""
    roads = frozenset(one.id for one in county.roads if (not area or one.area == area) and (not road or one.id == road))
    found = [loop for loop in loops if any(one.lamp.road in roads for phase in loop.phases.values() for one in phase)]
    return found, roads
