"""`python -m bench.bus`: a fair bus, and what one read costs.

Fair bus: 50 units of 40 registers behind one TCP address, polled every second, 5 of them dead; healthy values a second and the
worst gap of a healthy unit, against the same bus with all alive. The address is once a server with many units, once a converter
whose serial line a silent unit blocks for a second (10 ms a request, so half of the line is in use). The peer is pymodbus, one
client, one task a unit, on the same servers in the same run: with our timeout and no retries, and with its defaults (3 s, 3).

One read: CPU of this process for a read of 125 registers at 1, 16 and 64 connections, against the same peer. Server processes
are separate and raw, so that they are not the limit.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import uvloop
from pymodbus.client import AsyncModbusTcpClient
from pymodbus.exceptions import ModbusException

from bench.modbus_server import spawned
from gateway.bus import Bus
from gateway.modbus.client import open_link
from gateway.modbus.port import Block
from gateway.plan import plan_device
from gateway.rounds import Answers
from lampwell.assets import Device, DeviceKind, Intervals, Link, Transport
from lampwell.clock import SystemClock
from lampwell.points import Kind, Point
from lampwell.profiles.model import Encoding, Profile, Register, Space, Window, WireType

UNITS, POINTS = 50, 40
DEAD = (3, 13, 23, 33, 43)
TIMEOUT_S = 1.0
LINE_S = 0.010


@dataclass(slots=True)
class News:
    """What the healthy units brought: values, and the worst gap of any of them."""

    healthy: Sequence[int]
    values: int = 0
    worst_gap_s: float = 0.0
    began: float = field(default_factory=time.perf_counter)
    last: dict[int, float] = field(default_factory=dict)

    def bring(self, unit: int, values: int) -> None:
        """One answer of a unit."""
        now = time.perf_counter()
        self.values += values
        self.worst_gap_s = max(self.worst_gap_s, now - self.last.get(unit, self.began))
        self.last[unit] = now

    def close(self) -> None:
        """The run is over: silence until now counts."""
        for unit in self.healthy:
            self.bring(unit, 0)


def device(unit: int, *, link: str = "bench", every_s: float = 1.0) -> Device:
    """A unit of 40 whole-number registers in one block."""
    points = [Point(path=f"p{n}", kind=Kind.INT) for n in range(POINTS)]
    profile = Profile(
        id="bench",
        zh="",
        en="",
        source="bench",
        registers=tuple(
            Register(point=p, space=Space.HOLDING, address=n, encoding=Encoding(type=WireType.U16)) for n, p in enumerate(points)
        ),
        windows=(Window(space=Space.HOLDING, first=0, last=124),),
    )
    intervals = Intervals(dry_s=every_s, watch_s=every_s, storm_s=every_s)
    return Device(id=f"u{unit}", kind=DeviceKind.METER, profile=profile, link=link, unit=unit, area="a", intervals=intervals)


# -- fair bus ------------------------------------------------------------------------------------------------------------------

Poller = Callable[[int, float, Sequence[int]], Awaitable[News]]


def ours(in_flight: int = 1) -> Poller:
    """Our bus with its defaults."""

    async def poll(port: int, seconds: float, healthy: Sequence[int]) -> News:
        link = Link(
            id="bench", edge="e", transport=Transport.TCP, host="127.0.0.1", port=port, timeout_s=TIMEOUT_S, in_flight=in_flight
        )
        plans = [plan_device(device(unit)) for unit in range(1, UNITS + 1)]
        news = News(healthy)

        def on_answers(name: str, _time: int, answers: Answers) -> None:
            news.bring(int(name[1:]), sum(len(block.raw(data)) for block, data in answers if data is not None))

        bus = Bus(link, open_link(link), plans, clock=SystemClock(), on_answers=on_answers)
        task = asyncio.create_task(bus.run())
        await asyncio.sleep(seconds)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        news.close()
        return news

    return poll


def pymodbus(timeout_s: float, retries: int) -> Poller:
    """One client for the address, one task a unit, as its examples do."""

    async def poll(port: int, seconds: float, healthy: Sequence[int]) -> News:
        news = News(healthy)
        client = AsyncModbusTcpClient("127.0.0.1", port=port, timeout=timeout_s, retries=retries)
        await client.connect()

        async def unit_loop(unit: int) -> None:
            due = time.perf_counter() + unit / UNITS
            while True:
                await asyncio.sleep(max(0.0, due - time.perf_counter()))
                due = max(due + 1.0, time.perf_counter())
                try:
                    found = await client.read_holding_registers(0, count=POINTS, device_id=unit)
                except ModbusException:
                    continue
                if not found.isError():
                    news.bring(unit, len(found.registers))

        tasks = [asyncio.create_task(unit_loop(unit)) for unit in range(1, UNITS + 1)]
        await asyncio.sleep(seconds)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        client.close()
        news.close()
        return news

    return poll


POLLERS: dict[str, Poller] = {
    "lampwell": ours(),
    "lampwell, 4 in flight": ours(4),
    "pymodbus, 1 s, no retry": pymodbus(TIMEOUT_S, 0),
    "pymodbus, its defaults": pymodbus(3.0, 3),
}


async def fair(seconds: float) -> list[dict[str, Any]]:
    """All cases at once, each on its own server: the machine is nearly idle with all of them."""
    with ExitStack() as servers:
        cases = [
            (who, where, dead, servers.enter_context(spawned(dead=dead, line_s=line_s, silence_s=TIMEOUT_S)))
            for who in POLLERS
            for where, line_s in (("server", 0.0), ("converter", LINE_S))
            for dead in ((), DEAD)
        ]
        news = await asyncio.gather(
            *(POLLERS[who](port, seconds, [u for u in range(1, UNITS + 1) if u not in DEAD]) for who, _, _, port in cases)
        )
    rows = []
    for (who, where, dead, _), brought in zip(cases, news, strict=True):
        share = (UNITS - len(DEAD)) / UNITS if not dead else 1.0  # of the all-alive run the same 45 units are counted
        row = {"who": who, "where": where, "dead": len(dead), "values_s": round(brought.values * share / seconds)}
        rows.append(row | {"worst_gap_s": round(brought.worst_gap_s, 2)})
    return rows


def kept(rows: list[dict[str, Any]], who: str, where: str) -> float:
    """The share of healthy values that is left when five units are dead."""
    alive, dead = (
        next(r for r in rows if (r["who"], r["where"], r["dead"]) == (who, where, n))["values_s"] for n in (0, len(DEAD))
    )
    return round(dead / alive, 3)


# -- one read ------------------------------------------------------------------------------------------------------------------


async def _read_ours(port: int, connections: int, reads: int) -> float:
    block = Block(Space.HOLDING, 0, 125)
    links = [open_link(Link(id="b", edge="e", transport=Transport.TCP, host="127.0.0.1", port=port)) for _ in range(connections)]
    for link in links:
        await link.connect()

    async def loop(link: Any) -> None:
        for _ in range(reads):
            await link.read(1, block)

    return await _cpu_us([loop(link) for link in links], connections * reads)


async def _read_pymodbus(port: int, connections: int, reads: int) -> float:
    clients = [AsyncModbusTcpClient("127.0.0.1", port=port, retries=0) for _ in range(connections)]
    for client in clients:
        await client.connect()

    async def loop(client: AsyncModbusTcpClient) -> None:
        for _ in range(reads):
            await client.read_holding_registers(0, count=125, device_id=1)

    figure = await _cpu_us([loop(client) for client in clients], connections * reads)
    for client in clients:
        client.close()
    return figure


async def _cpu_us(loops: Sequence[Awaitable[None]], reads: int) -> float:
    began = time.process_time()
    await asyncio.gather(*loops)
    return round(1e6 * (time.process_time() - began) / reads, 1)


def one_read(reads: int) -> list[dict[str, Any]]:
    """CPU microseconds a read, both clients on uvloop, medians of three interleaved rounds."""
    rows = []
    with spawned() as port:
        for connections in (1, 16, 64):
            figures: dict[str, list[float]] = {"lampwell": [], "pymodbus": []}
            for _ in range(3):
                figures["lampwell"].append(uvloop.run(_read_ours(port, connections, reads // connections)))
                figures["pymodbus"].append(uvloop.run(_read_pymodbus(port, connections, reads // connections // 4)))
            rows.append({"connections": connections} | {who: sorted(values)[1] for who, values in figures.items()})
    return rows


# -- the table -----------------------------------------------------------------------------------------------------------------


def run(quick: bool) -> dict[str, Any]:
    """The figures; the tables go to the screen."""
    for noisy in ("pymodbus", "gateway.bus", "gateway.linkstate", "gateway.rounds"):
        logging.getLogger(noisy).setLevel(logging.CRITICAL + 1)
    reads = one_read(4_000 if quick else 40_000)
    print(f"{'connections':<28} {'lampwell us/read':>17} {'pymodbus us/read':>17}")
    for row in reads:
        print(f"{row['connections']:<28} {row['lampwell']:>17} {row['pymodbus']:>17}")
    rows = uvloop.run(fair(10.0 if quick else 60.0))
    print(f"\n{'poller':<28} {'address is a':<12} {'dead':>4} {'healthy values/s':>17} {'worst gap s':>12}")
    for row in rows:
        print(f"{row['who']:<28} {row['where']:<12} {row['dead']:>4} {row['values_s']:>17} {row['worst_gap_s']:>12}")
    shares = {f"{who}, {where}": kept(rows, who, where) for who in POLLERS for where in ("server", "converter")}
    targets = {
        f"healthy share kept with 5 of 50 dead ({where})": [shares[f"lampwell, {where}"], 0.9, ">="]
        for where in ("server", "converter")
    }
    targets["CPU us a read, 16 connections"] = [reads[1]["lampwell"], 15, "<="]
    return {"reads": reads, "fair": rows, "kept": shares, "targets": targets}


def main() -> int:
    """Print the tables, then one line of JSON."""
    parser = argparse.ArgumentParser(prog="bench.bus", description="A fair bus, and what one read costs.")
    parser.add_argument("--quick", action="store_true")
    print(json.dumps(run(parser.parse_args().quick)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
