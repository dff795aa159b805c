"""Real input, end to end: fifty recorded street floods through sensors' registers, the gateway and the broker into both stores.

What is allowed between a record and the store, and nothing else:

* the register's resolution: 1 mm (the radar), so a value is at most 0.5 mm off; the ultrasonic's float32 is finer;
* the deadband: a change below 2 mm is not reported, so between reports the store may be up to 2 mm behind;
* time: a sensor is polled every 10 s or faster and the field moves once a second, so a change is in the store at most
  13 s after the record's time. A sample that was replaced before that may be missed; the test counts those.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
from bisect import bisect_right
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from collector.app import Collector
from gateway.app import Gateway
from lampwell.assets import County, HistorySettings
from lampwell.clock import VirtualClock
from lampwell.county import load
from lampwell.history import open_history
from lampwell.history.port import History, SeriesId
from lampwell.points import Value
from lampwell.readings import NodeId, Scan
from simulators.app import Simulation
from simulators.port import FaultInfo

from .conftest import free_port

RECORD = next(iter(sorted(Path(__file__).parents[3].glob("*/data/street-floods-dev.jsonl.gz"))), None)
COUNT, LONGEST_S = 50, 2400
BEGIN_S = 30
INTERVAL_S, FIELD_S, STEP_S = 10.0, 1.0, 2.0
LATE_S = INTERVAL_S + FIELD_S + STEP_S
ROUNDING_M, DEADBAND_M = 0.0005 + 1e-6, 0.002
QUIET_TURNS = 3
LINKS, START_MS = 10, 1_780_000_000_000
EDGE = NodeId("town", "edge-1")


@dataclass(frozen=True)
class Flood:
    """One recorded event: seconds from its start, depth in metres."""

    event: str
    t_s: Sequence[float]
    depth_m: Sequence[float]

    def span(self, begin: float, end: float) -> list[float]:
        """Every depth that held at some instant from ``begin`` to ``end``; 0 before the record."""
        first, last = bisect_right(self.t_s, begin), bisect_right(self.t_s, end)
        return ([0.0] if first == 0 else []) + list(self.depth_m[max(first - 1, 0) : last])


def floods(path: Path) -> list[Flood]:
    """Fifty rain floods of at most forty minutes, spread evenly over all of those."""
    with gzip.open(path, "rt") as lines:
        events = [e for e in map(json.loads, lines) if e["kind"] == "rain" and e["t_s"][-1] <= LONGEST_S]
    events.sort(key=lambda e: e["event"])
    chosen = [events[i * len(events) // COUNT] for i in range(COUNT)]
    return [Flood(e["event"], e["t_s"], [cm / 100 for cm in e["depth_cm"]]) for e in chosen]


# -- a county of fifty ponding points --------------------------------------------------------------------------------------


def make_county(folder: Path, broker: int) -> County:
    """Fifty ponding points of two makes on ten links, five of them RTU, with the demo county's settings for ponding points."""
    folder.mkdir()
    places = [("tcp" if n % 2 else "rtu-over-tcp", free_port()) for n in range(LINKS)]
    (folder / "county.toml").write_text(
        f'id = "floods"\nzh = "积水县"\nen = "Floods"\nlatitude = 26.8\nlongitude = 114.9\ntime_zone = "Asia/Shanghai"\n'
        f'[broker]\nhost = "127.0.0.1"\nport = {broker}\n[[area]]\nid = "town"\nzh = "城区"\nen = "Town"\n'
        '[[edge]]\nid = "edge-1"\narea = "town"\nzh = "网关"\nen = "Gateway"\n'
        '[[road]]\nid = "road"\nzh = "路"\nen = "Road"\nroad_class = "main"\narea = "town"\n',
        "utf-8",
    )
    shipped = Path(__file__).parents[2] / "counties/taihe/defaults.toml"
    (folder / "defaults.toml").write_text(shipped.read_text("utf-8"), "utf-8")
    links = [f"line-{n},edge-1,{kind},127.0.0.1,{port},5,115200" for n, (kind, port) in enumerate(places)]
    (folder / "links.csv").write_text("\n".join(["id,edge,transport,host,port,timeout_s,baud", *links]), "utf-8")
    devices = [
        f"ponding-{n},ponding,{'radar-level' if n % 3 else 'ultrasonic-level'},line-{n % LINKS},{n // LINKS + 1},town,road,3.5"
        for n in range(COUNT)
    ]
    (folder / "devices.csv").write_text("\n".join(["id,kind,profile,link,unit,area,road,parameters.mount_m", *devices]), "utf-8")
    return load(folder)


class DryPlant:
    """A level sensor over a dry street; its level comes from the record."""

    values: Mapping[str, Value | None] = {"level": 0.0, "status": 0, "air_gap": 3.5, "range": 7.0, "blind_zone": 0.2}

    def write(self, path: str, value: Value) -> None:
        raise NotImplementedError


@dataclass
class DryWorld:
    """No weather, no network: the records are the physics."""

    plants: Mapping[str, DryPlant]

    async def advance(self, now: int) -> None: ...

    def faults(self) -> tuple[FaultInfo, ...]:
        return ()

    def fault(self, target: str, name: str, *, on: bool = True, value: float | None = None) -> None: ...

    def storm(self, return_period: float, minutes: float | None = None) -> None: ...

    def truth(self) -> Mapping[str, float]:
        return {}

    async def close(self) -> None: ...


# -- the stores ------------------------------------------------------------------------------------------------------------


@dataclass
class Both:
    """Every batch of the collector into both stores, as one store; ``seen`` are the journal offsets stored."""

    stores: Sequence[History]
    seen: set[int] = field(default_factory=set)

    async def append(self, scans: Sequence[Scan], progress: Mapping[str, str]) -> None:
        for store in self.stores:
            await store.append(scans, progress)
        self.seen.update(scan.offset for scan in scans if scan.offset is not None)

    async def quarantine(self, scan: Scan, reason: str, now: int) -> None:
        raise AssertionError(f"{scan.layout.device}: {reason}")

    async def progress(self) -> Mapping[str, str]:
        return await self.stores[0].progress()

    async def maintain(self, now: int) -> None:
        for store in self.stores:
            await store.maintain(now)


@contextlib.asynccontextmanager
async def running(*parts: Simulation | Gateway | Collector) -> AsyncIterator[None]:
    """The parts while they run; the last started is stopped first. What one of them raised is raised here."""
    tasks = [asyncio.create_task(part.run()) for part in parts]
    try:
        yield
    finally:
        for part in reversed(parts):
            await asyncio.wait_for(part.stop(), 30)
        await asyncio.gather(*tasks)


async def live(clock: VirtualClock, seconds: float, simulation: Simulation) -> None:
    """Move county time on step by step, each time waiting until the field has answered whatever was asked.

    So a slow machine makes the test longer, never the polls late. An RTU answer counts after the silence behind it (about 4 ms
    at this baud rate), so nothing must have been asked for longer than that.
    """
    for _ in range(round(seconds / STEP_S)):
        await clock.advance(STEP_S)
        before, quiet = -1, 0
        while quiet < QUIET_TURNS:
            await asyncio.sleep(0.004)
            now = sum(link.requests for link in simulation.status().links)
            before, quiet = now, quiet + 1 if now == before else 0


@pytest.mark.slow
@pytest.mark.skipif(RECORD is None, reason="the recorded floods are not beside this repository")
async def test_fifty_real_floods_arrive_in_both_stores(tmp_path: Path, broker_port: int, influx_port: int) -> None:
    """Depths and times in DuckDB and in InfluxDB equal the records within rounding, deadband and one poll; nothing is missing."""
    assert RECORD is not None
    records = floods(RECORD)
    county = make_county(tmp_path / "county", broker_port)
    clock = VirtualClock(start_ms=START_MS)
    influx = HistorySettings(store="influx", url=f"http://127.0.0.1:{influx_port}", database="floods")
    stores = [open_history(s, tmp_path / s.store, clock=clock) for s in (HistorySettings(store="duckdb"), influx)]
    both = Both(stores)
    replay = [f"ponding-{n}={RECORD}:{flood.event}" for n, flood in enumerate(records)]
    world = DryWorld({device.id: DryPlant() for device in county.devices})
    simulation = Simulation(county, clock=clock, data_dir=tmp_path / "sim", world=world, replay=replay, replay_after_s=BEGIN_S)
    gateway = Gateway(county, "edge-1", clock=clock, data_dir=tmp_path / "edge-1")
    async with running(Collector(county, both, clock=clock), simulation, gateway):  # type: ignore[arg-type]
        await asyncio.wait_for(simulation.ready(), 30)
        await live(clock, BEGIN_S + LONGEST_S + 60, simulation)
        assert gateway.status().broker
        accepted = gateway.status().scans
        async with asyncio.timeout(60):  # the field goes on speaking, so what is waited for is what was said up to here
            while len(both.seen) < accepted:
                await live(clock, STEP_S, simulation)
    stored = [await levels(store, range(COUNT)) for store in stores]
    for store in stores:
        await store.close()
    assert len(both.seen) >= accepted, "a scan that the gateway accepted is in no store"
    assert {offset & 0xFFFFFFFF for offset in both.seen} == set(range(1, len(both.seen) + 1)), "the journal's rows have gaps"
    assert stored[0] == stored[1], "the two stores differ"
    verdicts = [verdict(flood, readings) for flood, readings in zip(records, stored[0], strict=True)]
    wrong = [f"{flood.event}: {text}" for flood, (_, texts) in zip(records, verdicts, strict=True) for text in texts]
    assert not wrong, f"{len(wrong)} faults\n" + "\n".join(wrong[:20])
    samples = sum(len(flood.t_s) for flood in records)
    checked = sum(count for count, _ in verdicts)
    assert checked >= 0.99 * samples, f"only {checked} of {samples} samples stood long enough to be polled"


Reading = tuple[int, float]


async def levels(store: History, numbers: range) -> list[list[Reading]]:
    """The stored readings of every ponding point: (ms since the records began, depth in metres)."""
    begin = START_MS + BEGIN_S * 1000
    result = []
    for n in numbers:
        found = await store.readings(SeriesId(EDGE, f"ponding-{n}", "level"), 0, 2 * START_MS)
        assert None not in found.value, f"ponding-{n}: a reading without a value"
        result.append([(t - begin, float(v)) for t, v in zip(found.time, found.value, strict=True)])  # type: ignore[arg-type]
    return result


def verdict(flood: Flood, readings: Sequence[Reading]) -> tuple[int, list[str]]:
    """How many samples were checked, and what is wrong: readings that were never in the record, samples not in the store."""
    wrong = []
    for at, depth in readings:
        held = flood.span(at / 1000 - FIELD_S - STEP_S, at / 1000)
        if not any(abs(depth - true) <= ROUNDING_M for true in held):
            wrong.append(f"{depth} m at {at / 1000} s was never in the record (then: {held})")
    times = [at / 1000 for at, _ in readings]
    ends = [*flood.t_s[1:], flood.t_s[-1] + 60]
    checked = 0
    for t, end, true in zip(flood.t_s, ends, flood.depth_m, strict=True):
        if end - t < LATE_S:
            continue
        checked += 1
        known = bisect_right(times, t + LATE_S)
        if not known or abs(readings[known - 1][1] - true) > DEADBAND_M + ROUNDING_M:
            wrong.append(
                f"{true} m from {t} s on is not in the store {LATE_S} s later: {readings[max(0, known - 2) : known + 1]}"
            )
    return checked, wrong
