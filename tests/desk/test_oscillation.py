"""Six hours of a value that goes to and fro round its limit, from wire to phones: one alarm, one end, one message each."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path

import pytest

from lampwell.assets import Broker
from lampwell.points import Point

from .whole import PONDING, room

HOURS, EVERY_S = 6, 60
ORANGE, DEADBAND = 0.25, 0.03


def within(second: float) -> float:
    """Inside the deadband: it touches the limit and leaves it by less."""
    return ORANGE - DEADBAND / 3 + DEADBAND / 2 * math.sin(second / 47)


def beyond(second: float) -> float:
    """Far to both sides, but never gone for as long as the alarm's off-delay."""
    return ORANGE + 0.10 if second % 300 < 150 else ORANGE - 0.20


@pytest.mark.slow
@pytest.mark.parametrize("wave", [within, beyond])
async def test_a_value_round_its_limit_for_six_hours(wave, tmp_path: Path, broker: Broker) -> None:  # type: ignore[no-untyped-def]
    """Protects crews from chatter: raised once, cleared once, each person told once of either."""
    async with room(tmp_path, broker, {PONDING: (Point(path="level", unit="m"),)}) as here:
        await here.say(PONDING, 0.0)
        await here.live(5)
        for second in range(0, HOURS * 3600, EVERY_S):
            await here.say(PONDING, wave(second))
            await here.live(EVERY_S, step=5, settle=1)
            if second == 120:
                await here.until(lambda: len(here.letters("积水达橙色水位")) == 2)
                (row,) = [row for row in await here.rows() if row.key == f"ponding-orange@{PONDING}"]
                await here.control.front.acknowledge(row.number, "王值班", "去看")
        assert [row.state for row in await here.rows() if row.key == f"ponding-orange@{PONDING}"] == ["C"]
        await here.say(PONDING, 0.0)
        await here.live(700, step=2.5)
        await here.until(lambda: len(here.letters("解除", "积水达橙色水位")) == 2)
        (one,) = here.lives("ponding-orange")
        assert one.cleared_at is not None
        told = here.letters("积水达橙色水位")
        raised = Counter((letter.channel, letter.address) for letter in told if "解除" not in letter.text)
        cleared = Counter((letter.channel, letter.address) for letter in told if "解除" in letter.text)
        assert set(raised.values()) == {1} == set(cleared.values()), told
        assert len(raised) == len(cleared) == 2, "the duty office and its group; the shift has changed meanwhile"
        for colour in ("blue", "yellow", "red"):
            assert len(here.lives(f"ponding-{colour}")) <= 1
