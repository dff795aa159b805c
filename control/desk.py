"""The duty desk: the one place through which the field, time and people reach the alarms; all else stands on its API.

Everything runs on one event loop. The engine decides at once, in memory; what it did goes to the writer as one unit (journal,
occurrences, messages, work orders, audit) and is on disk a moment later. A person's request is answered after that.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from sqlalchemy import Connection

from control.alarms.engine import Answer, Engine
from control.alarms.events import Acknowledge, Change, Event, Observed, Refused, Reset, Service, Shelve, Unshelve
from control.alarms.model import Alarm, AlarmState, Condition, Core
from control.alarms.occurrences import Occurrence, first_out, follow
from control.alarms.view import AlarmView, rank
from control.requests import NotDone, named
from control.store import journal
from control.store.audit import record
from lampwell.clock import Clock

T = TypeVar("T")
Work = Callable[[Connection], object]


class Recorder(Protocol):
    """Where units of work are committed, in order."""

    def submit(self, work: Callable[[Connection], T]) -> asyncio.Future[T]:
        """The result, once it is on disk."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one moment did: the engine's changes, the occurrences they changed, and all that are open now, by number."""

    at: int
    changes: Sequence[Change]
    occurrences: Sequence[Occurrence]
    open: dict[int, Occurrence]


class Follower(Protocol):
    """Something that must happen in the same transaction as a batch: messages, work orders."""

    def follow(self, batch: Batch) -> Sequence[Work]:
        """The units of work that a batch asks for."""
        ...

    def committed(self) -> None:
        """They are on disk."""
        ...


class Desk:
    """``kept``: what an earlier life left (``journal.load``). ``followers`` are asked for every batch, in order."""

    def __init__(self, engine: Engine, kept: journal.Kept, recorder: Recorder, clock: Clock) -> None:
        self.engine = engine
        self.open: dict[int, Occurrence] = dict(kept.open)
        self.followers: list[Follower] = []
        self._recorder, self._clock = recorder, clock
        self._newest: dict[str, Condition] = {}

    # -- the field and time ----------------------------------------------------------------------------------------------

    def begin(self) -> None:
        """After a start: suppressions as the present rules have them; occurrences that no rule speaks of any more end."""
        now = self._clock.now()
        self._take(self.engine.settle(now), now)
        spoken = {
            state.occurrence
            for key, state in self.engine.states.items()
            if key in self.engine.alarms and state.core is not Core.NORMAL
        }
        ended = journal.closed_now(self.open.values(), spoken, now)
        for one in ended:
            del self.open[one.number]
        if ended:
            self._recorder.submit(lambda connection: journal.keep(connection, (), ended))

    def observe(self, conditions: Iterable[Condition]) -> None:
        """What the field, or logic that watches it, says."""
        now = self._clock.now()
        changes: list[Change] = []
        for condition in conditions:
            if condition.value is not None:
                self._newest[condition.key] = condition
            changes += self.engine.observe(condition, now)
        self._take(changes, now)

    def enable(self, key: str, *, enabled: bool, why: str) -> None:
        """An enabling condition of an alarm holds or does not."""
        now = self._clock.now()
        self._take(self.engine.enable(key, enabled=enabled, why=why, now=now), now)

    def tick(self) -> None:
        """Time has passed."""
        now = self._clock.now()
        if (due := self.engine.wakes_at) is not None and due <= now:
            self._take(self.engine.tick(now), now)

    def reload(self, alarms: Iterable[Alarm]) -> None:
        """Go over to new rules or limits."""
        now = self._clock.now()
        self._take(self.engine.edit(alarms, now), now)

    # -- what people see -------------------------------------------------------------------------------------------------

    def view(self, key: str) -> AlarmView:
        """One alarm. UnknownAlarm."""
        state = self.engine.state(key)
        return self._view(key, state, self.open.get(state.occurrence), self._firsts())

    def listing(self, *, everything: bool = False) -> list[AlarmView]:
        """The alarm list: unacknowledged first, then by priority and age. ``everything``: what is shelved, suppressed or out of
        service too.
        """
        firsts = self._firsts()
        views = []
        for key, state in self.engine.states.items():
            if key not in self.engine.alarms:
                continue
            found = self.open.get(state.occurrence) if state.core is not Core.NORMAL else None
            view = self._view(key, state, found, firsts)
            if view.standing or (everything and (found or state.silent)):
                views.append(view)
        return sorted(views, key=rank)

    def _view(self, key: str, state: AlarmState, found: Occurrence | None, firsts: frozenset[int]) -> AlarmView:
        first = found is not None and found.number in firsts
        return AlarmView(alarm=self.engine.alarms[key], state=state, occurrence=found, first=first, newest=self._newest.get(key))

    def find(self, number: int) -> Occurrence:
        """An open occurrence. NotDone."""
        if number not in self.open:
            raise NotDone(f"没有未关闭的报警 there is no open alarm #{number}")
        return self.open[number]

    # -- what people do --------------------------------------------------------------------------------------------------

    async def acknowledge(self, number: int, who: str, note: str = "") -> Occurrence:
        """Take notice of an occurrence. NotDone says why not."""
        one = self.find(number)
        await self._ask(one.key, Acknowledge(who=named(who), occurrence=number, note=note))
        return self.open.get(number, one)

    async def reset(self, number: int, who: str, note: str = "") -> None:
        """Release a latched alarm. NotDone."""
        await self._ask(self.find(number).key, Reset(who=named(who), note=note))

    async def shelve(self, key: str, who: str, until: int, reason: str) -> None:
        """Hear nothing of an alarm until then. NotDone, UnknownAlarm."""
        await self._ask(key, Shelve(who=named(who), until=until, reason=reason))

    async def unshelve(self, key: str, who: str, reason: str = "") -> None:
        """Hear of it again. NotDone, UnknownAlarm."""
        await self._ask(key, Unshelve(who=named(who), reason=reason))

    async def service(self, key: str, who: str, *, out: bool, reason: str) -> None:
        """Take an alarm out of service, or put it back. NotDone, UnknownAlarm."""
        await self._ask(key, Service(who=named(who), out=out, reason=reason))

    # -- the pieces ------------------------------------------------------------------------------------------------------

    async def _ask(self, key: str, event: Acknowledge | Reset | Shelve | Unshelve | Service) -> None:
        now = self._clock.now()
        answer: Answer = self.engine.ask(key, event, now)
        if answer.refused is not None:
            raise NotDone(REFUSALS.get(answer.refused, str(answer.refused)))
        action = type(event).__name__.lower()
        reason = event.note if isinstance(event, Acknowledge | Reset) else event.reason
        state = str(self.engine.state(key).core)

        def audited(connection: Connection) -> None:
            record(connection, at=now, who=event.who, action=f"alarm.{action}", target=key, after=state, reason=reason)

        done = self._take(list(answer.changes), now, audited)
        if done is not None:
            await done

    def _take(self, changes: list[Change], now: int, *works: Work) -> asyncio.Future[None] | None:
        if not changes and not works:
            return None
        occurrences = [one for change in changes for one in self._follow(change)]
        batch = Batch(at=now, changes=changes, occurrences=occurrences, open=self.open)
        asked = [work for follower in self.followers for work in follower.follow(batch)]

        def unit(connection: Connection) -> None:
            journal.keep(connection, changes, occurrences)
            for work in (*asked, *works):
                work(connection)

        future = self._recorder.submit(unit)
        if asked:
            future.add_done_callback(lambda _: self._committed())
        return future

    def _committed(self) -> None:
        for follower in self.followers:
            follower.committed()

    def _follow(self, change: Change) -> list[Occurrence]:
        found = follow(change, self.open, _because(change.event) or self._newest.get(change.alarm.key))
        for one in found:
            if one.closed_at is None:
                self.open[one.number] = one
            else:
                self.open.pop(one.number, None)
        return found

    def _firsts(self) -> frozenset[int]:
        groups: dict[str, dict[int, int]] = {}
        for one in self.open.values():
            if one.first_out:
                groups.setdefault(one.first_out, {})[one.number] = one.source_time
        return frozenset(number for members in groups.values() for number in first_out(members))


REFUSALS: Mapping[Refused, str] = {
    Refused.NOT_THIS: "该次报警已结束或已有新的一次 that occurrence is over, or a newer one has begun",
    Refused.ALREADY: "已确认 it is acknowledged already",
    Refused.NOTHING_TO_ACK: "没有可确认的报警 there is nothing to acknowledge",
    Refused.NOT_LATCHED: "未自锁 it is not latched",
    Refused.ACK_FIRST: "请先确认 acknowledge it first",
    Refused.STILL_ACTIVE: "条件仍然存在 the condition is still there",
    Refused.TOO_LONG: "超过允许的搁置时间 it may not be shelved for so long",
    Refused.PAST: "时间已过 that time is past",
    Refused.NOT_SHELVED: "未搁置 it is not shelved",
    Refused.NO_CHANGE: "状态未变 it is so already",
    Refused.NO_REASON: "请写明原因 a reason is needed",
}


def _because(event: Event) -> Condition | None:
    return event.condition if isinstance(event, Observed) else None
