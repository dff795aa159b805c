"""What a profile file may say: pydantic models of its keys. ``docs/configuration.md`` explains each; ``loader`` expands them.

Where a number depends on the device, its key may hold a parameter's name, or that plus or minus a number: ``"mount_m - 0.2"``.
"""

from __future__ import annotations

import math
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, PlainValidator

from lampwell.assets import DeviceKind
from lampwell.config import Settings, matching, one_of
from lampwell.config_words import either, refused
from lampwell.points import PollClass
from lampwell.profiles.model import Space, WireType


def _number_or_name(value: object) -> float | str:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise refused("a number or a parameter's name", value)
    if isinstance(value, float) and not math.isfinite(value):
        raise refused("a finite number", value)
    return value


def _whole_or_name(value: object) -> int | str:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise refused("a whole number or a parameter's name", value)
    return value


def _default(value: object) -> float | str:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise refused("a number or text", value)
    return value


Number = Annotated[float | str, PlainValidator(_number_or_name)]
Whole = Annotated[int | str, PlainValidator(_whole_or_name)]
Path = Annotated[
    str,
    matching(
        r"[a-z][a-z0-9_]*(/[a-z][a-z0-9_]*)?",
        "lower-case letters, digits and _, with at most one /",
    ),
]
Component = Annotated[str, matching(r"[a-z_]+\{n(:0[1-4])?\}", "a name that holds {n}, such as loop{n} or lamp{n:03}")]
ProfileId = Annotated[str, matching(r"[a-z][a-z0-9-]{0,63}", "lower-case letters, digits and -")]


UNITS = frozenset(
    (
        *("%", "%LEL", "ppm", "mg/m3", "°C", "°"),
        *("m", "cm", "mm", "m3", "m3/h", "L/s", "m/s", "mm/h", "mm/min", "lx"),
        *("V", "mV", "A", "mA", "W", "kW", "VA", "kVA", "var", "kvar", "kWh", "MWh", "kvarh", "Hz", "Ω", "MΩ"),
        *("Pa", "kPa", "hPa", "dBm"),
        *("ms", "s", "min", "h", "d"),
    )
)
"""Units that a point may have; a slip of the pen would make a second unit of the same quantity."""


def _unit(value: str) -> str:
    if value and value not in UNITS:
        raise refused(either(sorted(UNITS)), value)
    return value


class ParameterFile(Settings):
    """A value that each device gives its profile; required where there is no ``default``."""

    type: Literal["number", "whole", "text"] = "number"
    default: Annotated[float | str | None, PlainValidator(_default)] = None
    low: float | None = None
    high: float | None = None
    choices: list[str] = Field(default_factory=list)
    zh: str = ""
    en: str = ""


class DeadbandFile(Settings):
    """See ``lampwell.points.Deadband``."""

    absolute: Number = 0.0
    percent: Number = 0.0
    heartbeat_s: Number = 300.0


class TestsFile(Settings):
    """See ``lampwell.points.Tests``; ``source`` says where the limits come from. 0 switches a rate, spike or flat test off."""

    source: str = Field(min_length=1)
    low: Number | None = None
    high: Number | None = None
    rate_suspect: Number | None = None
    rate_bad: Number | None = None
    spike: Number | None = None
    flat_s: Number | None = None
    blind_above: Number | None = None
    status: str | None = None


class WriteFile(Settings):
    """The limits of a writable point; ``pulse`` marks a coil that falls back by itself."""

    low: Number | None = None
    high: Number | None = None
    pulse: bool = False


class DefaultsFile(Settings):
    """What points take where they do not say it themselves."""

    space: Annotated[Space, one_of(Space)] | None = None
    type: Annotated[WireType, one_of(WireType)] | None = None
    order: str | None = None
    poll: Annotated[PollClass, one_of(PollClass)] | None = None
    sentinels: list[Number] | None = None
    deadband: DeadbandFile | None = None


class PointFile(DefaultsFile):
    """One point; in a ``repeat`` its path and address are relative to the component."""

    path: Path
    address: int
    words: int = Field(default=1, ge=1, le=125)
    bit: int = Field(default=0, ge=0, le=15)
    width: int = Field(default=1, ge=1, le=16)
    scale: Number = 1.0
    offset: Number = 0.0
    unit: Annotated[str, AfterValidator(_unit)] = ""
    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)
    tests: TestsFile | None = None
    write: WriteFile | None = None


class WindowFile(Settings):
    """A range of addresses that the device lets be read; see ``lampwell.profiles.model.Window``."""

    space: Annotated[Space, one_of(Space)]
    first: int
    last: int
    bridge: bool = True
    max_count: int | None = None


class RepeatWindowFile(Settings):
    """``count`` readable addresses from each component's base; they join into one window where they touch."""

    count: int = Field(ge=1)
    bridge: bool = True
    max_count: int | None = None


class RepeatFile(Settings):
    """Points that come once per component: ``component`` holds ``{n}``, which runs from 1 to ``count``."""

    component: Component
    count: Whole
    base: int
    stride: int = Field(ge=1)
    defaults: DefaultsFile = DefaultsFile()
    window: RepeatWindowFile | None = None
    point: list[PointFile] = Field(min_length=1)


class ProfileFile(Settings):
    """A whole profile file. ``source`` says where the map comes from and whether it was verified."""

    id: ProfileId
    zh: str = Field(min_length=1)
    en: str = Field(min_length=1)
    source: str = Field(min_length=1)
    kinds: list[Annotated[DeviceKind, one_of(DeviceKind)]] = Field(min_length=1)
    parameters: dict[str, ParameterFile] = Field(default_factory=dict)
    workarounds: dict[str, str] = Field(default_factory=dict)
    defaults: DefaultsFile = DefaultsFile()
    window: list[WindowFile] = Field(default_factory=list)
    point: list[PointFile] = Field(default_factory=list)
    repeat: list[RepeatFile] = Field(default_factory=list)
