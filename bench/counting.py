"""How soon a lost lamp is told by the power of its phase, how often one that is lit: `python -m bench.counting` (minutes of CPU).

Made-up nights of one phase with three dim steps: noise of each sample, a night's own offset, slow waves, and warm-up. A sample a
minute, or one in five as readings come by exception.
"""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median

from control.lighting.faults.counting import Counting, lamps_lost
from control.lighting.faults.model import Finding
from control.lighting.faults.readings import Loop
from control.lighting.faults.reference import looks

MINUTE, DAY = 60_000, 86_400_000
WATTS, GONE_AT = 6000.0, 20.5
PROGRAM = ((18.1, 100.0), (23.0, 75.0), (25.0, 50.0), (29.0, 75.0))
"""Hours from the midnight of the evening, and the level from then on."""
LEARNED, NIGHTS = 14, 30
WITHIN = (("2 h", 2), ("morning", 12), ("3 nights", 72))


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Noise as shares of power: of each sample, of a whole night, of a wandering with a memory of 15 minutes. ``every``: minutes
    between samples.
    """

    name: str
    every: int = 1
    sample: float = 0.005
    night: float = 0.0
    slow: float = 0.0


LINES = (
    Line(name="0.5 % a sample, each minute"),
    Line(name="0.5 % a sample, each 5 min", every=5),
    Line(name="the same, 0.3 % slow waves", every=5, slow=0.003),
    Line(name="the same, nights 0.2 % apart", every=5, slow=0.003, night=0.002),
    Line(name="the same, nights 0.4 % apart", every=5, slow=0.003, night=0.004),
)


def of_night(line: Line, number: int, seed: int, lost: Callable[[float], float]) -> Iterator[Loop]:
    """The readings of one night; ``lost``: share gone by hour."""
    dice, wave = random.Random(seed * 1000 + number), 0.0
    apart, keep = dice.gauss(0, line.night), math.exp(-line.every / 15)
    for minute in range(18 * 60 + 6, 30 * 60 + 21, line.every):
        hour = minute / 60
        level = max(step for step in PROGRAM if step[0] <= hour)[1]
        wave = wave * keep + dice.gauss(0, line.slow * math.sqrt(1 - keep * keep))
        noise = dice.gauss(0, line.sample) + apart + wave + 0.02 * math.exp(-(hour - 18.1) * 12)
        watts = WATTS * (0.05 + 0.95 * level / 100) * (1 - lost(hour)) * (1 + noise + 0.002 * math.sin(number + hour))
        yield Loop(
            place="cab/loop1",
            time=number * DAY + minute * MINUTE,
            commanded=True,
            steady_s=(hour - 18.1) * 3600,
            aux=True,
            local=False,
            watts=(watts, None, None),
            level=level,
        )


def over(readings: Iterator[Loop], lamps: int, state: Counting) -> tuple[Counting, list[Finding]]:
    """The state after a night, and what was told in it."""
    told: list[Finding] = []
    for reading in readings:
        state, found = lamps_lost(state, reading, 0, rated=(WATTS / lamps,) * lamps, zone_ms=0)
        told += [one for one in found if one.value]
    return state, told


def one_lost(line: Line, lamps: int, seed: int) -> tuple[float | None, bool, int]:
    """Hours until one lost lamp is told (None: in three nights not), whether as a count, and false tells before."""
    state, false = Counting(), 0
    for number in range(LEARNED):
        state, told = over(of_night(line, number, seed, lambda _: 0.0), lamps, state)
        false += len(told)
    for number in range(LEARNED, LEARNED + 3):
        gone = lambda hour, number=number: (number > LEARNED or hour >= GONE_AT) / lamps  # noqa: E731
        state, told = over(of_night(line, number, seed, gone), lamps, state)
        if told:
            first = told[0]
            return (first.time - LEARNED * DAY) / 3_600_000 - GONE_AT, bool(first.count and first.count.lamps), false
    return None, False, false


def healthy(line: Line, seed: int) -> tuple[int, dict[str, float]]:
    """False tells in thirty nights without a fault, and what each look could tell at their end."""
    state, false = Counting(), 0
    for number in range(NIGHTS):
        state, told = over(of_night(line, number, seed + 500, lambda _: 0.0), 120, state)
        false += len(told)
    return false, {one.name: one.least for one in looks(state.reference)}


def main(seeds: int) -> None:
    """Both tables."""
    for line in LINES:
        months = [healthy(line, seed) for seed in range(seeds)]
        names = dict.fromkeys(name for one in months for name in one[1])
        limits = {name: 100 * median(one[1][name] for one in months if name in one[1]) for name in names}
        said = ", ".join(f"{name} {limit:.2f} %" for name, limit in limits.items())
        print(f"{line.name}: {sum(one[0] for one in months)} false in {seeds} x {NIGHTS} nights; told from {said}", flush=True)
    for line in LINES:
        for lamps in (40, 120) if line.every == 1 else (40, 60, 80, 120, 160):
            runs = [one_lost(line, lamps, seed) for seed in range(seeds)]
            hours = [one[0] for one in runs if one[0] is not None]
            told = ", ".join(f"{word} {sum(one <= most for one in hours)}" for word, most in WITHIN)
            counts, false = sum(one[1] for one in runs), sum(one[2] for one in runs)
            print(f"{line.name}: 1 of {lamps}: {told} of {seeds}; counts {counts}, false {false}", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 40)
