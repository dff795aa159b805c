"""Messages and figures over the API: the outbox, the channels, and how well alarms are answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import partial

from sqlalchemy import Connection

from control.desk import Desk
from control.kpi.daily import days
from control.kpi.figures import figures
from control.kpi.model import Day
from control.kpi.read import by_priority, read
from control.kpi.report import Report, report
from control.messages import deliveries
from control.messages.channel_notes import channel_notes
from control.messages.sender import silent_for
from control.messages.views import ChannelRow, DeliveryRow
from control.store.writer import Writer
from lampwell.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Messages:
    """``desk`` knows how soon each rule wants an answer."""

    desk: Desk
    writer: Writer
    clock: Clock

    async def outbox(self, state: str = "", occurrence: int = 0, most: int = 200) -> list[DeliveryRow]:
        """Deliveries, newest first; of one state, or of one alarm (0 = of all)."""
        return await self.writer.read(partial(deliveries.listing, state=state, occurrence=occurrence or None, most=most))

    async def channels(self) -> list[ChannelRow]:
        """Every channel that was ever used."""
        return await self.writer.read(_channels)

    async def silent_for(self) -> int | None:
        """How long (ms) no sender has shown itself; None = none ever has."""
        return await self.writer.read(partial(silent_for, now=self.clock.now()))

    async def kpi(self, start: int, end: int, area: str = "") -> Report:
        """The figures of [start, end), of one area or the whole county."""
        alarms = self.desk.engine.alarms.values()
        respond = {one.rule.id: one.rule.timing.respond_s for one in alarms}
        areas = {one.key: one.place.area for one in alarms}

        def asked(connection: Connection) -> Report:
            journal = read(
                connection,
                start,
                end,
                area=area,
                respond_s=lambda rule, priority: respond.get(rule, by_priority(rule, priority)),
                areas=areas,
            )
            return report(figures(journal, start, end) if journal else None, start, end, position=area)

        return await self.writer.read(asked)

    async def kpi_days(self, start: date, end: date, area: str = "") -> list[Day]:
        """The figures of the county days in [start, end) that were kept, the oldest first."""
        return await self.writer.read(partial(days, start=start, end=end, area=area))


def _channels(connection: Connection) -> list[ChannelRow]:
    counts: Mapping[str, dict[str, int]] = deliveries.summary(connection)
    notes = channel_notes(connection)
    found = []
    for name in sorted(counts.keys() | notes.keys()):
        row, note = ChannelRow(channel=name, counts=counts.get(name, {})), notes.get(name)
        if note is not None:
            row = replace(
                row,
                broken_since=note.broken_since,
                paused_until=note.paused_until,
                last_sent=note.last_sent,
                reason=note.reason,
                tested_on=note.tested_on,
            )
        found.append(row)
    return found
