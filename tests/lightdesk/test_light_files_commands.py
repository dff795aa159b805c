"""The lighting commands that need files alone: preview and validate, as engineers type them."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import re
import shutil
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner

from control.cli_light_orders import confirm, outcomes
from control.lighting.following import Followed
from control.lighting.viewing import order_row
from control.lighting.views import LightOrderDetail
from deploy.cli import main as lampwell
from lampwell.lighting.wire import Lock, Order, Said

TAIHE = Path(__file__).parents[2] / "counties/taihe"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(TAIHE, tmp_path / "taihe"))


def run(folder: Path, command: str, *words: str, status: int = 0) -> str:
    done = CliRunner().invoke(lampwell, ["light", command, str(folder), *words])
    assert done.exit_code == status, done.output
    return str(done.output)


def test_a_plan_in_order_is_said_to_be(folder: Path) -> None:
    """Protects the step before activation: exit code 0, with what was looked at and the hash that edge nodes will confirm."""
    assert "通过 in order: 5 programs, 4 calendars, 126 loops, 84 lamps; sha256:" in run(folder, "validate")
    assert json.loads(run(folder, "validate", "--json"))["ok"] is True


def test_a_plan_with_mistakes_is_refused_with_every_place(folder: Path) -> None:
    """Protects the road: exit code 2, each problem in words; a file that can not be read is told by file and line."""
    programs = folder / "lighting/programs.toml"
    text = programs.read_text("utf-8")
    programs.write_text(text.replace('{ at = "00:30", level = 50 }', '{ at = "00:30", level = 0 }'), "utf-8")
    said = run(folder, "validate", status=2)
    assert "夜间" in said
    assert "cabinet-01/loop1" in said
    found = json.loads(run(folder, "validate", "--json", status=2))
    assert (found["ok"], {one["check"] for one in found["findings"]}) == (False, {"gap"})
    programs.write_text(text.replace('lux = "sky-main"', 'lux = "sky"'), "utf-8")
    assert re.search(r"lighting/programs.toml: line \d+, program", run(folder, "validate", status=2))
    shutil.rmtree(folder / "lighting")
    assert "没有照明方案" in run(folder, "validate", status=2)


def test_one_night_of_all_loops_and_of_one(folder: Path) -> None:
    """Protects the look ahead: kinds of loops with their times, levels, kWh and CNY; one loop with the reason of each switch."""
    every = run(folder, "preview", "--date", "2026-10-14")
    assert "17:58 100%, 22:30 75%, 00:30 0%, 05:00 100%" in every
    assert 4 <= every.count("2026-10-14") <= 6  # kinds of loops; neighbours differ by a minute of the sun
    one = run(folder, "preview", "cabinet-01/loop1", "--date", "2026-10-01")
    assert "方案“节日全亮”" in one
    (night,) = json.loads(run(folder, "preview", "cabinet-01/loop1", "--date", "2026-10-01", "--json"))
    assert (night["target"], night["switches"][0]["level"]) == ("cabinet-01/loop1", 100)
    assert "no loop or lamp 'moon'" in run(folder, "preview", "moon", status=2)
    assert "is not a date" in run(folder, "preview", "--date", "tomorrow", status=2)


def test_a_year_in_figures_and_night_by_night(folder: Path) -> None:
    """Protects the comparison of programs: a row a class of road and their sum, and the nights of one loop on request."""
    year = run(folder, "preview", "--year", "--date", "2026-01-01")
    assert [line.split()[0] for line in year.splitlines()[1:5]] == ["道路等级", "main", "secondary", "合计"]
    assert "2026-12-01  cabinet-01/loop1, cabinet-01/loop3, cabinet-01/loop5 … (40)" in year
    assert "17:31 100%, 22:30 75%, 00:30 100%, 06:47 0%" in year
    sums = json.loads(run(folder, "preview", "--nights", "30", "--date", "2026-01-01", "--json"))
    parts = [one["kwh"] for road, one in sums["classes"].items() if road != "all"]
    assert sums["classes"]["all"]["kwh"] == pytest.approx(sum(parts))
    nights = run(folder, "preview", "cabinet-06/loop2", "--nights", "3", "--date", "2026-02-15")
    assert [line[:10] for line in nights.splitlines()[1:]] == ["2026-02-15", "2026-02-16", "2026-02-17"]
    assert nights.count("01:00 0%") == 2  # 除夕 and 春节 have the festival program


def test_every_figure_of_a_preview_is_in_text_json_and_csv(folder: Path) -> None:
    """Protects what engineers judge a program by: times, levels, kWh, CNY, dark minutes, operations, the class that is left."""
    words = ("preview", "--nights", "2", "--date", "2026-10-14")
    found = json.loads(run(folder, *words, "--json"))
    for figures in (*found["classes"].values(), *(one["figures"] for one in found["switches"])):
        assert figures["kwh"] > figures["cny"] > 0
        assert (figures["operations"] > 0, figures["dark_min"] > 0, figures["lowest_class"] in ("Ⅱ", "Ⅲ")) == (True, True, True)
    every = list(csv.DictReader(run(folder, *words, "--csv").splitlines()))
    assert {one["night"] for one in every} == {"2026-10-14", "2026-10-15"}
    assert sum(int(one["count"]) for one in every) == 2 * 126
    assert sum(float(one["kwh"]) for one in every) == pytest.approx(found["classes"]["all"]["kwh"], rel=1e-4)
    assert every[0]["switches"] == "17:58 100%, 22:30 75%, 00:30 100%, 06:14 0%"
    assert (every[0]["sunset"][:16], every[0]["lowest_class"]) == ("2026-10-14 17:53", "Ⅱ")
    one = run(folder, "preview", "cabinet-01/loop1", "--date", "2026-10-14")
    assert "暗 dark 10 min, 动作 operations 2, 最低级 lowest class Ⅱ" in one
    (night,) = json.loads(run(folder, "preview", "cabinet-01/loop1", "--date", "2026-10-14", "--json"))
    assert night["figures"]["lowest_class"] == "Ⅱ"
    assert "只能选一个" in run(folder, *words, "--json", "--csv", status=2)


def test_commands_without_a_running_control_say_so(folder: Path) -> None:
    """Protects from a silent nothing: status, override and the rest name what is missing."""
    for command, *words in (["status"], ["tonight"], ["override", "30", "--loop", "x", "--reason", "y"], ["diff"]):
        assert "没有运行中的控制服务" in run(folder, command, *words, "--data", str(folder), status=1)
    assert "Missing option '--reason'" in run(folder, "lock", "--loop", "x", status=2)
    assert "0<=x<=100" in run(folder, "override", "130", "--reason", "y", status=2)


@pytest.mark.parametrize(
    ("command", "words", "said"),
    [
        ("preview", ["--date", "9999-12-31"], "农历表"),
        ("preview", ["--date", "1999-01-01"], "leave the table of lunar festivals: 2021-01-01 至 to 2050-12-31"),
        ("preview", ["--date", "2050-12-01", "--year"], "2050-12-01 and 365 nights leave"),
        ("preview", ["--date", "2026-13-01"], "--date: 不是日期 '2026-13-01' is not a date"),
        ("preview", ["cabinet-1/loop1"], "there is no loop or lamp 'cabinet-1/loop1'; did you mean"),
        ("preview", ["--nights", "0"], "1<=x<=3660"),
        ("preview", ["--version", "99999999999999999999"], "0<=x<=1000000"),
        ("diff", ["--from", "-1"], "0<=x<=1000000"),
        ("diff", ["--date", "9999-12-31"], "农历表"),
        ("override", ["101", "--county", "--reason", "x"], "101 is not in the range 0<=x<=100"),
        ("override", ["ten", "--county", "--reason", "x"], "LEVEL"),
        ("lock", ["--county"], "Missing option '--reason'"),
        ("activate", ["--reason", "x", "--settle", "soon"], "--settle: 'soon' is not a length of time"),
        ("activate", ["--reason", "x", "--allow-unlike", "99999999999999999999"], "0<=x<=100000"),
        ("orders", ["--since", "9999999999999w"], "--since: '9999999999999w' is not a length of time"),
        ("explain", [], "Missing argument 'LOOP'"),
    ],
)
def test_a_slip_of_the_pen_is_told_with_its_place(folder: Path, command: str, words: list[str], said: str) -> None:
    """Protects from tracebacks and from a wrong night that looks right: what is wrong, and which word of the command it is."""
    assert said in run(folder, command, *words, status=2)


def test_a_folder_that_is_none_is_told(tmp_path: Path) -> None:
    """Protects from a traceback where the first word is wrong, for every command."""
    for command, *words in (
        ["preview"], ["validate"], ["diff"], ["status"], ["tonight"], ["versions"], ["orders"], ["order", "x"], ["explain", "x"],
        ["activate", "--reason", "x"], ["rollback", "--reason", "x"], ["stop", "--reason", "x"],
        ["override", "1", "--county", "--reason", "x"], ["lock", "--county", "--reason", "x"], ["release", "x", "--reason", "x"],
    ):  # fmt: skip
        said = run(tmp_path / "nowhere", command, *words, status=2)
        assert f"{tmp_path / 'nowhere'}: there is no such folder" in said, command


class Terminal(io.StringIO):
    """Somebody sits there and types this."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("typed", "goes_on"), [("y\n", True), ("n\n", False), ("\n", False), ("", False)])
def test_only_a_yes_is_a_yes(monkeypatch: pytest.MonkeyPatch, typed: str, goes_on: bool) -> None:
    """Protects the second word: Enter, no, or a closed terminal is none."""
    monkeypatch.setattr("sys.stdin", Terminal(typed))
    if goes_on:
        confirm("下发 go on?")
    else:
        with pytest.raises(click.Abort):
            confirm("下发 go on?")


async def test_ctrl_c_while_waiting_says_that_orders_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    """Protects from the belief that what was given has been taken back."""
    do = Lock(targets=("cabinet-01/loop1",), reason=Said(zh="换灯"))
    one = order_row(Followed(order=Order(id="aa-1", who="刘", issued=0, expires=1, do=do), edge="e", request="aa"))

    class Slow:
        async def ask(self, *_: Any) -> list[LightOrderDetail]:
            return [LightOrderDetail(order=one, answers=())]

    waiting = asyncio.create_task(outcomes(Slow(), [one], 60))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert "the orders were given and go on: lampwell light order aa" in capsys.readouterr().err
