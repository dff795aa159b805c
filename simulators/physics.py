"""The physical county over time: weather, water, electricity and devices, one step after another."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from lampwell.assets import County
from simulators.cabinet import Air, Cabinet
from simulators.faults import Table, set_fault
from simulators.gauges import LevelGauge, RainGauge, River
from simulators.hydraulics import Forcing, Hydraulics
from simulators.meters import Concentrator, Meter
from simulators.network import Node
from simulators.port import FaultInfo, Plant
from simulators.station import Station
from simulators.weather import DesignStorm, Exposure, Preset, Sky, air_temperature, daylight_lux

STEP_MS = 5000
"""Longest step; a longer advance is cut into such."""
SUN_MS = 30_000
DRY_MS = 3_600_000
"""Cable joints dry out in about so long after rain."""
Moved = Cabinet | Station | LevelGauge | RainGauge | Concentrator | Meter


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a device meets water: at a node (``street``: over its ground, not its floor), or at the river over ``river_zero``.
    ``inlets`` are the pipes into the node.
    """

    node: Node | None = None
    street: bool = False
    river_zero: float | None = None
    inlets: tuple[str, ...] = ()


class PhysicalWorld:
    """A county's field. Built by ``build``; see ``simulators.port.World`` for the contract. Without ``hydraulics`` (see
    ``build_lamps``) nothing in it stands at water.
    """

    def __init__(
        self,
        county: County,
        sky: Sky,
        preset: Preset,
        hydraulics: Hydraulics | None,
        river: River,
        now: int,
        step_ms: int = STEP_MS,
    ) -> None:
        self.county = county
        self.sky = sky
        self.preset = preset
        self.hydraulics = hydraulics
        self.now = now
        self.step_ms = step_ms
        self.zone = ZoneInfo(county.time_zone)
        self.devices: dict[str, Moved] = {}
        self.places: dict[str, Place] = {}
        self.exposures: dict[str, Exposure] = {}
        self.river = river
        self.table: Table = {}
        self.free: dict[str, float] = {}
        self._sun_at = now - SUN_MS
        self._sun = 0.0
        self._wet = 0.0
        self._water_ms = now

    # -- the contract --------------------------------------------------------------------------------------------------

    @property
    def plants(self) -> Mapping[str, Plant]:
        """By device id."""
        return self.devices

    async def advance(self, now: int) -> None:
        """Bring everything to this time; backwards is refused with ValueError."""
        if now < self.now:
            raise ValueError(f"the world is at {self.now} ms and can not go back to {now}")
        while self.now < now:
            await self._step(min(now, self.now + self.step_ms))

    def faults(self) -> tuple[FaultInfo, ...]:
        """Every field and sensor fault that can be set."""
        return tuple(fault.info for fault in self.table.values())

    def fault(self, target: str, name: str, *, on: bool = True, value: float | None = None) -> None:
        """Set or clear a fault; FaultRefused if it does not exist."""
        set_fault(self.table, target, name, on=on, value=value)

    def storm(self, return_period: float, minutes: float | None = None) -> None:
        """A design storm by the county's formula begins now. Raises ValueError where the formula has no rain for it."""
        length = self.preset.minutes if minutes is None else minutes
        if not 5 <= length <= 2880:
            raise ValueError(f"a storm of {length:g} minutes: must be 5 to 2880")
        self.preset.formula.scale(return_period)
        storm = DesignStorm(formula=self.preset.formula, return_period=return_period, minutes=length, peak=self.preset.peak)
        self.sky.begin(self.now, storm)

    def truth(self) -> Mapping[str, float]:
        """Ground truth by ``device/point``."""
        found: dict[str, float] = {"county/river_stage": self.river.stage}
        if self.hydraulics is not None:
            found["county/restarts"] = float(self.hydraulics.restarts)
        for key, device in self.devices.items():
            if (level := self._level(key)) is not None:
                found[f"{key}/level"] = level
            if isinstance(device, Cabinet):
                found[f"{key}/lamps_lit"] = float(device.lit)
                found[f"{key}/power"] = sum(device.meter.watts)
            elif isinstance(device, RainGauge):
                found[f"{key}/rain"] = self.sky.fallen(0, self.now, self._exposure(key))
            elif isinstance(device, Station):
                found[f"{key}/flow"] = device.site.flow
                found[f"{key}/pumps_running"] = float(sum(p.run for p in device.plc.pumps))
        return found

    async def close(self) -> None:
        """End the hydraulics process."""
        if self.hydraulics is not None:
            await self.hydraulics.close()

    def unknown_paths(self) -> Mapping[str, tuple[str, ...]]:
        """Points of each device's profile that its plant says nothing about: none for a county whose profiles are all known."""
        found = {}
        for device in self.county.devices:
            said = self.devices[device.id].values
            if missing := tuple(p.path for p in device.profile.points if p.path not in said):
                found[device.id] = missing
        return found

    # -- one step ------------------------------------------------------------------------------------------------------

    async def _step(self, until: int) -> None:
        since, seconds = self.now, (until - self.now) / 1000
        mean_rate = self.sky.fallen(since, until, Exposure()) / seconds * 3600
        if self.hydraulics is not None:
            await self._move_water(self.hydraulics, until, mean_rate)
        air = self.air(until, mean_rate)
        self.now = until
        for key, device in self.devices.items():
            self._move(key, device, since, seconds, air)

    async def _move_water(self, hydraulics: Hydraulics, until: int, mean_rate: float) -> None:
        """Whole seconds only; what is left over waits for the next step."""
        whole = (until - self._water_ms) // 1000
        if whole < 1:
            return
        since, self._water_ms = self._water_ms, self._water_ms + whole * 1000
        self.river.advance(whole, self.sky.fallen(since, self._water_ms, Exposure()))
        forcing = Forcing(rain=mean_rate, free=dict(self.free))
        for gage in hydraulics.network.gages:
            forcing.gages[gage] = self.sky.fallen(since, self._water_ms, self._exposure(gage)) / whole * 3600
        for outfall, stage in hydraulics.network.fixed_stages.items():
            forcing.stages[outfall] = stage + self.river.rise
        for key, device in self.devices.items():
            if isinstance(device, Station):
                forcing.pumps |= device.settings_for_pumps()
                forcing.free |= dict.fromkeys(self.places[key].inlets, device.site.gate / 100)
        await hydraulics.step(whole, forcing)

    def _exposure(self, place: str) -> Exposure:
        return self.exposures.get(place, Exposure())

    def air(self, now: int, rain: float) -> Air:
        """The weather over the county at this time, with this much rain (mm/h)."""
        if now - self._sun_at >= SUN_MS:
            self._sun, self._sun_at = self.sky.sun(now), now
        self._wet = min(1.0, max(self._wet * math.exp((self.now - now) / DRY_MS), rain / 5))
        local = datetime.fromtimestamp(now / 1000, self.zone)
        return Air(
            hour=local.hour + local.minute / 60 + local.second / 3600,
            celsius=air_temperature(now, self.county.longitude, rain),
            lux=daylight_lux(self._sun, rain),
            rain=rain,
            wet=self._wet,
        )

    def _move(self, key: str, device: Moved, since: int, seconds: float, air: Air) -> None:
        match device:
            case Cabinet():
                device.advance(seconds, self.now, air)
            case Station():
                mm = self.sky.fallen(since, self.now, self._exposure(key))
                water = self.hydraulics.water if self.hydraulics else None
                device.site.river = self._outfall(key)
                device.advance(seconds, self.now, air, self._level(key), water.flow if water else {}, mm)
            case LevelGauge():
                device.advance(self.now, self._level(key))
            case RainGauge():
                device.advance(seconds, self.now, self.sky.fallen(since, self.now, self._exposure(key)))
            case Concentrator():
                device.advance(self.now)
            case Meter():
                device.advance(seconds)

    def _outfall(self, key: str) -> float | None:
        node = self.places[key].node
        return None if node is None else self.river.stage - node.invert

    def _level(self, key: str) -> float | None:
        """The true level over the device's datum, metres; None while the hydraulics are down, or where it stands at no water."""
        place = self.places.get(key)
        if place is None:
            return None
        if place.river_zero is not None:
            return self.river.stage - place.river_zero
        water = self.hydraulics.water if self.hydraulics else None
        if water is None or place.node is None:
            return None
        depth = water.depth[place.node.id]
        return max(0.0, depth - place.node.depth) if place.street else depth
