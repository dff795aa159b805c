"""Storms by formula, recorded rain, moving storms, light."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lampwell.errors import ConfigError
from simulators.sensors import TippingBucket
from simulators.weather import (
    DesignStorm,
    Exposure,
    Sky,
    StormFormula,
    air_temperature,
    daylight_lux,
    exposures,
    presets,
    read_rain_csv,
)

SUZHOU = presets()["suzhou-2025"]


def _storm(period: float, minutes: float = 180) -> DesignStorm:
    return DesignStorm(formula=SUZHOU.formula, return_period=period, minutes=minutes, peak=SUZHOU.peak)


def _most(storm: DesignStorm, minutes: float) -> float:
    """The rainiest stretch of so many minutes, mm."""
    starts = range(0, int(storm.seconds - minutes * 60) + 1, 10)
    return max(storm.depth(s + minutes * 60) - storm.depth(s) for s in starts)


def test_the_formula_gives_the_flow_published_for_maoming() -> None:
    """A vector of a printed notice: P = 25, t = 50 min is 284.17 L/(s ha)."""
    formula = StormFormula(a=14.937, c=0.0, b=4.623, n=0.543)
    assert formula.flow(25, 50) == pytest.approx(284.17, abs=0.005)


@pytest.mark.parametrize(
    ("period", "five", "half_hour", "hour", "total"),
    [(0.5, 4.8, 16.1, 22.0, 31.9), (1, 7.6, 25.7, 35.1, 50.9), (5, 14.2, 47.9, 65.6, 94.9), (20, 19.8, 67.1, 91.8, 132.9),
     (50, 23.6, 79.7, 109.2, 158.0)],
)  # fmt: skip
def test_suzhou_storms_have_their_known_sums(period: float, five: float, half_hour: float, hour: float, total: float) -> None:
    """Regression values of domain drainage 2.4 (computed there in 1-minute steps)."""
    storm = _storm(period)
    assert [_most(storm, m) for m in (5, 30, 60)] == pytest.approx([five, half_hour, hour], abs=0.15)
    assert storm.depth(storm.seconds) == pytest.approx(total, abs=0.15)


@settings(deadline=None, max_examples=60)
@given(period=st.floats(0.3, 100), minutes=st.floats(10, 1440), share=st.floats(1, 600))
def test_a_storm_holds_the_formulas_depth_whatever_the_steps(period: float, minutes: float, share: float) -> None:
    """Sum over steps = formula's intensity times duration: no step size loses or makes rain."""
    storm = _storm(period, minutes)
    edges = [k * share for k in range(int(storm.seconds / share) + 2)]
    summed = sum(storm.depth(b) - storm.depth(a) for a, b in itertools.pairwise(edges))
    assert summed == pytest.approx(SUZHOU.formula.intensity(period, minutes) * minutes, rel=1e-9)
    assert all(storm.depth(b) >= storm.depth(a) for a, b in itertools.pairwise(edges))


def test_the_peak_is_where_the_preset_puts_it() -> None:
    """43 % into the storm for Suzhou."""
    storm = _storm(10)
    rates = [(storm.depth(s + 60) - storm.depth(s), s) for s in range(0, 10_800, 60)]
    assert max(rates)[1] / 10_800 == pytest.approx(0.43, abs=0.01)


@pytest.mark.parametrize("period", [0, -1, 0.001])
def test_a_return_period_without_rain_is_refused(period: float) -> None:
    """The formula's logarithm has no rain to give there, and says so."""
    with pytest.raises(ValueError, match="return period"):
        _storm(period).depth(600)


def test_every_preset_says_where_it_comes_from() -> None:
    """A stand-in must say that it is one."""
    for preset in presets().values():
        assert preset.source
        assert 0 < preset.peak < 1
        assert preset.minutes > 0
    assert "unverified" in presets()["taihe"].source


def test_recorded_rain_is_read_with_its_times(tmp_path: Path) -> None:
    """ISO times; each row holds the rain since the row before; half-way through an interval half of it has fallen."""
    file = tmp_path / "rain.csv"
    file.write_text("time,mm\n2025-06-01T10:00,1\n2025-06-01T10:05,2\n2025-06-01T10:10,0\n", "utf-8")
    rain = read_rain_csv(file)
    assert [rain.depth(s) for s in (-1, 0, 150, 300, 450, 600, 9999)] == pytest.approx([0, 0, 0.5, 1, 2, 3, 3])


@pytest.mark.parametrize(
    ("text", "where"),
    [("a,b\n1,2\n", "line 1"), ("time,mm\n0,1\n0,1\n", "line 3"), ("time,mm\n0,x\n", "line 2"), ("time,mm\n0,-1\n", "line 2"),
     ("time,mm\nnan,1\n", "line 2"), ("", "line 1")],
)  # fmt: skip
def test_bad_rain_files_are_refused_by_line(tmp_path: Path, text: str, where: str) -> None:
    """File, line and reason, never a traceback of the csv module."""
    file = tmp_path / "rain.csv"
    file.write_text(text, "utf-8")
    with pytest.raises(ConfigError) as caught:
        read_rain_csv(file)
    assert where in str(caught.value)
    assert "rain.csv" in str(caught.value)


def test_a_storm_moves_over_the_county() -> None:
    """The place further along gets the same rain, later."""
    reach = exposures({"west": (26.79, 114.89), "east": (26.79, 114.92)}, {})
    assert reach["west"].delay_s == 0
    assert 200 < reach["east"].delay_s < 900
    sky = Sky(26.79, 114.9)
    sky.begin(0, _storm(5, 60))
    early = {k: sky.fallen(0, 1_400_000, e) for k, e in reach.items()}
    assert early["west"] > early["east"]
    late = {k: sky.fallen(0, 9_000_000, e) for k, e in reach.items()}
    assert late["west"] == pytest.approx(late["east"])
    assert sky.fallen(0, 9_000_000, Exposure(scale=0.5)) == pytest.approx(late["west"] / 2)


def test_a_bucket_counts_all_of_ordinary_rain_and_less_of_a_downpour() -> None:
    """Rated to 4 mm/min (domain drainage 2.4)."""
    ordinary, downpour = TippingBucket(), TippingBucket()
    for _ in range(600):
        ordinary.fall(3 / 60, 1)
        downpour.fall(8 / 60, 1)
    assert ordinary.total == pytest.approx(30, abs=0.21)
    assert 60 < downpour.total < 75  # of 80 mm


def test_light_and_warmth_have_the_right_shape() -> None:
    """Noon is brighter than dusk, dusk than night; July warmer than January, afternoon than dawn."""
    lux = [daylight_lux(sun) for sun in (-20, -6, -2, 0, 10, 60, 85)]
    assert lux == sorted(lux)
    assert lux[0] < 0.1
    assert lux[-1] > 90_000
    assert daylight_lux(40, rain_mm_h=50) < 0.3 * daylight_lux(40)
    july, january = 1_784_100_000_000, 1_768_460_000_000
    assert air_temperature(july, 115) > air_temperature(january, 115) + 10
