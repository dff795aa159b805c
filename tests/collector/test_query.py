"""``lampwell query``: times, tables, files, clear errors and clear emptiness."""

from __future__ import annotations

import asyncio
import csv
import io
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from collector import cli, sheet
from collector.query_server import query_server
from lampwell.assets import Broker, HistorySettings
from lampwell.clock import SystemClock
from lampwell.errors import ConfigError
from lampwell.history import open_history
from lampwell.readings import Flag, Scan
from lampwell.times import instant, length_ms, shown

from .conftest import WELL, a_scan, county_of

ZONE = ZoneInfo("Asia/Shanghai")
AT = 1_782_038_700_000
"""2026-06-21 18:45 in the county."""


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("now", AT),
        ("-2h", AT - 7_200_000),
        ("-90s", AT - 90_000),
        ("2026-06-21T18:45", AT),
        ("2026-06-21 18:45:00", AT),
        ("2026-06-21", AT - 67_500_000),
        ("2026-06-21T10:45:00Z", AT),
        ("2026-06-21T12:45+02:00", AT),
    ],
)
def test_times_are_the_countys(text: str, expected: int) -> None:
    """Without an offset a time is county time; relative times count back from now."""
    assert instant(text, "--from", AT, ZONE) == expected


@pytest.mark.parametrize("text", ["yesterday", "-2 parsecs", "2026-13-01", "", "-", "18:45"])
def test_what_is_no_time_is_refused(text: str) -> None:
    """With an example of what would be one."""
    with pytest.raises(ConfigError, match="write for example"):
        instant(text, "--from", AT, ZONE)


def test_lengths() -> None:
    """Units of time; zero and nonsense are refused."""
    assert [length_ms(text, "x") for text in ("1m", "15min", "1h", "1d", "0.5s", "250ms")] == [
        60_000,
        900_000,
        3_600_000,
        86_400_000,
        500,
        250,
    ]
    for text in ("0s", "m", "1y", "-5m"):
        with pytest.raises(ConfigError):
            length_ms(text, "x")


def test_times_are_shown_with_their_zone() -> None:
    """Milliseconds only where there are some."""
    assert shown(AT, ZONE) == "2026-06-21 18:45:00+08:00"
    assert shown(AT + 5, ZONE) == "2026-06-21 18:45:00.005+08:00"


def test_quality_in_words() -> None:
    """Good, doubtful, bad and stale are told apart."""
    assert [sheet.quality(f) for f in (0, Flag.SPIKE, Flag.RANGE | Flag.SPIKE, Flag.STALE)] == [
        "好 good",
        "疑 SPIKE",
        "坏 RANGE+SPIKE",
        "旧 STALE",
    ]


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder with 90 scans a minute apart, the last at AT; the command line finds the county."""
    county = county_of(Broker(host="127.0.0.1", port=1), tmp_path)
    monkeypatch.setattr(cli, "load", lambda _: county)

    async def fill() -> None:
        history = open_history(HistorySettings(), tmp_path / "data", clock=SystemClock())
        scans = [a_scan(n, time=AT - (90 - n) * 60_000) for n in range(1, 91) if not 40 < n < 60]
        scans.append(Scan(WELL, AT + 1, (0, 2), (99.0, None), (int(Flag.RANGE), int(Flag.SENTINEL))))
        await history.append(scans, {})
        await history.quarantine(Scan(WELL, AT, (0,), ("n/a",), (0,)), "value does not fit", AT)
        await history.close()

    asyncio.run(fill())
    return tmp_path / "data"


def run(data: Path, *arguments: str) -> Result:
    result = CliRunner().invoke(cli.query, [str(data.parent), "--data", str(data), *arguments])
    if result.exception and not isinstance(result.exception, (SystemExit, ConfigError)):
        raise result.exception
    return result


SPAN = ("--from", "2026-06-21T18:40", "--to", "2026-06-21T18:46")


def test_a_table_of_readings(asked: Path) -> None:
    """Aligned under bilingual titles, values with unit and quality."""
    lines = run(asked, "well-01/level", *SPAN).stdout.splitlines()
    assert lines[0].split() == ["时间", "time", "测点", "series", "值", "value", "单位", "unit", "质量", "quality"]
    assert lines[2].split() == ["2026-06-21", "18:40:00+08:00", "well-01/level", "21.25", "m", "好", "good"]
    assert lines[-1].split() == ["2026-06-21", "18:45:00.001+08:00", "well-01/level", "99", "m", "坏", "RANGE"]
    assert len(lines) == 9


def test_buckets_and_gaps(asked: Path) -> None:
    """--every and --gaps."""
    table = run(asked, "well-01/*", "--from", "2026-06-21T17:00", "--to", "2026-06-21T19:00", "--every", "1h").stdout
    assert "最小 min" in table
    assert len(table.splitlines()) == 2 + 3 * 2
    lines = run(
        asked, "well-01/level", "--from", "2026-06-21T17:20", "--to", "2026-06-21T18:45", "--gaps", "5m"
    ).stdout.splitlines()
    assert [line.split()[-1] for line in lines[2:]] == ["20"]


def test_csv_and_excel(asked: Path) -> None:
    """Plain CSV for programs; for Excel a byte order mark, titles, times without zone."""
    rows = list(csv.reader(io.StringIO(run(asked, "well-01/level", *SPAN, "--format", "csv").stdout)))
    assert rows[0] == ["time", "series", "value", "unit", "quality"]
    assert rows[1] == ["2026-06-21 18:40:00+08:00", "well-01/level", "21.25", "m", "好 good"]
    out = asked / "out.csv"
    result = run(asked, "well-01/level", *SPAN, "--format", "csv", "--excel", "--out", str(out))
    assert "7 rows" in result.stderr
    body = out.read_bytes()
    assert body.startswith(b"\xef\xbb\xbf")
    assert body.decode("utf-8-sig").split("\r\n")[1].startswith("2026-06-21 18:40:00,well-01/level")


def test_parquet(asked: Path) -> None:
    """A file that other tools read, times as timestamps."""
    out = asked / "out.parquet"
    run(asked, "well-01/level", "well-01/pump1/run", *SPAN, "--format", "parquet", "--out", str(out))
    table = pq.read_table(out)
    assert str(table.schema.field("time").type) == "timestamp[ms, tz=UTC]"
    assert table.num_rows == 13


def test_latest_list_and_quarantine(asked: Path) -> None:
    """The three short questions."""
    assert len(run(asked, "--latest").stdout.splitlines()) == 5
    assert [line.split()[0] for line in run(asked, "--list", "*pump*").stdout.splitlines()[2:]] == [
        "well-01/pump1/i_a",
        "well-01/pump1/run",
    ]
    assert "'n/a'" in run(asked, "--quarantine").stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "name at least one"),
        (("well-01/levle",), "did you mean well-01/level"),
        (("well-01/level", "--every", "1h", "--latest"), "choose one of"),
        (("well-01/level", "--from", "now", "--to", "-1h"), "is not before"),
        (("well-01/level", "--format", "parquet"), "--out FILE"),
        (("well-01/level", "--excel"), "goes with --format csv"),
        (("well-01/level", "--every", "often"), "is not a length of time"),
    ],
)
def test_clear_errors(asked: Path, arguments: tuple[str, ...], said: str) -> None:
    """What is wrong and what would be right."""
    assert said in str(run(asked, *arguments).exception)


def test_clear_emptiness(asked: Path) -> None:
    """No reading in the range: says so, and when the newest one was."""
    result = run(asked, "well-01/level", "--from", "2020-01-01", "--to", "2020-01-02")
    assert "no reading in" in result.stderr
    assert "2026-06-21 18:45:00.001+08:00" in result.stderr
    assert "nothing is in quarantine" not in run(asked, "--quarantine").stderr
    assert "no gap longer" in run(asked, "well-01/level", *SPAN, "--gaps", "1h").stderr


def test_a_running_owner_is_asked(asked: Path) -> None:
    """While a process owns the store, the command gets the same answer through its socket."""
    alone = run(asked, "well-01/level", *SPAN).stdout

    async def served() -> str:
        history = open_history(HistorySettings(), asked, clock=SystemClock())
        async with query_server(history, asked):
            result = await asyncio.to_thread(run, asked, "well-01/level", *SPAN)
        await history.close()
        return result.stdout

    assert asyncio.run(served()) == alone


def test_a_cell_that_excel_would_execute_is_only_text() -> None:
    """A foreign device's text must not become a formula on the desk of who opens the export."""
    harmless = sheet.as_csv(sheet.Sheet(("time", "value"), [(AT, "=cmd()"), (AT, -1.5), (AT, "@x")]), ZONE, excel=True)
    assert [row[1] for row in csv.reader(io.StringIO(harmless))][1:] == ["'=cmd()", "-1.5", "'@x"]
