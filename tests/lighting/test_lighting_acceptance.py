"""The acceptance checks of domain streetlights 7 that concern what should hold; the field's own are tested where the field is."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from deploy.check import check
from lampwell.county import load
from lampwell.lighting import Layer, Override, Place, Standing, Timetable
from lampwell.lighting.documents import read_document, write_document
from lampwell.lighting.figures import Load
from lampwell.lighting.files import build_plan, load_lighting
from lampwell.lighting.model import Rule
from lampwell.lighting.preview import Basis, preview_night
from lampwell.lighting.sun import DAY_MS

from .conftest import a_plan, a_program, main_road, ms
from .heaven import crossing

FOLDER = Path("counties/taihe")
PLACES = {"Kashgar": Place(39.47, 75.99), "Harbin": Place(45.80, 126.53), "Hainan": Place(18.25, 109.51)}


def test_1_a_restart_at_two_in_the_morning() -> None:
    """Mid-step, from the stored document: the same levels as before, no flash to 100 %, the lease with its own end."""
    county = load(FOLDER)
    plan = build_plan(county, load_lighting(FOLDER, county))
    stored = write_document(plan, version=3, made=0, who="")
    two, three = ms("2026-03-03T02:00"), ms("2026-03-03T03:00")
    lease = Override(id="l", targets=("cabinet-01/loop1",), level=60, issued=1, start=two - 1, end=three)
    before, after = Timetable(plan), Timetable(read_document(stored).plan)
    for at in range(two - 600_000, three + 600_000, 60_000):
        for target in ("cabinet-01/loop1", "cabinet-01/loop2", "lamp-0230"):
            assert after.level_at(target, at, Standing([lease])) == before.level_at(target, at, Standing([lease]))
    assert [after.level_at("cabinet-01/loop1", at, Standing([lease])).level for at in (two, three - 1)] == [60, 60]
    assert after.level_at("cabinet-01/loop1", three, Standing([lease])).layer is Layer.CALENDAR


def test_7_a_festival_can_not_close_a_loop_that_water_opened() -> None:
    """Nor can a lease, however late it was given; only taking the interlock away lets the program be seen again."""
    feast = a_program("feast", [("19:00", "23:00")], 100)
    table = Timetable(a_plan(main_road(), feast, feasts=[Rule(program="feast", lunar=("lantern",))]))
    seven = ms("2026-03-03T19:00")
    water = Override(id="w", layer=Layer.INTERLOCK, targets=("c/loop1",), level=0, issued=1, start=seven - 3_600_000)
    lease = Override(id="l", targets=("c/loop1",), level=100, issued=99, start=seven, end=seven + 7_200_000)
    for at in range(seven, seven + 5 * 3_600_000, 600_000):
        assert table.level_at("c/loop1", at, Standing([water, lease])).level == 0
    assert table.level_at("c/loop1", seven, Standing([lease])).level == 100


@pytest.mark.parametrize("name", PLACES)
def test_8_a_years_preview_within_two_minutes_of_the_sun(name: str) -> None:
    """Kashgar, Harbin, Hainan: every night's on and off against a calculation that shares no formula."""
    place = PLACES[name]
    table = Timetable(a_plan(a_program("p", [("sunset", "sunrise")]), place=place))
    for n in range(0, 365, 5):
        day = date(2026, 1, 1) + timedelta(n)
        shown = preview_night(table, "c/loop1", day, Basis(loads={"c/loop1": Load(kw=1.0)}))
        on, off = shown.switches
        middle = table.night(place, day).sun.midnight
        assert abs(on.at - crossing(place, middle - DAY_MS // 2, middle, -0.833)) < 120_000
        assert abs(off.at - crossing(place, middle, middle + DAY_MS // 2, -0.833)) < 120_000


def test_lampwell_check_reads_the_lighting(tmp_path: Path) -> None:
    """A slip in a program stops the whole county's check, with its place."""
    folder = tmp_path / "taihe"
    shutil.copytree(FOLDER, folder)
    path = folder / "lighting" / "programs.toml"
    path.write_text(path.read_text("utf-8").replace('at = "22:30"', 'at = "dusk+"', 1), "utf-8")
    result = CliRunner().invoke(check, [str(folder)])
    assert result.exit_code == 1
    assert "lighting/programs.toml: line 14, program[1].step[1].at: must be a time such as 22:30" in result.output


def test_a_step_of_the_clock_by_an_hour_is_only_another_instant() -> None:
    """Nothing is remembered: asked out of order, the answers are those of the instants."""
    table = Timetable(a_plan(replace(main_road(), ramp_s=60)))
    hour, at = 3_600_000, ms("2026-03-01T22:32")
    straight = [table.level_at("c/loop1", at + n * hour).level for n in (-1, 0, 1, 2)]
    jumping = {n: table.level_at("c/loop1", at + n * hour).level for n in (2, -1, 1, 0)}
    assert straight == [jumping[n] for n in (-1, 0, 1, 2)] == [100, 70, 70, 50]
