"""Other people's networks: feet, no pumps, tides; what SWMM refuses is told in its own words."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path

import pytest

from lampwell.county import load
from lampwell.errors import ConfigError
from simulators.drawing import runnable
from simulators.inp import read_inp
from simulators.inp_county import county_from_inp
from simulators.physics import PhysicalWorld

MakeWorld = Callable[..., Awaitable[PhysicalWorld]]
NETWORKS = Path(__file__).parent / "networks"
SHIPPED = Path(__file__).parents[2] / "simulators" / "networks" / "taihe.inp"
MINUTE = 60_000


async def _storm(make_world: MakeWorld, name: str, folder: Path, minutes: int = 75) -> tuple[PhysicalWorld, dict[str, float]]:
    county = load(county_from_inp(NETWORKS / name, folder / "county"))
    world = await make_world(county)
    world.storm(10, 60)
    peaks: dict[str, float] = {}
    for _ in range(minutes):
        await world.advance(world.now + MINUTE)
        for key, value in world.truth().items():
            peaks[key] = max(peaks.get(key, -99.0), value)
    return world, peaks


async def test_a_network_in_feet_runs_in_metres(make_world: MakeWorld, tmp_path: Path) -> None:
    """US units, a pump with its own levels and rule, a gage whose file is not there: the PLC pumps at the file's own depths."""
    world, peaks = await _storm(make_world, "feet.inp", tmp_path)
    assert world.unknown_paths() == {}
    station = world.plants["station-1"]
    assert station.values["pump1/start_level"] == pytest.approx(6 * 0.3048, abs=0.01)
    assert station.values["pump1/stop_level"] == pytest.approx(2 * 0.3048, abs=0.01)
    assert peaks["station-1/flow"] == pytest.approx(20 * 0.0283168, rel=0.02)
    assert 1.8 < peaks["station-1/level"] <= 18 * 0.3048 + 0.01
    totals = await world.hydraulics.totals()
    assert totals is not None
    area, rain = 18 * 4046.86, world.preset.formula.intensity(10, 60) * 60 / 1000
    assert 0.6 * area * rain < totals.inflow < area * rain  # rain in inches would be 25 times that


async def test_a_network_without_pumps_gages_or_catchments_gets_wells_and_water(make_world: MakeWorld, tmp_path: Path) -> None:
    """Inflow is scaled from the storm; cut-short section names and depths left to SWMM are understood."""
    world, peaks = await _storm(make_world, "gravity.inp", tmp_path)
    assert not any(key.startswith("station") for key in world.plants)
    assert world.unknown_paths() == {}
    assert peaks["well-03/level"] > 0.3
    await world.advance(world.now + 60 * MINUTE)
    assert world.truth()["well-03/level"] < 0.05


async def test_tides_and_time_series_stay_the_files_own(make_world: MakeWorld, tmp_path: Path) -> None:
    """Dated series keep their calendar; two parallel pumps make one station; no river gauge without a fixed stage."""
    world, peaks = await _storm(make_world, "tidal.inp", tmp_path)
    assert "river-1" not in world.plants
    assert peaks["station-1/pumps_running"] == 2
    text = runnable(world.hydraulics.network, datetime(2026, 6, 21, 12), {"pa", "pb"})  # noqa: DTZ001 county local time
    assert "START_DATE 05/01/2021" in text
    assert "pa sump box pc OFF 0 0" in text


async def test_the_demo_county_can_be_laid_on_another_network(make_world: MakeWorld, caplog: pytest.LogCaptureFixture) -> None:
    """``--inp`` with a county of one's own: devices take the network's places in order; the rest have no level, as is said."""
    world = await make_world(inp=NETWORKS / "feet.inp")
    await world.advance(world.now + MINUTE)
    assert world.truth()["station-1/level"] >= 0
    assert "station-2/level" not in world.truth()
    assert world.plants["station-2"].values["level"] is None
    assert "station-2" in caplog.text
    assert world.unknown_paths() == {}


async def test_a_county_made_from_a_network_places_devices_by_its_tags(make_world: MakeWorld, tmp_path: Path) -> None:
    """The demo network as a stranger's: well-01 stands where the county says, whatever nodes are called; or with the original."""
    county = load(county_from_inp(SHIPPED, tmp_path / "county"))
    said = {d.id: d.en for d in county.devices}
    for inp in (None, SHIPPED):
        world = await make_world(county, inp=inp)
        for key in ("well-01", "well-02", "station-3"):
            node = world.places[key].node
            assert node is not None
            assert said[key].startswith(f"{node.id}:")


def test_a_county_is_made_anew_but_never_over_a_persons(tmp_path: Path) -> None:
    """Twice the same files; a county.toml without our mark is left alone."""
    folder = county_from_inp(NETWORKS / "tidal.inp", tmp_path / "county")
    first = {p.name: p.read_bytes() for p in folder.iterdir()}
    county_from_inp(NETWORKS / "tidal.inp", folder)
    assert first == {p.name: p.read_bytes() for p in folder.iterdir()}
    (folder / "county.toml").write_text('id = "mine"\n', "utf-8")
    with pytest.raises(ConfigError, match="overwrite"):
        county_from_inp(NETWORKS / "tidal.inp", folder)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (("J2 106 9", "J2 106 deep"), r"line \d+: J2: 'deep' is not a number"),
        (("FLOW_UNITS CFS", "FLOW_UNITS BUCKETS"), "FLOW_UNITS BUCKETS"),
        (("[JUNCTIONS]", "[JUNKTIONS]"), "SWMM refuses it: ERROR 205"),
        (("C1 J1 J2", "C1 J1 J99"), "undefined object J99"),
        (("C1 J1 J2 400 0.013 0 0 0 0", "C1 J1"), "wants two nodes"),
        (("PC PUMP2", "PX PUMP2"), "SWMM refuses it: ERROR"),
    ],
)  # fmt: skip
async def test_a_broken_file_is_refused_with_its_reason(
    make_world: MakeWorld, tmp_path: Path, change: tuple[str, str], says: str
) -> None:
    """The file's name and SWMM's own error text, never a traceback."""
    broken = tmp_path / "broken.inp"
    broken.write_text((NETWORKS / "feet.inp").read_text("utf-8").replace(*change), "utf-8")
    with pytest.raises(ConfigError, match=says) as caught:
        await make_world(inp=broken)
    assert "broken.inp" in str(caught.value)


@pytest.mark.parametrize("text", ["", "hello", "[TITLE]\nnothing\n", "\x00\x01\x02"])
def test_what_is_no_network_is_refused(tmp_path: Path, text: str) -> None:
    """An empty, strange or binary file."""
    file = tmp_path / "x.inp"
    file.write_text(text, "utf-8")
    with pytest.raises(ConfigError, match="no SWMM network"):
        read_inp(file)
    with pytest.raises(ConfigError, match="cannot be read"):
        read_inp(tmp_path / "absent.inp")


def test_chinese_files_are_read_whatever_their_encoding(tmp_path: Path) -> None:
    """UTF-8 with BOM and GBK, as Windows in China writes them."""
    text = (NETWORKS / "tidal.inp").read_text("utf-8").replace("[TITLE]", "[TITLE]\n泰和县排水管网")
    for encoding in ("utf-8-sig", "gbk"):
        file = tmp_path / f"{encoding}.inp"
        file.write_text(text, encoding)
        assert "泰和县排水管网" in "".join(read_inp(file).sections["TITLE"])
