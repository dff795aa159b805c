"""Real input to real phones: recorded street floods through sensors' registers become alarms of every colour, and messages.

What is allowed between a record's crossing of a level and its alarm: the field's step (1 s), one poll, the alarm's on-delay, and
one more poll where the record jumps by more than the gateway believes of a single sample (``spike_m``: 5 cm). The recorder wrote
about one sample a minute, so most of these floods come in such steps.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import shutil
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from bench.alarms_ledger import Told, told
from control.app import Control
from control.messages.settings import load_channels, open_channels
from control.messages.standin import Standin
from control.outgoing import Outgoing
from control.people.files import load_roster
from control.store.database import open_database
from control.store.tables import occurrence
from gateway.app import Gateway
from lampwell.assets import County
from lampwell.clock import VirtualClock
from lampwell.county import load
from simulators.app import Simulation

from .conftest import free_port
from .test_street_floods import DryPlant, DryWorld

RECORD = next(iter(sorted(Path(__file__).parents[3].glob("*/data/street-floods-dev.jsonl.gz"))), None)
TAIHE = Path(__file__).parents[2] / "counties/taihe"
COLOURS = {"blue": 0.05, "yellow": 0.15, "orange": 0.25, "red": 0.40}
ON_S = {"blue": 20.0, "yellow": 20.0, "orange": 20.0, "red": 0.0}
INTERVAL_S, FIELD_S, STEP_S = 10.0, 1.0, 2.0
CONFIRM_S = INTERVAL_S
LATE_S = FIELD_S + INTERVAL_S + CONFIRM_S + STEP_S
BEGIN_S, SOON_S, AFTER_S, START_MS = 30, 1000, 1500, 1_780_000_000_000
AREAS = ("oldtown", "newtown", "g319")


@dataclass(frozen=True)
class Flood:
    """One recorded event: seconds from its start, depth in metres."""

    event: str
    t_s: Sequence[float]
    depth_m: Sequence[float]

    def crossing(self, level: float, holds_s: float) -> float | None:
        """When the depth first reached a level that it then held for so long; None = never."""
        since = None
        for t, depth in zip((*self.t_s, self.t_s[-1] + 3600), (*self.depth_m, self.depth_m[-1]), strict=True):
            if since is not None and t - since >= holds_s:
                return since
            since = (t if since is None else since) if depth >= level else None
        return None

    def depth(self, at: float) -> float:
        """What the record says then."""
        return next((d for t, d in zip(reversed(self.t_s), reversed(self.depth_m), strict=True) if t <= at), 0.0)


def floods(path: Path) -> list[Flood]:
    """Every rain flood that reaches the red level within its first quarter of an hour, and three that do not reach it."""
    with gzip.open(path, "rt") as lines:
        events = [e for e in map(json.loads, lines) if e["kind"] == "rain"]
    made = [Flood(e["event"], e["t_s"], [cm / 100 for cm in e["depth_cm"]]) for e in events]
    red = [one for one in made if (at := one.crossing(COLOURS["red"], 0)) is not None and at <= SOON_S - 60]
    lower = [one for one in made if COLOURS["orange"] <= max(one.depth_m) < COLOURS["red"] - 0.03 and one.t_s[-1] < 2400]
    return sorted(red, key=lambda one: one.event) + sorted(lower, key=lambda one: one.event)[:3]


def make_county(folder: Path, broker: int, count: int) -> County:
    """As many ponding points of two makes, a link each, with the demo county's settings, rules, people and channels."""
    folder.mkdir()
    areas = "".join(f'[[area]]\nid = "{area}"\nzh = "城区"\nen = "Town"\n' for area in AREAS)
    (folder / "county.toml").write_text(
        f'id = "floods"\nzh = "积水县"\nen = "Floods"\nlatitude = 26.8\nlongitude = 114.9\ntime_zone = "Asia/Shanghai"\n'
        f'[broker]\nhost = "127.0.0.1"\nport = {broker}\n{areas}'
        '[[edge]]\nid = "edge-1"\narea = "oldtown"\nzh = "网关"\nen = "Gateway"\n',
        "utf-8",
    )
    for name in ("defaults.toml", "channels.toml"):
        shutil.copy(TAIHE / name, folder / name)
    shutil.copytree(TAIHE / "people", folder / "people")
    links = [f"line-{n},edge-1,{'tcp' if n % 2 else 'rtu-over-tcp'},127.0.0.1,{free_port()},5,115200" for n in range(count)]
    (folder / "links.csv").write_text("\n".join(["id,edge,transport,host,port,timeout_s,baud", *links]), "utf-8")
    devices = [
        f"ponding-{n},ponding,{'radar-level' if n % 3 else 'ultrasonic-level'},line-{n},1,{AREAS[0]},3.5" for n in range(count)
    ]
    (folder / "devices.csv").write_text("\n".join(["id,kind,profile,link,unit,area,parameters.mount_m", *devices]), "utf-8")
    return load(folder)


@dataclass
class Box:
    """Field, gateway, control and the vendors' stand-in on one virtual clock."""

    clock: VirtualClock
    simulation: Simulation
    control: Control
    standin: Standin
    database: Any

    async def live(self, seconds: float, step: float = STEP_S) -> None:
        """Move county time on, each time until the field has answered whatever was asked."""
        for _ in range(round(seconds / step)):
            await self.clock.advance(step, settle=5)
            before, quiet = -1, 0
            while quiet < 3:
                await asyncio.sleep(0.003)
                now = sum(link.requests for link in self.simulation.status().links)
                before, quiet = now, quiet + 1 if now == before else 0

    def lives(self, rule: str, device: str) -> list[Any]:
        """The occurrences of an alarm, oldest first."""
        query = occurrence.select().where(occurrence.c.key == f"{rule}@{device}").order_by(occurrence.c.number)
        return list(self.database.read(lambda connection: connection.execute(query).all()))


@asynccontextmanager
async def running(folder: Path, county: County, replay: Sequence[str]) -> AsyncIterator[Box]:
    """Everything between a register and a phone, the broker aside."""
    clock, data = VirtualClock(START_MS), folder / "data"
    data.mkdir()
    world = DryWorld({device.id: DryPlant() for device in county.devices})
    simulation = Simulation(county, clock=clock, data_dir=folder / "sim", world=world, replay=replay, replay_after_s=BEGIN_S)
    database = open_database(data / "control.sqlite")
    async with Standin(clock) as standin:
        standin.received = deque()
        channels = open_channels(load_channels(county.folder), env={"LAMPWELL_STANDIN_URL": standin.url}, clock=clock)
        roster = load_roster(county.folder / "people", AREAS)
        control = Control(county, roster, clock=clock, database=database, out=Outgoing(channels=channels), data_dir=data)
        gateway = Gateway(county, "edge-1", clock=clock, data_dir=folder / "edge-1")
        tasks = [asyncio.create_task(part.run()) for part in (control, simulation, gateway)]
        try:
            await asyncio.wait_for(simulation.ready(), 30)
            await control.ready()
            yield Box(clock, simulation, control, standin, database)
        finally:
            for part in (gateway, simulation, control):
                await asyncio.wait_for(part.stop(), 30)
            await asyncio.gather(*tasks)
            for channel in channels.values():
                await channel.close()
            database.close()


@pytest.mark.slow
@pytest.mark.skipif(RECORD is None, reason="the recorded floods are not beside this repository")
async def test_real_floods_reach_people_and_silence_ends_none(tmp_path: Path, broker_port: int) -> None:
    """Protects a county in a storm: each colour in time, every red one with the vendor, and no all-clear from a silent sensor."""
    assert RECORD is not None
    records = floods(RECORD)
    county = make_county(tmp_path / "county", broker_port, len(records))
    replay = [f"ponding-{n}={RECORD}:{flood.event}" for n, flood in enumerate(records)]
    async with running(tmp_path, county, replay) as box:
        await box.live(BEGIN_S + SOON_S)
        checked, wrong = lateness(box, records)
        assert not wrong, "\n".join(wrong)
        assert min(checked.values()) >= 6, checked
        standing = [n for n in range(len(records)) if is_red(box, n)]
        silent, speaking = standing[::2], standing[1::2]
        assert silent
        for n in silent:
            box.simulation.fault(f"ponding-{n}", "silent")
        await box.live(AFTER_S, step=6.0)
        await asyncio.sleep(0.2)
        assert all(is_red(box, n) for n in silent), "a sensor that fell silent cleared a flood"
        gone = [n for n in speaking if max(records[n].depth(SOON_S + at) for at in range(120, AFTER_S, 10)) < 0.36]
        assert not any(is_red(box, n) for n in gone), "what fell dry, and says so, is over"
        letters = await settled(box, tmp_path / "data")
        assert (letters.lost, letters.sent > 0) == (0, True), letters
        reds = [one.number for n in range(len(records)) for one in box.lives("ponding-red", f"ponding-{n}")]
        query = "SELECT count(DISTINCT n.occurrence) FROM notification n JOIN delivery d ON d.notification = n.id"
        where = f"n.kind = 'raise' AND d.state = 'sent' AND n.occurrence IN ({','.join(map(str, reds))})"
        found = box.database.read(lambda connection: connection.exec_driver_sql(f"{query} WHERE {where}").scalar())
        assert found == len(reds), "a red flood that nobody was told of"


async def settled(box: Box, data: Path) -> Told:
    """What became of every message, once those that may still wait for company have gone."""
    for _ in range(12):
        letters = told(data, list(box.standin.received))
        if not letters.lost:
            break
        await box.live(30, step=6.0)
    return letters


def is_red(box: Box, number: int) -> bool:
    """Whether the red alarm of a point stands."""
    return any(one.cleared_at is None for one in box.lives("ponding-red", f"ponding-{number}"))


def lateness(box: Box, records: Sequence[Flood]) -> tuple[dict[str, int], list[str]]:
    """How many crossings of each colour were looked at, and those whose alarm did not come within its time."""
    checked, wrong = dict.fromkeys(COLOURS, 0), []
    for n, flood in enumerate(records):
        for colour, level in COLOURS.items():
            at = flood.crossing(level, ON_S[colour] + LATE_S)
            if at is None or at + ON_S[colour] + LATE_S > SOON_S:
                continue
            checked[colour] += 1
            due = at + ON_S[colour]
            raised = [one.raised_at / 1000 - START_MS / 1000 - BEGIN_S for one in box.lives(f"ponding-{colour}", f"ponding-{n}")]
            if not any(due - FIELD_S <= each <= due + LATE_S for each in raised):
                wrong.append(f"{flood.event} {colour}: crossed at {at} s, raised at {raised}")
    return checked, wrong
