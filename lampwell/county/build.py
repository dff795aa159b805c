"""Checked rows to assets: profiles filled in, modes and lamps held against what the profiles have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lampwell.assets import (
    Area,
    Broker,
    County,
    Device,
    DeviceKind,
    EdgeNode,
    HistorySettings,
    Intervals,
    Lamp,
    Levels,
    Link,
    ModeRule,
    Road,
)
from lampwell.config_words import either
from lampwell.county.files import CountyFile, DeviceFile
from lampwell.county.read import Row, Rows
from lampwell.errors import ConfigError, Problem
from lampwell.points import Kind
from lampwell.profiles.expansion import Source, expand
from lampwell.profiles.loader import read_profile
from lampwell.profiles.model import Profile
from lampwell.profiles.parameters import Parameters, resolve


@dataclass(slots=True)
class Profiles:
    """The profiles of one county: each file read once, each set of parameters expanded once."""

    folder: Path
    problems: list[Problem]
    _sources: dict[str, Source | None] = field(default_factory=dict)
    _made: dict[tuple[object, ...], Profile | None] = field(default_factory=dict)

    def source(self, row: Row[DeviceFile]) -> Source | None:
        """The profile file of a device; None where it was refused, which is told once, with the first device that names it."""
        name = row.model.profile
        if name not in self._sources:
            try:
                self._sources[name] = read_profile(name, self.folder)
            except ConfigError as error:
                self.problems.extend((*error.problems, row.problem(f"profile {name!r} was refused", "profile")))
                self._sources[name] = None
        return self._sources[name]

    def profile(self, name: str, source: Source, parameters: Parameters) -> Profile | None:
        """The profile for these parameters, None where it was refused (which is told once)."""
        key = (name, *parameters.items())
        if key not in self._made:
            try:
                self._made[key] = expand(source, parameters)
            except ConfigError as error:
                self.problems.extend(error.problems)
                self._made[key] = None
        return self._made[key]


def build_devices(rows: Rows, profiles: Profiles) -> list[Device]:
    """The devices that stand; what is wrong with the others is told in the problems of ``profiles``."""
    area_of_edge = {row.model.id: row.model.area for row in rows.edges}
    area_of_link = {row.model.id: area_of_edge.get(row.model.edge, "") for row in rows.links}
    made = [(row, _device(row, area_of_link.get(row.model.link, ""), profiles)) for row in rows.devices]
    devices = [device for _, device in made if device]
    profiles.problems.extend(_lamp_problems(rows, devices))
    profiles.problems.extend(_concentrator_problems(rows, made))
    return devices


def _device(row: Row[DeviceFile], area: str, profiles: Profiles) -> Device | None:
    file = row.model
    source = _source(row, profiles)
    if source is None:
        return None
    parameters, wrong = resolve(source.file.parameters, file.parameters)
    profiles.problems.extend(row.problem(reason, "parameters", name) for name, reason in wrong)
    profile = None if wrong else profiles.profile(file.profile, source, parameters)
    if profile is None:
        return None
    profiles.problems.extend(_mode_problems(row, profile))
    return Device(
        profile=profile,
        area=file.area or area,
        intervals=Intervals(**file.intervals.model_dump()),
        modes=tuple(ModeRule(point=point, watch=mode.watch, storm=mode.storm) for point, mode in file.modes.items()),
        levels=Levels(**file.levels.model_dump()) if file.levels else None,
        datum=file.datum.model_dump(exclude_none=True),
        parameters=parameters,
        **_plain(file, "id", "kind", "link", "unit", "road", "zh", "en", "latitude", "longitude"),
    )


def _source(row: Row[DeviceFile], profiles: Profiles) -> Source | None:
    source = profiles.source(row)
    if source is None:
        return None
    if row.model.kind not in source.file.kinds:
        wanted = either(source.file.kinds)
        profiles.problems.append(row.problem(f"profile {row.model.profile!r} is for {wanted}, not {row.model.kind}", "profile"))
        return None
    return source


def _mode_problems(row: Row[DeviceFile], profile: Profile) -> Iterator[Problem]:
    kinds = {point.path: point.kind for point in profile.points}
    for path in row.model.modes:
        if path not in kinds:
            yield row.problem(f"profile {profile.id!r} has no point {path!r}", "modes", path)
        elif kinds[path] not in (Kind.FLOAT, Kind.INT):
            yield row.problem(f"point {path!r} is no number", "modes", path)


def _lamp_problems(rows: Rows, devices: list[Device]) -> Iterator[Problem]:
    loops = {device.id: device.parameters.get("loops", 0) for device in devices if device.kind is DeviceKind.CABINET}
    known = rows.ids.get("device")
    refused = known - {device.id for device in devices} if known is not None else frozenset()
    for row in rows.lamps:
        lamp = row.model
        count = loops.get(lamp.cabinet)
        if count is None and known is not None and lamp.cabinet not in refused:
            yield row.problem(f"there is no cabinet {lamp.cabinet!r}", "cabinet")
        elif isinstance(count, int) and lamp.loop > count:
            yield row.problem(f"there is no loop {lamp.loop}: cabinet {lamp.cabinet!r} has {count}", "loop")


def _concentrator_problems(rows: Rows, made: list[tuple[Row[DeviceFile], Device | None]]) -> Iterator[Problem]:
    """Lamp n of a concentrator is the n-th lamp of its cabinet, so there must be as many."""
    lamps = Counter(row.model.cabinet for row in rows.lamps)
    for row, device in made:
        if device is None or device.kind is not DeviceKind.CONCENTRATOR:
            continue
        cabinet, count = str(device.parameters.get("cabinet", "")), device.parameters.get("lamps", 0)
        if cabinet not in rows.ids.get("device", {cabinet}):
            yield row.problem(f"there is no cabinet {cabinet!r}", "parameters", "cabinet")
        elif isinstance(count, int) and "lamp" in rows.ids and count > lamps[cabinet]:
            reason = f"{count} lamps are more than the {lamps[cabinet]} that cabinet {cabinet!r} has"
            yield row.problem(reason, "parameters", "lamps")


def build_county(file: CountyFile, rows: Rows, devices: list[Device], folder: Path) -> County:
    """The county of rows in which no problem was found."""
    return County(
        folder=folder,
        broker=Broker(**file.broker.model_dump()),
        history=HistorySettings(**file.history.model_dump()),
        areas=tuple(Area(**row.model.model_dump()) for row in rows.areas),
        roads=tuple(Road(**row.model.model_dump()) for row in rows.roads),
        edges=tuple(EdgeNode(**row.model.model_dump()) for row in rows.edges),
        links=tuple(Link(**{**row.model.model_dump(), "port": row.model.port or 0}) for row in rows.links),
        devices=tuple(devices),
        lamps=tuple(Lamp(**row.model.model_dump()) for row in rows.lamps),
        **_plain(file, "id", "zh", "en", "latitude", "longitude", "time_zone", "host_id"),
    )


def _plain(file: DeviceFile | CountyFile, *names: str) -> Mapping[str, Any]:
    return {name: getattr(file, name) for name in names}
