"""Times of response and repair, from the work orders of lighting. Pure. An open order has no time yet and is counted so."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from control.kpi.counting import quantile
from control.orders.views import OrderRow

HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Repairs:
    """Of orders created in the period. Hours from creation: ``response`` to the first answer of the crew (accepted, on site or
    done), ``repair`` to the repair that was not contradicted since; median and 90 % by nearest rank, None = there was none.
    ``in_time`` of ``judged`` kept their SLA; ``running``: it can not be said yet. Cancelled ones count nowhere else.
    """

    orders: int
    cancelled: int
    answered: int
    repaired: int
    response_median_h: float | None
    response_p90_h: float | None
    repair_median_h: float | None
    repair_p90_h: float | None
    judged: int
    in_time: int
    running: int

    @property
    def share_in_time(self) -> float | None:
        """Of those that can be judged."""
        return self.in_time / self.judged if self.judged else None


def of_lighting(orders: Iterable[OrderRow], devices: Collection[str], roads: Collection[str]) -> list[OrderRow]:
    """Those of these devices; one that was opened by hand without a device counts by its road."""
    return [one for one in orders if one.device in devices or (not one.device and one.road in roads)]


def repairs(orders: Sequence[OrderRow], start: int, end: int) -> Repairs:
    """Of the orders created in [start, end)."""
    every = [one for one in orders if start <= one.created < end]
    real = [one for one in every if not one.times.cancelled]
    answer = [(one.times.responded_at - one.created) / HOUR_MS for one in real if one.times.responded_at is not None]
    repair = [(one.times.repaired_at - one.created) / HOUR_MS for one in real if one.times.repaired_at is not None]
    judged = [one.in_time for one in real if one.in_time is not None]
    return Repairs(
        orders=len(every),
        cancelled=len(every) - len(real),
        answered=len(answer),
        repaired=len(repair),
        response_median_h=quantile(answer, 0.5),
        response_p90_h=quantile(answer, 0.9),
        repair_median_h=quantile(repair, 0.5),
        repair_p90_h=quantile(repair, 0.9),
        judged=len(judged),
        in_time=sum(judged),
        running=len(real) - len(judged),
    )
