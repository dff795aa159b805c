"""``python -m collector`` as a service of its own: it stores, answers queries while it runs, and ends well when told."""

from __future__ import annotations

import asyncio
import shutil
import signal
import sys
from pathlib import Path

from lampwell.assets import Broker
from lampwell.sparkplug.messages import HostState

from .conftest import Edge, a_scan, eventually, running

ROOT = Path(__file__).parents[2]


async def test_the_service_stores_answers_and_ends(broker: Broker, tmp_path: Path) -> None:
    """A process of its own with the demo county: acknowledged readings are in its answers; SIGTERM ends it with 0."""
    folder = tmp_path / "county"
    shutil.copytree(ROOT / "counties" / "taihe", folder)
    toml = folder / "county.toml"
    toml.write_text(toml.read_text(encoding="utf-8").replace("port = 1883", f"port = {broker.port}"), encoding="utf-8")
    command = [sys.executable, "-m", "collector", str(folder), "--data", str(tmp_path / "data")]
    service = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stderr=asyncio.subprocess.PIPE)
    try:
        async with running(Edge(broker)) as edge:
            await eventually(lambda: any(isinstance(event, HostState) and event.online for event in edge.events))
            edge.send(a_scan(1))  # before its birth was heard
            await asyncio.sleep(0.3)
            edge.send(*(a_scan(n, historical=True) for n in range(1, 4)))
            await eventually(lambda: edge.acknowledged() == {1: 3})
            ask = [
                sys.executable,
                "-c",
                "from deploy.cli import main; main()",
                "query",
                str(folder),
                "--data",
                str(tmp_path / "data"),
            ]
            listing = await _output(*ask, "well-01/level", "--from", "2026-01-01", "--to", "2027-01-01", "--format", "csv")
            assert [line.split(",")[2] for line in listing.splitlines()[1:]] == ["0.25", "0.5", "0.75"]
            service.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(service.wait(), 20) == 0
            await eventually(lambda: any(isinstance(event, HostState) and not event.online for event in edge.events[-2:]))
        assert not (tmp_path / "data" / "history.sock").exists()
        assert "0.75" in await _output(*ask, "--latest")
    finally:
        if service.returncode is None:
            service.kill()
            await service.wait()


async def _output(*command: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()
