"""Sun times held against a calculation that shares no formula with them, against astral, and against the domain file."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from math import asin, atan2, cos, degrees, radians, sin
from zoneinfo import ZoneInfo

import pytest
from astral import Observer
from astral.sun import sunrise, sunset

from lampwell.lighting.sun import DAY_MS, Place, elevation, is_night, sun_night

CHINA = ZoneInfo("Asia/Shanghai")
PLACES = {
    "Kashgar": Place(39.47, 75.99),
    "Harbin": Place(45.80, 126.53),
    "Hainan": Place(18.25, 109.51),
    "Taihe": Place(26.79, 114.90),
}
WITHIN_MS = 120_000

# Earth's heliocentric longitude, VSOP87 (Meeus, Astronomical Algorithms, appendix III): amplitude 1e-8 rad, phase, frequency
L0 = [
    (175347046, 0, 0), (3341656, 4.6692568, 6283.07585), (34894, 4.6261, 12566.1517), (3497, 2.7441, 5753.3849),
    (3418, 2.8289, 3.5231), (3136, 3.6277, 77713.7715), (2676, 4.4181, 7860.4194), (2343, 6.1352, 3930.2097),
    (1324, 0.7425, 11506.7698), (1273, 2.0371, 529.691), (1199, 1.1096, 1577.3435), (990, 5.233, 5884.927),
    (902, 2.045, 26.298), (857, 3.508, 398.149), (780, 1.179, 5223.694), (753, 2.533, 5507.553),
    (505, 4.583, 18849.228), (492, 4.205, 775.523), (357, 2.92, 0.067), (317, 5.849, 11790.629),
]  # fmt: skip
L1 = [(628331966747, 0, 0), (206059, 2.678235, 6283.07585), (4303, 2.6351, 12566.1517), (425, 1.59, 3.523)]
L2 = [(52919, 0, 0), (8720, 1.0721, 6283.0758), (309, 0.867, 12566.152)]


def _series(terms: list[tuple[float, float, float]], tau: float) -> float:
    return sum(a * cos(b + c * tau) for a, b, c in terms) * 1e-8


def meeus(jde: float) -> tuple[float, float, float]:
    """Apparent longitude, right ascension and declination of the sun in degrees at a dynamical Julian day."""
    tau = (jde - 2451545.0) / 365250
    century = tau * 10
    longitude = _series(L0, tau) + _series(L1, tau) * tau + _series(L2, tau) * tau**2
    node = radians(125.04452 - 1934.136261 * century)
    sun, moon = radians(280.4665 + 36000.7698 * century), radians(218.3165 + 481267.8813 * century)
    nutation = (-17.20 * sin(node) - 1.32 * sin(2 * sun) - 0.23 * sin(2 * moon) + 0.21 * sin(2 * node)) / 3600
    tilt = (9.20 * cos(node) + 0.57 * cos(2 * sun) + 0.10 * cos(2 * moon) - 0.09 * cos(2 * node)) / 3600
    radius = 1.00013989 + 0.01670700 * cos(3.0984635 + 6283.07585 * tau)
    apparent = degrees(longitude) + 180 - 0.09033 / 3600 + nutation - 20.4898 / 3600 / radius
    obliquity = radians(23.4392911 - 0.0130042 * century + tilt)
    right = degrees(atan2(cos(obliquity) * sin(radians(apparent)), cos(radians(apparent))))
    return apparent % 360, right % 360, degrees(asin(sin(obliquity) * sin(radians(apparent))))


def meeus_height(place: Place, at: int) -> float:
    """Height of the sun by sidereal time and right ascension; delta T 70 s."""
    jd = at / DAY_MS + 2440587.5
    _, right, declination = meeus(jd + 70 / 86400)
    sidereal = 280.46061837 + 360.98564736629 * (jd - 2451545.0)
    hour = radians(sidereal + place.longitude - right)
    lat, dec = radians(place.latitude), radians(declination)
    return degrees(asin(sin(lat) * sin(dec) + cos(lat) * cos(dec) * cos(hour)))


def crossing(place: Place, low: int, high: int, height: float) -> int:
    """By bisection, when the sun passes a height between two instants."""
    falling = meeus_height(place, low) > height
    while high - low > 200:
        middle = (low + high) // 2
        if (meeus_height(place, middle) > height) == falling:
            low = middle
        else:
            high = middle
    return high


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
