"""The demo's command line: understood or refused, never guessed."""

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from deploy.cli import main
from deploy.demo import local_time, seconds, storm
from deploy.wishes import Wishes, clock_of, scenario_of
from lampwell.clock import ScaledClock, SystemClock
from lampwell.county import load

from .conftest import make_county

NOTHING = {
    "start": None, "speed": 1.0, "storm": 5.0, "storm_minutes": 15.0, "seconds": None, "as_json": False,
    "plain": False, "data": None, "keep": False,
    "port_base": None, "broker_port": 0, "scenario": None,
}  # fmt: skip


def test_lengths_of_time() -> None:
    """As people write them."""
    assert [seconds(text) for text in ("60s", "10m", "2h", "1.5", "90")] == [60, 600, 7200, 1.5, 90]


def test_storms() -> None:
    """With and without P=, and none."""
    assert [storm(text) for text in ("P=20", "p = 5", "50", "none")] == [20, 5, 50, 0]


@pytest.mark.parametrize(
    ("option", "value", "says"),
    [
        ("--for", "soon", "60s, 10m or 2h"),
        ("--for", "0", "60s, 10m or 2h"),
        ("--storm", "P=1000", "1 to 100 years"),
        ("--storm", "big", "P=20"),
        ("--start", "tomorrow", "2026-06-21T18:30"),
        ("--speed", "90", "1<=x<=60"),
        ("--port-base", "80", "1024"),
    ],
)
def test_nonsense_is_refused_with_an_example(option: str, value: str, says: str) -> None:
    """A value that cannot be honoured is refused before anything starts, and the message shows how to write it."""
    result = CliRunner().invoke(main, ["demo", option, value])
    assert result.exit_code == 2
    assert says in result.output


def test_start_is_meant_in_county_time(tmp_path: Path) -> None:
    """18:30 in Jiangxi is 10:30 UTC; an offset that is written wins."""
    county = make_county(tmp_path)
    for text, expected in (("2026-06-21T18:30", 1_782_037_800_000), ("2026-06-21T18:30+00:00", 1_782_066_600_000)):
        clock = clock_of(county, Wishes(**{**NOTHING, "start": local_time(text)}))  # type: ignore[arg-type]
        assert isinstance(clock, ScaledClock)
        assert 0 <= clock.now() - expected < 5000


def test_unshifted_demo_runs_on_the_machines_clock(tmp_path: Path) -> None:
    """Without --start and --speed the data are real-time data and go on from run to run."""
    wishes = Wishes(**NOTHING)  # type: ignore[arg-type]
    assert not wishes.shifted
    assert isinstance(clock_of(make_county(tmp_path), wishes), SystemClock)


def test_a_scenario_is_one_of_the_countys() -> None:
    """A name that is not there is refused with those that are; none is none."""
    county = load(Path(__file__).parents[2] / "counties/taihe")
    assert scenario_of(county, Wishes(**NOTHING)) is None  # type: ignore[arg-type]
    found = scenario_of(county, Wishes(**{**NOTHING, "scenario": "dusk"}))  # type: ignore[arg-type]
    assert found == county.folder / "scenarios/dusk.toml"
    with pytest.raises(click.BadParameter, match="dusk"):
        scenario_of(county, Wishes(**{**NOTHING, "scenario": "dawn"}))  # type: ignore[arg-type]
