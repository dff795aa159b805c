"""``lampwell check``: what would run, or every reason why not."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from deploy.check import check

TAIHE = Path(__file__).parents[2] / "counties" / "taihe"
Edit = Callable[[str, str, str], None]


def run(*arguments: object) -> Result:
    """The command on these arguments; whatever it raises on the way is a failure of the test."""
    return CliRunner().invoke(check, [str(each) for each in arguments], catch_exceptions=False)


def test_taihe_is_in_order() -> None:
    """The demo county passes, and the table names every edge node and link."""
    result = run(TAIHE)
    assert result.exit_code == 0
    for shown in ("泰和县", "oldtown/edge-oldtown", "line-rain", "serial/rain", "11 cabinet", "1220 lamps", "通过"):
        assert shown in result.stdout


def test_taihe_is_modest() -> None:
    """About thirty requests a second in a storm, and no line near its limit: the demo must stay light."""
    found = json.loads(run(TAIHE, "--json").stdout)
    assert found["ok"]
    assert found["totals"]["devices"] == 67
    assert found["totals"]["requests_per_s"]["dry"] < 25
    assert found["totals"]["requests_per_s"]["storm"] < 35
    assert max(link["load"]["storm"] for link in found["links"]) < 0.2


def test_table_columns_line_up() -> None:
    """Chinese characters are two columns wide on a terminal."""
    lines = run(TAIHE).stdout.splitlines()
    header = next(line for line in lines if "endpoint" in line)
    row = next(line for line in lines if line.strip().startswith("cab-01"))
    wide = sum(ord(c) > 0x2E80 for c in header[: header.index("地")])
    assert row.index("127.0.0.1") == header.index("地") + wide


def test_refused_with_every_problem(small: Path, edit: Edit) -> None:
    """Exit code 1, each problem on its own line as file: place: reason."""
    edit("lamps.csv", ",8,b", ",9,b")
    edit("links.csv", ",tcp,", ",udp,")
    result = run(small)
    assert result.exit_code == 1
    assert "lamps.csv: line 3, loop: there is no loop 9: cabinet 'cabinet-1' has 8\n" in result.stderr
    assert "links.csv: line 2, transport: must be tcp, rtu-over-tcp or rtu, not 'udp'\n" in result.stderr
    assert "2 problems, refused" in result.stderr
    assert "Traceback" not in result.output


def test_refused_as_json(small: Path, edit: Edit) -> None:
    """The same for programs."""
    edit("lamps.csv", ",8,b", ",9,b")
    result = run(small, "--json")
    assert result.exit_code == 1
    found = json.loads(result.stdout)
    assert not found["ok"]
    reason = "there is no loop 9: cabinet 'cabinet-1' has 8"
    assert found["problems"] == [{"file": "lamps.csv", "where": "line 3, loop", "reason": reason}]


def test_interval_the_bus_can_not_meet(small: Path, edit: Edit) -> None:
    """A radar on a slow line polled twenty times a second would never be on time."""
    edit("defaults.toml", "storm_s = 2", "storm_s = 0.05")
    result = run(small)
    assert result.exit_code == 1
    assert "links.csv: link line-1: its intervals can not be met: in mode storm its 1 devices need" in result.stderr
    assert "at 9600 baud; poll less often or move devices to another link" in result.stderr


@pytest.mark.parametrize("folder", ["nowhere", "nowhere/at all"])
def test_no_such_folder(tmp_path: Path, folder: str) -> None:
    """A slip in the path is a problem like any other."""
    result = run(tmp_path / folder)
    assert result.exit_code == 1
    assert "there is no such folder" in result.stderr
