"""A duty desk without a broker: an engine, people, an outbox on a real file, all in virtual time."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from bench.influxd import free_port
from bench.mosquitto import Mosquitto
from control.alarms.engine import Engine
from control.alarms.model import Alarm, Condition, Evidence, Place, Priority, Rule, Text, Timing
from control.desk import Desk
from control.duty import Duty
from control.people.roster import Contact, Crew, Person, Policy, Roster, Rota, Step
from control.repairs import Repairs
from control.staff import Staff
from control.store import journal
from control.store.database import open_database
from control.store.tables import delivery, notification
from control.store.writer import Writer
from lampwell.assets import Broker
from lampwell.clock import VirtualClock

ZONE = ZoneInfo("Asia/Shanghai")
MINUTE, HOUR = 60_000, 3_600_000
T0 = 1_780_000_000_000  # 2026-05-29 04:26 county time

PEOPLE = tuple(
    Person(id=name, zh=f"{name}先生", role=role)
    for name, role in (("a", "duty"), ("b", "duty"), ("boss", "leader"), ("fix", "crew"), ("group", "viewer"))
)
ROSTER = Roster(
    persons=PEOPLE,
    contacts=tuple(Contact(person=one.id, channel="sms", address=f"1990000000{n}") for n, one in enumerate(PEOPLE)),
    crews=tuple(
        Crew(id=name, zh=zh, areas=("x",), skill=skill, members=("fix", "group"))
        for name, zh, skill in (("night", "夜班", "drainage"), ("lamps", "路灯班", "lighting"))
    ),
    rotas=(Rota(id="office", zh="值班室", starts=("00:00", "12:00"), cycle=(("a",), ("b",)), anchor="2026-01-01"),),
    policies=(
        Policy(
            id="red",
            zh="红",
            priorities=(1, 2, 3, 4),
            steps=(
                Step(after_s=0, targets=("duty:office",)),
                Step(after_s=180, targets=("deputy:office",)),
                Step(after_s=480, targets=("leader",)),
            ),
        ),
    ),
)


def an_alarm(
    key: str, priority: int = 1, *, parents: tuple[str, ...] = (), order: str = "", latching: bool = False, **more: Any
) -> Alarm:
    """An alarm that is true or false, at a ponding point of area x, without delays."""
    place = Place(**({"area": "x", "device": "p1", "kind": "ponding", "text": Text(zh="桥下", en="underpass")} | more))
    rule = Rule(
        id=key.partition("@")[0],
        priority=Priority(priority),
        text=Text(zh="积水", en="flood"),
        timing=Timing(realarm_s=1800.0),
        order=order,
        latching=latching,
        cause=Text(zh="暴雨"),
        response=Text(zh="封路"),
    )
    return Alarm(key=key, rule=rule, place=place, parents=parents)


class Room:
    """One life of the desk over a file. ``say`` is the field; ``letters`` is what stands in the outbox."""

    def __init__(self, file: Path, clock: VirtualClock, alarms: list[Alarm]) -> None:
        self.file, self.clock, self.alarms = file, clock, alarms
        self.lamp: Callable[[str, str], Evidence | None] = lambda _device, _point: None

    async def open(self, roster: Roster = ROSTER) -> None:
        """Begin a life."""
        self.database = open_database(self.file)
        self.writer, now = Writer(self.database), self.clock.now()
        kept = await self.writer.read(lambda connection: journal.load(connection, now))
        county: Any = SimpleNamespace(time_zone="Asia/Shanghai", areas=[SimpleNamespace(id="x")])
        self.staff = Staff(county, self.writer, self.clock)
        await self.staff.begin(roster)
        self.desk = Desk(Engine(self.alarms, kept.states, number=kept.number), kept, self.writer, self.clock)
        self.duty = Duty(self.staff, self.writer, self.clock, wake=lambda: None)
        self.repairs = Repairs(
            self.staff, self.writer, self.clock, desk=self.desk, newest=lambda device, point: self.lamp(device, point)
        )
        await self.duty.resume(self.desk)
        self.desk.followers += [self.duty, self.repairs]
        self.desk.begin()

    async def close(self) -> None:
        """End it, in good order."""
        await self.writer.close()
        self.database.close()

    async def restart(self, after_s: float = 0.0) -> None:
        """A stop of so long."""
        await self.close()
        await self.clock.advance(after_s)
        await self.open(self.staff.roster)

    async def say(self, key: str, value: bool | None) -> None:
        """The field says so now."""
        self.desk.observe([Condition(key=key, time=self.clock.now(), value=value)])
        await self.written()

    async def wait(self, seconds: float, step_s: float = 5.0) -> None:
        """Let time pass, with the ticks of control."""
        for _ in range(round(seconds / step_s)):
            await self.clock.advance(step_s)
            self.desk.tick()
            self.duty.tick(self.desk)
            await self.written()

    async def written(self) -> None:
        """Everything decided is on disk."""
        await self.writer.write(lambda _: None)  # the writer keeps the order

    async def outbox(self) -> list[tuple[str, str, str]]:
        """(kind, person, state) in the order in which they were put."""
        query = (
            select(notification.c.kind, delivery.c.person, delivery.c.state)
            .join(notification, notification.c.id == delivery.c.notification)
            .order_by(delivery.c.id)
        )
        return [tuple(row) for row in await self.writer.read(lambda connection: connection.execute(query).all())]

    async def told(self) -> list[tuple[str, str]]:
        """(kind, person) of everything that was put."""
        return [(kind, person) for kind, person, _ in await self.outbox()]

    async def sent(self) -> None:
        """A sender has taken everything."""
        await self.writer.write(
            lambda connection: connection.execute(
                delivery.update().where(delivery.c.state == "queued").values(state="sent", sent_at=self.clock.now())
            )
        )


@asynccontextmanager
async def _room(file: Path, *alarms: Alarm, roster: Roster = ROSTER, start: int = T0) -> AsyncIterator[Room]:
    room = Room(file, VirtualClock(start), list(alarms))
    await room.open(roster)
    try:
        yield room
    finally:
        await room.close()


@pytest.fixture
def room(tmp_path: Path) -> Callable[..., Any]:
    """``async with room(alarm, …) as here``."""
    return lambda *alarms, **more: _room(tmp_path / "state.sqlite", *alarms, **more)


@pytest.fixture
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    server = Mosquitto(tmp_path_factory.mktemp("mosquitto"), free_port())
    server.start()
    yield server.broker
    server.kill()
