"""Orders are carried out once or not at all, and are refused with a reason that helps."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, rule

from gateway.lighting.following import LONGEST_MS, UNKNOWN_MS, Check, Now, follow
from gateway.lighting.kept import Kept, without_past
from gateway.lighting.orders import Here, take
from gateway.lighting.words import still_tripped
from lampwell.lighting import Plan, Standing
from lampwell.lighting.model import Layer, Override, Text
from lampwell.lighting.wire import Do, Lease, Lock, Order, Release, Said, State, TakePlan

from .conftest import document

AT = 1_790_000_000_000
WHY = Said(zh="测试", en="a test")
L1, L2, L3 = (f"cabinet-01/loop{n}" for n in (1, 2, 3))
HERE = Here(at=AT, cabinets=frozenset({"cabinet-01", "cabinet-02", "cabinet-03"}), targets=frozenset({L1, L2, L3}))
IDS = itertools.count()


def order(do: Do, name: str = "", issued: int = AT, expires: int = AT + 60_000) -> Order:
    return Order(id=name or f"o{next(IDS)}", who="值班员", issued=issued, expires=expires, do=do)


def lease(*targets: str, level: int = 50, lasts_s: int = 7200, **more: Any) -> Lease:
    return Lease(targets=targets, level=level, lasts_s=lasts_s, reason=WHY, **more)


def given(kept: Kept, *orders: Order, here: Here = HERE) -> Kept:
    for one in orders:
        kept, _ = take(kept, one, here)
    return kept


def refusal(kept: Kept, one: Order, here: Here = HERE) -> str:
    after, (said,) = take(kept, one, here)
    assert said.state is State.REFUSED
    assert after.overrides == kept.overrides
    assert after.document == kept.document
    assert said.reason.zh
    return said.reason.en


def test_a_lease_stands_from_now_for_as_long_as_it_says() -> None:
    """Its end is by the node's own clock, whatever the sender's shows."""
    after, (said,) = take(Kept(), order(lease(L1), "a", issued=AT - 20_000), HERE)
    (stands,) = after.overrides
    assert (said.state, stands.start, stands.end, stands.level) == (State.ACCEPTED, AT, AT + 7_200_000, 50)


def test_a_repeated_order_changes_nothing_and_hears_its_answer_again() -> None:
    """QoS 1 and impatient people repeat; a lease must not begin anew each time."""
    first = order(lease(L1), "a")
    kept, (said,) = take(Kept(), first, HERE)
    later = replace(HERE, at=AT + 30_000)
    again, (repeated,) = take(kept, first, later)
    assert again is kept
    assert repeated.state is said.state
    other, (same,) = take(kept, order(lease(L2), "a"), later)
    assert (other, same.state) == (kept, State.ACCEPTED)


@pytest.mark.parametrize(
    ("do", "changes", "reason"),
    [
        (lease("cabinet-09/loop1"), {}, "not in the plan of this edge node: cabinet-09/loop1"),
        (Lock(targets=("nowhere",), reason=WHY), {}, "not in the plan of this edge node: nowhere"),
        (lease(L1), {"targets": frozenset()}, "no plan and controls no lamps"),
        (lease(L1, start=AT - 8_000_000), {}, "the time this lease was for is over"),
        (Release(order="x", reason=WHY), {}, "no lease or lock x stands here"),
        (TakePlan(document="{}"), {}, "no lighting plan"),
    ],
)
def test_what_can_not_be_done_is_refused_with_its_reason(do: Do, changes: dict[str, Any], reason: str) -> None:
    """The person who gave it must know what to do next."""
    assert reason in refusal(Kept(), order(do), replace(HERE, **changes))


def test_late_orders_are_not_begun() -> None:
    """Where the node's time is not known, what senders' clocks must show by now still tells."""
    assert "expired 5 s" in refusal(Kept(), order(lease(L1), expires=AT - 5_000))
    lost = replace(HERE, at=1_000, known=False, not_before=AT)
    assert "expired 5 s" in refusal(Kept(), order(lease(L1), expires=AT - 5_000), lost)
    assert given(Kept(), order(lease(L1)), here=lost).overrides[0].end == 1_000 + 7_200_000


def test_below_a_lock_nothing_is_leased_and_the_rest_is() -> None:
    """Crew safety first; the other loops of a mass order are not held up, and the officer hears which was left out."""
    kept = given(Kept(), order(Lock(targets=(L1,), reason=Said(zh="换灯", en="changing lamps")), "lock"))
    assert "crew lock by 值班员 (changing lamps): release lock first" in refusal(kept, order(lease(L1)))
    after, (said,) = take(kept, order(lease(L1, L2), "part"), HERE)
    assert after.overrides[-1].targets == (L2,)
    assert "except: cabinet-01/loop1: crew lock" in said.reason.en
    checks = {L1: Check(wanted=0, level=0, agrees=True, by="lock"), L2: Check(wanted=50, level=50, agrees=True, by="part")}
    _, outcomes = follow(after, Now(at=AT, checks=checks))
    states = {one.id: one.state for one in outcomes}
    assert states == {"lock": State.VERIFIED, "part": State.FAILED}


def test_an_interlock_is_released_only_when_the_device_is_reset() -> None:
    """No order talks away a leakage trip that still stands."""
    lock = Override(
        id="leak", layer=Layer.INTERLOCK, targets=(L1,), level=0, issued=AT, start=AT, reason=Text(zh="漏电", en="leakage")
    )
    kept = Kept(overrides=(lock,))
    assert "interlock" in refusal(kept, order(lease(L1, level=100)))
    assert "leakage trip stands" in refusal(
        kept, order(Release(order="leak", reason=WHY)), replace(HERE, unsafe={L1: still_tripped()})
    )
    assert given(kept, order(Release(order="leak", reason=WHY))).overrides == ()


def test_a_release_that_overtook_its_lease_still_wins() -> None:
    """Reordered on the way: the lease that comes after its own release does not begin."""
    kept = given(Kept(), order(Release(order="a", reason=WHY)))
    assert "released before it came" in refusal(kept, order(lease(L1), "a"))


def test_an_older_lease_does_not_come_back_after_a_newer_one() -> None:
    """Two levels sent one after the other end the same in whatever order they come, also when the newer is over by then."""
    kept = given(Kept(), order(lease(L1, level=80), "new", issued=AT + 5), order(Release(order="new", reason=WHY)))
    assert "issued later" in refusal(kept, order(lease(L1, level=30), "old", issued=AT))


def test_a_replaced_lease_does_not_come_back_when_the_other_is_over() -> None:
    """TALQ: no stack. Forgetting the later lease must not wake the earlier one: full light for a moment, then its level again."""
    long = order(lease(L1, L2, level=30, lasts_s=7200), "long")
    short = order(lease(L1, level=70, lasts_s=20), "short", issued=AT + 5)
    after = without_past(given(Kept(), long, short), AT + 21_000)
    assert [(one.id, one.targets) for one in after.overrides] == [("long", (L2,))]
    assert Standing(after.overrides).winner((L1,), AT + 21_000) is None
    whole = given(Kept(), order(lease(L1, lasts_s=7200), "all"), short)
    assert without_past(whole, AT + 21_000).overrides == ()


@pytest.mark.parametrize("held_ms", [0, 1, 2_000])
def test_a_lease_that_is_released_at_once_has_replaced_the_earlier_one_all_the_same(held_ms: int) -> None:
    """What a person sees must not hang on whether lease and release came in one round: the earlier lease stays replaced."""
    long, short = order(lease(L1, L2, level=100), "long"), order(lease(L1, level=70), "short", issued=AT + 5)
    later = replace(HERE, at=AT + 10_000)
    kept = given(given(Kept(), long), short, here=later)
    at = later.at + held_ms
    ended = given(kept, order(Release(order="short", reason=WHY), issued=AT + 6), here=replace(HERE, at=at))
    for after in (ended, without_past(ended, at), without_past(ended, at + 1)):
        assert Standing(after.overrides).winner((L1,), at) is None
        assert [one.id for one in after.overrides if L2 in one.targets] == ["long"]


def test_a_lease_that_is_released_before_it_begins_replaces_nothing() -> None:
    """One for later has taken no place yet."""
    coming = order(lease(L1, start=AT + 3_600_000), "coming", issued=AT + 5)
    kept = given(Kept(), order(lease(L1, level=30), "now"), coming, order(Release(order="coming", reason=WHY)))
    assert [one.id for one in kept.overrides] == ["now"]


def test_a_lease_on_a_loop_replaces_those_of_its_lamps_for_good() -> None:
    """A lamp's earlier lease does not come back after a later one of its whole loop; a loop's does after a lamp's."""
    lamp = order(lease(L2, level=30, lasts_s=7200), "lamp")
    loop = order(lease(L1, level=70, lasts_s=20), "loop", issued=AT + 5)
    loop_of = {L2: L1}
    assert without_past(given(Kept(), lamp, loop), AT + 21_000, loop_of).overrides == ()
    first, then = order(lease(L1, lasts_s=7200), "first"), order(lease(L2, lasts_s=20), "then", issued=AT + 5)
    assert [one.id for one in without_past(given(Kept(), first, then), AT + 21_000, loop_of).overrides] == ["first"]


def test_plans_only_go_forward(plan: Plan) -> None:
    """Damaged, strange, older, or another under the same number: the one in force stays."""
    kept = given(Kept(), order(TakePlan(document=document(plan, 4))))
    assert kept.plan_text.startswith("4 sha256:")
    assert "older than plan 4" in refusal(kept, order(TakePlan(document=document(plan, 3))))
    assert "another plan with the number 4" in refusal(kept, order(TakePlan(document=document(plan, 4, id="other"))))
    torn = document(plan, 5).replace('"level":100', '"level":10', 1)
    assert "damaged" in refusal(kept, order(TakePlan(document=torn)))
    narrow = replace(HERE, cabinets=frozenset({"cabinet-01"}))
    assert "cabinet-02, cabinet-03" in refusal(kept, order(TakePlan(document=document(plan, 5))), narrow)
    same, (said,) = take(kept, order(TakePlan(document=document(plan, 4))), HERE)
    assert (same.document, said.state) == (kept.document, State.ACCEPTED)


def test_a_plan_that_is_replaced_before_it_was_read_back_has_failed(plan: Plan) -> None:
    """It must not be verified by the lamps of the next one."""
    kept = given(Kept(), order(TakePlan(document=document(plan, 1)), "one"))
    after, said = take(kept, order(TakePlan(document=document(plan, 2, id="next")), "two"), HERE)
    assert [(one.id, one.state) for one in said] == [("one", State.FAILED), ("two", State.ACCEPTED)]
    assert "plan 2 stands above it" in said[0].reason.en
    assert not after.orders["one"].pending


def test_what_no_device_here_has_is_never_verified() -> None:
    """A plan for more loops than the cabinet has: neither it nor a lease there is called done."""
    kept = given(Kept(), order(lease(L1), "a"))
    _, (said,) = follow(kept, Now(at=AT, checks={}, homeless=(L1,)))
    assert said.state is State.FAILED
    assert "no device for it" in said.reason.en


def outcome_of(kept: Kept, at: int, **checks: Check) -> list[State]:
    names = {"l1": L1, "l2": L2, "l3": L3}
    _, said = follow(kept, Now(at=at, checks={names[key]: one for key, one in checks.items()}, lamps=frozenset({L3})))
    return [one.state for one in said]


def test_an_order_is_written_then_verified() -> None:
    """Executed when the last write is out, verified when feedback and current agree on every target."""
    kept = given(Kept(), order(lease(L1, L2), "a"))
    good = Check(wanted=50, level=50, agrees=True, by="a")
    waits = Check(wanted=50, agrees=False, written=False, busy=True, by="a")
    out = replace(waits, written=True)
    assert outcome_of(kept, AT, l1=good, l2=waits) == []
    assert outcome_of(kept, AT, l1=good, l2=out) == [State.EXECUTED]
    assert outcome_of(kept, AT, l1=good, l2=good) == [State.VERIFIED]
    assert outcome_of(kept, AT, l1=good, l2=Check(wanted=50, agrees=False, by="a")) == [State.FAILED]
    assert outcome_of(kept, AT + LONGEST_MS, l1=good, l2=out) == [State.FAILED]


def test_unknown_is_waited_for_and_then_told_as_unknown() -> None:
    """No read-back is neither agreement nor disagreement; of a plan, single silent lamps are told and fail nothing."""
    kept = given(Kept(), order(lease(L1), "a"))
    silent = Check(wanted=50, by="a")
    assert outcome_of(kept, AT, l1=silent) == [State.EXECUTED]
    after, _ = follow(kept, Now(at=AT, checks={L1: silent}))
    assert outcome_of(after, AT + 5_000, l1=silent) == []
    _, (said,) = follow(after, Now(at=AT + UNKNOWN_MS, checks={L1: silent}))
    assert (said.state, said.targets[L1].agrees) == (State.FAILED, None)
    assert "not known" in said.reason.en


def test_a_plan_is_verified_by_its_loops(plan: Plan) -> None:
    """A dead lamp node does not stop a roll-out; a loop that disagrees or is silent does."""
    kept = given(Kept(), order(TakePlan(document=document(plan))))
    good, silent = Check(wanted=50, level=50, agrees=True), Check(wanted=50)
    late = AT + UNKNOWN_MS
    assert outcome_of(kept, late, l1=good, l2=good, l3=silent) == [State.VERIFIED]
    assert outcome_of(kept, late, l1=good, l2=silent, l3=good) == [State.FAILED]
    assert outcome_of(kept, late, l1=good, l2=good, l3=replace(silent, agrees=False)) == [State.FAILED]


def test_what_is_overruled_is_not_verified() -> None:
    """A lease that a lock or another lease stands above has not been carried out, however the lamps burn."""
    kept = given(Kept(), order(lease(L1), "a"))
    _, (said,) = follow(kept, Now(at=AT, checks={L1: Check(wanted=0, level=0, agrees=True, by="lock-7")}))
    assert said.state is State.FAILED
    assert "lock-7 stands above it" in said.reason.en


def test_a_lease_for_later_waits_for_its_start() -> None:
    """Nothing is told of it until it begins."""
    kept = given(Kept(), order(lease(L1, start=AT + 3_600_000), "a"))
    assert outcome_of(kept, AT + 60_000, l1=Check(wanted=0, level=0, agrees=True)) == []
    assert outcome_of(kept, AT + 3_600_000, l1=Check(wanted=50, level=50, agrees=True, by="a")) == [State.VERIFIED]


class Wire(RuleBasedStateMachine):
    """Orders sent with growing issue times come repeated, late, reordered, after restarts; each has one effect or none."""

    sent = Bundle("sent")

    @initialize()
    def begin(self) -> None:
        self.kept = Kept()
        self.now = AT
        self.issued = AT
        self.begun: dict[str, tuple[Any, ...]] = {}
        self.ended: set[str] = set()
        self.states: dict[str, list[State]] = {}

    @rule(target=sent, which=st.sampled_from([L1, L2, L3]), level=st.integers(0, 100), lasts=st.integers(1, 300))
    def send_lease(self, which: str, level: int, lasts: int) -> Order:
        return self._sent(lease(which, level=level, lasts_s=lasts))

    @rule(target=sent, which=st.sampled_from([L1, L2, L3]))
    def send_lock(self, which: str) -> Order:
        return self._sent(Lock(targets=(which,), reason=WHY))

    @rule(target=sent, what=sent)
    def send_release(self, what: Order) -> Order:
        return self._sent(Release(order=what.id, reason=WHY))

    @rule(one=sent)
    def arrives(self, one: Order) -> None:
        before = self.kept
        self.kept, (said,) = take(before, one, replace(HERE, at=self.now))
        self.states.setdefault(one.id, []).append(said.state)
        if one.id in before.orders:
            assert self.kept is before
        if self.now > one.expires:
            assert self.kept.overrides == before.overrides
        gone = {each.id for each in before.overrides} - {each.id for each in self.kept.overrides}
        assert not gone or isinstance(one.do, Release)
        self.ended |= gone
        for each in self.kept.overrides:
            if each.id not in {other.id for other in before.overrides}:
                assert each.id == one.id
                assert each.id not in self.begun, "begun twice"
                self.begun[each.id] = (each.start, each.targets)

    @rule(seconds=st.integers(1, 120))
    def time_passes(self, seconds: int) -> None:
        self.now += seconds * 1000
        after = without_past(self.kept, self.now)
        self.ended |= {each.id for each in self.kept.overrides} - {each.id for each in after.overrides}
        self.kept = after

    @invariant()
    def what_ended_does_not_come_back(self) -> None:
        live = {one.id for one in self.kept.overrides if one.end is None or one.end > self.now}
        assert not live & self.ended

    @invariant()
    def newest_lease_decides(self) -> None:
        for target in (L1, L2, L3):
            issued = [one.issued for one in self.kept.overrides if target in one.targets and one.layer is Layer.LEASE]
            assert issued == sorted(issued)

    @invariant()
    def an_answer_never_turns(self) -> None:
        for states in getattr(self, "states", {}).values():
            assert len(set(states)) == 1

    def _sent(self, do: Do) -> Order:
        self.issued = max(self.issued + 1, self.now)
        return order(do, issued=self.issued, expires=self.issued + 60_000)


TestWire = Wire.TestCase
TestWire.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
