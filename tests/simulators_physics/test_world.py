"""The demo county as a whole: a storm raises it and lets it fall, in the same way for the same seed, at little cost."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from lampwell.errors import ConfigError
from lampwell.points import Value
from simulators.physics import PhysicalWorld

MakeWorld = Callable[..., Awaitable[PhysicalWorld]]
MINUTE = 60_000
NOON = 1_782_014_400_000  # 2026-06-21 12:00 in Taihe
PONDINGS = [f"ponding-{n}" for n in range(1, 7)]
STATIONS = [f"station-{n}" for n in range(1, 4)]


def _value(world: PhysicalWorld, path: str) -> float:
    device, _, point = path.partition("/")
    value = world.plants[device].values[point]
    assert isinstance(value, int | float)
    return float(value)


async def _peaks(world: PhysicalWorld, minutes: int) -> dict[str, float]:
    peaks: dict[str, float] = {}
    for _ in range(minutes):
        await world.advance(world.now + MINUTE)
        for key, value in world.truth().items():
            peaks[key] = max(peaks.get(key, -99.0), value)
    return peaks


async def test_every_point_of_the_demo_county_is_said(make_world: MakeWorld) -> None:
    """A profile point that no plant knows would read as zero for ever."""
    world = await make_world()
    await world.advance(world.now + 1000)
    assert world.unknown_paths() == {}
    assert world.plants.keys() == {d.id for d in world.county.devices}


async def test_a_hard_storm_floods_the_low_spots_and_drains_away(make_world: MakeWorld) -> None:
    """P = 20: every ponding point well above the 27 cm at which an underpass is closed, every pump runs, and dry again after."""
    world = await make_world()
    await world.advance(world.now + MINUTE)
    world.storm(20)
    peaks = await _peaks(world, 150)
    assert min(peaks[f"{p}/level"] for p in PONDINGS) > 0.32
    assert [peaks[f"{s}/pumps_running"] for s in STATIONS] == [3, 3, 3]
    assert max(peaks[f"{s}/level"] for s in STATIONS) < 6.3
    assert peaks["well-05/level"] > 1.5
    assert peaks["river-1/level"] > 8.2
    await world.advance(world.now + 120 * MINUTE)
    after = world.truth()
    assert max(after[f"{p}/level"] for p in PONDINGS) < 0.01
    assert max(after[f"{s}/level"] for s in STATIONS) < 2
    assert after["well-05/level"] < 0.4
    assert after["county/restarts"] == 0


async def test_an_ordinary_storm_only_raises_levels(make_world: MakeWorld) -> None:
    """P = 1: pumps work, wells rise, no street is wet."""
    world = await make_world()
    world.storm(1)
    peaks = await _peaks(world, 120)
    assert max(peaks[f"{p}/level"] for p in PONDINGS) < 0.02
    assert min(peaks[f"{s}/pumps_running"] for s in STATIONS) >= 1
    assert peaks["well-05/level"] > 0.3


async def test_the_gauges_tell_the_storm_and_the_water_adds_up(make_world: MakeWorld) -> None:
    """Each gauge counts the rain of its place; SWMM's volumes balance within 2 %."""
    world = await make_world()
    preset = world.preset
    world.storm(2, 60)
    await world.advance(world.now + 120 * MINUTE)
    expected = preset.formula.intensity(2, 60) * 60
    for n in range(1, 5):
        truth = world.truth()[f"rain-{n}/rain"]
        assert truth == pytest.approx(expected, rel=0.25)
        assert _value(world, f"rain-{n}/total") == pytest.approx(truth, rel=0.05, abs=0.3)
    totals = await world.hydraulics.totals()
    assert totals is not None
    assert abs(totals.error) < 2
    assert totals.inflow > 0.3 * expected / 1000 * 440_000  # m3 from 44 ha, mostly sealed


async def test_a_gauges_day_ends_at_its_midnight_and_its_total_never(make_world: MakeWorld) -> None:
    """Rain across midnight: the day's sum begins again, the total goes on."""
    world = await make_world(start=NOON + 11 * 3_600_000 + 30 * MINUTE)
    world.storm(2, 60)
    await world.advance(world.now + 29 * MINUTE)
    before, total = _value(world, "rain-1/today"), _value(world, "rain-1/total")
    await world.advance(world.now + 5 * MINUTE)
    assert before == pytest.approx(total)
    assert before > 5
    assert _value(world, "rain-1/today") < before
    assert _value(world, "rain-1/total") > total
    world.plants["rain-1"].write("clear", 0x5A5A)
    assert _value(world, "rain-1/today") == 0


async def test_mains_loss_in_a_storm_lets_the_well_rise(make_world: MakeWorld) -> None:
    """The station without mains goes under; its neighbour keeps pumping."""
    world = await make_world()
    world.fault("station-1", "mains-loss")
    world.storm(2, 60)
    peaks = await _peaks(world, 60)
    assert peaks["station-1/level"] > 4
    assert peaks["station-1/pumps_running"] == 0
    assert _value(world, "station-1/high_float") == 1
    assert peaks["station-2/pumps_running"] >= 2
    world.fault("station-1", "mains-loss", on=False)
    await world.advance(world.now + 60 * MINUTE)
    assert world.truth()["station-1/level"] < 2


async def test_pumps_take_turns_over_a_dry_night(make_world: MakeWorld) -> None:
    """Sewage alone: every pump of a station gets starts, none much more than another, none more than six an hour."""
    world = await make_world()
    await world.advance(world.now + 4 * 60 * MINUTE)
    for station in STATIONS:
        starts = [_value(world, f"{station}/pump{n}/starts") for n in (1, 2, 3)]
        assert sum(starts) >= 3
        assert max(starts) - min(starts) <= 1


async def test_one_seed_one_county(make_world: MakeWorld) -> None:
    """The same seed and steps give the same county to the last bit; another seed another one."""

    async def run(seed: int) -> list[Value | None]:
        world = await make_world(seed=seed)
        world.storm(5, 30)
        for _ in range(20):
            await world.advance(world.now + 45_000)
        return [value for plant in world.plants.values() for value in plant.values.values()]

    first, second, other = await run(7), await run(7), await run(8)
    assert first == second
    assert first != other


async def test_counters_and_clocks_only_go_forward(make_world: MakeWorld) -> None:
    """Volumes, energy, hours, heartbeat (below its wrap) through a storm."""
    world = await make_world(start=NOON + 6 * 3_600_000)
    paths = ("station-1/volume", "station-1/heartbeat", "station-1/pump1/run_hours", "station-1/pump1/starts",
             "cabinet-01/energy", "cabinet-01/clock", "rain-1/total", "meter-1/energy")  # fmt: skip
    world.storm(5, 60)
    seen = []
    for _ in range(20):
        await world.advance(world.now + 5 * MINUTE)
        seen.append([_value(world, path) for path in paths])
    for column in zip(*seen, strict=True):
        assert list(column) == sorted(column)
        assert column[-1] > column[0]
    with pytest.raises(ValueError, match="back"):
        await world.advance(world.now - 1)


async def test_recorded_rain_falls_on_the_county(make_world: MakeWorld, tmp_path: Path) -> None:
    """A CSV of 5-minute sums begins with the world."""
    file = tmp_path / "rain.csv"
    file.write_text("time,mm\n" + "".join(f"{300 * k},{mm}\n" for k, mm in enumerate((1, 4, 6, 2, 0))), "utf-8")
    world = await make_world(rain_csv=file)
    await world.advance(world.now + 45 * MINUTE)
    assert world.truth()["rain-1/rain"] == pytest.approx(13, rel=0.25)
    assert _value(world, "rain-1/total") == pytest.approx(world.truth()["rain-1/rain"], abs=0.5)


async def test_a_dead_hydraulics_process_is_replaced_and_meanwhile_no_level_is_told(make_world: MakeWorld) -> None:
    """A failure never becomes a number: no echo, None on the wells; then on from the last saved state."""
    world = await make_world()
    await world.advance(world.now + 30 * MINUTE)
    before = world.truth()["station-1/level"]
    engine = world.hydraulics._engine
    assert engine is not None
    engine._process.kill()
    await engine._process.wait()
    await world.advance(world.now + 5000)
    assert world.plants["well-02"].values["level"] is None
    assert world.plants["well-01"].values["status"] != 0
    assert world.plants["station-1"].values["level"] is None
    assert "station-1/level" not in world.truth()
    await world.advance(world.now + 5000)
    assert world.truth()["county/restarts"] == 1
    assert world.truth()["station-1/level"] == pytest.approx(before, abs=0.4)


async def test_a_second_of_the_county_costs_little(make_world: MakeWorld) -> None:
    """Budget: well under 5 ms of this process for all devices, all lamps burning, reading included."""
    world = await make_world(start=NOON + 9 * 3_600_000)
    world.storm(5, 60)
    await world.advance(world.now + MINUTE)
    begin = time.process_time()
    for _ in range(200):
        await world.advance(world.now + 1000)
    cost = (time.process_time() - begin) / 200
    assert cost < 0.004


async def test_an_unknown_storm_formula_is_refused(make_world: MakeWorld) -> None:
    """The message lists what there is; a storm the formula can not give is refused too."""
    with pytest.raises(ConfigError, match="suzhou-2025"):
        await make_world(preset="atlantis")
    world = await make_world(preset="suzhou-2025")
    with pytest.raises(ValueError, match="return period"):
        world.storm(0)
    with pytest.raises(ValueError, match="minutes"):
        world.storm(5, 0)
