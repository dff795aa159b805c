"""From status to view: unknown stays unknown, events come once, rates and rises are right."""

import dataclasses
from pathlib import Path

import pytest

from deploy.chronicle import link_state
from deploy.view import Limit
from deploy.watch import Moment, Watch
from gateway.status import GatewayStatus, JournalStatus, LinkStatus, UnitStatus
from lampwell.assets import Device, DeviceKind, Intervals, Levels
from lampwell.clock import VirtualClock
from lampwell.profiles.model import Profile
from lampwell.readings import Flag

from .conftest import make_county

LEVELS = Levels(blue=0.05, yellow=0.15, orange=0.27, red=0.4)


def device(name: str, kind: DeviceKind, levels: Levels | None = None) -> Device:
    profile = Profile(id="p", zh="", en="", source="test", registers=(), windows=())
    intervals = Intervals(dry_s=5, watch_s=2, storm_s=1)
    return Device(
        id=name, kind=kind, profile=profile, link="east", unit=1, area="town", zh="老街", intervals=intervals, levels=levels
    )


DEVICES = (
    device("ponding-1", DeviceKind.PONDING, LEVELS),
    device("rain-1", DeviceKind.RAIN),
    device("cabinet-01", DeviceKind.CABINET),
)


class Scene:
    """A watch with its clock and the newest readings, as a test moves them."""

    def __init__(self, folder: Path) -> None:
        self.clock = VirtualClock()
        self.watch = Watch(make_county(folder, devices=DEVICES), self.clock, speed=1, folder="run", note="")
        self.readings: dict[tuple[str, str], tuple[int, object, int]] = {}
        self.units = {each.id: "ok" for each in DEVICES}
        self.stored = 0

    def says(self, name: str, point: str, value: object, flags: int = 0) -> None:
        self.readings[name, point] = (self.clock.now(), value, flags)

    def look(self):
        units = tuple(UnitStatus(device=name, state=state, last_ok_ms=self.clock.now()) for name, state in self.units.items())
        link = LinkStatus(id="east", endpoint="127.0.0.1:1", connected=True, units=units)
        journal = JournalStatus(id="j", backlog=3, oldest_ms=None, holds_hours=None)
        gateway = GatewayStatus(
            edge="edge-1", now_ms=0, links=(link,), polls=0, readings=0, scans=0, journal=journal, broker=True, host=True
        )
        return self.watch.look(Moment(gateways=(gateway,), stored=self.stored, read=lambda *key: self.readings.get(key)))


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


def test_before_the_first_reading_nothing_is_fine(scene: Scene) -> None:
    """A county that has not spoken yet is unknown, not dry."""
    scene.units = dict.fromkeys(scene.units, "new")
    view = scene.look()
    assert [count.unknown for count in view.kinds] == [1, 1, 1]
    assert view.places[0].level is None
    assert view.places[0].why
    assert view.rain.mm_per_h is None
    assert view.pumps_running is None
    assert not view.events


@pytest.mark.parametrize(
    ("value", "flags", "state", "why"),
    [
        (0.3, int(Flag.RANGE), "ok", "RANGE"),
        (None, int(Flag.SENTINEL), "ok", "SENTINEL"),
        (0.3, 0, "dead", "no answer"),
        (0.3, int(Flag.STALE), "ok", "STALE"),
    ],
)
def test_a_bad_or_silent_level_is_not_a_number(scene: Scene, value: object, flags: int, state: str, why: str) -> None:
    """Bad, missing, stale and silent never show the last value."""
    scene.says("ponding-1", "level", value, flags)
    scene.units["ponding-1"] = state
    place = scene.look().places[0]
    assert place.level is None
    assert why in place.why


async def test_an_old_level_goes_stale(scene: Scene) -> None:
    """A sensor whose reports stop although its unit answers is not believed for ever."""
    scene.says("ponding-1", "level", 0.02)
    assert scene.look().places[0].level == 0.02
    await scene.clock.advance(1200)
    assert scene.look().places[0].level is None


async def test_crossing_a_limit_is_told_once(scene: Scene) -> None:
    """Each limit reached gives one event, the way back another; a steady level gives none."""
    for level in (0.01, 0.01, 0.16, 0.16, 0.45, 0.45, 0.01, 0.01):
        await scene.clock.advance(5)
        scene.says("ponding-1", "level", level)
        scene.look()
    assert [event.limit for event in scene.watch.chronicle.events] == [Limit.NONE, Limit.RED, Limit.YELLOW]


async def test_a_level_on_a_limit_does_not_chatter(scene: Scene) -> None:
    """Waves of a centimetre around a limit give one event, not one each."""
    for level in (0.149, 0.151, 0.149, 0.152, 0.148, 0.155, 0.145):
        scene.says("ponding-1", "level", level)
        scene.look()
    assert [event.limit for event in scene.watch.chronicle.events] == [Limit.YELLOW, Limit.BLUE]


async def test_losing_and_finding_a_unit_is_told_once(scene: Scene) -> None:
    """A dead unit gives one event and its return one; the quiet start gives none."""
    for state in ("new", "ok", "ok", "dead", "dead", "ok"):
        scene.units["cabinet-01"] = state
        view = scene.look()
    assert len(view.events) == 2
    assert "cabinet-01 失联" in view.events[1].zh


async def test_rain_is_counted_from_the_start_and_per_hour(scene: Scene) -> None:
    """A gauge counts since power-up; the screen's total begins with the demo, its intensity is that of ten minutes times six."""
    scene.says("rain-1", "total", 812.2)
    scene.look()
    scene.says("rain-1", "total", 818.4)
    scene.says("rain-1", "rain_10min", 6.2)
    rain = scene.look().rain
    assert rain.total_mm == pytest.approx(6.2)
    assert rain.mm_per_h == pytest.approx(37.2)


async def test_rise_is_per_ten_minutes(scene: Scene) -> None:
    """Three centimetres in five minutes are six in ten."""
    for level in (0.10, 0.13):
        scene.says("ponding-1", "level", level)
        view = scene.look()
        await scene.clock.advance(300)
    assert view.places[0].rise == pytest.approx(0.06)


def test_link_states() -> None:
    """A link nobody answers on is dead even while its socket is open; before anything is known it is new."""

    def link(connected: bool, *states: str) -> LinkStatus:
        units = tuple(UnitStatus(device=f"d{number}", state=state) for number, state in enumerate(states))
        return LinkStatus(id="l", endpoint="", connected=connected, units=units)

    assert link_state(link(False, "new", "new")) == "new"
    assert link_state(link(True, "ok", "dead")) == "ok"
    assert link_state(link(True, "dead", "dead")) == "dead"
    assert link_state(link(False, "ok")) == "dead"
    assert link_state(dataclasses.replace(link(True, "ok"), load=0.99)) == "slow"
