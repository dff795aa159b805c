"""The figures of each county day, kept, and those of each month, told to the leaders where something is over its limit.

A day is reckoned the next morning, when nearly all of its alarms have been answered or were due; what is kept is as of then.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import date, datetime, time, timedelta
from functools import partial
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Connection, delete, insert, select

from control.kpi.model import Day
from control.kpi.report import Line, Report, number
from control.kpi.verdict import Verdict
from control.leaders import tell_leaders
from control.messages.compose import Facts
from control.staff import Staff
from control.store.tables import kpi_day
from control.store.writer import Writer
from lampwell.times import local

DAILY_AT, MONTHLY_AT = "10 6 * * *", "30 8 1 * *"
PRIORITY = 4
Ask = Callable[[int, int, str], Awaitable[Report]]
"""The report of [start, end) of an area, "" = the whole county."""


async def keep_yesterday(ask: Ask, areas: Sequence[str], writer: Writer, zone: ZoneInfo, due: int) -> None:
    """The day before ``due``, of the county and of each area; a day of which the journal says nothing is not kept. StateError."""
    day = local(due, zone).date() - timedelta(days=1)
    found = [await ask(_midnight(day, zone), _midnight(day + timedelta(days=1), zone), area) for area in ("", *areas)]
    await writer.write(partial(_keep, day=day, reports=[one for one in found if one.figures is not None]))


async def tell_month(ask: Ask, staff: Staff, writer: Writer, due: int, *, wake: Callable[[], None]) -> None:
    """The month before ``due``: what is over its limit goes to the leaders, once. StateError."""
    zone = staff.zone
    end = local(due, zone).date().replace(day=1)
    start = (end - timedelta(days=1)).replace(day=1)
    found = await ask(_midnight(start, zone), _midnight(end, zone), "")
    over = [line for _, _, lines in found.groups for line in lines if line.verdict is Verdict.OVER]
    if over:
        about, step = _facts(found, over, start, due), f"figures:{start:%Y-%m}"
        await writer.write(lambda connection: tell_leaders(connection, staff.roster, about, step=step, key="figures"))
        wake()


def days(connection: Connection, start: date, end: date, area: str = "") -> list[Day]:
    """The days in [start, end) that were kept, the oldest first."""
    query = (
        select(kpi_day.c.day, kpi_day.c.body)
        .where(kpi_day.c.day >= start.isoformat(), kpi_day.c.day < end.isoformat(), kpi_day.c.area == area)
        .order_by(kpi_day.c.day)
    )
    rows = connection.execute(query)
    return [Day(day=date.fromisoformat(row.day), area=area, values=msgspec.json.decode(row.body)) for row in rows]


def _keep(connection: Connection, day: date, reports: Sequence[Report]) -> None:
    for one in reports:
        values = {line.id: line.value for _, _, lines in one.groups for line in lines}
        row = {"day": day.isoformat(), "area": one.position}
        connection.execute(delete(kpi_day).where(kpi_day.c.day == row["day"], kpi_day.c.area == row["area"]))
        connection.execute(insert(kpi_day).values(body=msgspec.json.encode(values).decode(), **row))


def _facts(found: Report, over: Sequence[Line], month: date, now: int) -> Facts:
    first, more = over[0], " 等" if len(over) > 1 else ""
    return Facts(
        kind="figures",
        number=0,
        priority=PRIORITY,
        place_zh=f"{month:%Y-%m}",
        place_en=f"{month:%Y-%m}",
        zh=f"{len(over)}项指标超限：{first.zh}{more}",
        en=f"{len(over)} figures are over: {first.en}",
        value="",
        time=now,
        because_zh="；".join([*(f"{one.zh} {_against(one)}" for one in over), *found.notes]),
        because_en="; ".join(f"{one.en} {_against(one)}" for one in over),
        response_zh="lampwell kpi --from 查看全部指标",
        response_en="lampwell kpi --from shows all of them",
    )


def _against(line: Line) -> str:
    return f"{number(line.value, line.unit)} ({line.target})"


def _midnight(day: date, zone: ZoneInfo) -> int:
    return round(datetime.combine(day, time(), zone).timestamp() * 1000)
