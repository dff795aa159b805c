"""How late a stored row is: from the change of a register to the return of the store's append, the poll interval included.

A real gateway process polls 27 units of 40 registers each second; a real mosquitto; the collector is in this process and writes
to the embedded store. Every register holds the number of the current period, so the instant of each change is known; it is
stored with the first row of its series that is as new. The periods and the interval drift: changes fall into every phase of it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import math
import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import uvloop

from bench.county_files import EDGE
from bench.faults_rig import MOSQUITTO, Service, free_ports
from bench.gateway_county import POINTS, write_county
from bench.gateway_parts import until
from bench.modbus_server import Answers, Connection
from collector.app import Collector
from lampwell.clock import SystemClock
from lampwell.county import load
from lampwell.history import open_history
from lampwell.history.port import History
from lampwell.readings import Scan

UNITS, POLL_S, LIMIT_MS = 27, 1.0, 1300
BUSY, CALM = "new at every poll", "new every 5.3 s"
PERIODS_S = {BUSY: 1.07, CALM: 5.3}
START_S, SETTLE_S, DRAIN_S = 30.0, 4.0, 4.0
PATHS, SCALE = frozenset(f"p{number}" for number in range(POINTS)), 10  # registers are tenths


class Steps(Answers):
    """The field: all registers hold the number of the current period, by wall clock (seconds)."""

    def __init__(self, t0: float, period_s: float) -> None:
        self.t0, self.period_s = t0, period_s

    def number(self, at: float) -> int:
        """The number that holds then."""
        return math.floor((at - self.t0) / self.period_s)

    def began(self, number: int) -> float:
        """When the registers changed to that number."""
        return self.t0 + number * self.period_s

    def answer(self, question: bytes) -> bytes:
        """The answer to unit + PDU, behind the transaction id."""
        count = int.from_bytes(question[4:6], "big")
        words = self.number(time.time()).to_bytes(2, "big") * count
        return b"\0\0" + (3 + 2 * count).to_bytes(2, "big") + question[:2] + bytes((2 * count,)) + words


async def serve(port: int, field: Steps) -> None:
    """Answer on every loopback address until killed."""
    server = await asyncio.get_running_loop().create_server(lambda: Connection(field), "0.0.0.0", port, backlog=4096)
    await server.serve_forever()


@dataclass(slots=True)
class Recorder:
    """A history that notes each append's scans, when it was called and when it returned; all else is the inner one's."""

    inner: History
    appends: list[tuple[Sequence[Scan], float, float]]

    async def append(self, scans: Sequence[Scan], progress: Mapping[str, str]) -> None:
        called = time.time()
        await self.inner.append(scans, progress)
        self.appends.append((scans, called, time.time()))

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)


def changes(recorder: Recorder, steps: Steps, numbers: range) -> Iterator[tuple[float, float, float, float]]:
    """Each change of a register to one of the numbers: when it was, and when its row was scanned, given to the store, stored."""
    newest: dict[tuple[str, str], int] = {}
    for scans, called, returned in recorder.appends:
        for scan in scans:
            for index, value in zip(scan.index, scan.values, strict=True):
                key = (scan.layout.device, scan.layout.points[index].path)
                if key[1] in PATHS and value is not None:
                    before, now = newest.get(key, -1), round(float(value) * SCALE)
                    newest[key] = max(before, now)
                    for number in range(max(before + 1, numbers.start), min(now + 1, numbers.stop)):
                        yield steps.began(number), scan.time / 1000, called, returned


def judge(recorder: Recorder, steps: Steps, numbers: range) -> dict[str, Any]:
    """Milliseconds of each stage, over the changes to these numbers; how many were never stored."""
    found = list(changes(recorder, steps, numbers))
    first, last = steps.began(numbers.start), steps.began(numbers.stop)
    rows = sum(len(scan.index) for scans, _, at in recorder.appends if first <= at < last for scan in scans)
    return {
        "change to row": _spread([stored - began for began, _, _, stored in found]),
        "scan to row": _spread([stored - scanned for _, scanned, _, stored in found]),
        "of it: change to scan": _spread([scanned - began for began, scanned, _, _ in found]),
        "of it: scan to append": _spread([called - scanned for _, scanned, called, _ in found]),
        "of it: append": _spread([stored - called for _, _, called, stored in found]),
        "changes": len(found),
        "never_stored": UNITS * POINTS * len(numbers) - len(found),
        "stored_a_s": round(rows / (last - first)),
    }


def _spread(seconds: list[float]) -> dict[str, float | None]:
    ordered = sorted(1000 * one for one in seconds) or [math.nan]
    at = {"p50": len(ordered) // 2, "p99": int(0.99 * len(ordered)), "max": -1}
    return {name: round(ordered[place], 1) if seconds else None for name, place in at.items()}


@asynccontextmanager
async def _parts(folder: Path, steps: Steps) -> AsyncIterator[Recorder]:
    """Field, broker and gateway as processes, a collector here; all gone afterwards."""
    at_field, at_broker = free_ports(2)
    county = write_county(folder / "county", broker=at_broker, field=at_field, units=UNITS, interval_s=POLL_S)
    (folder / "mosquitto.conf").write_text(MOSQUITTO.format(port=at_broker) + ("user root\n" if os.geteuid() == 0 else ""))
    mosquitto = shutil.which("mosquitto", path="/usr/sbin:/usr/local/sbin:/usr/bin") or "mosquitto"
    python, options = [sys.executable, "-m"], ["--field", str(at_field), str(steps.t0), str(steps.period_s)]
    polling = ["gateway", str(county), "--edge", EDGE, "--data", str(folder / "gateway")]
    async with AsyncExitStack() as stack:
        for service in (
            Service("field", [*python, "bench.latency", *options], folder / "field.log", at_field),
            Service("broker", [mosquitto, "-c", str(folder / "mosquitto.conf")], folder / "broker.log", at_broker),
            Service("gateway", [*python, *polling], folder / "gateway.log"),
        ):
            service.start()
            stack.callback(service.stop)
            if service.port:
                await service.listening()
        history = open_history(load(county).history, folder, clock=SystemClock())
        stack.push_async_callback(history.close)
        recorder = Recorder(history, [])
        collector = Collector(load(county), cast("History", recorder), clock=SystemClock())
        running = asyncio.create_task(collector.run())
        yield recorder
        await collector.stop()
        await running


async def _case(period_s: float, seconds: float) -> dict[str, Any]:
    steps = Steps(time.time(), period_s)
    with tempfile.TemporaryDirectory(prefix="lampwell-latency-") as name:
        async with _parts(Path(name), steps) as recorder:
            await until(lambda: sum(len(scans) for scans, _, _ in recorder.appends) >= 2 * UNITS, START_S)
            first = steps.number(time.time() + SETTLE_S) + 1
            numbers = range(first, first + math.ceil(seconds / period_s))
            await asyncio.sleep(steps.began(numbers.stop) + DRAIN_S - time.time())
        return judge(recorder, steps, numbers)


def run(quick: bool) -> dict[str, Any]:
    """Both cases and their limits; 75 s each, so that the minute's housekeeping falls into it."""
    cases = {name: uvloop.run(_case(period_s, 15.0 if quick else 75.0)) for name, period_s in PERIODS_S.items()}
    targets = {
        "register change to stored row, p99 ms (1 s poll)": [cases[BUSY]["change to row"]["p99"], LIMIT_MS, "<="],
        "the same, a change every 5.3 s": [cases[CALM]["change to row"]["p99"], LIMIT_MS, "<="],
        "values stored a second meanwhile": [cases[BUSY]["stored_a_s"], 1000, ">="],
        "changes never stored": [sum(case["never_stored"] for case in cases.values()), 0, "<="],
    }
    return {"cases": cases, "targets": targets}


def main() -> None:
    """A table and a JSON line."""
    parser = argparse.ArgumentParser(prog="bench.latency", description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--field", nargs=3, type=float, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.field:
        uvloop.run(serve(int(given.field[0]), Steps(*given.field[1:])))
        return
    logging.disable(logging.WARNING)
    result = run(given.quick)
    for name, case in result["cases"].items():
        print(f"{name + ', ms':<28}{'p50':>9}{'p99':>9}{'max':>9}")
        for stage, spread in case.items():
            if isinstance(spread, dict):
                print(f"  {stage:<26}" + "".join(f"{figure!s:>9}" for figure in spread.values()))
        print("  " + ", ".join(f"{what} {count}" for what, count in case.items() if isinstance(count, int)))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
