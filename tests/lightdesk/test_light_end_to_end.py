"""The lighting desk over a real broker, with edge nodes that answer as they are told to: roll-outs, overrides, restarts."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from sqlalchemy import select

from control.lighting.asks import Activation, Wish
from control.lighting.rollout import Phase
from control.lighting.selection import Selection
from control.requests import NotDone
from control.store.tables import notification
from deploy.cli import main as lampwell
from deploy.lights import give_lease, light_up
from lampwell.errors import ConfigError
from lampwell.lighting.model import Plan, Step
from lampwell.lighting.moments import read_moment
from lampwell.lighting.wire import (
    PLAN,
    UNLIKE,
    Said,
)
from tests.lighting.schema import named

from .town import QUICK, T0, ScriptedEdge, Town, first_plan, running, twice

LOOP = ("--loop", "cabinet-01/loop1", "--reason", "x")
SLIPS = (
    ("activate", ("--version", "99", "--reason", "x"), 1, "there is no version 99 of the plan; 最新为 the newest is 1"),
    ("activate", ("--version", "1", "--first", "moon", "--reason", "x"), 1, "there is no lamp cabinet 'moon'"),
    ("rollback", ("--reason", "x"), 1, "no earlier version has run"),
    ("rollback", ("--version", "9", "--reason", "x"), 1, "there is no version 9"),
    ("diff", ("--from", "9"), 1, "there is no version 9"),
    ("preview", ("--version", "9"), 1, "there is no version 9"),
    ("explain", ("cabinet-01/loop1", "--at", "9999-12-31"), 2, "--at: '9999-12-31' is not between 2000 and 2099"),
    ("explain", ("cabinet-01/loop1", "--at", "2001-01-01"), 1, "leave the table of lunar festivals"),
    ("explain", ("cabinet-01/loop1", "--at", "yesterday"), 2, "--at: 'yesterday' is not a time"),
    ("override", ("30", "--loop", "cabinet-1/loop1", "--reason", "x"), 1, "there is no loop 'cabinet-1/loop1'; did you mean"),
    ("override", ("30", "--reason", "x"), 1, "nothing is chosen"),
    ("override", ("30", *LOOP, "--start", "2026-06-01"), 1, "begin in the past"),
    ("override", ("30", *LOOP, "--start", "2026-12-01"), 1, "6 days ahead at most"),
    (
        "override",
        ("30", *LOOP, "--until", "2026-06-01"),
        2,
        "2026-06-01 is not after the start, 2026-06-10 20:",
    ),
    ("override", ("30", *LOOP, "--for", "30h"), 1, "at most"),
    ("override", ("30", *LOOP, "--for", "1h", "--until", "2026-06-11"), 2, "not both"),
    ("override", ("30", "--loop", "cabinet-01/loop1", "--reason", " "), 1, "say"),
    ("lock", ("--lamp", "lamp-0001", "--reason", "x"), 1, "can be spoken to by itself 'lamp-0001'"),
    ("release", ("zzz", "--reason", "x"), 1, "no lease or lock 'zzz' stands"),
    ("order", ("",), 1, "there is no order ''"),
)
"""What a person in a hurry types: the exit code, and what has to be told."""


def dimmer(plan: Plan) -> Plan:
    steps = (Step(at=read_moment("21:00"), level=60), Step(at=read_moment("05:00"), level=100))
    return replace(plan, programs=tuple(replace(one, steps=steps) if one.id == "main-road" else one for one in plan.programs))


async def test_a_version_goes_out_in_stages_and_stops_where_it_is_not_as_it_should_be(town: Town, plan: Plan) -> None:
    """Protects the county from a bad plan: one cabinet first, no further while it reads back otherwise, and back again."""
    async with town.control() as lights:
        await first_plan(town, lights, plan)
        assert {said.partition(" ")[0] for said in (edge.values[PLAN] for edge in town.edges.values())} == {"1"}
        bad = (await lights.take(dimmer(plan), "工程师", "省电")).version
        trial, others = town.edges["edge-newtown"], [town.edges["edge-oldtown"], town.edges["edge-g319"]]
        before = [edge.values[PLAN] for edge in others]
        row = await twice(lights.activate, Activation(version=bad, first="cabinet-08", **QUICK), "省电")
        assert [stage.zh for stage in row.stages] == ["控制箱 cabinet-08", "片区 newtown", "全县"]
        await town.until(lambda: trial.document is not None and trial.document.version == 2)
        trial.say(**{UNLIKE: 2})
        stopped = await town.rolled(lights, Phase.STOPPED)
        assert "2 targets unlike" in stopped.reason.en
        told = await lights._writer.read(lambda connection: connection.execute(select(notification.c.step)).all())
        assert [row.step for row in told if row.step.startswith("rollout:")] == [f"rollout:{stopped.id}"]
        assert [edge.values[PLAN] for edge in others] == before
        held = trial.document
        assert held is not None
        assert {one.cabinet for one in held.plan.targets} == {"cabinet-08", "cabinet-09"}
        assert any(one.id == "main-road@1" for one in held.plan.programs)
        why = await lights.explain("cabinet-08/loop1", T0 + 2 * 3_600_000)
        assert (why.level, why.version, why.plan) == (60, 2, trial.values[PLAN])
        assert (await lights.explain("cabinet-09/loop1", T0 + 2 * 3_600_000)).level == 100
        trial.say(**{UNLIKE: 0})
        await twice(lights.rollback, Activation(version=0, at_once=True, **QUICK), "退回")
        await town.rolled(lights, Phase.DONE)
        status = await lights.status()
        assert (status.running, {row.confirmed_version for row in status.edges}) == (1, {1})
        assert [edge.values[PLAN] for edge in others] == before  # they had it, and were not asked again
        await twice(lights.activate, Activation(version=bad, first="cabinet-08", **QUICK), "再试")
        await town.until(lambda: trial.document is not None and trial.document.version == 5)
        await twice(lights.rollback, Activation(version=0, at_once=True, **QUICK), "又退回")
        await town.rolled(lights, Phase.DONE)
        assert [row.version for row in await lights.rollouts()] == [1, 2, 1, 2, 1]
        assert (await lights.rollouts())[1].phase is Phase.STOPPED


async def test_a_version_is_asked_about_before_it_goes_out(town: Town, plan: Plan) -> None:
    """Protects the county from a slip: activation and rollback say what they would change and do nothing without the second word,
    which is for that very thing.
    """
    async with town.control() as lights:
        await town.there(lights)
        first = (await lights.take(plan, "工程师", "初版")).version
        wanted = Activation(version=first, at_once=True, **QUICK)
        asked = await lights.activate(wanted, "工程师", "初版")
        assert (asked.rollout, await lights.rollouts(), asked.change.difference) == (None, [], None)
        assert (len(asked.change.cabinets), asked.change.lamps, len(asked.change.edges)) == (11, 1220, 3)
        assert asked.change.tonight.kwh > 0
        for other in ((replace(wanted, allowed=9), "初版"), (wanted, "别的")):
            with pytest.raises(NotDone, match="确认码无效"):
                await lights.activate(other[0], "工程师", other[1], asked.token)
            asked = await lights.activate(wanted, "工程师", "初版")
        assert (await lights.activate(wanted, "工程师", "初版", asked.token)).rollout is not None
        await town.rolled(lights, Phase.DONE)
        second = (await lights.take(dimmer(plan), "工程师", "省电")).version
        wanted = Activation(version=second, at_once=True, **QUICK)
        change = (await lights.activate(wanted, "工程师", "省电")).change
        assert (change.running, change.version, [one.id for one in change.difference.edits]) == (1, 2, ["main-road"])
        assert "cabinet-06" not in change.cabinets
        assert (len(change.cabinets), change.away, change.findings) == (9, (), ())
        assert change.difference.now.kwh < change.difference.was.kwh
        assert change.difference.ranks
        await twice(lights.activate, wanted, "省电")
        await town.rolled(lights, Phase.DONE)
        back = await lights.rollback(Activation(version=0, at_once=True, **QUICK), "工程师", "退回")
        assert (back.change.running, back.change.version, back.rollout) == (2, 1, None)
        with pytest.raises(NotDone, match="say who you are"):
            await lights.rollback(Activation(version=0, at_once=True, **QUICK), " ", "退回")
        assert [row.version for row in await lights.rollouts()] == [2, 1]


async def test_a_node_that_is_gone_does_not_stop_the_county_and_is_served_when_it_is_back(town: Town, plan: Plan) -> None:
    """Protects both: the county's new plan from one box without power, and that box from its old plan for ever."""
    gone = town.edges["edge-g319"]
    async with town.control() as lights:
        await first_plan(town, lights, plan)
        del town.edges[gone.edge]
        await gone.transport.stop()
        await town.until(lambda: lights.desk.said[gone.edge].alive is False)
        version = (await lights.take(dimmer(plan), "工程师", "省电")).version
        asked = await lights.activate(Activation(version=version, first="cabinet-08", **QUICK), "工程师", "省电")
        assert asked.change.away == (gone.edge,)
        await twice(lights.activate, Activation(version=version, first="cabinet-08", **QUICK), "省电")
        done = await town.rolled(lights, Phase.DONE)
        assert [one.edge for one in done.owed] == [gone.edge]
        status = await lights.status()
        assert status.rollout is not None
        assert (status.running, [one.edge for one in status.rollout.owed]) == (version, [gone.edge])
        assert any("is owed to 1 edge nodes" in one.en for one in (await lights.digest()).problems)
        (goal,) = [goal for stage in done.stages for goal in stage.goals if goal.edge == gone.edge]
    back = ScriptedEdge(town.county, gone.edge, town.clock)
    back.document, back.values = gone.document, gone.values
    async with town.control() as lights, running(back.transport):
        town.edges[gone.edge] = back
        await town.until(lambda: lights.desk.rollout is not None and not lights.desk.rollout.owed)
        assert (back.done, back.values[PLAN]) == ([goal.order], goal.plan)
        (row,) = [one for one in (await lights.status()).edges if one.edge == gone.edge]
        assert (row.agrees, row.confirmed_version) == (True, version)


async def test_the_demo_lights_its_streets_and_gives_a_lease(town: Town) -> None:
    """Protects the demo: it says the second word itself, and once; the key that gives a lease works."""
    async with town.control() as lights:
        assert town.service is not None
        for _ in range(2):
            lighting = asyncio.create_task(light_up(town.service, town.county, town.clock))
            await town.until(lighting.done, 6_000)  # it reckons in a thread, in real time
            await town.rolled(lights, Phase.DONE)
        assert len(await lights.rollouts()) == 1
        assert await give_lease(town.service, "王") == "限时指令 lease: cabinet-01 30 % 10 min"
        await town.until(lambda: town.edges["edge-oldtown"].stands)


async def test_control_restarts_in_the_middle_of_a_roll_out(town: Town, plan: Plan) -> None:
    """Protects from plans sent twice or never: a new life of control goes on where the old one was, with the same orders."""
    async with town.control() as lights:
        await first_plan(town, lights, plan)
        version = (await lights.take(dimmer(plan), "工程师", "省电")).version
        town.edges["edge-newtown"].mute = True
        await twice(lights.activate, Activation(version=version, first="cabinet-08", settle_s=5, patience_s=200), "省电")
        await town.until(lambda: any(name.endswith("-trial") for name in town.edges["edge-newtown"].heard))
    town.edges["edge-newtown"].mute = False
    async with town.control() as lights:
        await town.until(lambda: lights.desk.rollout is not None and lights.desk.rollout.at > 0)
    async with town.control() as lights:
        await town.rolled(lights, Phase.DONE)
        rows = (await lights.status()).edges
        assert all(row.agrees and row.asked == row.confirmed for row in rows)
        assert {row.confirmed_version for row in rows} == {2}
    for edge in town.edges.values():
        assert len(edge.done) == len(set(edge.done))


async def test_a_refusal_and_silence_are_told_as_what_they_are(town: Town, plan: Plan) -> None:
    """Protects the truth of a mass action: asked twice, sent to three, verified at one, refused at one, unknown at one."""
    async with town.control() as lights:
        await first_plan(town, lights, plan)
        town.edges["edge-newtown"].refuse = "联锁：积水 0.35 m"
        town.edges["edge-g319"].mute = True
        wish = Wish(level=30, lasts_s=3600, reason=Said(zh="限电"))
        asked = await lights.override(Selection(county=True), wish, "调度", "")
        assert asked.token
        assert not asked.orders
        assert (asked.change.loops, len(asked.change.cabinets)) == (126, 11)
        assert not any(edge.stands for edge in town.edges.values())
        with pytest.raises(NotDone, match="确认码无效"):
            await lights.override(Selection(areas=("g319",)), wish, "调度", asked.token)
        asked = await lights.override(Selection(county=True), wish, "调度", "")
        given = await lights.override(Selection(county=True), wish, "调度", asked.token)
        with pytest.raises(NotDone, match="确认码无效"):
            await lights.override(Selection(county=True), wish, "调度", asked.token)
        names = {one.edge: one.id for one in given.orders}

        async def ended() -> Any:
            found = {one.edge: one for one in await lights.orders() if one.id in names.values()}
            return found if all(one.ended_at for one in found.values()) else None

        found = await town.until(ended, 200)
        assert {edge: one.state for edge, one in found.items()} == {
            "edge-oldtown": "verified",
            "edge-newtown": "refused",
            "edge-g319": "failed",
        }
        assert "积水" in found["edge-newtown"].reason.zh
        assert (found["edge-g319"].by_control, "no answer" in found["edge-g319"].reason.en) == (True, True)
        heard = town.edges["edge-g319"].heard
        assert heard[names["edge-g319"]] == found["edge-g319"].sent > 5
        (detail,) = await lights.order(names["edge-oldtown"])
        assert [answer.state for answer in detail.answers] == ["accepted", "verified"]
        assert detail.answers[-1].targets["cabinet-01/loop1"].level == 30


async def test_a_lease_stands_is_explained_outlives_control_and_is_released(town: Town, plan: Plan) -> None:
    """Protects overrides: one cabinet needs no second word, its end is known, a restart keeps it, a release ends it."""
    async with town.control() as lights:
        await first_plan(town, lights, plan)
        wish = Wish(level=30, lasts_s=3600, reason=Said(zh="夜市散场", en="market over"))
        given = await lights.override(Selection(cabinets=("cabinet-03",)), wish, "王值班")
        (name,) = [one.id for one in given.orders]
        assert not given.token
        await town.until(lambda: name in town.edges["edge-oldtown"].stands)
        with pytest.raises(NotDone, match="at most"):
            await lights.override(Selection(cabinets=("cabinet-03",)), replace(wish, lasts_s=20 * 3600), "王值班")
        with pytest.raises(NotDone, match="say who you are"):
            await lights.override(Selection(cabinets=("cabinet-03",)), wish, " ")
    async with town.control() as lights:
        await town.there(lights)
        (row,) = [one for edge in (await lights.status()).edges for one in edge.overrides]
        assert (row.id, row.level, len(row.targets), row.who) == (name, 30, 10, "王值班")
        assert row.left_s is not None
        assert 3000 < row.left_s < 3600
        why = await lights.explain("cabinet-03/loop2", 0)
        assert (why.level, "夜市散场" in why.why.zh, why.layer) == (30, True, "限时指令 lease")
        with pytest.raises(NotDone, match="no lease or lock 'nothing'"):
            await lights.release("nothing", Said(zh="x"), "王")
        await lights.release(name[:6], Said(zh="提前结束"), "王值班")
        await town.until(lambda: not lights.desk.said["edge-oldtown"].overrides)
        locked = await lights.lock(Selection(loops=("cabinet-01/loop1",)), Said(zh="换灯"), "刘师傅")
        await town.until(lambda: lights.desk.said["edge-oldtown"].overrides)
        blocked = await lights.override(Selection(cabinets=("cabinet-01",)), wish, "王值班")
        assert {shift.held_by for shift in blocked.change.shifts} == {"", "crew lock"}
        await lights.release(locked.orders[0].request, Said(zh="完工"), "刘师傅")
        await town.until(lambda: all(one.layer == "lease" for one in lights.desk.said["edge-oldtown"].overrides))


async def test_what_can_not_be_is_refused_before_it_begins(town: Town, plan: Plan) -> None:
    """Protects from roll-outs to nobody, by nobody, of nothing, two at a time, or of a plan with a gap in the night."""
    async with town.control() as lights:
        with pytest.raises(NotDone, match="no plan yet"):
            await lights.explain("cabinet-01/loop1")
        await town.there(lights)
        dark = (Step(at=read_moment("01:00"), level=0), Step(at=read_moment("03:00"), level=100))
        gap = replace(plan, programs=tuple(replace(one, steps=dark) for one in plan.programs))
        with pytest.raises(ConfigError, match="夜间"):
            await lights.take(gap, "工程师", "错")
        with pytest.raises(NotDone, match="no version 7"):
            await lights.activate(Activation(version=7), "工程师", "x")
        version = (await lights.take(plan, "工程师", "初版")).version
        assert (await lights.take(plan, "工程师", "再来")).version == version
        with pytest.raises(NotDone, match="no lamp cabinet 'moon'"):
            await lights.activate(Activation(version=version, first="moon"), "工程师", "x")
        for edge in town.edges.values():
            edge.say(**{UNLIKE: 1})
        await town.until(lambda: all(said.unlike == 1 for said in lights.desk.said.values()))
        with pytest.raises(NotDone, match="1 targets unlike already"):
            await lights.activate(Activation(version=version, **QUICK), "工程师", "x")
        await twice(lights.activate, Activation(version=version, allowed=1, **QUICK), "x")
        with pytest.raises(NotDone, match="is being rolled out"):
            await lights.activate(Activation(version=version, allowed=1), "工程师", "x")
        row = await lights.stop("工程师", "想想")
        assert (row.phase, "想想" in row.reason.zh) == (Phase.STOPPED, True)


async def test_the_commands(town: Town, plan: Plan, tmp_path: Path) -> None:
    """Protects what people type: activation, status, override with its second question, explanation, orders, exit codes."""
    folder = town.county.folder

    async def run(command: str, *words: str, status: int = 0) -> str:
        arguments = ["light", command, str(folder), *words, "--data", str(town.data)]
        done = await asyncio.to_thread(CliRunner().invoke, lampwell, arguments)
        assert done.exit_code == status, done.output
        return str(done.output)

    async with town.control() as lights:
        await town.there(lights)
        time = asyncio.create_task(town.moving())
        try:
            assert "no version yet" in await run("versions")
            said = ("--reason", "初版", "--settle", "5s")
            asked = await run("activate", *said, status=2)
            assert "版本 version 无 none -> 1: 11 控制箱 cabinets, 1220 灯 lamps" in asked
            assert "需二次确认" in asked
            assert "version 1" in await run("activate", *said, "--at-once", "--yes")
            while "✓" not in (text := await run("status")):  # noqa: ASYNC110 - another task moves time
                await asyncio.sleep(0.05)
            assert "否 NO" not in text
            assert "nothing changes" in await run("diff", "--nights", "2")
            assert "all in order" in await run("tonight")
            assert "100%" in await run("preview", "--version", "1", "--date", "2026-06-11")
            assert "主干道" in await run("explain", "cabinet-01/loop1", "--at", "2026-06-11T01:00")
            assert "no loop or lamp" in await run("explain", "x", status=1)
            assert "需二次确认" in await run("override", "30", "--area", "g319", "--reason", "限电", status=2)
            made = await run("override", "30", "--area", "g319", "--reason", "限电", "--yes", "--until", "2026-06-11T06:00")
            assert "将影响 would change: 2 控制箱" in made
            assert "已核实 verified" in made
            arguments = ["light", "talq", "export", str(folder), str(tmp_path / "talq"), "--partial", "--data", str(town.data)]
            assert (await asyncio.to_thread(CliRunner().invoke, lampwell, arguments)).exit_code == 0
            (lease,) = json.loads((tmp_path / "talq/override-commands.json").read_text("utf-8"))
            assert named(lease, "OverrideCommand") == []
            assert lease["targetCommand"]["state"]["value"] == 30
            again = await run("override", "40", "--loop", "cabinet-10/loop1", "--reason", "试", "--for", "10m")
            assert "takes the place, for good, of:" in again
            row = json.loads(await run("status", "--json"))["edges"][2]["overrides"][0]
            assert row["level"] == 30
            assert "已核实" in await run("release", row["id"], "--reason", "恢复")
            town.edges["edge-g319"].refuse = "联锁"
            assert "被拒绝 refused" in await run("override", "30", "--loop", "cabinet-10/loop1", "--reason", "x", status=1)
            assert "联锁" in await run("orders")
            assert "回读 read back 30%" in await run("order", row["id"])
            assert "没有该指令" in await run("order", "zzz", status=1)
            assert "没有正在进行的下发" in await run("stop", "--reason", "x", status=1)
            for command, words, status_, said in SLIPS:
                assert said in await run(command, *words, status=status_), (command, words)
        finally:
            time.cancel()
            await asyncio.gather(time, return_exceptions=True)
