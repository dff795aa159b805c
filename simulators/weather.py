"""Weather over the county: storms by formula, recorded rain, how they move, and the day's light and warmth."""

from __future__ import annotations

import csv
import math
import tomllib
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import Protocol

from astral import Observer
from astral.sun import elevation

from lampwell.errors import ConfigError, Problem

STORM_SPEED = 6.0
"""m/s, towards the east-north-east: an ordinary summer storm cell (unverified)."""
STORM_HEADING = math.radians(25)
METRES_PER_DEGREE = 111_320.0


class Rain(Protocol):
    """A fall of rain as its cumulative depth."""

    def depth(self, seconds: float) -> float:
        """Mm fallen from its beginning until then; 0 before, constant after."""
        ...

    @property
    def seconds(self) -> float:
        """How long it lasts."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class StormFormula:
    """暴雨强度公式: i = a (1 + c lg P) / (t + b)^n in mm/min; P in years, t in minutes (domain drainage 2.4)."""

    a: float
    c: float
    b: float
    n: float

    def scale(self, return_period: float) -> float:
        """A (1 + c lg P). Raises ValueError where the formula says nothing: P must be above 0 and the sum positive."""
        if return_period <= 0 or (scale := self.a * (1 + self.c * math.log10(return_period))) <= 0:
            raise ValueError(f"return period {return_period:g} a: the formula gives no rain for it")
        return scale

    def intensity(self, return_period: float, minutes: float) -> float:
        """Mean intensity over the worst ``minutes``, mm/min."""
        return self.scale(return_period) / float((minutes + self.b) ** self.n)

    def flow(self, return_period: float, minutes: float) -> float:
        """The same in L/(s ha)."""
        return 167 * self.intensity(return_period, minutes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A place's formula with its usual storm: peak position r (0..1) and duration in minutes."""

    id: str
    zh: str
    en: str
    formula: StormFormula
    peak: float
    minutes: float
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DesignStorm:
    """A Chicago hyetograph (芝加哥雨型), kept as its exact integral so that any step keeps the mass."""

    formula: StormFormula
    return_period: float
    minutes: float
    peak: float

    @property
    def seconds(self) -> float:
        return self.minutes * 60

    def depth(self, seconds: float) -> float:
        t = min(max(seconds / 60, 0.0), self.minutes)
        top = self.peak * self.minutes
        if t <= top:
            return self._limb(top, self.peak) - self._limb(top - t, self.peak)
        return self._limb(top, self.peak) + self._limb(t - top, 1 - self.peak)

    def _limb(self, minutes: float, share: float) -> float:
        f = self.formula
        return f.scale(self.return_period) * minutes / (minutes / share + f.b) ** f.n if minutes > 0 else 0.0


@dataclass(frozen=True, slots=True)
class RecordedRain:
    """Rain as it was measured: ``times`` in seconds from its beginning, ``sums`` the mm fallen until then."""

    times: tuple[float, ...]
    sums: tuple[float, ...]

    @property
    def seconds(self) -> float:
        return self.times[-1]

    def depth(self, seconds: float) -> float:
        if seconds <= 0:
            return 0.0
        k = bisect_right(self.times, seconds)
        if k >= len(self.times):
            return self.sums[-1]
        t0, t1 = self.times[k - 1], self.times[k]
        return self.sums[k - 1] + (self.sums[k] - self.sums[k - 1]) * (seconds - t0) / (t1 - t0)


def presets() -> Mapping[str, Preset]:
    """The shipped storm presets by id."""
    data = tomllib.loads((files("simulators") / "data" / "storms.toml").read_text("utf-8"))
    return {key: _preset(key, row) for key, row in data.items()}


def _preset(key: str, row: Mapping[str, str | float]) -> Preset:
    formula = StormFormula(**{k: float(row[k]) for k in ("a", "c", "b", "n")})
    return Preset(
        id=key,
        zh=str(row["zh"]),
        en=str(row["en"]),
        formula=formula,
        peak=float(row["peak"]),
        minutes=float(row["minutes"]),
        source=str(row["source"]),
    )


def read_rain_csv(path: Path) -> RecordedRain:
    """Columns ``time`` and ``mm``: mm since the row before; time as ISO text or as seconds from the first row.

    Raises ConfigError naming the file, the line and the reason.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError([Problem(str(path), "", f"cannot be read as CSV: {error}")]) from error
    if not rows or not {"time", "mm"} <= set(rows[0]):
        raise ConfigError([Problem(str(path), "line 1", "wants the columns time,mm and at least one row")])
    times: list[float] = []
    sums: list[float] = []
    for line, row in enumerate(rows, start=2):
        try:
            when, mm = _seconds(row["time"]), float(row["mm"])
        except (TypeError, ValueError) as error:
            raise ConfigError([Problem(str(path), f"line {line}", str(error))]) from error
        if not 0 <= mm < 1000:
            raise ConfigError([Problem(str(path), f"line {line}", f"mm = {mm:g}: must be 0 or more (and finite)")])
        if times and when <= times[-1]:
            raise ConfigError([Problem(str(path), f"line {line}", "time does not move on")])
        times.append(when)
        sums.append(mm + (sums[-1] if sums else 0.0))
    return _from_zero(times, sums)


def _from_zero(times: list[float], sums: list[float]) -> RecordedRain:
    """The first row's rain fell in the interval before it, as long as the one after it."""
    lead = times[1] - times[0] if len(times) > 1 else 60.0
    return RecordedRain((0.0, *(t - times[0] + lead for t in times)), (0.0, *sums))


def _seconds(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        when = datetime.fromisoformat(text.strip())
        value = (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()
    if not math.isfinite(value):
        raise ValueError(f"time {text!r} is not a time")
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """How a place gets a storm: later by ``delay_s`` (it moves) and stronger or weaker by ``scale``."""

    delay_s: float = 0.0
    scale: float = 1.0


def exposures(places: Mapping[str, tuple[float, float]], scales: Mapping[str, float]) -> dict[str, Exposure]:
    """The exposure of each place (latitude, longitude) to a storm crossing at ``STORM_SPEED``; the first one hit has no delay."""
    along = {
        key: (math.cos(STORM_HEADING) * lon * math.cos(math.radians(lat)) + math.sin(STORM_HEADING) * lat) * METRES_PER_DEGREE
        for key, (lat, lon) in places.items()
    }
    first = min(along.values(), default=0.0)
    return {key: Exposure(delay_s=(at - first) / STORM_SPEED, scale=scales.get(key, 1.0)) for key, at in along.items()}


@dataclass
class Sky:
    """All rain, past and to come, and the day's light and temperature at one place."""

    latitude: float
    longitude: float
    falls: list[tuple[int, Rain]] = field(default_factory=list)

    def begin(self, at: int, rain: Rain) -> None:
        """A fall of rain begins at this time (epoch ms)."""
        self.falls.append((at, rain))

    def fallen(self, since: int, until: int, exposure: Exposure) -> float:
        """Mm between two times (epoch ms) at a place so exposed."""
        late = exposure.delay_s
        return exposure.scale * sum(
            rain.depth((until - at) / 1000 - late) - rain.depth((since - at) / 1000 - late)
            for at, rain in self.falls
            if until > at and (since - at) / 1000 - late < rain.seconds
        )

    def sun(self, now: int) -> float:
        """Degrees above the horizon."""
        moment = datetime.fromtimestamp(now / 1000, UTC)
        return float(elevation(Observer(self.latitude, self.longitude), moment, with_refraction=False))


def daylight_lux(sun_degrees: float, rain_mm_h: float = 0.0) -> float:
    """Light on open ground; twilight falls tenfold in 3 degrees, rain clouds take up to 80 % (a rough curve, unverified)."""
    cloud = 1 - 0.8 * min(1.0, rain_mm_h / 20)
    if sun_degrees > 0:
        return (400 + 108_000 * math.pow(math.sin(math.radians(sun_degrees)), 1.2)) * cloud
    return 400 * math.pow(10, max(sun_degrees * 0.35, -6.0)) * cloud


def air_temperature(now: int, longitude: float, rain_mm_h: float = 0.0) -> float:
    """Celsius: a sine over the year (warmest in late July) and over the day (warmest at 15:00 sun time); for southern China."""
    moment = datetime.fromtimestamp(now / 1000, UTC)
    hour = (now / 3_600_000 + longitude / 15) % 24
    season = 18.5 + 10.5 * math.cos((moment.timetuple().tm_yday - 205) * math.tau / 365)
    return season + 4.5 * math.cos((hour - 15) * math.tau / 24) - 4 * min(1.0, rain_mm_h / 20)
