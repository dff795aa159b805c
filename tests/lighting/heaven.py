"""A witness for the lunar calendar: new moons (Meeus, Astronomical Algorithms, chapter 49) and solar terms, put together by the
rules of GB/T 33661-2017. Slow and plain; only tests use it.
"""

from __future__ import annotations

from datetime import date, timedelta
from math import radians, sin

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
