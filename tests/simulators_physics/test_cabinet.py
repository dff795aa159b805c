"""The lamp cabinet's controller: who decides, staging, protections, a silent master."""

from __future__ import annotations

import itertools
import random
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from lampwell.assets import County
from lampwell.points import Value
from simulators.cabinet import Air, Cabinet
from simulators.cabinet_plc import Astro, Mode, Settings

NOON = 1_782_014_400_000  # 2026-06-21 12:00 in Taihe
NIGHT = NOON + 10 * 3_600_000
AIR = Air(22.0, 26.0, 0.0, 0.0, 0.0)


class Bench:
    """Cabinet 3 of Taihe with its clock."""

    def __init__(self, county: County, start: int) -> None:
        device = next(d for d in county.devices if d.id == "cabinet-03")
        lamps = [lamp for lamp in county.lamps if lamp.cabinet == device.id]
        self.cabinet = Cabinet(device, lamps, (county.latitude, county.longitude), start, random.Random)
        self.now = start
        self.cabinet.settle(start, AIR)

    def run(self, seconds: int, *, poll: bool = True) -> None:
        for _ in range(seconds):
            self.now += 1000
            self.cabinet.advance(1, self.now, AIR)
            if poll:
                self.cabinet.controller.heard(self.now)

    def read(self, path: str) -> Value | None:
        return self.cabinet.values[path]

    def closed(self) -> int:
        return sum(c.closed for c in self.cabinet.contactors)

    def fault(self, target: str, name: str, value: float | None = None, *, on: bool = True) -> None:
        next(f for f in self.cabinet.faults() if (f.info.target, f.info.name) == (target, name)).set(on, value)


@pytest.fixture
def day(taihe: County) -> Bench:
    return Bench(taihe, NOON)


@pytest.fixture
def night(taihe: County) -> Bench:
    return Bench(taihe, NIGHT)


@pytest.mark.parametrize(
    ("latitude", "longitude", "day", "rise", "fall"),
    [(31, 112, "2026-06-21", "05:29", "19:38"), (31, 112, "2026-12-21", "07:26", "17:34"),
     (39.5, 76, "2026-06-21", "07:29", "22:27")],
)  # fmt: skip
def test_the_astro_table_switches_at_the_known_sun_times(
    latitude: float, longitude: float, day: str, rise: str, fall: str
) -> None:
    """Reference values of domain streetlights 4.1 (Beijing time, two minutes either way)."""
    astro, settings = Astro(), Settings(latitude=latitude, longitude=longitude)

    def night(clock: str, minutes: int) -> bool:
        at = datetime.fromisoformat(f"{day}T{clock}:00+08:00").astimezone(UTC).timestamp() + minutes * 60
        return astro.night(int(at * 1000), settings)

    assert [night(rise, -3), night(rise, 3), night(fall, -3), night(fall, 3)] == [True, False, False, True]


def test_offsets_move_the_switch(day: Bench) -> None:
    """On 10 minutes after sunset, off 10 before sunrise."""
    settings = day.cabinet.controller.settings
    late = replace(settings, on_offset=10)
    sunset = next(t for t in range(NOON, NOON + 12 * 3_600_000, 60_000) if Astro().night(t, settings))
    assert not Astro().night(sunset + 8 * 60_000, late)
    assert Astro().night(sunset + 11 * 60_000, late)


def test_where_the_sun_does_not_set_lamps_are_on() -> None:
    """Nothing known is safe by night."""
    assert Astro().night(NOON, Settings(latitude=80.0, longitude=20.0))


def test_by_night_all_lamps_burn_from_the_start_and_by_day_none(day: Bench, night: Bench) -> None:
    """A world that begins at night has no switch-on behind it."""
    day.run(3)
    night.run(3)
    assert (day.closed(), day.cabinet.lit) == (0, 0)
    assert (night.closed(), night.cabinet.lit) == (10, len([x for loop in night.cabinet.loops for x in loop.lamps]))
    assert night.read("loop3/operations") == 0


def test_remote_switches_one_loop_after_another(day: Bench) -> None:
    """Commands on all coils: contactors close a second apart."""
    day.cabinet.write("mode", 2)
    for n in range(1, 11):
        day.cabinet.write(f"loop{n}/command", True)
    closed = []
    for _ in range(12):
        day.run(1)
        closed.append(day.closed())
    assert closed[-1] == 10
    assert all(b - a <= 1 for a, b in itertools.pairwise(closed))


def test_taking_over_by_remote_switches_nothing(night: Bench) -> None:
    """The coils start as the loops are: no lamp goes dark because a master came."""
    night.cabinet.write("mode", 2)
    night.run(5)
    assert night.closed() == 10
    night.cabinet.write("loop2/command", False)
    night.run(1)
    assert (night.closed(), night.read("loop2/aux"), night.read("loop2/i_a")) == (9, False, 0.0)


def test_a_silent_master_is_replaced_by_the_astro_table(night: Bench) -> None:
    """Remote mode, loops off, then nobody speaks for master_timeout: lamps on, and it says so; a poll hands back."""
    night.cabinet.write("mode", 2)
    night.cabinet.write("master_timeout", 60)
    for n in range(1, 11):
        night.cabinet.write(f"loop{n}/command", False)
    night.run(50, poll=False)
    assert night.closed() == 0
    night.run(40, poll=False)
    assert night.closed() == 10
    assert night.cabinet.controller.fallback
    assert night.read("fallback_active") is True
    night.run(5)
    assert night.closed() == 0
    assert night.read("fallback_active") is False


def test_a_self_expiring_command_expires(day: Bench) -> None:
    """Loops 1 and 3 on for two minutes, then back to the mode."""
    day.cabinet.write("command", 0b101)
    day.cabinet.write("hold_minutes", 2)
    day.run(10)
    assert [c.closed for c in day.cabinet.contactors[:4]] == [True, False, True, False]
    day.run(120)
    assert day.closed() == 0


def test_leakage_warns_then_trips_and_latches_until_reset(night: Bench) -> None:
    """120 mA: pre-alarm. 400 mA: off, latched, cause told; gone and still off; reset: on again."""
    night.fault("cabinet-03/loop4", "leakage", 120)
    night.run(5)
    assert (night.read("loop4/leak_prealarm"), night.read("loop4/leak_trip")) == (True, False)
    night.fault("cabinet-03/loop4", "leakage", 400)
    night.run(5)
    assert (night.read("loop4/leak_trip"), night.read("loop4/aux"), night.read("loop4/trip_cause")) == (True, False, 1)
    night.fault("cabinet-03/loop4", "leakage", on=False)
    night.run(30)
    assert night.read("loop4/aux") is False
    night.cabinet.write("leak_reset", True)
    night.run(5)
    assert (night.read("loop4/aux"), night.read("loop4/leak_trip")) == (True, False)


def test_the_residual_peak_holds_until_it_is_read(night: Bench) -> None:
    """A short leak between two polls is not lost."""
    night.run(3)
    night.read("mode")
    night.fault("cabinet-03/loop4", "leakage", 90)
    night.run(2)
    night.fault("cabinet-03/loop4", "leakage", on=False)
    night.run(3)
    assert float(night.read("loop4/residual_peak") or 0) > 90
    assert float(night.read("loop4/residual_peak") or 0) < 10


def test_a_welded_contactor_stays_closed_and_a_dead_one_open(night: Bench) -> None:
    """Command off, current flows; command on, none does; the feedback tells the truth in both."""
    night.fault("cabinet-03/loop1", "welded")
    night.fault("cabinet-03/loop2", "not-closing")
    night.cabinet.write("mode", 2)
    night.cabinet.write("loop1/command", False)
    night.run(3)
    assert [night.read(f"loop1/{p}") for p in ("commanded", "aux")] == [False, True]
    assert float(night.read("loop1/p_a") or 0) > 50
    assert [night.read(f"loop2/{p}") for p in ("commanded", "aux", "p_a")] == [True, False, 0.0]


def test_mains_loss_drops_all_and_the_return_is_staged(night: Bench) -> None:
    """On battery the controller lives; one supply loss is counted; lamps come back loop by loop."""
    night.fault("cabinet-03", "mains-loss")
    night.run(30)
    assert (night.closed(), night.read("on_battery"), night.read("u_b"), night.read("supply_losses")) == (0, True, 0.0, 1)
    night.fault("cabinet-03", "mains-loss", on=False)
    night.run(2)
    assert 0 < night.closed() < 4
    night.run(15)
    assert night.closed() == 10


def test_a_lost_phase_darkens_its_lamps_only(night: Bench) -> None:
    """Phase b: a third of the lamps of each loop."""
    night.run(5)
    before = night.cabinet.lit
    night.fault("cabinet-03", "phase-loss", 2)
    night.run(2)
    assert (night.read("u_b"), night.read("p_b")) == (0.0, 0.0)
    assert 0.5 * before < night.cabinet.lit < 0.8 * before


def test_a_broken_neutral_drifts_only_under_load(night: Bench) -> None:
    """One phase above 253 V, one below 190 V, no neutral current; with the loops off there is nothing to see of it."""
    night.run(5)
    night.fault("cabinet-03", "neutral-open")
    night.run(2)
    volts = [float(night.read(f"u_{phase}")) for phase in "abc"]
    assert max(volts) > 253
    assert min(volts) < 190
    assert night.read("i_n") == 0
    night.cabinet.write("mode", 2)
    for number in range(1, 11):
        night.cabinet.write(f"loop{number}/command", False)
    night.run(60)
    assert all(198 < float(night.read(f"u_{phase}")) < 253 for phase in "abc")


def test_in_local_commands_are_not_obeyed(night: Bench) -> None:
    """The selector at the panel is above the master."""
    night.cabinet.write("mode", 2)
    night.fault("cabinet-03", "local")
    night.cabinet.write("loop1/command", False)
    night.run(5)
    assert (night.read("remote"), night.read("loop1/aux")) == (False, True)


@pytest.mark.parametrize(("path", "value"), [("mode", 7), ("loop99/command", True), ("loop1/energy", 5), ("u_a", 1)])
def test_what_can_not_be_written_is_refused(day: Bench, path: str, value: int) -> None:
    """ValueError, which the wire turns into exception 3."""
    with pytest.raises(ValueError, match=r"."):
        day.cabinet.write(path, value)


def test_counters_never_fall(night: Bench) -> None:
    """Energy, operations and burning time grow through a switching night."""
    paths = ("energy", "loop1/energy", "loop1/operations", "loop1/on_seconds")
    seen = []
    night.cabinet.write("mode", int(Mode.REMOTE))
    for on in (True, False, True, False, True):
        night.cabinet.write("loop1/command", on)
        night.run(120)
        seen.append([float(night.read(p) or 0) for p in paths])
    for column in zip(*seen, strict=True):
        assert list(column) == sorted(column)
    assert seen[-1][2] == 4


def test_frozen_readings_stand_still_and_contacts_go_on(night: Bench) -> None:
    """Protects the misbehaviour that fault logic is held against: old values with a live heartbeat, new ones afterwards."""
    night.run(10)
    night.fault("cabinet-03", "frozen")
    before = dict(night.cabinet.values)
    night.fault("cabinet-03", "door")
    night.run(60)
    after = night.cabinet.values
    assert all(after[path] == before[path] for path in ("u_a", "p_b", "i_c", "loop1/p_a", "loop1/energy"))
    assert (after["door"], after["clock"]) == (True, night.now // 1000)
    night.fault("cabinet-03", "frozen", on=False)
    assert night.read("u_a") != before["u_a"]


def test_new_meters_begin_anew(night: Bench) -> None:
    """Protects the counter reset that energy must not take for a loss."""
    night.run(60)
    night.fault("cabinet-03", "meter-swap", 7.0)
    assert (night.read("loop1/energy"), night.read("energy")) == (7.0, 7.0)
