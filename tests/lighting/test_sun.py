"""Sun times held against a calculation that shares no formula with them, against astral, and against the domain file."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from astral import Observer
from astral.sun import sunrise, sunset

from lampwell.lighting.sun import DAY_MS, Place, elevation, is_night, sun_night

from .heaven import crossing, meeus

CHINA = ZoneInfo("Asia/Shanghai")
PLACES = {
    "Kashgar": Place(39.47, 75.99),
    "Harbin": Place(45.80, 126.53),
    "Hainan": Place(18.25, 109.51),
    "Taihe": Place(26.79, 114.90),
}
WITHIN_MS = 120_000


def noon(day: date, zone: ZoneInfo = CHINA) -> int:
    return int(datetime(day.year, day.month, day.day, 12, tzinfo=zone).timestamp() * 1000)


def test_the_witness_agrees_with_the_book() -> None:
    """Meeus, example 25.b: the reference itself is right before anything is held against it."""
    apparent, right, declination = meeus(2448908.5)
    assert apparent == pytest.approx(199.906061, abs=0.002)
    assert right == pytest.approx(198.378178, abs=0.002)
    assert declination == pytest.approx(-7.783817, abs=0.002)


@pytest.mark.parametrize("name", PLACES)
def test_a_year_of_nights_within_two_minutes(name: str) -> None:
    """Sunset, sunrise and civil twilight of every night of a year, against VSOP87 and sidereal time."""
    place, worst = PLACES[name], 0
    for n in range(365):
        night = sun_night(place, noon(date(2026, 1, 1) + timedelta(n)))
        assert None not in (night.sunset, night.dusk, night.dawn, night.sunrise)
        start, middle, end = night.midnight - DAY_MS // 2, night.midnight, night.midnight + DAY_MS // 2
        for got, low, high, height in (
            (night.sunset, start, middle, -0.833),
            (night.dusk, start, middle, -6.0),
            (night.dawn, middle, end, -6.0),
            (night.sunrise, middle, end, -0.833),
        ):
            assert got is not None
            worst = max(worst, abs(got - crossing(place, low, high, height)))
    assert worst < 10_000 < WITHIN_MS, f"{name}: {worst} ms"


@pytest.mark.parametrize("name", PLACES)
def test_astral_says_the_same(name: str) -> None:
    """A second witness, in everyday use elsewhere."""
    place = PLACES[name]
    eye = Observer(place.latitude, place.longitude)
    for n in range(0, 365, 7):
        day = date(2026, 1, 1) + timedelta(n)
        night = sun_night(place, noon(day))
        assert night.sunset == pytest.approx(sunset(eye, day, tzinfo=CHINA).timestamp() * 1000, abs=60_000)
        assert night.sunrise == pytest.approx(sunrise(eye, day + timedelta(1), tzinfo=CHINA).timestamp() * 1000, abs=60_000)


@pytest.mark.parametrize(
    ("latitude", "longitude", "day", "rise", "fall"),
    [
        (31, 112, date(2026, 6, 21), "05:29", "19:38"),
        (31, 112, date(2026, 12, 21), "07:26", "17:34"),
        (23, 113, date(2026, 6, 21), "05:43", "19:16"),
        (23, 113, date(2026, 12, 21), "07:04", "17:48"),
        (39.5, 76, date(2026, 6, 21), "07:29", "22:27"),
        (39.5, 76, date(2026, 12, 21), "10:12", "19:35"),
    ],
)
def test_the_measured_values(latitude: float, longitude: float, day: date, rise: str, fall: str) -> None:
    """Domain streetlights 4.1: reference values, county time, two minutes."""
    place = Place(latitude, longitude)
    before, after = sun_night(place, noon(day - timedelta(1))), sun_night(place, noon(day))
    for got, text in ((before.sunrise, rise), (after.sunset, fall)):
        wanted = datetime.fromisoformat(f"{day}T{text}").replace(tzinfo=CHINA).timestamp() * 1000
        assert got == pytest.approx(wanted, abs=WITHIN_MS)


def test_polar_day_and_night_have_no_events() -> None:
    """Where the sun does not set or rise the answer is None, not a number, and it is still known whether it is dark."""
    svalbard = Place(78.2, 15.6)
    summer = sun_night(svalbard, noon(date(2026, 6, 21), ZoneInfo("Arctic/Longyearbyen")))
    winter = sun_night(svalbard, noon(date(2026, 12, 21), ZoneInfo("Arctic/Longyearbyen")))
    assert (summer.sunset, summer.sunrise, summer.dusk, summer.dark) == (None, None, None, False)
    assert (winter.sunset, winter.sunrise, winter.dark, winter.twilight_ends) == (None, None, True, True)
    for pole in (90.0, -90.0):
        assert sun_night(Place(pole, 0.0), noon(date(2026, 3, 20))).sunset is None


def test_white_nights_have_a_sunset_but_no_dusk() -> None:
    """A night can be dark by the horizon and never by civil twilight."""
    night = sun_night(Place(63.0, 25.7), noon(date(2026, 6, 21), ZoneInfo("Europe/Helsinki")))
    assert night.sunset is not None
    assert night.dusk is None
    assert (night.dark, night.twilight_ends) == (True, False)


@pytest.mark.parametrize("longitude", [-179.9, -120.0, 0.0, 75.9, 179.9])
def test_events_are_in_order_everywhere(longitude: float) -> None:
    """The night of a date lies in one piece whatever the zone's distance from UTC."""
    place = Place(35.0, longitude)
    middle = int(datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp() * 1000) - round(longitude * 240_000)
    night = sun_night(place, middle)
    events = [night.sunset, night.dusk, night.midnight, night.dawn, night.sunrise]
    assert events == sorted(events, key=lambda each: each or 0)
    assert middle < (night.sunset or 0)
    assert (night.sunrise or 0) < middle + DAY_MS


def test_height_changes_sign_at_the_events() -> None:
    """``is_night`` and the events are one limit."""
    place = PLACES["Taihe"]
    night = sun_night(place, noon(date(2026, 9, 1)))
    assert night.sunset is not None
    assert night.sunrise is not None
    assert not is_night(place, night.sunset - 5_000)
    assert is_night(place, night.sunset + 5_000)
    assert is_night(place, night.sunrise - 5_000)
    assert not is_night(place, night.sunrise + 5_000)
    assert elevation(place, night.midnight) < elevation(place, night.sunset)
