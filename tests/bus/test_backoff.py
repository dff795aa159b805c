"""Waiting, pure: back-off, budget, reconnecting, patience, the schedule."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.backoff import LONGEST_S, Backoff, ProbeBudget, Reconnect, UnitState
from gateway.modbus.port import Block
from gateway.patience import FLOOR_S, Patience, RoundTrip
from gateway.plan import line_s
from gateway.schedule import Schedule
from lampwell.assets import Link, Transport
from lampwell.profiles.model import Space

BLOCK = Block(Space.HOLDING, 0, 10)
TCP = Link(id="l", edge="e", transport=Transport.TCP, timeout_s=1.0)
LINE = Link(id="l", edge="e", transport=Transport.RTU, timeout_s=1.0, baud=9600)


def test_the_wait_grows_by_two_seconds_up_to_five_minutes() -> None:
    """First failure: the next slot; then 2, 4, 6 ... 300 s."""
    backoff = Backoff(rng=lambda: 0.5)
    waits = []
    for _ in range(200):
        backoff.failed(1000.0)
        waits.append(backoff.due - 1000.0)
    assert waits[:4] == [0, 2, 4, 6]
    assert waits[-1] == LONGEST_S
    assert waits == sorted(waits)


def test_waits_are_jittered_by_a_tenth() -> None:
    """Many units that died together are not probed together."""
    low, high = Backoff(rng=lambda: 0.0), Backoff(rng=lambda: 1.0)
    for _ in range(11):
        low.failed(0)
        high.failed(0)
    assert (low.due, high.due) == (pytest.approx(18), pytest.approx(22))


def test_states_of_a_unit() -> None:
    """New, ok, slow, dead; a unit that never answered is dead at once; changes are told once."""
    backoff = Backoff()
    assert backoff.state is UnitState.NEW
    assert backoff.failed(0)
    assert backoff.state is UnitState.DEAD
    assert not backoff.failed(0)
    assert backoff.succeeded()
    assert not backoff.succeeded()
    assert [(backoff.failed(0), backoff.state) for _ in range(3)] == [
        (True, UnitState.SLOW),
        (False, UnitState.SLOW),
        (True, UnitState.DEAD),
    ]


def test_a_lost_link_is_no_failure_of_the_unit() -> None:
    """When the link is back the unit is asked as usual."""
    backoff = Backoff()
    backoff.succeeded()
    assert backoff.link_lost()
    assert (backoff.state, backoff.failures) == (UnitState.DEAD, 0)


def test_rtu_leaves_a_silent_unit_alone_for_longer_than_its_answer_may_be_late() -> None:
    """The quarantine holds from the first failure on."""
    backoff = Backoff(least_s=3.0, rng=lambda: 0.5)
    backoff.failed(10.0)
    assert backoff.due == 13.0


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 10), st.floats(0, 2)), max_size=200))
def test_probes_take_at_most_their_share(steps: list[tuple[float, float]]) -> None:
    """Whatever comes: waiting for silent units stays below a twentieth of the time, plus what was saved and one probe."""
    budget, now, spent = ProbeBudget(3.0), 0.0, 0.0
    for pause, cost in steps:
        now += pause
        if budget.wait_s(now, 1.0) == 0:
            budget.spend(now, cost)
            spent += cost
    assert spent <= 3.0 + 0.05 * now + 2.0


def test_debt_delays_the_next_probe_and_is_bounded() -> None:
    """First contacts may overdraw, but not for ever."""
    budget = ProbeBudget(3.0)
    budget.spend(0, 100)
    assert budget.wait_s(0, 1.0) == pytest.approx((1 + 3) / 0.05)
    assert budget.wait_s(80.001, 1.0) == 0


def test_reconnecting_is_at_once_first_then_ever_later() -> None:
    """0, then up to 1, 2, 4 ... 30 s; an answer resets it."""
    down = Reconnect(rng=lambda: 1.0)
    waits = []
    for _ in range(9):
        down.failed(100.0)
        waits.append(max(0.0, down.due - 100))
    assert waits == [0, 1, 2, 4, 8, 16, 30, 30, 30]
    down.succeeded()
    assert down.due == 0


def test_patience_is_learned_and_never_exceeds_the_configured_time() -> None:
    """First contact: configured. Then four times what nearly every answer keeps below, not under 50 ms."""
    patience, own = Patience(TCP), RoundTrip()
    assert patience.timeout_s(own, BLOCK, 0) == 1.0
    for _ in range(20):
        patience.learn(own, BLOCK, 0.002)
    assert patience.timeout_s(own, BLOCK, 0) == FLOOR_S
    assert patience.timeout_s(RoundTrip(), BLOCK, 0) == FLOOR_S  # its neighbours have taught
    for _ in range(40):
        patience.learn(own, BLOCK, 0.1)
    assert 0.39 < patience.timeout_s(own, BLOCK, 0) < 0.8
    own.learn_late(5.0)
    assert patience.timeout_s(own, BLOCK, 0) == 1.0


def test_every_fourth_probe_on_tcp_is_patient() -> None:
    """A converter may forget a slow unit's answer when it is asked something else: sometimes it gets the whole time."""
    patience, own = Patience(TCP), RoundTrip()
    for _ in range(20):
        patience.learn(own, BLOCK, 0.002)
    assert [patience.timeout_s(own, BLOCK, n) for n in (1, 2, 3, 4)] == [FLOOR_S] * 3 + [1.0]


def test_on_a_line_the_time_of_the_characters_is_counted_apart() -> None:
    """What was learned from small blocks holds for large ones; a failing unit gets the configured time."""
    patience, own = Patience(LINE), RoundTrip()
    for _ in range(20):
        patience.learn(own, BLOCK, line_s(LINE, BLOCK) + 0.02)
    wide = Block(Space.HOLDING, 0, 125)
    assert patience.timeout_s(own, wide, 0) > line_s(LINE, wide) + 0.05
    assert patience.timeout_s(own, wide, 1) == 1.0
    assert patience.timeout_s(RoundTrip(), wide, 0) == 1.0


def test_earliest_deadline_first() -> None:
    """Of two that are due, the one whose next slot is sooner."""
    schedule: Schedule[str] = Schedule(0.0)
    schedule.add("minute", 60, 0.0)
    schedule.add("second", 1, 0.0)
    first, second = schedule.take(0.5), schedule.take(0.5)
    assert first is not None
    assert second is not None
    assert (first.key, second.key) == ("second", "minute")
    assert schedule.take(0.5) is None


def test_missed_slots_are_skipped_and_counted() -> None:
    """A job that ran 3.4 s late missed three slots and is next due at the fourth."""
    schedule: Schedule[str] = Schedule(0.0)
    schedule.add("a", 1, 0.0)
    job = schedule.take(3.4)
    assert job is not None
    assert schedule.done(job, 3.4) == 3
    assert schedule.wait_s(3.4) == pytest.approx(0.6)


def test_a_shorter_interval_takes_effect_at_once() -> None:
    """Dry to storm: not only after the minute that was being waited for."""
    schedule: Schedule[str] = Schedule(0.0)
    job = schedule.add("a", 60, 0.0)
    assert schedule.take(0.0) is job
    schedule.done(job, 0.0)
    schedule.retime(job, 5, 10.0)
    assert schedule.wait_s(10.0) == pytest.approx(5)


def next_run(schedule: Schedule[str], now: float) -> float:
    """When the one job runs next, begun then; a wake for a slot that was given up takes nothing."""
    while (job := schedule.take(now)) is None:
        now += schedule.wait_s(now) or 1e-6
    schedule.done(job, now)
    return now


@given(st.floats(0, 0.999), st.floats(1, 60), st.floats(1, 4), st.floats(0, 0.999))
def test_a_longer_interval_leaves_no_longer_gap_than_itself(phase: float, short: float, times: float, when: float) -> None:
    """Night to day: a cabinet was silent for its alarm, because a poll that was due was put off by a whole slot."""
    schedule: Schedule[str] = Schedule(0.0)
    job = schedule.add("a", short, phase)
    last = 0.0
    for _ in range(5):
        last = next_run(schedule, last)
    now = last + when * (schedule.wait_s(last) or 0.0)
    schedule.retime(job, short * times, now)
    for _ in range(3):
        after = next_run(schedule, now)
        assert after - last <= short * times + 1e-5
        last = now = after


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0.1, 100), st.floats(0, 0.999)), min_size=1, max_size=20),
    st.lists(st.floats(0, 30), max_size=60),
)
def test_no_job_is_lost_or_doubled(jobs: list[tuple[float, float]], pauses: list[float]) -> None:
    """Whatever the delays: every job comes back, never twice for one slot, and nothing piles up."""
    schedule: Schedule[int] = Schedule(0.0)
    for number, (interval, phase) in enumerate(jobs):
        schedule.add(number, interval, phase)
    now, runs = 0.0, {number: [] for number in range(len(jobs))}
    for pause in [*pauses, 200.0]:
        now += pause
        seen = []
        while job := schedule.take(now):
            seen.append(job.key)
            runs[job.key].append(now)
            schedule.done(job, now)
        assert len(seen) == len(set(seen))
    assert all(times and times[-1] == now for times in runs.values())
