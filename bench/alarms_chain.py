"""From a register to a phone: how long after a register changed its alarm is in the journal, and its letter with the vendor.

A field of Modbus TCP units, a gateway, a mosquitto and control, each a process of its own; the vendor is in this one. Every unit
rises above its limit and falls below it in turn, each at its own instants, which the clock alone decides. Poll interval and
on-delay are the rule's own time; what is judged is what comes on top of them.
"""

from __future__ import annotations

import argparse
import asyncio
import math
import re
import sqlite3
import sys
import tempfile
import time
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvloop

from bench.alarm_county import HIGH, LOW, Shape, write_county
from bench.alarm_rig import answering, control_service
from bench.alarms_storm import spread
from bench.county_files import EDGE
from bench.faults_rig import Service, free_ports
from bench.modbus_server import Answers, Connection
from bench.mosquitto import Mosquitto
from control.messages.standin import Received, Standin
from control.state import STATE_FILE
from lampwell.clock import SystemClock

UNITS, INTERVAL_S, ON_S, OFF_S = 40, 1.0, 2.0, 1.0
HALF_S = 13.7
"""How long a unit is high, and low. More than the ten seconds in which red alarms of a place wait for each other's letter."""
LOOK_S = 0.004
SHAPE = Shape(units=UNITS, priorities=(1,), on_s=ON_S, off_s=OFF_S, interval_s=INTERVAL_S, budgets=False)
CLEARED = "解除"


class Waves(Answers):
    """Units that are high for half of the time, each shifted against the others by an equal part of the wave."""

    def __init__(self, t0: float) -> None:
        self.t0 = t0

    def rises(self, number: int, before: float) -> float:
        """When unit ``number`` rose for the last time before that instant."""
        first = self.t0 + (number / UNITS) * 2 * HALF_S
        return first + math.floor((before - first) / (2 * HALF_S)) * 2 * HALF_S

    def is_high(self, number: int, at: float) -> bool:
        """Whether it is above its limit then."""
        return at >= self.t0 and at - self.rises(number, at) < HALF_S and self.rises(number, at) >= self.t0

    def answer(self, question: bytes) -> bytes:
        """The answer to unit + PDU, behind the transaction id."""
        count = int.from_bytes(question[4:6], "big")
        value = HIGH if self.is_high(question[0] - 1, time.time()) else LOW
        words = round(10 * value).to_bytes(2, "big") * count
        return b"\0\0" + (3 + 2 * count).to_bytes(2, "big") + question[:2] + bytes((2 * count,)) + words


async def serve(port: int, field: Waves) -> None:
    """Answer until killed."""
    server = await asyncio.get_running_loop().create_server(lambda: Connection(field), "127.0.0.1", port)
    await server.serve_forever()


@dataclass(slots=True)
class Reader:
    """Looks at the database file from outside, as another program would, and notes when each row of the journal was there."""

    path: Path
    seen: list[tuple[float, str, int]] = field(default_factory=list)
    last: int = 0

    async def run(self) -> None:
        """Until cancelled."""
        with closing(sqlite3.connect(f"{self.path.resolve().as_uri()}?mode=ro", uri=True)) as database:
            while True:
                found = database.execute(
                    "SELECT id, key, occurrence, kinds FROM transition WHERE id > ? ORDER BY id", (self.last,)
                ).fetchall()
                now = time.time()
                for number, name, occurrence, kinds in found:
                    self.last = number
                    if "raised" in kinds.split() and name.startswith("high-"):
                        self.seen.append((now, name, occurrence))
                await asyncio.sleep(LOOK_S)


@asynccontextmanager
async def running(folder: Path, waves: Waves) -> AsyncIterator[tuple[Reader, Standin]]:
    """Everything, started in the order of the runbook and gone afterwards."""
    at_field, at_broker = free_ports(2)
    county = write_county(folder / "county", SHAPE, broker=at_broker, field=at_field)
    field = [sys.executable, "-m", "bench.alarms_chain", "--field", str(at_field), str(waves.t0)]
    gateway = [sys.executable, "-m", "gateway", str(county), "--edge", EDGE, "--data", str(folder / EDGE)]
    async with AsyncExitStack() as stack:
        broker = Mosquitto(folder, at_broker)
        broker.start()
        stack.callback(broker.kill)
        standin = await stack.enter_async_context(Standin(SystemClock()))
        standin.received = deque()
        control = control_service(folder, county, standin.url)
        for service in (
            Service("field", field, folder / "field.log"),
            control,
            Service("gateway", gateway, folder / "gateway.log"),
        ):
            service.start()
            stack.callback(service.stop)
        await answering(folder, control)
        reader = Reader(folder / STATE_FILE)
        looking = asyncio.create_task(reader.run())
        stack.callback(looking.cancel)
        yield reader, standin


def judge(waves: Waves, seen: Sequence[tuple[float, str, int]], received: Sequence[Received]) -> dict[str, Any]:
    """Milliseconds from each rise to its journal row and to its letter, and what of that is on top of poll and on-delay."""
    letters: dict[int, float] = {}
    for one in received:
        if CLEARED not in one.text:
            for number in re.findall(r"#(\d+)", one.text):
                letters[int(number)] = min(one.time / 1000, letters.get(int(number), math.inf))
    allowed = INTERVAL_S + ON_S
    rows, phones = [], []
    for at, name, number in seen:
        rise = waves.rises(int(name.rpartition("-")[2]), at - ON_S)
        rows.append(1000 * (at - rise))
        if number in letters:
            phones.append(1000 * (letters[number] - rise))
    return {
        "changes": len(rows),
        "never told": len(rows) - len(phones),
        "change to row": spread(rows),
        "change to letter": spread(phones),
        "row, beyond poll and on-delay": spread([each - 1000 * allowed for each in rows]),
        "letter, beyond poll and on-delay": spread([each - 1000 * allowed for each in phones]),
    }


async def measure(seconds: float) -> dict[str, Any]:
    """So many seconds of waves."""
    with tempfile.TemporaryDirectory(prefix="lampwell-chain-") as name:
        waves = Waves(time.time() + 8.0)
        async with running(Path(name), waves) as (reader, standin):
            await asyncio.sleep(max(0.0, waves.t0 - time.time()) + seconds)
            seen = list(reader.seen)
            await asyncio.sleep(2.0)
        return judge(waves, seen, list(standin.received))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="bench.alarms_chain")
    parser.add_argument("--field", nargs=2, required=True)
    given = parser.parse_args()
    uvloop.run(serve(int(given.field[0]), Waves(float(given.field[1]))))
