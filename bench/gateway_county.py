"""The county of the gateway's bench: a link per unit, forty points a unit."""

from __future__ import annotations

from pathlib import Path

from bench.county_files import county_files, write_files

POINTS = 40
TESTS = "source = 'made up', low = -100, high = 10000"
MOTION = f"{TESTS}, rate_suspect = 50000, rate_bad = 100000, spike = 500"
"""Ranges and deadbands on every point, rate and spike on every fourth."""


def write_county(folder: Path, *, broker: int, field: int, units: int, interval_s: float) -> Path:
    """Write the folder and return it."""
    files = county_files(
        broker=broker,
        points=map(_point, range(POINTS)),
        links=((address(n), field) for n in range(units)),
        units=((f"meter-{n}", n, n % 200 + 1) for n in range(units)),
        interval_s=interval_s,
    )
    return write_files(folder, files)


def _point(number: int) -> str:
    """A point whose deadband any change of its register leaves."""
    place = f'path = "p{number}", address = {number}, scale = 0.1, zh = "点", en = "Point"'
    tests = MOTION if number % 4 == 0 else TESTS
    return f"  {{ {place}, deadband = {{ absolute = 0.05, percent = 0.001 }}, tests = {{ {tests} }} }},"


def address(number: int) -> str:
    """A loopback address of its own for every link: two links to one endpoint are refused, and rightly so."""
    return f"127.0.{number // 250 + 1}.{number % 250 + 1}"
