"""Electricity of the lamp cabinets: the feeder, the loops, their lamps. All totals are sums of the same phase powers.

LED lamps are constant-power loads with a standby floor of about 5 % (domain streetlights 3 and 4.2) and a power factor that
falls, capacitive, when dimmed. The shapes of the curves are unverified.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from lampwell.assets import Lamp

PHASES = "abc"
FLOOR = 0.05
"""Share of rated power that a driver takes at level 0 with its supply on."""
DROPOUT_V = 110.0
"""Below this drivers and contactor coils give up."""
DRIFTS_A, DRIFT_UP = 2.0, 0.8
"""With a broken neutral phases drift apart while so much current flows, the lightest up by this share of what the heaviest falls.
Both are this project's own: the true shift hangs on every load of the transformer (unverified).
"""
COLD_EXTRA, COLD_S = 0.02, 300.0
"""Cold LEDs take a little more until they are warm."""
SOFT_START_S = 2.0
LEAK_PER_LAMP_MA = 0.7
"""What the filter of one 150 W driver leaks to earth (domain streetlights, fact 9)."""
AGEING_PER_1000_H = 0.004
"""Constant-light-output drivers raise their power as the LEDs age (domain streetlights 3, lamp power low/high)."""
CONTROLLER_W = 12.0
"""The cabinet's own controller and radio, on phase a."""


def level_power(level: float) -> float:
    """Share of rated power at a dim level of 0..100 %."""
    return FLOOR + (1 - FLOOR) * level / 100


def level_power_factor(level: float) -> float:
    """0.96 at full level, about 0.89 at half, about 0.45 at standby."""
    return 0.965 * (1 - math.exp(-(0.14 + level / 100) / 0.23))


def level_distortion(level: float) -> float:
    """Current distortion, percent: about 11 at full level, 35 at standby."""
    return 10 + 26 * math.exp(-level / 32)


@dataclass
class Feeder:
    """The supply of a cabinet: a diurnal sag (deepest at 20:00), an offset and slow noise per phase, less the drop by load."""

    seed: random.Random
    ohms: float = 0.12
    lost: set[int] = field(default_factory=set)
    mains: bool = True
    broken_neutral_v: float = 0.0
    volts: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])

    def __post_init__(self) -> None:
        self._offset = [self.seed.gauss(0, 1.2) for _ in PHASES]
        self._noise = [0.0, 0.0, 0.0]

    def advance(self, seconds: float, hour: float, amps: Sequence[float]) -> None:
        """New voltages at this local hour under the load of the last moment."""
        keep = math.exp(-seconds / 90)
        spread = 0.9 * math.sqrt(1 - keep * keep)
        base = 229.5 - 4.0 * math.exp(-(((hour - 20) / 3.2) ** 2)) - 2.0 * math.exp(-(((hour - 11.5) / 3) ** 2))
        for phase in range(3):
            self._noise[phase] = self._noise[phase] * keep + self.seed.gauss(0, spread)
            live = self.mains and phase not in self.lost
            drop = self.ohms * amps[phase]
            self.volts[phase] = base + self._offset[phase] + self._noise[phase] - drop if live else 0.0
        if self.broken_neutral_v and self.mains and sum(amps) >= DRIFTS_A:
            self._drift_apart(amps)

    def _drift_apart(self, amps: Sequence[float]) -> None:
        """The star point follows the heaviest phase: that one falls, the lightest rises."""
        heavy, light = amps.index(max(amps)), amps.index(min(amps))
        self.volts[heavy] = max(0.0, self.volts[heavy] - self.broken_neutral_v)
        self.volts[light] += DRIFT_UP * self.broken_neutral_v

    @property
    def live(self) -> list[bool]:
        """Phases that can feed anything."""
        return [v >= DROPOUT_V for v in self.volts]


class Loop:
    """One switched circuit and its lamps. ``closed`` is the contactor's main contact, ``level`` the dim level in percent that all
    its lamps were told last; ``own`` the levels that lamps with a node were told since, by id.
    """

    def __init__(self, number: int, lamps: Iterable[Lamp], seed: random.Random) -> None:
        self.number = number
        self.lamps = tuple(lamps)
        self.closed = False
        self.breaker = True
        self.level = 100.0
        self.own: dict[str, float] = {}
        self.out: set[str] = set()
        self.cut = 0.0  # share of the cable, from its far end, that is gone
        self.fault_ma = 0.0
        self.seconds_on = 0.0
        self.kwh = 0.0
        self.watts = [0.0, 0.0, 0.0]
        self.vars = [0.0, 0.0, 0.0]
        self.amps = [0.0, 0.0, 0.0]
        self.residual_ma = 0.0
        self._seed = seed
        self._drift = 0.0
        self._warm_s = 0.0
        self._lit = False
        self.refit()

    def refit(self) -> None:
        """Count the lamps again after a fault or a repair."""
        self.reach = len(self.lamps) - round(len(self.lamps) * self.cut)
        self.alive = [lamp for lamp in self.lamps[: self.reach] if lamp.id not in self.out]
        self._rated = [sum(lamp.watts for lamp in self.alive if lamp.phase == phase) for phase in PHASES]

    @property
    def energised(self) -> bool:
        """Contactor and breaker let current through, if there is any supply."""
        return self.closed and self.breaker

    @property
    def lit(self) -> int:
        """Lamps that burn now."""
        if not self._lit:
            return 0
        return sum(1 for lamp in self.alive if self.watts[PHASES.index(lamp.phase)] > 0 and self.level_of(lamp.id) > 0)

    def level_of(self, lamp: str) -> float:
        """The level of one lamp, percent."""
        return self.own.get(lamp, self.level)

    def advance(self, seconds: float, volts: Sequence[float], wet: float) -> None:
        """Draw from the feeder for a while; ``wet`` 0..1 multiplies the leakage of cable joints."""
        self.kwh += sum(self.watts) * seconds / 3_600_000
        if not self.energised or max(volts) < DROPOUT_V:
            self._rest()
            return
        self.seconds_on += seconds
        self._warm_s = self._warm_s + seconds if self._lit else 0.0
        self._lit = True
        self._drift = self._drift * math.exp(-seconds / 900) + self._seed.gauss(0, 0.003 * math.sqrt(min(1.0, seconds / 450)))
        self._draw(volts)
        self.residual_ma = LEAK_PER_LAMP_MA * self.reach * (1 + 0.6 * wet) + self.fault_ma

    def settle(self, *, on: bool) -> None:
        """On and warm, or off, since long ago."""
        self.closed = self._lit = on
        self._warm_s = 3600.0 if on else 0.0

    def _draw(self, volts: Sequence[float]) -> None:
        start = min(1.0, 0.3 + self._warm_s / SOFT_START_S)
        cold = 1 + COLD_EXTRA * math.exp(-self._warm_s / COLD_S)
        age = 1 + AGEING_PER_1000_H * self.seconds_on / 3_600_000
        share = start * cold * age * (1 + self._drift)
        rated = self._dimmed()
        factor = level_power_factor(self.level)
        reactive = -math.sqrt(1 / factor**2 - 1)  # capacitive
        for phase, volt in enumerate(volts):
            watts = rated[phase] * share if volt >= DROPOUT_V else 0.0
            self.watts[phase] = watts
            self.vars[phase] = watts * reactive
            self.amps[phase] = watts / (volt * factor) if watts else 0.0

    def _dimmed(self) -> list[float]:
        """Watts per phase at the lamps' levels; the power factor stays that of the loop's level."""
        usual = level_power(self.level)
        watts = [rated * usual for rated in self._rated]
        for lamp in self.alive if self.own else ():
            watts[PHASES.index(lamp.phase)] += lamp.watts * (level_power(self.level_of(lamp.id)) - usual)
        return watts

    def _rest(self) -> None:
        if self._lit:
            self._lit = False
            self._warm_s = 0.0
            for values in (self.watts, self.vars, self.amps):
                values[:] = (0.0, 0.0, 0.0)
        self.residual_ma = 0.0


@dataclass
class Totals:
    """The main meter: sums over the loops and the controller, and energy as their exact integral."""

    watts: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    vars: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    amps: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    neutral: float = 0.0
    residual_ma: float = 0.0
    distortion: list[float] = field(default_factory=lambda: [0.0, 0.0, 0.0])
    kwh: float = 0.0
    kvarh: float = 0.0

    def advance(self, seconds: float, loops: Sequence[Loop], volts: Sequence[float]) -> None:
        """Integrate what held until now, then take the new sums."""
        self.kwh += sum(self.watts) * seconds / 3_600_000
        self.kvarh += abs(sum(self.vars)) * seconds / 3_600_000
        busy = [loop for loop in loops if loop.energised]
        own = CONTROLLER_W if volts[0] >= DROPOUT_V else 0.0
        for phase in range(3):
            self.watts[phase] = sum(loop.watts[phase] for loop in busy) + (own if phase == 0 else 0.0)
            self.vars[phase] = sum(loop.vars[phase] for loop in busy)
            volt = volts[phase]
            self.amps[phase] = math.hypot(self.watts[phase], self.vars[phase]) / volt if volt >= DROPOUT_V else 0.0
        self.residual_ma = sum(loop.residual_ma for loop in busy)
        level = max((loop.level for loop in busy), default=0.0)
        self.distortion = [level_distortion(level) if amps > 0.2 else 0.0 for amps in self.amps]
        self.neutral = self._neutral()

    def _neutral(self) -> float:
        """The vector sum of the fundamentals, and three times the third harmonic (taken as 0.7 of the distortion)."""
        a, b, c = self.amps
        fundamental = math.sqrt(max(0.0, a * a + b * b + c * c - a * b - b * c - c * a))
        third = 0.7 * sum(i * d / 100 for i, d in zip(self.amps, self.distortion, strict=True))
        return math.hypot(fundamental, third)

    def factor(self, phase: int) -> float:
        """Power factor of a phase (0..1); 1 without load."""
        apparent = math.hypot(self.watts[phase], self.vars[phase])
        return self.watts[phase] / apparent if apparent else 1.0

    @property
    def total_factor(self) -> float:
        """Power factor of the whole."""
        apparent = math.hypot(sum(self.watts), sum(self.vars))
        return sum(self.watts) / apparent if apparent else 1.0
