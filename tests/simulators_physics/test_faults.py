"""Each field and sensor fault shows on the points it should show on, and on no other."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from fnmatch import fnmatchcase

import pytest

from lampwell.points import Value
from simulators.physics import PhysicalWorld
from simulators.port import FaultRefused

MakeWorld = Callable[..., Awaitable[PhysicalWorld]]
SOUND: dict[bool, Mapping[str, Value | None]] = {}
NIGHT = 1_782_050_400_000  # 2026-06-21 22:00 in Taihe

LOOP_OFF = "loop3/i_* loop3/p_* loop3/residual* loop3/energy loop3/pf"
CABINET_LESS = "i_* p* q* residual energy reactive_energy"
SILENT = "event_number"
PUMPING = "level* air_gap flow volume pump* gate* screen_loss u_* low_float high_float"

CASES = [
    ("cabinet-03", "mains-loss", None, "*", ""),
    ("cabinet-03", "phase-loss", 2, "u_b u_ab u_bc i_b p_b i_n",
     f"loop*/i_b loop*/p_b {CABINET_LESS} thd_i_b pf_b loop*/residual* loop*/energy"),
    ("cabinet-03", "neutral-open", None, "i_n u_ab", f"u_* loop*/i_* {CABINET_LESS}"),
    ("cabinet-03", "door", None, "door", ""),
    ("cabinet-03", "water", None, "water", ""),
    ("cabinet-03", "spd-failed", None, "spd_failed", ""),
    ("cabinet-03", "smoke", None, "smoke", ""),
    ("cabinet-03", "local", None, "remote", ""),
    ("cabinet-03/loop3", "open", None, "loop3/i_a loop3/i_b loop3/i_c loop3/p_a loop3/p_b loop3/p_c",
     f"{LOOP_OFF} {CABINET_LESS}"),
    ("cabinet-03/loop3", "cable-cut", 0.5, "loop3/cable_alarm loop3/cable_contact loop3/i_*", f"{LOOP_OFF} {CABINET_LESS}"),
    ("cabinet-03/loop3", "breaker-trip", None, "loop3/breaker loop3/breaker_contact loop3/voltage loop3/trip_cause loop3/p_*",
     f"{LOOP_OFF} {CABINET_LESS} loop3/on_seconds"),
    ("cabinet-03/loop3", "not-closing", None, "loop3/aux loop3/aux_contact loop3/voltage loop3/operations loop3/level loop3/p_*",
     f"{LOOP_OFF} {CABINET_LESS} loop3/on_seconds"),
    ("cabinet-03/loop3", "leakage", 120, "loop3/residual loop3/residual_peak loop3/leak_prealarm residual", ""),
    ("cabinet-03/loop3", "local-override", None, "loop3/local_override", ""),
    ("cabinet-03/loop3", "lamp-out", 2, "loop3/p_*", f"{LOOP_OFF} {CABINET_LESS}"),
    ("station-1", "mains-loss", None, "mains mains_ok on_ups u_a u_b u_c", f"battery_v {PUMPING}"),
    ("station-1", "door", None, "door", ""),
    ("station-1", "flooded", None, "flooded", ""),
    ("station-1", "frozen", None, "heartbeat", PUMPING),
    ("station-1", "e-stop", None, "e_stop e_stop_button", PUMPING),
    ("station-1", "screen-blocked", 0.4, "screen_loss", ""),
    ("station-1", "methane", 30, "ch4", ""),
    ("station-1/level", "no-echo", None, "level level_status air_gap", ""),
    ("station-1/level", "parked-car", 1.1, "level air_gap", ""),
    ("station-1/level_2", "drift", 30.0, "level_2", ""),
    ("station-1/pump2", "trip", None, "pump2/fault pump2/overload pump2/fault_code", PUMPING),
    ("station-1/pump2", "over-temp", None, "pump2/fault pump2/over_temp pump2/fault_code", PUMPING),
    ("station-1/pump2", "leak", None, "pump2/fault pump2/leak pump2/fault_code", PUMPING),
    ("well-01/level", "no-echo", None, "level status air_gap", ""),
    ("well-02/level", "no-echo", None, "level", "status air_gap"),
    ("well-02", "cover-tilt", 30.0, "tilt", ""),
    ("well-01/level", "silt", 0.4, "level air_gap", ""),
    ("well-01/level", "drift", 40.0, "level air_gap", ""),
    ("ponding-1/level", "parked-car", 0.45, "level air_gap", ""),
]  # fmt: skip


def _snapshot(world: PhysicalWorld) -> dict[str, Value | None]:
    return {f"{key}/{path}": value for key, plant in world.plants.items() for path, value in plant.values.items()}


def _differs(a: Value | None, b: Value | None) -> bool:
    if isinstance(a, float) and isinstance(b, int | float):
        return abs(a - b) > max(0.01 * abs(a), 0.01)
    return a != b


async def _run(
    world: PhysicalWorld, device: str, fault: tuple[str, str, float | None] | None = None, *, blink: bool
) -> Mapping[str, Value | None]:
    await world.advance(world.now + 5000)
    if fault:
        world.fault(fault[0], fault[1], value=fault[2])
    if blink:
        world.fault(device, "mains-loss")
        await world.advance(world.now + 5000)
        world.fault(device, "mains-loss", on=False)
    for _ in range(12):
        await world.advance(world.now + 5000)
    return _snapshot(world)


@pytest.mark.parametrize(("target", "name", "value", "must", "may"), CASES, ids=[f"{t} {n}" for t, n, *_ in CASES])
async def test_a_fault_shows_where_it_should_and_nowhere_else(
    make_world: MakeWorld, target: str, name: str, value: float | None, must: str, may: str
) -> None:
    """Two worlds of one seed, one with the fault: only its own device differs, and only in the points of that fault."""
    device = target.split("/")[0]
    blink = name == "not-closing"  # shows at the next switching
    if blink not in SOUND:
        SOUND[blink] = await _run(await make_world(start=NIGHT), device, blink=blink)
    before, after = SOUND[blink], await _run(await make_world(start=NIGHT), device, (target, name, value), blink=blink)
    changed = {path for path in before if _differs(before[path], after[path])}
    followers = {"cabinet-03": "concentrator-1"}
    assert {path.split("/")[0] for path in changed} <= {device, followers.get(device, device)}
    own = {path.removeprefix(f"{device}/") for path in changed if path.startswith(f"{device}/")}
    for pattern in must.split():
        assert any(fnmatchcase(path, pattern) for path in own), f"{pattern} does not show: {sorted(own)}"
    allowed = f"{must} {may} {SILENT}".split()
    stray = [path for path in own if not any(fnmatchcase(path, pattern) for pattern in allowed)]
    assert not stray


async def test_every_fault_can_be_set_and_cleared(make_world: MakeWorld) -> None:
    """All that ``faults()`` lists is real, with texts in both languages, and the world lives through all of them at once."""
    world = await make_world(start=NIGHT)
    infos = world.faults()
    assert len({(i.target, i.name) for i in infos}) == len(infos)
    for info in infos:
        assert info.zh
        assert info.en
        world.fault(info.target, info.name)
    await world.advance(world.now + 60_000)
    _snapshot(world)
    for info in infos:
        world.fault(info.target, info.name, on=False)
    await world.advance(world.now + 60_000)
    assert world.unknown_paths() == {}


async def test_recovery_brings_the_reading_back(make_world: MakeWorld) -> None:
    """A mended sensor tells the truth again."""
    world = await make_world()
    world.fault("well-01/level", "silt", value=0.6)
    await world.advance(world.now + 5000)
    assert world.plants["well-01"].values["level"] == pytest.approx(0.6, abs=0.01)
    world.fault("well-01/level", "silt", on=False)
    await world.advance(world.now + 5000)
    assert world.plants["well-01"].values["level"] == pytest.approx(world.truth()["well-01/level"], abs=0.01)


async def test_a_blocked_pipe_backs_the_water_up(make_world: MakeWorld) -> None:
    """The well above the blockage rises, as the sewage of a few hours finds no way."""
    world = await make_world()
    await world.advance(world.now + 600_000)
    before = world.truth()["well-01/level"]
    world.fault("well-01", "pipe-blocked", value=1)
    await world.advance(world.now + 3 * 3_600_000)
    assert world.truth()["well-01/level"] > before + 0.3


async def test_a_clogged_pump_moves_less_at_less_current(make_world: MakeWorld) -> None:
    """60-95 % of rated current, a third of the flow (domain drainage 3.5)."""
    world = await make_world()
    station = world.plants["station-1"]
    station.write("pump1/start_level", 0.3)
    station.write("pump1/stop_level", 0.1)
    station.write("low_cutout", 0.05)
    while not station.values["pump1/run"]:
        await world.advance(world.now + 5000)
    await world.advance(world.now + 20_000)
    flow, amps = float(station.values["flow"] or 0), float(station.values["pump1/current"] or 0)
    world.fault("station-1/pump1", "clogged")
    await world.advance(world.now + 10_000)
    assert float(station.values["flow"] or 0) == pytest.approx(0.3 * flow, rel=0.1)
    assert 0.6 * amps < float(station.values["pump1/current"] or 0) < 0.95 * amps


async def test_one_dead_lamp_by_its_id_shows_at_its_node(make_world: MakeWorld) -> None:
    """The concentrator knows which lamp it is; the loop only that a lamp's power is missing."""
    world = await make_world(start=NIGHT)
    lamp = next(lamp for lamp in world.county.lamps if lamp.cabinet == "cabinet-03")
    world.fault(lamp.id, "out")
    await world.advance(world.now + 5000)
    values = world.plants["concentrator-1"].values
    assert [values[f"lamp{n:03}/failed"] for n in (1, 2, 3)] == [True, False, False]
    assert float(values["lamp001/power"] or 0) < 1


@pytest.mark.parametrize(
    ("target", "name", "value", "says"),
    [("cabinet-03/loop3", "explodes", None, "welded"), ("cabinet-99", "door", None, "nearest"),
     ("station-1/pump9", "trip", None, "pump1"),
     ("cabinet-03", "phase-loss", 4, "1, 2 or 3"),
     ("cabinet-03", "neutral-open", 500, "at most 150"),
     ("cabinet-03/loop3", "lamp-out", 500, "lamps"),
     ("well-01", "stuck", None, "pipe-blocked")],
)  # fmt: skip
async def test_a_wrong_fault_is_refused_and_says_what_there_is(
    make_world: MakeWorld, target: str, name: str, value: float | None, says: str
) -> None:
    """The message helps the person at the keyboard."""
    world = await make_world()
    with pytest.raises(FaultRefused, match=says):
        world.fault(target, name, value=value)
