"""The backlog's way out: when it is sent, how fast, and that it never gives up or floods. On a virtual clock."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from gateway.journal import Journal
from gateway.replay import PATIENCE_S, PROBE, RATE, WINDOW, Replay
from lampwell.clock import VirtualClock
from lampwell.points import Point
from lampwell.readings import Layout, NodeId, Scan

LAYOUT = Layout(NodeId("a", "e"), "well-01", (Point(path="level"),))


@dataclass
class Road:
    """A host that may be away, a socket that may be full; ``acknowledge`` is what a collector would do."""

    journal: Journal
    open: bool = True
    backlog_bytes: int = 0
    acknowledging: bool = True
    sent: list[int] = field(default_factory=list)
    ends: int = 0

    def resend(self, scan: Scan) -> None:
        assert scan.historical
        self.sent.append(scan.offset or 0)
        if self.acknowledging:
            self.journal.acknowledge(scan.offset or 0)

    def end_of_backlog(self) -> None:
        self.ends += 1


@dataclass
class Rig:
    clock: VirtualClock
    journal: Journal
    road: Road
    replay: Replay

    def add(self, count: int) -> None:
        for n in range(count):
            self.journal.add(Scan(LAYOUT, n, (0,), (float(n),), (0,)))

    async def run(self, seconds: float) -> None:
        """Let time pass; the journal's thread is real, so its answers are waited for."""
        end = self.clock.elapsed + seconds
        while self.clock.elapsed < end:
            await self.clock.advance(min(0.05, end - self.clock.elapsed), settle=3)
            await asyncio.sleep(0.0005)


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    clock = VirtualClock()
    journal = Journal.open(tmp_path / "journal.sqlite", limit_mb=50, now_ms=1, machine=clock)
    road = Road(journal)
    made = Rig(clock, journal, road, Replay(journal, road, clock))
    task = asyncio.create_task(made.replay.run())
    yield made
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await journal.close()


async def test_live_scans_that_are_acknowledged_in_time_are_not_sent_twice(rig: Rig) -> None:
    """The usual day: no historical traffic at all."""
    for _ in range(40):
        rig.add(5)
        rig.journal.acknowledge(rig.journal.last)
        await rig.run(0.5)
    assert rig.road.sent == []


async def test_live_scan_that_was_lost_on_the_way_is_sent_again_after_patience(rig: Rig) -> None:
    """QoS 0 may lose; nobody tells; the missing acknowledgement does."""
    rig.add(3)
    await rig.run(PATIENCE_S - 0.5)
    assert rig.road.sent == []
    await rig.run(1.5)
    assert [offset & 0xFFFFFFFF for offset in rig.road.sent] == [1, 2, 3]


async def test_host_that_comes_back_gets_the_backlog_at_once(rig: Rig) -> None:
    """Oldest first, committed and uncommitted alike, without waiting for any patience."""
    rig.road.open = False
    rig.add(200)
    await rig.journal.flush()
    rig.add(100)
    await rig.run(60)
    assert rig.road.sent == []
    rig.road.open = True
    rig.replay.wake()
    await rig.run(1.5)
    assert [offset & 0xFFFFFFFF for offset in rig.road.sent] == list(range(1, 301))


async def test_backlog_is_paced(rig: Rig) -> None:
    """A day's journal must not push the live scans aside."""
    rig.add(3 * RATE)
    rig.replay.wake()
    await rig.run(1.0)
    assert 0.3 * RATE < len(rig.road.sent) < 1.2 * RATE


async def test_full_socket_stops_the_backlog_until_it_drains(rig: Rig) -> None:
    """Live scans must not queue behind the backlog in a slow modem."""
    rig.add(1000)
    rig.road.backlog_bytes = 1 << 20
    rig.replay.wake()
    await rig.run(1.0)
    few = len(rig.road.sent)
    assert few <= 50
    rig.road.backlog_bytes = 0
    await rig.run(2.0)
    assert len(rig.road.sent) == 1000


async def test_collector_whose_store_is_away_is_asked_but_not_flooded(rig: Rig) -> None:
    """Without acknowledgements each pass is only a probe, and the passes grow rarer; then it catches up by itself."""
    rig.road.acknowledging = False
    rig.add(8000)
    rig.replay.wake()
    await rig.run(60)
    assert PROBE <= len(rig.road.sent) <= 6 * (PROBE + 100) < WINDOW + PROBE + 1000
    rig.road.acknowledging = True
    await rig.run(40)
    assert rig.journal.acknowledged[1] == rig.journal.last


async def test_pass_ends_when_the_host_goes(rig: Rig) -> None:
    """Nothing is sent to a host that is not there."""
    rig.add(4000)
    rig.replay.wake()
    await rig.run(0.5)
    rig.road.open = False
    await rig.run(0.1)
    count = len(rig.road.sent)
    await rig.run(5)
    assert len(rig.road.sent) == count
    assert rig.road.ends == 1
