"""From an alarm to the people who must hear of it, over stops and answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from control.people.roster import Shift

from .conftest import ROSTER, T0, an_alarm

RED = an_alarm("red@p1")


async def test_the_first_hears_of_it_the_others_that_nobody_answered(room: Callable[..., Any]) -> None:
    """Protects the meaning of a message: one raise, then escalations to the deputy and the leader in their time."""
    async with room(RED) as here:
        await here.say("red@p1", True)
        assert await here.told() == [("raise", "a")]
        await here.wait(175)
        assert await here.told() == [("raise", "a")]
        await here.wait(10)
        assert await here.told() == [("raise", "a"), ("escalate", "b")]
        await here.wait(600)
        assert await here.told() == [("raise", "a"), ("escalate", "b"), ("escalate", "boss")]


async def test_an_answer_stops_what_waits(room: Callable[..., Any]) -> None:
    """Protects sleep: after an acknowledgement nobody else is told, and what was not sent yet is not sent."""
    async with room(RED) as here:
        await here.say("red@p1", True)
        (number,) = here.desk.open
        await here.desk.acknowledge(number, "a")
        await here.wait(900)
        assert await here.outbox() == [("raise", "a", "cancelled")]


@pytest.mark.parametrize("stop_s", [0, 100, 400, 1000])
async def test_what_falls_due_in_a_stop_is_told_after_it_once(room: Callable[..., Any], stop_s: int) -> None:
    """Protects an alarm that nobody answers from a restart: no step is lost and none is said twice, however long the stop."""
    async with room(RED) as here:
        await here.say("red@p1", True)
        await here.sent()
        await here.restart(stop_s)
        await here.restart()
        await here.wait(1200)
        assert await here.told() == [("raise", "a"), ("escalate", "b"), ("escalate", "boss")]


async def test_an_answered_one_stays_answered_over_a_stop(room: Callable[..., Any]) -> None:
    """Protects whoever answered from hearing of it again after a restart."""
    async with room(RED) as here:
        await here.say("red@p1", True)
        (number,) = here.desk.open
        await here.desk.acknowledge(number, "a")
        await here.restart(600)
        await here.wait(900)
        assert [kind for kind, _ in await here.told()] == ["raise"]


async def test_everyone_who_was_told_hears_that_it_is_over(room: Callable[..., Any]) -> None:
    """Protects the leader from standing at the river all night: the all-clear goes to all whom news reached, and to no other."""
    async with room(RED) as here:
        await here.say("red@p1", True)
        await here.wait(200)
        await here.sent()
        await here.say("red@p1", False)
        assert (await here.told())[2:] == [("clear", "a"), ("clear", "b")]


async def test_nobody_hears_the_end_of_what_he_never_heard_of(room: Callable[..., Any]) -> None:
    """Protects from puzzles: cleared before anything was sent, nothing is sent at all."""
    async with room(RED) as here:
        await here.say("red@p1", True)
        await here.say("red@p1", False)
        assert await here.outbox() == [("raise", "a", "cancelled")]


LATCHING = an_alarm("red@p1", latching=True)


async def test_what_latches_is_asked_about_until_somebody_answers(room: Callable[..., Any]) -> None:
    """Protects a cabinet that was live: readings that are good again do not end the search for someone who goes and looks."""
    async with room(LATCHING) as here:
        await here.say("red@p1", True)
        await here.wait(20)
        await here.say("red@p1", False)
        await here.restart(60)
        await here.wait(700)
        assert await here.told() == [("raise", "a"), ("escalate", "b"), ("escalate", "boss")]
        (number,) = here.desk.open
        await here.desk.acknowledge(number, "a")
        await here.wait(3600)
        assert len(await here.told()) == 3


async def test_what_latches_is_over_when_somebody_resets_it(room: Callable[..., Any]) -> None:
    """Protects a hand on a pole: no all-clear while nobody has looked, one to all whom news reached at the reset."""
    async with room(LATCHING) as here:
        await here.say("red@p1", True)
        await here.wait(200)
        await here.sent()
        await here.say("red@p1", False)
        (number,) = here.desk.open
        await here.desk.acknowledge(number, "a")
        assert [kind for kind, _ in await here.told()] == ["raise", "escalate"]
        await here.desk.reset(number, "a")
        assert (await here.told())[2:] == [("clear", "a"), ("clear", "b")]


async def test_an_unanswered_acknowledgement_that_expires_begins_anew(room: Callable[..., Any]) -> None:
    """Protects a red that was answered and forgotten: after its time everyone is told again, from the first step on."""
    async with room(RED) as here:
        await here.say("red@p1", True)
        (number,) = here.desk.open
        await here.desk.acknowledge(number, "a")
        await here.wait(1805)
        assert (await here.told())[-1] == ("realarm", "a")
        await here.wait(500)
        assert (await here.told())[-2:] == [("escalate", "b"), ("escalate", "boss")]


async def test_what_outlives_its_cause_is_told_again(room: Callable[..., Any]) -> None:
    """Protects an alarm that its cause silenced while people were being told: the cause goes, it stays, they hear of it."""
    async with room(an_alarm("mains@p1"), an_alarm("red@p1", parents=("mains@p1",))) as here:
        await here.say("red@p1", True)
        await here.say("mains@p1", True)
        await here.wait(900)
        before = len(await here.told())
        await here.say("mains@p1", False)
        assert (await here.told())[before:] == [("realarm", "a")]
        await here.restart(300)
        await here.wait(300)
        assert (await here.told())[before:] == [("realarm", "a"), ("escalate", "b"), ("escalate", "boss")]


async def test_a_gap_is_told_ahead_once_and_each_day_that_it_lasts(room: Callable[..., Any]) -> None:
    """Protects the night without anyone (domain alarms 2.2, rule 8), and the leader from hearing of it every ten minutes."""
    empty = Shift(rota="office", start="2026-05-30T00:00", end="2026-05-31T12:00", persons=())
    async with room(RED, roster=replace(ROSTER, shifts=(empty,))) as here:
        await here.wait(19 * 3600, step_s=300)
        assert await here.told() == [("gap", "boss")]
        await here.wait(40 * 3600, step_s=300)
        assert await here.told() == [("gap", "boss")] * 3


async def test_nothing_waits_in_the_night_that_can_be_told_in_the_morning(room: Callable[..., Any]) -> None:
    """Protects the leader's night: a gap of tomorrow evening that is found at 04:26 is told at 08:00."""
    empty = Shift(rota="office", start="2026-05-30T00:00", end="2026-05-30T12:00", persons=())
    async with room(RED, roster=replace(ROSTER, shifts=(empty,))) as here:
        await here.wait(10)
        rows = await here.writer.read(
            lambda connection: connection.exec_driver_sql("SELECT release FROM notification WHERE kind = 'gap'").scalars().all()
        )
        assert [round((release - T0) / 60_000) for release in rows] == [213]


async def test_an_alarm_for_which_no_policy_speaks_is_not_silent(
    room: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    """Protects from an alarm that reaches nobody without a word: the log names it."""
    async with room(RED, roster=replace(ROSTER, policies=(replace(ROSTER.policies[0], priorities=(2, 3, 4)),))) as here:
        await here.say("red@p1", True)
        assert "red@p1" in caplog.text
