"""The look at the lights before a night: what counts as a problem, and that it is told once a day."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from control.cli_light_status import tell_rollout
from control.lighting.digest import Digest, digest, tonight_of
from control.lighting.nightly import before_night
from control.lighting.rollout import Goal, Owed, Phase, Rollout, Stage
from control.lighting.telling import tell_trouble
from control.lighting.viewing import rollout_row
from control.lighting.views import EdgeRow, LightStatus, OverrideRow
from control.people.files import load_roster
from control.staff import Staff
from control.store.database import open_database
from control.store.tables import notification
from control.store.writer import Writer
from lampwell.assets import County
from lampwell.clock import VirtualClock
from lampwell.lighting.level import Timetable
from lampwell.lighting.model import Plan
from lampwell.lighting.preview import Basis
from lampwell.lighting.wire import Said

ZONE = ZoneInfo("Asia/Shanghai")
DAY = date(2026, 10, 14)
NOON = round(datetime(2026, 10, 14, 12, tzinfo=ZONE).timestamp() * 1000)
GOOD = EdgeRow(
    edge="edge-1",
    zh="一号",
    en="one",
    area="a",
    alive=True,
    asked="1 x",
    asked_version=1,
    confirmed="1 x",
    confirmed_version=1,
    agrees=True,
    unlike=0,
    unlike_at=NOON,
    overrides=(),
)
LOCK = OverrideRow(
    id="k-1",
    edge="edge-1",
    layer="crew lock",
    targets=("c/loop1",),
    level=0,
    start=0,
    end=None,
    left_s=None,
    who="刘",
    reason=Said(zh="换"),
)


def looked(row: EdgeRow) -> Digest:
    return digest(LightStatus(now=NOON, running=1, edges=(row,), rollout=None), DAY, tonight=None)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, ""),
        ({"alive": None, "agrees": None}, "is not there"),
        ({"alive": False, "agrees": None}, "is not there"),
        ({"asked": "", "agrees": None}, "has been given no plan"),
        ({"asked": "2 y", "agrees": False}, "does not go by the plan"),
        ({"unlike": 3, "agrees": False}, "3 targets unlike"),
        ({"unlike": None, "agrees": None}, "has not told"),
        ({"overrides": (LOCK,)}, "crew lock k-1 stands for"),
        ({"overrides": (replace(LOCK, start=NOON - 1000),)}, ""),
    ],
)
def test_what_is_a_problem(changed: dict[str, Any], said: str) -> None:
    """Protects the evening: what is unknown is told as unknown, what is in order is not talked about."""
    found = looked(replace(GOOD, **changed))
    assert [said in one.en for one in found.problems] == ([True] if said else [])
    assert all(one.zh for one in found.problems)


def test_when_lamps_go_on_and_what_it_costs(plan: Plan, basis: Basis) -> None:
    """Protects the figures: dusk to dawn of Taihe in October, kWh and CNY of all loops."""
    found = tonight_of(Timetable(plan), DAY, basis)
    assert found.first_on is not None
    assert found.last_off is not None
    times = [datetime.fromtimestamp(at / 1000, ZONE) for at in (found.first_on, found.last_off)]
    assert [f"{at:%d %H:%M}" for at in times] == ["14 17:58", "15 06:14"]
    assert 1_000 < found.kwh < 2_500
    assert 0.3 < found.cny / found.kwh < 0.9


@pytest.fixture
async def desk(county: County, tmp_path: Path) -> AsyncIterator[tuple[VirtualClock, Staff, Writer]]:
    clock, database = VirtualClock(NOON), open_database(tmp_path / "state.sqlite")
    writer = Writer(database)
    staff = Staff(county, writer, clock)
    await staff.begin(load_roster(county.folder / "people", [area.id for area in county.areas]))
    yield clock, staff, writer
    await writer.close()
    database.close()


async def test_once_a_night_and_only_what_is_wrong_is_told(desk: tuple[VirtualClock, Staff, Writer]) -> None:
    """Protects leaders from silence and from noise: each night once, with the reason, and nothing where all is in order."""
    clock, staff, writer = desk
    bad = replace(looked(replace(GOOD, unlike=3, agrees=False)), at=clock.now())
    good = replace(looked(GOOD), day=date(2026, 10, 15))
    woken: list[int] = []

    async def look(found: Digest) -> list[str]:
        async def digest_of() -> Digest:
            return found

        await before_night(digest_of, staff, writer, lambda: woken.append(1))
        rows = await writer.read(lambda connection: connection.execute(select(notification.c.step)).all())
        return [row.step for row in rows]

    assert (await look(bad), woken) == (["lights:2026-10-14"], [1])
    assert await look(bad) == ["lights:2026-10-14"]
    assert await look(good) == ["lights:2026-10-14"]


def owing(trouble: str = "") -> Rollout:
    """Done, and still owed to one."""
    goals = tuple(Goal(edge=f"edge-{n}", plan=f"2 {n}", order=f"r-{n}") for n in (1, 2))
    owed = (Owed(edge="edge-2", since=NOON, trouble=Said(zh=trouble, en=trouble)),)
    return Rollout(
        id="r", version=2, stages=(Stage(zh="全县", en="all", goals=goals),), phase=Phase.DONE, ended_at=NOON, owed=owed
    )


def test_done_with_one_owed_is_said_so(capsys: pytest.CaptureFixture[str]) -> None:
    """Protects from taking done for done everywhere: in the digest, and in the status with since when and what is wrong."""
    row = rollout_row(owing("坏文件"), at=NOON, who="王", why="省电")
    found = digest(LightStatus(now=NOON, running=2, edges=(GOOD,), rollout=row), DAY, tonight=None)
    assert [one.en for one in found.problems] == ["version 2 is owed to 1 edge nodes: edge-2"]
    tell_rollout(row, ZONE)
    told = capsys.readouterr().out
    assert "已完成 done，尚欠 with 1 owed" in told
    assert "edge-2 自 10-14 12:00:00 不在线，待补发" in told
    assert "坏文件" in told


async def test_trouble_with_one_that_came_back_reaches_the_leaders(desk: tuple[VirtualClock, Staff, Writer]) -> None:
    """Protects from a plan that failed unseen at a box that was away: the same notice as of a stop, once for each box."""
    clock, staff, writer = desk
    one = owing("坏文件")
    for _ in range(2):
        await writer.write(lambda connection: tell_trouble(connection, one, one.owed, clock.now(), staff=staff))
    rows = await writer.read(lambda connection: connection.execute(select(notification)).all())
    assert [row.step for row in rows] == ["rollout:r:edge-2"]
    assert "坏文件" in str(rows[0])
