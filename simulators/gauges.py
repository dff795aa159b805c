"""Level sensors of wells, ponding points and the river, and rain gauges, as their own electronics report them."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from lampwell.assets import Device
from lampwell.points import Value
from simulators.faults import Fault, FaultText, fault_of
from simulators.sensors import LevelSensor, Reading, Status, TippingBucket

NOISE_M = 0.002
CLEAR = 0x5A5A


class LevelGauge:
    """A radar (registers with a status) or an ultrasonic sensor (one float) over a well, a road or the river.

    Where the hydraulics do not answer, it has no echo: a failure never becomes a level.
    """

    def __init__(self, device: Device, mount: float, span: float, now: int, rng: random.Random) -> None:
        self.id = device.id
        blind = float(device.parameters.get("blind_m", 0.2))
        self.has_status = any(p.path == "status" for p in device.profile.points)
        self.sensor = LevelSensor(face=mount, span=span, blind=blind, sigma=NOISE_M, rng=rng, freezes=self.has_status)
        self._has_tilt = any(p.path == "tilt" for p in device.profile.points)
        self._reading = Reading(mount - span, span, Status.NO_ECHO)
        self._tilt = 0.0
        self._now = now

    def advance(self, now: int, level: float | None) -> None:
        """The true level over the sensor's datum, metres; None = nobody knows."""
        self._now = now
        if level is None:
            self._reading = Reading(self.sensor.face - self.sensor.span, self.sensor.span, Status.NO_ECHO)
        else:
            self._reading = self.sensor.sense(level, now)

    @property
    def values(self) -> Mapping[str, Value | None]:
        """A radar says that it fails and reports its full range, but says nothing of its blind zone; an ultrasonic sensor has
        only its sentinel.
        """
        reading = self._reading
        lost = reading.status in (Status.NO_ECHO, Status.OVER_RANGE)
        return {
            "level": None if lost and not self.has_status else reading.level,
            "status": 0 if reading.status is Status.BLIND else int(reading.status),
            "air_gap": reading.gap,
            "range": self.sensor.span,
            "blind_zone": self.sensor.blind,
            "battery_v": 12.9,
            "tilt": self._tilt,
        }

    def write(self, path: str, value: Value) -> None:
        """Nothing here can be written."""
        raise ValueError(f"{path} = {value}: read only")

    def faults(self) -> Iterator[Fault]:
        """Sensor faults; a cover that tilts only where the sensor can tell."""
        yield from self.sensor.faults(f"{self.id}/level", lambda: self._now)
        if self._has_tilt:
            yield fault_of(self.id, FaultText("cover-tilt", "井盖倾斜", "the cover tilts, value = degrees"), self._tip)

    def _tip(self, on: bool, value: float | None) -> None:
        self._tilt = (25.0 if value is None else value) if on else 0.0


@dataclass(frozen=True, slots=True)
class _Minute:
    at: int
    tips: int


class RainGauge:
    """A tipping bucket with its counters. The day ends at midnight by its own clock, in the county's hours."""

    def __init__(self, device: Device, offset: timedelta, now: int) -> None:
        self.id = device.id
        self.bucket = TippingBucket(size=float(device.parameters.get("mm_per_tip", 0.2)))
        self._offset = offset
        self._day = self._date(now)
        self._day_start = 0.0
        self._recent: deque[_Minute] = deque([_Minute(now, 0)])
        self._now = now

    def advance(self, seconds: float, now: int, mm: float) -> None:
        """Rain that fell on the funnel."""
        self._now = now
        self.bucket.fall(mm, seconds)
        if (day := self._date(now)) != self._day:
            self._day, self._day_start = day, self.bucket.total
        if now - self._recent[-1].at >= 10_000:
            self._recent.append(_Minute(now, self.bucket.tips))
        while len(self._recent) > 1 and now - self._recent[1].at >= 600_000:
            self._recent.popleft()

    def _date(self, now: int) -> str:
        return (datetime.fromtimestamp(now / 1000, UTC) + self._offset).date().isoformat()

    def _since(self, seconds: int) -> float:
        start = next((m for m in self._recent if self._now - m.at <= seconds * 1000), self._recent[-1])
        return (self.bucket.tips - start.tips) * self.bucket.size

    @property
    def values(self) -> Mapping[str, Value | None]:
        """Its counters."""
        return {
            "total": self.bucket.total, "today": self.bucket.total - self._day_start, "rain_10min": self._since(600),
            "intensity": self._since(60) * 60, "status": 0, "clear": 0,
        }  # fmt: skip

    def write(self, path: str, value: Value) -> None:
        """The day total can be cleared."""
        if path != "clear" or value != CLEAR:
            raise ValueError(f"{path} = {value}: only 'clear' takes {CLEAR:#x}")
        self._day_start = self.bucket.total

    def faults(self) -> Iterator[Fault]:
        """A gauge lies by counting less, or nothing."""
        target = f"{self.id}/total"
        clogged = FaultText("clogged", "漏斗堵塞", "leaves in the funnel, value = share of the rain that is lost")
        yield fault_of(target, clogged, self._clog)
        yield fault_of(target, FaultText("stuck", "翻斗卡住", "the bucket does not tip"), _flag(self.bucket, "stuck"))

    def _clog(self, on: bool, value: float | None) -> None:
        share = 0.7 if value is None else value
        if not 0 < share <= 1:
            raise ValueError(f"value {share:g}: must be a share above 0, at most 1")
        self.bucket.caught = 1 - share if on else 1.0


class River:
    """The river's stage: its dry stage, and a slow reservoir filled by the rain on the county and the country above it.

    100 mm raise it by about 1.6 m; half of a rise is gone after some five hours (invented, unverified).
    """

    METRES_PER_MM = 0.02
    FILL_S, DRAIN_S = 3600.0, 26_000.0

    def __init__(self, stage: float) -> None:
        self.dry = stage
        self.rise = 0.0
        self._coming = 0.0

    def advance(self, seconds: float, mm: float) -> None:
        """Rain on the catchment."""
        self._coming += mm * self.METRES_PER_MM
        moved = self._coming * min(1.0, seconds / self.FILL_S)
        self._coming -= moved
        self.rise += moved - self.rise * min(1.0, seconds / self.DRAIN_S)

    @property
    def stage(self) -> float:
        """Elevation of the water, metres."""
        return self.dry + self.rise


def _flag(thing: object, name: str) -> Callable[[bool, float | None], None]:
    def change(on: bool, _value: float | None) -> None:
        setattr(thing, name, on)

    return change
