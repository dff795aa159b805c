"""F2 in short: kill -9 of the collector between the store's commit and the acknowledgement, again and again."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from lampwell.assets import Broker, HistorySettings
from lampwell.clock import SystemClock
from lampwell.history import open_history
from lampwell.history.port import SeriesId

from .conftest import NODE, T0, Edge, a_scan, eventually, running

KILLS, TOTAL = 4, 900


async def test_f2_killed_between_the_commit_and_the_acknowledgement(broker: Broker, tmp_path: Path) -> None:
    """The edge replays what it was not acknowledged; after four kills each scan is stored once, none is missing."""
    async with running(Edge(broker, "kill")) as edge:
        for life in range(KILLS + 1):
            edge.stored.clear()
            command = [sys.executable, str(Path(__file__).with_name("killed_child.py")), str(broker.port), str(tmp_path), "kill"]
            child = await asyncio.create_subprocess_exec(*command, str(2 if life < KILLS else 1_000_000))
            replay = asyncio.create_task(_replaying(edge))
            if life < KILLS:
                assert await asyncio.wait_for(child.wait(), 30) == -9
            else:
                await eventually(lambda: edge.acknowledged() == {1: TOTAL}, 30)
                child.kill()
                await child.wait()
            replay.cancel()
            await asyncio.gather(replay, return_exceptions=True)
    history = open_history(HistorySettings(), tmp_path, clock=SystemClock())
    readings = await history.readings(SeriesId(NODE, "well-01", "level"), T0, T0 + 10**6)
    assert list(readings.value) == [n / 4 for n in range(1, TOTAL + 1)]
    await history.close()


async def _replaying(edge: Edge) -> None:
    """What a journal does: send all that is not acknowledged, over and over, a few at a time."""
    while True:
        for n in range(edge.acknowledged().get(1, 0) + 1, TOTAL + 1):
            edge.send(a_scan(n, historical=True))
            await asyncio.sleep(0.002)
        await asyncio.sleep(0.05)
