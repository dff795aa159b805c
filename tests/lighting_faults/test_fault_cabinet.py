"""A virtual cabinet of Taihe watched by all detectors at once: healthy nights say nothing, each fault says its own name, once."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from control.alarms.model import Evidence
from control.lighting.faults.model import Finding
from control.lighting.faults.watch import CabinetState, Setting, observe
from control.lighting.watched import cabinets_of
from lampwell.assets import County
from lampwell.county import load
from simulators.cabinet import Air, Cabinet

NOON = 1_782_014_400_000  # 2026-06-21 12:00 in Taihe
HOUR = 3_600_000
ZONE = 8 * HOUR


@pytest.fixture(scope="module")
def taihe() -> County:
    return load(Path(__file__).parents[2] / "counties" / "taihe")


class Watched:
    """Cabinet 3 and its detectors; ``log``: faults found, in order, those that another explains left out."""

    def __init__(self, county: County, start: int = NOON) -> None:
        device = next(d for d in county.devices if d.id == "cabinet-03")
        lamps = [lamp for lamp in county.lamps if lamp.cabinet == device.id]
        loops = cabinets_of(county)[device.id].lamps
        self.cabinet = Cabinet(device, lamps, (county.latitude, county.longitude), start, random.Random)
        self.setting = Setting(place=device.id, lamps=loops, zone_ms=ZONE)
        self.state, self.now, self.log = CabinetState(), start, list[Finding]()
        self.cabinet.settle(start, self.air())

    def air(self) -> Air:
        hour = ((self.now + ZONE) / HOUR) % 24
        return Air(hour, 26 - 4 * math.cos((hour - 15) / 24 * 2 * math.pi), 0.0, 0.0, 0.0)

    def run(self, seconds: float, step: int = 60) -> None:
        for _ in range(round(seconds / step)):
            self.now += step * 1000
            self.cabinet.advance(step, self.now, self.air())
            values = {path: Evidence(point=path, time=self.now, value=value) for path, value in self.cabinet.values.items()}
            self.state, found = observe(self.state, self.setting, self.now, values)
            self.log += [one for one in found if one.value and not one.explained_by]

    def fault(self, target: str, name: str, value: float | None = None, *, on: bool = True) -> None:
        next(f for f in self.cabinet.faults() if (f.info.target, f.info.name) == (target, name)).set(on, value)

    @property
    def keys(self) -> list[str]:
        return [one.key for one in self.log]


@pytest.fixture
def lit(taihe: County) -> Watched:
    """At ten at night, three hours after dusk, currents learned."""
    watched = Watched(taihe, NOON + 8 * HOUR)
    watched.run(2 * 3600)
    assert watched.keys == []
    return watched


def test_healthy_days_and_nights_say_nothing(taihe: County) -> None:
    """A dusk, a dim program, a dawn and the day on the virtual cabinet: no finding at all."""
    watched = Watched(taihe)
    for hours, level in ((11, 60), (5, 100), (8, 100)):
        watched.run(hours * 3600, step=120)
        for loop in watched.cabinet.controller.loops:
            loop.settings.set_level = level
    assert watched.keys == []


FAULTS: dict[str, tuple[tuple[str, str, float | None], list[str]]] = {
    "mains": (("cabinet-03", "mains-loss", None), ["mains-lost@cabinet-03"]),
    "a phase": (("cabinet-03", "phase-loss", 2), ["phase-b-lost@cabinet-03"]),
    "a loop": (("cabinet-03/loop3", "open", None), ["cable-cut@cabinet-03/loop3", "loop-open@cabinet-03/loop3"]),
    "a breaker": (("cabinet-03/loop3", "breaker-trip", None), ["loop-breaker@cabinet-03/loop3"]),
    "leakage": (("cabinet-03/loop3", "leakage", 80), ["leakage-step@cabinet-03/loop3"]),
    "a transformer's wire": (("cabinet-03/loop3", "ct-off", None), []),
    "a door": (("cabinet-03", "door", None), ["door-open@cabinet-03"]),
    "a stolen cable": (("cabinet-03/loop3", "cable-cut", 0.5), ["cable-cut@cabinet-03/loop3"]),
}


@pytest.mark.parametrize("name", FAULTS)
def test_each_fault_says_its_own_name_once(lit: Watched, name: str) -> None:
    """One root for one cause: what it explains is not told beside it."""
    (target, fault, value), expected = FAULTS[name]
    lit.fault(target, fault, value)
    lit.run(300, step=5)
    assert sorted(set(lit.keys)) == sorted(expected)


def test_a_transformers_wire_is_told_as_such(lit: Watched) -> None:
    """Protects from a crew that follows a healthy cable: no current at the loop, its power still in the cabinet's meter."""
    lit.fault("cabinet-03/loop3", "ct-off")
    lit.run(900, step=30)
    assert lit.keys == ["loop-meter@cabinet-03/loop3"]
    lit.fault("cabinet-03/loop3", "ct-off", on=False)
    lit.fault("cabinet-03/loop3", "open")
    lit.run(300, step=5)
    assert set(lit.keys[1:]) <= {"loop-open@cabinet-03/loop3", "cable-cut@cabinet-03/loop3"}
    assert len(lit.keys) > 1


@pytest.mark.parametrize(
    ("fault", "command", "key"),
    [("welded", False, "contactor-welded@cabinet-03/loop3"), ("not-closing", True, "contactor-not-closing@cabinet-03/loop3")],
)
def test_a_contactor_that_does_not_follow_is_told_within_half_a_minute(lit: Watched, fault: str, command: bool, key: str) -> None:
    """Welded shows at OFF, a dead coil at ON (acceptance check 5): its own name, in 10-30 s, nothing else."""
    lit.cabinet.write("mode", 2)
    lit.cabinet.write("loop3/command", not command)
    lit.run(300, step=5)
    lit.fault("cabinet-03/loop3", fault)
    lit.cabinet.write("loop3/command", command)
    began = lit.now
    lit.run(60, step=5)
    assert lit.keys == [key]
    assert lit.log[0].time - began <= 15_000


def test_mains_back_after_an_outage_is_the_end_of_one_event(lit: Watched) -> None:
    """An outage of twenty minutes and the staged return: mains lost, then nothing; no loop or lamp is blamed."""
    lit.fault("cabinet-03", "mains-loss")
    lit.run(1200, step=10)
    lit.fault("cabinet-03", "mains-loss", on=False)
    lit.run(1800, step=10)
    assert lit.keys == ["mains-lost@cabinet-03"]
    assert not [one for one in lit.state.standing.values() if one.value]


def collect(watched: Watched, seconds: float, until: Callable[[Finding], bool]) -> Finding | None:
    """Run until a finding is met."""
    for _ in range(round(seconds / 300)):
        before = len(watched.log)
        watched.run(300)
        for one in watched.log[before:]:
            if until(one):
                return one
    return None


@pytest.mark.slow
def test_lamps_with_levels_of_their_own_are_not_counted_as_lost(taihe: County) -> None:
    """A lease on single lamps takes their power away and no lamp: nothing is lost, and nothing is learned from that night."""
    watched = Watched(taihe)
    watched.setting = replace(watched.setting, lamps={"loop3": watched.setting.lamps["loop3"]})
    watched.run(3 * 86_400, step=120)
    loop = watched.cabinet.loops[2]
    loop.own = {lamp.id: 30.0 for lamp in loop.lamps[::2]}
    watched.setting = replace(watched.setting, dimmed={"loop3": (0.0, 0.0, 0.0)})
    watched.run(12 * 3600, step=120)
    assert not [key for key in watched.keys if key.startswith("lamps-lost")]
    watched.setting = replace(watched.setting, dimmed={})
    watched.run(2 * 3600, step=120)
    assert [key for key in watched.keys if key.startswith("lamps-lost")], "the same power without a word of it is a loss"


@pytest.mark.slow
def test_a_lamp_that_dies_by_day_is_counted_within_two_hours_of_dusk(taihe: County) -> None:
    """After nights to learn from, one lamp of three on a phase: counted, and no other phase is blamed."""
    watched = Watched(taihe)
    watched.setting = replace(watched.setting, lamps={"loop3": watched.setting.lamps["loop3"]})
    watched.run(3 * 86_400, step=120)
    lamp = next(lamp for lamp in watched.cabinet.loops[2].lamps if lamp.phase == "a")
    watched.fault(lamp.id, "out")
    watched.run(8 * 3600, step=120)
    found = collect(watched, 2 * 3600, lambda one: one.fault == "lamps-lost")
    assert found is not None
    assert found.key == "lamps-lost@cabinet-03/loop3/a"
    assert found.count is not None
    assert found.count.lamps == 1
    assert set(watched.keys) == {found.key}
