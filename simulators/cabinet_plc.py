"""The controller of a lamp cabinet: which contactor should be closed now, and why it may not be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from enum import IntEnum

from astral import Observer
from astral.sun import sunrise, sunset

from lampwell.points import Value

STAGE_S = 1.0
"""Contactors close one after another, so that the inrush currents do not add up."""
LEAK_BLIND_S = 2.0
"""Inrush at switch-on looks like leakage (domain streetlights 3)."""


class Mode(IntEnum):
    """Who decides."""

    LOCAL = 0
    ASTRO = 1
    REMOTE = 2


class TripCause(IntEnum):
    """Why a loop was last switched off by itself."""

    NONE = 0
    LEAKAGE = 1
    OVERCURRENT = 2
    BREAKER = 3


@dataclass
class LoopSettings:
    """What a master may set per loop. mA, mA, A, percent."""

    prealarm_ma: int = 100
    trip_ma: int = 300
    overcurrent: float = 63.0
    set_level: int = 100
    command: bool = False


@dataclass
class Settings:
    """What a master may set. ``command`` with ``hold_minutes`` is a command that ends by itself."""

    mode: int = Mode.ASTRO
    master_timeout: int = 600
    latitude: float = 0.0
    longitude: float = 0.0
    on_offset: int = 0
    off_offset: int = 0
    command: int = 0
    hold_minutes: int = 0
    beacon: bool = False


@dataclass
class LoopState:
    """One loop as its controller knows it."""

    settings: LoopSettings = field(default_factory=LoopSettings)
    coil: bool = False  # what the controller drives
    leak_trip: bool = False
    leak_prealarm: bool = False
    trip_cause: TripCause = TripCause.NONE
    override: bool = False  # the loop's own switch on the panel is on
    closed_s: float = 0.0


class Astro:
    """Sunset and sunrise at one place, from the device's own table; one calculation a day."""

    def __init__(self) -> None:
        self._key: tuple[date, float, float] | None = None
        self._times: tuple[float, float, bool] = (0.0, 0.0, False)

    def night(self, now: int, settings: Settings) -> bool:
        """Lamps belong on. Where the sun does not set or rise that day, and so nothing is known, they are on: safe by night."""
        local = timezone(timedelta(hours=settings.longitude / 15))
        day = datetime.fromtimestamp(now / 1000, local).date()
        key = (day, settings.latitude, settings.longitude)
        if key != self._key:
            self._key, self._times = key, _sun_times(day, local, settings)
        rise, fall, known = self._times
        seconds = now / 1000
        return not known or seconds < rise + settings.off_offset * 60 or seconds >= fall + settings.on_offset * 60


def _sun_times(day: date, local: timezone, settings: Settings) -> tuple[float, float, bool]:
    place = Observer(settings.latitude, settings.longitude)
    try:
        rise, fall = sunrise(place, date=day, tzinfo=local), sunset(place, date=day, tzinfo=local)
    except ValueError:  # astral's way to say midnight sun or polar night
        return 0.0, 0.0, False
    return rise.timestamp(), fall.timestamp(), True


class Controller:
    """Desired states of the loops, from the mode, the astro table, commands and protections. Priority, highest first: leakage
    latch, the loop's own switch, the self-expiring command, then the mode; a silent master puts remote mode back to astro.
    """

    def __init__(self, settings: Settings, loops: int, now: int) -> None:
        self.settings = settings
        self.loops = [LoopState() for _ in range(loops)]
        self.local_switch = False
        self.fallback = False
        self.events = 0
        self._astro = Astro()
        self._heard = now
        self._hold_until = 0
        self._stage_s = 0.0

    def heard(self, now: int) -> None:
        """The master spoke to this device."""
        self._heard = now

    def write(self, path: str, value: Value, now: int) -> None:
        """Obey a write. Raises ValueError for what the device refuses."""
        self.heard(now)
        component, _, name = path.rpartition("/")
        if name == "leak_reset":
            for loop in self.loops:
                loop.leak_trip = loop.leak_trip and not value
            return
        target = self._loop(component).settings if component else self.settings
        if not hasattr(target, name):
            raise ValueError(f"{path}: read only")
        setattr(target, name, type(getattr(target, name))(value))
        if target is self.settings:
            self._changed(name, now)

    def _loop(self, component: str) -> LoopState:
        number = int(component.removeprefix("loop"))
        if not 1 <= number <= len(self.loops):
            raise ValueError(f"{component}: there are {len(self.loops)} loops")
        return self.loops[number - 1]

    def _changed(self, name: str, now: int) -> None:
        self.events += 1
        if name == "hold_minutes":
            self._hold_until = now + self.settings.hold_minutes * 60_000
        elif name == "mode" and self.settings.mode == Mode.REMOTE:
            for loop in self.loops:
                loop.settings.command = loop.coil  # taking over must not switch a lamp

    def wanted(self, now: int) -> list[bool]:
        """What each contactor should be, before staging."""
        settings = self.settings
        silent = now - self._heard > settings.master_timeout * 1000
        self.fallback = settings.mode == Mode.REMOTE and silent
        by_table = settings.mode == Mode.ASTRO or self.fallback
        night = by_table and self._astro.night(now, settings)
        held = now < self._hold_until and not self.local_switch
        return [self._wanted(n, loop, night=night, by_table=by_table, held=held) for n, loop in enumerate(self.loops)]

    def _wanted(self, n: int, loop: LoopState, *, night: bool, by_table: bool, held: bool) -> bool:
        if loop.leak_trip:
            return False
        if loop.override:
            return True
        if held:
            return bool(self.settings.command >> n & 1)
        if by_table:
            return night
        if self.settings.mode == Mode.LOCAL or self.local_switch:
            return loop.coil  # the panel decides; nobody is at it
        return loop.settings.command

    def drive(self, seconds: float, now: int, *, powered: bool) -> None:
        """Open at once, close one loop every ``STAGE_S``; without control voltage all coils fall off."""
        if not powered:
            for loop in self.loops:
                loop.coil = False
            return
        self._stage_s = min(self._stage_s + seconds, STAGE_S * len(self.loops))
        for loop, want in zip(self.loops, self.wanted(now), strict=True):
            if want == loop.coil:
                continue
            if want and self._stage_s < STAGE_S:
                continue
            if want:
                self._stage_s -= STAGE_S
            loop.coil = want
            self.events += 1
        if all(want == loop.coil for loop, want in zip(self.loops, self.wanted(now), strict=True)):
            self._stage_s = min(self._stage_s, STAGE_S)

    def protect(self, seconds: float, number: int, closed: bool, residual_ma: float, amps: Sequence[float]) -> bool:
        """Judge one loop's currents. Latches a leakage trip; returns True where its breaker trips on overcurrent."""
        loop = self.loops[number]
        loop.closed_s = loop.closed_s + seconds if closed else 0.0
        loop.leak_prealarm = residual_ma >= loop.settings.prealarm_ma
        if residual_ma >= loop.settings.trip_ma and loop.closed_s > LEAK_BLIND_S and not loop.leak_trip:
            loop.leak_trip, loop.trip_cause = True, TripCause.LEAKAGE
            self.events += 1
        if max(amps) > loop.settings.overcurrent:
            loop.trip_cause = TripCause.OVERCURRENT
            self.events += 1
            return True
        return False
