"""The lighting desk on a real database, without a broker: what is on disk before it is sent, and what a new life makes of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from control.lighting.activation import prepared
from control.lighting.asks import Activation
from control.lighting.book import LASTS_MS, Errand
from control.lighting.desk import LightDesk, Tell
from control.lighting.following import AGAIN_MS, WITHDRAWN, OrderState
from control.lighting.places import Places
from control.lighting.rollout import Phase, Rollout, number_of
from control.store import lighting_orders as store
from control.store.database import open_database
from control.store.tables import lighting_plan
from control.store.writer import Writer
from lampwell.clock import VirtualClock
from lampwell.lighting.model import Plan
from lampwell.lighting.wire import OUTCOME, PLAN, UNLIKE, Lease, Order, Outcome, Said, State, read_order, write
from lampwell.points import Kind, Point
from lampwell.readings import Layout, NodeId, Scan
from lampwell.sparkplug.messages import NodeBorn, ScanReceived


async def activate(desk: LightDesk, wanted: Activation, who: str, why: str) -> Rollout:
    return await desk.roll(await prepared(desk, wanted), who, why)


LEASE = Lease(targets=("cabinet-08/loop1",), level=30, lasts_s=3600, reason=Said(zh="试"))
EDGE = "edge-newtown"


class Life:
    """One life of the desk. ``wire``: what has gone out; ``up``: whether the broker takes it."""

    def __init__(self, desk: LightDesk, writer: Writer, clock: VirtualClock, places: Places) -> None:
        self.desk, self.writer, self.clock, self.places = desk, writer, clock, places
        self.layout = Layout(
            places.node_of[EDGE],
            "",
            (Point(path=PLAN, kind=Kind.TEXT), Point(path=UNLIKE, kind=Kind.INT), Point(path=OUTCOME, kind=Kind.TEXT)),
        )

    def born(self, edge: str = EDGE, plan: str = "") -> None:
        layout = self.layout if edge == EDGE else replace(self.layout, node=self.places.node_of[edge])
        self.desk.event(NodeBorn(layout, Scan(layout, self.clock.now(), (0, 1), (plan, 0), (0, 0)), 0), self.clock.now())

    def answers(self, order: Order, state: State) -> None:
        text = write(Outcome(id=order.id, state=state, at=self.clock.now(), reason=Said(zh=state.value)))
        self.desk.event(ScanReceived(Scan(self.layout, self.clock.now(), (2,), (text,), (0,))), self.clock.now())

    async def give(self) -> str:
        (one,) = await self.desk.orders.give([Errand(do={EDGE: LEASE}, what="30%", reason="试")], "王")
        return one.order.id

    async def kept(self, name: str) -> Any:
        await self.writer.write(lambda _: None)  # the writer keeps the order
        (one,) = await self.writer.read(partial(store.find_orders, name=name))
        return one


class Field:
    """Lives after each other over one file, and all that ever went out."""

    def __init__(self, file: Path, places: Places) -> None:
        self.file, self.places, self.clock = file, places, VirtualClock()
        self.wire: list[Order] = []
        self.up = True

    @asynccontextmanager
    async def life(self, tell: Tell | None = None) -> AsyncIterator[Life]:
        database = open_database(self.file)
        writer = Writer(database)

        def send(node: NodeId, text: str) -> bool:
            order = read_order(text)
            assert database.read(partial(store.find_orders, name=order.id)), "sent before it was on disk"
            assert node in self.places.node_of.values()
            if self.up:
                self.wire.append(order)
            return self.up

        desk = LightDesk(self.places, writer, self.clock, send, tell=tell)
        await desk.begin()
        yield Life(desk, writer, self.clock, self.places)
        await writer.close()
        database.close()

    async def wait(self, life: Life, seconds: float) -> None:
        for _ in range(round(seconds)):
            await self.clock.advance(1)
            life.desk.orders.follow(self.clock.now())


@pytest.fixture
def field(tmp_path: Path, places: Places) -> Field:
    return Field(tmp_path / "state.sqlite", places)


async def test_an_order_is_on_disk_before_it_goes_out_and_keeps_its_id_over_a_restart(field: Field) -> None:
    """Protects from an order carried out twice: a control that ends unanswered goes on with the same id, then stops with it."""
    async with field.life() as life:
        life.born()
        name = await life.give()
        assert [one.id for one in field.wire] == [name]
    await field.clock.advance(7)
    async with field.life() as life:
        await field.wait(life, 2)
        assert len(field.wire) == 1  # the node is not known to be there
        life.born()
        await field.wait(life, 2)
        assert [one.id for one in field.wire] == [name, name]
        life.answers(field.wire[0], State.ACCEPTED)
        await field.wait(life, 20)
        assert len(field.wire) == 2
        life.answers(field.wire[0], State.VERIFIED)
        assert (await life.kept(name)).state is OrderState.VERIFIED


async def test_what_expired_while_control_was_down_is_never_sent(field: Field) -> None:
    """Protects from yesterday's order: it is failed for want of an answer, and what the node says later still counts."""
    field.up = False
    async with field.life() as life:
        life.born()
        name = await life.give()
        assert (await life.kept(name)).state is OrderState.QUEUED
    await field.clock.advance(LASTS_MS / 1000)
    field.up = True
    async with field.life() as life:
        life.born()
        await field.wait(life, 3)
        one = await life.kept(name)
        assert (one.state, one.by_control, field.wire) == (OrderState.FAILED, True, [])
        life.answers(one.order, State.VERIFIED)
        assert (await life.kept(name)).state is OrderState.VERIFIED


async def test_nothing_is_sent_to_nobody(field: Field) -> None:
    """Protects the count of what was sent: a broker away or a node not there waits, and is served when it comes."""
    async with field.life() as life:
        name = await life.give()
        await field.wait(life, 10)
        assert field.wire == []
        life.born()
        life.desk.broker(connected=False, now=field.clock.now())
        await field.wait(life, 10)
        assert field.wire == []
        life.born()
        await field.wait(life, 1 + AGAIN_MS // 1000)
        assert [one.id for one in field.wire] == [name, name]


@pytest.mark.parametrize(
    "answers", [(State.VERIFIED, State.ACCEPTED), (State.ACCEPTED, State.ACCEPTED, State.VERIFIED, State.FAILED)]
)
async def test_answers_twice_and_out_of_order(field: Field, answers: tuple[State, ...]) -> None:
    """Protects the first end: later words do not change it, and each is kept once."""
    async with field.life() as life:
        life.born()
        name = await life.give()
        for state in answers:
            life.answers(field.wire[0], state)
        assert (await life.kept(name)).state is OrderState.VERIFIED
        assert len(await life.writer.read(partial(store.answers, order=name))) == len(set(answers))


async def test_revisions_only_rise(field: Field) -> None:
    """Protects edge nodes that refuse a lower number: a fresh database goes on above what they have."""
    async with field.life() as life:
        assert await life.desk.next_revision() == 1
        scan = Scan(life.layout, 0, (0, 1), ("41 sha256:x", 0), (0, 0))
        life.desk.event(NodeBorn(life.layout, scan, 0), 0)
        assert await life.desk.next_revision() == 42


async def test_a_stop_takes_back_what_has_not_been_answered(field: Field, plan: Plan) -> None:
    """Protects edge nodes that were away: a plan that was stopped does not reach them when they come back."""
    async with field.life() as life:
        life.born()
        version = (await life.desk.shelf.take(plan, "工程师", "初版", field.clock.now())).version
        await activate(life.desk, Activation(version=version, at_once=True), "工程师", "初版")
        await field.wait(life, 2)
        assert [one.who for one in field.wire] == ["version 1"]
        await life.desk.stop("工程师", "想想")
        life.born("edge-oldtown")
        life.born("edge-g319")
        await field.wait(life, 100)
        assert len(field.wire) == 1
        await life.writer.write(lambda _: None)  # what was submitted before is on disk now
        rows = await life.writer.read(partial(store.past_orders, since=0, most=10, plans=True))
        assert {one.reason for one in rows} == {WITHDRAWN}


async def test_a_plan_that_is_damaged_on_the_disk_stops_its_roll_out(field: Field, plan: Plan) -> None:
    """Protects control from going down, and edge nodes from half a plan: it stops with the reason."""
    async with field.life() as life:
        life.born()
        version = (await life.desk.shelf.take(plan, "工程师", "初版", field.clock.now())).version
        await activate(life.desk, Activation(version=version, first="cabinet-08", settle_s=5), "工程师", "初版")
        await field.wait(life, 2)
        await life.writer.write(lambda connection: connection.execute(update(lighting_plan).values(body='{"format":1}')))
    async with field.life() as life:
        assert life.desk.rollout is not None
        life.born(plan=life.desk.rollout.stages[0].goals[0].plan)
        task = asyncio.create_task(life.desk.run())
        await field.clock.advance(12)
        for _ in range(200):
            if life.desk.rollout.phase is Phase.STOPPED:
                break
            await field.clock.advance(1)
            await asyncio.sleep(0.01)
        assert "no document can be made" in life.desk.rollout.reason.en
        assert set(life.desk.asked) == {EDGE}
        assert not task.done()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert len(field.wire) == 1


async def test_a_way_back_overtakes_what_is_still_on_its_way(field: Field, plan: Plan) -> None:
    """Protects a rollback in a hurry: a plan that was sent and not confirmed yet is outbidden by a higher revision."""
    async with field.life() as life:
        life.born()
        first = (await life.desk.shelf.take(plan, "工程师", "初版", field.clock.now())).version
        await activate(life.desk, Activation(version=first, first="cabinet-08"), "工程师", "初版")
        life.born(plan=life.desk.asked[EDGE])
        await life.desk.stop("工程师", "够了")
        other = replace(plan, programs=tuple(replace(one, ramp_s=20) for one in plan.programs))
        second = (await life.desk.shelf.take(other, "工程师", "再版", field.clock.now())).version
        await activate(life.desk, Activation(version=second, first="cabinet-08"), "工程师", "再版")
        trial = life.desk.asked[EDGE]
        await life.desk.stop("工程师", "错了")
        back = await activate(life.desk, Activation(version=first, at_once=True), "工程师", "退回")
        (goal,) = [one for one in back.stages[0].goals if one.edge == EDGE]
        assert number_of(goal.plan) > number_of(trial)
        assert life.desk.asked[EDGE] == goal.plan


async def test_who_was_away_is_served_over_a_restart_by_the_same_order(field: Field, plan: Plan) -> None:
    """Protects a box that was away for days: done with it owed, then the same order once more when it is back; its trouble is
    told once.
    """
    told: list[str] = []

    async def turn(life: Life, seconds: int) -> None:
        for _ in range(seconds):
            await field.wait(life, 1)
            await life.desk._step()

    async with field.life(
        lambda _c, rollout, troubled, _at: told.extend(f"{rollout.phase} {one.edge}" for one in troubled)
    ) as life:
        life.born()
        version = (await life.desk.shelf.take(plan, "工程师", "初版", field.clock.now())).version
        await activate(life.desk, Activation(version=version, at_once=True, settle_s=5, patience_s=10), "工程师", "初版")
        life.born(plan=life.desk.asked[EDGE])
        await turn(life, 25)
        assert life.desk.rollout is not None
        assert life.desk.rollout.phase is Phase.DONE
        assert {one.edge for one in life.desk.rollout.owed} == {"edge-oldtown", "edge-g319"}
    await field.clock.advance(3 * 86_400)
    async with field.life(
        lambda _c, rollout, troubled, _at: told.extend(f"{rollout.phase} {one.edge}" for one in troubled)
    ) as life:
        life.born(plan=life.desk.asked[EDGE])
        await turn(life, 3)
        before = len(field.wire)
        life.born("edge-oldtown")
        life.born("edge-g319")
        await turn(life, 3)
        assert life.desk.rollout is not None
        orders = {goal.edge: goal.order for goal in life.desk.rollout.stages[0].goals}
        assert {one.id for one in field.wire[before:]} == {orders["edge-oldtown"], orders["edge-g319"]}
        life.born("edge-oldtown", plan=life.desk.asked["edge-oldtown"])
        await turn(life, 20)
        (left,) = life.desk.rollout.owed
        assert (left.edge, "has not confirmed" in left.trouble.en, life.desk.rollout.phase) == ("edge-g319", True, Phase.DONE)
        assert told == ["done edge-g319"]
        life.born("edge-g319", plan=life.desk.asked["edge-g319"])
        await turn(life, 10)
        assert life.desk.rollout.owed == ()
        assert told == ["done edge-g319"]


async def test_a_new_roll_out_serves_those_that_the_last_one_owed(field: Field, plan: Plan) -> None:
    """Protects from an old plan that comes after a new one: what was owed is taken back, the new version is owed instead."""
    async with field.life() as life:
        life.born()
        first = (await life.desk.shelf.take(plan, "工程师", "初版", field.clock.now())).version
        await activate(life.desk, Activation(version=first, at_once=True, settle_s=5, patience_s=10), "工程师", "初版")
        life.born(plan=life.desk.asked[EDGE])
        for _ in range(25):
            await field.wait(life, 1)
            await life.desk._step()
        other = replace(plan, programs=tuple(replace(one, ramp_s=20) for one in plan.programs))
        second = (await life.desk.shelf.take(other, "工程师", "再版", field.clock.now())).version
        await activate(life.desk, Activation(version=second, at_once=True), "工程师", "再版")
        before = len(field.wire)
        life.born("edge-oldtown")
        await field.wait(life, 2)
        assert {one.who for one in field.wire[before:]} == {"version 2"}
