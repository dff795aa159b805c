"""The lighting desk: what edge nodes say comes in, orders go out and are followed, a version of the plan is rolled out.

What nodes say is taken at once, in memory, and written a moment later; what a roll-out decides is on disk before it is done.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence

from sqlalchemy import Connection

from control.lighting import owed, stepper
from control.lighting.agreement import longest_ms
from control.lighting.book import OrderBook, Send
from control.lighting.following import Followed
from control.lighting.heard import EdgeSaid, Listener, News
from control.lighting.places import Places
from control.lighting.rollout import Fact, Goal, Owed, Phase, Rollout, asked, number_of
from control.lighting.shelf import Shelf
from control.requests import NotDone
from control.store import lighting as store
from control.store.lighting_orders import put_order
from control.store.writer import Writer
from lampwell.clock import Clock
from lampwell.errors import LampwellError
from lampwell.lighting.documents import PlanRefused
from lampwell.lighting.standing import Standing
from lampwell.lighting.wire import Order, Said, TakePlan
from lampwell.sparkplug.messages import HostEvent

log = logging.getLogger(__name__)

TICK_S = 1.0
MOST_PAST = 100
"""Roll-outs whose plans are recognised when an edge node confirms one."""
Tell = Callable[[Connection, Rollout, Sequence[Owed], int], None]
Wake = Callable[[], None]


class LightDesk:
    """``orders`` takes and follows those for edge nodes; ``send`` sends one (see ``OrderBook``). ``tell``: what else is written
    when a roll-out has stopped by itself, or one that is done is in trouble with whom it owes; ``wake`` is called when that is on
    disk.
    """

    def __init__(
        self, places: Places, writer: Writer, clock: Clock, send: Send, *, tell: Tell | None = None, wake: Wake | None = None
    ) -> None:
        self.places, self.shelf = places, Shelf(places, writer)
        self.rollout: Rollout | None = None
        self.asked: dict[str, str] = {}
        self._past: list[Rollout] = []
        self.orders = OrderBook(places.node_of, writer, clock, send, self._there)
        self._writer, self._clock = writer, clock
        self._tell, self._wake = tell or _nothing, wake or _nothing
        self._listener = Listener({node: edge for edge, node in places.node_of.items()})
        self._rolling = asyncio.Lock()

    async def begin(self) -> None:
        """Take up what an earlier life left: orders under way, a roll-out, what edge nodes last said. StateError."""
        past = await self._writer.read(lambda connection: store.past_rollouts(connection, MOST_PAST))
        self._past = [one.rollout for one in past]
        self.rollout = self._past[0] if past else None
        known = await self._writer.read(store.load_edges)
        self.asked = {edge: asked for edge, (asked, _) in known.items()}
        self._listener.said = {edge: said for edge, (_, said) in known.items()}
        await self.orders.begin(self.rollout.id if self.rollout else "")

    # -- looking -----------------------------------------------------------------------------------------------------------

    @property
    def said(self) -> Mapping[str, EdgeSaid]:
        """What each edge node last said."""
        return self._listener.everyone

    @property
    def standing(self) -> Standing:
        """What stands above the programs, as the edge nodes tell it."""
        return self._listener.standing

    def _there(self) -> set[str]:
        return {edge for edge, said in self.said.items() if said.alive}

    def holds(self, edge: str, plan: str) -> tuple[int, Goal] | None:
        """The version, and which part of it, behind what an edge node was asked for or confirms; None = not one of ours."""
        found = ((each.version, goal) for each in self._past for stage in each.stages for goal in stage.goals)
        return next(((version, goal) for version, goal in found if goal.edge == edge and goal.plan == plan), None)

    async def next_revision(self) -> int:
        """The number for the next document: above every one that was sent, and every one that an edge node has."""
        sent_last = await self._writer.read(store.last_revision)
        return max(sent_last, *(number_of(said.plan) for said in self.said.values()), 0) + 1

    # -- what is heard -----------------------------------------------------------------------------------------------------

    def event(self, event: HostEvent, now: int) -> None:
        """Something came off the wire."""
        if (news := self._listener.event(event)) is not None:
            self._heard(news, now)

    def broker(self, connected: bool, now: int) -> None:  # noqa: ARG002 - both are told to every hearer
        """The broker is there or away: away, nothing is known of any node; back, they will be heard of."""
        if not connected:
            self._listener.lost()

    def _heard(self, news: News, now: int) -> None:
        said = news.said
        self.orders.keep(lambda connection: store.keep_edge(connection, news.edge, said))
        for outcome in news.outcomes:
            self.orders.answer(outcome, now)

    # -- rolling out -------------------------------------------------------------------------------------------------------

    async def roll(self, rollout: Rollout, who: str, reason: str) -> Rollout:
        """Begin a roll-out. NotDone while another one runs; StateError."""
        async with self._rolling:
            self.refuse_second()
            now = self._clock.now()
            await self._writer.write(lambda connection: store.begin_rollout(connection, rollout, at=now, who=who, reason=reason))
            if self.rollout is not None:
                self.orders.withdraw(self.rollout.id, now)
            self.rollout = rollout
            self._past.insert(0, rollout)
        await self._step()
        return self.rollout

    def refuse_second(self) -> None:
        """NotDone while a roll-out runs."""
        if self.rollout is not None and self.rollout.phase is Phase.RUNNING:
            raise NotDone(
                f"版本 {self.rollout.version} 正在下发 version {self.rollout.version} is being rolled out; "
                "先停止 stop it first: lampwell light stop"
            )

    async def stop(self, who: str, reason: str) -> Rollout:
        """End the roll-out that runs; what was confirmed stays. NotDone where none runs; StateError."""
        async with self._rolling:
            if self.rollout is None or self.rollout.phase is not Phase.RUNNING:
                raise NotDone("没有正在进行的下发 no roll-out is under way")
            now = self._clock.now()
            after = stepper.stopped(self.rollout, Said(zh=f"{who} 停止：{reason}", en=f"stopped by {who}: {reason}"), now)
            await self._writer.write(lambda connection: store.keep_rollout(connection, after, at=now, who=who))
            self.rollout = after
            self.orders.withdraw(after.id, now)
            return after

    async def run(self) -> None:
        """Follow orders and roll-outs until cancelled."""
        while True:
            try:
                self.orders.follow(self._clock.now())
                await self._step()
            except LampwellError as error:  # the state is away, mostly
                log.error("the lighting desk waits: %s", error)
            await self._clock.sleep(TICK_S)

    async def _step(self) -> None:
        async with self._rolling:
            if self.rollout is None:
                return
            now = self._clock.now()
            after, goals = stepper.step(self.rollout, self._facts(), now)
            if after is self.rollout or after == self.rollout:
                return
            after, orders = await self._ordered(after, goals, now)
            plans = {edge: goal.plan for edge, goal in asked(after).items()}
            troubled = owed.troubled(self.rollout, after) if after.phase is Phase.DONE else ()

            def keep(connection: Connection) -> None:
                _kept(connection, after, orders, plans, now)
                if after.phase is Phase.STOPPED or troubled:
                    self._tell(connection, after, troubled, now)

            await self._writer.write(keep)
            if after.phase is Phase.STOPPED or troubled:
                self._wake()
            self._tell_log(after, troubled)
            if after.phase is Phase.STOPPED:
                self.orders.withdraw(after.id, now)
            self.rollout = after
            self.asked.update(plans)
            self.orders.add(orders)

    def _tell_log(self, after: Rollout, troubled: Sequence[Owed]) -> None:
        if after.phase is Phase.STOPPED:
            log.error("roll-out of version %d has stopped: %s %s", after.version, after.reason.zh, after.reason.en)
        for one in troubled:
            log.error("version %d, owed to %s: %s %s", after.version, one.edge, one.trouble.zh, one.trouble.en)

    async def _ordered(self, rollout: Rollout, goals: Sequence[Goal], now: int) -> tuple[Rollout, list[Followed]]:
        """The orders for these goals; where a document can not be made the roll-out fails. StateError."""
        try:
            return rollout, [await self._order(rollout, goal, now) for goal in goals]
        except (PlanRefused, NotDone) as error:
            why = Said(zh=f"方案无法生成：{error}", en=f"no document can be made: {error}")
            return stepper.failed(rollout, goals, why, now), []

    async def _order(self, rollout: Rollout, goal: Goal, now: int) -> Followed:
        document = await self.shelf.document(rollout.version, goal)
        order = Order(
            id=goal.order,
            who=f"version {rollout.version}",
            issued=now,
            expires=now + longest_ms(rollout),  # it is taken back when the roll-out ends before
            do=TakePlan(document=document),
        )
        return Followed(order=order, edge=goal.edge, request=rollout.id)

    def _facts(self) -> Mapping[str, Fact]:
        return {edge: _fact(said, self.orders.refused) for edge, said in self.said.items()}


def _nothing(*_: object) -> None:
    pass


def _fact(said: EdgeSaid, refused: Mapping[str, Said]) -> Fact:
    """What is known now: nothing of a node that is not known to be there."""
    if not said.alive:
        return Fact(refused=refused)
    return Fact(there=True, plan=said.plan if said.plan_at is not None else None, unlike=said.unlike, refused=refused)


def _kept(connection: Connection, rollout: Rollout, orders: Sequence[Followed], asked: Mapping[str, str], now: int) -> None:
    """A step of a roll-out, in one transaction with its orders: each has one id, whenever control ends and however often it is
    asked for.
    """
    store.keep_rollout(connection, rollout, at=now)
    for one in orders:
        put_order(connection, one, f"version {rollout.version}", "")
    for edge, plan in asked.items():
        store.keep_asked(connection, edge, plan)
