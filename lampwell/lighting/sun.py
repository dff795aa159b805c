"""Where the sun is, by NOAA's published formulas (after Meeus, Astronomical Algorithms, chapters 25 and 28).

Times are epoch ms UTC, angles degrees. An event that does not happen is None: where the sun does not set there is no sunset.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import acos, asin, cos, degrees, radians, sin, tan

DAY_MS = 86_400_000
MINUTE_MS = 60_000
_J2000_MS = 946_728_000_000
"""2000-01-01 12:00 UTC, from which Julian centuries count."""
RISE_ZENITH = 90.833
"""Upper limb on the horizon with mean refraction: NOAA's sunrise and sunset."""
CIVIL_ZENITH = 96.0
"""The sun 6° below the horizon: civil dawn and dusk."""
_ROUNDS = 3
"""An event's own instant gives declination and equation of time; the third round moves it by less than a second."""


@dataclass(frozen=True, slots=True)
class Place:
    """A point on the Earth, degrees WGS 84, north and east positive."""

    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SunNight:
    """One night's events in order; ``dark`` says that the sun is below the horizon at solar midnight."""

    sunset: int | None
    dusk: int | None
    midnight: int
    dawn: int | None
    sunrise: int | None
    dark: bool
    twilight_ends: bool
    """The sun goes below -6° this night."""


def sun_night(place: Place, noon: int) -> SunNight:
    """The night after the solar noon nearest to ``noon``, which is the civil noon of the date the night belongs to."""
    start = solar_noon(place, noon)
    middle = _transit(place, start + DAY_MS // 2, 180.0)
    end = solar_noon(place, start + DAY_MS)
    lowest = _lowest(place, middle)
    return SunNight(
        sunset=_event(place, start, RISE_ZENITH, 1),
        dusk=_event(place, start, CIVIL_ZENITH, 1),
        midnight=middle,
        dawn=_event(place, end, CIVIL_ZENITH, -1),
        sunrise=_event(place, end, RISE_ZENITH, -1),
        dark=lowest < 90 - RISE_ZENITH,
        twilight_ends=lowest < 90 - CIVIL_ZENITH,
    )


def solar_noon(place: Place, near: int) -> int:
    """The instant nearest to ``near`` at which the sun crosses the meridian of the place."""
    return _transit(place, near, 0.0)


def elevation(place: Place, at: int) -> float:
    """Geometric height of the sun's centre above the horizon, without refraction."""
    declination, equation = _sun(at)
    hour_angle = (at % DAY_MS) / MINUTE_MS / 4 + equation / 4 + place.longitude - 180
    latitude = radians(place.latitude)
    height = sin(latitude) * sin(declination) + cos(latitude) * cos(declination) * cos(radians(hour_angle))
    return degrees(asin(max(-1.0, min(1.0, height))))


def is_night(place: Place, at: int) -> bool:
    """The sun is down, refraction and its radius reckoned in: the same limit as sunrise and sunset."""
    return elevation(place, at) < 90 - RISE_ZENITH


def _transit(place: Place, near: int, hour_angle: float) -> int:
    """When the sun stands at an hour angle, nearest to ``near``."""
    at = near
    for _ in range(_ROUNDS):
        _, equation = _sun(at)
        target = (720 - 4 * place.longitude - equation + 4 * hour_angle) * MINUTE_MS  # within its UTC day
        at = near + round((target - near + DAY_MS / 2) % DAY_MS - DAY_MS / 2)
    return at


def _event(place: Place, noon: int, zenith: float, side: int) -> int | None:
    """When the sun passes a zenith angle before (-1) or after (+1) a solar noon; None where it does not."""
    at, noon_equation = noon, _sun(noon)[1]
    latitude = radians(place.latitude)
    for _ in range(_ROUNDS):
        declination, equation = _sun(at)
        cosine = _cosine(latitude, declination, zenith)
        if cosine is None:
            return None
        at = noon + round((side * 4 * degrees(acos(cosine)) + noon_equation - equation) * MINUTE_MS)
    return at


def _cosine(latitude: float, declination: float, zenith: float) -> float | None:
    """Of the hour angle at which the sun is at a zenith angle; None where it never is that day."""
    ground = cos(latitude) * cos(declination)
    if abs(ground) < 1e-9:  # at a pole
        return None
    cosine = cos(radians(zenith)) / ground - tan(latitude) * tan(declination)
    return cosine if -1 <= cosine <= 1 else None


def _lowest(place: Place, midnight: int) -> float:
    declination = degrees(_sun(midnight)[0])
    return abs(place.latitude + declination) - 90


def _sun(at: int) -> tuple[float, float]:
    """Declination in radians and the equation of time in minutes (NOAA solar calculator, columns F to V)."""
    t = (at - _J2000_MS) / (36_525 * DAY_MS)
    mean_longitude = radians((280.46646 + t * (36000.76983 + t * 0.0003032)) % 360)
    anomaly = radians(357.52911 + t * (35999.05029 - 0.0001537 * t))
    eccentricity = 0.016708634 - t * (0.000042037 + 0.0000001267 * t)
    centre = (
        sin(anomaly) * (1.914602 - t * (0.004817 + 0.000014 * t))
        + sin(2 * anomaly) * (0.019993 - 0.000101 * t)
        + sin(3 * anomaly) * 0.000289
    )
    node = radians(125.04 - 1934.136 * t)
    apparent = mean_longitude + radians(centre - 0.00569 - 0.00478 * sin(node))
    obliquity = radians(23.439291 - t * (0.0130042 + t * (0.00000016 - t * 0.000000504)) + 0.00256 * cos(node))
    y = tan(obliquity / 2) ** 2
    equation = 4 * degrees(
        y * sin(2 * mean_longitude)
        - 2 * eccentricity * sin(anomaly)
        + 4 * eccentricity * y * sin(anomaly) * cos(2 * mean_longitude)
        - y * y * sin(4 * mean_longitude) / 2
        - 1.25 * eccentricity**2 * sin(2 * anomaly)
    )
    return asin(sin(obliquity) * sin(apparent)), equation
