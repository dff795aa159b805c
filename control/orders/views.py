"""Work orders as people see them and open them. Values only."""

from __future__ import annotations

from dataclasses import dataclass

from control.orders.model import ENDED
from control.orders.sla import Times

STATES = {
    "open": "待派 open",
    "assigned": "已派 assigned",
    "accepted": "已接 accepted",
    "on-site": "到场 on site",
    "done": "待确认 done",
    "reopened": "返工 reopened",
    "closed": "已关闭 closed",
    "cancelled": "已取消 cancelled",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderRow:
    """One line of a list. Times are epoch ms, None = has not happened. ``in_time``: whether the SLA was kept, None = open yet."""

    number: int
    occurrence: int | None
    key: str
    area: str
    road: str
    device: str
    component: str
    title_zh: str
    title_en: str
    priority: int
    sla: str
    due: int
    state: str
    crew: str
    person: str
    created: int
    closed: int | None
    times: Times
    in_time: bool | None

    @property
    def overdue(self) -> bool:
        """It runs and is late."""
        return self.state not in ENDED and self.in_time is False


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of an order's history. ``photo_type`` "" = without a photo."""

    id: int
    at: int
    who: str
    kind: str
    note: str
    photo_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderDetail:
    """An order with its history, oldest first. ``crew_zh``, ``person_zh``: as people call them."""

    row: OrderRow
    history: tuple[Entry, ...]
    crew_zh: str
    person_zh: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """An order opened by hand. ``sla``: emergency, serious or ordinary (each with -night or -soon where it matters)."""

    title_zh: str
    title_en: str = ""
    area: str
    road: str = ""
    device: str = ""
    priority: int = 3
    sla: str = "ordinary"
    skill: str = ""
