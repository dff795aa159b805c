"""All alarms together: root causes, edits, restarts."""

from __future__ import annotations

import pytest

from control.alarms.engine import DOWN_MS, Engine, UnknownAlarm, resumed
from control.alarms.model import Acknowledge, Effect, Service, Shelve

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


def test_an_edit_without_a_usable_reading_changes_nothing() -> None:
    """What is unknown can not be judged by any limit."""
    bench = Bench([an_alarm(limit=3.0)])
    assert bench.engine.edit([an_alarm(limit=1.0)], bench.now) == []
    bench.see(2.0)
    bench.see(None)
    assert bench.engine.edit([an_alarm(limit=0.5)], bench.now) == []


def test_after_a_long_stop_nothing_is_believed_until_it_is_seen_again() -> None:
    """An off-delay that would have ended while control was down waits for a reading; a short stop changes nothing."""
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
