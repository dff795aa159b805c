"""The typed Python API of control: what the command line asks over a local socket, and what the REST API stands on.

Everything here is authorised by whoever offers it; ``who`` is a person's id or name and goes into journal and audit as given.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from sqlalchemy import select

from control.alarms.engine import UnknownAlarm
from control.alarms.model import WAITING, Alarm
from control.alarms.occurrences import Occurrence
from control.desk import Desk
from control.front_lighting import Lighting
from control.front_messages import Messages
from control.front_orders import Orders
from control.front_people import People
from control.requests import NotDone, signed
from control.rows import AlarmDetail, AlarmRow, detail, row
from control.store import journal
from control.store.changes import FIELDS, change_limit
from control.store.tables import occurrence
from control.store.writer import Writer
from lampwell.clock import Clock

MOST = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """``reload``: go over to the alarms with these changes in force (called after a change is on disk). ``wrong``: why a changed
    value (alarm's key, field, value) can not be, None = it can.
    """

    desk: Desk
    writer: Writer
    clock: Clock
    people: People
    orders: Orders
    messages: Messages
    lighting: Lighting
    reload: Callable[[], Awaitable[None]]
    wrong: Callable[[str, str, float], str | None]

    # -- looking ---------------------------------------------------------------------------------------------------------

    async def alarms(self, everything: bool = False) -> list[AlarmRow]:
        """The alarm list: what waits for a person first. ``everything``: shelved, suppressed and out of service too."""
        return [row(view) for view in self.desk.listing(everything=everything)]

    async def alarm(self, name: str) -> AlarmDetail:
        """One alarm by its key, or by the number of an open occurrence (``17`` or ``#17``). NotDone."""
        view = self.desk.view(self._key(name))
        number = view.occurrence.number if view.occurrence else 0
        past = await self.writer.read(lambda connection: journal.history(connection, number)) if number else []
        return detail(view, tuple(past))

    async def past(self, start: int, end: int, pattern: str = "*", most: int = MOST) -> list[Occurrence]:
        """Occurrences raised in [start, end) ms whose key matches a shell pattern, newest first."""
        like = pattern.replace("\\", "\\\\").replace("%", r"\%").replace("_", r"\_").replace("*", "%").replace("?", "_")
        query = (
            select(occurrence)
            .where(occurrence.c.raised_at >= start, occurrence.c.raised_at < end, occurrence.c.key.like(like, escape="\\"))
            .order_by(occurrence.c.raised_at.desc(), occurrence.c.number.desc())
            .limit(min(most, MOST))
        )
        return await self.writer.read(lambda connection: journal.read(connection, query))

    async def status(self) -> Mapping[str, int | str | float | None]:
        """How control does: alarms bound, open, waiting for a person; what the disk still owes."""
        writer, views = self.writer.status(), self.desk.listing()
        return {
            "now": self.clock.now(),
            "alarms": len(self.desk.engine.alarms),
            "open": len(self.desk.open),
            "listed": len(views),
            "unacknowledged": sum(view.state.core in WAITING for view in views),
            "unwritten": writer.waiting,
            "state_away": writer.why,
        }

    # -- acting ----------------------------------------------------------------------------------------------------------

    async def acknowledge(self, number: int, who: str, note: str = "") -> AlarmDetail:
        """Take notice of an occurrence. NotDone says why not."""
        one = await self.desk.acknowledge(number, who, note)
        return await self.alarm(one.key)

    async def reset(self, number: int, who: str, note: str = "") -> AlarmDetail:
        """Release a latched alarm that has been acknowledged. NotDone."""
        key = self.desk.find(number).key
        await self.desk.reset(number, who, note)
        return await self.alarm(key)

    async def shelve(self, name: str, who: str, minutes: float, reason: str) -> AlarmDetail:
        """Hear nothing of an alarm for so long. NotDone."""
        key = self._key(name)
        await self.desk.shelve(key, who, self.clock.now() + round(minutes * 60_000), reason)
        return await self.alarm(key)

    async def unshelve(self, name: str, who: str, reason: str = "") -> AlarmDetail:
        """Hear of it again. NotDone."""
        key = self._key(name)
        await self.desk.unshelve(key, who, reason)
        return await self.alarm(key)

    async def service(self, name: str, who: str, out: bool, reason: str) -> AlarmDetail:
        """Take an alarm out of service, or put it back. NotDone."""
        key = self._key(name)
        await self.desk.service(key, who, out=out, reason=reason)
        return await self.alarm(key)

    async def change(self, name: str, field: str, value: float | None, who: str, reason: str) -> AlarmDetail:
        """Change an alarm's limit, deadband or delay, with an audit row; None = back to the rule file. NotDone."""
        key = self._key(name)
        alarm = self.desk.engine.alarms[key]
        self._allowed(alarm, field, value, who, reason)
        now, old = self.clock.now(), _present(alarm, field)
        await self.writer.write(
            lambda connection: change_limit(connection, at=now, who=who, key=key, field=field, old=old, new=value, reason=reason)
        )
        await self.reload()
        return await self.alarm(key)

    # -- the pieces ------------------------------------------------------------------------------------------------------

    def _allowed(self, alarm: Alarm, field: str, value: float | None, who: str, reason: str) -> None:
        if field not in FIELDS:
            raise NotDone(f"可改的是 what can be changed is {', '.join(FIELDS)}, not {field!r}")
        signed(who, reason)
        if value is not None and (wrong := self.wrong(alarm.key, field, value)):
            raise NotDone(f"不可改为 it can not become {value:g}: {wrong}")

    def _key(self, name: str) -> str:
        text = name.strip().removeprefix("#")
        if text.isdecimal():
            return self.desk.find(int(text)).key
        try:
            self.desk.engine.state(text)
        except UnknownAlarm:
            raise NotDone(f"没有这个报警 there is no alarm {text!r}") from None
        return text


def _present(alarm: Alarm, field: str) -> float | None:
    if field in ("on_s", "off_s"):
        return float(getattr(alarm.rule.timing, field))
    if alarm.limit is None:
        return None
    return alarm.limit.value if field == "limit" else alarm.limit.deadband
