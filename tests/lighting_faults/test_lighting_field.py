"""What feeds the detectors: readings that come by exception, phases that are one alarm, and silence that proves nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from control.alarms.model import Condition
from control.lighting.field import LightingField
from control.lighting.memory import NAME, Learned, Memory
from lampwell.assets import County, DeviceKind
from lampwell.clock import VirtualClock
from lampwell.county import load
from lampwell.points import Point, PollClass, Value
from lampwell.readings import Layout, Scan
from lampwell.sparkplug.messages import DeviceBorn, DeviceDied, ScanReceived

TAIHE = Path(__file__).parents[2] / "counties/taihe"
NIGHT = 1_780_000_000_000 + 16 * 3_600_000  # 20:26 county time
CABINET = "cabinet-01"


@pytest.fixture(scope="module")
def county() -> County:
    return load(TAIHE)


HEALTHY: dict[str, Value] = {
    **{f"u_{phase}": 225.0 for phase in "abc"},
    **{f"i_{phase}": 9.0 for phase in "abc"},
    **{f"p_{phase}": 2000.0 for phase in "abc"},
    "i_n": 1.0,
    "on_battery": False,
    "main_breaker": True,
    "door": False,
    "loop1/commanded": True,
    "loop1/aux": True,
    "loop1/breaker": True,
    "loop1/local_override": False,
    "loop1/locked": False,
    "loop1/level": 100.0,
    **{f"loop1/i_{phase}": 3.0 for phase in "abc"},
    **{f"loop1/p_{phase}": 660.0 for phase in "abc"},
    "loop1/residual": 12.0,
    "loop1/pf": 0.95,
}


@dataclass
class Lights:
    """One cabinet with one lit loop, said whole at its birth and by exception afterwards."""

    county: County
    now: int = NIGHT
    wanted: bool | None = None
    told: list[Condition] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.field = LightingField(self.county, wanted=lambda loop, _at: self.wanted if loop == f"{CABINET}/loop1" else None)
        edge = next(one for one in self.county.edges if one.area == "oldtown")
        self.layout = Layout(edge.node, CABINET, tuple(Point(path=path) for path in HEALTHY))
        self.born()

    def born(self) -> None:
        size = len(HEALTHY)
        birth = Scan(self.layout, self.now, tuple(range(size)), tuple(HEALTHY.values()), (0,) * size)
        self.field.event(DeviceBorn(layout=self.layout, birth=birth, times=(self.now,) * size), self.now)

    def say(self, flags: int = 0, **values: Value) -> None:
        paths = [name.replace("__", "/") for name in values]
        index = tuple(list(HEALTHY).index(path) for path in paths)
        self.field.event(
            ScanReceived(Scan(self.layout, self.now, index, tuple(values.values()), (flags,) * len(index))), self.now
        )
        self.told += self.field.told()

    def wait(self, seconds: float) -> None:
        for _ in range(round(seconds)):
            self.now += 1000
            self.field.tick(self.now)
            self.told += self.field.told()

    def of(self, fault: str, place: str = f"{CABINET}/loop1") -> bool | None:
        """What was told last; None also where nothing was."""
        return next((one.value for one in reversed(self.told) if one.key == f"{fault}@{place}"), None)


def test_a_healthy_cabinet_has_no_fault_in_a_night(county: County) -> None:
    """Protects from alarms that time alone makes of readings that stand still."""
    lights = Lights(county)
    lights.wait(6 * 3600)
    assert [one.key for one in lights.told if one.value] == []


def test_a_fault_that_changes_nothing_any_more_is_found_by_time(county: County) -> None:
    """Protects from faults that fall silent: the readings that show it come once, the clock runs on without them."""
    lights = Lights(county)
    lights.wait(400)
    lights.say(**{f"loop1__{kind}_{phase}": 0.0 for kind in "ip" for phase in "abc"})
    assert lights.of("loop-open") is not True
    lights.wait(150)
    assert lights.of("loop-open") is True
    lights.say(**{f"loop1__i_{phase}": 3.0 for phase in "abc"}, **{f"loop1__p_{phase}": 660.0 for phase in "abc"})
    lights.wait(150)
    assert lights.of("loop-open") is False


def test_phases_are_one_alarm_of_their_loop(county: County) -> None:
    """Protects the list from three alarms for one fuse, and the second phase from the first one's return."""
    lights = Lights(county)
    lights.wait(400)
    lights.say(loop1__i_b=0.0, loop1__p_b=0.0)
    lights.wait(150)
    assert lights.of("loop-phase-open") is True
    assert {one.key for one in lights.told if one.value} == {f"loop-phase-open@{CABINET}/loop1"}


def test_a_contactor_that_stays_closed_is_found_when_it_should_open(county: County) -> None:
    """Protects from lamps that burn all day: commanded off, closed and with current is a weld, not a feedback fault."""
    lights = Lights(county)
    lights.wait(400)
    lights.say(loop1__commanded=False)
    lights.wait(60)
    assert lights.of("contactor-welded") is True
    assert lights.of("contactor-feedback") is not True


def test_silence_and_the_broker_prove_nothing(county: County) -> None:
    """Protects from all-clears by loss of data: a device that died, or a broker that is away, clears no fault."""
    lights = Lights(county)
    lights.wait(400)
    lights.say(loop1__commanded=False)
    lights.wait(60)
    lights.field.event(DeviceDied(node=lights.layout.node, device=CABINET, time=lights.now), lights.now)
    lights.wait(600)
    lights.field.broker(connected=False, now=lights.now)
    lights.wait(600)
    assert False not in [one.value for one in lights.told if one.key == f"contactor-welded@{CABINET}/loop1"][1:]


def test_a_program_that_is_not_carried_out_is_told(county: County) -> None:
    """Protects dark streets: the program wants it lit, it is dark for five minutes and nobody works there."""
    lights = Lights(county, wanted=True)
    lights.wait(60)
    lights.say(
        loop1__commanded=False,
        loop1__aux=False,
        **{f"loop1__{kind}_{phase}": 0.0 for kind in "ip" for phase in "abc"},
    )
    lights.wait(400)
    assert lights.of("schedule-not-executed") is True
    assert {one.key for one in lights.told if one.value} == {f"schedule-not-executed@{CABINET}/loop1"}


async def test_what_was_learned_outlives_a_restart(county: County, tmp_path: Path) -> None:
    """Protects nights of learning from an upgrade of control, and a standing fault from being forgotten or told as new."""
    memory = Memory(tmp_path, VirtualClock())
    before = Lights(county)
    before.wait(400)
    before.say(loop1__commanded=False)
    before.wait(60)
    assert before.of("contactor-welded") is True
    await memory.save(before.field.learned())
    after = Lights(county, now=before.now + 5000)
    after.field.recall(await memory.load())
    assert after.field.learned().cabinets == before.field.learned().cabinets
    after.say(loop1__commanded=False)
    after.wait(5)
    assert after.of("contactor-welded") is True, "what stands is told again at once"


async def test_a_damaged_memory_is_left_out(county: County, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Protects the start of control from a torn file: it is told of, and the detectors learn anew."""
    (tmp_path / NAME).write_bytes(b"torn")
    assert await Memory(tmp_path, VirtualClock()).load() == Learned()
    assert "learn anew" in caplog.text


def test_what_is_asked_of_a_lamp_is_read(county: County) -> None:
    """Protects the dim failure from never being judged: the level asked for must come by itself, not on demand."""
    node = next(one for one in county.devices if one.kind is DeviceKind.CONCENTRATOR)
    paths = {point.path: point.poll for point in node.profile.points if point.path.startswith("lamp001/")}
    assert PollClass.DEMAND not in paths.values(), paths
