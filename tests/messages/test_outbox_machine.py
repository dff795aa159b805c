"""Outbox and sender against a model vendor, with failures and crashes at every point, in virtual time.

What must hold: nothing is lost, a letter goes twice only where a crash or a missing answer explains it, the vendor's minute is
never overfull and keeps its reserve, and nobody is woken for what was answered.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import Connection, select

from control.messages import deliveries, outbox
from control.messages.port import Letter, Limits, Outcome, Receipt
from control.messages.sender import Sender
from control.store.tables import delivery, letter, notification
from lampwell.clock import VirtualClock

from .conftest import T0, Memory, notice, sender_of, to, work

T = TypeVar("T")
LIMITS = Limits(per_minute=8, reserve=3, per_second=2, pause_s=60)
HEALTHY = Receipt(outcome=Outcome.SENT)
TROUBLES = {
    "sent": HEALTHY,
    "busy": Receipt(outcome=Outcome.RETRY),
    "throttled": Receipt(outcome=Outcome.RETRY, retry_after_s=120.0),
    "429": Receipt(outcome=Outcome.RETRY, code="429"),
    "silent": Receipt(outcome=Outcome.UNKNOWN),
    "lost": Receipt(outcome=Outcome.UNKNOWN),
    "broken": Receipt(outcome=Outcome.BROKEN),
    "dead": Receipt(outcome=Outcome.DEAD),
    "fault": HEALTHY,
    "killed before": HEALTHY,
    "killed after": HEALTHY,
}
ARRIVES = {"sent", "silent", "fault", "killed after"}
MAY_REPEAT = {"silent", "lost", "fault", "killed before", "killed after"}


class Killed(BaseException):
    """kill -9."""


class Disk(Memory):
    """May lose power before, or just after, it has committed."""

    def __init__(self) -> None:
        super().__init__()
        self.dies = ""

    async def write(self, work: Callable[[Connection], T]) -> T:
        dies, self.dies = self.dies, ""
        if dies == "before":
            raise Killed
        result = await super().write(work)
        if dies == "after":
            raise Killed
        return result


class Model:
    """A vendor that remembers which deliveries each letter carried, and checks what it is handed."""

    kind = "dingtalk"

    def __init__(self, name: str, memory: Memory, clock: VirtualClock, answered: set[int]) -> None:
        self.name, self.limits, self.memory, self.clock, self.answered = name, LIMITS, memory, clock, answered
        self.plan: list[str] = []
        self.handed: list[tuple[int, int]] = []
        self.arrived: Counter[int] = Counter()
        self.excused: Counter[int] = Counter()
        self.wrong: list[str] = []  # a raise here would count as a fault of the channel's own

    async def send(self, sent: Letter) -> Receipt:
        self.handed.append((self.clock.now(), sent.priority))
        rows = self.memory.ask(self._carried)
        self.wrong += [] if rows else ["a letter without its rows: it could not be counted after a crash"]
        for row in rows:
            if row.kind != "clear" and row.occurrence in self.answered:
                self.wrong.append(f"#{row.occurrence} was answered, yet somebody is told")
            if (row.priority == 1) != (sent.priority == 1):
                self.wrong.append("a red alarm was mixed with others")
        plan = self.plan.pop(0) if self.plan else "sent"
        ids = [row.id for row in rows]
        self.arrived.update(ids if plan in ARRIVES else ())
        self.excused.update(ids if plan in MAY_REPEAT else ())
        if plan.startswith("killed"):
            raise Killed
        if plan == "fault":
            raise RuntimeError("a channel with a fault of its own")
        return TROUBLES[plan]

    def _carried(self, connection: Connection) -> list[Any]:
        """The rows of the newest letter: an older open one was left by a crash."""
        mine = select(letter.c.id).where(letter.c.channel == self.name, letter.c.outcome == "")
        query = (
            select(delivery.c.id, delivery.c.letter, notification.c.occurrence, notification.c.kind, notification.c.priority)
            .join(notification, notification.c.id == delivery.c.notification)
            .where(delivery.c.letter.in_(mine), delivery.c.state == "leased")
        )
        rows = list(connection.execute(query.order_by(delivery.c.lease_until.desc())))
        return [row for row in rows if row.letter == rows[0].letter]

    async def close(self) -> None: ...


async def _end() -> None:
    """What a killed process had under way ends with it."""
    tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


class OutboxMachine(RuleBasedStateMachine):
    @initialize()
    def begin(self) -> None:
        self.runner = asyncio.Runner()
        self.clock, self.disk = VirtualClock(T0), Disk()
        self.answered: set[int] = set()
        self.vendors = {name: Model(name, self.disk, self.clock, self.answered) for name in ("d", "s")}
        self.crashes, self.number = 0, 0
        self.troubled = False
        self.sender = self._sender()

    def _sender(self) -> Sender:
        return sender_of(self.disk, self.clock, *self.vendors.values())

    @rule(
        priority=st.integers(1, 4),
        group=st.sampled_from(["a", "b", "c"]),
        kind=st.sampled_from(["raise", "raise", "escalate", "clear"]),
        wait=st.sampled_from([0, 0, 5_000, 30_000]),
        persons=st.integers(1, 3),
        has_other_way=st.booleans(),
        count=st.sampled_from([1, 1, 2, 6]),
    )
    def tell(self, priority: int, group: str, kind: str, wait: int, persons: int, has_other_way: bool, count: int) -> None:
        for _ in range(count):
            self.number += 1
            now = self.clock.now()
            one = notice(
                self.number, priority, kind, group_key=group, created=now, release=now + wait, expires=now + 2 * 3_600_000
            )
            ways = (("s", "1"),) if has_other_way else ()
            self.disk.put(one, *(to("d", f"{n % 2}", f"p{n}", *ways) for n in range(persons)))

    @precondition(lambda self: self.number)
    @rule(data=st.data())
    def answer(self, data: st.DataObject) -> None:
        number = data.draw(st.integers(1, self.number))
        self.disk.ask(lambda connection: outbox.stop(connection, number, self.clock.now()))
        self.answered.add(number)

    def answer_what_a_crash_left(self) -> None:
        leased = select(notification.c.occurrence).join(delivery).where(delivery.c.state == "leased")
        for number in self.disk.ask(lambda connection: list(connection.scalars(leased))):
            self.disk.ask(lambda connection, number=number: outbox.stop(connection, number, self.clock.now()))
            self.answered.add(number)

    @rule(name=st.sampled_from(["d", "d", "s"]), plan=st.lists(st.sampled_from(sorted(TROUBLES)), min_size=1, max_size=4))
    def trouble(self, name: str, plan: list[str]) -> None:
        self.vendors[name].plan += plan
        self.troubled = True

    @rule(name=st.sampled_from(["d", "s"]), when=st.sampled_from(["killed before", "killed after"]), answered=st.booleans())
    def kill(self, name: str, when: str, answered: bool) -> None:
        """With a letter under way; and perhaps somebody answers before the next sender finds it."""
        self.vendors[name].plan.insert(0, when)
        crashes = self.crashes
        self.pass_time(3)
        if answered and self.crashes > crashes:
            self.answer_what_a_crash_left()

    @rule(when=st.sampled_from(["before", "after"]))
    def power_cut(self, when: str) -> None:
        self.disk.dies = when

    @rule(seconds=st.sampled_from([1, 1, 3, 10, 70]))
    def pass_time(self, seconds: int) -> None:
        for _ in range(seconds):
            self._second()

    def _second(self) -> None:
        before = {name: len(vendor.handed) for name, vendor in self.vendors.items()}
        try:
            self.runner.run(work(self.sender, self.clock, 1))
        except Killed:
            self._crashed(before)
            self.clock.elapsed += 1

    def _crashed(self, before: dict[str, int]) -> None:
        """Whatever was under way at that moment may go once more. A new sender finds only the database."""
        self.crashes += 1
        for row in self.disk.ask(
            lambda connection: connection.execute(select(delivery).where(delivery.c.state == "leased")).all()
        ):
            self.vendors[row.channel].excused[row.id] += 1
        self.runner.run(_end())
        self.sender = self._sender()

    @invariant()
    def the_minute_is_never_overfull(self) -> None:
        for vendor in getattr(self, "vendors", {}).values():
            for n, (at, priority) in enumerate(vendor.handed):
                minute = sum(at - 60_000 < other for other, _ in vendor.handed[: n + 1])
                assert minute <= (LIMITS.per_minute if priority == 1 else LIMITS.per_minute - LIMITS.reserve)
                assert sum(at - 1_000 < other for other, _ in vendor.handed[: n + 1]) <= LIMITS.per_second

    @invariant()
    def nobody_is_told_what_is_wrong(self) -> None:
        assert [each for vendor in getattr(self, "vendors", {}).values() for each in vendor.wrong] == []

    @invariant()
    def a_repeat_has_its_reason(self) -> None:
        for vendor in getattr(self, "vendors", {}).values():
            for number, times in vendor.arrived.items():
                assert times <= 1 + vendor.excused[number], f"delivery {number} arrived {times} times"

    def teardown(self) -> None:
        if not hasattr(self, "runner"):
            return
        try:
            self._everyone_is_told()
        finally:
            self.runner.close()
            self.disk.engine.dispose()

    def _everyone_is_told(self) -> None:
        """The vendors heal: within twenty minutes each person has been told, or there is a reason in the outbox."""
        for vendor in self.vendors.values():
            vendor.plan.clear()
        self.disk.dies = ""
        for _ in range(400):
            self._second()
            self.clock.elapsed += 2
        self.the_minute_is_never_overfull()
        self.a_repeat_has_its_reason()
        self.nobody_is_told_what_is_wrong()
        rows = self.disk.ask(lambda connection: deliveries.listing(connection, most=100_000))
        reached: dict[tuple[int, str], set[str]] = {}
        for row in rows:
            arrived = self.vendors[row.channel].arrived[row.id]
            assert row.state in {"sent", "unknown", "dead", "cancelled"}, f"{row.state} after twenty minutes: {row}"
            assert arrived or row.state != "sent", "counted as sent, yet it never arrived"
            assert row.state != "cancelled" or row.occurrence in self.answered
            reached.setdefault((row.occurrence, row.person), set()).add(row.state)
        for (number, person), states in reached.items():
            explained = bool(states & {"sent", "unknown", "cancelled"}) or self.troubled
            assert explained, f"{person} was never told of #{number}: {states}"


OutboxMachine.TestCase.settings = settings(max_examples=50, stateful_step_count=25, deadline=None)
TestOutbox = pytest.mark.slow(OutboxMachine.TestCase)
