"""An order to an edge node, from the wish to what became of it. Pure: time and what is heard are arguments.

It is sent when the node is there, and again (the same id, which the node carries out once) while it is unanswered and not
expired. No answer by its expiry is told as that: failed, and nobody knows whether it was carried out. What the node itself says
of an order later still counts.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from lampwell.lighting.wire import Lease, Order, Outcome, Said, TakePlan

AGAIN_MS, PLAN_AGAIN_MS = 5_000, 60_000
"""A plan is large and the link may be thin."""
FOLLOW_MS = 1_260_000
"""So long after its expiry (its start, where that is later) an accepted order may still be under way: an edge node works at one
for 20 minutes at most, loops being staged and lamps slow.
"""

NO_ANSWER = Said(zh="到期无应答，是否执行不明", en="no answer by its expiry; whether it was carried out is not known")
NO_END = Said(zh="已接受，但一直没有报告结果", en="accepted, but its outcome was never told")
WITHDRAWN = Said(zh="下发已停止，不再发送", en="its roll-out has stopped, it is not sent any more")
UNSAID = Said(zh="")


class OrderState(StrEnum):
    """``State`` of the wire, and what comes before it. The last three are ends."""

    QUEUED = "queued"
    SENT = "sent"
    ACCEPTED = "accepted"
    EXECUTED = "executed"
    VERIFIED = "verified"
    REFUSED = "refused"
    FAILED = "failed"


ENDS = frozenset({OrderState.VERIFIED, OrderState.REFUSED, OrderState.FAILED})
_UNANSWERED = frozenset({OrderState.QUEUED, OrderState.SENT})
_RANK = {state: rank for rank, state in enumerate(OrderState)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Followed:
    """``by_control``: it was control that called it failed, for want of an answer. ``request`` ties the orders of one wish."""

    order: Order
    edge: str
    request: str
    state: OrderState = OrderState.QUEUED
    by_control: bool = False
    reason: Said = UNSAID
    sent: int = 0
    sent_at: int | None = None
    ended_at: int | None = None


def is_due(one: Followed, now: int) -> bool:
    """Whether it should be sent now, its node being there."""
    if one.state not in _UNANSWERED or now >= one.order.expires:
        return False
    again = PLAN_AGAIN_MS if isinstance(one.order.do, TakePlan) else AGAIN_MS
    return one.sent_at is None or now - one.sent_at >= again


def sent(one: Followed, now: int) -> Followed:
    """It has gone out."""
    return replace(one, state=OrderState.SENT, sent=one.sent + 1, sent_at=now)


def answered(one: Followed, outcome: Outcome, now: int) -> Followed:
    """The node has said something of it; what is older or said again changes nothing, an end stays one."""
    state = OrderState(outcome.state.value)
    if one.by_control:
        ends = state in ENDS
        return replace(one, state=state, by_control=False, reason=outcome.reason, ended_at=now) if ends else one
    if one.state in ENDS or _RANK[state] <= _RANK[one.state]:
        return one
    return replace(one, state=state, reason=outcome.reason, ended_at=now if state in ENDS else None)


def overdue(one: Followed, now: int) -> Followed:
    """Failed where its time has run out, else the same."""
    if one.state in ENDS:
        return one
    if one.state in _UNANSWERED:
        return _failed(one, NO_ANSWER, now) if now >= one.order.expires else one
    return _failed(one, NO_END, now) if now >= _end(one.order) else one


def withdrawn(one: Followed, now: int) -> Followed:
    """Not sent any more, unless it has been answered. What has gone out already may still be carried out, and is then told."""
    return _failed(one, WITHDRAWN, now) if one.state in _UNANSWERED else one


def _failed(one: Followed, reason: Said, now: int) -> Followed:
    return replace(one, state=OrderState.FAILED, by_control=True, reason=reason, ended_at=now)


def _end(order: Order) -> int:
    start = order.do.start if isinstance(order.do, Lease) else 0
    return max(order.expires, start) + FOLLOW_MS
