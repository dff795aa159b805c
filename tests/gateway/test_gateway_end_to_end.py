"""The whole gateway against a real broker and a real Modbus server: nothing accepted is lost, whatever goes away."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.app import Gateway
from lampwell.assets import County
from lampwell.clock import SystemClock
from lampwell.errors import ConfigError, Problem

from .conftest import Host, Mosquitto, Units, eventually, make_county


@contextlib.asynccontextmanager
async def running(county: County, data: Path, reload: Callable[[], County] | None = None) -> AsyncIterator[Gateway]:
    gateway = Gateway(county, "edge-1", clock=SystemClock(), data_dir=data, reload=reload)
    task = asyncio.create_task(gateway.run())
    try:
        yield gateway
    finally:
        await gateway.stop()
        await task


@pytest.fixture
def county(tmp_path: Path, mosquitto: Mosquitto, units: Units) -> County:
    return make_county(tmp_path, broker=mosquitto.port, field=units.port)


def contiguous(host: Host, journal: str) -> bool:
    """Every offset from 1 on of every segment of this journal has arrived."""
    return all(rows == set(range(1, len(rows) + 1)) for (each, _), rows in host.offsets.items() if each == journal)


async def all_stored(host: Host, gateway: Gateway) -> None:
    """Wait until the field has stopped moving and the host has every offset that was given."""
    journal = gateway.status().journal.id
    await eventually(lambda: contiguous(host, journal) and gateway.status().journal.backlog < 30, 40)


async def test_readings_reach_the_host_with_births_before_them(county: County, tmp_path: Path, host: Host) -> None:
    """Registers become readings of born devices; the status says so."""
    async with running(county, tmp_path / "data") as gateway:
        await eventually(lambda: len(host.of("meter-3")) > 5)
        status = gateway.status()
        assert status.broker
        assert status.host
        assert {unit.state for unit in status.links[0].units} == {"ok"}
        assert status.readings >= 4 * 3 * 5
        assert status.polls > 10
    scans = host.of("meter-3")
    assert scans[0].index == (0, 1, 2, 3)
    assert [round(v * 10) - round(scans[0].values[0] * 10) for v in scans[0].values] == [0, 2, 4, 6]  # type: ignore[operator]
    assert host.births("meter-3") == 1


async def test_health_is_published_and_journaled_like_any_scan(county: County, tmp_path: Path, host: Host) -> None:
    """The node's own points arrive, with units and offsets."""
    async with running(county, tmp_path / "data"):
        await eventually(lambda: host.of(""))
    scan = host.of("")[0]
    paths = [scan.layout.points[i].path for i in scan.index]
    assert {"version", "journal/backlog", "link/link-1/connected", "unit/meter-1/state"} <= set(paths)
    assert scan.offset is not None


async def test_acknowledged_scans_leave_the_journal(county: County, tmp_path: Path, host: Host) -> None:
    """With a host that stores, the backlog stays as small as a second of scans."""
    async with running(county, tmp_path / "data") as gateway:
        await eventually(lambda: gateway.status().scans > 60)
        await eventually(lambda: 0 < gateway.status().journal.backlog < 60)
        assert max(host.floors.values()) > 20


async def test_nothing_is_lost_while_the_host_does_not_store(county: County, tmp_path: Path, host: Host) -> None:
    """A store that is away: the gap is filled from the journal when it is back, as historical, without a restart of anything."""
    async with running(county, tmp_path / "data") as gateway:
        await eventually(lambda: len(host.of("meter-1")) > 3)
        host.storing = False
        before = gateway.status().scans
        await eventually(lambda: gateway.status().scans > before + 40)
        host.storing = True
        await eventually(lambda: any(s.historical for s in host.scans), 40)
        await all_stored(host, gateway)


async def test_nothing_is_lost_while_the_broker_is_away(county: County, tmp_path: Path, host: Host, mosquitto: Mosquitto) -> None:
    """The broker's power cut: polling goes on, the journal fills, and everything arrives when it is back."""
    async with running(county, tmp_path / "data") as gateway:
        await eventually(lambda: len(host.of("meter-1")) > 3)
        mosquitto.kill()
        before = gateway.status().scans
        await eventually(lambda: gateway.status().scans > before + 40)
        mosquitto.start()
        await eventually(lambda: any(s.historical for s in host.scans), 40)
        await all_stored(host, gateway)


async def test_backlog_of_an_earlier_life_is_sent_first_thing(
    county: County, tmp_path: Path, mosquitto: Mosquitto, units: Units
) -> None:
    """Scans accepted before a restart with nobody listening arrive after it, also those of a unit that is dead by now."""
    async with running(county, tmp_path / "data") as gateway:
        await eventually(lambda: gateway.status().scans > 30)
    count = gateway.status().scans
    units.dead.add(2)
    async with (
        Host(county.broker).running() as host,
        running(county, tmp_path / "data") as again,
    ):
        await eventually(lambda: any(len(rows) == count for (_, segment), rows in host.offsets.items() if segment == 1))
        assert host.of("meter-2")
        await eventually(lambda: host.deaths("meter-2"))
        await all_stored(host, again)


async def test_dead_unit_dies_on_the_wire_and_is_born_again(county: County, tmp_path: Path, host: Host, units: Units) -> None:
    """DDEATH when it stops answering, DBIRTH and a full scan when it answers again; the others go on."""
    async with running(county, tmp_path / "data"):
        await eventually(lambda: len(host.of("meter-2")) > 2)
        units.dead.add(2)
        await eventually(lambda: host.deaths("meter-2"))
        others = len(host.of("meter-1"))
        units.dead.clear()
        await eventually(lambda: host.births("meter-2") == 2)
        await eventually(lambda: len(host.of("meter-1")) > others)


async def test_refused_block_has_no_value_and_is_bad(county: County, tmp_path: Path, host: Host, units: Units) -> None:
    """A device that refuses a block: its points say bad and null, never an old or invented number."""
    units.refused.add(1)
    async with running(county, tmp_path / "data"):
        await eventually(lambda: host.of("meter-1"))
    assert {s.values for s in host.of("meter-1")} == {(None,) * 4}
    assert all(all(flags) for s in host.of("meter-1") for flags in [s.flags])


async def test_reload_adds_a_device_and_loses_nothing(county: County, tmp_path: Path, host: Host, units: Units) -> None:
    """A good new configuration: the new device is born, others go on, no offset is missing."""
    more = make_county(tmp_path, broker=county.broker.port, field=units.port, units=5)
    async with running(county, tmp_path / "data", lambda: more) as gateway:
        await eventually(lambda: len(host.of("meter-1")) > 3)
        assert await gateway.reload() == ()
        await eventually(lambda: len(host.of("meter-5")) > 3)
        await all_stored(host, gateway)
    assert host.births("meter-1") <= 3  # its own, and those of the two new NBIRTHs: never one for the reload itself


async def test_reload_with_other_points_keeps_the_old_backlog_readable(
    county: County, tmp_path: Path, host: Host, units: Units
) -> None:
    """Scans accepted under the old layout and sent after the reload still carry the old names."""
    other = make_county(tmp_path, broker=county.broker.port, field=units.port, points=2, prefix="q")
    async with running(county, tmp_path / "data", lambda: other) as gateway:
        await eventually(lambda: len(host.of("meter-1")) > 3)
        host.storing = False
        before = gateway.status().scans
        await eventually(lambda: gateway.status().scans > before + 20)
        assert await gateway.reload() == ()
        after = gateway.status().scans
        await eventually(lambda: gateway.status().scans > after + 20)
        host.storing = True
        await all_stored(host, gateway)
    names = [tuple(s.layout.points[i].path for i in s.index) for s in host.of("meter-1")]
    assert {name[0][0] for name in names} == {"p", "q"}


@pytest.mark.parametrize("what", ["broken file", "other broker"])
async def test_bad_reload_leaves_the_old_configuration_running(
    what: str, county: County, tmp_path: Path, host: Host, caplog: pytest.LogCaptureFixture
) -> None:
    """It says what is wrong, in the answer, the log and the status, and polls on as before."""

    def reload() -> County:
        if what == "broken file":
            raise ConfigError([Problem("devices.csv", "line 3", "unit 'x' is no number")])
        return replace(county, broker=replace(county.broker, port=1))

    async with running(county, tmp_path / "data", reload) as gateway:
        await eventually(lambda: len(host.of("meter-1")) > 2)
        problems = await gateway.reload()
        count = len(host.of("meter-1"))
        await eventually(lambda: len(host.of("meter-1")) > count + 3)
        assert problems == gateway.status().problems
        assert len(problems) == 1
        assert problems[0] in caplog.text


async def test_stop_commits_and_says_goodbye(county: County, tmp_path: Path, host: Host) -> None:
    """After a clean stop everything that was given an offset is in the file or stored, and the host knows the node is gone."""
    async with running(county, tmp_path / "data") as gateway:
        await eventually(lambda: len(host.of("meter-1")) > 3)
    await eventually(lambda: any(type(event).__name__ == "NodeDied" for event in host.events))
    assert not gateway.status().broker
