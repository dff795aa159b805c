"""Witnesses that share no formula with the engine; slow and plain, only tests use them.

Of the sun: VSOP87, nutation and sidereal time (Meeus, Astronomical Algorithms, chapters 12, 22, 25). Of the lunar calendar: new
moons (chapter 49) and solar terms, put together by the rules of GB/T 33661-2017.
"""

from __future__ import annotations

from datetime import date, timedelta
from math import asin, atan2, cos, degrees, radians, sin

from lampwell.lighting.sun import DAY_MS, Place

DELTA_T = 75 / 86400
"""Dynamical minus universal time around 2035, days."""
EAST_8 = 8 / 24


def new_moon(k: int) -> float:
    """JDE of the k-th new moon since that of 2000-01-06."""
    t = k / 1236.85
    e = 1 - 0.002516 * t - 0.0000074 * t * t
    sun = radians(2.5534 + 29.10535670 * k - 0.0000014 * t * t)
    moon = radians(201.5643 + 385.81693528 * k + 0.0107582 * t * t)
    f = radians(160.7108 + 390.67050284 * k - 0.0016118 * t * t)
    node = radians(124.7746 - 1.56375588 * k + 0.0020672 * t * t)
    jde = 2451550.09766 + 29.530588861 * k + 0.00015437 * t * t
    jde += (
        -0.40720 * sin(moon) + 0.17241 * e * sin(sun) + 0.01608 * sin(2 * moon) + 0.01039 * sin(2 * f)
        + 0.00739 * e * sin(moon - sun) - 0.00514 * e * sin(moon + sun) + 0.00208 * e * e * sin(2 * sun)
        - 0.00111 * sin(moon - 2 * f) - 0.00057 * sin(moon + 2 * f) + 0.00056 * e * sin(2 * moon + sun)
        - 0.00042 * sin(3 * moon) + 0.00042 * e * sin(sun + 2 * f) + 0.00038 * e * sin(sun - 2 * f)
        - 0.00024 * e * sin(2 * moon - sun) - 0.00017 * sin(node)
    )  # fmt: skip
    planets = [
        (299.77, 0.107408, 325), (251.88, 0.016321, 165), (251.83, 26.651886, 164), (349.42, 36.412478, 126),
        (84.66, 18.206239, 110), (141.74, 53.303771, 62), (207.14, 2.453732, 60), (154.84, 7.306860, 56),
    ]  # fmt: skip
    return jde + sum(a * 1e-6 * sin(radians(p + w * k)) for p, w, a in planets)


def sun_longitude(jde: float) -> float:
    """Apparent longitude of the sun, degrees (Meeus, chapter 25, low accuracy: 0.01 degree or 15 minutes)."""
    t = (jde - 2451545) / 36525
    m = radians(357.52911 + 35999.05029 * t)
    centre = (1.914602 - 0.004817 * t) * sin(m) + 0.019993 * sin(2 * m) + 0.000289 * sin(3 * m)
    return (280.46646 + 36000.76983 * t + centre - 0.00569 - 0.00478 * sin(radians(125.04 - 1934.136 * t))) % 360


def _day(jde: float) -> date:
    """The date at UTC+8 of an instant."""
    return date(1970, 1, 1) + timedelta(int(jde - DELTA_T + EAST_8 - 2440587.5))


def _term(number: int, year: int) -> date:
    """The date of the middle term at ``30 * number`` degrees (9 is the winter solstice) in a civil year."""
    low = 2451545 + 365.2425 * (year - 2000) + ((number * 30 - 280) % 360) / 360 * 365.2425 - 4
    high = low + 8
    while high - low > 1e-5:
        middle = (low + high) / 2
        if (sun_longitude(middle) - 30 * number + 180) % 360 < 180:
            low = middle
        else:
            high = middle
    return _day(low)


def months(year: int) -> list[tuple[int, bool, date]]:
    """The months from the one with the solstice of ``year - 1`` to before that of ``year``: number, leap, first day."""
    k = int((year - 1 - 2000) * 12.3685) + 8
    firsts = [_day(new_moon(n)) for n in range(k, k + 20)]
    solstices = _term(9, year - 1), _term(9, year)
    first, last = (max(n for n, day in enumerate(firsts) if day <= solstice) for solstice in solstices)
    terms = sorted([*(_term(n, y) for n in range(12) for y in (year - 1, year)), *solstices])
    found: list[tuple[int, bool, date]] = []
    number, leapt = 11, last - first == 12  # only a year of 13 months has a leap month, the first without a middle term
    for n in range(first, last):
        leap = not leapt and not any(firsts[n] <= term < firsts[n + 1] for term in terms)
        leapt = leapt or leap
        if n > first and not leap:
            number = number % 12 + 1
        found.append((number, leap, firsts[n]))
    return found


# -- the sun --------------------------------------------------------------------------------------------------------------------

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
