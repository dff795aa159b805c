"""A whole control on a virtual clock over a real broker, a scripted edge node in the field, a stand-in for the vendors."""

from __future__ import annotations

import asyncio
import shutil
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from bench.scripted_edge import ScriptedEdge
from control.app import Control
from control.messages.settings import load_channels, open_channels
from control.messages.standin import Received, Standin
from control.outgoing import Outgoing
from control.people.files import load_roster
from control.rows import AlarmRow
from control.store.database import open_database
from control.store.tables import occurrence
from lampwell.assets import Broker, County
from lampwell.clock import VirtualClock
from lampwell.county import load
from lampwell.points import Point

T0 = 1_780_000_000_000
TAIHE = Path(__file__).parents[2] / "counties/taihe"
EDGE, PONDING, CABINETS, LAMPS = "edge-oldtown", "ponding-1", range(1, 5), 75


def quarter(folder: Path) -> Path:
    """A part of the demo's county, with its people and channels: one edge node, a low spot, four cabinets with 75 lamps each."""
    county = (TAIHE / "county.toml").read_text("utf-8")
    head, _, rest = county.partition("[[edge]]")
    mine, roads = rest.partition("[[edge]]")[0], rest.partition("[[road]]")[2].partition("\n[[road]]")[0]
    folder.mkdir()
    (folder / "county.toml").write_text(f"{head}[[edge]]{mine}[[road]]{roads}\n", "utf-8")
    for name in ("defaults.toml", "channels.toml"):
        shutil.copy(TAIHE / name, folder / name)
    shutil.copytree(TAIHE / "people", folder / "people")
    links = [f"link-{n},{EDGE},tcp,127.0.0.1,{15_000 + n}" for n in (0, *CABINETS)]
    cabinets = [f"cabinet-{n},cabinet,,link-{n},1,oldtown,baifeng,12,,," for n in CABINETS]
    lamps = [f"concentrator-{n},concentrator,,link-{n},2,oldtown,baifeng,,{LAMPS},cabinet-{n}," for n in CABINETS]
    low = f"{PONDING},ponding,radar-level,link-0,1,oldtown,baifeng,,,,3.5"
    own = "parameters.loops,parameters.lamps,parameters.cabinet,parameters.mount_m"
    _sheet(folder / "links.csv", "id,edge,transport,host,port", links)
    _sheet(folder / "devices.csv", f"id,kind,profile,link,unit,area,road,{own}", [low, *cabinets, *lamps])
    rows = [f"lamp-{n}-{m},cabinet-{n},{1 + m % 2},a,baifeng,P-{n}-{m},180" for n in CABINETS for m in range(LAMPS)]
    _sheet(folder / "lamps.csv", "id,cabinet,loop,phase,road,pole,watts", rows)
    return folder


def _sheet(path: Path, head: str, rows: Sequence[str]) -> None:
    path.write_text("\n".join([head, *rows]) + "\n", "utf-8")


@dataclass
class Room:
    """A duty room on a clock of its own."""

    county: County
    clock: VirtualClock
    control: Control
    edge: ScriptedEdge
    standin: Standin
    database: Any
    said: dict[str, float | None] = field(default_factory=dict)

    async def live(self, seconds: float, step: float = 1.0, settle: int = 3) -> None:
        """Move county time on; whatever was said meanwhile is heard. ``settle``: turns of the loop at each moment; one will do
        where a quarter of a second more or less does not matter, and hours pass in less time.
        """
        for _ in range(round(seconds / step)):
            await self.clock.advance(step, settle=settle)
            await asyncio.sleep(0.0005)

    async def until(self, condition: Callable[[], Any], seconds: float = 120, step: float = 0.5) -> Any:
        """Move county time on until it is so."""
        for _ in range(round(seconds / step)):
            if found := condition():
                return found
            await self.clock.advance(step, settle=3)
            await asyncio.sleep(0.01)
        raise AssertionError(f"still not so after {seconds} county seconds")

    async def say(self, device: str, value: float | None) -> None:
        """A reading, heard by control before time goes on. The same again changes nothing, so nothing shows it."""
        if self.said.get(device, ...) == value:
            self.edge.say(device, value)
            return
        self.said[device] = value
        heard = self.control.front.desk.engine
        before = {key: heard.state(key).time for key in heard.alarms if key.endswith(f"@{device}")}
        self.edge.say(device, value)
        async with asyncio.timeout(15):
            while not any(heard.state(key).time > time for key, time in before.items()):  # noqa: ASYNC110
                await asyncio.sleep(0.0005)

    async def rows(self) -> list[AlarmRow]:
        """The alarm list."""
        return await self.control.front.alarms()

    def lives(self, rule: str) -> list[Any]:
        """Every occurrence that the journal has of a rule, oldest first."""
        query = occurrence.select().where(occurrence.c.key.like(f"{rule}@%")).order_by(occurrence.c.number)
        return list(self.database.read(lambda connection: connection.execute(query).all()))

    def letters(self, *words: str) -> list[Received]:
        """What the vendors received with all these words in it, oldest first."""
        return [one for one in reversed(self.standin.received) if all(word in one.text for word in words)]


@asynccontextmanager
async def room(folder: Path, broker: Broker, devices: Mapping[str, Sequence[Point]]) -> AsyncIterator[Room]:
    """Control of a quarter and its edge node with these devices, both alive and known to each other."""
    county = quarter(folder / "quarter")
    loaded, clock, data = replace(load(county), broker=broker), VirtualClock(T0), folder / "data"
    data.mkdir()
    database = open_database(data / "control.sqlite")
    async with Standin(clock) as standin:
        standin.received = deque()
        channels = open_channels(load_channels(loaded.folder), env={"LAMPWELL_STANDIN_URL": standin.url}, clock=clock)
        roster = load_roster(loaded.folder / "people", [area.id for area in loaded.areas])
        control = Control(loaded, roster, clock=clock, database=database, out=Outgoing(channels=channels), data_dir=data)
        node = ScriptedEdge(loaded, EDGE, devices, clock)
        made = Room(loaded, clock, control, node, standin, database)
        tasks = [asyncio.create_task(part.run()) for part in (control, node)]
        try:
            await control.ready()
            await made.until(lambda: node.is_born)
            await made.live(4)
            yield made
        finally:
            await asyncio.wait_for(node.stop(), 20)
            await asyncio.wait_for(control.stop(), 20)
            await asyncio.gather(*tasks)
            for channel in channels.values():
                await channel.close()
            database.close()
