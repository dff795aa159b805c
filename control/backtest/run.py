"""Rules over a story: what they would have raised, announced and cleared, and when. Virtual time, no I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from control.alarms.bind import Binding
from control.alarms.engine import Engine
from control.alarms.events import Change, Effect
from control.alarms.watch import Seen, Watch
from control.backtest.logic import LOOK_S, BrokerLink, Found, Logic, Story, StoryEvent
from lampwell.assets import County
from lampwell.sparkplug.messages import HostState


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

    def active_ms(self, start: int, end: int) -> int:
        """How long it was active within [start, end)."""
        over = end if self.cleared_at is None else min(self.cleared_at, end)
        return max(0, over - max(self.raised_at, start))


class Trial:
    """One rule set on its way through a story, from ``start`` on, when the broker is there and no alarm is active. Nobody
    acknowledges anything, so a latched alarm that is raised anew is a new occurrence.
    """

    def __init__(self, binding: Binding, county: County, start: int) -> None:
        self._engine, self._watch = Engine(binding.alarms), Watch(binding, county)
        self._lives: dict[int, Life] = {}
        self._tell(self._watch.broker(connected=True, now=start), start)

    def feed(self, story: Story) -> None:
        """The next part of the story."""
        for time, event in story:
            self.advance(time)
            self._tell(self._seen(event, time), time)

    def advance(self, time: int) -> None:
        """Everything that time alone does up to ``time``."""
        while (due := self._next()) is not None and due <= time:
            self._tell(self._watch.tick(due), due)
            self._note(self._engine.tick(due))

    def lives(self, since: int) -> list[Life]:
        """The occurrences so far that were not over before ``since``, in the order in which they were raised."""
        return [life for life in self._lives.values() if life.cleared_at is None or life.cleared_at >= since]

    def _seen(self, event: StoryEvent, time: int) -> Seen:
        match event:
            case BrokerLink(connected=connected):
                return self._watch.broker(connected=connected, now=time)
            case HostState(online=online):
                return self._watch.host_state(online=online, now=time)
            case Found(conditions=conditions):
                for one in conditions:
                    self._watch.fault(one.key, one, time)
                return self._watch.seen()
            case _:
                return self._watch.event(event, time)

    def _next(self) -> int | None:
        return min((at for at in (self._engine.wakes_at, self._watch.wakes_at) if at is not None), default=None)

    def _tell(self, seen: Seen, now: int) -> None:
        for one in seen.enabled:
            self._note(self._engine.enable(one.key, enabled=one.enabled, why=one.why, now=now))
        for condition in seen.conditions:
            self._note(self._engine.observe(condition, now))

    def _note(self, changes: Sequence[Change]) -> None:
        lives = self._lives
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


def run(binding: Binding, county: County, story: Story, start: int, end: int, *, look_s: float = LOOK_S) -> list[Life]:
    """Every occurrence of a whole story, in the order in which they were raised, with what logic finds in it, every ``look_s``.
    What comes at ``end`` or later is left out.
    """
    trial, logic = Trial(binding, county, start), Logic(county, start, look_s=look_s)
    trial.feed(logic.woven(((time, event) for time, event in story if time < end), end))
    trial.advance(end)
    return trial.lives(start)
