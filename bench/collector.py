"""The collector's way from the bytes of a 40-metric payload to stored rows: values a second, CPU and bytes a value, both stores.

Everything of the collector runs as in production (decoding, live values, deduplication, batches, store); only the broker is
left out: payloads made beforehand by a real edge session are handed over as the transport would.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench.influxd import Influxd
from collector.app import Collector
from lampwell.assets import Broker, County, HistorySettings
from lampwell.clock import SystemClock
from lampwell.history import open_history
from lampwell.points import Point
from lampwell.readings import Layout, NodeId, Scan
from lampwell.sparkplug.edge import EdgeSession
from lampwell.sparkplug.messages import Message

NODE = NodeId("oldtown", "edge-1")
POINTS = tuple(Point(path=f"loop{i // 4 + 1}/{'iupe'[i % 4]}", unit="A") for i in range(40))
DEVICES = [Layout(NODE, f"cabinet-{n:02d}", POINTS) for n in range(1, 26)]
T0 = 1_780_000_200_000
CHUNK, MOST_WAITING = 40, 240_000


def payloads(scans: int) -> Iterator[Message]:
    """Births, then so many data messages: registers with two decimals that wander, all 40 of a device changing each time."""
    session = EdgeSession(Layout(NODE, "", ()), bd_seq=-1, journal="bench", host_id="bench")
    session.will(T0)
    yield from session.connected(T0, journal_first=0, acknowledged={})
    levels = {layout.device: [random.uniform(0, 300) for _ in POINTS] for layout in DEVICES}
    for layout in DEVICES:
        yield from session.device_born(layout, Scan(layout, T0, (), (), ()))
    index, flags = tuple(range(40)), (0,) * 40
    for n in range(scans):
        layout = DEVICES[n % len(DEVICES)]
        row = levels[layout.device]
        row[:] = [round(max(0.0, value + random.gauss(0, 0.5)), 2) for value in row]
        scan = Scan(layout, T0 + n // len(DEVICES) * 1000, index, tuple(row), flags, 1 << 32 | n + 1, "bench")
        message = session.scan(scan)
        assert message is not None, "not born"
        yield message


def county(history: HistorySettings, folder: Path) -> County:
    """A county without anything in it, and with a broker that is not there."""
    nothing: dict[str, Any] = dict.fromkeys(("areas", "roads", "edges", "links", "devices"), ())
    where = {"latitude": 26.8, "longitude": 114.9, "time_zone": "Asia/Shanghai"}
    broker = Broker(host="127.0.0.1", port=9)
    return County(id="bench", zh="", en="", folder=folder, broker=broker, history=history, **where, **nothing)


async def collect(messages: list[Message], settings: HistorySettings, folder: Path) -> dict[str, float]:
    """Hand over all messages as fast as they are taken; wait until the last is stored."""
    history = open_history(settings, folder, clock=SystemClock())
    collector = Collector(county(settings, folder), history, clock=SystemClock())
    running = asyncio.create_task(collector.run())
    await asyncio.sleep(0.1)
    values = (len(messages) - len(DEVICES) - 1) * 40
    began, cpu = time.perf_counter(), time.process_time()
    for start in range(0, len(messages), CHUNK):
        for message in messages[start : start + CHUNK]:
            collector.on_message(message.topic, message.payload)
        await asyncio.sleep(0)
        await until(lambda: collector.status().ingest.waiting <= MOST_WAITING)
    await until(lambda: collector.status().ingest.stored >= values)
    took, used = time.perf_counter() - began, time.process_time() - cpu
    status = collector.status()
    assert status.ingest.stored == values, status
    await collector.stop()
    await running
    await history.maintain(T0 + 10**10)
    await history.maintain(T0 + 10**10)
    await history.close()
    return {"values_per_s": round(values / took), "cpu_us_per_value": round(used / values * 1e6, 2), "values": values}


async def until(condition: Callable[[], bool]) -> None:
    """Poll: the collector has no reason to signal how full it is."""
    while not condition():  # noqa: ASYNC110
        await asyncio.sleep(0.002)


async def _embedded(messages: list[Message]) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        result = await collect(messages, HistorySettings(), Path(folder))
        size = sum(file.stat().st_size for file in Path(folder).glob("history.duckdb*"))  # noqa: ASYNC240 - after the run
        return result | {"bytes_per_value": round(size / result["values"], 2)}


async def _influx(messages: list[Message]) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        server = Influxd(Path(folder))
        server.start()
        try:
            return await collect(messages, HistorySettings(store="influx", url=server.url), Path(folder))
        finally:
            server.stop()


def run(quick: bool) -> dict[str, Any]:
    """Measure both stores; ``quick``: a third of the load."""
    import uvloop

    logging_off()
    random.seed(1)
    messages = list(payloads(20_000 if quick else 60_000))
    duckdb, influx = uvloop.run(_embedded(messages)), uvloop.run(_influx(messages))
    print(f"{'store':<10}{'values/s':>12}{'CPU µs/value':>14}{'B/value':>10}")
    for name, row in (("duckdb", duckdb), ("influxdb", influx)):
        print(f"{name:<10}{row['values_per_s']:>12,}{row['cpu_us_per_value']:>14}{row.get('bytes_per_value', ''):>10}")
    return {
        "duckdb": duckdb,
        "influxdb": influx,
        "targets": {
            "40-metric payloads into the embedded store, values/s": [duckdb["values_per_s"], 250_000, ">="],
            "bytes a value on disk, roll-ups included": [duckdb["bytes_per_value"], 8, "<="],
            "40-metric payloads into InfluxDB 1.6, values/s": [influx["values_per_s"], 200_000, ">="],
        },
    }


def logging_off() -> None:
    """The broker that is not there is meant."""
    import logging

    logging.disable(logging.ERROR)


def main() -> int:
    """``python -m bench.collector [--quick]``."""
    parser = argparse.ArgumentParser(prog="bench.collector")
    parser.add_argument("--quick", action="store_true")
    print(json.dumps(run(parser.parse_args().quick)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
