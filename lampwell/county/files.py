"""What a county's files may say: pydantic models of their keys. ``docs/configuration.md`` explains each."""

from __future__ import annotations

import itertools
import re
from datetime import date, datetime
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, model_validator

from lampwell.assets import DeviceKind, Transport
from lampwell.config import Settings, matching, one_of
from lampwell.config_words import refused


def _time_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise refused("a time zone such as Asia/Shanghai", value) from None
    return value


def _whole_from_text(value: object) -> object:
    """Version numbers and the like are literals; a CSV cell holds their text."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 9 else value


def _day(value: object) -> date:
    try:
        if isinstance(value, date) and not isinstance(value, datetime):
            return value
        return date.fromisoformat(str(value))
    except ValueError:
        raise refused("a date such as 2026-03-15", value) from None


Id = Annotated[
    str,
    matching(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", "at most 64 letters, digits, '-', '_' or '.' (Sparkplug forbids + / #)"),
]
Port = Annotated[int, Field(ge=1, le=65535)]
Latitude = Annotated[float, Field(ge=-90, le=90)]
Longitude = Annotated[float, Field(ge=-180, le=180)]
Label = Annotated[str, Field(max_length=200)]
Day = Annotated[Any, PlainValidator(_day)]
Seconds = Annotated[float, Field(gt=0, le=86400)]


class AreaFile(Settings):
    """A part of the county, and the Sparkplug group of its edge nodes."""

    id: Id
    zh: Label
    en: Label


class RoadFile(Settings):
    """A road and its class after CJJ 45."""

    id: Id
    zh: Label
    en: Label
    road_class: Literal["main", "secondary", "branch"]
    area: str


class EdgeFile(Settings):
    """One gateway and the area it serves."""

    id: Id
    area: str
    zh: Label = ""
    en: Label = ""
    journal_mb: int = Field(default=256, ge=8, le=1_000_000)


class BrokerFile(Settings):
    """Where the MQTT broker is."""

    host: str = Field(min_length=1)
    port: Port = 1883
    tls: bool = False
    ca_file: str = ""
    username: str = ""
    password_file: str = ""
    keepalive_s: int = Field(default=20, ge=5, le=3600)


class HistoryFile(Settings):
    """Which store keeps the readings."""

    store: Literal["duckdb", "influx"] = "duckdb"
    url: str = ""
    version: Literal[1, 2, 3] = 1
    database: str = Field(default="lampwell", min_length=1)
    org: str = ""
    token_file: str = ""
    username: str = ""
    password_file: str = ""
    raw_days: int = Field(default=90, ge=1, le=36500)
    rollup_days: int = Field(default=3650, ge=1, le=36500)

    @model_validator(mode="after")
    def _url_where_needed(self) -> Self:
        if self.store == "influx" and not re.fullmatch(r"https?://[^\s/]+/?", self.url):
            raise ValueError(f"store influx needs a url such as http://127.0.0.1:8086, not {self.url!r}")
        if self.store == "duckdb" and self.url:
            raise ValueError("store duckdb is embedded and takes no url")
        return self


class CountyFile(Settings):
    """``county.toml``."""

    id: Id
    zh: Label
    en: Label
    latitude: Latitude
    longitude: Longitude
    time_zone: Annotated[str, AfterValidator(_time_zone)]
    host_id: Id = "lampwell"
    broker: BrokerFile
    history: HistoryFile = HistoryFile()
    area: list[Any] = Field(default_factory=list)
    road: list[Any] = Field(default_factory=list)
    edge: list[Any] = Field(default_factory=list)


class LinkFile(Settings):
    """One row of ``links``: a TCP socket or a serial line."""

    id: Id
    edge: str
    transport: Annotated[Transport, one_of(Transport)]
    host: str = ""
    port: Port | None = None
    path: str = ""
    baud: Annotated[
        Literal[1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200],
        BeforeValidator(_whole_from_text),
    ] = 9600
    parity: Literal["N", "E", "O"] = "N"
    stop_bits: Annotated[Literal[1, 2], BeforeValidator(_whole_from_text)] = 1
    timeout_s: float = Field(default=1.0, ge=0.05, le=60)
    pause_s: float = Field(default=0.0, ge=0, le=60)
    connect_pause_s: float = Field(default=0.0, ge=0, le=60)
    in_flight: int = Field(default=1, ge=1, le=16)

    @model_validator(mode="after")
    def _goes_somewhere(self) -> Self:
        if self.transport is Transport.RTU and (not self.path or self.host or self.port):
            raise ValueError("transport rtu needs a path (the serial port), and no host or port")
        if self.transport is not Transport.RTU and (self.path or not self.host or not self.port):
            raise ValueError(f"transport {self.transport} needs host and port, and no path")
        if self.transport is not Transport.TCP and self.in_flight > 1:
            raise ValueError("in_flight above 1 is for transport tcp only: RTU answers carry no transaction number")
        return self


class IntervalsFile(Settings):
    """Seconds between polls."""

    dry_s: Seconds
    watch_s: Seconds
    storm_s: Seconds
    slow_s: Seconds = 60.0

    @model_validator(mode="after")
    def _faster_in_storm(self) -> Self:
        if not self.storm_s <= self.watch_s <= self.dry_s:
            raise ValueError(f"must not grow from dry_s {self.dry_s:g} to watch_s {self.watch_s:g} to storm_s {self.storm_s:g}")
        return self


class ModeFile(Settings):
    """From which value of a point on its device is polled at the watch and at the storm interval."""

    watch: float
    storm: float

    @model_validator(mode="after")
    def _watch_first(self) -> Self:
        if self.watch > self.storm:
            raise ValueError(f"watch {self.watch:g} is above storm {self.storm:g}")
        return self


class LevelsFile(Settings):
    """The four limits in the unit of the device's ``level`` (rain gauges: of ``rain_10min``)."""

    blue: float
    yellow: float
    orange: float
    red: float

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if not self.blue < self.yellow < self.orange < self.red:
            shown = ", ".join(f"{name} {value:g}" for name, value in self)
            raise ValueError(f"must rise from blue to red, not {shown}")
        return self


class DatumFile(Settings):
    """Heights of a place in metres above the county's datum; ``diameter`` is the pipe's, in metres."""

    ground: float | None = None
    crown: float | None = None
    invert: float | None = None
    diameter: float | None = Field(default=None, gt=0, le=20)

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        named = [
            (name, v) for name, v in (("invert", self.invert), ("crown", self.crown), ("ground", self.ground)) if v is not None
        ]
        for (below, low), (above, high) in itertools.pairwise(named):
            if low >= high:
                raise ValueError(f"{below} {low:g} is not below {above} {high:g}")
        return self


class DeviceFile(Settings):
    """One row of ``devices``."""

    id: Id
    kind: Annotated[DeviceKind, one_of(DeviceKind)]
    profile: str = Field(min_length=1)
    link: str
    unit: int = Field(ge=1, le=247)
    area: str = ""
    road: str = ""
    zh: Label = ""
    en: Label = ""
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    intervals: IntervalsFile
    modes: dict[str, ModeFile] = Field(default_factory=dict)
    levels: LevelsFile | None = None
    datum: DatumFile = DatumFile()
    parameters: dict[str, Any] = Field(default_factory=dict)


class KindFile(Settings):
    """What the devices of one kind have in common; a device's own keys come before these."""

    profile: str | None = None
    intervals: IntervalsFile | None = None
    modes: dict[str, ModeFile] | None = None
    levels: LevelsFile | None = None
    parameters: dict[str, Any] | None = None


class DefaultsFile(Settings):
    """``defaults.toml``: a table for each kind."""

    cabinet: KindFile = KindFile()
    concentrator: KindFile = KindFile()
    station: KindFile = KindFile()
    well: KindFile = KindFile()
    ponding: KindFile = KindFile()
    rain: KindFile = KindFile()
    river: KindFile = KindFile()
    meter: KindFile = KindFile()


class LampFile(Settings):
    """One row of ``lamps``."""

    id: Id
    cabinet: str
    loop: int = Field(ge=1)
    phase: Literal["a", "b", "c"]
    road: str
    pole: Annotated[str, Field(min_length=1, max_length=64)]
    watts: float = Field(gt=0, le=2000)
    latitude: Latitude | None = None
    longitude: Longitude | None = None
    since: Day | None = None
    watts_before: float | None = Field(default=None, ge=0, le=2000)

    @model_validator(mode="after")
    def _since_when(self) -> Self:
        if self.watts_before is not None and self.since is None:
            raise ValueError("watts_before needs since: the day from which on the lamp of now hangs there")
        return self
