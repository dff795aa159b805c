"""Real stores on free ports, and scans to put into them."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

import pytest

from bench.influxd import Influxd, free_port, wait_for
from lampwell.assets import HistorySettings
from lampwell.clock import VirtualClock
from lampwell.history import open_history
from lampwell.history.port import History
from lampwell.points import Kind, Point, Value
from lampwell.readings import Layout, NodeId, Scan

NODE = NodeId("oldtown", "edge-1")
T0 = 1_780_000_200_000
"""On a whole quarter of an hour."""

POINTS = (
    Point(path="loop1/i_a", unit="A"),
    Point(path="loop1/on", kind=Kind.BOOL),
    Point(path="loop2/i_a", unit="A"),
    Point(path="energy", kind=Kind.INT, unit="Wh"),
    Point(path="model", kind=Kind.TEXT),
)


def layout(device: str = "cabinet-01", node: NodeId = NODE, points: Sequence[Point] = POINTS) -> Layout:
    return Layout(node, device, tuple(points))


def scan(where: Layout, time: int, values: dict[str, Value | None], flags: dict[str, int] | None = None, **more: object) -> Scan:
    """A scan by point path."""
    at = {point.path: i for i, point in enumerate(where.points)}
    marks = flags or {}
    return Scan(
        where,
        time,
        tuple(at[path] for path in values),
        tuple(values.values()),
        tuple(marks.get(path, 0) for path in values),
        **more,  # type: ignore[arg-type]
    )


@pytest.fixture(scope="session")
def influxd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influxd]:
    server = Influxd(tmp_path_factory.mktemp("influxd"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def victoria(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder, port = tmp_path_factory.mktemp("victoria"), free_port()
    command = ["victoria-metrics", f"-storageDataPath={folder}", f"-httpListenAddr=127.0.0.1:{port}", "-retentionPeriod=100y"]
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    wait_for(f"{url}/health", process)
    yield url
    process.kill()
    process.wait()


@pytest.fixture
def clock() -> VirtualClock:
    return VirtualClock(start_ms=T0 + 40 * 86_400_000)


@pytest.fixture(params=["duckdb", "influx"])
async def history(request: pytest.FixtureRequest, tmp_path: Path, clock: VirtualClock) -> AsyncIterator[History]:
    """Each test that asks for it runs on both stores."""
    settings = HistorySettings(store=request.param)
    if request.param == "influx":
        server: Influxd = request.getfixturevalue("influxd")
        settings = HistorySettings(store="influx", url=server.url, database=f"db {tmp_path.name}")
    store = open_history(settings, tmp_path, clock=clock)
    yield store
    await store.close()
