"""Orders over a real broker to a real gateway and virtual cabinets on real sockets."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import pytest

from bench.lighting_rig import Rig, running
from bench.lighting_yard import at
from lampwell.clock import ScaledClock
from lampwell.lighting import Timetable
from lampwell.lighting.wire import ORDER, Lease, Said, State, TakePlan, read_overrides

from .conftest import document

WHY = Said(zh="测试", en="a test")
LOOP = "cabinet-01/loop2"


async def eventually(rig: Rig, path: str, value: object, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while rig.desk.values.get(path) != value:
        assert time.monotonic() < deadline, f"{path} is {rig.desk.values.get(path)!r}"
        await asyncio.sleep(0.05)


@pytest.mark.slow
async def test_an_order_goes_through_everything(tmp_path: Path) -> None:
    """Born without a plan and saying so; a plan, a lease and a stuck relay, each told; what stands is told as well."""
    async with running(tmp_path) as rig:
        desk = rig.desk
        assert desk.values[ORDER] is None
        await eventually(rig, "lighting/plan", "")
        early = desk.order(Lease(targets=(LOOP,), level=100, lasts_s=60, reason=WHY))
        _, refused = await desk.told(early, State.REFUSED)
        assert "no plan" in refused.reason.en
        plan = desk.order(TakePlan(document=document(rig.plan)))
        _, told = await desk.told(plan, State.VERIFIED, State.FAILED, within_s=120)
        assert told.state is State.VERIFIED, told.reason
        await eventually(rig, "lighting/unlike", 0)
        began = time.monotonic()
        lease = desk.order(Lease(targets=(LOOP,), level=45, lasts_s=600, reason=WHY))
        when, told = await desk.told(lease, State.VERIFIED)
        assert when - began <= 3
        assert told.targets[LOOP].level == 45
        (stands,) = read_overrides(str(desk.values["lighting/overrides"]))
        assert stands.id == lease
        rig.simulation.fault(LOOP, "welded")
        await asyncio.sleep(5)
        began = time.monotonic()
        when, told = await desk.told(desk.order(Lease(targets=(LOOP,), level=0, lasts_s=60, reason=WHY)), State.FAILED)
        assert when - began <= 10
        assert "does not open" in told.reason.en
        await eventually(rig, "lighting/unlike", 1)


@pytest.mark.slow
async def test_dusk_without_a_broker(tmp_path: Path) -> None:
    """The broker goes in the afternoon: at dusk every lamp comes on by the plan all the same, and a lease ends on time."""
    clock = ScaledClock(at("2026-09-10T18:31"), 60)
    async with running(tmp_path, clock) as rig:
        plan = rig.desk.order(TakePlan(document=document(rig.plan)), lasts_s=3600)
        await rig.desk.told(plan, State.VERIFIED, State.FAILED, within_s=60)
        lease = rig.desk.order(Lease(targets=(LOOP,), level=80, lasts_s=240, reason=WHY), lasts_s=3600)
        await rig.desk.told(lease, State.VERIFIED, within_s=20)
        rig.mosquitto.kill()
        table = Timetable(rig.plan)
        loops = [one.id for one in rig.plan.targets if not one.loop]
        await clock.sleep((at("2026-09-10T18:44") - clock.now()) / 1000)
        assert {table.level_at(loop, clock.now()).level for loop in loops} == {100}
        assert rig.gateway.status().lighting.unlike == 0
        assert read_overrides(rig.gateway.status().lighting.overrides) == ()
        truth = rig.simulation.truth()
        cabinets = {loop.partition("/")[0] for loop in loops}
        assert all(
            truth[f"{cabinet}/lamps_lit"] == len([x for x in rig.county.lamps if x.cabinet == cabinet]) for cabinet in cabinets
        )
