"""The register of work orders (台账) as a CSV file that Excel opens: byte order mark, both languages, county time, and no cell
that it would execute.
"""

from __future__ import annotations

from collections.abc import Iterator
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from control.orders.listing import rows
from control.orders.views import STATES, OrderRow
from control.store.tables import work_order
from lampwell.spreadsheet import as_csv
from lampwell.times import shown_plain

_TITLES = (
    "工单号 number",
    "状态 state",
    "片区 area",
    "道路 road",
    "设备 device",
    "部件 component",
    "内容 what",
    "content (English)",
    "优先级 priority",
    "时限 SLA",
    "班组 crew",
    "人员 person",
    "建单 created",
    "响应 responded",
    "到场 on site",
    "修复 repaired",
    "关闭 ended",
    "期限 due",
    "响应用时(分) response min",
    "修复用时(分) repair min",
    "时限内 in time",
    "返工次数 reopened",
    "报警 alarm",
    "报警编号 occurrence",
)
_IN_TIME = {True: "是 yes", False: "否 no", None: ""}


def register(connection: Connection, start: int, end: int, zone: ZoneInfo, now: int, *, area: str = "") -> str:
    """The orders opened in [start, end), by number. Response and repair times are minutes from opening."""
    query = select(work_order).where(work_order.c.created >= start, work_order.c.created < end).order_by(work_order.c.number)
    if area:
        query = query.where(work_order.c.area == area)
    return as_csv(_TITLES, [tuple(_cells(one, zone)) for one in rows(connection, query, now)])


def _cells(one: OrderRow, zone: ZoneInfo) -> Iterator[object]:
    when = one.times
    yield from (one.number, STATES.get(one.state, one.state), one.area, one.road, one.device, one.component)
    yield from (one.title_zh, one.title_en, one.priority, one.sla, one.crew, one.person)
    for at in (one.created, when.responded_at, when.arrived_at, when.repaired_at, one.closed, one.due):
        yield _shown(at, zone)
    yield from (_minutes(one.created, when.responded_at), _minutes(one.created, when.repaired_at))
    yield from (_IN_TIME[one.in_time], when.reopened, one.key, one.occurrence)


def _shown(at: int | None, zone: ZoneInfo) -> str:
    return "" if at is None else shown_plain(at, zone)


def _minutes(start: int, end: int | None) -> float | None:
    return None if end is None else round((end - start) / 60_000, 1)
