"""Orders followed to their ends: sent while it makes sense, answered in any order, never silently done."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from control.lighting.following import (
    AGAIN_MS,
    ENDS,
    FOLLOW_MS,
    NO_ANSWER,
    NO_END,
    Followed,
    OrderState,
    answered,
    is_due,
    overdue,
    sent,
)
from lampwell.lighting.wire import Lease, Order, Outcome, Said, State, TakePlan

ISSUED, EXPIRES = 1_000_000, 1_120_000
LEASE = Lease(targets=("c/loop1",), level=50, lasts_s=3600, reason=Said(zh="试"))
NEW = Followed(order=Order(id="a-1", who="王", issued=ISSUED, expires=EXPIRES, do=LEASE), edge="e", request="a")


def said(state: State, at: int = ISSUED) -> Outcome:
    return Outcome(id="a-1", state=state, at=at, reason=Said(zh=state.value))


STEPS = st.lists(st.one_of(st.sampled_from(State), st.integers(1, 60_000)), max_size=30)


@given(STEPS)
def test_whatever_comes_in_whatever_order(steps: list[State | int]) -> None:
    """Protects the record: states only move on, an end stays, nothing goes out after the expiry or after an answer."""
    one, now = NEW, ISSUED
    rank = list(OrderState).index
    for each in steps:
        before = one
        if isinstance(each, State):
            one = answered(one, said(each), now)
        else:
            now += each
            if is_due(one, now):
                assert now < EXPIRES
                assert one.state in (OrderState.QUEUED, OrderState.SENT)
                one = sent(one, now)
            one = overdue(one, now)
        if before.state in ENDS and not before.by_control:
            assert one == before
        elif not before.by_control:
            assert rank(one.state) >= rank(before.state)
        assert (one.ended_at is not None) == (one.state in ENDS)
    last = overdue(one, EXPIRES + FOLLOW_MS)
    assert last.state in ENDS


def test_sent_again_with_the_same_id_until_answered_or_expired() -> None:
    """Protects from an order lost on the way and from one carried out late: 5 s apart, same order, not after its expiry."""
    one, times = NEW, []
    for now in range(ISSUED, EXPIRES + 10_000, 500):
        if is_due(one, now):
            times.append(now)
            one = sent(one, now)
    assert times == list(range(ISSUED, EXPIRES, AGAIN_MS))
    assert not is_due(answered(sent(NEW, ISSUED), said(State.ACCEPTED), ISSUED), ISSUED + AGAIN_MS)


def test_silence_is_told_as_silence_and_a_late_answer_still_counts() -> None:
    """Protects the truth: no answer is failed in words, not refused; what the node says later of itself corrects it."""
    lost = overdue(sent(NEW, ISSUED), EXPIRES)
    assert (lost.state, lost.by_control, lost.reason) == (OrderState.FAILED, True, NO_ANSWER)
    assert answered(lost, said(State.ACCEPTED), EXPIRES) == lost
    late = answered(lost, said(State.VERIFIED), EXPIRES + 1)
    assert (late.state, late.by_control) == (OrderState.VERIFIED, False)
    begun = answered(sent(NEW, ISSUED), said(State.ACCEPTED), ISSUED)
    assert overdue(begun, EXPIRES) == begun
    assert overdue(begun, EXPIRES + FOLLOW_MS).reason == NO_END


def test_a_lease_that_starts_later_is_waited_for() -> None:
    """Protects tomorrow's lease from being called failed tonight."""
    later = Lease(targets=LEASE.targets, level=50, lasts_s=60, start=EXPIRES + 3_600_000, reason=LEASE.reason)
    order = Order(id="a-1", who="王", issued=ISSUED, expires=EXPIRES, do=later)
    one = answered(replace(NEW, order=order), said(State.ACCEPTED), ISSUED)
    assert overdue(one, EXPIRES + FOLLOW_MS) == one
    assert overdue(one, EXPIRES + 3_600_000 + FOLLOW_MS).state is OrderState.FAILED


def test_a_plan_is_sent_again_seldom() -> None:
    """Protects a thin link: 0.4 MB are not sent every five seconds."""
    plan = sent(replace(NEW, order=Order(id="a-1", who="v", issued=ISSUED, expires=EXPIRES, do=TakePlan(document="{}"))), ISSUED)
    assert not is_due(plan, ISSUED + 59_000)
    assert is_due(plan, ISSUED + 60_000)
