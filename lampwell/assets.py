"""What exists in a county: areas, roads, edge nodes, links, devices, lamps. Values only; loading is ``lampwell.county``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from pathlib import Path

from lampwell.profiles.model import Profile
from lampwell.readings import NodeId


class DeviceKind(StrEnum):
    """What a unit is in the field."""

    CABINET = "cabinet"
    CONCENTRATOR = "concentrator"
    STATION = "station"
    WELL = "well"
    PONDING = "ponding"
    RAIN = "rain"
    RIVER = "river"
    METER = "meter"


class Transport(StrEnum):
    """How Modbus frames travel on a link."""

    TCP = "tcp"
    RTU_OVER_TCP = "rtu-over-tcp"
    RTU = "rtu"


@dataclass(frozen=True, slots=True, kw_only=True)
class Area:
    """A part of the county; the Sparkplug group of its edge nodes."""

    id: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Road:
    """A road and its CJJ 45 class (main, secondary, branch)."""

    id: str
    zh: str
    en: str
    road_class: str
    area: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """One Modbus connection. Times in real seconds. ``in_flight`` > 1 only where the far end is known to allow it."""

    id: str
    edge: str
    transport: Transport
    host: str = ""
    port: int = 0
    path: str = ""
    baud: int = 9600
    parity: str = "N"
    stop_bits: int = 1
    timeout_s: float = 1.0
    pause_s: float = 0.0
    connect_pause_s: float = 0.0
    in_flight: int = 1

    @property
    def endpoint(self) -> str:
        """Where it goes, as people write it."""
        return self.path if self.transport is Transport.RTU else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Intervals:
    """Seconds between polls of the fast points in each mode, and of the slow points."""

    dry_s: float
    watch_s: float
    storm_s: float
    slow_s: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeRule:
    """At or above ``watch`` (``storm``) of this point its device is polled at the watch (storm) interval."""

    point: str
    watch: float
    storm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """The four level limits of a place in the unit of its level point, blue < yellow < orange < red (domain drainage 2.2)."""

    blue: float
    yellow: float
    orange: float
    red: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """One unit on a link. ``parameters`` are the profile's own (for example ``loops = 12``)."""

    id: str
    kind: DeviceKind
    profile: Profile
    link: str
    unit: int
    area: str
    road: str = ""
    zh: str = ""
    en: str = ""
    latitude: float | None = None
    longitude: float | None = None
    intervals: Intervals
    modes: tuple[ModeRule, ...] = ()
    levels: Levels | None = None
    datum: Mapping[str, float] = field(default_factory=dict)
    parameters: Mapping[str, float | str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lamp:
    """One luminaire on a loop of a cabinet; ``phase`` is a, b or c, ``watts`` its rated power. ``since``: the day it was hung, in
    place of one of ``watts_before`` (0: of none, None: not known); without it, it has hung there always.
    """

    id: str
    cabinet: str
    loop: int
    phase: str
    road: str
    pole: str
    watts: float
    latitude: float | None = None
    longitude: float | None = None
    since: date | None = None
    watts_before: float | None = None

    def watts_on(self, day: date) -> float | None:
        """Rated power of what hung there in the night of a date (lamps are changed by day); None = not known."""
        return self.watts if self.since is None or day >= self.since else self.watts_before


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeNode:
    """One gateway: its id on the wire and the area it serves. ``journal_hours`` is what its journal should hold."""

    id: str
    area: str
    zh: str = ""
    en: str = ""
    journal_mb: int = 256

    @property
    def node(self) -> NodeId:
        """Its Sparkplug identity."""
        return NodeId(self.area, self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """Where the MQTT broker is. Secrets come from files or the environment, never from the county folder."""

    host: str
    port: int
    tls: bool = False
    ca_file: str = ""
    username: str = ""
    password_file: str = ""
    keepalive_s: int = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class HistorySettings:
    """Which store keeps the readings: ``duckdb`` (embedded) or ``influx`` with version 1, 2 or 3."""

    store: str = "duckdb"
    url: str = ""
    version: int = 1
    database: str = "lampwell"
    org: str = ""
    token_file: str = ""
    username: str = ""
    password_file: str = ""
    raw_days: int = 90
    rollup_days: int = 3650


@dataclass(frozen=True, slots=True, kw_only=True)
class County:
    """A county as its files say it. Everything refers to everything by id; the loader has checked the references."""

    id: str
    zh: str
    en: str
    latitude: float
    longitude: float
    time_zone: str
    folder: Path
    broker: Broker
    history: HistorySettings
    areas: tuple[Area, ...]
    roads: tuple[Road, ...]
    edges: tuple[EdgeNode, ...]
    links: tuple[Link, ...]
    devices: tuple[Device, ...]
    lamps: tuple[Lamp, ...] = ()
    host_id: str = "lampwell"


def lamp_nodes(county: County) -> dict[str, dict[str, Lamp]]:
    """The lamps behind each concentrator, by its component: ``lamp012`` is the 12th lamp of its cabinet in the county's list."""
    lamps: dict[str, list[Lamp]] = {}
    for lamp in county.lamps:
        lamps.setdefault(lamp.cabinet, []).append(lamp)
    found: dict[str, dict[str, Lamp]] = {}
    for device in county.devices:
        if device.kind is DeviceKind.CONCENTRATOR:
            served = lamps.get(str(device.parameters.get("cabinet", "")), [])[: int(device.parameters.get("lamps", 0))]
            found[device.id] = {f"lamp{n:03}": lamp for n, lamp in enumerate(served, 1)}
    return found
