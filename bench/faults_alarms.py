"""Kill -9 of control, and of a sender of its own, while alarms come and go: what was raised, when, and what the vendor received.

A scripted edge node says over a real broker when each of its points rises above its limit and falls below it; the vendor is here.
In the end every rise must be one occurrence in the database, no more and no less, on time; and every message that the database
calls sent must have come once, but for those under way when a process was killed: every second kill comes when the vendor has
just taken a letter. Ends with one line of JSON.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import random
import statistics
import sys
import tempfile
import time
from bisect import bisect_left
from collections import Counter, deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from bench.alarm_county import HIGH, LOW, Shape, key, unit, write_county
from bench.alarm_rig import answering, asked, control_service, knowing, told_where
from bench.alarms_ledger import Told, told
from bench.county_files import EDGE
from bench.faults_rig import Service, free_ports
from bench.mosquitto import Mosquitto
from bench.scripted_edge import ScriptedEdge
from control.messages.standin import Standin
from lampwell.clock import SystemClock
from lampwell.county import load
from lampwell.points import Point

UNITS, ON_S, OFF_S = 80, 3.0, 1.0
SHAPE = Shape(units=UNITS, priorities=(1,), on_s=ON_S, off_s=OFF_S, budgets=False)
HOLD_S = (20.0, 32.0)
SHORT_HOLD_S = (11.0, 15.0)
"""How long a point stays as it is: longer than control is away, and than red alarms of one place wait for each other's letter."""
PAUSE_S, TIMER_LIMIT_S, SETTLE_S = (0.3, 4.3), 1.0, 90.0
UNSEEN_S = TIMER_LIMIT_S
"""A timer may be off by so much: what was due so shortly before a kill, and was not on disk by then, is due at the return."""


@dataclass(slots=True)
class Script:
    """What the field did: when each unit rose (s)."""

    edge: ScriptedEdge
    hold: tuple[float, float]
    rises: dict[str, list[float]] = field(default_factory=dict)
    values: dict[int, float] = field(default_factory=dict)
    over: bool = False
    up: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Let every unit rise and fall until ``over``; each ends low."""
        await asyncio.gather(*(self._unit(number) for number in range(UNITS)))

    async def beat(self) -> None:
        """Say the first unit's value again and again: whoever does not know the edge node yet hears it, and asks for a birth."""
        while True:
            self.edge.say(unit(0), self.values.get(0, LOW))
            await asyncio.sleep(0.25)

    def _say(self, number: int, value: float) -> None:
        self.values[number] = value
        self.edge.say(unit(number), value)

    async def _unit(self, number: int) -> None:
        await self._hold(random.uniform(0.0, self.hold[1]))
        while not self.over:
            self.rises.setdefault(key(0, number), []).append(time.time())
            self._say(number, HIGH)
            await asyncio.sleep(random.uniform(*self.hold))
            await self._noticed(ON_S)
            self._say(number, LOW)
            await self._hold(random.uniform(*self.hold))
            await self._noticed(OFF_S)

    async def _noticed(self, delay_s: float) -> None:
        """What is over before control, killed again and again, has looked twice is no alarm; a busy machine takes long."""
        for wait in (delay_s, 0.0):
            await self.up.wait()
            await asyncio.sleep(wait + 0.5)
        await self.up.wait()

    async def _hold(self, seconds: float) -> None:
        until = time.time() + seconds
        while not self.over and time.time() < until:  # noqa: ASYNC110
            await asyncio.sleep(0.2)


@dataclass(slots=True, kw_only=True)
class Rig:
    """A running fault run. ``away``: from when to when (s) the victim was gone, its rebirth included."""

    folder: Path
    services: dict[str, Service]
    script: Script
    standin: Standin
    away: list[tuple[float, float]] = field(default_factory=list)
    starts: list[float] = field(default_factory=list)

    async def letter(self) -> None:
        """Return when the vendor has just taken a letter: what follows meets the sender between hand-over and record."""
        before, deadline = self.standin.count, time.time() + 3.0
        while self.standin.count == before and time.time() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0)

    async def kill(self, victim: str) -> None:
        """Kill -9, and start again at once as a supervisor would."""
        service, killed = self.services[victim], time.time()
        if victim == "control":
            self.script.up.clear()
        service.kill()
        service.start()
        if victim == "control":
            self.starts.append(await answering(self.folder, service) - killed)
            self.away.append((killed, await self.heard()))

    async def heard(self) -> float:
        """Control has asked the edge node who it is, and knows the field again; the time then (s)."""
        back = await knowing(self.folder, self.services["control"], [key(0, number) for number in (0, UNITS // 2, UNITS - 1)])
        self.script.up.set()
        return back

    async def settle(self) -> None:
        """End the script; return when every alarm is clear and no message waits any more."""
        self.script.over = True
        deadline = time.time() + SETTLE_S + self.script.hold[1]
        standing = "SELECT count(*) FROM occurrence WHERE key LIKE 'high-%' AND cleared_at IS NULL"
        waiting = "SELECT count(*) FROM delivery WHERE state IN ('queued', 'leased', 'recalled')"
        await asyncio.sleep(self.script.hold[1] + ON_S)
        while asked(self.folder, standing)[0][0] or asked(self.folder, waiting)[0][0]:
            if time.time() > deadline:
                break  # what is missing then is told by the comparison
            await asyncio.sleep(0.5)


@asynccontextmanager
async def rig(*, apart: bool, hold: tuple[float, float]) -> AsyncIterator[Rig]:
    """Broker, vendor, scripted edge node and control; ``apart``: the sender is a process of its own."""
    with tempfile.TemporaryDirectory(prefix="lampwell-faults-alarms-") as name:
        folder, clock = Path(name), SystemClock()
        (port,) = free_ports(1)
        county = write_county(folder / "county", SHAPE, broker=port)
        broker = Mosquitto(folder, port)
        broker.start()
        devices = {unit(number): (Point(path="p0"),) for number in range(UNITS)}
        edge = ScriptedEdge(load(county), EDGE, devices, clock)
        for number in range(UNITS):
            edge.say(unit(number), LOW)
        async with Standin(clock) as standin:
            standin.received = deque()
            services = {"control": control_service(folder, county, standin.url, *(["--no-sender"] if apart else []))}
            if apart:
                services["sender"] = Service("sender", told_where(standin.url, _sender(county, folder)), folder / "sender.log")
            made = Rig(folder=folder, services=services, script=Script(edge, hold), standin=standin)
            speaking, beating = asyncio.create_task(edge.run()), asyncio.create_task(made.script.beat())
            try:
                services["control"].start()
                await made.heard()
                for service in list(services.values())[1:]:
                    service.start()
                yield made
            finally:
                for service in services.values():
                    with suppress(RuntimeError):
                        service.stop()
                beating.cancel()
                await edge.stop()
                await speaking
                broker.kill()


def _sender(county: Path, folder: Path) -> list[str]:
    return [sys.executable, "-m", "deploy.cli", "sender", str(county), "--data", str(folder)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One row of the table. ``timer_max``: how far the worst on-delay was off (s); ``start_*``: from kill to answer (s)."""

    fault: str
    times: int
    rises: int
    lost: int
    twice: int
    timer_max: float
    messages: Told
    start_p50: float | None
    start_max: float | None
    seconds: float

    @property
    def holds(self) -> bool:
        """Nothing lost, nothing raised or told twice but for one message per kill, every timer on time."""
        told_well = not self.messages.lost and not self.messages.untold and self.messages.twice <= self.times
        return not self.lost and not self.twice and self.timer_max <= TIMER_LIMIT_S and told_well and self.rises > 0


async def kills(victim: str, times: int, hold: tuple[float, float] = HOLD_S) -> Result:
    """Kill -9 so many times at random instants."""
    began = time.monotonic()
    async with rig(apart=victim == "sender", hold=hold) as made:
        running = asyncio.create_task(made.script.run())
        await asyncio.sleep(5.0)
        for number in range(times):
            await asyncio.sleep(random.uniform(*PAUSE_S))
            if number % 2:
                await made.letter()
            await made.kill(victim)
        await made.settle()
        await running
        return _result(f"kill -9 {victim}", times, made, time.monotonic() - began)


def _result(fault: str, times: int, made: Rig, seconds: float) -> Result:
    rows = asked(made.folder, "SELECT key, raised_at FROM occurrence WHERE key LIKE 'high-%' ORDER BY raised_at, number")
    raised: dict[str, list[float]] = {}
    for name, at in rows:
        raised.setdefault(name, []).append(at / 1000)
    wanted = {name: len(times_) for name, times_ in made.script.rises.items()}
    found = Counter({name: len(times_) for name, times_ in raised.items()})
    errors = [error for name, rises in made.script.rises.items() for error in late(rises, raised.get(name, []), made.away)]
    return Result(
        fault=fault,
        times=times,
        rises=sum(wanted.values()),
        lost=sum(max(0, count - found[name]) for name, count in wanted.items()),
        twice=sum(max(0, count - wanted.get(name, 0)) for name, count in found.items()),
        timer_max=round(max(errors, default=0.0), 3),
        messages=told(made.folder, list(made.standin.received)),
        start_p50=round(statistics.median(made.starts), 2) if made.starts else None,
        start_max=round(max(made.starts), 2) if made.starts else None,
        seconds=round(seconds, 1),
    )


def late(rises: Sequence[float], raised: Sequence[float], away: Sequence[tuple[float, float]]) -> list[float]:
    """How far each on-delay was off (s). One that ran out in a stop is due at control's return; one whose rise control did not
    see begin is counted from there.
    """
    found = []
    for rise in rises:
        at = bisect_left(raised, rise)
        if at == len(raised):
            continue  # counted as lost
        latest = _after(_after(rise, away) + ON_S, away)
        found.append(max(rise + ON_S - raised[at], raised[at] - latest, 0.0))
    return found


def _after(at: float, away: Sequence[tuple[float, float]]) -> float:
    """The instant, or the end of the stop it falls into or just before."""
    return next((end for begin, end in away if begin - UNSEEN_S <= at <= end), at)


def main() -> int:
    """Both victims, a table and a line of JSON."""
    parser = argparse.ArgumentParser(prog="bench.faults_alarms", description=__doc__.splitlines()[0])
    parser.add_argument("victims", nargs="*", choices=[[], "control", "sender"], help="control, sender (default: both)")
    parser.add_argument("--quick", action="store_true", help="10 kills instead of 50")
    parser.add_argument("--seed", type=int, default=1, help="of the random instants")
    given = parser.parse_args()
    random.seed(given.seed)
    times = 10 if given.quick else 50
    print(f"{'fault':<18}{'N':>4}{'alarms':>8}{'lost':>6}{'twice':>6}{'timer s':>9}", end="")
    print(f"{'messages':>10}{'lost':>6}{'twice':>6}{'start max s':>13}")
    results = []
    for victim in given.victims or ("control", "sender"):
        results.append(one := asyncio.run(kills(victim, times)))
        numbers = f"{one.times:>4}{one.rises:>8}{one.lost:>6}{one.twice:>6}{one.timer_max:>9.2f}"
        letters = f"{one.messages.sent:>10}{one.messages.lost + one.messages.untold:>6}{one.messages.twice:>6}"
        print(f"{one.fault:<18}{numbers}{letters}{one.start_max or 0:>13.2f}{'' if one.holds else '  FAILED'}", flush=True)
    machine = {"cores": os.cpu_count(), "python": platform.python_version(), "machine": platform.machine(), "seed": given.seed}
    failed = [one.fault for one in results if not one.holds]
    print(json.dumps({"machine": machine, "quick": given.quick, "results": [asdict(one) for one in results], "failed": failed}))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
