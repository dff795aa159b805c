"""All alarms together: root causes, edits, restarts."""

from __future__ import annotations

import pytest

from control.alarms.engine import DOWN_MS, Engine, UnknownAlarm, resumed
from control.alarms.events import Acknowledge, Effect, Refused, Reset, Service, Shelve, Suppress
from control.alarms.model import AlarmState

from .conftest import Bench, an_alarm, effects

EDGE = an_alarm("offline@edge:e1", limit=None, on_s=10, off_s=30)
DEVICES = [an_alarm(f"offline@cabinet-{n:03}", limit=None, parents=("offline@edge:e1",)) for n in range(60)]
LAMPS = [an_alarm(f"out@lamp-{n:03}", limit=None, parents=(f"offline@cabinet-{n // 5:03}",)) for n in range(300)]


def test_a_dead_edge_node_with_three_hundred_lamps_is_one_announcement() -> None:
    """Whatever dies behind a root cause waits for it and is then suppressed; when all is back nobody hears of it."""
    bench = Bench([EDGE, *DEVICES, *LAMPS])
    bench.see(True)
    for alarm in [*DEVICES, *LAMPS]:
        bench.see(True, alarm.key)
    bench.wait(60)
    assert (bench.count(Effect.ANNOUNCED), bench.count(Effect.ANNOUNCED, EDGE.key)) == (1, 1)
    bench.see(False)
    for alarm in [*LAMPS, *DEVICES]:
        bench.wait(0.05)
        bench.see(False, alarm.key)
    bench.wait(60)
    assert bench.count(Effect.ANNOUNCED) == 1
    assert bench.count(Effect.SUPPRESSED) == bench.count(Effect.RELEASED) == 360


def test_what_stays_when_its_cause_has_gone_is_announced_once() -> None:
    """The edge node is back, one cabinet is not: that one is told of, its lamps are not."""
    bench = Bench([EDGE, *DEVICES, *LAMPS])
    bench.see(True)
    for alarm in [*DEVICES, *LAMPS]:
        bench.see(True, alarm.key)
    bench.wait(60)
    bench.see(False)
    for alarm in DEVICES[1:]:
        bench.see(False, alarm.key)
    for alarm in LAMPS[5:]:
        bench.see(False, alarm.key)
    found = bench.wait(60)
    assert [change.alarm.key for change in found if Effect.ANNOUNCED in change.step.effects] == ["offline@cabinet-000"]


def test_a_child_waits_while_its_parent_may_explain_it() -> None:
    """A device that dies during the parent's on-delay is not told of before that is decided, then it is."""
    bench = Bench([EDGE, DEVICES[0]])
    bench.see(True)
    assert effects(bench.see(True, DEVICES[0].key)) == ["raised"]
    found = bench.see(False)
    assert effects(found) == ["dropped", "released", "announced"]


def test_a_cause_out_of_service_explains_nothing() -> None:
    """A parent under maintenance must not silence its children; shelving it keeps them quiet."""
    bench = Bench([EDGE, DEVICES[0]])
    bench.see(True)
    bench.wait(10)
    bench.see(True, DEVICES[0].key)
    bench.ask(Shelve(who="a", until=bench.now + 60_000, reason="known"))
    assert bench.count(Effect.ANNOUNCED, DEVICES[0].key) == 0
    bench.ask(Service(who="a", out=True, reason="being moved"))
    assert bench.count(Effect.ANNOUNCED, DEVICES[0].key) == 1


def test_enabling_conditions_suppress_by_design() -> None:
    """Known not to hold: suppressed; the alarm goes on beneath it and shows when the condition is back."""
    bench = Bench([an_alarm(conditional=True)])
    key = bench.alarms[0].key
    assert effects(bench.engine.enable(key, enabled=False, why="remote", now=bench.now)) == ["suppressed"]
    assert bench.engine.enable(key, enabled=False, why="remote", now=bench.now) == []
    assert effects(bench.see(2.0)) == ["raised"]
    bench.restart()
    assert bench.engine.settle(bench.now) == [], "a restart does not forget that it is disabled"
    assert effects(bench.engine.enable(key, enabled=True, why="", now=bench.now)) == ["released", "announced"]
    assert bench.engine.enable("no@such", enabled=False, why="", now=bench.now) == []


def test_an_edit_is_judged_at_once_and_what_is_left_out_ends() -> None:
    """A lower limit raises from the last reading; a rule taken away closes its occurrence and its suppression of others."""
    bench = Bench([an_alarm(limit=3.0), EDGE, DEVICES[0]])
    bench.see(2.0)
    found = bench.engine.edit([an_alarm(limit=1.5), EDGE, DEVICES[0]], bench.now)
    assert effects(found) == ["raised", "announced"]
    bench.see(True, EDGE.key)
    bench.wait(10)
    bench.see(True, DEVICES[0].key)
    child = an_alarm("offline@cabinet-000", limit=None)
    found = bench.engine.edit([child], bench.now)
    assert sorted(effects(found)) == ["announced", "closed", "closed", "released"]
    with pytest.raises(UnknownAlarm):
        bench.engine.state(EDGE.key)


def test_an_edited_delay_counts_from_when_the_condition_began() -> None:
    """Shortening the on-delay of a running alarm takes effect at once."""
    bench = Bench([an_alarm(on_s=600)])
    bench.see(2.0)
    bench.wait(100)
    assert effects(bench.engine.edit([an_alarm(on_s=60)], bench.now)) == ["raised", "announced"]


def test_an_edited_off_delay_counts_from_when_the_condition_went() -> None:
    """Shortening it clears at once; lengthening it makes the alarm wait for its new end."""
    bench = Bench([an_alarm(on_s=5, off_s=600)])
    bench.see(2.0)
    bench.wait(5)
    bench.see(0.0)
    bench.wait(100)
    assert effects(bench.engine.edit([an_alarm(on_s=5, off_s=200)], bench.now)) == []
    assert bench.engine.wakes_at == bench.now + 100_000
    assert effects(bench.engine.edit([an_alarm(on_s=5, off_s=100)], bench.now)) == ["cleared"]


def test_an_edited_limit_is_held_without_its_deadband() -> None:
    """Whoever raises a limit means the new one: a value below it is clear although the old alarm would have stayed."""
    bench = Bench([an_alarm(limit=1.0, deadband=0.1)])
    bench.see(1.0)
    assert effects(bench.engine.edit([an_alarm(limit=1.05, deadband=0.1)], bench.now)) == ["cleared"]


def test_an_edit_that_changes_nothing_judges_nothing() -> None:
    """In the deadband a second look would clear: an alarm that is as it was is not looked at."""
    bench = Bench([an_alarm(), an_alarm("b@x")])
    bench.see(2.0)
    bench.now += 1
    bench.see(0.95)
    assert bench.engine.edit([an_alarm(), an_alarm("b@x", limit=3.0)], bench.now) == []
    assert (bench.core, sorted(bench.engine.alarms)) == ("B", ["b@x", "level@well-01"])


def test_what_is_left_out_ends_but_its_number_stays() -> None:
    """An open life is closed; a shelf alone ends without a word; of what never was there is nothing to tell."""
    bench = Bench([an_alarm("a@x"), an_alarm("b@x"), an_alarm("c@x"), an_alarm("d@x")])
    bench.see(2.0, "a@x")
    bench.ask(Shelve(who="a", until=bench.now + 60_000, reason="test"), "b@x")
    bench.see(0.0, "c@x")
    found = {change.alarm.key: change for change in bench.engine.edit([], bench.now)}
    assert {key: change.step.effects for key, change in found.items()} == {"a@x": (Effect.CLOSED,), "b@x": ()}
    assert found["a@x"].state == AlarmState(occurrence=1)
    assert (found["a@x"].before.core, found["a@x"].at) == ("B", bench.now)
    assert (bench.engine.wakes_at, bench.engine.tick(bench.now + 60_000)) == (None, [])
    bench.engine.edit([an_alarm("a@x")], bench.now)
    assert bench.engine.state("a@x") == AlarmState(), "it begins anew"
    bench.see(2.0, "a@x")
    assert bench.engine.state("a@x").occurrence == 2


def test_an_alarm_that_comes_back_has_forgotten_what_disabled_it() -> None:
    """Taken out while disabled and put in again: enabled until the field says otherwise."""
    bench = Bench([an_alarm(conditional=True)])
    bench.engine.enable("level@well-01", enabled=False, why="remote", now=bench.now)
    bench.engine.edit([], bench.now)
    assert bench.engine.edit([an_alarm(conditional=True)], bench.now) == []
    assert effects(bench.see(2.0)) == ["raised", "announced"]


def test_no_such_alarm() -> None:
    """A person is told by name; an observation of it says nothing; its state is not made up."""
    bench = Bench([an_alarm()])
    with pytest.raises(UnknownAlarm, match="no@such"):
        bench.engine.ask("no@such", Acknowledge(who="a", occurrence=1), bench.now)
    with pytest.raises(UnknownAlarm, match="no@such"):
        bench.engine.state("no@such")
    assert bench.see(2.0, "no@such") == []
    assert bench.ask(Reset(who="a")).refused is Refused.NOT_LATCHED
    assert bench.engine.edit([an_alarm(limit=2.0), an_alarm("new@x")], bench.now) == []
    assert bench.engine.states == {}, "nothing was ever said of any"


def test_an_edit_may_give_an_alarm_a_cause() -> None:
    """From then on the new parent suppresses it, as it happens."""
    parent, child = an_alarm("a@x", limit=None), an_alarm("c@x", limit=None)
    bench = Bench([parent, child])
    bench.engine.edit([parent, an_alarm("c@x", limit=None, parents=("a@x",))], bench.now)
    assert effects(bench.see(True, "a@x")) == ["raised", "announced", "suppressed"]


def test_a_suppression_names_its_reason() -> None:
    """The first parent that explains it, or the condition that disables it, which comes first; a release names none."""
    child = an_alarm("c@x", limit=None, parents=("a@x", "b@x"), conditional=True)
    bench = Bench([an_alarm("a@x", limit=None), an_alarm("b@x", limit=None), child])
    why = []
    for key, value in (("b@x", True), ("a@x", True), ("b@x", False), ("a@x", False)):
        why += [change.event for change in bench.see(value, key) if change.alarm is child]
        bench.now += 1
    why += [change.event for change in bench.engine.enable("c@x", enabled=False, why="c/remote = 0", now=bench.now)]
    assert why == [Suppress(on=True, why="b@x"), Suppress(on=False), Suppress(on=True, why="c/remote = 0")]


def test_a_cause_that_goes_does_not_release_what_another_explains() -> None:
    """Still disabled, or still explained: still suppressed, without a change in the journal."""
    child = an_alarm("c@x", limit=None, parents=("a@x", "b@x"), conditional=True)
    bench = Bench([an_alarm("a@x", limit=None), an_alarm("b@x", limit=None), child])
    bench.engine.enable("c@x", enabled=False, why="remote", now=bench.now)
    for key, value in (("a@x", True), ("b@x", True), ("a@x", False)):
        bench.see(value, key)
        bench.now += 1
    assert bench.engine.enable("c@x", enabled=True, why="", now=bench.now) == []
    assert bench.engine.state("c@x").suppressed
    assert effects(bench.see(False, "b@x")) == ["cleared", "released"]


def test_after_a_restart_only_what_was_disabled_stays_so() -> None:
    """What a parent explained is released with the parent, also when the rules have changed in between."""
    parent, child = an_alarm("a@x", limit=None), an_alarm("c@x", limit=None, parents=("a@x",), conditional=True)
    bench = Bench([parent, child])
    bench.see(True, "a@x")
    bench.see(True, "c@x")
    bench.restart()
    bench.now += 1
    assert effects(bench.see(False, "a@x")) == ["cleared", "released", "announced"]
    bench = Bench([parent, child])
    bench.see(True, "a@x")
    bench.alarms = [parent, an_alarm("c@x", limit=None)]  # the rule lost its parent and its condition while control was down
    bench.restart()
    assert effects(bench.engine.settle(bench.now)) == ["released"]


def test_timers_of_a_kept_state_go_on() -> None:
    """A restart sets every timer again, and none for alarms there are no more."""
    bench = Bench([an_alarm("a@x", on_s=20), an_alarm("b@x", on_s=10)])
    bench.see(2.0, "a@x")
    bench.see(2.0, "b@x")
    bench.alarms = bench.alarms[:1]
    bench.restart()
    assert bench.engine.wakes_at == bench.now + 20_000
    assert [change.alarm.key for change in bench.wait(20)] == ["a@x"]
    assert "b@x" in bench.engine.states, "kept for when the rule comes back"
    orphan = Engine([], {"c@x": AlarmState(suppressed=True, due=bench.now, known=True)})
    assert (orphan.wakes_at, orphan.settle(bench.now)) == (None, [])


def test_an_edit_without_a_usable_reading_changes_nothing() -> None:
    """What is unknown can not be judged by any limit."""
    bench = Bench([an_alarm(limit=3.0)])
    assert bench.engine.edit([an_alarm(limit=1.0)], bench.now) == []
    bench.see(2.0)
    bench.see(None)
    for limit in (3.0, 0.5):
        assert bench.engine.edit([an_alarm(limit=limit)], bench.now) == []
    assert bench.core == "B"


@pytest.mark.parametrize(
    ("before", "seen", "after", "active", "then"),
    [
        (3.0, 2.0, None, False, True),  # clear as a number; as a contact it would have been true
        (1.0, 2.0, None, True, False),
        (None, False, 0.0, False, 0.0),  # false is not the number 0
        (None, True, 3.0, True, 2.0),  # and true not 1, which would have cleared it
    ],
)
def test_a_rule_that_becomes_of_another_kind_waits_for_a_reading(
    before: float | None, seen: float | bool, after: float | None, active: bool, then: float | bool
) -> None:
    """A number says nothing of a contact, nor a contact of a limit: after a reload the next reading decides."""
    bench = Bench([an_alarm(limit=before)])
    key = bench.alarms[0].key
    bench.see(seen)
    assert bench.engine.state(key).active is active
    assert bench.engine.edit([an_alarm(limit=after)], bench.now) == []
    assert (bench.engine.state(key).active, bench.engine.state(key).known) == (active, False)
    bench.now += 1
    bench.see(then)
    assert bench.engine.state(key).on is not active, "the first reading of the new kind is judged"


def test_a_delay_does_not_end_on_a_value_of_another_kind() -> None:
    """A running on-delay stands still when its limit goes away, however long nothing is read."""
    bench = Bench([an_alarm(on_s=20)])
    bench.see(2.0)
    bench.engine.edit([an_alarm(limit=None, on_s=20)], bench.now)
    assert bench.wait(3600) == []
    assert effects(bench.see(True)) == ["raised", "announced"]


def test_after_a_long_stop_nothing_is_believed_until_it_is_seen_again() -> None:
    """An off-delay that would have ended while control was down waits for a reading; a short stop changes nothing."""
    assert DOWN_MS == 120_000
    bench = Bench([an_alarm(off_s=60)])
    bench.see(2.0)
    bench.see(0.0)
    kept = dict(bench.engine.states)
    late = Engine(bench.alarms, {key: resumed(state, DOWN_MS + 1) for key, state in kept.items()}, number=1)
    assert late.tick(bench.now + 3_600_000) == []
    soon = Engine(bench.alarms, {key: resumed(state, DOWN_MS) for key, state in kept.items()}, number=1)
    assert effects(soon.tick(bench.now + 60_000)) == ["cleared"]


def test_numbers_are_never_given_twice() -> None:
    """Occurrence numbers go on over alarms and restarts."""
    bench = Bench([an_alarm("a@x"), an_alarm("b@x")])
    bench.see(2.0, "a@x")
    bench.restart()
    bench.see(2.0, "b@x")
    assert (bench.engine.state("a@x").occurrence, bench.engine.state("b@x").occurrence) == (1, 2)
    assert bench.ask(Acknowledge(who="a", occurrence=1), "b@x").refused is not None
