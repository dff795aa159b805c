"""The engine as a state machine (domain alarms 1.4, item 1): whatever happens in whatever order, these things hold."""

from __future__ import annotations

import dataclasses

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from control.alarms.engine import Engine, durable, explains
from control.alarms.model import (
    Acknowledge,
    Alarm,
    AlarmState,
    Change,
    Condition,
    Core,
    Effect,
    Observed,
    Priority,
    Reset,
    Service,
    Shelve,
    Unshelve,
)
from control.alarms.states import pack, unpack

from .conftest import T0, an_alarm

PARENT = an_alarm("mains@x", limit=None, on_s=5, off_s=10, most_shelf_s=600)
LEVEL = an_alarm(
    "level@x", on_s=20, off_s=60, realarm_s=300, priority=Priority.RED, parents=("mains@x",), conditional=True, most_shelf_s=600
)
TRIP = an_alarm("trip@x", limit=None, latching=True, parents=("level@x", "mains@x"), most_shelf_s=600)
PLAIN = an_alarm("plain@x", limit=None, acknowledge=False, most_shelf_s=600)
ALARMS = (PARENT, LEVEL, TRIP, PLAIN)
KEYS = st.sampled_from([alarm.key for alarm in ALARMS])
VALUES = st.sampled_from([None, 0.0, 0.85, 0.95, 1.0, 1.05, 2.0])

ALLOWED = {
    ("A", "B"), ("B", "C"), ("B", "D"), ("B", "E"), ("B", "A"), ("B", "F"), ("C", "A"), ("C", "F"), ("C", "B"),
    ("D", "A"), ("D", "B"), ("E", "F"), ("E", "B"), ("F", "A"), ("F", "B"),
}  # fmt: skip


class EngineMachine(RuleBasedStateMachine):
    """Two engines hear the same; one of them is put away as text and started again at random."""

    def __init__(self) -> None:
        super().__init__()
        self.alarms: dict[str, Alarm] = {alarm.key: alarm for alarm in ALARMS}
        self.engine, self.twin = Engine(ALARMS), Engine(ALARMS)
        self.now = T0
        self.enabled = True
        self.journal: list[Change] = []
        self.heard: dict[int, int] = {}
        self.quiet_since: dict[str, int] = {}

    # -- what happens ----------------------------------------------------------------------------------------------------

    @rule(key=KEYS, value=VALUES, ago_ms=st.sampled_from([0, 0, 0, 3_000]))
    def observe(self, key: str, value: float | None, ago_ms: int) -> None:
        told = value if self.alarms[key].limit or value is None else value >= 1
        condition = Condition(key=key, time=self.now - ago_ms, value=told)
        before = self.engine.state(key)
        self._both(self.engine.observe(condition, self.now), self.twin.observe(condition, self.now))
        if told is None:
            assert durable(self.engine.state(key)) == durable(before), "a sample without a value changed something"

    @rule(seconds=st.sampled_from([0.001, 1, 4, 5, 10, 19, 20, 60, 299, 301, 700]))
    def advance(self, seconds: float) -> None:
        end = self.now + round(seconds * 1000)
        while (due := self.engine.wakes_at) is not None and due <= end:
            assert self.twin.wakes_at is not None, "the restarted engine sleeps on"
            self.now = max(self.now, due)
            self._both(self.engine.tick(self.now), self.twin.tick(self.now))
        self.now = end

    @rule(key=KEYS, back=st.integers(0, 2))
    def acknowledge(self, key: str, back: int) -> None:
        number = self.engine.state(key).occurrence - back
        before = self.engine.state(key)
        answer = self._ask(key, Acknowledge(who="duty", occurrence=number))
        if back and not answer:
            raise AssertionError("an older occurrence's acknowledgement was taken")
        if not answer:
            assert self.engine.state(key).occurrence == before.occurrence

    @rule(key=KEYS)
    def reset(self, key: str) -> None:
        self._ask(key, Reset(who="duty"))

    @rule(key=KEYS, seconds=st.sampled_from([0, 10, 600, 601]))
    def shelve(self, key: str, seconds: int) -> None:
        refused = self._ask(key, Shelve(who="duty", until=self.now + seconds * 1000, reason="test"))
        assert bool(refused) is (seconds in (0, 601))

    @rule(key=KEYS)
    def unshelve(self, key: str) -> None:
        self._ask(key, Unshelve(who="duty"))

    @rule(key=KEYS, out=st.booleans())
    def service(self, key: str, out: bool) -> None:
        self._ask(key, Service(who="engineer", out=out, reason="test"))

    @rule(enabled=st.booleans())
    def enable(self, enabled: bool) -> None:
        self.enabled = enabled
        self._both(*(each.enable("level@x", enabled=enabled, why="remote", now=self.now) for each in (self.engine, self.twin)))

    @rule(limit=st.sampled_from([0.9, 1.0, 1.5]), on_s=st.sampled_from([0, 20, 40]))
    def edit(self, limit: float, on_s: float) -> None:
        held = dataclasses.replace(LEVEL.limit, value=limit)  # type: ignore[type-var]
        new_rule = dataclasses.replace(LEVEL.rule, timing=dataclasses.replace(LEVEL.rule.timing, on_s=on_s))
        self.alarms["level@x"] = dataclasses.replace(LEVEL, limit=held, rule=new_rule)
        self._both(*(each.edit(self.alarms.values(), self.now) for each in (self.engine, self.twin)))

    @rule()
    @precondition(lambda self: self.journal)
    def restart(self) -> None:
        states = {key: unpack(pack(state)) for key, state in self.twin.states.items()}
        self.twin = Engine(self.alarms.values(), states, number=self.twin.number)
        if not self.enabled:  # a birth tells it again
            assert self.twin.enable("level@x", enabled=False, why="remote", now=self.now) == []
        assert self.twin.settle(self.now) == [], "a restart changed something"

    # -- what always holds -----------------------------------------------------------------------------------------------

    @invariant()
    def restarts_are_no_op(self) -> None:
        assert self.engine.states == self.twin.states
        assert self.engine.number == self.twin.number

    @invariant()
    def the_journal_alone_gives_the_state(self) -> None:
        rebuilt: dict[str, AlarmState] = {change.alarm.key: unpack(pack(change.state)) for change in self.journal}
        for key in self.alarms:
            assert durable(rebuilt.get(key, AlarmState())) == durable(self.engine.state(key))

    @invariant()
    def causes_suppress(self) -> None:
        for key, alarm in self.alarms.items():
            explained = any(explains(self.engine.state(parent)) for parent in alarm.parents)
            disabled = key == "level@x" and not self.enabled
            assert self.engine.state(key).suppressed is (explained or disabled)

    @invariant()
    def nothing_active_is_kept_from_people_without_a_reason(self) -> None:
        for key in self.alarms:
            state = self.engine.state(key)
            if state.core is Core.UNACKED and not state.silent:
                assert state.announced
            assert state.shelved_until is None or state.shelved_until <= self.now + 600_000

    # -- the pieces ------------------------------------------------------------------------------------------------------

    def _ask(self, key: str, event: object) -> object:
        one, two = (each.ask(key, event, self.now) for each in (self.engine, self.twin))  # type: ignore[arg-type]
        assert one.refused == two.refused
        self._both(list(one.changes), list(two.changes))
        return one.refused

    def _both(self, one: list[Change], two: list[Change]) -> None:
        assert one == two, "the restarted engine does something else"
        for change in one:
            self._lawful(change)
        self.journal += one

    def _lawful(self, change: Change) -> None:
        before, after, done = change.before, change.state, change.step.effects
        path = (str(before.core), str(after.core))
        assert before.core is after.core or path in ALLOWED, f"no such transition {path}"
        if path == ("B", "A") and change.alarm.rule.acknowledge:
            assert not before.announced, "returned to normal although someone who was told has not acknowledged"
        if Effect.ANNOUNCED in done:
            assert not after.silent
            assert after.active
            assert done.count(Effect.ANNOUNCED) == 1
        if isinstance(change.event, Observed) and change.event.condition.value is None:
            assert not done
        if Effect.RAISED in done:
            assert after.occurrence == max(self.heard, default=0) + 1
            self.heard[after.occurrence] = 1


EngineMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=60, deadline=None)
TestEngineMachine = EngineMachine.TestCase


# -- properties of one alarm against a slow reference ----------------------------------------------------------------------------


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 30), st.sampled_from([0.0, 0.85, 0.95, 1.0, 2.0, None])), max_size=40),
    st.sampled_from([0, 5, 20]),
    st.sampled_from([0, 7, 60]),
)
def test_the_detector_agrees_with_a_slow_one(samples: list[tuple[int, float | None]], on_s: int, off_s: int) -> None:
    """Second by second, by the plain words of the rule: on after on_s seconds of alarming, off after off_s seconds of clear."""
    engine, now = Engine([an_alarm(on_s=on_s, off_s=off_s)]), T0
    key, seconds, feed = "level@well-01", 0, {}
    for gap, value in samples:
        seconds += gap
        feed[seconds] = value
    slow = _Slow(on_s, off_s)
    for second in range(seconds + 70):
        now = T0 + second * 1000
        engine.tick(now)
        if second in feed:
            engine.observe(Condition(key=key, time=now, value=feed[second]), now)
        assert engine.state(key).active is slow.second(feed.get(second, "nothing"))


class _Slow:
    def __init__(self, on_s: int, off_s: int) -> None:
        self.on_s, self.off_s = on_s, off_s
        self.alarming = self.active = self.known = False
        self.lasted = 0

    def second(self, value: float | str | None) -> bool:
        self.lasted += 1
        self._delay()
        if value is None:
            self.known = False
        elif not isinstance(value, str):
            self.known = True
            alarming = value >= 1.0 or (self.alarming and value >= 0.9)
            if alarming != self.alarming:
                self.alarming, self.lasted = alarming, 0
        self._delay()
        return self.active

    def _delay(self) -> None:
        needed = self.on_s if self.alarming else self.off_s
        if self.known and self.alarming != self.active and self.lasted >= needed:
            self.active = self.alarming


STORY = st.lists(st.tuples(st.integers(1, 40_000), st.sampled_from([0.0, 0.95, 1.0, 2.0, None])), min_size=1, max_size=30)


def tell(story: list[tuple[int, float | None]], *, start: int, scale: float = 1.0, others: int = 0) -> list[tuple[int, object]]:
    """What one alarm does over a story: (ms since the start, effects)."""
    bystanders = [an_alarm(f"other@{n}") for n in range(others)]
    engine = Engine([an_alarm(limit=1.0 * scale, deadband=0.1 * scale, on_s=20, off_s=60), *bystanders])
    now, found = start, []
    for gap, value in [*story, (200_000, None)]:
        end = now + gap
        while (due := engine.wakes_at) is not None and due <= end:
            now = max(now, due)
            found += engine.tick(now)
        now = end
        found += engine.observe(Condition(key="level@well-01", time=now, value=None if value is None else value * scale), now)
        for other in bystanders:
            engine.observe(Condition(key=other.key, time=now, value=value), now)
    return [(change.at - start, change.step.effects) for change in found if change.alarm.key == "level@well-01"]


@settings(max_examples=100, deadline=None)
@given(STORY, st.sampled_from([-86_400_000, 3_600_000, 366 * 86_400_000, 1_798_675_199_000 - T0, 1_835_395_200_000 - T0]))
def test_the_same_story_at_another_time(story: list[tuple[int, float | None]], offset: int) -> None:
    """Shifted by a day, an hour, over a year's end and a leap day: the same, shifted."""
    assert tell(story, start=T0) == tell(story, start=T0 + offset)


@settings(max_examples=100, deadline=None)
@given(STORY, st.sampled_from([0.5, 2.0, 1024.0]))
def test_the_same_story_in_another_unit(story: list[tuple[int, float | None]], scale: float) -> None:
    """Units and limits scaled together change nothing."""
    assert tell(story, start=T0) == tell(story, start=T0, scale=scale)


@settings(max_examples=50, deadline=None)
@given(STORY)
def test_others_do_not_matter(story: list[tuple[int, float | None]]) -> None:
    """An alarm behaves the same among others that have nothing to do with it."""
    assert tell(story, start=T0) == tell(story, start=T0, others=3)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from([0.0, 0.5, 1.0, 2.0]), min_size=2, max_size=8, unique=True).flatmap(st.permutations),
    st.integers(0, 3),
)
def test_the_order_of_arrival_within_the_delays_does_not_matter(order: list[float], again: int) -> None:
    """Readings of the last seconds, in any order and repeated, leave the alarm as their newest one has it."""
    engine = Engine([an_alarm(deadband=0.0, on_s=20, off_s=20)])
    stamped = [(T0 + n * 1000, value) for n, value in enumerate(sorted(order))]
    for value in [*order, *order[:again]]:
        at = next(time for time, known in stamped if known == value)
        engine.observe(Condition(key="level@well-01", time=at, value=value), T0 + 10_000)
    engine.tick(T0 + 60_000)
    assert engine.state("level@well-01").active is (stamped[-1][1] >= 1.0)
