"""The fault runs of alarms, short: control and the sender are killed, and every alarm and message is accounted for."""

from __future__ import annotations

import asyncio

import pytest

from bench.faults_alarms import SHORT_HOLD_S, Result, kills, late

VICTIMS = ("control", "sender")


@pytest.fixture(scope="module")
def results() -> dict[str, Result | BaseException]:
    """Both runs side by side: they mostly wait."""

    async def run_both() -> list[Result | BaseException]:
        runs = (kills(victim, 3, SHORT_HOLD_S) for victim in VICTIMS)
        return await asyncio.gather(*runs, return_exceptions=True)

    return dict(zip(VICTIMS, asyncio.run(run_both()), strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("victim", VICTIMS)
def test_no_alarm_is_lost_and_none_told_twice(results: dict[str, Result | BaseException], victim: str) -> None:
    """Protects the promise: each rise of the field is one alarm with its messages, whatever was killed meanwhile.

    Timers are judged in `make faults`, not on a machine that runs tests beside it.
    """
    result = results[victim]
    if isinstance(result, BaseException):
        raise result
    assert result.rises > 20
    assert (result.lost, result.twice, result.messages.lost, result.messages.untold) == (0, 0, 0, 0), result
    assert result.messages.twice <= result.times, result


@pytest.mark.parametrize(
    ("rises", "raised", "away", "errors"),
    [
        ([10.0], [13.0], [], [0.0]),
        ([10.0], [15.0], [], [2.0]),
        ([10.0], [12.0], [], [1.0]),
        ([10.0], [20.5], [(11.5, 20.0)], [0.5]),
        ([10.0], [20.5], [(13.9, 20.0)], [0.5]),
        ([10.0], [20.5], [(14.1, 20.0)], [7.5]),
        ([10.0], [23.5], [(9.0, 20.0)], [0.5]),
        ([10.0], [30.5], [(9.0, 20.0), (22.0, 30.0)], [0.5]),
        ([10.0, 50.0], [13.0], [], [0.0]),
    ],
)
def test_the_ledger_of_timers(
    rises: list[float], raised: list[float], away: list[tuple[float, float]], errors: list[float]
) -> None:
    """Protects the measure itself: early and late show, a stop excuses only what fell into it."""
    assert late(rises, raised, away) == pytest.approx(errors)
