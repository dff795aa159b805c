"""Where the targets of a plan are in the field: which registers of which device switch, dim and read back each loop and lamp."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from gateway.lighting.reconcile import LampSpec, LoopSpec
from gateway.lighting.seen import LampSeen, LoopSeen
from lampwell.assets import County, Device, DeviceKind, Lamp, lamp_nodes
from lampwell.lighting import Plan
from lampwell.points import Value
from lampwell.profiles.model import Register
from lampwell.supply import DEAD_V

NOMINAL_V = 220.0
_LOOP_READS = ("aux", "i_a", "i_b", "i_c", "level", "commanded", "local_override", "leak_trip", "locked")
_CABINET_READS = ("mode", "remote", "u_a", "u_b", "u_c")


class Readings(Protocol):
    """What is known of devices: see ``gateway.field.Field``."""

    def heard(self, device: str) -> float: ...

    def value(self, device: str, position: int) -> Value | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopPlace:
    """``reads``: columns of ``_LOOP_READS`` in its device's layout, None where the profile has no such point."""

    spec: LoopSpec
    command: Register | None
    set_level: Register | None
    reads: tuple[int | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LampPlace:
    """``level``: the column that reads it back."""

    spec: LampSpec
    set_level: Register
    level: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CabinetPlace:
    """A cabinet with its loops, or a concentrator with its lamps. ``columns``: of every point by path."""

    device: Device
    columns: Mapping[str, int]
    loops: tuple[LoopPlace, ...] = ()
    lamps: tuple[LampPlace, ...] = ()

    def register(self, path: str) -> Register | None:
        """A point that may be written; None where the profile has none of that name."""
        position = self.columns.get(path)
        found = None if position is None else self.device.profile.registers[position]
        return found if found is not None and found.write is not None else None


@dataclass(slots=True)
class Places:
    """All of one edge node's. ``homeless``: targets of the plan that no device here has."""

    devices: tuple[CabinetPlace, ...]
    homeless: tuple[str, ...]
    _loops: dict[str, tuple[float, dict[str, LoopSeen]]] = field(default_factory=dict)
    _lamps: dict[str, tuple[float, dict[str, LampSeen]]] = field(default_factory=dict)

    @property
    def loop_specs(self) -> tuple[LoopSpec, ...]:
        """In the order of the devices."""
        return tuple(loop.spec for place in self.devices for loop in place.loops)

    @property
    def lamp_specs(self) -> tuple[LampSpec, ...]:
        """Of the lamps whose loop is here as well."""
        return tuple(lamp.spec for place in self.devices for lamp in place.lamps)

    def look(self, readings: Readings) -> tuple[dict[str, LoopSeen], dict[str, LampSeen]]:
        """Everything as last read; a device that has not spoken since the last look is not asked again."""
        loops: dict[str, LoopSeen] = {}
        lamps: dict[str, LampSeen] = {}
        for place in self.devices:
            heard = readings.heard(place.device.id)
            if place.loops:
                if self._loops.get(place.device.id, (None,))[0] != heard:
                    self._loops[place.device.id] = heard, dict(_loops_seen(place, readings, heard))
                loops |= self._loops[place.device.id][1]
            if place.lamps:
                if self._lamps.get(place.device.id, (None,))[0] != heard:
                    self._lamps[place.device.id] = heard, _lamps_seen(place, readings, heard)
                lamps |= self._lamps[place.device.id][1]
        return loops, lamps


def find_places(county: County, edge: str, plan: Plan) -> Places:
    """The places of a plan's targets among the devices of an edge node."""
    wanted = {one.id: one for one in plan.targets}
    links = {link.id for link in county.links if link.edge == edge}
    own = [device for device in county.devices if device.link in links]
    watts = _rated(county.lamps)
    cabinets = [_cabinet(device, wanted, watts) for device in own if device.kind is DeviceKind.CABINET]
    loops = {loop.spec.id for place in cabinets for loop in place.loops}
    served = lamp_nodes(county)
    concentrators = [
        _concentrator(device, served[device.id], {key: one.loop for key, one in wanted.items() if one.loop in loops})
        for device in own
        if device.kind is DeviceKind.CONCENTRATOR
    ]
    devices = tuple(place for place in (*cabinets, *concentrators) if place.loops or place.lamps)
    found = loops | {lamp.spec.id for place in devices for lamp in place.lamps}
    return Places(devices, tuple(one for one in wanted if one not in found))


def _rated(lamps: Iterable[Lamp]) -> Mapping[str, float]:
    """Amperes of the fullest phase at full level, by loop."""
    watts: dict[tuple[str, str], float] = {}
    for lamp in lamps:
        key = f"{lamp.cabinet}/loop{lamp.loop}", lamp.phase
        watts[key] = watts.get(key, 0.0) + lamp.watts
    rated: dict[str, float] = {}
    for (loop, _), total in watts.items():
        rated[loop] = max(rated.get(loop, 0.0), total / NOMINAL_V)
    return rated


def _cabinet(device: Device, wanted: Mapping[str, object], rated: Mapping[str, float]) -> CabinetPlace:
    place = CabinetPlace(device=device, columns={point.path: n for n, point in enumerate(device.profile.points)})
    components = dict.fromkeys(point.component for point in device.profile.points)
    loops = []
    for component in components:
        target = f"{device.id}/{component}"
        if target not in wanted:
            continue
        set_level = place.register(f"{component}/set_level")
        loops.append(
            LoopPlace(
                spec=LoopSpec(id=target, cabinet=device.id, rated_a=rated.get(target, 0.0), dims=set_level is not None),
                command=place.register(f"{component}/command"),
                set_level=set_level,
                reads=tuple(place.columns.get(f"{component}/{name}") for name in _LOOP_READS),
            )
        )
    return CabinetPlace(device=device, columns=place.columns, loops=tuple(loops))


def _concentrator(device: Device, lamps: Mapping[str, Lamp], loop_of: Mapping[str, str]) -> CabinetPlace:
    """``lamps``: by component."""
    place = CabinetPlace(device=device, columns={point.path: n for n, point in enumerate(device.profile.points)})
    found = []
    for component, lamp in lamps.items():
        set_level, level = place.register(f"{component}/set_level"), place.columns.get(f"{component}/level")
        if lamp.id in loop_of and set_level is not None and level is not None:
            found.append(LampPlace(spec=LampSpec(id=lamp.id, loop=loop_of[lamp.id]), set_level=set_level, level=level))
    return CabinetPlace(device=device, columns=place.columns, lamps=tuple(found))


# -- what is read there --------------------------------------------------------------------------------------------------------


def _loops_seen(place: CabinetPlace, readings: Readings, heard: float) -> Iterator[tuple[str, LoopSeen]]:
    device = place.device.id

    def read(position: int | None) -> Value | None:
        return None if position is None else readings.value(device, position)

    mode, remote, *volts = (read(place.columns.get(path)) for path in _CABINET_READS)
    live = [float(volt) > DEAD_V for volt in volts if isinstance(volt, int | float)]
    for loop in place.loops:
        aux, *amps, level, commanded, override, trip, locked = (read(position) for position in loop.reads)
        phases = sum(position is not None for position in loop.reads[1:4])
        known = [float(one) for one in amps if isinstance(one, int | float)]
        yield (
            loop.spec.id,
            LoopSeen(
                heard=heard,
                aux=_flag(aux),
                amps=max(known) if known and len(known) == phases else None,
                level=round(level) if isinstance(level, int | float) else None,
                commanded=_flag(commanded),
                mode=_mode(place, mode),
                local=remote is False or override is True,
                supplied=any(live) if live else None,
                tripped=trip is True or locked is True,
            ),
        )


def _lamps_seen(place: CabinetPlace, readings: Readings, heard: float) -> dict[str, LampSeen]:
    device = place.device.id
    found = {}
    for lamp in place.lamps:
        level = readings.value(device, lamp.level)
        found[lamp.spec.id] = LampSeen(heard, round(level) if isinstance(level, int | float) else None)
    return found


def _flag(value: Value | None) -> bool | None:
    return value if isinstance(value, bool) else None


def _mode(place: CabinetPlace, value: Value | None) -> int | None:
    """A device without such a register is always ours."""
    if "mode" not in place.columns:
        return 2
    return int(value) if isinstance(value, int | float) else None
