"""The engine as a state machine (domain alarms 1.4, item 1): whatever happens in whatever order, these things hold."""

from __future__ import annotations

import dataclasses
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from control.alarms.engine import Engine, durable, explains
from control.alarms.events import Acknowledge, Change, Effect, Observed, Reset, Service, Shelve, Unshelve
from control.alarms.model import WAITING, Alarm, AlarmState, Condition, Core, Priority
from control.alarms.occurrences import Occurrence, follow
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
        self.numbers = 0
        self.owed: set[int] = set()
        self.rows: dict[int, Occurrence] = {}

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

    @rule(key=KEYS, back=st.integers(0, 2), who=st.sampled_from(["duty-1", "duty-2"]))
    def acknowledge(self, key: str, back: int, who: str) -> None:
        number = self.engine.state(key).occurrence - back
        before = self.engine.state(key)
        answer = self._ask(key, Acknowledge(who=who, occurrence=number, note=f"seen by {who}"))
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

    @rule()
    def left_alone(self) -> None:
        """Were nobody to do anything from here on: no shelf and no acknowledgement keeps a priority 1 alarm quiet for ever."""
        engine, now = Engine(self.alarms.values(), self.engine.states, number=self.engine.number), self.now
        engine.enable("level@x", enabled=self.enabled, why="remote", now=now)
        while (due := engine.wakes_at) is not None and due <= self.now + 901_000:  # the longest shelf and the re-alarm time
            now = max(now, due)
            engine.tick(now)
        assert not any(engine.state(key).shelved_until for key in self.alarms)
        level = engine.state("level@x")
        if level.active and not level.suppressed and not level.out_of_service:
            assert (level.core, level.announced) == (Core.UNACKED, True)

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
            assert state.shelved_until is None or self.now < state.shelved_until <= self.now + 600_000

    @invariant()
    def the_rows_say_what_the_states_say(self) -> None:
        for key in self.alarms:
            state = self.engine.state(key)
            row = self.rows.get(state.occurrence)
            if state.core is Core.NORMAL:
                assert row is None or row.closed_at is not None
                continue
            assert row is not None
            assert row.closed_at is None
            assert (row.cleared_at is None) is state.active
            if state.core is not Core.LATCHED_ACKED:  # which is also where one ends that nobody was told of
                assert (row.acked_at is None) is (state.core in WAITING)
            assert row.annunciated_at is not None or not state.announced or state.core not in WAITING
        lives = [self.engine.state(key).occurrence for key in self.alarms if self.engine.state(key).core is not Core.NORMAL]
        assert sorted(lives) == sorted(number for number, row in self.rows.items() if row.closed_at is None)

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
            self.numbers += 1
            assert after.occurrence == self.numbers
        self._told_once(change)
        self._recorded(change)

    def _told_once(self, change: Change) -> None:
        """People are told of a life once, and again only after an expired acknowledgement or a silence that a person began."""
        before, after, done = change.before, change.state, set(change.step.effects)
        began_silence = done & {Effect.SHELVED, Effect.OUT} and before.core is Core.UNACKED
        if done & {Effect.RAISED, Effect.EXPIRED} or began_silence:
            self.owed.add(after.occurrence)
        if Effect.ANNOUNCED in done:
            assert after.occurrence in self.owed, "told twice of the same"
            self.owed.remove(after.occurrence)

    def _recorded(self, change: Change) -> None:
        """One row a life: who acknowledged is on it once, with name and note; what is over is not touched again."""
        open_rows = {number: row for number, row in self.rows.items() if row.closed_at is None}
        for row in follow(change, open_rows, None):
            assert row.number in open_rows or Effect.RAISED in change.step.effects
            self.rows[row.number] = row
        if Effect.ACKED in change.step.effects:
            assert isinstance(change.event, Acknowledge)
            row = self.rows[change.event.occurrence]
            assert (row.acked_by, row.ack_note, row.acked_at) == (change.event.who, change.event.note, change.at)
        if Effect.SUPERSEDED in change.step.effects:
            assert change.step.ended is not None
            row = self.rows[change.step.ended]
            assert (row.superseded, row.acked_by, row.closed_at) == (True, "", change.at)


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


Told = list[tuple[int, tuple[Effect, ...]]]


def tell(
    story: list[tuple[int, float | None]], *, start: int, scale: float = 1.0, others: int = 0, ticks: int = 0, times: int = 1
) -> Told:
    """What one alarm does over a story: (ms since the start, effects). ``ticks``: that often it is woken for nothing between two
    observations; ``times``: how often each observation comes.
    """
    bystanders = [an_alarm(f"other@{n}") for n in range(others)]
    engine = Engine([an_alarm(limit=1.0 * scale, deadband=0.1 * scale, on_s=20, off_s=60), *bystanders])
    now, found = start, []
    for gap, value in [*story, (200_000, None)]:
        end = now + gap
        while (due := engine.wakes_at) is not None and due <= end:
            now = max(now, due)
            found += engine.tick(now)
        for part in range(1, ticks + 1):
            found += engine.tick(now + (end - now) * part // (ticks + 1))
        now = end
        for _ in range(times):
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
    engine, sorted_one = (Engine([an_alarm(deadband=0.0, on_s=20, off_s=20)]) for _ in range(2))
    stamped = [(T0 + n * 1000, value) for n, value in enumerate(sorted(order))]
    for value in [*order, *order[:again]]:
        at = next(time for time, known in stamped if known == value)
        engine.observe(Condition(key="level@well-01", time=at, value=value), T0 + 10_000)
    for time, value in stamped:
        sorted_one.observe(Condition(key="level@well-01", time=time, value=value), T0 + 10_000)
    engine.tick(T0 + 60_000)
    sorted_one.tick(T0 + 60_000)
    found, wanted = engine.state("level@well-01"), sorted_one.state("level@well-01")
    assert found.active is (stamped[-1][1] >= 1.0)
    assert (found.core, found.on, found.value, found.time) == (wanted.core, wanted.on, wanted.value, wanted.time)


@settings(max_examples=50, deadline=None)
@given(STORY, st.integers(1, 3))
def test_being_woken_for_nothing_changes_nothing(story: list[tuple[int, float | None]], ticks: int) -> None:
    """Time may be told in one step or in many."""
    assert tell(story, start=T0) == tell(story, start=T0, ticks=ticks)


@settings(max_examples=50, deadline=None)
@given(STORY)
def test_what_comes_twice_changes_nothing(story: list[tuple[int, float | None]]) -> None:
    """Delivered at least once is as good as once."""
    assert tell(story, start=T0) == tell(story, start=T0, times=2)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(0.91, 1.09), max_size=30))
def test_a_swing_within_the_deadband_is_at_most_one_alarm(values: list[float]) -> None:
    """Whatever goes round the limit by less than the deadband raises once and does not clear, without any delay."""
    engine, done = Engine([an_alarm(limit=1.0, deadband=0.1)]), list[Effect]()
    for n, value in enumerate(values):
        found = engine.observe(Condition(key="level@well-01", time=T0 + n, value=value), T0 + n)
        done += [effect for change in found for effect in change.step.effects]
    assert done in ([], [Effect.RAISED, Effect.ANNOUNCED])


@settings(max_examples=100, deadline=None)
@given(STORY)
def test_delays_bound_how_often_an_alarm_comes_and_goes(story: list[tuple[int, float | None]]) -> None:
    """Never raised within the on-delay of its return, nor returned within the off-delay of its raise."""
    turns = [(at, effect) for at, done in tell(story, start=T0) for effect in done if effect in (Effect.RAISED, Effect.CLEARED)]
    assert [effect for _, effect in turns] == [(Effect.RAISED, Effect.CLEARED)[n % 2] for n in range(len(turns))]
    for (before, _), (at, effect) in pairwise(turns):
        assert at - before >= (20_000 if effect is Effect.RAISED else 60_000)
