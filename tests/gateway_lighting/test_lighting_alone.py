"""A month without anybody: the plan holds, and the cabinets' own controllers are kept ready to hold it when the gateway dies."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest

from bench.lighting_yard import ZONE
from gateway.lighting.fallback import MOST_A_DAY
from lampwell.assets import County
from lampwell.lighting import Plan, Timetable
from lampwell.lighting.assign import only_cabinets

from .test_lighting_at_work import make_rig, planned

STEP_S = 150
QUIET = (2, 3, *range(7, 18), 20, 21)
"""Hours of the day in which no loop changes."""


@pytest.mark.slow
async def test_thirty_days_without_a_broker(taihe: County, tmp_path: Path, plan: Plan) -> None:
    """All through a month the loops are as planned; the devices' settings are written a few times a day."""
    mine = only_cabinets(plan, ["cabinet-01"])
    table, loops = Timetable(mine), [one.id for one in mine.targets if not one.loop]
    rig = make_rig(taihe, tmp_path, "2026-09-10T12:00", round_s=STEP_S)
    wrong: Counter[str] = Counter()
    looks = 0
    async with rig.running(STEP_S, STEP_S):
        await planned(rig, mine)
        while rig.clock.elapsed < 30 * 86_400:
            day = rig.clock.elapsed // 86_400
            quiet = datetime.fromtimestamp(rig.clock.true / 1000, ZONE).hour in QUIET
            if day % 5 in (1, 2, 3):  # to keep the test short: the whole machine is asleep
                rig.clock.elapsed = (day + 1) * 86_400.0
            elif quiet:
                rig.clock.elapsed += 400
            await rig.clock.advance(STEP_S, settle=12)
            if all(_steady(table, loop, rig.clock.true) for loop in loops):
                looks += 1
                wrong.update(loop for loop in loops if rig.yard.lit(loop) != table.level_at(loop, rig.clock.true).level)
        cabinet = rig.yard.cabinets["cabinet-01"]
        assert rig.lighting.status.plan.startswith("1 ")
        assert rig.lighting.status.unlike == 0
    assert looks > 12 * 100
    assert not wrong
    settings = Counter(
        ((at - rig.clock.start_ms) // 86_400_000, path) for at, _, path, _ in rig.yard.writes if "loop" not in path
    )
    assert max(settings.values()) <= 2 < MOST_A_DAY
    assert {path for _, path in settings} >= {"mode", "on_offset", "off_offset"}
    assert max(one.operations for one in cabinet.contactors) <= 30 * 4


def _steady(table: Timetable, loop: str, at: int) -> bool:
    """Nothing changed in the last quarter of an hour: virtual devices that move every 150 s need that for their staging."""
    return len({table.level_at(loop, at - minutes * 60_000).level for minutes in (0, 8, 15)}) == 1


async def test_a_cabinet_goes_on_alone_when_the_gateway_dies(taihe: County, tmp_path: Path, plan: Plan) -> None:
    """Its astro table has the place and the offsets of the plan: after ten minutes of silence it switches by itself."""
    mine = only_cabinets(plan, ["cabinet-01"])
    rig = make_rig(taihe, tmp_path, "2026-09-10T12:00")
    settings = rig.yard.cabinets["cabinet-01"].controller.settings
    settings.latitude, settings.master_timeout = 0.0, 60
    async with rig.running():
        await planned(rig, mine)
        await rig.run(30)
        assert (settings.mode, settings.master_timeout, settings.on_offset, settings.off_offset) == (2, 600, 5, -5)
        assert settings.latitude == pytest.approx(mine.targets[0].place.latitude, abs=1e-4)
