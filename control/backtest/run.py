"""The rules over a story: what they would have raised, announced and cleared, and when. Virtual time, no I/O."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from control.alarms.bind import Binding
from control.alarms.engine import Engine
from control.alarms.model import Change, Effect
from control.alarms.watch import Seen, Watch
from lampwell.assets import County
from lampwell.sparkplug.messages import HostEvent

Story = Iterable[tuple[int, HostEvent]]
"""What came off the wire, as (epoch ms of arrival, event), in that order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One occurrence in a back-test. Times are epoch ms; ``announced_at`` None = nobody would have been told (suppressed),
    ``cleared_at`` None = still active at the end.
    """

    number: int
    key: str
    rule: str
    priority: int
    raised_at: int
    announced_at: int | None = None
    cleared_at: int | None = None

    def active_ms(self, end: int) -> int:
        """How long it was active, up to the end of the story."""
        return (self.cleared_at if self.cleared_at is not None else end) - self.raised_at


def run(binding: Binding, county: County, story: Story, start: int, end: int) -> list[Life]:
    """Every occurrence of the story, in the order in which they were raised. Nobody acknowledges anything."""
    engine, watch = Engine(binding.alarms), Watch(binding, county)
    lives: dict[int, Life] = {}
    _tell(engine, watch.broker(connected=True, now=start), start, lives)
    for time, event in story:
        _until(engine, watch, min(time, end), lives)
        if time >= end:
            break
        _tell(engine, watch.event(event, time), time, lives)
    _until(engine, watch, end, lives)
    return list(lives.values())


def _until(engine: Engine, watch: Watch, time: int, lives: dict[int, Life]) -> None:
    """Everything that time alone does up to ``time``."""
    while (due := _next(engine, watch)) is not None and due <= time:
        _tell(engine, watch.tick(due), due, lives)
        _note(engine.tick(due), lives)


def _next(engine: Engine, watch: Watch) -> int | None:
    return min((at for at in (engine.wakes_at, watch.wakes_at) if at is not None), default=None)


def _tell(engine: Engine, seen: Seen, now: int, lives: dict[int, Life]) -> None:
    for one in seen.enabled:
        _note(engine.enable(one.key, enabled=one.enabled, why=one.why, now=now), lives)
    for condition in seen.conditions:
        _note(engine.observe(condition, now), lives)


def _note(changes: Sequence[Change], lives: dict[int, Life]) -> None:
    for change in changes:
        effects, number, rule = change.step.effects, change.state.occurrence, change.alarm.rule
        if Effect.RAISED in effects:
            lives[number] = Life(
                number=number, key=change.alarm.key, rule=rule.id, priority=int(rule.priority), raised_at=change.at
            )
        if number not in lives:
            continue
        if Effect.ANNOUNCED in effects and lives[number].announced_at is None:
            lives[number] = replace(lives[number], announced_at=change.at)
        if Effect.CLEARED in effects:
            lives[number] = replace(lives[number], cleared_at=change.at)
