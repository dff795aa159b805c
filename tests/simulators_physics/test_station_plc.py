"""Pump logic: levels, alternation, floats, minimum times, mains."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field, replace

import pytest

from simulators.station_plc import MIN_OFF_S, STAGGER_S, Inputs, Mode, PumpFault, Settings, StationPlc

DRY = Inputs(level=0.8, high_float=False, low_float=False, mains=True, e_stop=False)


@dataclass
class Bench:
    """A PLC with its clock."""

    plc: StationPlc = field(
        default_factory=lambda: StationPlc(
            Settings(start_levels=[1.2, 1.6, 2.0], stop_levels=[0.5, 0.8, 1.1], high_alarm=4.5, low_cutout=0.3), 3
        )
    )
    now: int = 0

    def run(self, seconds: float, inputs: Inputs) -> list[bool]:
        """So long with these inputs; which pumps run then."""
        for _ in range(round(seconds)):
            self.now += 1000
            self.plc.advance(1, self.now, inputs)
            self.plc.alternate()
        return [pump.run for pump in self.plc.pumps]

    def level(self, level: float, seconds: float = 60) -> int:
        """How many pumps run after some time at a level."""
        return sum(self.run(seconds, replace(DRY, level=level)))


def test_pumps_start_and_stop_at_their_levels() -> None:
    """One more at each start level, one less at each stop level, and as before in between."""
    bench = Bench()
    climb = [bench.level(level) for level in (1.1, 1.25, 1.5, 1.65, 1.9, 2.1)]
    fall = [bench.level(level) for level in (1.5, 1.05, 0.9, 0.75, 0.6, 0.45)]
    assert climb == [0, 1, 1, 2, 2, 3]
    assert fall == [3, 2, 2, 1, 1, 0]


def test_starts_are_staggered() -> None:
    """Never two within ten seconds, however high the water stands."""
    bench = Bench()
    counts = [sum(bench.run(1, replace(DRY, level=3.0))) for _ in range(40)]
    assert counts[0] == 1
    assert counts.index(2) >= STAGGER_S
    assert counts.index(3) >= 2 * STAGGER_S


def test_the_leader_changes_at_each_stop() -> None:
    """Four cycles: each of three pumps leads before the first leads again."""
    bench = Bench()
    leaders = []
    for _ in range(4):
        leaders.append(bench.run(60, replace(DRY, level=1.3)).index(True))
        bench.run(60, replace(DRY, level=0.4))
    assert sorted(leaders[:3]) == [0, 1, 2]
    assert leaders[3] == leaders[0]


def test_a_long_runner_hands_over() -> None:
    """After ``alternation_hours`` of running another pump leads, without a stop of the level's doing."""
    bench = Bench()
    bench.plc.settings.alternation_hours = 1
    first = bench.run(60, replace(DRY, level=1.3)).index(True)
    later = bench.run(3700, replace(DRY, level=1.3)).index(True)
    assert later != first


def test_a_stopped_pump_rests() -> None:
    """No start within the minimum off time, when it is the only healthy one."""
    bench = Bench()
    bench.plc.trip(1, PumpFault.OVERLOAD)
    bench.plc.trip(2, PumpFault.OVERLOAD)
    bench.level(1.3)
    bench.level(0.4, 2)
    assert bench.level(1.3, MIN_OFF_S - 5) == 0
    assert bench.level(1.3, 10) == 1


def test_a_tripped_pump_is_replaced_and_stays_out_until_reset() -> None:
    """The stand-by takes over; reset brings it back into the order."""
    bench = Bench()
    leader = bench.run(60, replace(DRY, level=1.3)).index(True)
    bench.plc.trip(leader, PumpFault.OVERLOAD)
    running = bench.run(60, replace(DRY, level=1.3))
    assert sum(running) == 1
    assert not running[leader]
    assert bench.level(2.5, 120) == 2
    bench.plc.press(leader, "do_reset")
    assert bench.level(2.5, 120) == 3


def test_starts_in_an_hour_are_limited() -> None:
    """One healthy pump, asked every two minutes: no more than max_starts; the high float overrides."""
    bench = Bench()
    bench.plc.trip(1, PumpFault.OVERLOAD)
    bench.plc.trip(2, PumpFault.OVERLOAD)
    for _ in range(20):
        bench.level(1.3)
        bench.level(0.4)
    assert bench.plc.pumps[0].starts == bench.plc.settings.max_starts
    assert sum(bench.run(60, replace(DRY, level=5.0, high_float=True))) == 1


def test_the_high_float_starts_everything_even_with_a_dead_sensor_and_in_mode_off_nothing() -> None:
    """Hard-wired back-up: level unknown, all pumps run; only 'off' and the emergency stop beat it."""
    bench = Bench()
    unknown = replace(DRY, level=None, high_float=True)
    assert sum(bench.run(60, unknown)) == 3
    bench.plc.settings.mode = Mode.OFF
    assert sum(bench.run(5, unknown)) == 0
    bench.plc.settings.mode = Mode.AUTO
    assert sum(bench.run(60, replace(unknown, e_stop=True))) == 0


def test_the_low_float_and_the_cut_out_stop_everything() -> None:
    """A stuck level sensor must not run the pumps dry."""
    bench = Bench()
    assert bench.level(2.5, 60) == 3
    assert sum(bench.run(3, replace(DRY, level=2.5, low_float=True))) == 0
    assert bench.level(2.5, 120) == 3
    assert bench.level(0.25, 3) == 0


def test_mains_loss_stops_and_the_return_staggers() -> None:
    """All stop at once; after the return they come one by one."""
    bench = Bench()
    bench.level(2.5, 60)
    assert sum(bench.run(1, replace(DRY, level=2.5, mains=False))) == 0
    back = [bench.level(2.5, 1) for _ in range(90)]
    assert back[-1] == 3
    assert all(b - a <= 1 for a, b in itertools.pairwise(back))


def test_remote_buttons_work_in_remote_only() -> None:
    """A start in automatic is refused (exception 3 on the wire); in remote the level does not decide."""
    bench = Bench()
    with pytest.raises(ValueError, match="not in remote"):
        bench.plc.press(0, "do_start")
    bench.plc.settings.mode = Mode.REMOTE
    assert bench.level(3.0) == 0
    bench.plc.press(2, "do_start")
    assert bench.run(60, DRY) == [False, False, True]
    bench.plc.press(2, "do_stop")
    assert bench.level(3.0) == 0


def test_counters_never_fall() -> None:
    """Starts and run time only grow."""
    bench = Bench()
    seen = [(0, 0.0)]
    for level in (1.3, 0.4, 2.2, 0.2, 1.3, 0.4):
        bench.level(level, 90)
        seen.append((sum(p.starts for p in bench.plc.pumps), sum(p.run_s for p in bench.plc.pumps)))
    assert seen == sorted(seen)
    assert seen[-1][0] == 5
