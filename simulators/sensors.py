"""What sensors make of the truth: noise, drift, silt, a parked car, blind zone and range. Each effect is a small function."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import IntEnum

from simulators.faults import Fault, FaultText, fault_of


class Status(IntEnum):
    """What a ranging sensor says of its own reading (domain drainage 2.7)."""

    OK = 0
    NO_ECHO = 1
    BLIND = 2
    OVER_RANGE = 3
    FAULT = 4


@dataclass(slots=True)
class Effect:
    """A sensor fault in force: its size, when it began (epoch ms), and what it remembers."""

    value: float
    since: int
    held: float | None = None


Distort = Callable[[float, Effect, int, random.Random], float]
"""(level in metres, the effect, now, random) -> the level the sensor sees."""


def stuck(level: float, effect: Effect, _now: int, _rng: random.Random) -> float:
    """The first level it had, for ever."""
    if effect.held is None:
        effect.held = level
    return effect.held


def drift(level: float, effect: Effect, now: int, _rng: random.Random) -> float:
    """``value`` metres an hour away from the truth."""
    return level + effect.value * (now - effect.since) / 3_600_000


def noise(level: float, effect: Effect, _now: int, rng: random.Random) -> float:
    """A further standard deviation of ``value`` metres."""
    return level + rng.gauss(0, effect.value)


def spike(level: float, effect: Effect, _now: int, rng: random.Random) -> float:
    """One sample in thirty jumps by ``value`` metres."""
    return level + effect.value if rng.random() < 1 / 30 else level


def silt(level: float, effect: Effect, _now: int, _rng: random.Random) -> float:
    """Mud of ``value`` metres on the floor is all that a low level shows."""
    return max(level, effect.value)


def box(level: float, effect: Effect, _now: int, _rng: random.Random) -> float:
    """Something ``value`` metres high stands under the beam: a parked car, a bin."""
    return max(level, effect.value)


@dataclass(frozen=True, slots=True)
class Kind:
    """A sensor fault that can be set: its text, its size if none is given, and what it does."""

    text: FaultText
    size: float
    distort: Distort


KINDS = {
    "silt": Kind(FaultText("silt", "淤泥垫高", "silt under the sensor, value = metres"), 0.25, silt),
    "parked-car": Kind(FaultText("parked-car", "探头下有车", "something stands under the beam, value = metres"), 0.45, box),
    "drift": Kind(FaultText("drift", "漂移", "drifts, value = metres an hour"), 0.02, drift),
    "noise": Kind(FaultText("noise", "噪声", "noisy, value = standard deviation in metres"), 0.05, noise),
    "spike": Kind(FaultText("spike", "尖峰", "one sample in thirty jumps, value = metres"), 0.8, spike),
    "stuck": Kind(FaultText("stuck", "读数卡死", "reading does not move"), 0.0, stuck),
}
"""In the order in which they act: what stands under the beam first, then the electronics."""
NO_ECHO = FaultText("no-echo", "无回波", "no echo: the sensor reports its full range")


@dataclass(frozen=True, slots=True)
class Reading:
    """What the sensor says: level above its datum, air gap below its face (both metres), and its own opinion."""

    level: float
    gap: float
    status: Status


@dataclass
class LevelSensor:
    """A sensor ``face`` metres above the datum that sees ``span`` metres, but nothing nearer than ``blind``. One that ``freezes``
    keeps its highest reading when the water drowns it (radar); another loses its echo (ultrasonic). Domain drainage 3.3.
    """

    face: float
    span: float
    blind: float
    sigma: float
    rng: random.Random
    freezes: bool = True
    effects: dict[str, Effect] = field(default_factory=dict)
    silent: bool = False

    def sense(self, level: float, now: int) -> Reading:
        """One reading of the true level. In the blind zone it stands still at its edge; without echo it is the full range."""
        if self.silent or (level >= self.face and not self.freezes):
            return Reading(self.face - self.span, self.span, Status.NO_ECHO)
        seen = level + self.rng.gauss(0, self.sigma)
        for name, kind in KINDS.items():
            if (effect := self.effects.get(name)) is not None:
                seen = kind.distort(seen, effect, now, self.rng)
        gap = self.face - seen
        if gap < self.blind:
            return Reading(self.face - self.blind, self.blind, Status.BLIND)
        if gap > self.span:
            return Reading(self.face - self.span, self.span, Status.OVER_RANGE)
        return Reading(seen, gap, Status.OK)

    def faults(self, target: str, now: Callable[[], int], omit: frozenset[str] = frozenset()) -> Iterator[Fault]:
        """The faults it can have; ``now`` tells when one begins."""

        def setter(name: str, size: float) -> Callable[[bool, float | None], None]:
            def change(on: bool, value: float | None) -> None:
                if on:
                    self.effects[name] = Effect(size if value is None else value, now())
                else:
                    self.effects.pop(name, None)

            return change

        def silence(on: bool, _value: float | None) -> None:
            self.silent = on

        for name, kind in KINDS.items():
            if name not in omit:
                yield fault_of(target, kind.text, setter(name, kind.size))
        yield fault_of(target, NO_ECHO, silence)


@dataclass
class TippingBucket:
    """A rain gauge that counts tips of 0.2 mm. Rated to 4 mm/min; above that it loses ``loss`` of the excess (domain drainage
    2.4; the size of the loss is unverified). ``caught`` is what a clogged funnel still lets through.
    """

    size: float = 0.2
    rated: float = 4.0
    loss: float = 0.3
    caught: float = 1.0
    stuck: bool = False
    tips: int = 0
    _held: float = 0.0

    def fall(self, mm: float, seconds: float) -> None:
        """Rain for a while."""
        rate = mm * self.caught * 60 / seconds
        counted = min(rate, self.rated) + max(0.0, rate - self.rated) * (1 - self.loss)
        self._held += counted * seconds / 60
        whole = int(self._held / self.size + 1e-9)
        self._held -= whole * self.size
        if not self.stuck:
            self.tips += whole

    @property
    def total(self) -> float:
        """Mm counted since the beginning."""
        return self.tips * self.size
