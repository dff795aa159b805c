"""``python -m gateway`` as people run it: signals, refusals, and kill -9."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bench.county_files import county_files, write_files

from .conftest import Host, Mosquitto, Units, eventually

POINTS = (
    '  { path = "a", address = 0, zh = "甲", en = "A" },',
    '  { path = "b", address = 1, zh = "乙", en = "B" },',
)


def write_folder(folder: Path, *, broker: int, field: int, units: int = 3) -> Path:
    return write_files(
        folder,
        county_files(
            broker=broker,
            points=POINTS,
            links=[("127.0.0.1", field)],
            units=((f"meter-{unit}", 0, unit) for unit in range(1, units + 1)),
            interval_s=0.1,
        ),
    )


@contextlib.asynccontextmanager
async def process(folder: Path, data: Path, *options: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A gateway process, ended by SIGTERM at the latest."""
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "gateway", str(folder), "--data", str(data), *options, stderr=asyncio.subprocess.PIPE
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.terminate()
        await child.wait()


@pytest.fixture
def folder(tmp_path: Path, mosquitto: Mosquitto, units: Units) -> Path:
    return write_folder(tmp_path / "county", broker=mosquitto.port, field=units.port)


async def test_kill_minus_nine_loses_nothing_that_was_committed(folder: Path, tmp_path: Path, host: Host) -> None:
    """Four lives, each killed at a random instant; in the end every segment is stored without a hole, no offset twice."""
    chance = random.Random(3)
    for _ in range(4):
        before = len(host.scans)
        async with process(folder, tmp_path / "data") as child:
            await eventually(lambda before=before: len(host.scans) > before + 3)  # type: ignore[misc]
            await asyncio.sleep(chance.random())
            child.kill()
    async with process(folder, tmp_path / "data") as child:
        before = len(host.scans)
        await eventually(lambda: len(host.scans) > before + 20)
        child.terminate()
        assert await child.wait() == 0
    assert len({segment for _, segment in host.offsets}) == 5
    for rows in host.offsets.values():
        assert rows == set(range(1, len(rows) + 1))
    seen: dict[tuple[str | None, int | None], tuple[object, ...]] = {}
    for scan in host.scans:
        content = (scan.layout.device, scan.time, scan.values)
        assert seen.setdefault((scan.journal, scan.offset), content) == content


async def test_hangup_loads_a_good_county_and_refuses_a_bad_one(
    folder: Path, tmp_path: Path, host: Host, mosquitto: Mosquitto, units: Units
) -> None:
    """SIGHUP with a broken file: polled on, said in the log. SIGHUP with a mended one: the new unit is born."""
    async with process(folder, tmp_path / "data") as child:
        await eventually(lambda: host.of("meter-1"))
        devices = folder / "devices.csv"
        devices.write_text(devices.read_text(encoding="utf-8") + "meter-9,meter,link-0,x,town\n", encoding="utf-8")
        child.send_signal(signal.SIGHUP)
        assert child.stderr is not None
        async with asyncio.timeout(20):
            while "line 5" not in (await child.stderr.readline()).decode():
                pass
        count = len(host.of("meter-1"))
        await eventually(lambda: len(host.of("meter-1")) > count + 3)
        write_folder(folder, broker=mosquitto.port, field=units.port, units=4)
        child.send_signal(signal.SIGHUP)
        await eventually(lambda: len(host.of("meter-4")) > 2)


@pytest.mark.parametrize(("options", "said"), [(("--edge", "edge-7"), "edge-1"), ((), "refused.csv")])
async def test_what_can_not_run_ends_with_a_sentence_and_no_traceback(
    options: tuple[str, ...], said: str, folder: Path, tmp_path: Path
) -> None:
    """An unknown edge node, or a file that is not understood: exit code 2 and what is wrong."""
    if not options:
        (folder / "links.csv").write_text("id,edge,transport,host,port\nlink-1,nowhere,tcp,127.0.0.1,99999\n", encoding="utf-8")
        said = "links.csv"
    async with process(folder, tmp_path / "data", *options) as child:
        assert child.stderr is not None
        text = (await child.stderr.read()).decode()
        assert await child.wait() == 2
    assert said in text
    assert "Traceback" not in text


async def test_second_gateway_on_the_same_data_is_refused(folder: Path, tmp_path: Path, host: Host) -> None:
    """Two processes on one journal would give the same offsets to different scans."""
    async with process(folder, tmp_path / "data"):
        await eventually(lambda: host.of("meter-1"))
        async with process(folder, tmp_path / "data") as second:
            assert second.stderr is not None
            text = (await second.stderr.read()).decode()
            assert await second.wait() == 1
        assert "another process" in text
        assert "Traceback" not in text
