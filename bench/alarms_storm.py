"""Ten thousand alarms in a minute through control: how late each is decided and on disk, what the vendors get, what memory does.

The whole of control on one core: desk, engine, duty, writer on a real SQLite file (WAL, FULL), sender with the vendors' budgets,
a broker it listens to. The storm is said to the desk as conditions, each due at its own instant, whatever became of the one
before. A thousand units with ten rules each: 10 % red, 20 % orange, 20 % yellow, 50 % blue; no delays. The second storm is the
one judged: the first has warmed everything up, so what memory grows by from then on is a leak.
"""

from __future__ import annotations

import asyncio
import gc
import os
import tempfile
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast

from sqlalchemy import Connection, func, select

from bench.alarm_county import HIGH, LOW, Shape, key, write_county
from bench.faults_rig import free_ports
from bench.mosquitto import Mosquitto
from control.alarms.model import Condition
from control.app import Control
from control.messages.channels.vendors import VENDORS
from control.messages.settings import load_channels, open_channels
from control.messages.standin import Received, Standin
from control.outgoing import Outgoing
from control.people.files import load_roster
from control.store.database import Database, open_database
from control.store.tables import transition
from lampwell.clock import SystemClock
from lampwell.county import load

T = TypeVar("T")
RATE = 10_000 / 60
PRIORITIES = (1, 2, 2, 3, 3, 4, 4, 4, 4, 4)
CLEAR_FASTER, SETTLE_S, STEP_S = 2.0, 3.0, 0.002
MINUTE_MS = 60_000


class Watched:
    """A database that notes when each commit was back, and the newest row of the journal it holds."""

    def __init__(self, inner: Database) -> None:
        self._inner = inner
        self.shown = inner.shown
        self.commits: list[tuple[int, float]] = []

    def write(self, work: Callable[[Connection], T]) -> T:
        """As the database's own."""
        newest = 0

        def noted(connection: Connection) -> T:
            nonlocal newest
            result = work(connection)
            newest = connection.scalar(select(func.max(transition.c.id))) or 0
            return result

        result = self._inner.write(noted)
        self.commits.append((newest, time.time()))
        return result

    def read(self, work: Callable[[Connection], T]) -> T:
        """As the database's own."""
        return self._inner.read(work)

    def close(self) -> None:
        """As the database's own."""
        self._inner.close()


@dataclass(slots=True, kw_only=True)
class Box:
    """A running control and what surrounds it."""

    control: Control
    database: Watched
    standin: Standin
    limits: dict[str, int]
    decided: dict[str, tuple[float, float]] = field(default_factory=dict)


@asynccontextmanager
async def running(folder: Path, shape: Shape) -> AsyncIterator[Box]:
    """Broker, vendors and control, in that order."""
    (port,) = free_ports(1)
    county = load(write_county(folder / "county", shape, broker=port))
    broker, clock = Mosquitto(folder, port), SystemClock()
    broker.start()
    database = Watched(open_database(folder / "control.sqlite"))
    try:
        async with Standin(clock) as standin:
            standin.received = deque()  # all of them
            settings = load_channels(county.folder)
            channels = open_channels(settings, env={"LAMPWELL_STANDIN_URL": standin.url})
            roster = load_roster(county.folder / "people", [area.id for area in county.areas])
            control = Control(
                county, roster, clock=clock, database=cast("Database", database), out=Outgoing(channels=channels), data_dir=folder
            )
            limits = {one.id: VENDORS[one.keys.like].per_minute or one.limits.per_minute for one in settings}  # type: ignore[attr-defined]
            task = asyncio.create_task(control.run())
            await control.ready()
            yield Box(control=control, database=database, standin=standin, limits=limits)
            await control.stop()
            await task
            for channel in channels.values():
                await channel.close()
    finally:
        database.close()
        broker.kill()


async def storm(box: Box, keys: Sequence[str], value: float, rate: float) -> None:
    """Say of every alarm, one after the other and each at its own instant, that its point has this value."""
    desk, began = box.control.front.desk, time.time() + 0.1
    for number, name in enumerate(keys):
        due = began + number / rate
        if (wait := due - time.time()) > 0:
            await asyncio.sleep(max(STEP_S, wait))
        desk.observe([Condition(key=name, value=value, time=round(time.time() * 1000))])
        box.decided[name] = (due, time.time())
        if number % 16 == 15:
            await asyncio.sleep(0)  # whoever is behind lets the others live, as the broker's messages would
    await settled(box)


async def settled(box: Box) -> None:
    """Return when nothing waits for the disk."""
    while box.control.front.writer.status().waiting:  # noqa: ASYNC110 - the writer has no other word for it
        await asyncio.sleep(0.02)


def lags(box: Box, since: int) -> dict[str, Any]:
    """Milliseconds from due to decided and to on disk, over the alarms raised after that row of the journal."""
    query = select(transition.c.id, transition.c.key, transition.c.kinds).where(transition.c.id > since).order_by(transition.c.id)
    rows = box.database.read(lambda connection: connection.execute(query).all())
    raised = {row.key: row.id for row in rows if row.key in box.decided and "raised" in row.kinds.split()}
    commits = iter(box.database.commits)
    newest, at = next(commits)
    decided, stored = [], []
    for name, number in sorted(raised.items(), key=lambda pair: pair[1]):
        while newest < number:
            newest, at = next(commits)
        due, seen = box.decided[name]
        decided.append(1000 * (seen - due))
        stored.append(1000 * (at - due))
    return {"raised": len(raised), "decided": spread(decided), "on disk": spread(stored)}


def spread(figures: Sequence[float]) -> dict[str, float]:
    """The median, the 99th percentile and the largest."""
    ordered = sorted(figures)
    return {
        name: round(ordered[place], 1)
        for name, place in (("p50", len(ordered) // 2), ("p99", int(0.99 * len(ordered))), ("max", -1))
    }


def busiest(received: Sequence[Received]) -> Counter[str]:
    """The most letters that reached each channel's vendor within any 60 s."""
    found: Counter[str] = Counter()
    windows: dict[str, deque[int]] = {}
    for one in sorted(received, key=lambda each: each.time):
        window = windows.setdefault(one.channel, deque())
        window.append(one.time)
        while window[0] <= one.time - MINUTE_MS:
            window.popleft()
        found[one.channel] = max(found[one.channel], len(window))
    return found


def newest_row(box: Box) -> int:
    """The newest row of the journal."""
    return box.database.read(lambda connection: connection.scalar(select(func.max(transition.c.id)))) or 0


def rss_mb() -> float:
    """What this process holds, after a collection."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / 1e6, 1)


@contextmanager
def one_core() -> Iterator[None]:
    """The process on one core, as the promise has it."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


async def measure(*, units: int) -> dict[str, Any]:
    """Two storms over all alarms of so many units, at 10,000 a minute; the second is judged."""
    shape = Shape(units=units, priorities=PRIORITIES)
    keys = [key(point, number) for number in range(units) for point in range(len(PRIORITIES))]
    with tempfile.TemporaryDirectory(prefix="lampwell-storm-") as name, one_core():
        async with running(Path(name), shape) as box:
            started = rss_mb()
            await storm(box, keys, HIGH, RATE)
            await storm(box, keys, LOW, CLEAR_FASTER * RATE)
            await asyncio.sleep(SETTLE_S)
            before, since = rss_mb(), newest_row(box)
            box.database.commits.clear()
            cpu, began = time.process_time(), time.monotonic()
            await storm(box, keys, HIGH, RATE)
            seconds, used = time.monotonic() - began, time.process_time() - cpu
            result = lags(box, since)
            commits = len(box.database.commits)
            await storm(box, keys, LOW, CLEAR_FASTER * RATE)
            await asyncio.sleep(SETTLE_S)
            after = rss_mb()
    sent = busiest(list(box.standin.received))
    return result | {
        "alarms": len(keys),
        "seconds": round(seconds, 1),
        "cpu": round(100 * used / seconds),
        "commits": commits,
        "rss_mb": {"started": started, "after the first storm": before, "after the second": after},
        "letters": {name: {"busiest minute": sent[name], "vendor's limit": limit} for name, limit in box.limits.items()},
    }
