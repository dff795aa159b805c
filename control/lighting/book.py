"""The orders that edge nodes were given and that something can still become of: sent, sent again, followed to their ends.

An order is on disk before it is sent, so that it keeps its id over a restart of control and is carried out once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from secrets import token_hex

from sqlalchemy import Connection

from control.lighting.following import Followed, OrderState, answered, is_due, overdue, sent, withdrawn
from control.store import lighting_orders as store
from control.store.errors import StateError
from control.store.writer import Writer
from lampwell.clock import Clock
from lampwell.lighting.wire import Do, Order, Outcome, Said, TakePlan, write
from lampwell.readings import NodeId

log = logging.getLogger(__name__)

KEPT_MS = 86_400_000
"""So long an answer may still come to an order that control called failed."""
LASTS_MS = 120_000
"""An order that is not a plan must be begun within this."""
Send = Callable[[NodeId, str], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """What each of some edge nodes is to do; ``what`` and ``reason``: in words, for the audit."""

    do: Mapping[str, Do]
    what: str
    reason: str


class OrderBook:
    """``send``: an order's text to an edge node; whether it went out. ``there``: the edge nodes that are known to be there.
    ``refused``: plans that an edge node would not take, by order, with the reason.
    """

    def __init__(
        self, node_of: Mapping[str, NodeId], writer: Writer, clock: Clock, send: Send, there: Callable[[], set[str]]
    ) -> None:
        self.refused: dict[str, Said] = {}
        self._node_of, self._writer, self._clock, self._send, self._there = node_of, writer, clock, send, there
        self._orders: dict[str, Followed] = {}

    async def begin(self, rollout: str) -> None:
        """Take up what an earlier life left. ``rollout``: the newest one's id, "" none. StateError."""
        since = self._clock.now() - KEPT_MS
        kept = await self._writer.read(lambda connection: store.open_orders(connection, since))
        self._orders = {one.order.id: one for one in kept}
        of_rollout = await self._writer.read(lambda connection: store.find_orders(connection, rollout)) if rollout else []
        for one in of_rollout:
            self._note(one)

    async def give(self, errands: Sequence[Errand], who: str) -> list[Followed]:
        """Give edge nodes their orders; all are on disk, or none, when this returns, and sent if the node is there. StateError.

        All are of one wish. Of leases the last given holds, however their orders overtake each other on the way: each errand
        counts as given a millisecond after the one before.
        """
        now, request = self._clock.now(), token_hex(5)
        every = [(n, one, edge, do) for n, one in enumerate(errands) for edge, do in one.do.items()]
        orders = [
            (one, _queued(f"{request}-{number}", request, edge, do, who, now + n))
            for number, (n, one, edge, do) in enumerate(every, 1)
        ]
        made = [order for _, order in orders]

        def keep(connection: Connection) -> None:
            for errand, one in orders:
                store.put_order(connection, one, errand.what, errand.reason)

        await self._writer.write(keep)
        self._orders.update({one.order.id: one for one in made})
        self.follow(self._clock.now())
        return [self._orders.get(one.order.id, one) for one in made]

    def follow(self, now: int) -> None:
        """Send what is due, give up what is too late, forget what is over."""
        there = self._there()
        for one in list(self._orders.values()):
            late = overdue(one, now)
            if late is not one:
                self._take(late, now)
            elif is_due(one, now) and one.edge in there and self._send(self._node_of[one.edge], write(one.order)):
                self._take(sent(one, now), now)
            elif one.ended_at is not None and now - one.order.issued > KEPT_MS:
                del self._orders[one.order.id]

    def add(self, orders: Iterable[Followed]) -> None:
        """Follow these, which are on disk; one that is given again begins anew."""
        for one in orders:
            self._orders[one.order.id] = one
            self.refused.pop(one.order.id, None)

    def answer(self, outcome: Outcome, now: int) -> None:
        """An edge node has said something of an order."""
        self.keep(lambda connection: store.put_answer(connection, outcome, heard_at=now))
        one = self._orders.get(outcome.id)
        if one is not None and (after := answered(one, outcome, now)) is not one:
            self._take(after, now)

    def withdraw(self, request: str, now: int) -> None:
        """Send no more of a wish what has not been answered."""
        for one in [each for each in self._orders.values() if each.request == request]:
            if (after := withdrawn(one, now)) is not one:
                self._take(after, now)

    def keep(self, work: Callable[[Connection], object]) -> None:
        """Write it a moment later; what can not wait any longer is told in the log."""
        try:
            self._writer.submit(work)
        except StateError as error:
            log.error("lighting: %s", error)

    def _take(self, one: Followed, now: int) -> None:
        self.keep(lambda connection: store.keep_order(connection, one, at=now))
        self._orders[one.order.id] = one
        self._note(one)
        if one.ended_at is not None and not one.by_control:
            del self._orders[one.order.id]

    def _note(self, one: Followed) -> None:
        """A plan that an edge node will not take."""
        if isinstance(one.order.do, TakePlan) and not one.by_control and one.state in (OrderState.REFUSED, OrderState.FAILED):
            self.refused[one.order.id] = one.reason


def _queued(name: str, request: str, edge: str, do: Do, who: str, at: int) -> Followed:
    return Followed(order=Order(id=name, who=who, issued=at, expires=at + LASTS_MS, do=do), edge=edge, request=request)
