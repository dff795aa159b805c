"""Control over a real broker: a reading becomes an alarm, the alarm a message, an answer ends it; a restart loses nothing."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from control.app import Control
from control.messages.settings import load_channels, open_channels
from control.messages.standin import Standin
from control.methods import METHODS, SOCKET
from control.outgoing import Outgoing
from control.people.files import load_roster
from control.store.database import open_database
from lampwell.assets import Broker, County
from lampwell.clock import VirtualClock
from lampwell.county import load
from lampwell.local import NotAnswered, connect
from lampwell.points import Point
from lampwell.readings import Layout, Scan
from lampwell.sparkplug.edge import EdgeSession
from lampwell.sparkplug.messages import Message, Subscription
from lampwell.sparkplug.transport import MqttTransport

T0 = 1_780_000_000_000
PONDING = "ponding-1"


class Edge:
    """The old town's edge node with one ponding point, without the polling."""

    def __init__(self, county: County, clock: VirtualClock) -> None:
        node = next(one for one in county.edges if one.id == "edge-oldtown").node
        self.clock = clock
        self.layout = Layout(node, PONDING, (Point(path="level", unit="m"),))
        self.session = EdgeSession(Layout(node, "", (Point(path="uptime"),)), bd_seq=-1, journal="j", host_id=county.host_id)
        self.transport = MqttTransport(county.broker, "edge-test", self, jitter=lambda: 0.1)

    def will(self) -> Message:
        return self.session.will(self.clock.now())

    def subscriptions(self) -> tuple[Subscription, ...]:
        return self.session.subscriptions()

    def on_connected(self) -> None:
        now = self.clock.now()
        for message in self.session.connected(now, journal_first=0, acknowledged={}):
            self.transport.publish(message)
        for message in self.session.device_born(self.layout, Scan(self.layout, now, (0,), (0.0,), (0,))):
            self.transport.publish(message)

    def on_disconnected(self, reason: str) -> None:
        self.session.disconnected()

    def on_message(self, topic: str, payload: bytes) -> None:
        messages, _ = self.session.received(topic, payload, self.clock.now())
        for message in messages:
            self.transport.publish(message)

    def farewell(self) -> list[Message]:
        return self.session.leave(self.clock.now())

    def level(self, value: float | None, flags: int = 0) -> None:
        message = self.session.scan(Scan(self.layout, self.clock.now(), (0,), (value,), (flags,)))
        assert message is not None
        assert self.transport.publish(message)


@contextlib.asynccontextmanager
async def running(part: Control | MqttTransport) -> AsyncIterator[None]:
    task = asyncio.create_task(part.run())
    try:
        yield
    finally:
        await asyncio.wait_for(part.stop(), 20)
        await task


async def until(clock: VirtualClock, condition, seconds: float = 60):  # type: ignore[no-untyped-def]
    """Move county time on until it is so."""
    for _ in range(round(seconds / 0.25)):
        await clock.advance(0.25)
        await asyncio.sleep(0.01)
        if found := await condition():
            return found
    raise AssertionError(f"still not so after {seconds} county seconds")


async def test_from_the_wire_to_a_phone_and_back(tmp_path: Path, broker: Broker) -> None:
    """Red water: one alarm, one message at the vendor, silence of the sensor clears nothing, an answer is kept over a restart."""
    county = replace(load(Path(__file__).parents[2] / "counties/taihe"), broker=broker)
    clock, data = VirtualClock(T0), tmp_path / "data"
    data.mkdir()
    edge = Edge(county, clock)
    async with Standin(clock) as standin, running(edge.transport):

        @contextlib.asynccontextmanager
        async def service() -> AsyncIterator[Control]:
            database = open_database(data / "control.sqlite")
            channels = open_channels(load_channels(county.folder), env={"LAMPWELL_STANDIN_URL": standin.url}, clock=clock)
            roster = load_roster(county.folder / "people", [area.id for area in county.areas])
            control = Control(county, roster, clock=clock, database=database, out=Outgoing(channels=channels), data_dir=data)
            async with running(control):
                await control.ready()
                yield control
            for channel in channels.values():
                await channel.close()
            database.close()

        async def red(control: Control):  # type: ignore[no-untyped-def]
            return [row for row in await control.front.alarms() if row.key == f"ponding-red@{PONDING}"]

        async with service() as control:
            await until(clock, lambda: asyncio.sleep(0, edge.session.is_born))
            for _ in range(8):  # the control's own wish for a rebirth has been heard by now
                await clock.advance(0.25)
                await asyncio.sleep(0.05)
            edge.level(0.45)
            (row,) = await until(clock, lambda: red(control))
            await until(
                clock,
                lambda: asyncio.sleep(0, [one for one in standin.received if "红" in one.text and f"#{row.number}" in one.text]),
            )
            edge.level(None, 1)
            await clock.advance(900)
            assert await red(control), "a sensor that fell silent cleared a flood"
            client = await connect(data, METHODS, SOCKET)
            assert client is not None
            detail = await asyncio.wait_for(client.ask("acknowledge", row.number, "王值班", "去看"), 10)
            assert (detail.row.acked_by, detail.row.state) == ("王值班", "C")
            with pytest.raises(NotAnswered, match="已确认"):
                await client.ask("acknowledge", row.number, "王值班", "")
            client.close()

        async with service() as control:
            (after,) = await red(control)
            assert (after.number, after.acked_by, after.ack_note) == (row.number, "王值班", "去看")
