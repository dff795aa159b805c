"""All alarms together: which one an event concerns, when time alone acts, and how a root cause silences what it explains.

Deterministic and without I/O: the same events at the same times give the same changes, whoever holds the states in between. The
caller keeps the changes (journal, messages) and calls ``tick`` at ``wakes_at`` at the latest.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from control.alarms.core import step
from control.alarms.events import Change, Edited, Effect, Elapsed, Event, Observed, Refused, Step, Suppress
from control.alarms.model import Alarm, AlarmState, Condition, Core

DOWN_MS = 120_000
"""After a longer stop than this nothing that was known before counts as known: delays wait for a fresh observation."""


class UnknownAlarm(KeyError):
    """There is no alarm of this key."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a person's event led to; ``refused`` says why nothing, None = done."""

    changes: tuple[Change, ...] = ()
    refused: Refused | None = None


class Engine:
    """``states``: what was kept of an earlier life; keys without an alarm (a rule was taken out) are not used but stay kept.

    ``number``: the highest occurrence number ever given.
    """

    def __init__(self, alarms: Iterable[Alarm], states: Mapping[str, AlarmState] | None = None, *, number: int = 0) -> None:
        self.number = number
        self._alarms = {alarm.key: alarm for alarm in alarms}
        self._states = dict(states or {})
        self._children = _children(self._alarms.values())
        self._disabled: dict[str, str] = {}
        self._timers: list[tuple[int, str]] = []
        for key, state in self._states.items():
            self._wake(key, state)
            if state.suppressed and key in self._alarms and self._alarms[key].conditional and self._explanation(key) is None:
                self._disabled[key] = "as before"  # what disabled it was not kept; the field will say it anew

    # -- what there is -------------------------------------------------------------------------------------------------

    @property
    def alarms(self) -> Mapping[str, Alarm]:
        """By key."""
        return self._alarms

    @property
    def states(self) -> Mapping[str, AlarmState]:
        """By key; an alarm that nothing was ever said of has none."""
        return self._states

    def state(self, key: str) -> AlarmState:
        """The state of one alarm. UnknownAlarm."""
        if key not in self._alarms:
            raise UnknownAlarm(key)
        return self._states.get(key, _FRESH)

    @property
    def wakes_at(self) -> int | None:
        """When ``tick`` has something to do; None = never by time alone."""
        while self._timers and not self._is_due(*self._timers[0]):
            heapq.heappop(self._timers)
        return self._timers[0][0] if self._timers else None

    # -- what happens --------------------------------------------------------------------------------------------------

    def observe(self, condition: Condition, now: int) -> list[Change]:
        """A condition was observed. One of an alarm that does not exist says nothing."""
        alarm = self._alarms.get(condition.key)
        return [] if alarm is None else self._do(alarm, Observed(condition=condition), now)[0]

    def enable(self, key: str, *, enabled: bool, why: str, now: int) -> list[Change]:
        """The alarm's enabling conditions hold, or one is known not to (``why`` names it): then it is suppressed by design."""
        if key not in self._alarms or (key not in self._disabled) is enabled:
            return []
        if enabled:
            del self._disabled[key]
        else:
            self._disabled[key] = why
        return self._reconsider(key, now)

    def tick(self, now: int) -> list[Change]:
        """Time has passed."""
        changes: list[Change] = []
        while self._timers and self._timers[0][0] <= now:
            due, key = heapq.heappop(self._timers)
            if self._is_due(due, key):
                changes += self._do(self._alarms[key], Elapsed(), now)[0]
        return changes

    def ask(self, key: str, event: Event, now: int) -> Answer:
        """A person's event. UnknownAlarm."""
        if key not in self._alarms:
            raise UnknownAlarm(key)
        changes, refused = self._do(self._alarms[key], event, now)
        return Answer(tuple(changes), refused)

    def edit(self, alarms: Iterable[Alarm], now: int) -> list[Change]:
        """Go over to these alarms: changed ones are judged anew, new ones begin, and those left out end in silence."""
        old, self._alarms = self._alarms, {alarm.key: alarm for alarm in alarms}
        self._children = _children(self._alarms.values())
        changes = [change for key in old.keys() - self._alarms.keys() for change in self._retire(old[key], now)]
        for key, alarm in self._alarms.items():
            if key in self._states and old.get(key) != alarm:
                changes += self._do(alarm, Edited(), now)[0]
        return changes + self.settle(now)

    def settle(self, now: int) -> list[Change]:
        """Suppress and release as the present alarms ask for; also after a start, for the rules may have changed meanwhile."""
        return [change for key in self._alarms for change in self._reconsider(key, now)]

    # -- the pieces ----------------------------------------------------------------------------------------------------

    def _do(self, alarm: Alarm, event: Event, now: int) -> tuple[list[Change], Refused | None]:
        before = self._states.get(alarm.key, _FRESH)
        done = step(alarm, before, event, now, self.number + 1)
        after = done.state
        if after is before:
            return [], done.refused
        self._states[alarm.key] = after
        if after.occurrence != before.occurrence:
            self.number = after.occurrence
        if after.wakes_at != before.wakes_at:
            self._wake(alarm.key, after)
        if not done.effects and durable(before) == durable(after):
            return [], done.refused
        changes = [Change(at=now, alarm=alarm, event=event, before=before, step=done)]
        if explains(before) != explains(after):
            for child in self._children.get(alarm.key, ()):
                changes += self._reconsider(child, now)
        return changes, done.refused

    def _reconsider(self, key: str, now: int) -> list[Change]:
        """Suppress or release an alarm as its parents and enabling conditions now have it."""
        why = self._disabled.get(key) or self._explanation(key)
        if (why is not None) is self._states.get(key, _FRESH).suppressed:
            return []
        return self._do(self._alarms[key], Suppress(on=why is not None, why=why or ""), now)[0]

    def _explanation(self, key: str) -> str | None:
        """The first parent that is a root cause now."""
        return next((one for one in self._alarms[key].parents if explains(self._states.get(one, _FRESH))), None)

    def _retire(self, alarm: Alarm, now: int) -> list[Change]:
        """An alarm that no rule asks for any more: its occurrence, if one is open, is over."""
        before = self._states.pop(alarm.key, _FRESH)
        self._disabled.pop(alarm.key, None)
        if durable(before) == durable(_FRESH):
            return []
        effects = () if before.core is Core.NORMAL else (Effect.CLOSED,)
        done = Step(state=AlarmState(occurrence=before.occurrence), effects=effects)
        return [Change(at=now, alarm=alarm, event=Edited(), before=before, step=done)]

    def _is_due(self, due: int, key: str) -> bool:
        """Whether the alarm still wants to be woken then; timers that were overtaken stay in the heap until their time."""
        return key in self._alarms and self._states.get(key, _FRESH).wakes_at == due

    def _wake(self, key: str, state: AlarmState) -> None:
        if state.wakes_at is not None:
            heapq.heappush(self._timers, (state.wakes_at, key))


_FRESH = AlarmState()


def explains(state: AlarmState) -> bool:
    """Whether an alarm is a root cause: active, or on its way there (so that children wait for it); not when out of service."""
    return (state.active or state.pending) and not state.out_of_service


def durable(state: AlarmState) -> tuple[object, ...]:
    """What of a state must outlive a crash by itself; the newest observation comes again from the field."""
    return (
        state.core,
        state.on,
        state.due,
        state.occurrence,
        state.announced,
        state.realarm_at,
        state.shelved_until,
        state.out_of_service,
        state.suppressed,
    )


def _children(alarms: Iterable[Alarm]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for alarm in alarms:
        for parent in alarm.parents:
            found.setdefault(parent, []).append(alarm.key)
    return found


def resumed(state: AlarmState, down_ms: int) -> AlarmState:
    """A kept state after so long a stop."""
    return replace(state, known=False) if down_ms > DOWN_MS else state
