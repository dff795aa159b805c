"""The light sensors of a night out of the history, for the figures of lighting."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from collector.asking import Source
from control.lighting.figures.should import InForce
from control.lighting.figures.sky import STEP_MS, Sensor, Sky, sensor, verdicts
from lampwell.history.port import SeriesId
from lampwell.lighting.model import LuxRule

ILLUMINANCE = "illuminance"
AHEAD_MS = 3 * 3_600_000
"""A night's sensors are heard so long before its noon: in full daylight, before any rule looks at them."""
Stored = Mapping[str, tuple[SeriesId, float]]
"""Device -> the series of its light sensor, and its heartbeat in seconds."""


def rules(force: InForce) -> Mapping[str, set[LuxRule]]:
    """The lux rules of each edge node in all its plans; only those that have any."""
    found = {edge: {rule for _, table in plans if table for rule in table.lux.values()} for edge, plans in force.plans.items()}
    return {edge: each for edge, each in found.items() if each}


async def sky(source: Source, stored: Stored, force: InForce, start: int, end: int) -> Sky:
    """What the sensors of every edge node said from ``start`` to ``end``."""
    wanted = rules(force)
    chosen = {device: one for device, one in stored.items() if force.edge.get(device) in wanted}
    span = start - AHEAD_MS, end + STEP_MS
    found = await source.buckets([one for one, _ in chosen.values()], *span, STEP_MS) if chosen else []
    heard: dict[str, list[Sensor]] = defaultdict(list)
    for device, each in zip(chosen, found, strict=True):
        heard[force.edge[device]].append(sensor(each))
    beat = _beat_ms([beat for _, beat in chosen.values()])
    return Sky(said={(edge, rule): verdicts(rule, heard[edge], span, beat) for edge, each in wanted.items() for rule in each})


def _beat_ms(beats: Sequence[float]) -> int:
    """They have one profile, as a rule; else the shortest: what is older may have been silence."""
    return round(1000 * min(beats, default=0.0))
