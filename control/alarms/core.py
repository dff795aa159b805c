"""One alarm, one event: the pure heart of the engine. No clock, no I/O, no other alarm.

Core states, after ISA-18.2 / IEC 62682 (domain alarms 1.1)::

    A normal --raise--> B unacked --ack--> C acked --clear--> A
                        B --clear--> D returned --ack--> A          (straight to A when nobody was told or need acknowledge)
                        B --clear, latching--> E --ack--> F --reset--> A;   C --clear, latching--> F
                        C --acknowledgement expires--> B
    D, E, F --raise--> B: a new occurrence; the old one ends superseded if it was not acknowledged

Raise and clear come after their delays. An observation without a value neither starts nor ends anything, and no delay ends while
the newest observation is unusable. The flags only decide whether people are told.
"""

from __future__ import annotations

import math
from dataclasses import replace

from control.alarms.events import (
    Acknowledge,
    Edited,
    Effect,
    Elapsed,
    Event,
    Observed,
    Refused,
    Reset,
    Service,
    Shelve,
    Step,
    Suppress,
    Unshelve,
)
from control.alarms.model import ACTIVE, WAITING, Alarm, AlarmState, Condition, Core, Limit, Side

FENCE_MS = 300_000
"""A source time further than this behind, or ahead at all, is not believed: the time of arrival stands for it (domain alarms
3.3, F14: stamps more than 5 min off are fenced)."""

_ROUNDING = 1e-9
_AFTER_ACK = {Core.UNACKED: Core.ACKED, Core.RETURNED: Core.NORMAL, Core.LATCHED: Core.LATCHED_ACKED}


def step(alarm: Alarm, state: AlarmState, event: Event, now: int, number: int) -> Step:
    """What ``event`` does to ``state`` at ``now`` (epoch ms). ``number`` is the occurrence's if one begins."""
    match event:
        case Observed(condition=condition):
            return _observed(alarm, state, condition, now, number)
        case Elapsed():
            return _elapsed(alarm, state, now, number)
        case Acknowledge():
            return _acknowledged(alarm, state, event, now)
        case Reset():
            return _reset(state)
        case Shelve():
            return _shelved(alarm, state, event, now)
        case Unshelve():
            return _unshelved(state)
        case Service():
            return _service(state, event)
        case Suppress(on=on):
            return _suppressed(state, on=on)
        case Edited():
            return _edited(alarm, state, now, number)


class _Doing:
    """A state on its way, with what has been done so far."""

    __slots__ = ("effects", "ended", "state")

    def __init__(self, state: AlarmState, effects: tuple[Effect, ...] = (), ended: int | None = None) -> None:
        self.state, self.effects, self.ended = state, effects, ended

    def to(self, state: AlarmState, *effects: Effect) -> None:
        """Go on to a state."""
        self.state, self.effects = state, self.effects + effects

    def done(self) -> Step:
        """The outcome."""
        return Step(state=self.state, effects=self.effects, ended=self.ended)


# -- what the field says -------------------------------------------------------------------------------------------------------


def judge(limit: Limit | None, on: bool, value: float | bool | None) -> bool | None:
    """Whether a value is alarming, given whether it was (``on``: between limit and deadband what was stays); None = not known."""
    if value is None or not math.isfinite(value):  # NaN and overflow are no values
        return None
    if limit is None:
        return bool(value)
    beyond = value - limit.value if limit.side is Side.ABOVE else limit.value - value
    return beyond >= 0 or (on and beyond >= -limit.deadband - _ROUNDING)


def _observed(alarm: Alarm, state: AlarmState, condition: Condition, now: int, number: int) -> Step:
    at = condition.time if now - FENCE_MS <= condition.time <= now else now
    if at < state.time:
        return Step(state=state)  # an older one, come late: the newest decides
    verdict = judge(alarm.limit, state.on, condition.value)
    if verdict is None:
        return Step(state=replace(state, time=at, known=False))
    doing = _Doing(replace(state, time=at, value=condition.value, known=True))
    return _judged(alarm, doing, verdict, at, now, number)


def _edited(alarm: Alarm, state: AlarmState, now: int, number: int) -> Step:
    """Judge the last usable value by the new limit; the new delays begin at once. Where a limit came or went, a number would be
    taken for a contact, or a contact for a number: then nothing is known until the next observation.
    """
    same_kind = isinstance(state.value, bool) is (alarm.limit is None)
    verdict = judge(alarm.limit, on=False, value=state.value) if state.known and same_kind else None
    if verdict is None:
        return Step(state=replace(state, known=False))
    doing = _Doing(state)
    if verdict == state.on and state.due is not None:
        delay = alarm.rule.timing.on_s if state.on else alarm.rule.timing.off_s
        doing.to(replace(state, due=_after(state.since, delay)))
    return _judged(alarm, doing, verdict, now, now, number)


def _judged(alarm: Alarm, doing: _Doing, verdict: bool, at: int, now: int, number: int) -> Step:
    """The condition is there or gone: start, go on with or give up a delay, then act on those that are over."""
    state = doing.state
    if verdict != state.on:
        state = replace(state, on=verdict, since=at)
        running = state.due is not None
        if verdict == state.active:  # it is again as the core has it: a delay that ran the other way is void
            doing.to(replace(state, due=None), *([Effect.DROPPED] if running else []))
        else:
            delay = alarm.rule.timing.on_s if verdict else alarm.rule.timing.off_s
            doing.to(replace(state, due=_after(at, delay)), *([Effect.PENDING] if delay > 0 else []))
    return _times(alarm, doing, now, number)


def _after(since: int, seconds: float) -> int:
    return since + round(seconds * 1000)


# -- what time does ------------------------------------------------------------------------------------------------------------


def _elapsed(alarm: Alarm, state: AlarmState, now: int, number: int) -> Step:
    return _times(alarm, _Doing(state), now, number)


def _times(alarm: Alarm, doing: _Doing, now: int, number: int) -> Step:
    """Whatever is over by now: a shelf, a delay, an acknowledgement."""
    if doing.state.shelved_until is not None and doing.state.shelved_until <= now:
        doing.to(replace(doing.state, shelved_until=None), Effect.UNSHELVED)
    if doing.state.due is not None and doing.state.known and doing.state.due <= now:
        if doing.state.on:
            _raise(doing, number)
        else:
            _clear(alarm, doing)
    state = doing.state
    if state.core is Core.ACKED and state.realarm_at is not None and state.realarm_at <= now:
        doing.to(replace(state, core=Core.UNACKED, announced=False, realarm_at=None), Effect.EXPIRED)
    return _heard(doing)


def _raise(doing: _Doing, number: int) -> None:
    state = doing.state
    if state.core in WAITING:
        doing.ended = state.occurrence
        doing.to(state, Effect.SUPERSEDED)
    elif state.core is not Core.NORMAL:
        doing.to(state, Effect.CLOSED)
        doing.ended = state.occurrence
    doing.to(
        replace(state, core=Core.UNACKED, due=None, occurrence=number, announced=False, realarm_at=None),
        Effect.RAISED,
    )


def _clear(alarm: Alarm, doing: _Doing) -> None:
    state = replace(doing.state, due=None, realarm_at=None)
    acked = state.core is Core.ACKED or not alarm.rule.acknowledge or not state.announced
    if alarm.rule.latching:
        doing.to(replace(state, core=Core.LATCHED_ACKED if acked else Core.LATCHED), Effect.CLEARED, Effect.LATCHED)
    elif acked:
        doing.to(replace(state, core=Core.NORMAL, announced=False), Effect.CLEARED, Effect.CLOSED)
    else:
        doing.to(replace(state, core=Core.RETURNED), Effect.CLEARED)


def _heard(doing: _Doing) -> Step:
    """Tell people of an active occurrence once, as soon as nothing keeps it silent."""
    state = doing.state
    if state.core is Core.UNACKED and not state.announced and not state.silent:
        doing.to(replace(state, announced=True), Effect.ANNOUNCED)
    return doing.done()


# -- what people do ------------------------------------------------------------------------------------------------------------


def _acknowledged(alarm: Alarm, state: AlarmState, event: Acknowledge, now: int) -> Step:
    if event.occurrence != state.occurrence or state.core is Core.NORMAL:
        nothing = event.occurrence == state.occurrence == 0
        return Step(state=state, refused=Refused.NOTHING_TO_ACK if nothing else Refused.NOT_THIS)
    if state.core not in WAITING:
        return Step(state=state, refused=Refused.ALREADY)
    core, realarm = _AFTER_ACK[state.core], alarm.rule.timing.realarm_s
    expires = _after(now, realarm) if core is Core.ACKED and realarm is not None else None
    doing = _Doing(replace(state, core=core, announced=core is not Core.NORMAL, realarm_at=expires), (Effect.ACKED,))
    if core is Core.NORMAL:
        doing.to(doing.state, Effect.CLOSED)
    return doing.done()


def _reset(state: AlarmState) -> Step:
    if state.core is Core.LATCHED_ACKED:
        return Step(state=replace(state, core=Core.NORMAL, announced=False), effects=(Effect.RESET, Effect.CLOSED))
    if state.core is Core.LATCHED:
        return Step(state=state, refused=Refused.ACK_FIRST)
    return Step(state=state, refused=Refused.STILL_ACTIVE if state.core in ACTIVE else Refused.NOT_LATCHED)


def _shelved(alarm: Alarm, state: AlarmState, event: Shelve, now: int) -> Step:
    if not event.reason.strip():
        return Step(state=state, refused=Refused.NO_REASON)
    if event.until <= now:
        return Step(state=state, refused=Refused.PAST)
    if event.until > _after(now, alarm.most_shelf_s):
        return Step(state=state, refused=Refused.TOO_LONG)
    shelved = replace(state, shelved_until=event.until, announced=state.announced and state.core is not Core.UNACKED)
    return Step(state=shelved, effects=(Effect.SHELVED,))


def _unshelved(state: AlarmState) -> Step:
    if state.shelved_until is None:
        return Step(state=state, refused=Refused.NOT_SHELVED)
    return _heard(_Doing(replace(state, shelved_until=None), (Effect.UNSHELVED,)))


def _service(state: AlarmState, event: Service) -> Step:
    if event.out is state.out_of_service:
        return Step(state=state, refused=Refused.NO_CHANGE)
    if not event.reason.strip():
        return Step(state=state, refused=Refused.NO_REASON)
    if event.out:
        out = replace(state, out_of_service=True, announced=state.announced and state.core is not Core.UNACKED)
        return Step(state=out, effects=(Effect.OUT,))
    return _heard(_Doing(replace(state, out_of_service=False), (Effect.IN,)))


def _suppressed(state: AlarmState, *, on: bool) -> Step:
    if on is state.suppressed:
        return Step(state=state)
    return _heard(_Doing(replace(state, suppressed=on), (Effect.SUPPRESSED if on else Effect.RELEASED,)))
