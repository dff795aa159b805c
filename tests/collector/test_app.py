"""The collector on a real broker with a real edge session: stored, acknowledged, told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from collector.app import Collector
from collector.remote import ask_owner
from lampwell.assets import Broker
from lampwell.clock import SystemClock
from lampwell.history import open_history
from lampwell.history.port import History, SeriesId
from lampwell.points import Point
from lampwell.readings import Flag, Layout, NodeId
from lampwell.sparkplug.host import HostSession

from .conftest import NODE, T0, Edge, a_scan, county_of, eventually, row, running

LEVEL = SeriesId(NODE, "well-01", "level")


@asynccontextmanager
async def collecting(broker: Broker, folder: Path, host_id: str) -> AsyncIterator[tuple[Collector, History]]:
    county = county_of(broker, folder, host_id=host_id)
    history = open_history(county.history, folder, clock=SystemClock())
    collector = Collector(county, history, clock=SystemClock(), data_dir=folder)
    task = asyncio.create_task(collector.run())
    try:
        await eventually(lambda: collector.status().broker)
        yield collector, history
        await collector.stop()
        await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await history.close()


async def test_a_scan_is_stored_and_its_edge_is_told(broker: Broker, tmp_path: Path) -> None:
    """The way of a reading: wire, store, acknowledgement up to the first hole."""
    async with collecting(broker, tmp_path, "h1") as (collector, history), running(Edge(broker, "h1")) as edge:
        await eventually(lambda: any(node.journal for node in collector.status().nodes))
        edge.send(*(a_scan(n) for n in (1, 2, 3, 5)))
        await eventually(lambda: edge.acknowledged() == {1: 3})
        edge.send(a_scan(4, historical=True))
        await eventually(lambda: edge.acknowledged() == {1: 5})
        readings = await history.readings(LEVEL, T0, T0 + 60_000)
        assert list(readings.value) == [0.25, 0.5, 0.75, 1.0, 1.25]
        status = collector.status()
        assert (status.ingest.stored, status.ingest.scans, status.ingest.duplicates) == (15, 5, 0)
        assert status.nodes[0].acknowledged == {1: row(1, 5)}
        assert status.nodes[0].devices == {"well-01": True}


async def test_what_comes_again_is_stored_once_and_acknowledged_again(broker: Broker, tmp_path: Path) -> None:
    """An edge that did not hear the acknowledgement replays; the store keeps one of each, over a restart of the collector too."""
    async with running(Edge(broker, "h2")) as edge:
        async with collecting(broker, tmp_path, "h2") as (collector, _):
            edge.send(a_scan(1))  # before its birth was heard: not understood, but answered by a request for it
            await eventually(lambda: any(node.journal for node in collector.status().nodes))
            edge.send(a_scan(1), a_scan(2))
            await eventually(lambda: edge.acknowledged() == {1: 2})
        edge.stored.clear()
        async with collecting(broker, tmp_path, "h2") as (collector, history):
            edge.send(a_scan(3))
            await eventually(lambda: edge.acknowledged() == {1: 2})
            edge.stored.clear()
            edge.send(a_scan(1, historical=True), a_scan(2, historical=True), a_scan(3))
            await eventually(lambda: edge.acknowledged() == {1: 3})
            assert list((await history.readings(LEVEL, T0, T0 + 60_000)).value) == [0.25, 0.5, 0.75]
            assert collector.status().ingest.duplicates == 2


async def test_what_the_journal_dropped_does_not_hold_up_the_rest(broker: Broker, tmp_path: Path) -> None:
    """The edge says in its birth that rows below 1:10 are gone: 10 and 11 are acknowledged without them."""
    edge = Edge(broker, "h3", journal_first=row(1, 10))
    async with collecting(broker, tmp_path, "h3") as (collector, _), running(edge):
        await eventually(lambda: any(node.journal for node in collector.status().nodes))
        edge.send(a_scan(10), a_scan(11))
        await eventually(lambda: edge.acknowledged() == {1: 11})


async def test_a_foreign_node_is_stored_without_the_promise(broker: Broker, tmp_path: Path) -> None:
    """An edge node without a journal: its birth values and its data are stored once each, nothing is acknowledged."""
    layout = Layout(NODE, "well-01", (Point(path="Level Of Water", unit="m"),))
    edge = Edge(broker, "h4", journal="", layouts=(layout,))
    async with collecting(broker, tmp_path, "h4") as (collector, history), running(edge):
        await eventually(lambda: collector.status().nodes and collector.status().nodes[0].devices)
        for n in (1, 2):
            edge.send(replace(a_scan(n, where=layout), index=(0,), values=(n / 4,), flags=(0,), offset=None, journal=None))
        level = SeriesId(NODE, "well-01", "Level Of Water")
        await eventually(lambda: collector.status().ingest.stored >= 2)
        for message in edge.session.received(*_rebirth(NODE), now=T0)[0]:
            edge.transport.publish(message)
        edge.send(replace(a_scan(3, where=layout), index=(0,), values=(0.75,), flags=(0,), offset=None, journal=None))
        await eventually(lambda: collector.live.device(NODE, "well-01")[0].time == T0 + 3000)
        await eventually(lambda: collector.status().ingest.waiting == 0)
        readings = await history.readings(level, T0, T0 + 60_000)
        assert list(readings.value) == [None, 0.25, 0.5, 0.75], "born without a value; the rebirth repeated 0.5, which was stored"
        assert edge.stored == []


def _rebirth(node: NodeId) -> tuple[str, bytes]:
    message = HostSession("x").command(node, "", {"Node Control/Rebirth": True}, 1)
    return message.topic, message.payload


async def test_a_dead_node_makes_its_live_values_stale(broker: Broker, tmp_path: Path) -> None:
    """NDEATH marks everything of the node; the values stay readable, and a birth makes them fresh again."""
    async with collecting(broker, tmp_path, "h5") as (collector, _):
        edge = Edge(broker, "h5")
        async with running(edge):
            await eventually(lambda: any(node.journal for node in collector.status().nodes))
            edge.send(a_scan(1))
            await eventually(lambda: any(one.time == T0 + 1000 for one in collector.live.latest()))
            assert not any(one.flags & Flag.STALE for one in collector.live.device(NODE, "well-01"))
        await eventually(lambda: all(one.flags & Flag.STALE for one in collector.live.latest()))
        assert not collector.status().nodes[0].alive
        (level, *_) = collector.live.device(NODE, "well-01")
        assert (level.value, str(level.series.id)) == (0.25, "well-01/level")


async def test_the_owner_answers_for_the_store(broker: Broker, tmp_path: Path) -> None:
    """Another connection asks through history.sock and gets what the store itself answers; afterwards the socket is gone."""
    async with collecting(broker, tmp_path, "h6") as (collector, history), running(Edge(broker, "h6")) as edge:
        await eventually(lambda: any(node.journal for node in collector.status().nodes))
        edge.send(*(a_scan(n) for n in range(1, 40)))
        await eventually(lambda: edge.acknowledged() == {1: 39})
        assert (tmp_path / "history.sock").stat().st_mode & 0o777 == 0o600
        remote = await ask_owner(tmp_path)
        assert remote is not None
        assert list(await remote.series("*level")) == list(await history.series("*level"))
        assert list(await remote.latest()) == list(await history.latest())
        mine, theirs = await history.readings(LEVEL, T0, T0 + 60_000), await remote.readings(LEVEL, T0, T0 + 60_000)
        assert (list(theirs.time), list(theirs.value)) == (list(mine.time), list(mine.value))
        (own,) = await history.buckets([LEVEL], T0, T0 + 60_000, 15_000)
        (far,) = await remote.buckets([LEVEL], T0, T0 + 60_000, 15_000)
        assert [list(far.time), list(far.mean), list(far.count)] == [list(own.time), list(own.mean), list(own.count)]
        assert list(await remote.gaps(LEVEL, T0, T0 + 60_000, 10_000)) == list(await history.gaps(LEVEL, T0, T0 + 60_000, 10_000))
        await remote.close()
    assert await ask_owner(tmp_path) is None
    assert not (tmp_path / "history.sock").exists()
