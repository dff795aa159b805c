"""The command that runs the county, as its own process."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from lampwell.errors import ConfigError, LampwellError
from simulators.cli import sim
from simulators.frames import tcp_frame

from .conftest import free_port

ROOT = Path(__file__).parents[2]
NETWORK = ROOT / "simulators/networks/taihe.inp"


@pytest.fixture
def taihe(tmp_path: Path) -> Path:
    """The demo county on free ports."""
    folder = tmp_path / "taihe"
    shutil.copytree(ROOT / "counties/taihe", folder)
    links = folder / "links.csv"
    links.write_text(re.sub(r"127\.0\.0\.1,\d+", lambda _: f"127.0.0.1,{free_port()}", links.read_text("utf-8")), "utf-8")
    return folder


@asynccontextmanager
async def process(*arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """``python -m simulators`` with these arguments; killed if the test did not end it."""
    running = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "simulators", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        cwd=ROOT,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    try:
        yield running
    finally:
        if running.returncode is None:
            running.kill()
            await running.wait()


async def until(running: asyncio.subprocess.Process, pattern: str) -> re.Match[str]:
    """The first line of output that matches."""
    assert running.stdout is not None
    said = ""
    async with asyncio.timeout(60):
        while line := (await running.stdout.readline()).decode():
            said += line
            if match := re.search(pattern, line):
                return match
    raise AssertionError(said)


@pytest.mark.slow
async def test_the_county_runs_as_a_process_and_ends_on_ctrl_c(taihe: Path, tmp_path: Path) -> None:
    """It says where everything is, answers on the wire, ends on SIGINT with 0, and leaves neither socket nor serial links."""
    data = tmp_path / "data"
    async with process("run", str(taihe), "--data", str(data), "--storm", "P=20", "--speed", "20", "--truth") as running:
        place = await until(running, r"cab-01 +tcp +127\.0\.0\.1:(\d+)")
        await until(running, r"line-rain +rtu")
        reader, writer = await asyncio.open_connection("127.0.0.1", int(place[1]))
        writer.write(tcp_frame(1, 1, bytes.fromhex("0400000003")))
        assert (await asyncio.wait_for(reader.readexactly(15), 10))[:9] == tcp_frame(1, 1, bytes.fromhex("0406000000000000"))[:9]
        writer.close()
        assert (data / "serial/rain").is_symlink()
        running.send_signal(signal.SIGINT)
        assert await asyncio.wait_for(running.wait(), 30) == 0
    assert not (data / "serial/rain").is_symlink()
    assert not (data / "sim.sock").exists()


@pytest.mark.slow
async def test_any_network_becomes_a_county_that_runs(tmp_path: Path) -> None:
    """`sim --inp FILE` makes a county folder, says where it is for gateway and collector, and serves it."""
    async with process("--inp", str(NETWORK), "--data", str(tmp_path / "data")) as running:
        made = await until(running, r"county made from .* in (\S+)")
        assert (Path(made[1]) / "county.toml").is_file()
        end = await until(running, r"devices on \d+ links|already in use")
        running.send_signal(signal.SIGINT)
        assert "already in use" in end[0] or await asyncio.wait_for(running.wait(), 30) == 0


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--scenario", "fog"], "this county's own are: dusk, fast-storm, link-troubles, night-lamps, power-cut"),
        (["--replay", "ponding-9=x.csv"], "no such device"),
        (["--replay", "ponding-1=missing.csv"], "can not be read: there is no such file"),
    ],
)
def test_what_can_not_be_run_is_told_in_words(taihe: Path, tmp_path: Path, arguments: list[str], complaint: str) -> None:
    """A wrong scenario or record ends in one message that names it."""
    result = CliRunner().invoke(sim, ["run", str(taihe), "--data", str(tmp_path / "d"), *arguments])
    assert isinstance(result.exception, ConfigError | LampwellError), result.output
    assert complaint in str(result.exception)
