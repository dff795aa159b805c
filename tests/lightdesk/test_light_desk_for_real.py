"""The lighting desk against a real gateway and virtual cabinets on real sockets: plans in stages, a lease, a lock, back again."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from bench.lighting_rig import Rig, running
from control.app import Control
from control.front_lighting import Lighting
from control.lighting.asks import Activation, Wish
from control.lighting.commands import CancelCommand, Commands, LeaseCommand
from control.lighting.rollout import Phase
from control.lighting.selection import Selection
from control.people.files import load_roster
from control.store.database import open_database
from lampwell.clock import ScaledClock
from lampwell.lighting.files import build_plan, load_lighting
from lampwell.lighting.model import Plan, Step
from lampwell.lighting.moments import read_moment
from lampwell.lighting.wire import Said

EVENING = round(datetime(2026, 9, 10, 21, 30, tzinfo=ZoneInfo("Asia/Shanghai")).timestamp() * 1000)
ASSIGN = '[[assign]]\ncalendar = "main"\n'
QUICK: dict[str, Any] = {"settle_s": 5, "patience_s": 300}
WHY = Said(zh="测试", en="a test")


def dimmer(plan: Plan) -> Plan:
    steps = (Step(at=read_moment("21:00"), level=60), Step(at=read_moment("05:00"), level=100))
    return replace(plan, programs=tuple(replace(one, steps=steps) if one.id == "main-road" else one for one in plan.programs))


@asynccontextmanager
async def control(rig: Rig, clock: ScaledClock, folder: Path) -> AsyncIterator[tuple[Lighting, Plan]]:
    own = Path(shutil.copytree(rig.county.folder, folder / "county", ignore=shutil.ignore_patterns("alarms")))
    (own / "lighting/assignments.toml").write_text(ASSIGN, "utf-8")  # the rig has a part of the county
    county = replace(rig.county, folder=own)
    database = open_database(folder / "control.sqlite")
    roster = load_roster(own / "people", [area.id for area in county.areas])
    service = Control(county, roster, clock=clock, database=database, data_dir=folder)
    task = asyncio.create_task(service.run())
    await service.ready()
    yield service.front.lighting, build_plan(county, load_lighting(own, county))
    await service.stop()
    await task
    database.close()


async def until(condition: Any, seconds: float = 150) -> Any:
    async with asyncio.timeout(seconds):
        while not (found := await condition() if asyncio.iscoroutinefunction(condition) else condition()):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
        return found


async def ended(lights: Lighting, order: str) -> Any:
    async def over() -> Any:
        (detail,) = await lights.order(order)
        return detail.order if detail.order.ended_at else None

    return await until(over)


@pytest.mark.slow
async def test_from_files_to_lamps_and_back(tmp_path: Path) -> None:
    """Protects the whole way: what is asked for is confirmed, read back and told, by the gateway that will do it in the field."""
    clock = ScaledClock(EVENING, 1)
    async with running(tmp_path, clock) as rig, control(rig, clock, tmp_path) as (lights, plan):
        desk = lights.desk

        async def rolled(wanted: Activation, method: Any = lights.activate) -> None:
            asked = await method(wanted, "工程师", "测试")
            await method(wanted, "工程师", "测试", asked.token)
            await until(lambda: desk.rollout is not None and desk.rollout.phase is not Phase.RUNNING)
            assert desk.rollout is not None
            assert desk.rollout.phase is Phase.DONE, desk.rollout.reason

        await until(lambda: desk.said["edge-oldtown"].alive)
        first = (await lights.take(plan, "工程师", "初版")).version
        await rolled(Activation(version=first, at_once=True, **QUICK))
        second = (await lights.take(dimmer(plan), "工程师", "省电")).version
        await rolled(Activation(version=second, first="cabinet-01", **QUICK))
        assert desk.rollout is not None
        assert [stage.goals[0].trial for stage in desk.rollout.stages] == ["cabinet-01", ""]
        given = await lights.override(Selection(cabinets=("cabinet-03",)), Wish(level=30, lasts_s=1800, reason=WHY), "王")
        assert (await ended(lights, given.orders[0].id)).state == "verified"
        assert (await lights.explain("cabinet-03/loop1")).level == 30
        lock = await lights.lock(Selection(loops=("cabinet-01/loop2",)), WHY, "刘")
        assert (await ended(lights, lock.orders[0].id)).state == "verified"
        below = await lights.override(Selection(loops=("cabinet-01/loop2",)), Wish(level=30, reason=WHY), "王")
        assert (await ended(lights, below.orders[0].id)).state == "refused"
        for name in (given.orders[0].id, lock.orders[0].id):
            (release,) = await lights.release(name, WHY, "刘")
            assert (await ended(lights, release.id)).state == "verified"
        loop, until_ms = Selection(loops=("cabinet-03/loop1",)), clock.now() + 1_800_000
        leases = [LeaseCommand(place=str(n), selection=loop, level=n, end=until_ms, reason=WHY) for n in (30, 60)]
        commanded = await lights.command(Commands(leases=tuple(leases)), "平台")
        assert (await ended(lights, commanded.orders[1].id)).state == "verified"
        assert (await lights.explain("cabinet-03/loop1")).level == 60
        cancel = CancelCommand(place="", selection=loop, reason=WHY)
        (release,) = (await lights.command(Commands(cancels=(cancel,)), "平台")).orders
        assert (await ended(lights, release.id)).state == "verified"
        await until(lambda: not desk.said["edge-oldtown"].overrides)  # the lease that was replaced does not come back
        await rolled(Activation(version=0, at_once=True, **QUICK), lights.rollback)
        (row,) = (await lights.status()).edges
        assert (row.confirmed_version, row.agrees, row.overrides) == (first, True, ())
