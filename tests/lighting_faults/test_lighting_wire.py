"""From registers to alarms: a virtual cabinet and its lamps, judged as at the edge, and what the detectors tell of them."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from control.alarms.bind import bind, fault_key
from control.alarms.clauses import Fault
from control.alarms.faults import FAULTS
from control.alarms.model import Evidence
from control.alarms.rule_files import read_rules
from control.lighting.faults.nodes import Known, reading
from control.lighting.faults.watch import CabinetState, Setting, observe
from control.lighting.field import LightingField
from control.lighting.watched import cabinets_of, looked_at_by_logic, nodes_of
from lampwell.assets import County, Device, Lamp
from lampwell.county import load
from lampwell.quality import make_judge
from lampwell.readings import Layout, Scan
from lampwell.sparkplug.messages import ScanReceived
from simulators.cabinet import Air, Cabinet
from simulators.meters import Concentrator

HOUR, DAY = 3_600_000, 86_400_000
NOON = 1_782_014_400_000  # 2026-06-21 12:00 in Taihe
EVENING = NOON + 9 * HOUR
BOX, CON, LOOP = "cabinet-03", "concentrator-1", "cabinet-03/loop3"
TAIHE = Path(__file__).parents[2] / "counties/taihe"


@pytest.fixture(scope="module")
def county() -> County:
    return load(TAIHE)


class Line:
    """A device as its gateway judges and sends it, each poll whole."""

    def __init__(self, county: County, device: Device) -> None:
        edges = {link.id: link.edge for link in county.links}
        node = next(edge.node for edge in county.edges if edge.id == edges[device.link])
        self.layout = Layout(node, device.id, tuple(looked_at_by_logic(device)))
        self.judges = [make_judge(point) for point in self.layout.points]
        self.at = 0

    def scan(self, now: int, values: dict[str, object]) -> ScanReceived:
        told = [values[point.path] for point in self.layout.points]
        flags = tuple(
            judge.judge(value, now, self.at or now, False)  # type: ignore[arg-type]
            for judge, value in zip(self.judges, told, strict=True)
        )
        self.at = now
        return ScanReceived(Scan(self.layout, now, tuple(range(len(told))), tuple(told), flags))  # type: ignore[arg-type]


class Street:
    """Cabinet 3, its concentrator and its lamps; ``told``: what was said of each fault, in order."""

    def __init__(self, county: County, start: int, permitted: Sequence[str] = ()) -> None:
        devices = {device.id: device for device in county.devices}
        self.lamps = tuple(lamp for lamp in county.lamps if lamp.cabinet == BOX)
        place = (county.latitude, county.longitude)
        self.cabinet = Cabinet(devices[BOX], self.lamps, place, start, random.Random)
        self.concentrator = Concentrator(devices[CON], self.cabinet, self.lamps, timedelta(hours=8), start)
        self.lines = {name: Line(county, devices[name]) for name in (BOX, CON)}
        self.permitted = list(permitted)
        self.field = LightingField(county, permitted=lambda name: name in self.permitted, look_s=60)
        self.now, self.told = start, defaultdict[str, list[bool | None]](list)
        self.cabinet.settle(start, self._air())

    def run(self, minutes: float, step_s: float = 60) -> None:
        for _ in range(round(minutes * 60 / step_s)):
            self.now += round(step_s * 1000)
            self.cabinet.advance(step_s, self.now, self._air())
            self.concentrator.advance(self.now)
            for name, plant in ((BOX, self.cabinet), (CON, self.concentrator)):
                self.field.event(self.lines[name].scan(self.now, dict(plant.values)), self.now)
            self.field.tick(self.now)
            for one in self.field.told():
                self.told[one.key] += [one.value]

    def fault(self, target: str, name: str, value: float | None = None, *, on: bool = True) -> None:
        every = (*self.cabinet.faults(), *self.concentrator.faults())
        next(f for f in every if (f.info.target, f.info.name) == (target, name)).set(on, value)

    def node(self, lamp: Lamp) -> str:
        """The place of a lamp with a node."""
        return f"{CON}/lamp{self.lamps.index(lamp) + 1:03}"

    @property
    def there(self) -> list[str]:
        return sorted(key for key, values in self.told.items() if True in values)

    def _air(self) -> Air:
        hour = ((self.now + 8 * HOUR) / HOUR) % 24
        return Air(hour, 26 - 4 * math.cos((hour - 15) / 24 * 2 * math.pi), 0.0, 0.0, 0.0)


def on_loop(street: Street, number: int) -> list[Lamp]:
    return [lamp for lamp in street.lamps if lamp.loop == number]


# -- the table -----------------------------------------------------------------------------------------------------------------


def test_every_fault_is_an_alarm_with_an_order(county: County) -> None:
    """Protects faults from being found and told to nobody: each has a rule that opens a work order, heard by the fault's name."""
    rules = read_rules(TAIHE, county)
    assert {rule.fault for rule in rules if rule.fault} == set(FAULTS)
    assert [rule.id for rule in rules if rule.fault and not rule.order] == []
    heard = {fault_key(one, one.clause) for one in bind(rules, county).bounds if isinstance(one.clause, Fault)}
    assert {"lamp-out-confirmed@concentrator-1/lamp001", "door-open@cabinet-03", f"energy-mismatch@{LOOP}"} <= heard


def test_a_healthy_evening_and_day_say_nothing(county: County) -> None:
    """Protects from alarms of the detectors that are fed by nodes, counters and flags: a night, a noon and the next dusk."""
    street = Street(county, NOON)
    street.run(33 * 60, step_s=600)
    assert street.there == []
    assert street.told[f"energy-mismatch@{LOOP}"] == [False], "the night was judged, at noon"


# -- energy --------------------------------------------------------------------------------------------------------------------


def test_a_load_that_nobody_knows_of_is_told_at_noon(county: County) -> None:
    """Protects the bill: a tap on a cable behind the meter, small for each minute, is a fifth of a night."""
    street = Street(county, NOON)
    loop = street.cabinet.loops[2]
    for _ in range(24 * 6 + 1):
        before = loop.kwh
        street.run(10, step_s=600)
        loop.kwh += 0.25 * (loop.kwh - before)
    assert street.there == [f"energy-mismatch@{LOOP}"]


def test_a_new_meter_says_nothing_of_its_night(county: County) -> None:
    """Protects from a mismatch by a fitter: the counter begins anew in the night, no verdict; the next night has one."""
    street = Street(county, NOON)
    street.run(12 * 60, step_s=600)
    street.fault(BOX, "meter-swap", 3.0)
    street.run(36 * 60 + 10, step_s=600)
    assert street.told[f"energy-mismatch@{LOOP}"] == [None, False]


def test_lamps_at_levels_of_their_own_are_expected_so(county: County) -> None:
    """Protects from a mismatch by order: half of a loop's lamps dimmed by their nodes, the loop itself at full."""
    street = Street(county, NOON)
    street.run(9 * 60, step_s=600)
    for lamp in on_loop(street, 3)[::2]:
        street.concentrator.write(f"lamp{street.lamps.index(lamp) + 1:03}/set_level", 30)
    street.run(15 * 60 + 10, step_s=600)
    assert street.told[f"energy-mismatch@{LOOP}"] == [False]
    assert street.there == []


# -- power factor, flicker, silence --------------------------------------------------------------------------------------------


def nights(street: Street, minutes: float, count: int = 2) -> None:
    """So long on each of some nights; by day nobody looks."""
    for n in range(count):
        street.run(minutes)
        if n < count - 1:
            street.now += DAY - round(minutes * 60_000)


def test_a_bad_driver_is_told_after_two_nights(county: County) -> None:
    """Protects lamps whose driver dies: 0.5 at full level, on two nights, from current, voltage and power of the node."""
    street = Street(county, EVENING)
    lamp = on_loop(street, 2)[0]
    street.fault(street.node(lamp), "low-factor", 0.5)
    nights(street, 45)
    place = street.node(lamp)
    assert street.there == [f"lamp-power-factor-confirmed@{place}", f"lamp-power-factor-serious-confirmed@{place}"]


def test_a_flickering_lamp_is_told_and_a_flickering_supply_is_not(county: County) -> None:
    """Protects from an alarm for every lamp of a phase where the supply is at fault."""
    street = Street(county, EVENING)
    alone, phase = on_loop(street, 2)[0], [lamp for lamp in street.lamps if lamp.phase != on_loop(street, 2)[0].phase]
    street.fault(street.node(alone), "flicker", 0.25)
    for lamp in phase:
        street.fault(street.node(lamp), "flicker", 0.25)
    nights(street, 30)
    assert street.there == [f"lamp-flicker-confirmed@{street.node(alone)}"]


def test_a_silent_node_is_told_after_two_nights_and_not_by_day(county: County) -> None:
    """Protects from a list of nodes that rightly do not answer: behind a dead loop, for a moment, all at once."""
    street = Street(county, EVENING)
    node = street.node(on_loop(street, 2)[1])
    street.fault(node, "node-silent")
    nights(street, 60)
    assert street.there == [f"lamp-silent-confirmed@{node}"]
    day = Street(county, NOON)
    day.run(120)
    assert day.there == []
    all_silent = Street(county, EVENING)
    for lamp in all_silent.lamps:
        all_silent.fault(all_silent.node(lamp), "node-silent")
    all_silent.run(60)
    assert all_silent.there == [f"nodes-silent@{CON}"]


def test_the_end_of_a_line_that_falls_silent_is_a_theft(county: County) -> None:
    """Protects cables without a sensor: two neighbours at the end lost for two periods, the rest answers; one alone is a node."""
    street = Street(county, EVENING)
    line = on_loop(street, 4)
    street.fault(street.node(line[-1]), "node-silent")
    street.run(45)
    assert street.there == []
    street.fault(street.node(line[-2]), "node-silent")
    street.run(40)
    assert street.there == [f"cable-theft@{BOX}/loop4"]


def test_a_dark_lamp_is_confirmed_by_a_new_command(county: County) -> None:
    """Protects the night from waiting for the next: told another level it is still dark, a crew may go."""
    street = Street(county, EVENING)
    lamp = on_loop(street, 2)[0]
    street.fault(lamp.id, "out")
    street.run(30)
    assert street.there == []
    street.cabinet.write("loop2/set_level", 60)
    street.run(30)
    assert street.there == [f"lamp-out-confirmed@{street.node(lamp)}"]


# -- the cabinet ---------------------------------------------------------------------------------------------------------------


def test_frozen_readings_are_one_alarm_by_night_and_none_by_day(county: County) -> None:
    """Protects from a cabinet whose faults nobody sees: old values with a live heartbeat, flagged at the edge after 10 min."""
    street = Street(county, EVENING)
    street.run(5)
    street.fault(BOX, "frozen")
    street.run(9)
    assert street.there == []
    street.run(5)
    assert street.there == [f"frozen-data@{BOX}"]
    street.fault(BOX, "frozen", on=False)
    street.run(5)
    assert street.told[f"frozen-data@{BOX}"][-1] is False
    day = Street(county, NOON)
    day.fault(BOX, "frozen")
    day.run(30)
    assert day.there == []


def test_a_door_is_told_unless_a_crew_has_an_order(county: County) -> None:
    """Protects crews from being reported, and cabinets from anybody else."""
    crew = Street(county, EVENING, permitted=[BOX])
    crew.fault(BOX, "door")
    crew.run(10)
    assert crew.there == []
    crew.permitted.clear()
    crew.run(3)
    assert crew.there == [f"door-open@{BOX}"]


class Asked(dict[str, Evidence]):
    """Readings that remember which of them were asked for."""

    def __init__(self, values: Mapping[str, Evidence]) -> None:
        super().__init__(values)
        self.paths = set[str]()

    def get(self, path: str, default: object = None) -> Any:
        self.paths.add(path)
        return super().get(path, default)

    def __getitem__(self, path: str) -> Evidence:
        self.paths.add(path)
        return super().__getitem__(path)


def test_what_detectors_ask_for_is_what_back_tests_read(county: County) -> None:
    """Protects back-tests from a detector that is blind there: what is asked for is listed, and what is listed is asked for."""
    street = Street(county, EVENING)
    devices = {device.id: device for device in county.devices}
    box, con = (Asked(_evidence(name, plant.values)) for name, plant in ((BOX, street.cabinet), (CON, street.concentrator)))
    watched = cabinets_of(county)[BOX]
    setting = Setting(place=BOX, lamps=watched.lamps, zone_ms=0)
    observe(CabinetState(), setting, EVENING, box)
    assert box.paths == {point.path for point in looked_at_by_logic(devices[BOX])}
    for node in nodes_of(county):
        if node.concentrator == CON:
            reading(Known(place=node.place), EVENING, con, node.component, day=False)
            con.paths.add(f"{node.component}/set_level")  # asked for by LightingField itself
    assert con.paths == {point.path for point in looked_at_by_logic(devices[CON])}


def _evidence(device: str, values: Mapping[str, Any]) -> dict[str, Evidence]:
    return {path: Evidence(point=f"{device}/{path}", time=EVENING, value=value) for path, value in values.items()}
