"""Override commands of another system against a control that runs: given together or not at all, and back out as they came."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from control.front_lighting import Lighting
from control.lighting.commanding import MOST_COMMANDS
from control.lighting.commands import CancelCommand, Commands, LeaseCommand
from control.lighting.selection import Selection
from control.requests import NotDone
from deploy.cli import main as lampwell
from lampwell.lighting.model import Plan
from lampwell.lighting.talq import cancel_to_talq
from lampwell.lighting.wire import Said
from tests.lighting.schema import named

from .town import T0, Town, first_plan

WHY, HOUR = Said(zh="限电"), 3_600_000
Run = Callable[..., Awaitable[str]]


def lease(*loops: str, until: int = T0 + 2 * HOUR, **more: Any) -> LeaseCommand:
    return LeaseCommand(**{"place": "x[0]", "selection": Selection(loops=loops), "level": 30, "end": until, "reason": WHY} | more)


def cancel(*loops: str, place: str = "x[1]") -> CancelCommand:
    return CancelCommand(place=place, selection=Selection(loops=loops), reason=WHY)


def heard(town: Town) -> int:
    """Orders that have come to edge nodes."""
    return sum(edge.heard.total() for edge in town.edges.values())


# -- over the API --------------------------------------------------------------------------------------------------------------


async def test_an_end_stays_where_it_is_however_long_the_second_word_takes(town: Town, plan: Plan) -> None:
    """Protects the sender's times: a command that has begun goes on from now, one to come waits, both end when they say."""
    async with town.control() as lights:
        await first_plan(town, lights, plan)
        begun = lease("cabinet-01/loop1", start=T0 - HOUR, ramp_s=60, ramp_back_s=30)
        to_come = lease("cabinet-10/loop1", start=T0 + HOUR, until=T0 + 3 * HOUR, place="x[1]")
        both, before = Commands(leases=(begun, to_come)), heard(town)
        asked = await lights.command(both, "王")
        assert (asked.cabinets, asked.orders, bool(asked.token)) == (("cabinet-01", "cabinet-10"), (), True)
        assert [one.change.loops for one in asked.effects if one.change] == [1, 1]
        await town.clock.advance(120)
        assert heard(town) == before
        with pytest.raises(NotDone, match="确认码无效"):
            await lights.command(replace(both, leases=(begun,) * 2 + (to_come,)), "王", asked.token)
        asked = await lights.command(both, "王")
        await town.clock.advance(120)
        given = await lights.command(both, "王", asked.token)
        assert len({one.request for one in given.orders}) == 1
        first, second = (town.edges[edge].stands for edge in ("edge-oldtown", "edge-g319"))
        await town.until(lambda: first and second)
        (one,), (other,) = first.values(), second.values()
        assert (one.level, one.targets, one.who, one.reason) == (30, ("cabinet-01/loop1",), "王", WHY)
        assert abs((one.end or 0) - begun.end) <= 3_000  # whole seconds, from when its edge node has it
        assert (other.start, other.end) == (to_come.start, to_come.end)
        (told,) = await lights.order(one.id)
        assert (told.ramp_s, told.ramp_back_s) == (60, 30)


async def test_all_are_checked_before_any_is_given(town: Town, plan: Plan) -> None:
    """Protects from half of a file: every command that can not be is named with its place, and none goes out."""
    good, loop = lease("cabinet-01/loop1"), "cabinet-02/loop1"
    wrong: list[tuple[LeaseCommand | CancelCommand, str]] = [
        (lease(loop, until=T0 - 1), "it has ended already, at 2026-06-10 19:59:59"),
        (lease(loop, until=T0 + 999), "it has ended already"),
        (lease(loop, until=T0 + 30 * HOUR), "may last until 2026-06-11 12:00:00 at most"),
        (lease(loop, start=T0 + 200 * HOUR, until=T0 + 201 * HOUR), "6 days ahead at most"),
        (lease(loop, ramp_back_s=601), "a ramp takes 0 to 600 s"),
        (lease(loop, level=101), "a level is 0 to 100 percent"),
        (lease("cabinet-02/loop99"), "there is no loop 'cabinet-02/loop99'; did you mean"),
        (lease(loop, selection=Selection()), "nothing is chosen"),
        (cancel(loop), "no lease stands there"),
    ]
    async with town.control() as lights:
        await first_plan(town, lights, plan)
        before = heard(town)
        for bad, why in wrong:
            with pytest.raises(NotDone, match=f"x\\[7\\]: .*{why}"):
                await lights.command(given(good, replace(bad, place="x[7]")), "王")
        with pytest.raises(NotDone, match=r"already(.|\n)*there is no loop") as refused:
            await lights.command(given(good, *(one for one, _ in wrong)), "王")
        assert str(refused.value).count("\n") == len(wrong) - 1
        for nobody in (Commands(), given(*[good] * (MOST_COMMANDS + 1))):
            with pytest.raises(NotDone, match="between 1 and 1000 commands at once"):
                await lights.command(nobody, "王")
        for who, why_not in ((" ", WHY), ("王", Said(zh=""))):
            with pytest.raises(NotDone, match="say who you are and why"):
                await lights.command(given(good, replace(good, reason=why_not)), who)
        await town.clock.advance(5)
        assert (heard(town), await lights.orders(T0)) == (before, await lights.orders(T0 + 1))


def given(*commands: LeaseCommand | CancelCommand) -> Commands:
    return Commands(
        leases=tuple(one for one in commands if isinstance(one, LeaseCommand)),
        cancels=tuple(one for one in commands if isinstance(one, CancelCommand)),
    )


async def test_of_leases_on_the_same_lamps_the_later_holds_and_the_end_of_one_is_given_by_itself(
    town: Town,
    plan: Plan,
) -> None:
    """Protects the sequence: edge nodes can tell which was given last, also in one instant; a lease and its end do not mix."""
    loop = "cabinet-01/loop1"
    async with town.control() as lights:
        await first_plan(town, lights, plan)
        made = await lights.command(given(*(lease(loop, level=level, place=f"x[{level}]") for level in range(30, 41))), "王")
        assert [one.issued - made.orders[0].issued for one in made.orders] == list(range(11))
        assert made.token == ""
        edge = town.edges["edge-oldtown"]
        await town.until(
            lambda: len(edge.stands) == 11 and lights.desk.said["edge-oldtown"].overrides == (*edge.stands.values(),)
        )
        with pytest.raises(NotDone, match=r"x\[1\]: cabinet-01/loop1 也见于 is also in x\[0\]"):
            await lights.command(given(lease(loop), cancel(loop)), "王")
        with pytest.raises(NotDone, match=r"x\[2\]: cabinet-01/loop1 也见于 is also in x\[1\]"):
            await lights.command(given(cancel(loop), cancel(loop, place="x[2]")), "王")
        for one in made.orders:
            assert [each.order.id for each in await lights.order(one.id)] == [one.id]
        ended = await lights.command(given(cancel(loop)), "李")
        assert [one.kind for one in ended.orders] == ["release"] * len(ended.orders)
        assert ended.effects[0].ends[-1] == made.orders[-1].id
        await town.until(lambda: not any(one in edge.stands for one in ended.effects[0].ends))
        assert len(await lights.release(made.orders[0].id, WHY, "李")) == 1  # of this id, not of the tenth and eleventh as well


async def test_the_leases_of_a_wish_are_released_together(town: Town, plan: Plan) -> None:
    """Protects from half of a release: the orders that end what several edge nodes hold are on disk together, under one name."""
    async with town.control() as lights:
        await first_plan(town, lights, plan)
        both = given(lease("cabinet-01/loop1"), lease("cabinet-10/loop1", place="x[1]"))
        made = await lights.command(both, "王", (await lights.command(both, "王")).token)
        await town.until(lambda: sum(len(said.overrides) for said in lights.desk.said.values()) == 2)
        ended = await lights.release(made.orders[0].request, WHY, "李")
        assert sorted(one.edge for one in ended) == sorted(one.edge for one in made.orders)
        assert [one.request for one in ended] == [ended[0].request] * 2
        await town.until(lambda: not any(edge.stands for edge in town.edges.values()))


# -- as people type it ---------------------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def typing(town: Town, plan: Plan) -> AsyncIterator[tuple[Lighting, Run]]:
    """A control that runs, while county time goes on; what is typed, and the exit code that it must have."""

    async def run(*words: str, status: int = 0) -> str:
        arguments = ["light", *words, "--data", str(town.data)]
        done = await asyncio.to_thread(CliRunner().invoke, lampwell, arguments)
        assert done.exit_code == status, done.output
        return str(done.output)

    async with town.control() as lights:
        await first_plan(town, lights, plan)
        time = asyncio.create_task(town.moving())
        try:
            yield lights, run
        finally:
            time.cancel()
            await asyncio.gather(time, return_exceptions=True)


def alike(commands: list[dict[str, Any]]) -> list[Any]:
    """Without what is new each time: our id, the start of what has begun, and seconds of the end (``ends``)."""
    found = []
    for one in commands:
        command = {name: value for name, value in one["targetCommand"].items() if name not in ("cmsRefId", "expiration")}
        command["start"] = command["start"].startswith("2026-06-10T22:15") or "begun"
        found.append((one["addresses"], command))
    return found


def ends(commands: list[dict[str, Any]]) -> list[float]:
    """Epoch seconds. An edge node reckons the end of a lease from when the order comes, and time is fast here."""
    return [datetime.fromisoformat(one["targetCommand"]["expiration"]).timestamp() for one in commands]


async def test_there_and_back_through_a_control_that_runs(town: Town, plan: Plan, tmp_path: Path) -> None:
    """Protects the exchange: what stands is exported, ended, given again from the file, exported alike, and ended by a file."""
    folder, out = str(town.county.folder), tmp_path / "talq"
    file = out / "override-commands.json"

    async def exported() -> list[dict[str, Any]]:
        said = await run("talq", "export", folder, str(out), "--partial")
        assert "reasons and givers of leases" in said
        found: list[dict[str, Any]] = json.loads(file.read_text("utf-8"))
        assert [named(one, "OverrideCommand") for one in found] == [[]] * len(found)
        return found

    async def standing() -> int:
        return sum(len(edge.overrides) for edge in (await lights.status()).edges)

    async with typing(town, plan) as (lights, run):
        until = ("--reason", "限电", "--until", "2026-06-11T05:30")
        await run("override", folder, "30", "--area", "g319", *until, "--yes", "--ramp", "60")
        await run("override", folder, "50", "--lamp", "lamp-0228", *until, "--start", "2026-06-10T22:15")
        first = await exported()
        assert [one["targetCommand"].get("rampFromLevelTime") for one in first] == [None, 60.0]
        for one in first:
            await run("release", folder, one["targetCommand"]["cmsRefId"], "--reason", "试")
        assert await standing() == 0
        words = ("talq", "override", folder, str(file), "--reason", "上级平台")
        asked = await run(*words, status=2)
        for said in ("override-commands.json[1]:", "将影响 would change: 2 控制箱", "go on with 3 cabinets?", "需二次确认"):
            assert said in asked
        assert await standing() == 0
        made = await run(*words, "--yes")
        assert made.count("已核实 verified") == 2
        again = await exported()
        assert alike(again) == alike(first)
        assert ends(again) == pytest.approx(ends(first), abs=180)
        why = json.loads(await run("status", folder, "--json"))["edges"][2]["overrides"][0]["reason"]["zh"]
        assert why == f"上级平台（TALQ {first[1]['targetCommand']['cmsRefId']}）"
        cancels = tmp_path / "cancel.json"
        cancels.write_text(json.dumps([cancel_to_talq([ref["address"] for ref in one["addresses"]]) for one in first]), "utf-8")
        ended = await run("talq", "override", folder, str(cancels), "--reason", "恢复", "--yes")
        assert "将结束限时指令 would end:" in ended
        assert await standing() == 0
        assert json.loads(await run("orders", folder, "--json"))[0]["kind"] == "release"
        many = tmp_path / "many.json"
        many.write_text(json.dumps([changed(rampToLevelTime=n) for n in range(11)]), "utf-8")
        assert (await run("talq", "override", folder, str(many), "--reason", "x")).count("已核实 verified") == 11
        await run(*words, "--yes")
        assert "takes the place, for good, of:" in await run(*words, "--yes")


def changed(**change: Any) -> Any:
    command = {"state": {"name": "LevelState", "value": 30}, "expiration": "2026-06-11T05:00:00+08:00"} | change
    return {"addresses": [{"resource": "devices", "address": "cabinet-01/loop1"}], "targetCommand": command}


GOOD = changed()
RUDE: tuple[tuple[bytes | Any, int, str], ...] = (
    (b"{", 2, "bad.json: 不是 JSON is no JSON"),
    (b"\xff\xfe", 2, "is no JSON"),
    (b"", 2, "is no JSON"),
    (b"[" * 100_000, 2, "is no JSON"),
    (b'[{"addresses": [], "x": ' + b"9" * 5_000 + b"}]", 2, "is no JSON"),
    (b" " * (17 << 20), 2, "is more than 16 MB"),
    ([], 2, "TALQ: bad.json: 没有指令 holds no command"),
    (7, 2, "bad.json: must be an object, not 7"),
    ([GOOD, {"id": "main", "rules": []}], 2, "bad.json[1]: 不是限时指令 is no override command"),
    (
        [GOOD, changed(state={"name": "LevelState", "value": "9" * 1_000_000})],
        2,
        "bad.json[1].targetCommand.state.value: must be",
    ),
    ([GOOD, changed(expiration="2026-06-11T05:00:00")], 2, "bad.json[1].targetCommand.expiration: must be a date and time"),
    ([GOOD, changed(expiration=None)], 2, "bad.json[1].targetCommand: expiration is missing"),
    ([GOOD, changed(expiration="2026-06-10T11:00:00Z")], 1, "bad.json[1]: 已过期 it has ended already, at 2026-06-10 19:00:00"),
    ([GOOD, changed(start="2026-06-20T05:00:00Z", expiration="2026-06-20T06:00:00Z")], 1, "bad.json[1]: 最多提前 6 天"),
    (
        [GOOD, GOOD | {"addresses": [{"resource": "devices", "address": "cabinet-99"}]}],
        2,
        "bad.json[1].addresses[0].address: 没有",
    ),
    ([GOOD, cancel_to_talq(["cabinet-02/loop1"])], 1, "bad.json[1]: 那里没有限时指令 no lease stands there"),
)


async def test_rude_files_are_refused_with_their_place_and_nothing_is_given(town: Town, plan: Plan, tmp_path: Path) -> None:
    """Protects the county from whatever a file holds: an exit code, a short line with the place, and no order at all."""
    folder, bad = str(town.county.folder), tmp_path / "bad.json"
    good = tmp_path / "good" / "bad.json"
    good.parent.mkdir()
    good.write_text(json.dumps(GOOD), "utf-8")
    async with typing(town, plan) as (lights, run):
        for content, status, said in RUDE:
            bad.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
            told = await run("talq", "override", folder, str(bad), "--reason", "x", "--yes", status=status)
            assert said in told, told[:500]
            assert "Traceback" not in told
            assert len(told) < 600
        both = await run("talq", "override", folder, str(good), str(bad), "--reason", "x", "--yes", status=1)
        assert f"{bad}[1]: " in both  # two files of one name are told apart
        assert [one.kind for one in await lights.orders(T0) if one.kind != "plan"] == []


def test_without_a_control_nothing_is_given(town_folder: Path, tmp_path: Path) -> None:
    """Protects from the belief that it was: no control, no order; what is wrong with the file is told before that."""
    file = tmp_path / "f.json"
    for content, status, said in ((GOOD, 1, "no control service answers"), ([], 2, "holds no command")):
        file.write_text(json.dumps(content), "utf-8")
        words = ["light", "talq", "override", str(town_folder), str(file), "--reason", "x", "--data", str(tmp_path)]
        done = CliRunner().invoke(lampwell, words)
        assert (done.exit_code, said in done.output) == (status, True), done.output


@pytest.fixture
def town_folder(county: Any) -> Path:
    return Path(county.folder)
