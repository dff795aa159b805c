"""``lampwell plan`` and ``lampwell poll`` as an engineer uses them."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from pyModbusTCP.server import DataBank, ModbusServer

import gateway.cli
from lampwell.assets import Broker, County, Device, DeviceKind, HistorySettings, Intervals, Link, Transport
from lampwell.points import Kind, Point, PollClass
from lampwell.points import Tests as QualityTests
from lampwell.profiles.model import Encoding, Profile, Register, Space, Window, WireType


def point(path: str, kind: Kind = Kind.FLOAT, **more: Any) -> Point:
    return Point(path=path, kind=kind, zh=more.pop("zh", "水位"), en=more.pop("en", "level"), **more)


PROFILE = Profile(
    id="well",
    zh="窨井",
    en="well",
    source="test",
    registers=(
        Register(
            point=point("level", unit="m", tests=QualityTests(low=0, high=5)),
            space=Space.HOLDING,
            address=0,
            encoding=Encoding(type=WireType.U16, scale=0.001, sentinels=(0xFFFF,)),
        ),
        Register(
            point=point("gap", unit="m", zh="空高", en="air gap"),
            space=Space.HOLDING,
            address=1,
            encoding=Encoding(type=WireType.U16, scale=0.001, sentinels=(0xFFFF,)),
        ),
        Register(
            point=point("far", tests=QualityTests(high=1)), space=Space.HOLDING, address=2, encoding=Encoding(type=WireType.U16)
        ),
        Register(
            point=point("cover", Kind.BOOL, zh="井盖", en="cover", poll=PollClass.SLOW),
            space=Space.COIL,
            address=3,
            encoding=Encoding(type=WireType.BOOL),
        ),
        Register(point=point("gone", poll=PollClass.SLOW), space=Space.INPUT, address=900, encoding=Encoding(type=WireType.U16)),
    ),
    windows=(
        Window(space=Space.HOLDING, first=0, last=9),
        Window(space=Space.COIL, first=0, last=9),
        Window(space=Space.INPUT, first=900, last=909),
    ),
)
DEVICE = Device(
    id="well-01",
    kind=DeviceKind.WELL,
    profile=PROFILE,
    link="w",
    unit=1,
    area="a",
    zh="一号井",
    en="well 1",
    intervals=Intervals(dry_s=60, watch_s=30, storm_s=10),
)


@pytest.fixture
def field() -> Iterator[ModbusServer]:
    """A well of another make: 1.234 m, no air gap, one value out of range, cover open; no input register 900."""
    bank = DataBank(coils_size=10, d_inputs_size=10, h_regs_size=10, i_regs_size=10)
    bank.set_holding_registers(0, [1234, 0xFFFF, 7])
    bank.set_coils(3, [True])
    server = ModbusServer(host="127.0.0.1", port=0, no_block=True, data_bank=bank)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def lampwell(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Run a command on a county of one well at that port."""

    def run(command: str, port: int, *args: str, **device: Any) -> Result:
        county = County(
            id="c",
            zh="",
            en="",
            latitude=26.8,
            longitude=114.9,
            time_zone="Asia/Shanghai",
            folder=tmp_path,
            broker=Broker(host="", port=0),
            history=HistorySettings(),
            areas=(),
            roads=(),
            edges=(),
            links=(Link(id="w", edge="e", transport=Transport.TCP, host="127.0.0.1", port=port, timeout_s=0.3),),
            devices=(replace(DEVICE, **device),),
        )
        monkeypatch.setattr(gateway.cli, "load", lambda _folder: county)
        return CliRunner().invoke(getattr(gateway.cli, command), [str(tmp_path), *args])

    return run


def row(result: Result, path: str) -> str:
    """The line of a point."""
    return next(line for line in result.output.splitlines() if line.split()[:1] == [path])


def test_poll_shows_values_units_raw_and_why_not(field: ModbusServer, lampwell: Any) -> None:
    """One table of points in both languages; what was refused says so and costs the others nothing."""
    result = lampwell("poll", field._service.server_address[1], "well-01")
    assert result.exit_code == 0, result.output
    assert row(result, "level").split() == ["level", "水位", "level", "1.234", "m", "04d2"]
    assert "无值 not available" in row(result, "gap")
    assert "ffff" in row(result, "gap")
    assert "超出量程" in row(result, "far")
    assert "True" in row(result, "cover")
    assert "未读到" in row(result, "gone")
    assert "exception 2 (illegal data address)" in result.output
    assert " ms  ok" in result.output


def test_poll_of_a_link_that_is_down(lampwell: Any) -> None:
    """Nobody listens: said so, exit code 1, no traceback."""
    result = lampwell("poll", 1, "well-01")
    assert result.exit_code == 1
    assert "链路不通 link down: connect 127.0.0.1:1" in result.output


def test_poll_of_a_unit_that_is_silent(lampwell: Any) -> None:
    """The link is there, the unit is not: no answer, with what to look at."""
    ready, port = threading.Event(), []

    async def silent() -> None:
        server = await asyncio.start_server(lambda _r, _w: asyncio.sleep(5), "127.0.0.1", 0)
        port.append(server.sockets[0].getsockname()[1])
        ready.set()
        await asyncio.sleep(5)

    threading.Thread(target=lambda: asyncio.run(silent()), daemon=True).start()
    assert ready.wait(5)
    result = lampwell("poll", port[0], "well-01")
    assert result.exit_code == 1
    assert "无应答 no answer" in result.output
    assert "wiring" in result.output


def test_poll_of_a_device_that_does_not_exist(lampwell: Any) -> None:
    """The names there are."""
    result = lampwell("poll", 1, "well-99")
    assert result.exit_code == 2
    assert "there are: well-01" in result.output


def test_plan_prints_requests_seconds_and_load(lampwell: Any) -> None:
    """Per link the cycle and the load, per device the requests."""
    result = lampwell("plan", 1)
    assert result.exit_code == 0, result.output
    assert "cycle 周期: fast 0.010 s, slow 0.020 s" in result.output
    assert row(result, "well-01").split() == ["well-01", "1", "5", "1", "2", "0", "5", "0.010"]


def test_plan_of_one_device_names_every_point(lampwell: Any) -> None:
    """Each request with its class, address, count, seconds and points."""
    result = lampwell("plan", 1, "--device", "well-01")
    assert "fast    holding 0+3  (0.010 s): level, gap, far" in result.output
    assert "slow    coil 3+1" in result.output
