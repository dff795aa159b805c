"""From an alarm to the people who must hear of it: whom, when, again, and who comes next while nobody answers.

It decides on values and puts what is due into the outbox, in the transaction of the alarm's own change. What must be said follows
from times and the roster, and the outbox takes every step of an occurrence once: after a stop all that fell due in it is put, and
what was put before changes nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection, func, or_, select

from control.alarms.events import Change, Effect
from control.alarms.model import Alarm, AlarmState, Core
from control.alarms.occurrences import Occurrence
from control.desk import Batch, Desk, Work
from control.gaps import gap_notices
from control.messages import compose, outbox
from control.messages.compose import Facts
from control.messages.group import EXPIRES_MS, group_key, next_digest, release_at
from control.messages.outbox import Notice, To
from control.people.escalation import Call, Told, due, next_due
from control.staff import Staff
from control.store.errors import StateError
from control.store.tables import transition
from control.store.writer import Writer
from lampwell.clock import Clock

log = logging.getLogger(__name__)

GAP_EVERY_MS = 600_000
FIRST = "0.0"
"""The step that tells of an alarm; all others say that nobody has answered."""
_NEVER = -1
_ENDS = frozenset({Effect.ACKED, Effect.CLOSED, Effect.SUPPRESSED, Effect.SHELVED, Effect.OUT})


@dataclass(frozen=True, slots=True, kw_only=True)
class _Open:
    """An announced occurrence that nobody has answered yet. ``kind``: what its first step says; ``until``: what is due until then
    has been put; ``wakes_at``: when the next step comes.
    """

    told: Told
    kind: str
    until: int
    wakes_at: int | None


class Duty:
    """``wake`` is called when something new is in the outbox, on disk."""

    def __init__(self, staff: Staff, writer: Writer, clock: Clock, *, wake: Callable[[], None]) -> None:
        self._staff = staff
        self._writer, self._clock, self._wake = writer, clock, wake
        self._waiting: dict[int, _Open] = {}
        self._newest: dict[tuple[str, int], int] = {}
        self._gaps_at = 0

    async def resume(self, desk: Desk) -> None:
        """Go on with what was announced in an earlier life and not answered: what fell due since is put now. StateError."""
        announced = await self._writer.read(partial(_announced_at, keys=[one.key for one in desk.open.values()]))
        now = self._clock.now()
        works: list[Work] = []
        for number, one in desk.open.items():
            alarm = desk.engine.alarms.get(one.key)
            if alarm is None or number not in announced:
                continue
            state = desk.engine.state(one.key)
            if state.announced and _unheard(state):
                at = announced[number]
                kind = "realarm" if one.annunciated_at is not None and one.annunciated_at < at else "raise"
                works += self._begin(alarm, one, kind, at, now)
        if works:
            await self._writer.write(partial(_all, works=works))

    # -- with a batch ----------------------------------------------------------------------------------------------------

    def follow(self, batch: Batch) -> Sequence[Work]:
        """What the changes of a moment ask for."""
        left = batch.open | {one.number: one for one in batch.occurrences}
        return [work for change in batch.changes for work in self._of_change(change, left)]

    def committed(self) -> None:
        """What was asked for is on disk."""
        self._wake()

    def _of_change(self, change: Change, left: Mapping[int, Occurrence]) -> Iterable[Work]:
        done, number = change.step.effects, change.state.occurrence
        one = left.get(number)
        if change.step.ended is not None:
            yield from self._stop(change.step.ended, change.at)
        if not _ENDS.isdisjoint(done):
            yield from self._stop(number, change.at)
        if Effect.ANNOUNCED in done and one is not None:
            again = one.annunciated_at is not None and one.annunciated_at < change.at
            yield from self._begin(change.alarm, one, "realarm" if again else "raise", change.at, change.at)
        elif Effect.RELEASED in done and one is not None and change.state.announced and _unheard(change.state):
            yield from self._begin(change.alarm, one, "realarm", change.at, change.at)  # its cause is gone, it is not
        if _is_over(done) and one is not None and one.annunciated_at is not None:
            yield from self._stop(number, change.at)
            if one.priority <= 2:
                yield from self._all_clear(change.alarm, one, change.at)

    def _begin(self, alarm: Alarm, one: Occurrence, kind: str, at: int, now: int) -> Iterable[Work]:
        """Announced at ``at``; everything that is due by now."""
        self._waiting[one.number] = _Open(told=_told(alarm, at), kind=kind, until=_NEVER, wakes_at=now)
        return self._go_on(alarm, one, now)

    def _stop(self, number: int, now: int) -> Iterable[Work]:
        self._waiting.pop(number, None)
        yield lambda connection: outbox.stop(connection, number, now)

    def _all_clear(self, alarm: Alarm, one: Occurrence, now: int) -> Iterable[Work]:
        """Whoever was told of it hears that it is over."""
        notice = self._notice(self._facts("clear", alarm, one, now, ""), now, group_key(alarm.place), one.number, str(now))

        def work(connection: Connection) -> None:
            if to := outbox.reached(connection, one.number):
                outbox.put(connection, notice, to)

        yield work

    # -- with time -------------------------------------------------------------------------------------------------------

    def tick(self, desk: Desk) -> None:
        """Whoever is next while nobody answers; and shifts that nobody will fill."""
        now = self._clock.now()
        works: list[Work] = []
        for number, waiting in list(self._waiting.items()):
            one = desk.open.get(number)
            if one is None or one.key not in desk.engine.alarms:
                del self._waiting[number]
            elif waiting.wakes_at is not None and waiting.wakes_at <= now:
                works += self._go_on(desk.engine.alarms[one.key], one, now)
        if now >= self._gaps_at:
            self._gaps_at = now + GAP_EVERY_MS
            works += [_put(notice, to) for notice, to in gap_notices(self._staff.roster, now, self._staff.zone)]
        if works:
            self._submit(works)

    def _submit(self, works: Sequence[Work]) -> None:
        """What can not be put because the disk is far behind is put with the next step, or after the next start."""
        try:
            future = self._writer.submit(partial(_all, works=works))
        except StateError as error:
            log.error("messages wait for the database: %s", error)
            return
        future.add_done_callback(lambda _: self._wake())

    def _go_on(self, alarm: Alarm, one: Occurrence, now: int) -> Sequence[Work]:
        """The steps that have come due since the last look."""
        waiting, roster, zone = self._waiting[one.number], self._staff.roster, self._staff.zone
        steps: dict[str, list[Call]] = {}
        for call in due(roster, waiting.told, now, zone):
            if call.at > waiting.until:
                steps.setdefault(call.step, []).append(call)
        if not steps and waiting.until == _NEVER and next_due(roster, waiting.told, now, zone) is None:
            log.error("nobody is told of alarm #%d %s: no policy speaks of it, or no one can be reached", one.number, one.key)
        wakes_at = next_due(roster, waiting.told, now, zone)
        self._waiting[one.number] = _Open(told=waiting.told, kind=waiting.kind, until=now, wakes_at=wakes_at)
        return [self._step(alarm, one, waiting, step, calls, now) for step, calls in steps.items()]

    # -- the pieces ------------------------------------------------------------------------------------------------------

    def _step(self, alarm: Alarm, one: Occurrence, waiting: _Open, step: str, calls: Sequence[Call], now: int) -> Work:
        why = next((call.why for call in calls if call.why), "")
        facts = self._facts(waiting.kind if step == FIRST else "escalate", alarm, one, one.raised_at, why)
        notice = self._notice(facts, now, group_key(alarm.place), one.number, f"{waiting.told.announced_at}:{step}")
        return _put(
            notice, [To(person=each.person, channel=each.channel, address=each.address, fallback=each.fallback) for each in calls]
        )

    @staticmethod
    def _facts(kind: str, alarm: Alarm, one: Occurrence, time: int, why: str) -> Facts:
        rule = alarm.rule
        response, cause = (rule.response.zh, rule.response.en), (rule.cause.zh, rule.cause.en)
        return compose.facts(kind, one, time, response=response, cause=cause, why=why)

    def _notice(self, about: Facts, now: int, key: str, occurrence: int, step: str) -> Notice:
        """With when it may leave, when it is of no more use, and with what it goes together."""
        priority = about.priority
        name = "digest" if priority == 4 else key
        release = release_at(priority, now, quiet_since=self._newest.get((name, priority)), zone=self._staff.zone)
        self._newest[name, priority] = now
        late = next_digest(now, self._staff.zone) if priority == 4 else now
        return Notice(
            occurrence=occurrence,
            step=step,
            group_key=name,
            created=now,
            release=release,
            expires=late + EXPIRES_MS[priority],
            facts=about,
        )


def _put(notice: Notice, to: Sequence[To]) -> Work:
    return lambda connection: outbox.put(connection, notice, to)


def _all(connection: Connection, works: Sequence[Work]) -> None:
    for work in works:
        work(connection)


def _told(alarm: Alarm, at: int) -> Told:
    return Told(priority=int(alarm.rule.priority), area=alarm.place.area, kind=alarm.place.kind, announced_at=at)


def _is_over(done: Sequence[Effect]) -> bool:
    """Nobody need go any more. What latches is not over with good readings: whoever has been there resets it."""
    return Effect.RESET in done or (Effect.CLEARED in done and Effect.LATCHED not in done)


def _unheard(state: AlarmState) -> bool:
    """Active or latched, nobody has answered, and nothing keeps it silent."""
    return state.core in {Core.UNACKED, Core.LATCHED} and not state.silent


def _announced_at(connection: Connection, keys: Sequence[str]) -> dict[int, int]:
    """When each occurrence of these alarms was last announced, or heard of again behind its cause, from the journal."""
    told = or_(*(transition.c.kinds.like(f"%{effect}%") for effect in (Effect.ANNOUNCED, Effect.RELEASED)))
    query = (
        select(transition.c.occurrence, func.max(transition.c.at))
        .where(transition.c.key.in_(keys), told)
        .group_by(transition.c.occurrence)
    )
    return {number: at for number, at in connection.execute(query) if number is not None}
