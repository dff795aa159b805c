"""Small words for message tests: facts, notices, a vendor that answers as told, a database in memory, a sender on a clock."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import StaticPool

from control.messages import deliveries, outbox
from control.messages.compose import Facts
from control.messages.outbox import Notice, To
from control.messages.port import Letter, Limits, Outcome, Receipt
from control.messages.sender import Sender
from control.store.tables import metadata
from lampwell.clock import VirtualClock

T = TypeVar("T")
ZONE = ZoneInfo("Asia/Shanghai")
T0 = 1_780_000_000_000


def about(number: int = 7, priority: int = 1, kind: str = "raise", **more: Any) -> Facts:
    """Facts of a wet well that stands at its red level; anything can be said otherwise."""
    said: dict[str, Any] = {
        "place_zh": "澄江泵站",
        "place_en": "Station",
        "zh": "集水井达红色水位",
        "en": "Wet well: red",
        "value": "5.2/5.2 m",
        "time": T0,
    }
    return Facts(kind=kind, number=number, priority=priority, **(said | more))


def notice(number: int | None = 7, priority: int = 1, kind: str = "raise", **more: Any) -> Notice:
    """A notice of that, due at once."""
    said: dict[str, Any] = {
        "step": "0.0",
        "group_key": "device:a",
        "created": T0,
        "release": T0,
        "expires": T0 + 1_800_000,
        "facts": about(number or 0, priority, kind),
    }
    return Notice(occurrence=number, **(said | more))


def to(channel: str = "d", address: str = "-", person: str = "a", *fallback: tuple[str, str]) -> To:
    return To(person=person, channel=channel, address=address, fallback=fallback)


class Memory:
    """A database in memory, asked in the test's own thread; each write is one transaction."""

    def __init__(self) -> None:
        self.engine = create_engine("sqlite://", poolclass=StaticPool)
        metadata.create_all(self.engine)

    @contextmanager
    def begin(self) -> Iterator[Connection]:
        with self.engine.begin() as connection:
            yield connection

    async def write(self, work: Callable[[Connection], T]) -> T:
        with self.engine.begin() as connection:
            return work(connection)

    async def read(self, work: Callable[[Connection], T]) -> T:
        with self.engine.connect() as connection:
            try:
                return work(connection)
            finally:
                connection.rollback()

    def put(self, one: Notice, *whom: To) -> int | None:
        with self.begin() as connection:
            return outbox.put(connection, one, whom or (to(),))

    def ask(self, work: Callable[[Connection], T]) -> T:
        with self.begin() as connection:
            return work(connection)

    def states(self) -> Counter[str]:
        return Counter(row.state for row in self.ask(lambda connection: deliveries.listing(connection, most=5_000)))


class Vendor:
    """Answers as it is told, the last answer for ever; keeps what it was sent and when."""

    def __init__(
        self, name: str, *answers: Outcome | Receipt, clock: VirtualClock, limits: Limits | None = None, kind: str = "dingtalk"
    ) -> None:
        self.name, self.kind, self.limits, self.clock = name, kind, limits or Limits(), clock
        self.letters: list[Letter] = []
        self.times: list[int] = []
        self.answers = list(answers) or [Outcome.SENT]

    async def send(self, letter: Letter) -> Receipt:
        self.letters.append(letter)
        self.times.append(self.clock.now())
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return answer if isinstance(answer, Receipt) else Receipt(outcome=answer, reason="as told")

    async def close(self) -> None: ...


def sender_of(memory: Memory, clock: VirtualClock, *vendors: Any, **more: Any) -> Sender:
    return Sender(memory, {one.name: one for one in vendors}, clock, ZONE, rng=lambda: 0.5, **more)


async def work(sender: Sender, clock: VirtualClock, seconds: float = 1, step: float = 1) -> None:
    """What ``run`` does, so long, a look every ``step`` seconds."""
    for _ in range(round(seconds / step)):
        await sender.keep()
        await sender.round()
        await sender.idle()
        clock.elapsed += step


@pytest.fixture
def memory() -> Iterator[Memory]:
    made = Memory()
    yield made
    made.engine.dispose()


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(T0)
