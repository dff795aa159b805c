"""The core states as ISA-18.2's table has them (domain alarms 1.1), one test a promise."""

from __future__ import annotations

import math

import pytest

from control.alarms.core import FENCE_MS, judge, step
from control.alarms.events import Acknowledge, Effect, Refused, Reset, Service, Shelve, Suppress, Unshelve
from control.alarms.model import AlarmState, Core, Limit, Side

from .conftest import T0, Bench, an_alarm, effects


def ack(number: int = 1, note: str = "") -> Acknowledge:
    return Acknowledge(who="duty-1", occurrence=number, note=note)


# -- the table -----------------------------------------------------------------------------------------------------------------

HIGH, LOW = 2.0, 0.0
TABLE = [
    # from, how to get there, then, what it becomes
    ("A", [], "high", "B"),
    ("A", [], "ack", "A"),
    ("A", [], "reset", "A"),
    ("B", ["high"], "low", "D"),
    ("B", ["high"], "ack", "C"),
    ("B", ["high"], "reset", "B"),
    ("B", ["high"], "high", "B"),
    ("C", ["high", "ack"], "low", "A"),
    ("C", ["high", "ack"], "ack", "C"),
    ("C", ["high", "ack"], "expire", "B"),
    ("D", ["high", "low"], "high", "B"),
    ("D", ["high", "low"], "ack", "A"),
    ("D", ["high", "low"], "low", "D"),
]
LATCHING = [
    ("B", ["high"], "low", "E"),
    ("C", ["high", "ack"], "low", "F"),
    ("E", ["high", "low"], "ack", "F"),
    ("E", ["high", "low"], "reset", "E"),
    ("E", ["high", "low"], "high", "B"),
    ("F", ["high", "ack", "low"], "high", "B"),
    ("F", ["high", "ack", "low"], "reset", "A"),
    ("F", ["high", "ack", "low"], "low", "F"),
]


@pytest.mark.parametrize("latching", [False, True])
@pytest.mark.parametrize("row", [*((False, row) for row in TABLE), *((True, row) for row in LATCHING)], ids=str)
def test_core_table(row: tuple[bool, tuple[str, list[str], str, str]], *, latching: bool) -> None:
    """Every cell of the transition table leads where the standard says."""
    wanted_latching, (before, way, event, after) = row
    if wanted_latching is not latching:
        return
    bench = Bench([an_alarm(latching=latching, realarm_s=60)])
    doings = {
        "high": lambda: bench.see(HIGH),
        "low": lambda: bench.see(LOW),
        "ack": lambda: bench.ask(ack(bench.engine.number)),
        "reset": lambda: bench.ask(Reset(who="duty-1")),
        "expire": lambda: bench.wait(60),
    }
    for doing in way:
        bench.now += 1000
        doings[doing]()
    assert bench.core == before
    bench.now += 1000
    doings[event]()
    assert bench.core == after


# -- delays --------------------------------------------------------------------------------------------------------------------


def test_shorter_than_the_on_delay_is_no_alarm() -> None:
    """A pulse a millisecond shorter than the on-delay raises nothing; one of its full length does."""
    bench = Bench([an_alarm(on_s=20)])
    bench.see(HIGH)
    bench.wait(19.999)
    assert effects(bench.see(LOW)) == ["dropped"]
    bench.wait(60)
    assert bench.count(Effect.RAISED) == 0
    bench.see(HIGH)
    assert effects(bench.wait(20)) == ["raised", "announced"]


def test_the_on_delay_counts_from_the_source_time() -> None:
    """A reading that took five seconds to arrive has held for five seconds already."""
    bench = Bench([an_alarm(on_s=20)])
    bench.see(HIGH, ago_s=5)
    assert bench.engine.wakes_at == bench.now + 15_000


@pytest.mark.parametrize("ago_s", [FENCE_MS / 1000 + 0.001, -0.001, -8 * 3600, 8 * 3600])
def test_a_source_time_that_can_not_be_is_not_believed(ago_s: float) -> None:
    """A gateway clock hours off neither skips the on-delay nor stretches it, and does not block later readings."""
    bench = Bench([an_alarm(on_s=20)])
    bench.see(HIGH, ago_s=ago_s)
    assert bench.engine.wakes_at == bench.now + 20_000
    bench.now += 1
    bench.see(LOW)
    assert not bench.engine.state("level@well-01").on


def test_the_off_delay_bounds_the_transitions() -> None:
    """It must be clear for the whole off-delay; an excursion in between begins the wait anew."""
    bench = Bench([an_alarm(off_s=60)])
    bench.see(HIGH)
    bench.ask(ack())
    bench.now += 1000
    bench.see(LOW)
    bench.wait(59)
    assert effects(bench.see(HIGH)) == ["dropped"]
    bench.wait(1)
    bench.see(LOW)
    assert effects(bench.wait(59.999)) == []
    assert effects(bench.wait(0.001)) == ["cleared", "closed"]


def test_a_value_that_swings_round_its_limit_for_six_hours_is_one_alarm() -> None:
    """One raise and one clear, by deadband and off-delay, whatever happens between (domain alarms 6, thread 4)."""
    bench = Bench([an_alarm(on_s=20, off_s=300, deadband=0.05)])
    for turn in range(6 * 360):
        bench.see(1.0 + 0.08 * math.sin(turn / 3))
        bench.wait(10)
    bench.see(LOW)
    bench.wait(301)
    assert (bench.count(Effect.RAISED), bench.count(Effect.CLEARED)) == (1, 1)


@pytest.mark.parametrize(
    ("side", "on", "value", "verdict"),
    [
        (Side.ABOVE, False, 0.999, False),
        (Side.ABOVE, False, 1.0, True),
        (Side.ABOVE, False, 0.95, False),
        (Side.ABOVE, True, 0.95, True),
        (Side.ABOVE, True, 0.9, True),
        (Side.ABOVE, True, 0.899, False),
        (Side.BELOW, False, 1.001, False),
        (Side.BELOW, False, 1.0, True),
        (Side.BELOW, True, 1.1, True),
        (Side.BELOW, True, 1.101, False),
        (Side.ABOVE, False, None, None),
        (Side.ABOVE, True, math.nan, None),
        (Side.BELOW, True, math.nan, None),
        (Side.ABOVE, True, math.inf, None),
        (Side.BELOW, False, -math.inf, None),
    ],
)
def test_limits_and_deadbands(side: Side, on: bool, value: float | None, verdict: bool | None) -> None:
    """The limit itself alarms, the deadband keeps, and what is no number says nothing."""
    assert judge(Limit(side=side, value=1.0, deadband=0.1), on, value) is verdict


def test_the_deadband_forgives_rounding_and_no_more() -> None:
    """A billionth below it is still in it, for 1.0 - 0.1 is not 0.9 in binary."""
    held = Limit(side=Side.ABOVE, value=0.0)
    assert [judge(held, True, value) for value in (-1e-9, -1.1e-9)] == [True, False]


@pytest.mark.parametrize(("value", "verdict"), [(True, True), (False, False), (None, None)])
def test_a_condition_without_a_limit_is_what_it_says(value: bool | None, verdict: bool | None) -> None:
    """True and False need no limit."""
    assert judge(None, False, value) is verdict


def test_the_fence_is_five_minutes_and_belongs_to_the_believed() -> None:
    """A stamp of just five minutes ago is taken as it is: the delay is over already (domain alarms 3.3, F14)."""
    assert FENCE_MS == 300_000
    bench = Bench([an_alarm(on_s=20)])
    assert effects(bench.see(HIGH, ago_s=300)) == ["pending", "raised", "announced"]
    assert bench.engine.state("level@well-01").since == bench.now - 300_000


@pytest.mark.parametrize("seconds", [0.001, 0.5, 1.0])
def test_a_short_delay_is_a_delay(seconds: float) -> None:
    """Below a second too, in either direction."""
    bench = Bench([an_alarm(on_s=seconds, off_s=seconds)])
    assert effects(bench.see(HIGH)) == ["pending"]
    assert effects(bench.wait(seconds)) == ["raised", "announced"]
    assert effects(bench.see(LOW)) == ["pending"]
    assert effects(bench.wait(seconds)) == ["cleared"]


@pytest.mark.parametrize("latching", [False, True])
def test_nothing_is_left_of_a_life_that_is_over(latching: bool) -> None:
    """But its number and the newest observation: no timer, no mark of what was told."""
    bench = Bench([an_alarm(on_s=5, off_s=5, realarm_s=600, latching=latching)])
    bench.see(HIGH)
    bench.wait(5)
    bench.ask(ack())
    bench.see(LOW)
    bench.wait(5)
    if latching:
        bench.ask(Reset(who="a"))
    wanted = AlarmState(known=True, time=bench.now - 5000, value=LOW, since=bench.now - 5000, occurrence=1)
    assert bench.engine.state("level@well-01") == wanted
    assert bench.engine.wakes_at is None


def test_nothing_is_left_of_a_life_that_was_answered_late() -> None:
    """Acknowledged after its return: no acknowledgement is left that could expire."""
    bench = Bench([an_alarm(realarm_s=600)])
    bench.see(HIGH)
    bench.see(LOW)
    bench.now += 1
    bench.see(LOW)
    bench.ask(ack())
    assert bench.engine.state("level@well-01") == AlarmState(
        known=True, time=bench.now, value=LOW, since=bench.now - 1, occurrence=1
    )


# -- bad data ------------------------------------------------------------------------------------------------------------------


def test_bad_data_never_clears_and_never_raises() -> None:
    """What is unknown neither ends an alarm nor lets a delay run out; the next good reading decides."""
    bench = Bench([an_alarm(on_s=20, off_s=60)])
    bench.see(HIGH)
    bench.see(None)
    assert bench.wait(100) == []
    assert effects(bench.see(HIGH)) == ["raised", "announced"], "it had held for its delay all along"
    bench.see(LOW)
    bench.wait(59)
    bench.see(None)
    assert bench.wait(3600) == []
    assert bench.core == "B"
    assert effects(bench.see(LOW)) == ["cleared"]


def test_a_timer_of_another_kind_does_not_end_a_delay_of_the_unknown() -> None:
    """A shelf that ends while the sensor is bad wakes the alarm; its on-delay stands still all the same."""
    bench = Bench([an_alarm(on_s=20)])
    bench.ask(Shelve(who="a", until=bench.now + 60_000, reason="test"))
    bench.see(HIGH)
    bench.see(None)
    assert effects(bench.wait(60)) == ["unshelved"]
    assert bench.core == "A"


def test_an_older_reading_does_not_make_up_for_a_newer_bad_one() -> None:
    """What came late is from before the sensor failed; of now nothing is known."""
    bench = Bench([an_alarm(on_s=20)])
    bench.see(HIGH, ago_s=2)
    bench.see(None)
    bench.see(HIGH, ago_s=1)
    assert bench.engine.wakes_at is None
    assert bench.wait(60) == []


def test_bad_data_in_the_deadband_keeps_the_hysteresis() -> None:
    """A value between limit and deadband after an unusable one is what it was before it."""
    bench = Bench([an_alarm()])
    bench.see(HIGH)
    bench.see(None)
    bench.now += 1
    bench.see(0.95)
    assert bench.core == "B"


def test_late_and_repeated_observations_change_nothing() -> None:
    """The newest decides, however often and late older ones come."""
    bench = Bench([an_alarm()])
    bench.see(HIGH)
    assert bench.see(LOW, ago_s=1) == []
    bench.see(HIGH)
    assert (bench.core, bench.count(Effect.RAISED)) == ("B", 1)


# -- people --------------------------------------------------------------------------------------------------------------------


def test_an_acknowledgement_is_of_one_occurrence() -> None:
    """Acknowledging an older occurrence does not acknowledge the newer one, and twice is told as twice."""
    bench = Bench([an_alarm()])
    assert bench.ask(ack(0)).refused is Refused.NOTHING_TO_ACK
    bench.see(HIGH)
    bench.now += 1
    bench.see(LOW)
    bench.now += 1
    changes = bench.see(HIGH)
    assert effects(changes) == ["superseded", "raised", "announced"]
    assert changes[0].step.ended == 1
    assert bench.ask(ack(1)).refused is Refused.NOT_THIS
    assert bench.ask(ack(2)).refused is None
    assert bench.ask(ack(2)).refused is Refused.ALREADY


def test_an_occurrence_that_ended_latched_and_acknowledged_is_closed_by_the_next() -> None:
    """It was answered, so it is closed, not superseded."""
    bench = Bench([an_alarm(latching=True)])
    bench.see(HIGH)
    bench.ask(ack())
    bench.now += 1
    bench.see(LOW)
    bench.now += 1
    assert effects(bench.see(HIGH)) == ["closed", "raised", "announced"]


def test_no_need_to_acknowledge() -> None:
    """A rule that asks for no acknowledgement returns to normal by itself."""
    bench = Bench([an_alarm(acknowledge=False)])
    bench.see(HIGH)
    bench.now += 1
    assert effects(bench.see(LOW)) == ["cleared", "closed"]


def test_the_acknowledgement_of_an_active_alarm_expires() -> None:
    """Still there after the re-alarm time: announced again, and again; cleared before it: not."""
    bench = Bench([an_alarm(realarm_s=1800)])
    bench.see(HIGH)
    bench.ask(ack())
    assert bench.wait(1799.999) == []
    assert effects(bench.wait(0.001)) == ["ack-expired", "announced"]
    assert bench.engine.state("level@well-01").realarm_at is None
    bench.ask(ack())
    bench.now += 1
    bench.see(LOW)
    assert bench.wait(7200) == []


def test_shelving_ends_and_then_the_truth_shows() -> None:
    """No word while shelved; an alarm still active is announced when the shelf ends, by time or by hand, exactly once."""
    bench = Bench([an_alarm(most_shelf_s=3600)])
    bench.see(HIGH)
    shelve = Shelve(who="duty-1", until=bench.now + 600_000, reason="pump being mended")
    assert effects(list(bench.ask(shelve).changes)) == ["shelved"]
    assert effects(bench.wait(600)) == ["unshelved", "announced"]
    assert bench.wait(3600) == []
    bench.ask(Shelve(who="duty-1", until=bench.now + 600_000, reason="again"))
    assert effects(list(bench.ask(Unshelve(who="duty-1")).changes)) == ["unshelved", "announced"]


def test_a_shelf_has_reason_and_limit() -> None:
    """No reason, a past end, longer than the priority allows: refused in words, and nothing changed."""
    bench = Bench([an_alarm(most_shelf_s=1800)])
    hour = bench.now + 3_600_000
    assert bench.ask(Shelve(who="a", until=hour, reason="because")).refused is Refused.TOO_LONG
    assert bench.ask(Shelve(who="a", until=bench.now, reason="because")).refused is Refused.PAST
    assert bench.ask(Shelve(who="a", until=bench.now + 1, reason="  ")).refused is Refused.NO_REASON
    assert bench.ask(Shelve(who="a", until=bench.now + 1_800_000, reason="because")).refused is None
    assert bench.ask(Unshelve(who="a")).refused is None
    assert bench.ask(Unshelve(who="a")).refused is Refused.NOT_SHELVED


def test_shelved_before_it_began() -> None:
    """An alarm raised on the shelf is told of when the shelf ends, and not at all if it is over by then."""
    bench = Bench([an_alarm()])
    bench.ask(Shelve(who="a", until=bench.now + 60_000, reason="test"))
    assert effects(bench.see(HIGH)) == ["raised"]
    assert effects(bench.wait(60)) == ["unshelved", "announced"]
    bench.ask(ack())
    bench.ask(Shelve(who="a", until=bench.now + 60_000, reason="test"))
    bench.see(LOW)
    bench.now += 1
    bench.see(HIGH)
    bench.now += 1
    assert effects(bench.see(LOW)) == ["cleared", "closed"], "nobody was told, so nobody need acknowledge"
    assert effects(bench.wait(60)) == ["unshelved"]


def test_out_of_service_has_no_end_but_a_reason() -> None:
    """Taken out it is silent for ever; put back it tells of what is there."""
    bench = Bench([an_alarm()])
    assert bench.ask(Service(who="e", out=True, reason="")).refused is Refused.NO_REASON
    assert bench.ask(Service(who="e", out=False, reason="x")).refused is Refused.NO_CHANGE
    bench.ask(Service(who="e", out=True, reason="sensor sent in"))
    assert effects(bench.see(HIGH)) == ["raised"]
    assert bench.wait(30 * 86_400) == []
    assert bench.ask(Service(who="e", out=False, reason="")).refused is Refused.NO_REASON
    assert effects(list(bench.ask(Service(who="e", out=False, reason="back")).changes)) == ["in-service", "announced"]


def test_silence_by_a_person_is_a_flag_and_nothing_else() -> None:
    """Shelf and maintenance of an alarm that is normal leave no other mark; asked for anew they are recorded anew."""
    bench = Bench([an_alarm()])
    for who in ("a", "b"):
        assert effects(list(bench.ask(Shelve(who=who, until=T0 + 60_000, reason=f"by {who}")).changes)) == ["shelved"]
    assert effects(list(bench.ask(Service(who="e", out=True, reason="moved")).changes)) == ["out-of-service"]
    assert bench.engine.state("level@well-01") == AlarmState(shelved_until=T0 + 60_000, out_of_service=True)


def test_what_was_told_before_maintenance_is_told_again_after_it() -> None:
    """Nobody remembers what was said before the sensor was taken away."""
    bench = Bench([an_alarm()])
    assert effects(bench.see(HIGH)) == ["raised", "announced"]
    assert effects(list(bench.ask(Service(who="e", out=True, reason="moved")).changes)) == ["out-of-service"]
    assert effects(list(bench.ask(Service(who="e", out=False, reason="back")).changes)) == ["in-service", "announced"]


@pytest.mark.parametrize("on", [False, True])
def test_suppressing_twice_is_suppressing_once(on: bool) -> None:
    """As it is already: the very same state, and nothing to journal."""
    state = AlarmState(suppressed=on)
    done = step(an_alarm(), state, Suppress(on=on), T0, 1)
    assert (done.state is state, done.effects, done.refused) == (True, (), None)


def test_an_acknowledged_alarm_stays_quiet_after_shelf_and_service() -> None:
    """Someone has taken notice already: the end of a shelf says nothing new."""
    bench = Bench([an_alarm()])
    bench.see(HIGH)
    bench.ask(ack())
    bench.ask(Shelve(who="a", until=bench.now + 60_000, reason="test"))
    assert effects(bench.wait(60)) == ["unshelved"]
    bench.ask(Service(who="a", out=True, reason="x"))
    assert effects(list(bench.ask(Service(who="a", out=False, reason="x")).changes)) == ["in-service"]


def test_reset_says_why_not() -> None:
    """Only what is latched and acknowledged can be reset."""
    bench = Bench([an_alarm(latching=True)])
    assert bench.ask(Reset(who="a")).refused is Refused.NOT_LATCHED
    bench.see(HIGH)
    assert bench.ask(Reset(who="a")).refused is Refused.STILL_ACTIVE
    bench.now += 1
    bench.see(LOW)
    assert bench.ask(Reset(who="a")).refused is Refused.ACK_FIRST
    bench.ask(ack())
    assert effects(list(bench.ask(Reset(who="a")).changes)) == ["reset", "closed"]
    assert bench.core == Core.NORMAL
