"""Whatever comes to an edge node by night, in whatever order: short runs of what ``make faults`` does for longer."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.faults_lighting import storm
from bench.lighting_oracle import MOST_ONS, Given, Oracle, moves_of, spared
from lampwell.lighting import Plan, Timetable

from .conftest import NIGHT

LOOP = "cabinet-01/loop1"


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 6, 17, 55])
async def test_lamps_are_right_whatever_comes(tmp_path: Path, seed: int) -> None:
    """Protects: after each round what is wanted is read back and burns, nothing is written above it, contactors keep their
    limits, each order has one effect or none: late, twice, reordered, lost, over restarts and a stepped clock.
    """
    result = await storm(seed, tmp_path, 600)
    assert result.wrong == ()
    assert result.looks > 500
    assert {"restart", "clock stepped", "broker away", "came late", "contactor moves"} <= result.doing.keys()


def test_the_oracle_sees_contactors_that_move_too_often(plan: Plan) -> None:
    """Protects the measure itself: too soon and too often show, a lock excuses only what it switches off."""
    oracle = Oracle(Timetable(plan), {"lock": Given("lock", frozenset({LOOP}), 0, NIGHT, float("inf"), lock=True)})
    assert spared([(NIGHT, LOOP, True), (NIGHT + 5_000, LOOP, True)], oracle) == ""
    assert spared([(NIGHT, LOOP, True), (NIGHT + 1_000, LOOP, False)], oracle) == ""
    assert "1.0 s after another" in spared([(NIGHT, LOOP, True), (NIGHT + 1_000, LOOP, True)], oracle)
    assert "1.0 s after another" in spared([(NIGHT - 9_000, LOOP, True), (NIGHT - 8_000, LOOP, False)], oracle)
    often = [(NIGHT + n * 60_000, LOOP, True) for n in range(MOST_ONS + 1)]
    assert spared(often[:-1], oracle) == ""
    assert "seventh" in spared(often, oracle)
    writes = (("set_level", 50), ("command", 1), ("command", True))
    moves = moves_of([(NIGHT, "cabinet-01", f"loop1/{name}", value) for name, value in writes], {LOOP: False})
    assert moves == {"cabinet-01": [(NIGHT, LOOP, True)]}
