"""Dry, watch and storm without a centre; and whether the edge's own clock can be believed."""

from __future__ import annotations

from gateway.clockwatch import ClockWatch
from gateway.mode import Modes
from gateway.plan import Mode
from lampwell.assets import Device, DeviceKind, Intervals, ModeRule
from lampwell.clock import VirtualClock
from lampwell.points import Point
from lampwell.profiles.model import Encoding, Profile, Register, Space, WireType

HOUR = 3600.0


def device(name: str, kind: DeviceKind, watch: float | None = None, storm: float = 0.0) -> Device:
    register = Register(point=Point(path="level"), space=Space.HOLDING, address=0, encoding=Encoding(type=WireType.U16))
    rules = () if watch is None else (ModeRule(point="level", watch=watch, storm=storm),)
    profile = Profile(id="p", zh="", en="", source="", registers=(register,), windows=())
    intervals = Intervals(dry_s=60, watch_s=30, storm_s=10)
    return Device(id=name, kind=kind, profile=profile, link="l", unit=1, area="a", intervals=intervals, modes=rules)


WELL = device("well-01", DeviceKind.WELL, 1.0, 2.0)
RAIN = device("rain-1", DeviceKind.RAIN, 0.2, 5.0)
CABINET = device("cabinet-01", DeviceKind.CABINET)
PONDING = device("ponding-1", DeviceKind.PONDING)


def made() -> Modes:
    return Modes((WELL, RAIN, CABINET, PONDING))


def test_level_lifts_its_own_device_and_no_other() -> None:
    """A full well is its own affair."""
    modes = made()
    modes.see("well-01", lambda _: 1.0, 0)
    assert modes.mode("well-01", 1) is Mode.WATCH
    modes.see("well-01", lambda _: 2.0, 1)
    assert modes.mode("well-01", 2) is Mode.STORM
    assert modes.mode("ponding-1", 2) is Mode.DRY


def test_rain_lifts_all_drainage_of_the_node_and_no_lamps() -> None:
    """With the centre cut off, a gauge in the rain is warning enough for every well beside it."""
    modes = made()
    modes.see("rain-1", lambda _: 6.0, 0)
    assert {name: modes.mode(name, 1) for name in ("well-01", "ponding-1", "rain-1", "cabinet-01")} == {
        "well-01": Mode.STORM,
        "ponding-1": Mode.STORM,
        "rain-1": Mode.STORM,
        "cabinet-01": Mode.DRY,
    }


def test_dry_returns_only_two_hours_after_the_last_cause() -> None:
    """Between two showers nobody slows down (domain drainage 2.7)."""
    modes = made()
    modes.see("rain-1", lambda _: 6.0, 0)
    modes.see("rain-1", lambda _: 0.2, HOUR)
    modes.see("rain-1", lambda _: 0.0, HOUR + 1)
    assert modes.mode("well-01", HOUR + 2) is Mode.WATCH
    assert modes.mode("well-01", 3 * HOUR - 1) is Mode.WATCH
    assert modes.mode("well-01", 3 * HOUR) is Mode.DRY


def test_storm_outlasts_its_cause_by_half_an_hour() -> None:
    """A lull is not the end."""
    modes = made()
    modes.see("well-01", lambda _: 2.0, 0)
    modes.see("well-01", lambda _: 1.0, 1799)
    assert modes.mode("well-01", 1799) is Mode.STORM
    assert modes.mode("well-01", 1801) is Mode.WATCH


def test_unknown_value_is_no_cause_and_no_relief() -> None:
    """A sensor that fell silent in the storm leaves the storm as it was."""
    modes = made()
    modes.see("well-01", lambda _: 2.0, 0)
    modes.see("well-01", lambda _: None, 60)
    assert modes.mode("well-01", 60) is Mode.STORM


def test_reload_in_a_storm_stays_in_the_storm() -> None:
    """New files must not make the edge forget the rain."""
    modes, fresh = made(), made()
    modes.see("rain-1", lambda _: 6.0, 0)
    fresh.keep(modes)
    assert fresh.mode("well-01", 60) is Mode.STORM


def test_clock_of_1970_is_not_trusted_and_its_correction_is() -> None:
    """A board without a battery: marked until it is set, and believed from then on."""
    clock = VirtualClock(start_ms=1000)
    watch = ClockWatch(clock)
    assert not watch.trusted()
    clock.start_ms = 1_780_000_000_000
    assert watch.trusted()


def test_clock_that_is_moved_by_an_hour_is_doubted_for_ten_minutes() -> None:
    """Forwards or backwards; small corrections by NTP are nothing."""
    clock = VirtualClock()
    watch = ClockWatch(clock)
    clock.start_ms += 2_000
    assert watch.trusted()
    clock.start_ms -= 3_600_000
    assert not watch.trusted()
    clock.elapsed += 599
    assert not watch.trusted()
    clock.elapsed += 2
    assert watch.trusted()
