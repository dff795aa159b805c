"""From an alarm to the people who must hear of it: whom, when, again, and who comes next while nobody answers.

It decides on values and puts what is due into the outbox, in the transaction of the alarm's own change. What must be said follows
from times and the roster, and the outbox takes every step of an occurrence once, so a restart repeats nothing. What fell due in a
stop is told with the next step, and not at all where no step is left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, func, select

from control.alarms.model import Alarm, Change, Effect
from control.alarms.occurrences import Occurrence
from control.desk import Batch, Desk, Work
from control.messages import compose, outbox
from control.messages.compose import Facts
from control.messages.group import EXPIRES_MS, group_key, next_digest, release_at
from control.messages.outbox import Notice, To
from control.people.escalation import Call, Told, due, next_due
from control.people.roster import Roster
from control.people.rota import gaps
from control.store.tables import transition
from control.store.writer import Writer
from lampwell.assets import County
from lampwell.clock import Clock

AHEAD_MS = 24 * 3_600_000
"""A time with nobody on shift is told so long before it begins (domain alarms 2.2, rule 8)."""
GAP_EVERY_MS = 600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Open:
    """An announced occurrence that nobody has answered yet."""

    told: Told
    wakes_at: int | None


class Duty:
    """``wake`` is called when something new is in the outbox, on disk."""

    def __init__(self, county: County, roster: Roster, writer: Writer, clock: Clock, *, wake: Callable[[], None]) -> None:
        self.roster = roster
        self._zone = ZoneInfo(county.time_zone)
        self._writer, self._clock, self._wake = writer, clock, wake
        self._waiting: dict[int, _Open] = {}
        self._newest: dict[tuple[str, int], int] = {}
        self._gaps_at = 0

    async def resume(self, desk: Desk) -> None:
        """Go on with what was announced in an earlier life and not answered."""
        announced = await self._writer.read(partial(_announced_at, keys=[one.key for one in desk.open.values()]))
        for number, one in desk.open.items():
            alarm = desk.engine.alarms.get(one.key)
            if alarm and one.acked_at is None and number in announced and desk.engine.state(one.key).active:
                self._wait_for(number, _told(alarm, announced[number]), self._clock.now() - 1)

    # -- with a batch ----------------------------------------------------------------------------------------------------

    def follow(self, batch: Batch) -> Sequence[Work]:
        """What the changes of a moment ask for."""
        left = {one.number: one for one in batch.occurrences}
        return [work for change in batch.changes for work in self._of_change(change, left)]

    def committed(self) -> None:
        """What was asked for is on disk."""
        self._wake()

    def _of_change(self, change: Change, left: Mapping[int, Occurrence]) -> Iterable[Work]:
        done, number = change.step.effects, change.state.occurrence
        ended = change.step.ended
        if ended is not None:
            yield from self._stop(ended, change.at)
        if (
            Effect.ACKED in done
            or Effect.CLOSED in done
            or Effect.SUPPRESSED in done
            or Effect.SHELVED in done
            or Effect.OUT in done
        ):
            yield from self._stop(number, change.at)
        one = left.get(number)
        if Effect.ANNOUNCED in done and one is not None:
            again = one.annunciated_at is not None and one.annunciated_at < change.at
            yield from self._announce(change, one, "realarm" if again else "raise")
        if Effect.CLEARED in done and one is not None and one.annunciated_at is not None:
            yield from self._stop(number, change.at)
            if one.priority <= 2:
                yield from self._puts(change.alarm, one, "clear", _told(change.alarm, change.at), change.at)

    def _announce(self, change: Change, one: Occurrence, kind: str) -> Iterable[Work]:
        told = _told(change.alarm, change.at)
        self._wait_for(one.number, told, change.at)
        return self._puts(change.alarm, one, kind, told, change.at)

    def _stop(self, number: int, now: int) -> Iterable[Work]:
        self._waiting.pop(number, None)
        yield lambda connection: outbox.stop(connection, number, now)

    # -- with time -------------------------------------------------------------------------------------------------------

    def tick(self, desk: Desk) -> None:
        """Whoever is next while nobody answers; and shifts that nobody will fill."""
        now = self._clock.now()
        works: list[Work] = []
        for number, waiting in list(self._waiting.items()):
            one = desk.open.get(number)
            if one is None:
                del self._waiting[number]
            elif waiting.wakes_at is not None and waiting.wakes_at <= now:
                works += self._puts(desk.engine.alarms[one.key], one, "escalate", waiting.told, now)
                self._wait_for(number, waiting.told, now)
        if now >= self._gaps_at:
            self._gaps_at = now + GAP_EVERY_MS
            works += self._shift_gaps(now)
        if works:
            future = self._writer.submit(lambda connection: [work(connection) for work in works] and None)
            future.add_done_callback(lambda _: self._wake())

    def _wait_for(self, number: int, told: Told, now: int) -> None:
        self._waiting[number] = _Open(told=told, wakes_at=next_due(self.roster, told, now, self._zone))

    def _shift_gaps(self, now: int) -> Iterable[Work]:
        """A gap that begins within a day is told once to the leaders."""
        for gap in gaps(self.roster, now, now + AHEAD_MS, self._zone):
            rota = self.roster.rota(gap.rota)
            about = Facts(
                kind="gap",
                number=0,
                priority=2,
                place_zh=rota.zh if rota else gap.rota,
                place_en=rota.en if rota else gap.rota,
                zh=f"{max(1, (gap.end - gap.start) // 3_600_000)}小时无人值班",
                en="nobody on shift",
                value="",
                time=gap.start,
            )
            to = [
                To(person=one.id, channel=ways[0].channel, address=ways[0].address)
                for one in self.roster.persons
                if one.role == "leader" and (ways := self.roster.ways(one.id, 2))
            ]
            yield self._put(self._notice(about, now, "shifts", None, f"{gap.rota}:{gap.end}"), to)

    # -- the pieces ------------------------------------------------------------------------------------------------------

    def _puts(self, alarm: Alarm, one: Occurrence, kind: str, told: Told, now: int) -> Iterable[Work]:
        steps: dict[str, list[Call]] = {}
        for call in due(self.roster, told, now, self._zone):
            steps.setdefault(call.step, []).append(call)
        response = alarm.rule.response
        for step, group in steps.items():
            why = next((call.why for call in group if call.why), "")
            about = compose.facts(
                kind, one, now if kind == "clear" else one.raised_at, response=(response.zh, response.en), why=why
            )
            notice = self._notice(about, now, group_key(alarm.place), one.number, f"{told.announced_at}:{step}")
            to = [To(person=each.person, channel=each.channel, address=each.address, fallback=each.fallback) for each in group]
            yield self._put(notice, to)

    def _notice(self, about: Facts, now: int, key: str, occurrence: int | None, step: str) -> Notice:
        """With when it may leave, when it is of no more use, and with what it goes together."""
        priority = about.priority
        name = "digest" if priority == 4 else key
        release = release_at(priority, now, quiet_since=self._newest.get((name, priority)), zone=self._zone)
        self._newest[name, priority] = now
        late = next_digest(now, self._zone) if priority == 4 else now
        return Notice(
            occurrence=occurrence,
            step=step,
            group_key=name,
            created=now,
            release=release,
            expires=late + EXPIRES_MS[priority],
            facts=about,
        )

    @staticmethod
    def _put(notice: Notice, to: Sequence[To]) -> Work:
        return lambda connection: outbox.put(connection, notice, to)


def _told(alarm: Alarm, at: int) -> Told:
    return Told(priority=int(alarm.rule.priority), area=alarm.place.area, kind=alarm.place.kind, announced_at=at)


def _announced_at(connection: Connection, keys: Sequence[str]) -> dict[int, int]:
    """When each occurrence of these alarms was last announced, from the journal."""
    query = (
        select(transition.c.occurrence, func.max(transition.c.at))
        .where(transition.c.key.in_(keys), transition.c.kinds.like("%announced%"))
        .group_by(transition.c.occurrence)
    )
    return {number: at for number, at in connection.execute(query) if number is not None}
