"""How late a stored row is: from the change of a register to the return of the store's append.

A real gateway process polls 27 units of 40 registers each second over Modbus TCP; a real mosquitto; the collector is in this
process and writes to the embedded store. Every register holds the number of the current period, so the instant of each change is
known: ``t0 + number * period``. A change counts as stored with the first row of its series that is as new or newer. Case one
changes every register about once a poll (more than 1,000 values stored a second), case two every 5.3 s; neither period divides
the poll interval, so that changes fall into every phase of it. The poll interval is part of the latency.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import logging
import math
import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import uvloop

from bench.faults_rig import MOSQUITTO, Service, free_ports
from bench.gateway_county import EDGE, POINTS, write_county
from bench.modbus_server import Answers, Connection
from collector.app import Collector
from lampwell.clock import SystemClock
from lampwell.county import load
from lampwell.history import open_history
from lampwell.history.port import History
from lampwell.readings import Scan

UNITS, POLL_S, ALLOWED_MS = 27, 1.0, 300
BUSY, CALM = "new at every poll", "new every 5.3 s"
PERIODS_S = {BUSY: 1.07, CALM: 5.3}
SETTLE_S, DRAIN_S = 4.0, 4.0
PATHS = frozenset(f"p{number}" for number in range(POINTS))
SCALE = 10  # registers are tenths


@dataclass(frozen=True, slots=True)
class Steps:
    """The numbers that all registers hold, by wall clock (seconds)."""

    t0: float
    period_s: float

    def number(self, at: float) -> int:
        """The number that holds then."""
        return math.floor((at - self.t0) / self.period_s)

    def began(self, number: int) -> float:
        """When the registers changed to that number."""
        return self.t0 + number * self.period_s


class Field(Answers):
    """Answers in which every register holds the number of the period that it is now."""

    def __init__(self, steps: Steps) -> None:
        self._steps = steps

    def answer(self, question: bytes) -> bytes:
        """The answer to unit + PDU, behind the transaction id."""
        count = int.from_bytes(question[4:6], "big")
        words = self._steps.number(time.time()).to_bytes(2, "big") * count
        return b"\0\0" + (3 + 2 * count).to_bytes(2, "big") + question[:2] + bytes((2 * count,)) + words


async def serve(port: int, steps: Steps) -> None:
    """The field, on every loopback address, until killed."""
    field_ = Field(steps)
    server = await asyncio.get_running_loop().create_server(lambda: Connection(field_), "0.0.0.0", port, backlog=4096)
    await server.serve_forever()


# -- what is noted -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Stored:
    """One append: its scans, when it was called and when it returned."""

    scans: Sequence[Scan]
    called: float
    returned: float


@dataclass(slots=True)
class Recorder:
    """A history that notes its appends; all else is the inner one's."""

    inner: History
    appends: list[Stored] = field(default_factory=list)

    async def append(self, scans: Sequence[Scan], progress: Mapping[str, str]) -> None:
        called = time.time()
        await self.inner.append(scans, progress)
        self.appends.append(Stored(scans, called, time.time()))

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one register, and the row that stored it; seconds."""

    began: float
    scanned: float
    called: float
    stored: float


def changes(appends: Sequence[Stored], steps: Steps, numbers: range) -> Iterator[Change]:
    """For each series and each of the numbers, the first row that is as new."""
    newest: dict[tuple[str, str], int] = {}
    for append in appends:
        for scan in append.scans:
            for index, value in zip(scan.index, scan.values, strict=True):
                path = scan.layout.points[index].path
                if path not in PATHS or value is None:
                    continue
                key, reached = (scan.layout.device, path), round(float(value) * SCALE)
                due = range(max(newest.get(key, -1) + 1, numbers.start), min(reached + 1, numbers.stop))
                newest[key] = max(reached, newest.get(key, -1))
                for number in due:
                    yield Change(steps.began(number), scan.time / 1000, append.called, append.returned)


def judge(recorder: Recorder, steps: Steps, numbers: range) -> dict[str, Any]:
    """Milliseconds of each stage, over the changes to these numbers; how many were never stored."""
    found = list(changes(recorder.appends, steps, numbers))
    began, ended = steps.began(numbers.start), steps.began(numbers.stop)
    rows = sum(len(scan.index) for append in recorder.appends if began <= append.returned < ended for scan in append.scans)
    return {
        "change to row": _spread([change.stored - change.began for change in found]),
        "scan to row": _spread([change.stored - change.scanned for change in found]),
        "of it: change to scan": _spread([change.scanned - change.began for change in found]),
        "of it: scan to append": _spread([change.called - change.scanned for change in found]),
        "of it: append": _spread([change.stored - change.called for change in found]),
        "changes": len(found),
        "never_stored": UNITS * POINTS * len(numbers) - len(found),
        "stored_a_s": round(rows / (ended - began)),
        "historical": sum(scan.historical for append in recorder.appends for scan in append.scans),
    }


def _spread(seconds: list[float]) -> dict[str, float | None]:
    ordered = sorted(1000 * one for one in seconds)
    last = len(ordered) - 1
    shares = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    return {name: round(ordered[min(last, int(share * (last + 1)))], 1) if ordered else None for name, share in shares.items()}


# -- one case ------------------------------------------------------------------------------------------------------------------


@asynccontextmanager
async def _parts(folder: Path, steps: Steps) -> AsyncIterator[Recorder]:
    """Field, broker and gateway as processes, a collector here; all gone afterwards."""
    at_field, at_broker = free_ports(2)
    county = write_county(folder / "county", broker=at_broker, field=at_field, units=UNITS, interval_s=POLL_S)
    (folder / "mosquitto.conf").write_text(MOSQUITTO.format(port=at_broker) + ("user root\n" if os.geteuid() == 0 else ""))
    mosquitto = shutil.which("mosquitto", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin") or "mosquitto"
    serving = ["bench.latency", "--field", str(at_field), str(steps.t0), str(steps.period_s)]
    polling = ["gateway", str(county), "--edge", EDGE, "--data", str(folder / "gateway")]
    gateway = Service("gateway", [sys.executable, "-m", *polling], folder / "gateway.log")
    services = [
        Service("field", [sys.executable, "-m", *serving], folder / "field.log", at_field),
        Service("broker", [mosquitto, "-c", str(folder / "mosquitto.conf")], folder / "broker.log", at_broker),
    ]
    with contextlib.ExitStack() as stack:
        for service in services:
            service.start()
            stack.callback(service.stop)
            await service.listening()
        history = open_history(load(county).history, folder, clock=SystemClock())
        recorder = Recorder(history)
        collector = Collector(load(county), cast("History", recorder), clock=SystemClock())
        running = asyncio.create_task(collector.run())
        gateway.start()
        stack.callback(gateway.stop)
        yield recorder
        gateway.must_live()
        await collector.stop()
        await running
        await history.close()


async def _case(period_s: float, seconds: float) -> dict[str, Any]:
    steps = Steps(time.time(), period_s)
    with tempfile.TemporaryDirectory(prefix="lampwell-latency-") as name:
        async with _parts(Path(name), steps) as recorder:
            deadline = time.monotonic() + 30
            while len({s.layout.device for a in recorder.appends for s in a.scans if s.layout.device}) < UNITS:
                if time.monotonic() > deadline:
                    raise RuntimeError("not every unit was stored within 30 s")
                await asyncio.sleep(0.1)
            first = steps.number(time.time() + SETTLE_S) + 1
            numbers = range(first, steps.number(steps.began(first) + seconds) + 1)
            await asyncio.sleep(steps.began(numbers.stop) + DRAIN_S - time.time())
        return judge(recorder, steps, numbers)


async def _all(seconds: float) -> dict[str, dict[str, Any]]:
    return {name: await _case(period_s, seconds) for name, period_s in PERIODS_S.items()}


def run(quick: bool) -> dict[str, Any]:
    """Both cases and their limits; 75 s each, so that the minute's housekeeping falls into it."""
    cases = uvloop.run(_all(15.0 if quick else 75.0))
    busy, limit = cases[BUSY], POLL_S * 1000 + ALLOWED_MS
    targets = {
        "register change to stored row, p99 ms (1 s poll)": [busy["change to row"]["p99"], limit, "<="],
        "the same, a change every 5.3 s": [cases[CALM]["change to row"]["p99"], limit, "<="],
        "values stored a second meanwhile": [busy["stored_a_s"], 1000, ">="],
        "changes never stored": [sum(case["never_stored"] for case in cases.values()), 0, "<="],
    }
    return {"cases": cases, "targets": targets}


def main() -> None:
    """A table and a JSON line."""
    parser = argparse.ArgumentParser(prog="bench.latency", description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--field", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.field:
        port, t0, period_s = given.field
        uvloop.run(serve(int(port), Steps(float(t0), float(period_s))))
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
