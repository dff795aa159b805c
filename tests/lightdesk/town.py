"""The county with a control over a real broker, and edge nodes that answer as they are told to."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from control.app import Control
from control.front_lighting import Lighting
from control.lighting.asks import Activation
from control.lighting.rollout import Phase
from control.people.files import load_roster
from control.store.audit import verify
from control.store.database import open_database
from lampwell.assets import County
from lampwell.clock import VirtualClock
from lampwell.lighting.documents import Document, read_document
from lampwell.lighting.model import Plan
from lampwell.lighting.wire import (
    ORDER,
    OUTCOME,
    OVERRIDES,
    PLAN,
    UNLIKE,
    Lease,
    Lock,
    Order,
    Outcome,
    Release,
    Said,
    Seen,
    Stands,
    State,
    TakePlan,
    read_order,
    write,
)
from lampwell.points import Kind, Point
from lampwell.readings import Layout, Scan
from lampwell.sparkplug.edge import EdgeSession
from lampwell.sparkplug.messages import Command, Message, Subscription
from lampwell.sparkplug.transport import MqttTransport

T0 = 1_781_092_800_000  # 2026-06-10 20:00 county time
PATHS = (ORDER, OUTCOME, PLAN, OVERRIDES, UNLIKE)
QUICK = {"settle_s": 5, "patience_s": 20}


class ScriptedEdge:
    """An edge node without cabinets: it takes plans, keeps overrides and answers. ``refuse``: why it will not; ``mute``: it hears
    and says nothing.
    """

    def __init__(self, county: County, edge: str, clock: VirtualClock) -> None:
        node = next(one for one in county.edges if one.id == edge).node
        self.edge, self.clock = edge, clock
        kinds = [Kind.INT if path == UNLIKE else Kind.TEXT for path in PATHS]
        self.layout = Layout(node, "", tuple(Point(path=path, kind=kind) for path, kind in zip(PATHS, kinds, strict=True)))
        self.session = EdgeSession(self.layout, bd_seq=-1, journal="", host_id=county.host_id)
        self.transport = MqttTransport(county.broker, f"{edge}-test", self, jitter=lambda: 0.1)
        self.values: dict[str, Any] = {PLAN: "", OVERRIDES: "[]", UNLIKE: 0}
        self.document: Document | None = None
        self.stands: dict[str, Stands] = {}
        self.heard: Counter[str] = Counter()
        self.done: list[str] = []
        self.refuse, self.mute = "", False

    def will(self) -> Message:
        return self.session.will(self.clock.now())

    def subscriptions(self) -> tuple[Subscription, ...]:
        return self.session.subscriptions()

    def on_connected(self) -> None:
        self.session.scan(self._scan(self.values))
        for message in self.session.connected(self.clock.now(), journal_first=0, acknowledged={}):
            self.transport.publish(message)

    def on_disconnected(self, reason: str) -> None:
        self.session.disconnected()

    def on_message(self, topic: str, payload: bytes) -> None:
        messages, events = self.session.received(topic, payload, self.clock.now())
        for message in messages:
            self.transport.publish(message)
        for event in events:
            if isinstance(event, Command) and event.metric == ORDER:
                self.order(read_order(str(event.value)))

    def farewell(self) -> list[Message]:
        return self.session.leave(self.clock.now())

    def order(self, order: Order) -> None:
        self.heard[order.id] += 1
        if self.mute:
            return
        if self.refuse:
            self.answer(order, State.REFUSED, self.refuse)
            return
        self.answer(order, State.ACCEPTED, "好")
        if order.id in self.done:
            return
        self.done.append(order.id)
        self.carry_out(order)
        self.answer(order, State.VERIFIED, "回读一致")

    def carry_out(self, order: Order) -> None:
        match order.do:
            case TakePlan(document=text):
                found = read_document(text.encode())
                held = self.document
                assert held is None or found.version > held.version, "a real edge node refuses this"
                self.document = found
                self.say(**{PLAN: f"{self.document.version} {self.document.hash}"})
            case Lease(targets=targets, level=level, lasts_s=lasts_s, reason=reason, start=start):
                begins = start or self.clock.now()
                self.stand(
                    order,
                    Stands(
                        id=order.id,
                        layer="lease",
                        targets=targets,
                        level=level,
                        start=begins,
                        end=begins + lasts_s * 1000,
                        who=order.who,
                        reason=reason,
                    ),
                )
            case Lock(targets=targets, reason=reason):
                self.stand(
                    order,
                    Stands(
                        id=order.id,
                        layer="crew lock",
                        targets=targets,
                        level=0,
                        start=self.clock.now(),
                        end=None,
                        who=order.who,
                        reason=reason,
                    ),
                )
            case Release(order=name):
                self.stands.pop(name, None)
                self.say(**{OVERRIDES: write(tuple(self.stands.values()))})

    def stand(self, order: Order, one: Stands) -> None:
        self.stands[order.id] = one
        self.say(**{OVERRIDES: write(tuple(self.stands.values()))})

    def answer(self, order: Order, state: State, reason: str) -> None:
        seen = {"cabinet-01/loop1": Seen(wanted=30, level=30, agrees=True)} if state is State.VERIFIED else {}
        self.say(
            **{
                OUTCOME: write(
                    Outcome(id=order.id, state=state, at=self.clock.now(), reason=Said(zh=reason, en=reason), targets=seen)
                )
            }
        )

    def say(self, **values: Any) -> None:
        self.values |= {path: value for path, value in values.items() if path != OUTCOME}
        if (message := self.session.scan(self._scan(values))) is not None:
            self.transport.publish(message)

    def _scan(self, values: dict[str, Any]) -> Scan:
        index = tuple(PATHS.index(path) for path in values)
        return Scan(self.layout, self.clock.now(), index, tuple(values.values()), (0,) * len(index))


class Town:
    """The county with its edge nodes, and lives of control one after another."""

    def __init__(self, county: County, data: Path) -> None:
        self.county, self.data, self.clock = county, data, VirtualClock(T0)
        self.service: Control | None = None
        self.edges = {one.id: ScriptedEdge(county, one.id, self.clock) for one in county.edges}

    @contextlib.asynccontextmanager
    async def control(self) -> AsyncIterator[Lighting]:
        database = open_database(self.data / "control.sqlite")
        roster = load_roster(self.county.folder / "people", [area.id for area in self.county.areas])
        control = Control(self.county, roster, clock=self.clock, database=database, data_dir=self.data)
        async with running(control):
            await control.ready()
            self.service = control
            yield control.front.lighting
            assert await control.front.writer.read(verify) is None, "the audit chain is broken"
        database.close()

    async def until(self, condition: Callable[[], Any], seconds: float = 120) -> Any:
        """Move county time on until it is so."""
        for n in range(round(seconds / 0.5)):
            await self.clock.advance(0.5)
            if n % 20 == 0:
                self.heartbeat()
            await asyncio.sleep(0.01)
            found = condition()
            if asyncio.iscoroutine(found):
                found = await found
            if found:
                return found
        raise AssertionError(f"still not so after {seconds} county seconds")

    async def moving(self) -> None:
        """County time goes on until cancelled."""
        while True:
            self.heartbeat()
            await self.clock.advance(0.5)
            await asyncio.sleep(0.01)

    def heartbeat(self) -> None:
        """Whoever does not know them yet asks for their births."""
        for edge in self.edges.values():
            edge.say(**{UNLIKE: edge.values[UNLIKE]})

    async def there(self, lights: Lighting) -> None:
        await self.until(lambda: all(said.alive for said in lights.desk.said.values()))

    async def rolled(self, lights: Lighting, phase: Phase) -> Any:
        await self.until(lambda: lights.desk.rollout is not None and lights.desk.rollout.phase is not Phase.RUNNING)
        assert lights.desk.rollout is not None
        assert lights.desk.rollout.phase is phase, lights.desk.rollout.reason
        return lights.desk.rollout


@contextlib.asynccontextmanager
async def running(part: Control | MqttTransport) -> AsyncIterator[None]:
    task = asyncio.create_task(part.run())
    try:
        yield
    finally:
        await asyncio.wait_for(part.stop(), 20)
        await task


async def twice(ask: Callable[..., Any], wanted: Activation, reason: str) -> Any:
    """Asked about and confirmed: the roll-out."""
    asked = await ask(wanted, "工程师", reason)
    return (await ask(wanted, "工程师", reason, asked.token)).rollout


async def first_plan(town: Town, lights: Lighting, plan: Plan) -> None:
    await town.there(lights)
    version = (await lights.take(plan, "工程师", "初版")).version
    await twice(lights.activate, Activation(version=version, at_once=True, **QUICK), "初版")
    await town.rolled(lights, Phase.DONE)
