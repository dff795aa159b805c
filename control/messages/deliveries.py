"""The outbox as people are shown it: its deliveries in lines, and how many are in which state."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, func, select

from control.messages.compose import unpack
from control.messages.views import DeliveryRow
from control.store.tables import delivery, notification


def listing(connection: Connection, *, state: str = "", occurrence: int | None = None, most: int = 200) -> list[DeliveryRow]:
    """Deliveries, newest first."""
    query = select(delivery, notification).join(notification, notification.c.id == delivery.c.notification)
    if state:
        query = query.where(delivery.c.state == state)
    if occurrence is not None:
        query = query.where(notification.c.occurrence == occurrence)
    rows = connection.execute(query.order_by(delivery.c.id.desc()).limit(most)).mappings()
    return [_row(row) for row in rows]


def summary(connection: Connection) -> dict[str, dict[str, int]]:
    """How many deliveries are in which state, by channel."""
    found: dict[str, dict[str, int]] = {}
    query = select(delivery.c.channel, delivery.c.state, func.count()).group_by(delivery.c.channel, delivery.c.state)
    for channel, state, count in connection.execute(query):
        found.setdefault(channel, {})[state] = count
    return found


def _row(row: Any) -> DeliveryRow:
    about = unpack(row[notification.c.body])
    return DeliveryRow(
        id=row[delivery.c.id],
        occurrence=row[notification.c.occurrence] or 0,
        kind=row[notification.c.kind],
        priority=row[notification.c.priority],
        person=row[delivery.c.person],
        channel=row[delivery.c.channel],
        address=row[delivery.c.address],
        state=row[delivery.c.state],
        attempts=row[delivery.c.attempts],
        created=row[notification.c.created],
        sent_at=row[delivery.c.sent_at],
        error=row[delivery.c.error],
        zh=f"{about.place_zh} {about.zh}",
    )
