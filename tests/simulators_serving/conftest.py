"""A small county whose physics are a table of numbers, so that every answer on the wire is known beforehand."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from lampwell.assets import Area, Broker, County, Device, DeviceKind, EdgeNode, HistorySettings, Intervals, Link, Transport
from lampwell.clock import Clock, SystemClock
from lampwell.points import Kind, Point, Value
from lampwell.profiles.model import Encoding, Order, Profile, Register, Space, Window, WireType, WriteLimits
from simulators.app import Simulation
from simulators.port import FaultInfo, FaultRefused

VALUES: Mapping[str, Value | None] = {
    "u16": 40001,
    "i16": -1234,
    "scaled": 221.3,
    "u32": 3_000_000_001,
    "u32-cdab": 3_000_000_001,
    "i32-badc": -70_000,
    "f32": 9.875,
    "f32-cdab": -0.15625,
    "f32-dcba": 9.875,
    "u64": 2**40 + 7,
    "f64": 1 / 3,
    "flag-a": True,
    "flag-b": False,
    "field": 5,
    "text": "LW-7",
    "missing": None,
    "setpoint": 12.5,
    "mode": 2,
    "run": True,
    "stop": False,
    "door": True,
    "float": False,
}


def register(
    path: str, space: Space, address: int, encoding: Encoding, write: WriteLimits | None = None, kind: Kind = Kind.FLOAT
) -> Register:
    return Register(
        point=Point(path=path, kind=kind, writable=write is not None),
        space=space,
        address=address,
        encoding=encoding,
        write=write,
    )


def make_profile() -> Profile:
    e, t = Encoding, WireType
    i, h = Space.INPUT, Space.HOLDING
    registers = (
        register("u16", i, 0, e(type=t.U16), kind=Kind.INT),
        register("i16", i, 1, e(type=t.I16), kind=Kind.INT),
        register("scaled", i, 2, e(type=t.U16, scale=0.1)),
        register("u32", i, 3, e(type=t.U32), kind=Kind.INT),
        register("u32-cdab", i, 5, e(type=t.U32, order=Order.CDAB), kind=Kind.INT),
        register("i32-badc", i, 7, e(type=t.I32, order=Order.BADC), kind=Kind.INT),
        register("f32", i, 9, e(type=t.F32)),
        register("f32-cdab", i, 11, e(type=t.F32, order=Order.CDAB)),
        register("f32-dcba", i, 13, e(type=t.F32, order=Order.DCBA)),
        register("u64", i, 15, e(type=t.U64), kind=Kind.INT),
        register("f64", i, 19, e(type=t.F64)),
        register("flag-a", i, 30, e(type=t.BITS, bit=3), kind=Kind.BOOL),
        register("flag-b", i, 30, e(type=t.BITS, bit=4), kind=Kind.BOOL),
        register("field", i, 30, e(type=t.BITS, bit=8, width=3), kind=Kind.INT),
        register("text", i, 31, e(type=t.TEXT, words=3), kind=Kind.TEXT),
        register("missing", i, 34, e(type=t.U16, sentinels=(0xFFFF,)), kind=Kind.INT),
        register("setpoint", h, 0, e(type=t.F32), WriteLimits(low=0, high=50)),
        register("mode", h, 2, e(type=t.U16), WriteLimits(low=0, high=3), kind=Kind.INT),
        register("u16", h, 100, e(type=t.U16), kind=Kind.INT),
        register("i16", h, 101, e(type=t.I16), kind=Kind.INT),
        register("run", Space.COIL, 0, e(type=t.BOOL), WriteLimits(), kind=Kind.BOOL),
        register("stop", Space.COIL, 1, e(type=t.BOOL), WriteLimits(pulse=True), kind=Kind.BOOL),
        register("door", Space.DISCRETE, 0, e(type=t.BOOL), kind=Kind.BOOL),
        register("float", Space.DISCRETE, 9, e(type=t.BOOL), kind=Kind.BOOL),
    )
    windows = (
        Window(space=i, first=0, last=40, max_count=30),
        Window(space=h, first=0, last=9),
        Window(space=h, first=100, last=101, bridge=False),
        Window(space=Space.COIL, first=0, last=1),
        Window(space=Space.DISCRETE, first=0, last=15),
    )
    return Profile(id="tester", zh="试验装置", en="test device", source="composed", registers=registers, windows=windows)


@dataclass
class TablePlant:
    """A device that reports a table and takes any write."""

    table: dict[str, Value | None] = field(default_factory=lambda: dict(VALUES))
    refuse: bool = False

    @property
    def values(self) -> Mapping[str, Value | None]:
        return self.table

    def write(self, path: str, value: Value) -> None:
        if self.refuse:
            raise ValueError("not now")
        self.table[path] = value


@dataclass
class TableWorld:
    """A world of tables with one field fault, ``cabinet-01/loop1 open``."""

    plants: dict[str, TablePlant]
    set: dict[tuple[str, str], float | None] = field(default_factory=dict)
    storms: list[tuple[float, float | None]] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    closed: bool = False

    async def advance(self, now: int) -> None:
        self.times.append(now)

    def faults(self) -> tuple[FaultInfo, ...]:
        return (
            FaultInfo("cabinet-01/loop1", "open", "回路断开", "loop open"),
            FaultInfo("cabinet-01", "door", "柜门打开", "door open"),
        )

    def fault(self, target: str, name: str, *, on: bool = True, value: float | None = None) -> None:
        if (target, name) not in {(f.target, f.name) for f in self.faults()}:
            raise FaultRefused(f"{target} {name}")
        if on:
            self.set[target, name] = value
        else:
            self.set.pop((target, name), None)

    def storm(self, return_period: float, minutes: float | None = None) -> None:
        self.storms.append((return_period, minutes))

    def truth(self) -> Mapping[str, float]:
        return {"cabinet-01/depth": 0.25}

    async def close(self) -> None:
        self.closed = True


def make_device(id_: str, link: str, unit: int, profile: Profile | None = None) -> Device:
    return Device(
        id=id_,
        kind=DeviceKind.CABINET,
        profile=profile or make_profile(),
        link=link,
        unit=unit,
        area="east",
        intervals=Intervals(dry_s=10, watch_s=5, storm_s=2),
    )


def make_county(folder: Path, links: tuple[Link, ...], devices: tuple[Device, ...]) -> County:
    return County(
        id="testing",
        zh="试验县",
        en="Testing",
        latitude=26.8,
        longitude=114.9,
        time_zone="Asia/Shanghai",
        folder=folder,
        broker=Broker(host="127.0.0.1", port=1883),
        history=HistorySettings(),
        areas=(Area(id="east", zh="东", en="East"),),
        roads=(),
        edges=(EdgeNode(id="edge-1", area="east"),),
        links=links,
        devices=devices,
    )


TCP = Link(id="tcp-1", edge="edge-1", transport=Transport.TCP, host="127.0.0.1", port=0)
RTU_TCP = Link(id="rtu-tcp-1", edge="edge-1", transport=Transport.RTU_OVER_TCP, host="127.0.0.1", port=0)
RTU = Link(id="rtu-1", edge="edge-1", transport=Transport.RTU, path="tty/rtu-1")


@pytest.fixture
def county(tmp_path: Path) -> County:
    """Three links, one of each transport, with two units each."""
    devices = tuple(
        make_device(f"cabinet-{n:02}", link, unit)
        for n, (link, unit) in enumerate(
            [("tcp-1", 1), ("tcp-1", 2), ("rtu-tcp-1", 1), ("rtu-tcp-1", 7), ("rtu-1", 1), ("rtu-1", 9)], 1
        )
    )
    return make_county(tmp_path, (TCP, RTU_TCP, RTU), devices)


@pytest.fixture
def world(county: County) -> TableWorld:
    """The county's physics."""
    return TableWorld({device.id: TablePlant() for device in county.devices})


Start = Callable[..., "contextlib.AbstractAsyncContextManager[Simulation]"]


@contextlib.asynccontextmanager
async def running(simulation: Simulation) -> AsyncIterator[Simulation]:
    """The simulation while it serves."""
    task = asyncio.ensure_future(simulation.run())
    ready = asyncio.ensure_future(simulation.ready())
    await asyncio.wait((task, ready), return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        ready.cancel()
        task.result()
    try:
        yield simulation
    finally:
        await simulation.stop()
        await task


@pytest.fixture
def start(county: County, world: TableWorld, tmp_path: Path) -> Start:
    """``async with start(...) as simulation``: serve the test county."""

    def begin(*, clock: Clock | None = None, **options: object) -> contextlib.AbstractAsyncContextManager[Simulation]:
        given = {"data_dir": tmp_path / "data", "world": world} | options
        return running(Simulation(county, clock=clock or SystemClock(), **given))  # type: ignore[arg-type]

    return begin


def endpoint(simulation: Simulation, link: str) -> str:
    """Where a link is served: host:port, or the path of its pseudo-terminal."""
    return next(each.endpoint for each in simulation.status().links if each.id == link)


def port_of(simulation: Simulation, link: str) -> int:
    return int(endpoint(simulation, link).rpartition(":")[2])


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
