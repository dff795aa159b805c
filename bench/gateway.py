"""The gateway: what one value costs it, how many it can carry, a thousand units each second.

A real gateway process (quality, deadband, journal on) is alone on the last core; the Modbus server, a real mosquitto and a host
that decodes everything and acknowledges it share the first. A value is one register polled, whether it changed or not.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import psutil
import uvloop

from bench.county_files import EDGE
from bench.gateway_county import POINTS, write_county
from bench.gateway_parts import until
from lampwell.assets import Broker
from lampwell.readings import NodeId
from lampwell.sparkplug.host import HostSession
from lampwell.sparkplug.messages import Message, ScanReceived, Subscription
from lampwell.sparkplug.transport import MqttTransport

UNITS, THOUSAND = 50, 1000
ALL, FEW = "all changing, 100,000/s", "5 % changing, 100,000/s"
MOST, MANY = "as fast as it goes", "1,000 units each second"
OURS, OTHERS = (os.cpu_count() or 1) - 1, 0


@dataclass
class Host:
    """Takes everything, notes when each device was heard, acknowledges about once a second."""

    broker: Broker
    scans: int = 0
    readings: int = 0
    historical: int = 0
    heard: dict[str, list[float]] = field(default_factory=dict)
    floors: dict[tuple[NodeId, str, int], int] = field(default_factory=dict)
    early: dict[tuple[NodeId, str, int], set[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.session = HostSession("lampwell")
        self.transport = MqttTransport(self.broker, "bench-host", self)

    @contextlib.asynccontextmanager
    async def running(self) -> Any:
        tasks = [asyncio.create_task(self.transport.run()), asyncio.create_task(self._acknowledge())]
        await until(lambda: self.transport.connected, 20)
        yield self
        await self.transport.stop()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def will(self) -> Message:
        return self.session.will(_now())

    def subscriptions(self) -> tuple[Subscription, ...]:
        return self.session.subscriptions()

    def on_connected(self) -> None:
        self._send(self.session.connected(_now()))

    def on_disconnected(self, reason: str) -> None: ...

    def on_message(self, topic: str, payload: bytes) -> None:
        messages, events = self.session.received(topic, payload, _now())
        self._send(messages)
        for event in events:
            if isinstance(event, ScanReceived):
                self._take(event)

    def farewell(self) -> Iterable[Message]:
        return self.session.leave(_now())

    def _take(self, event: ScanReceived) -> None:
        scan = event.scan
        self.historical += scan.historical
        if scan.offset is None or scan.journal is None:
            return
        self._account((scan.layout.node, scan.journal, scan.offset >> 32), scan.offset & 0xFFFFFFFF)
        if scan.layout.device:
            self.scans += 1
            self.readings += len(scan.index)
            self.heard.setdefault(scan.layout.device, []).append(time.monotonic())

    def _account(self, key: tuple[NodeId, str, int], row: int) -> None:
        floor, early = self.floors.get(key, 0), self.early.setdefault(key, set())
        if row > floor:
            early.add(row)
        while floor + 1 in early:
            floor += 1
            early.discard(floor)
        self.floors[key] = floor

    async def _acknowledge(self) -> None:
        while True:
            await asyncio.sleep(1)
            for (node, journal, segment), floor in self.floors.items():
                self._send([self.session.stored(node, journal, segment << 32 | floor, _now())])
            self._send(self.session.tick(_now()))

    def _send(self, messages: Iterable[Message]) -> None:
        for message in messages:
            self.transport.publish(message)


def _now() -> int:
    return time.time_ns() // 1_000_000


# -- processes -----------------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _process(core: int, *command: str, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """A child on one core, gone afterwards."""
    with subprocess.Popen(command, text=True, **options) as process:
        os.sched_setaffinity(process.pid, {core})  # before it can have started any thread
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


@contextlib.contextmanager
def _field(change: str) -> Iterator[int]:
    command = (sys.executable, "-m", "bench.gateway_parts", "field", "--change", change)
    with _process(OTHERS, *command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        yield int(process.stdout.readline())


@contextlib.contextmanager
def _mosquitto(folder: Path) -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    config = folder / "mosquitto.conf"
    config.write_text(f"listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\nmax_queued_messages 0\n")
    program = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin") or "mosquitto"
    with _process(OTHERS, program, "-c", str(config), stderr=subprocess.DEVNULL):
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.02)
        yield port


# -- one case ------------------------------------------------------------------------------------------------------------------


async def _case(units: int, interval_s: float, change: str, seconds: float, settle_s: float = 3.0) -> dict[str, Any]:
    """Run a gateway over that field and weigh it for so many seconds once every unit was heard."""
    with tempfile.TemporaryDirectory(prefix="lampwell-bench-") as name, _field(change) as port, _mosquitto(Path(name)) as broker:
        folder = write_county(Path(name) / "county", broker=broker, field=port, units=units, interval_s=interval_s)
        async with Host(Broker(host="127.0.0.1", port=broker)).running() as host:
            command = (sys.executable, "-m", "gateway", str(folder), "--edge", EDGE, "--data", f"{name}/data")
            with (Path(name) / "gateway.log").open("w") as log, _process(OURS, *command, stdout=log, stderr=log) as process:
                began = time.monotonic()
                await until(lambda: len(host.heard) == units, 90)
                first_s = max(times[0] for times in host.heard.values()) - began if len(host.heard) == units else None
                await asyncio.sleep(settle_s)
                weighed = await _weigh(psutil.Process(process.pid), host, seconds)
        return {**weighed, **_gaps(host, interval_s, seconds, units), "first_s": first_s, "historical": host.historical}


async def _weigh(process: psutil.Process, host: Host, seconds: float) -> dict[str, Any]:
    host.heard = {device: [] for device in host.heard}
    scans, before, began = host.scans, process.cpu_times(), time.monotonic()
    await asyncio.sleep(seconds)
    after, over_s, count = process.cpu_times(), time.monotonic() - began, host.scans - scans
    cpu_s = after.user + after.system - before.user - before.system
    values = count * POINTS
    return {
        "values_a_s": round(values / over_s),
        "cpu_percent": round(100 * cpu_s / over_s, 1),
        "us_a_value": round(1e6 * cpu_s / values, 2) if values else None,
        "rss_mb": round(process.memory_info().rss / 1e6),
    }


def _gaps(host: Host, interval_s: float, seconds: float, units: int) -> dict[str, Any]:
    """How many of the wanted scans came within 1.2 intervals of the one before, and the worst gap."""
    gaps = [b - a for times in host.heard.values() for a, b in pairwise(times)]
    wanted = units * (seconds / interval_s - 1)
    on_time = sum(gap <= 1.2 * interval_s for gap in gaps)
    return {
        "on_time_percent": round(min(100.0, 100 * on_time / wanted), 2),
        "worst_gap_ms": round(1000 * max(gaps)) if gaps else None,
    }


async def _baseline(part: str, interval_s: float, seconds: float) -> dict[str, Any]:
    """One of the loops that the gateway is compared with, on the gateway's core and the same field."""
    with tempfile.TemporaryDirectory(prefix="lampwell-bench-") as name, _field("all") as port, _mosquitto(Path(name)) as broker:
        folder = write_county(Path(name) / "county", broker=broker, field=port, units=UNITS, interval_s=interval_s)
        options = ("--folder", str(folder), "--seconds", str(seconds), "--interval", str(interval_s))
        command = (sys.executable, "-m", "bench.gateway_parts", part, *options)
        with _process(OURS, *command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            line = await asyncio.to_thread(process.stdout.readline)
    weighed = json.loads(line)
    return {
        "values_a_s": round(weighed["values"] / weighed["seconds"]),
        "cpu_percent": round(100 * weighed["cpu_s"] / weighed["seconds"], 1),
        "us_a_value": round(1e6 * weighed["cpu_s"] / weighed["values"], 2),
    }


async def _all(*, quick: bool) -> dict[str, dict[str, Any]]:
    os.sched_setaffinity(0, {OTHERS})
    seconds = 4.0 if quick else 15.0
    return {
        ALL: await _case(UNITS, 0.02, "all", seconds),
        FEW: await _case(UNITS, 0.02, "5%", seconds),
        "all changing, 20,000/s": await _case(UNITS, 0.1, "all", seconds),
        "5 % changing, 20,000/s": await _case(UNITS, 0.1, "5%", seconds),
        MOST: await _case(UNITS, 0.005, "all", seconds),
        MANY: await _case(THOUSAND, 1.0, "all", max(seconds, 6.0)),
        "bare loop, 100,000/s": await _baseline("bare", 0.02, seconds),
        "pymodbus on uvloop, read only": await _baseline("pymodbus", 0.02, seconds),
    }


def run(*, quick: bool) -> dict[str, Any]:
    """All cases and their limits."""
    found = uvloop.run(_all(quick=quick))
    most, many = found[MOST], found[MANY]
    targets = {
        "µs CPU a value, all changing": [found[ALL]["us_a_value"], 7, "<="],
        "µs CPU a value, 5 % changing": [found[FEW]["us_a_value"], 4, "<="],
        "values a second through one process": [most["values_a_s"], 100_000, ">="],
        "1,000 units: CPU, % of a core": [many["cpu_percent"], 60, "<="],
        "1,000 units: scans on time, %": [many["on_time_percent"], 99, ">="],
        "1,000 units: first value of the last unit, s": [many["first_s"], 2, "<="],
    }
    return {"cases": found, "targets": targets}


def main() -> None:
    """A table and a JSON line."""
    parser = argparse.ArgumentParser(prog="bench.gateway", description=__doc__)
    parser.add_argument("--quick", action="store_true")
    result = run(quick=parser.parse_args().quick)
    columns = ("values_a_s", "us_a_value", "cpu_percent", "rss_mb", "first_s", "on_time_percent", "worst_gap_ms", "historical")
    print(f"{'case':<32}" + "".join(f"{column:>16}" for column in columns))
    for name, case in result["cases"].items():
        print(f"{name:<32}" + "".join(f"{_shown(case.get(column)):>16}" for column in columns))
    print(json.dumps(result))


def _shown(value: object) -> str:
    return "" if value is None else f"{value:.2f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
