"""Everything at once, by chance: orders, faults, silence, restarts and clocks; then left alone, all must be right again."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from bench.lighting_yard import Rig
from lampwell.assets import County
from lampwell.lighting import Plan
from lampwell.lighting.assign import only_cabinets
from lampwell.lighting.wire import ENDS, Lease, Lock, Release, Said, TakePlan, read_overrides

from .conftest import document
from .test_lighting_at_work import make_rig, planned

WHY = Said(zh="测试", en="a test")
NAMES = ("cabinet-01", "cabinet-03", "concentrator-1")
FAULTS = ("not-closing", "welded", "open", "local-override")


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
async def test_after_any_storm_all_is_right(
    taihe: County, tmp_path: Path, plan: Plan, seed: int, caplog: pytest.LogCaptureFixture
) -> None:
    """No error of ours, every order ends, contactors were spared, and every lamp is as it should be."""
    chance = random.Random(seed)
    mine = only_cabinets(plan, NAMES[:2])
    rig = make_rig(taihe, tmp_path, "2026-09-10T21:30", NAMES)
    targets = [one.id for one in mine.targets]
    loops = [one.id for one in mine.targets if not one.loop]
    async with rig.running():
        await planned(rig, mine)
        for _ in range(60):
            await _something(rig, mine, targets, loops, chance)
            await rig.run(chance.choice([0.2, 3, 20, 60]))
        _mend(rig, loops)
        for lock in [one for one in read_overrides(rig.lighting.status.overrides) if one.end is None]:
            rig.order(Release(order=lock.id, reason=WHY))
        await rig.run(3600 + 700)
        assert {key: one for key, one in rig.lighting.checks.items() if not one.agrees} == {}
        assert {loop: rig.yard.lit(loop) for loop in loops} == {loop: rig.lighting.checks[loop].wanted for loop in loops}
        assert rig.lighting.status.unlike == 0
    ended = {one.id for one in rig.outcomes if one.state in ENDS}
    assert ended == {one.id for one in rig.outcomes}
    assert all(len({state for state in rig.states(order) if state in ENDS}) == 1 for order in ended)
    assert "Traceback" not in caplog.text
    for cabinet in rig.yard.cabinets.values():
        assert max(one.operations for one in cabinet.contactors) <= 40


async def _something(rig: Rig, plan: Plan, targets: list[str], loops: list[str], chance: random.Random) -> None:
    match chance.randrange(9):
        case 0 | 1 | 2:
            some = tuple(chance.sample(targets, chance.choice([1, 3, 20])))
            rig.order(
                Lease(targets=some, level=chance.choice([0, 30, 70, 100]), lasts_s=chance.choice([20, 300, 1800]), reason=WHY)
            )
        case 3:
            rig.order(Lock(targets=(chance.choice(loops),), reason=WHY))
        case 4:
            standing = read_overrides(rig.lighting.status.overrides)
            if standing:
                rig.order(Release(order=chance.choice(standing).id, reason=WHY))
        case 5:
            rig.yard.fault(chance.choice(loops), chance.choice(FAULTS), on=chance.random() < 0.6)
        case 6:
            rig.yard.silent ^= {chance.choice(NAMES)}
        case 7:
            await rig.restart(away_s=chance.choice([1, 30, 200]))
        case 8:
            rig.clock.wrong_ms = chance.choice([0, 3_600_000, -3_600_000])
            rig.order(TakePlan(document=document(plan, chance.randrange(1, 6))))


def _mend(rig: Rig, loops: list[str]) -> None:
    rig.clock.wrong_ms = 0
    rig.yard.silent.clear()
    for loop in loops:
        for name in FAULTS:
            rig.yard.fault(loop, name, on=False)
