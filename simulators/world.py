"""Building the physical county from its files: every device gets a plant, every plant its place and its faults."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

from lampwell.assets import County, Device, DeviceKind
from lampwell.errors import ConfigError, Problem
from simulators.cabinet import Cabinet
from simulators.faults import Fault, FaultText, Setter, fault_of, table
from simulators.gauges import LevelGauge, RainGauge, River
from simulators.hydraulics import Hydraulics
from simulators.inp import read_inp
from simulators.meters import Concentrator, Meter
from simulators.network import Network, Node
from simulators.physics import STEP_MS, Moved, PhysicalWorld, Place
from simulators.sites import Sites, sites_of, tagged
from simulators.station import Motor, Station
from simulators.station_plc import Settings
from simulators.weather import Preset, Sky, exposures, presets, read_rain_csv

log = logging.getLogger(__name__)

RADAR_SPAN = 7.0
NORMAL_STAGE = 57.9
"""Elevation of the river in dry weather, where the network says nothing."""
DEFAULT_NETWORK = "taihe.inp"
LAMPS = frozenset({DeviceKind.CABINET, DeviceKind.CONCENTRATOR, DeviceKind.METER})
IDEAL_FLOW = 0.3
"""m3/s a pump without a curve is taken for when its motor is rated."""


async def build(
    county: County,
    clock_start_ms: int,
    *,
    seed: int = 1,
    inp: Path | None = None,
    rain_csv: Path | None = None,
    preset: str = "",
) -> PhysicalWorld:
    """The county's field at that time (epoch ms), running.

    ``inp`` is a SWMM network instead of the county's own (``network.inp`` in its folder, else the demo's); ``rain_csv`` is
    recorded rain that begins at once; ``preset`` names the storm formula (default: the county's, else the demo's). Raises
    ConfigError.
    """
    network = read_inp(inp or _network_of(county))
    sites = sites_of(county.devices, network, _said(county) | tagged(network))
    if sites.unplaced:
        log.warning("%s has no node for, and so no level at: %s", network.path.name, ", ".join(sites.unplaced))
    sky = Sky(county.latitude, county.longitude)
    if rain_csv is not None:
        sky.begin(clock_start_ms, read_rain_csv(rain_csv))
    local = datetime.fromtimestamp(clock_start_ms / 1000, ZoneInfo(county.time_zone))
    stations = [d.id for d in county.devices if d.kind is DeviceKind.STATION and d.id in sites.nodes]
    driven = {pump.id for key in stations for pump in network.stations.get(sites.nodes[key].id, ())}
    hydraulics = Hydraulics(network, local.replace(tzinfo=None), driven)
    river = River(min(network.fixed_stages.values(), default=NORMAL_STAGE))
    world = PhysicalWorld(county, sky, _preset(preset, county), hydraulics, river, clock_start_ms)
    _Builder(world, sites, network, seed, local.utcoffset() or timedelta()).furnish()
    await hydraulics.start()
    return world


def build_lamps(county: County, clock_start_ms: int, *, seed: int = 1, step_ms: int = STEP_MS) -> PhysicalWorld:
    """The county's lamps under its weather, without its water and so without a process of its own: cabinets and what hangs on
    them, as in ``build``. ``step_ms``: the longest step. ConfigError for a county that has any other device.
    """
    if wet := [device.id for device in county.devices if device.kind not in LAMPS]:
        raise ConfigError([Problem("devices", ", ".join(wet), "is no device of the lamps")])
    sky = Sky(county.latitude, county.longitude)
    world = PhysicalWorld(county, sky, _preset("", county), None, River(NORMAL_STAGE), clock_start_ms, step_ms)
    local = datetime.fromtimestamp(clock_start_ms / 1000, ZoneInfo(county.time_zone))
    _Builder(world, Sites(nodes={}, unplaced=()), _DRY, seed, local.utcoffset() or timedelta()).furnish()
    return world


_DRY = Network(
    path=Path(),
    flow_units="CMS",
    sections={},
    nodes={},
    conduits={},
    pumps={},
    gages=(),
    has_subcatchments=False,
    fixed_stages={},
    tags={},
)


def _network_of(county: County) -> Path:
    own = county.folder / "network.inp"
    shipped = Path(str(files("simulators") / "networks"))
    named = shipped / f"{county.id}.inp"
    return next((path for path in (own, named) if path.is_file()), shipped / DEFAULT_NETWORK)


def _said(county: County) -> dict[str, str]:
    """Node by device id as the county's own network says: a county made from a network is served with the original as well."""
    own = county.folder / "network.inp"
    return tagged(read_inp(own)) if own.is_file() else {}


def _preset(name: str, county: County) -> Preset:
    known = presets()
    if name and name not in known:
        raise ConfigError([Problem("storm preset", name, f"there is none of that name; there are {', '.join(known)}")])
    return known.get(name or county.id) or known["taihe"]


class _Builder:
    """Puts devices into a world. Each part has its own seeded randomness: one device more changes nothing for the others."""

    def __init__(self, world: PhysicalWorld, sites: Sites, network: Network, seed: int, offset: timedelta) -> None:
        self.world, self.sites, self.network, self.seed, self.offset = world, sites, network, seed, offset
        self.county, self.now = world.county, world.now

    def furnish(self) -> None:
        """All devices, cabinets first because others hang on them; then the rain they get and the faults they can have."""
        makers: dict[DeviceKind, Callable[[Device], Moved]] = {
            DeviceKind.CABINET: self._cabinet,
            DeviceKind.STATION: self._station,
            DeviceKind.WELL: self._gauge,
            DeviceKind.PONDING: self._gauge,
            DeviceKind.RIVER: self._river,
            DeviceKind.RAIN: lambda d: RainGauge(d, self.offset, self.now),
            DeviceKind.CONCENTRATOR: self._concentrator,
            DeviceKind.METER: lambda d: Meter(d, self._cabinet_near(d)),
        }
        for device in sorted(self.county.devices, key=lambda d: d.kind is not DeviceKind.CABINET):
            self.world.devices[device.id] = makers[device.kind](device)
        self._expose()
        air = self.world.air(self.now, 0.0)
        for moved in self.world.devices.values():
            if isinstance(moved, Cabinet):
                moved.settle(self.now, air)
        self.world.table = table(self._faults())

    def _rng(self, name: str) -> random.Random:
        return random.Random(f"{self.seed}/{name}")

    def _expose(self) -> None:
        """How the storm reaches each rain gauge and station: by its place, a little stronger here and weaker there."""
        kinds = (DeviceKind.RAIN, DeviceKind.STATION)
        places = {
            d.id: (d.latitude, d.longitude)
            for d in self.county.devices
            if d.kind in kinds and d.latitude is not None and d.longitude is not None
        }
        scales = {key: min(1.25, max(0.8, self._rng(f"rain/{key}").gauss(1.0, 0.07))) for key in places}
        self.world.exposures = exposures(places, scales)

    def _cabinet(self, device: Device) -> Cabinet:
        lamps = [lamp for lamp in self.county.lamps if lamp.cabinet == device.id]
        place = (self.county.latitude, self.county.longitude)
        return Cabinet(device, lamps, place, self.now, self._rng)

    def _cabinet_near(self, device: Device) -> Cabinet:
        """The cabinet a meter hangs on: on its link, else at its place, else the first."""
        cabinets = [d for d in self.county.devices if d.kind is DeviceKind.CABINET]
        if not cabinets:
            raise ConfigError([Problem("devices", device.id, "the county has no cabinet for it to hang on")])
        near = min(
            cabinets, key=lambda d: (d.link != device.link, (d.latitude, d.longitude) != (device.latitude, device.longitude))
        )
        found = self.world.devices[near.id]
        assert isinstance(found, Cabinet)
        return found

    def _concentrator(self, device: Device) -> Concentrator:
        cabinet = self.world.devices.get(str(device.parameters.get("cabinet", "")))
        if not isinstance(cabinet, Cabinet):
            cabinet = self._cabinet_near(device)
        lamps = tuple(lamp for lamp in self.county.lamps if lamp.cabinet == cabinet.id)
        count = int(device.parameters.get("lamps", len(lamps)))
        if len(lamps) < count:
            raise ConfigError([Problem("devices", device.id, f"lamps = {count}, but {cabinet.id} has {len(lamps)}")])
        return Concentrator(device, cabinet, lamps[:count], self.offset, self.now)

    def _gauge(self, device: Device) -> LevelGauge:
        node = self.sites.nodes.get(device.id)
        street = device.kind is DeviceKind.PONDING
        self.world.places[device.id] = Place(node=node, street=street)
        mount = float(device.parameters.get("mount_m", 3.5 if street or node is None else max(0.5, node.depth)))
        span = float(device.parameters.get("range_m", max(RADAR_SPAN, mount + 1)))
        return LevelGauge(device, mount, span, self.now, self._rng(device.id))

    def _river(self, device: Device) -> LevelGauge:
        zero = device.datum.get("invert", self.world.river.dry - 5)
        self.world.places[device.id] = Place(river_zero=zero)
        span = float(device.parameters.get("range_m", 20.0))
        return LevelGauge(device, span, span + 1, self.now, self._rng(device.id))

    def _station(self, device: Device) -> Station:
        node = self.sites.nodes.get(device.id)
        inlets = tuple(c.id for c in self.network.conduits.values() if node and c.outlet == node.id)
        self.world.places[device.id] = Place(node=node, inlets=inlets)
        count = sum(1 for p in device.profile.points if p.path.startswith("pump") and p.path.endswith("/run"))
        depth = max(1.0, node.depth if node else float(device.parameters.get("depth_m", 6.0)))
        pumps = self.network.stations.get(node.id, ()) if node else ()
        shares = [pumps[k::count] for k in range(count)]  # more pumps than the profile has: they start together
        motors = [Motor(flow=sum(p.flow for p in share) or IDEAL_FLOW, head=self._head(node)) for share in shares]
        settings = _settings([(p.start, p.stop) for p in pumps], count, depth)
        links = [[p.id for p in share] for share in shares]
        return Station(device, links, motors, settings, depth, self.offset, self._rng)

    def _head(self, node: Node | None) -> float:
        """A pump's rated lift: from a third of the well to the river, at least 3 m."""
        return max(3.0, self.world.river.dry - node.invert - 0.3 * node.depth) if node else 5.0

    def _faults(self) -> Iterator[Fault]:
        for moved in self.world.devices.values():
            yield from moved.faults()
        text = FaultText("pipe-blocked", "下游管道堵塞", "the pipe that leaves it is blocked, value = share of its capacity lost")
        for key, place in self.world.places.items():
            pipe = self.network.downstream(place.node.id) if place.node else None
            if pipe is not None:
                yield fault_of(key, text, self._block(pipe.id))

    def _block(self, pipe: str) -> Setter:
        def change(on: bool, value: float | None) -> None:
            lost = 0.9 if value is None else value
            if not 0 < lost <= 1:
                raise ValueError(f"value {lost:g}: must be a share above 0, at most 1")
            self.world.free[pipe] = 1 - lost if on else 1.0

        return change


def _settings(own: list[tuple[float, float]], count: int, depth: float) -> Settings:
    """Start and stop levels: the file's own where it has them for every pump, else shares of the well's depth."""
    pairs = own[:count] if len(own) >= count and all(start > stop >= 0 for start, stop in own[:count]) else []
    if not pairs:
        pairs = [(round(depth * (0.19 + 0.065 * k), 2), round(depth * (0.08 + 0.05 * k), 2)) for k in range(count)]
    pairs.sort()
    return Settings(
        start_levels=[start for start, _ in pairs],
        stop_levels=[stop for _, stop in pairs],
        high_alarm=round(max(0.72 * depth, pairs[-1][0] + 0.1), 2),
        low_cutout=round(min(0.05 * depth, pairs[0][1] * 0.8), 2),
    )
