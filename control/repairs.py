"""From an alarm to the crew that repairs it, and back: a work order opens with its occurrence and ends when the readings agree.

An order opens in the transaction of the alarm's announcement. What its crew calls done is looked at every few seconds, and closed
or reopened as the readings say.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from sqlalchemy import Connection

from control.alarms.events import Change, Effect
from control.alarms.model import Evidence
from control.alarms.occurrences import Occurrence
from control.desk import Batch, Desk, Work
from control.orders import orders
from control.orders.assign import choose, facts
from control.orders.model import Assign
from control.orders.orders import NewOrder
from control.orders.sight import Sight, sight
from control.people.escalation import SKILLS
from control.people.rota import crews_here, is_workday
from control.staff import Staff
from control.store.audit import record
from control.store.errors import StateError
from control.store.writer import Writer
from lampwell.clock import Clock
from lampwell.errors import LampwellError
from lampwell.readings import BAD_FLAGS, Flag

log = logging.getLogger(__name__)

SETTLE_S = 5.0
LIT_W = 5.0
"""A lamp that takes so much is lit; LED drivers stand by at about 1 W (unverified choice)."""
BY_RULE = "rule"
_UNUSABLE = int(BAD_FLAGS) | int(Flag.STALE)

Newest = Callable[[str, str], Evidence | None]
"""The newest reading of (device, point)."""


class Repairs:
    """``newest`` gives readings that tell whether a lamp is lit."""

    def __init__(self, staff: Staff, writer: Writer, clock: Clock, *, desk: Desk, newest: Newest) -> None:
        self._staff, self._writer, self._clock = staff, writer, clock
        self._desk, self._newest = desk, newest
        self._sights: dict[str, Sight] = {}
        self._lit: dict[str, int] = {}

    # -- with a batch ----------------------------------------------------------------------------------------------------

    def follow(self, batch: Batch) -> Sequence[Work]:
        """Orders that the changes of a moment ask for."""
        left = {one.number: one for one in batch.occurrences}
        return [work for change in batch.changes for work in self._of_change(change, left.get(change.state.occurrence))]

    def committed(self) -> None:
        """Nothing is waited for."""

    def _of_change(self, change: Change, one: Occurrence | None) -> Iterable[Work]:
        """An occurrence asks for its order when people first hear of it: what its cause explains is not repaired by itself."""
        sla = change.alarm.rule.order
        if sla and one is not None and Effect.ANNOUNCED in change.step.effects and one.annunciated_at == change.at:
            try:
                new = orders.for_occurrence(one, sla, partial(is_workday, self._staff.roster), self._staff.zone, change.at)
            except LampwellError as error:
                log.error("no work order for alarm #%d: %s", one.number, error)
                return
            kind = change.alarm.place.kind
            yield lambda connection: self.open(connection, new, change.at, BY_RULE, skill=SKILLS.get(kind, ""))

    def open(self, connection: Connection, new: NewOrder, now: int, who: str, *, skill: str, note: str = "") -> int:
        """Open an order, or join the one that stands for it, and give a new one to whoever is there; its number. BadOrder."""
        created = orders.create(connection, new, now, who, note)
        target = f"order {created.number}"
        record(connection, at=now, who=who, action="order.create" if created.new else "order.join", target=target, after=new.key)
        if created.new:
            self._assign(connection, created.number, new.area, skill, now)
        return created.number

    def _assign(self, connection: Connection, number: int, area: str, skill: str, now: int) -> None:
        roster = self._staff.roster
        groups = {one.id for one in roster.persons if one.role == "viewer"}
        here = {
            crew: tuple(each for each in persons if each not in groups)
            for crew, persons in crews_here(roster, area, skill, now, self._staff.zone).items()
        }
        chosen = choose(area, skill, facts(roster.crews, here, orders.running(connection)))
        if chosen.crew is None:
            log.warning("order %d is given to nobody: %s", number, chosen.why)
            return
        orders.apply(connection, number, Assign(who=BY_RULE, crew=chosen.crew, person=chosen.person or "", note=chosen.why), now)

    # -- with time -------------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Look at what is called done, until cancelled. A database that is away is waited for."""
        while True:
            try:
                await self.settle()
            except StateError as error:
                log.warning("work orders wait for the database: %s", error)
            await self._clock.sleep(SETTLE_S)

    async def settle(self) -> None:
        """One look at every order that waits for the readings. StateError."""
        waiting = await self._writer.read(orders.waiting)
        now = self._clock.now()
        keys = [key for _, key in waiting if key in self._desk.engine.alarms]
        self._sights = {key: self._look(key, now) for key in keys}
        self._lit = {key: self._lit[key] for key in keys if key in self._lit}
        if keys:
            lit = {key: self._lit_since(key, now) for key in keys}
            await self._writer.write(partial(_settle, sights=self._sights, lit=lit, now=now))

    def _look(self, key: str, now: int) -> Sight:
        state = self._desk.engine.state(key)
        one = self._desk.open.get(state.occurrence)
        return sight(self._sights.get(key), state, one.raised_at if one else None, now)

    def _lit_since(self, key: str, now: int) -> int | None:
        """Since when the lamp of an alarm is seen to be lit without a break; None = it is dark, or nobody knows."""
        place = self._desk.engine.alarms[key].place
        reading = self._newest(place.device, f"{place.component}/power")
        lit = (
            reading is not None
            and isinstance(reading.value, int | float)
            and not reading.flags & _UNUSABLE
            and reading.value >= LIT_W
        )
        if not lit:
            self._lit.pop(key, None)
            return None
        return self._lit.setdefault(key, now)


def _settle(connection: Connection, sights: dict[str, Sight], lit: dict[str, int | None], now: int) -> None:
    for key, seen in sights.items():
        orders.settle(connection, key, active=seen.active, known=seen.known, since=seen.since, now=now, lit_since=lit[key])
