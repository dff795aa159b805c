"""The county's calendars and programs to and from TALQ lists, as engineers type it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from control.cli_light_files import files_of
from deploy.cli import main as lampwell
from lampwell.county import load
from lampwell.lighting.files import Lighting, load_lighting
from lampwell.lighting.level import Timetable
from lampwell.lighting.sun import Place
from tests.lighting.schema import named

from .conftest import TAIHE

HERE = Place(26.79, 114.91)
PROGRAMS, CALENDARS = "control-programs.json", "calendars.json"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(TAIHE, tmp_path / "taihe"))


@pytest.fixture
def out(folder: Path, tmp_path: Path) -> Path:
    run("export", folder, str(tmp_path / "out"), "--partial")
    return tmp_path / "out"


def run(command: str, folder: Path, *words: str, status: int = 0) -> str:
    done = CliRunner().invoke(lampwell, ["light", "talq", command, str(folder), *words])
    assert done.exit_code == status, done.output
    return str(done.output)


def edited(file: Path, edit: Callable[[Any], Any]) -> str:
    content = json.loads(file.read_text("utf-8"))
    file.write_text(json.dumps(edit(content) or content), "utf-8")
    return str(file)


def lighting(folder: Path) -> Lighting:
    return load_lighting(folder, load(folder))


def test_what_is_exported_fits_the_schemas(out: Path) -> None:
    """Protects the other system: every calendar and program is as TALQ 2.7.1 wants it."""
    programs, calendars = (json.loads((out / name).read_text("utf-8")) for name in (PROGRAMS, CALENDARS))
    assert [one["id"] for one in programs] == ["main-road", "main-road-weekend", "secondary-road", "festival"]
    assert [one["id"] for one in calendars] == ["main", "secondary", "festivals"]
    assert [named(one, "ControlProgram") for one in programs] == [[]] * 4
    assert [named(one, "Calendar") for one in calendars] == [[]] * 3


def test_what_talq_can_not_say_is_refused_and_what_is_lost_is_told(folder: Path, tmp_path: Path) -> None:
    """Protects from a plan that quietly means something else: nothing is written, each thing named; half of it only if wanted."""
    told = run("export", folder, str(tmp_path / "all"), status=2)
    assert "program 'branch-road': TALQ can not mix a step at sunset+210" in told
    assert "calendar 'branch': its program 'branch-road' can not be said" in told
    assert not (tmp_path / "all").exists()
    told = run("export", folder, str(tmp_path / "part"), "--partial", "--sensor", "sky-1", "--years", "2")
    for lost in ("loop maps", "light sensors after sunrise", "lunar festivals are dates", "no control runs"):
        assert lost in told
    assert "AstroAndSensorActivePeriod" in (tmp_path / "part" / PROGRAMS).read_text("utf-8")
    assert not (tmp_path / "part" / "override-commands.json").exists()
    assert "two sensors" in run("export", folder, "x", "--sensor", "a", "--sensor", "b", "--sensor", "c", status=2)


def test_there_and_back_is_the_same(folder: Path, out: Path, tmp_path: Path) -> None:
    """Protects the round trip: where it came from nothing changes; in an empty county every night has the same levels."""
    before = lighting(folder)
    for words in ((), ("--sensor", "sky-1")):
        run("export", folder, str(out), "--partial", *words)
        assert "nothing changes" in run("import", folder, str(out / PROGRAMS), str(out / CALENDARS))
    assert lighting(folder) == before
    run("export", folder, str(out), "--partial")
    empty = Path(shutil.copytree(TAIHE, tmp_path / "empty"))
    shutil.rmtree(empty / "lighting")
    assert "no loop takes this calendar yet" in run("import", empty, str(out / PROGRAMS), str(out / CALENDARS), "--yes")
    old, new = Timetable(files_of(folder).plan), Timetable(files_of(empty).plan)
    assert list(new.calendars) == ["main", "secondary", "festivals"]
    for name in new.calendars:
        for day in (date(2026, 1, 1) + timedelta(n) for n in range(0, 730, 3)):
            found = [table.tracks(name, HERE, day, festival=name == "festivals") for table in (old, new)]
            levels = [{at: each.pieces[each.number(at)].level for at in _hours(each)} for each in found if each]
            assert len(levels) in (0, 2)
            assert levels[:1] == levels[1:], (name, day)


def _hours(tracks: Any) -> range:
    return range(tracks.night.start, tracks.night.end, 900_000)


def test_a_change_is_taken_and_the_rest_stays(folder: Path, out: Path) -> None:
    """Protects what TALQ has no words for (names, lux rules, loop maps, assignments), and asks before anything is lost."""

    def dim(programs: Any) -> None:
        programs[0]["fixedTimeControls"][3]["command"]["state"]["value"] = 70
        programs[0]["standby"] = programs[1]["standby"] = {"mode": "x"}
        programs[1]["fixedTimeControls"][3]["command"]["rampFromLevelTime"] = 5.0

    file, before = edited(out / PROGRAMS, dim), lighting(folder)
    assert json.loads(Path(file).read_text("utf-8"))[0]["fixedTimeControls"][3]["startTime"] == "22:30:00"
    told = run("import", folder, file, status=2)
    for said in ("changed: program 'main-road'", "as it was: program 'festival'", "control-programs.json[*].standby (2)"):
        assert said in told
    assert "command.rampFromLevelTime" in told
    assert "需二次确认" in told
    assert lighting(folder) == before
    run("import", folder, file, "--yes")
    after = lighting(folder)
    main = next(one for one in after.programs if one.id == "main-road")
    assert (main.zh, main.lux, main.minimum) == ("主干道", "sky-main", 30)
    assert [step.level for step in main.steps if step.at.seconds == 81_000] == [70]
    assert (after.calendars, after.loop_maps, after.assignments) == (before.calendars, before.loop_maps, before.assignments)


def test_a_festival_by_dates_takes_the_place_of_the_lunar_one_only_when_changed(folder: Path, out: Path) -> None:
    """Protects lunar rules from becoming dates that run out: kept while the list says the same, told when not."""

    def one_more(calendars: Any) -> None:
        calendars[2]["rules"].append({"program": "festival", "startDate": "2027-05-20", "endDate": "2027-05-20"})

    told = run("import", folder, edited(out / CALENDARS, one_more), "--yes", "--out", str(folder / "next"))
    assert "would be lost: calendar 'festivals': 规则名称与农历节日" in told
    assert "as it was: calendar 'main'" in told
    assert (folder / "next/calendars.toml").exists()
    assert "spring" in (folder / "lighting/calendars.toml").read_text("utf-8")


def gap(programs: Any) -> None:
    programs[0]["fixedTimeControls"][0]["command"]["state"]["value"] = 0


@pytest.mark.parametrize(
    ("name", "edit", "said"),
    [
        (PROGRAMS, lambda all_of: all_of[0].update(type="Two"), "control-programs.json[0].type: must be ControlProgramOne"),
        (PROGRAMS, lambda all_of: all_of[0]["activePeriods"][0].update(name="ValueActivePeriod"), "[0].activePeriods[0].name"),
        (PROGRAMS, gap, "夜间"),
        (CALENDARS, lambda all_of: all_of[0].update(defaultProgram="moon"), "no program 'moon'"),
        (CALENDARS, lambda all_of: all_of[0]["rules"][0].update(condition={"type": "ccWeek"}), "rules[0].condition.type"),
        (
            CALENDARS,
            lambda _: {"addresses": [], "targetCommand": {}},
            "an override command is an order, not a file: lampwell light talq override",
        ),
        (CALENDARS, lambda _: 7, "must be an object"),
    ],
)
def test_what_can_not_be_honoured_is_refused_with_its_place(
    folder: Path, out: Path, name: str, edit: Callable[[Any], Any], said: str
) -> None:
    """Protects the county's files: exit code 2, the place in the words of the list, and nothing is written."""
    before = lighting(folder)
    assert said in run("import", folder, edited(out / name, edit), "--yes", status=2)
    assert lighting(folder) == before


def test_files_that_are_none_are_told_by_name(folder: Path, tmp_path: Path) -> None:
    """Protects from a traceback: no such file, no JSON, no text."""
    bad = tmp_path / "bad.json"
    bad.write_bytes(b"\xff{")
    for file, said in ((tmp_path / "gone.json", "can not be read"), (bad, "is no JSON"), (TAIHE / "county.toml", "is no JSON")):
        told = run("import", folder, str(file), status=2)
        assert str(file) in told
        assert said in told


def test_files_that_no_reader_can_take_are_told_in_a_line(folder: Path, tmp_path: Path) -> None:
    """Protects from a traceback: a number of thousands of digits, a thousand brackets, a hundred megabytes."""
    bad = tmp_path / "bad.json"
    for content, said in ((b"9" * 5_000, "is no JSON"), (b"[" * 100_000, "is no JSON"), (b" " * 100_000_000, "more than 16 MB")):
        bad.write_bytes(content)
        told = run("import", folder, str(bad), status=2)
        assert said in told
        assert len(told) < 300


def test_two_files_of_one_name_are_both_taken(folder: Path, out: Path, tmp_path: Path) -> None:
    """Protects the first of two lists from being passed over because the second has its name; a refusal says which it is in."""
    other = tmp_path / "other" / PROGRAMS
    other.parent.mkdir()
    shutil.copy(out / CALENDARS, other)
    told = run("import", folder, str(out / PROGRAMS), str(other))
    assert "as it was: program 'main-road'" in told
    assert "as it was: calendar 'main'" in told
    assert f"{other}[0]" in run("import", folder, str(out / PROGRAMS), edited(other, lambda _: [7]), status=2)
