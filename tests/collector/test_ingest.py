"""From scans to the store when things go wrong: outages, duplicates, refusals. Real stores; time is virtual."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bench.influxd import Influxd
from collector import ingest as module
from collector.ingest import Ingest
from lampwell.assets import HistorySettings
from lampwell.clock import VirtualClock
from lampwell.errors import StoreAction, StoreError
from lampwell.history import open_history
from lampwell.history.port import History, SeriesId
from lampwell.points import Kind
from lampwell.readings import Layout, Scan

from .conftest import NODE, POINTS, T0, a_scan, eventually, row

LEVEL = SeriesId(NODE, "well-01", "level")


class Away:
    """A history that refuses appends while ``error`` is set; everything else is the real one inside."""

    def __init__(self, inside: History) -> None:
        self.inside, self.error, self.tries = inside, None, 0  # type: History, StoreError | None, int

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inside, name)

    async def append(self, scans: Sequence[Scan], progress: Mapping[str, str]) -> None:
        self.tries += 1
        if self.error is not None:
            raise self.error
        await self.inside.append(scans, progress)


@asynccontextmanager
async def running(history: Any, clock: VirtualClock) -> AsyncIterator[Ingest]:
    """An ingest at work; the block ends when all it took is stored."""
    ingest = Ingest(history, await history.progress(), clock=clock, linger_s=0)
    ingest.node_born(NODE, "journal-1", 0)
    task = asyncio.create_task(ingest.run())
    try:
        yield ingest
        ingest.stop()
        await asyncio.wait_for(task, 20)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def embedded(folder: Path, clock: VirtualClock) -> History:
    return open_history(HistorySettings(), folder, clock=clock)


async def test_a_store_that_is_away_for_ten_minutes_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Readings wait in bounded memory, the rest stays with the edge; when the store is back all are stored once."""
    monkeypatch.setattr(module, "MOST_JOURNALED", 300)
    clock = VirtualClock(start_ms=T0)
    history = Away(embedded(tmp_path, clock))
    async with running(history, clock) as ingest:
        history.error = StoreError("connection refused", StoreAction.WAIT)
        for n in range(1, 601):
            ingest.take([a_scan(n)])
            await clock.advance(1)
        status = ingest.status()
        assert status.waiting < 310, "memory is bounded"
        assert status.deferred >= 490
        assert status.waiting_since is not None
        assert "connection refused" in status.waiting_for
        assert ingest.acknowledgements() == []
        assert history.tries < 300, "it asks with growing pauses"
        history.error = None
        await clock.advance(20)
        await eventually(lambda: ingest.status().waiting == 0)
        for n in range(1, 601):  # the edge replays what was not acknowledged
            ingest.take([a_scan(n, historical=True)])
            await asyncio.sleep(0)
            if n % 90 == 0:
                await eventually(lambda: ingest.status().waiting == 0)
    assert ingest.status().waiting_since is None
    assert ingest.acknowledgements() == [(NODE, "journal-1", row(1, 600))]
    assert list((await history.readings(LEVEL, T0, T0 + 10**6)).value) == [n / 4 for n in range(1, 601)]
    await history.close()


async def test_the_wait_a_store_asks_for_is_honoured(tmp_path: Path) -> None:
    """Retry-After: 90 means no further try for 90 s."""
    clock = VirtualClock(start_ms=T0)
    history = Away(embedded(tmp_path, clock))
    async with running(history, clock) as ingest:
        history.error = StoreError("503", StoreAction.WAIT, 90)
        ingest.take([a_scan(1)])
        await eventually(lambda: history.tries == 1)
        await clock.advance(89)
        assert history.tries == 1
        history.error = None
        await clock.advance(2)
        await eventually(lambda: history.tries == 2)
    await history.close()


async def test_readings_that_nobody_will_send_again_are_kept_longest_and_counted_when_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A node without a journal has a bound of its own, and what is beyond it is counted with its reason."""
    monkeypatch.setattr(module, "MOST_JOURNALED", 30)
    monkeypatch.setattr(module, "MOST_FOREIGN", 90)
    clock = VirtualClock(start_ms=T0)
    history = Away(embedded(tmp_path, clock))
    async with running(history, clock) as ingest:
        history.error = StoreError("away", StoreAction.WAIT)
        ingest.take([replace(a_scan(1), journal=None, offset=None)])
        await eventually(lambda: history.tries == 1)
        for n in range(2, 42):
            ingest.take([replace(a_scan(n), journal=None, offset=None)])
        assert ingest.status().dropped == {"store away, no journal behind it": 10}
        history.error = None
        await clock.advance(1)
    assert len((await history.readings(LEVEL, T0, T0 + 10**6)).time) == 31
    await history.close()


async def test_a_second_scan_of_one_message_shares_its_offset(tmp_path: Path) -> None:
    """A message with two timestamps is two scans with one offset: both are stored, and both are known when it comes again."""
    clock = VirtualClock(start_ms=T0)
    history = embedded(tmp_path, clock)
    async with running(history, clock) as ingest:
        pair = [a_scan(1), replace(a_scan(1), time=T0 + 1500)]
        ingest.take(pair)
        ingest.take(pair)
    assert len((await history.readings(LEVEL, T0, T0 + 10_000)).time) == 2
    assert ingest.status().duplicates == 1
    await history.close()


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32), repeated=st.sampled_from([0.01, 0.1, 1.0]), restarts=st.integers(0, 2))
async def test_duplicates_and_reordering_leave_no_trace(
    tmp_path_factory: pytest.TempPathFactory, seed: int, repeated: float, restarts: int
) -> None:
    """Any order, any repetition, with restarts in between: the content equals that of a clean run, and all is acknowledged."""
    pick = random.Random(seed)
    clean = [a_scan(n, segment=segment) for segment in (1, 2) for n in range(1, 41)]
    clean = [replace(scan, time=T0 + (scan.offset or 0) % 1000 * 10 + (scan.offset >> 32)) for scan in clean if scan.offset]
    sent = clean + [scan for scan in clean if pick.random() < repeated]
    pick.shuffle(sent)
    clock, folder = VirtualClock(start_ms=T0), tmp_path_factory.mktemp("store")
    for part in range(restarts + 1):
        history = embedded(folder, clock)
        async with running(history, clock) as ingest:
            for number, scan in enumerate(sent[part :: restarts + 1]):
                ingest.take([scan])
                if number % 7 == 0:
                    await asyncio.sleep(0)
        await history.close()
    history = embedded(folder, clock)
    readings = await history.readings(LEVEL, T0, T0 + 10**6)
    assert list(zip(readings.time, readings.value, strict=True)) == sorted((scan.time, scan.values[0]) for scan in clean)
    assert ingest.acknowledged(NODE) == {1: row(1, 40), 2: row(2, 40)}
    await history.close()


async def test_f9_one_reading_of_the_wrong_type_is_put_aside_alone(influxd: Influxd, tmp_path: Path) -> None:
    """A real InfluxDB refuses a field whose type changed: only that reading goes to the quarantine, the batch is stored."""
    clock = VirtualClock(start_ms=T0)
    settings_ = HistorySettings(store="influx", url=influxd.url, database=tmp_path.name)
    history = open_history(settings_, tmp_path, clock=clock)
    changed = Layout(NODE, "well-02", (replace(POINTS[0], kind=Kind.TEXT), *POINTS[1:]))
    async with running(history, clock) as ingest:
        ingest.take([a_scan(1)])
        await eventually(lambda: ingest.status().stored == 3)
        for n in range(2, 30):
            ingest.take([a_scan(n)])
        ingest.take([replace(a_scan(30, where=changed), values=("high", True, 7.0))])
        for n in range(31, 60):
            ingest.take([a_scan(n)])
    status = ingest.status()
    assert (status.quarantined, status.stored, status.scans) == (1, 59 * 3 - 1, 59)
    (aside,) = await history.quarantined()
    assert (str(aside.series), aside.value) == ("well-02/level", "'high'")
    assert "field type conflict" in aside.reason
    assert len((await history.readings(LEVEL, T0, T0 + 10**6)).time) == 58
    assert list((await history.readings(SeriesId(NODE, "well-02", "pump1/i_a"), T0, T0 + 10**6)).value) == [7.0]
    assert ingest.acknowledgements() == [(NODE, "journal-1", row(1, 59))]
    await history.close()


async def test_influxd_stopped_and_started_again(tmp_path: Path, influxd: Influxd) -> None:
    """The short form of a store outage against a real InfluxDB: everything that waited is there once, in order."""
    clock = VirtualClock(start_ms=T0)
    settings_ = HistorySettings(store="influx", url=influxd.url, database=tmp_path.name)
    history = open_history(settings_, tmp_path, clock=clock)
    async with running(history, clock) as ingest:
        ingest.take([a_scan(1)])
        await eventually(lambda: ingest.status().stored == 3)
        influxd.stop()
        for n in range(2, 100):
            ingest.take([a_scan(n)])
        await eventually(lambda: ingest.status().waiting_since is not None)
        await clock.advance(600)
        assert ingest.status().stored == 3
        influxd.start()
        await _ticking(clock, lambda: ingest.status().stored == 297)
    assert list((await history.readings(LEVEL, T0, T0 + 10**6)).value) == [n / 4 for n in range(1, 100)]
    assert ingest.acknowledgements() == [(NODE, "journal-1", row(1, 99))]
    await history.close()


async def _ticking(clock: VirtualClock, condition: Callable[[], bool]) -> None:
    for _ in range(400):
        if condition():
            return
        await clock.advance(1)
        await asyncio.sleep(0.02)
    raise AssertionError("never so")
