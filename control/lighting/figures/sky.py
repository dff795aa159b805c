"""What the light sensors of edge nodes said in a past night: their recorded readings through the vote that edge nodes take. Pure.

A reading holds until the next one, for as long as its rule calls it fresh, or for its heartbeat: a sensor that has not moved by
more than its deadband is not written down more often. Where too few are known there is no verdict, and the sun's times alone
decide.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from lampwell.history.port import Buckets
from lampwell.lighting.lux import LuxReading, Vote
from lampwell.lighting.model import LuxRule

STEP_MS = 60_000
"""How often a night is gone through: edge nodes look every two seconds, so that a verdict may be a minute late here."""
Sensor = Sequence[LuxReading]
"""One sensor's readings in order of time; lx None: a bad one."""
Verdicts = Sequence[tuple[int, bool | None]]
"""(since, verdict) in order of time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sky:
    """Verdicts by edge node and lux rule."""

    said: Mapping[tuple[str, LuxRule], Verdicts] = field(default_factory=dict)

    def dark(self, edge: str, rule: LuxRule, at: int) -> bool | None:
        """True dark, False light, None: the sensors did not say."""
        told = self.said.get((edge, rule), ())
        n = bisect_right(told, at, key=lambda one: one[0]) - 1
        return told[n][1] if n >= 0 else None


def sensor(buckets: Buckets) -> Sensor:
    """The newest reading of each bucket, known at its end. One with a bad reading is not believed, and ends what was."""
    return [
        LuxReading(None if bad else lx, at + buckets.width_ms)
        for at, lx, bad in zip(buckets.time, buckets.last, buckets.bad, strict=True)
    ]


def verdicts(rule: LuxRule, sensors: Iterable[Sensor], span: tuple[int, int], beat_ms: int) -> Verdicts:
    """What they said in [start, end). ``beat_ms``: the heartbeat of their points."""
    held = [list(_held(one, span, max(beat_ms, 1000 * rule.stale_s))) for one in sensors]
    together, told = Vote(rule), list[tuple[int, bool | None]]()
    for n, at in enumerate(range(*span, STEP_MS)):
        says = together.hear([LuxReading(lx[n], at) for lx in held], at)
        if not told or told[-1][1] is not says:
            told.append((at, says))
    return told


def _held(one: Sensor, span: tuple[int, int], fresh_ms: int) -> Iterator[float | None]:
    """A sensor's value at each step; None where it is not known."""
    n = 0
    for at in range(*span, STEP_MS):
        while n < len(one) and one[n].at <= at:
            n += 1
        yield one[n - 1].lx if n and at - one[n - 1].at <= fresh_ms else None
