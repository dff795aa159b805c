"""Feeders made up for the tests: a night's program, noise, voltage, weather and whatever is to go wrong. Nothing here is
recorded.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from control.lighting.feeder.series import Series

NOON = 12 * 60
START = 28_400_000 - 28_400_000 % 1440 + NOON  # some noon of 2023, minutes since 1970

PROGRAM = ((18 * 60 + 7, 1.0), (23 * 60 + 2, 0.75), (24 * 60 + 60, 0.5), (29 * 60, 0.75), (30 * 60 + 21, 0.0))
"""Minutes since midnight of the evening, and the share of power from then on."""


@dataclass
class Feeder:
    """A feeder of equal lamps. ``noise``: of each minute; ``slow``: of a wandering with a memory of 15 minutes; ``heat``: by
    degree.
    """

    nights: int = 6
    watts: float = 6000.0
    program: Sequence[tuple[float, float]] = PROGRAM
    noise: float = 0.005
    slow: float = 0.0
    heat: float = 0.0
    exponent: float = 0.0
    seed: int = 1
    standing: float = 15.0
    warm: bool = False
    lost: Callable[[float], float] = lambda _: 0.0
    holes: Sequence[tuple[int, int]] = ()
    missing: Sequence[tuple[int, int]] = ()
    day: int = 1440
    start: float = START
    decimals: int = 1
    bent: Callable[[int, float], float] = lambda _, watts: watts
    _drift: float = field(default=0.0, repr=False)

    def series(self) -> Series:
        """The series, from a noon to a noon."""
        dice = random.Random(self.seed)
        rows = [self._minute(dice, n) for n in range(self.nights * self.day)]
        for begin, end in (*self.holes, *self.missing):
            rows[begin:end] = [(math.nan, math.nan)] * (end - begin)
        watts, volts = zip(*rows, strict=True)
        return Series(start=self.start, step=1, watts=watts, volts=volts, clock=True, rows=sum(not math.isnan(w) for w in watts))

    def _minute(self, dice: random.Random, n: int) -> tuple[float, float]:
        clock = n % 1440 + NOON
        self._drift = self._drift * math.exp(-1 / 15) + dice.gauss(0, self.slow * math.sqrt(2 / 15))
        celsius = 12 + 8 * math.sin(n / 1440 / 5) - 5 * math.cos((clock - 900) / 1440 * 2 * math.pi)
        volts = 229.5 - 4 * math.exp(-(((clock / 60 - 20) / 3.2) ** 2)) + dice.gauss(0, 0.9)
        share = 0.0
        for at, level in self.program:
            share = level if clock >= at else share
        watts = (
            self.watts * share * (1 - self.lost(n)) * (1 + self._drift + dice.gauss(0, self.noise) + self.heat * (celsius - 12))
        )
        watts *= (volts / 227) ** self.exponent * self._warmth(n, clock)
        return round(self.bent(n, watts + self.standing), self.decimals), round(volts, 1)

    def _warmth(self, n: int, clock: float) -> float:
        """HID lamps come up within ten minutes; after a hole they start again, a fifth too high until settled."""
        if not self.warm:
            return 1.0
        again = [n - end for _, end in self.holes if n >= end and n - end < 40]
        since = min([clock - self.program[0][0], *again])
        up = 0.18 + 0.8 * (1 - math.exp(-max(0.0, since) / 2.2)) + 0.02
        return min(1.0, up) * (1.18 if again and since < 25 else 1.0)


def night_minute(night: int, hour: float) -> int:
    """The minute of a Feeder's series at this hour (0..36 from the midnight of the evening) of a night (0 = the first)."""
    return night * 1440 + round(hour * 60) - NOON
