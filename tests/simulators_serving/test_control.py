"""Live control over the socket in the data folder, as a library and as the command line."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from simulators.cli import clock_for, sim, start_time
from simulators.control import NoSimulation, ask
from simulators.frames import tcp_frame

from .conftest import Start, TableWorld
from .test_wire import connected, is_silent

READ = bytes.fromhex("0400010001")


async def cli(*arguments: str) -> tuple[int, str]:
    result = await asyncio.to_thread(CliRunner().invoke, sim, list(arguments))
    return result.exit_code, result.output


async def test_a_live_fault_from_the_command_line(start: Start, world: TableWorld, tmp_path: Path) -> None:
    """`sim fault` silences a device on the wire and lets it speak again; a field fault reaches the world."""
    data = str(tmp_path / "data")
    async with start() as simulation, connected(simulation, "tcp-1") as (reader, writer):
        code, text = await cli("fault", "cabinet-01", "silent", "--for", "10m", "--data", data)
        assert (code, text) == (0, "  cabinet-01: silent\n")
        writer.write(tcp_frame(1, 1, READ))
        assert await is_silent(reader)
        assert (await cli("fault", "cabinet-01", "silent", "--clear", "--data", data))[1] == "no faults set 无故障\n"
        writer.write(tcp_frame(2, 1, READ))
        assert (await asyncio.wait_for(reader.readexactly(11), 5))[:2] == b"\0\2"
        await cli("fault", "cabinet-01/loop1", "open", "2", "--data", data)
        assert world.set == {("cabinet-01/loop1", "open"): 2}


async def test_the_other_commands(start: Start, world: TableWorld, tmp_path: Path) -> None:
    """`faults` lists in Chinese and English, `storm` begins one, `status` tells how it stands, `truth` only where allowed."""
    data = str(tmp_path / "data")
    async with start(truth=True):
        listed = (await cli("faults", "cabinet-01/loop1", "--data", data))[1]
        assert listed == "cabinet-01/loop1  open               回路断开  loop open\n"
        assert "暴雨已开始" in (await cli("storm", "P=20", "--minutes", "60", "--data", data))[1]
        assert world.storms == [(20, 60)]
        status = json.loads((await cli("status", "--json", "--data", data))[1])
        assert status["running"]
        assert [link["id"] for link in status["links"]] == ["tcp-1", "rtu-tcp-1", "rtu-1"]
        assert "2 units" in (await cli("status", "--data", data))[1]
        assert json.loads((await cli("truth", "--data", data))[1]) == {"cabinet-01/depth": 0.25}


async def test_the_truth_is_not_told_without_leave(start: Start, tmp_path: Path) -> None:
    """Ground truth is for tests; a running county keeps it to itself."""
    async with start():
        assert "--truth" in (await cli("truth", "--data", str(tmp_path / "data")))[1]


@pytest.mark.parametrize(
    ("request_", "reason"),
    [
        ({"do": "fault", "target": "cabinet-99", "name": "silent"}, "no such target 'cabinet-99'; near it"),
        ({"do": "fault", "target": "cabinet-01", "name": "quiet"}, "has no fault 'quiet'"),
        ({"do": "fault", "target": "cabinet-01", "name": "late", "value": "much"}, "value must be a number"),
        ({"do": "fault", "target": "cabinet-01", "name": "late", "value": 99}, "a number from 0 to 60"),
        ({"do": "fault"}, "unknown request"),
        ({"do": "storm", "return_period": "big"}, "unknown request"),
        ({}, "unknown request"),
    ],
)
async def test_refusals_say_why(start: Start, tmp_path: Path, request_: dict[str, object], reason: str) -> None:
    """Whatever is asked wrongly is answered with the reason, and the simulation goes on."""
    async with start():
        with pytest.raises(ValueError, match=reason):
            await asyncio.to_thread(ask, tmp_path / "data/sim.sock", request_)


async def test_nonsense_on_the_socket_is_survived(start: Start, tmp_path: Path) -> None:
    """Bytes that are no JSON get an error; an endless line costs its connection only."""
    path = tmp_path / "data/sim.sock"
    async with start():
        reader, writer = await asyncio.open_unix_connection(path)
        writer.write(b"\xff{\n[1]\n")
        assert not json.loads(await reader.readline())["ok"]
        assert json.loads(await reader.readline())["error"] == "a request is a JSON object"
        writer.write(b"x" * 300_000)
        with contextlib.suppress(ConnectionResetError):
            assert await reader.read() == b""
        writer.close()
        assert (await asyncio.to_thread(ask, path, {"do": "status"}))["running"]


async def test_only_the_owner_may_open_the_socket(start: Start, tmp_path: Path) -> None:
    """Mode 0600 from the first moment; gone at the end."""
    path = tmp_path / "data/sim.sock"
    async with start():
        assert path.stat().st_mode & 0o777 == 0o600
    assert not path.exists()


async def test_two_simulations_can_not_share_a_folder(start: Start) -> None:
    """The second is told so, and the first is not disturbed."""
    async with start() as first:
        with pytest.raises(NoSimulation, match="another simulation is running"):
            async with start():
                pass
        assert first.status().running


async def test_a_socket_left_by_a_killed_simulation_is_no_obstacle(start: Start, tmp_path: Path) -> None:
    """After kill -9 the file stays; the next start takes its place."""
    (tmp_path / "data").mkdir()
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(tmp_path / "data/sim.sock"))
    left.close()
    async with start() as simulation:
        assert simulation.status().running


async def test_without_a_simulation_the_command_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No socket, or no folder to look in: one line that tells what to do."""
    code, text = await cli("status", "--data", str(tmp_path))
    assert (code, "no simulation answers there" in text) == (1, True)
    monkeypatch.chdir(tmp_path)
    code, text = await cli("status")
    assert (code, "say which folder with --data" in text) == (2, True)


async def test_a_folder_too_deep_for_a_socket_is_told(start: Start, tmp_path: Path) -> None:
    """Unix sockets have short paths; the message says so instead of a bare system error."""
    with pytest.raises(NoSimulation, match="may have 107 bytes"):
        async with start(data_dir=tmp_path / ("x" * 120)):
            pass


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["storm", "P=often"], "write a return period in years"),
        (["fault", "a", "b", "--for", "soon"], "is no duration"),
        (["fault", "a", "b", "1", "--clear"], "--clear goes without a value"),
        (["run"], "say which county"),
        (["--speed", "2", "status"], "after the sub-command"),
    ],
)
async def test_a_wrong_command_line(arguments: list[str], complaint: str) -> None:
    """Each mistake is named; exit code 2."""
    code, text = await cli(*arguments)
    assert code == 2
    assert complaint in text


def test_start_times_are_county_time() -> None:
    """18:30 in Taihe is 10:30 UTC; an offset of its own is honoured; nonsense is refused."""
    assert start_time("2026-06-21T18:30", "Asia/Shanghai") == 1_782_037_800_000
    assert start_time("2026-06-21T10:30+00:00", "Asia/Shanghai") == 1_782_037_800_000
    with pytest.raises(click.BadParameter, match="write a time like"):
        start_time("tonight", "Asia/Shanghai")
    with pytest.raises(click.BadParameter, match="between 1 and 60"):
        clock_for(None, 61, "Asia/Shanghai")
