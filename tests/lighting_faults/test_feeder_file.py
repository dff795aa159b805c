"""Recorded feeders as files: what is understood, what is refused and with which words; and the command around it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from click.testing import CliRunner

from control.lighting.feeder import series_file
from control.lighting.feeder.series import Series
from control.lighting.feeder.series_file import BadRecord, parse, read_series
from deploy.backtest import backtest

from .conftest import Feeder

ZONE = ZoneInfo("Asia/Shanghai")
TWELVE = [(f"2024-01-03 18:{n:02}", 5000 + n, 225.5) for n in range(12)]


def text(header: str, rows: list[str]) -> str:
    return "\n".join([header, *rows]) + "\n"


def lines(form: str = "{0},{1},{2}") -> list[str]:
    return [form.format(*row) for row in TWELVE]


def series(content: str, **wanted: str) -> Series:
    return parse(content, "f.csv", ZONE, wanted)[0]


UNDERSTOOD = {
    "plain": text("time,power,voltage", lines()),
    "units in the title": text("timestamp,power_w,voltage_v", lines()),
    "kilowatts": text("Time,Power (kW),Voltage (V)", [f"{t},{p / 1000},{u}" for t, p, u in TWELVE]),
    "Chinese": text("时间,有功功率(千瓦),电压", [f"{t},{p / 1000},{u}" for t, p, u in TWELVE]),
    "Chinese dates": text("采集时间,功率/W,电压/V", [f"2024年1月3日 18时{n:02}分,{p},{u}" for n, (_, p, u) in enumerate(TWELVE)]),
    "semicolon and decimal comma": text(
        "time;p;u", [f"{t};{p},0;{str(u).replace('.', ',')}" for t, p, u in TWELVE]
    ),
    "tab": text("time\tP[W]\tU[V]", lines("{0}\t{1}\t{2}")),
    "other columns and order": text("id,voltage,date,time,power,note", [f"x,{u},{t[:10]},{t[11:]},{p}," for t, p, u in TWELVE]),
    "seconds and a zone": text("time,power,voltage", [f"{t}:30+08:00,{p},{u}" for t, p, u in TWELVE]),
    "UTC": text("time,power,voltage", [f"2024-01-03T10:{n:02}:00Z,{p},{u}" for n, (_, p, u) in enumerate(TWELVE)]),
    "epoch seconds": text("ts,power,voltage", [f"{1704276000 + 60 * n},{p},{u}" for n, (_, p, u) in enumerate(TWELVE)]),
    "epoch milliseconds": text("ts,power,voltage", [f"{1704276000000 + 60000 * n},{p},{u}" for n, (_, p, u) in
    enumerate(TWELVE)]), "comments, empty lines, quotes": "# a logger\n\n" + text('"time","power","voltage"',
    lines('"{0}","{1}","{2}"\n')), }  # fmt: skip


@pytest.mark.parametrize("name", UNDERSTOOD)
def test_a_record_is_understood_as_it_comes(name: str) -> None:
    """Delimiters, titles, units, languages and time formats that loggers write all give the same series."""
    found = series(UNDERSTOOD[name])
    assert (found.when(0), found.when(11), found.step, found.clock, len(found)) == (
        "2024-01-03T18:00",
        "2024-01-03T18:11",
        1,
        True,
        12,
    )
    assert found.watts == pytest.approx([p for _, p, _ in TWELVE])
    assert found.volts == pytest.approx([u for *_, u in TWELVE])


@pytest.mark.parametrize(
    ("title", "scale"), [("minute", 1), ("index", 1), ("t (s)", 60), ("分钟", 1), ("time_min", 1), ("time", 1)]
)
def test_a_bare_index_is_minutes_without_a_clock(title: str, scale: int) -> None:
    """Minutes, or seconds where the title says so, from any start, holes kept."""
    found = series(text(f"{title},power,voltage", [f"{n * scale},{n},225" for n in range(1000, 1020) if n not in (1007, 1008)]))
    assert (found.when(0), found.clock, len(found)) == (1000, False, 20)
    assert [n for n, watts in enumerate(found.watts) if math.isnan(watts)] == [7, 8]


@pytest.mark.parametrize("codec", ["utf-8-sig", "gb18030", "utf-16"])
def test_encodings_of_chinese_office_software(codec: str, tmp_path: Path) -> None:
    """A byte order mark, GB18030 and UTF-16 are read; the text is the same."""
    path = tmp_path / "记录.csv"
    path.write_bytes(UNDERSTOOD["Chinese"].encode(codec))
    found, notes = read_series(path, ZONE, {})
    assert (found.rows, notes) == (12, ())


def test_missing_values_are_missing() -> None:
    """Empty, NaN, dashes and 无 are absent readings, never zero."""
    rows = lines()
    for n, word in enumerate(["", "NaN", "--", "无", "null"]):
        rows[n] = f"{TWELVE[n][0]},{word},{word}"
    found = series(text("time,power,voltage", rows))
    assert [math.isnan(watts) for watts in found.watts] == [True] * 5 + [False] * 7
    assert math.isnan(found.volts[0])


PLAIN, FOUR = "time,power,voltage", lines()[:4]
REFUSED = {
    "empty": ("", "f.csv: 文件为空 the file is empty"),
    "header alone": (text(PLAIN, []), "f.csv: 只有表头 there is a header and nothing below it"),
    "no header": (text("2024-01-03 18:00,5000,225", lines()), "line 1: 首行应为列名 the first line must name the columns"),
    "no power": (
        text("time,watt_hours,voltage", lines()),
        "line 1: 缺少列 no column for power 功率；现有 there are 'time', 'watt_hours'",
    ),
    "no voltage": (text("time,power", lines("{0},{1}")), "line 1: 缺少列 no column for voltage 电压"),
    "no time": (text("when,power,voltage", lines()), "line 1: 缺少列 no column for time 时间"),
    "two powers": (
        text("time,power,power_kw,u", lines("{0},1,1,2")),
        "line 1: 不止一列可作 2 columns could be power 功率: 'power', 'power_kw'",
    ),
    "text in a number": (
        text(PLAIN, [*FOUR, "2024-01-03 18:04,bad,5"]),
        "line 6: 列 column 'power': 'bad' 不是数 is not a number",
    ),
    "infinity": (text(PLAIN, [*FOUR, "2024-01-03 18:04,5,inf"]), "line 6: 列 column 'voltage': 'inf' 不是数 is not a number"),
    "not a time": (
        text(PLAIN, ["03/01/24 18:02,5,225"]),
        "line 2: 列 column 'time': '03/01/24 18:02' 不是时间 is not a time such as",
    ),
    "no such day": (
        text(PLAIN, ["2024-02-30 18:02,5,225"]),
        "'2024-02-30 18:02' 没有这个时间 is no such time: day is out of range",
    ),
    "time goes back": (text(PLAIN, [*lines(), "2024-01-03 18:05,5,225"]), "line 14: 时间倒退 time goes back by 6 min"),
    "winter time": (
        text(PLAIN, [*lines(), "2024-01-03 17:12,5,225"]),
        "back by 59 min；请按时间排序 sort it by time (a change to winter time?",
    ),
    "dates, then numbers": (
        text(PLAIN, [*FOUR, "17,5,225"]),
        "line 6: 列 column 'time': '17' 与前面的行格式不同 is a bare number, the lines before",
    ),
    "a line too short": (text(PLAIN, [*FOUR, "2024-01-03 18:02,5"]), "line 6: 只有 2 列 columns，表头有 the header names 3"),
    "too few": (text(PLAIN, FOUR), "only 4 rows"),
    "hourly": (text("minute,power,voltage", [f"{60 * n},5,225" for n in range(20)]), "one row every 60 min"),
    "a wrong century": (text(PLAIN, ["1924-01-03 18:00,5,225", *lines()]), "days from first to last row"),
    "no end of a quote": (text(PLAIN, ['"2024-01-03 18:00,5,225']), "line 2: 不是 CSV 行 not a CSV line"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_is_refused_by_line(name: str) -> None:
    """The file, the line and what is wrong with it, in one sentence."""
    content, words = REFUSED[name]
    with pytest.raises(BadRecord) as refused:
        series(content)
    assert words in str(refused.value)
    assert str(refused.value).startswith("f.csv")


def test_exports_of_every_kind_are_read() -> None:
    """Newest first, Excel's own first line, thousands with commas, a mark in the midst of joined files: the same series."""
    plain = series(text("time,power,voltage", lines()))
    newest_first = series(text("time,power,voltage", lines()[::-1]))
    assert (newest_first.start, newest_first.watts) == (plain.start, plain.watts)
    assert series("sep=;\n" + text("time;power;voltage", lines("{0};{1};{2}"))).watts == plain.watts
    assert series(text("time,power,voltage", [line.replace(",5000,", ',"5,000.0",') for line in lines()])).watts == plain.watts
    assert series_file._decode("\ufefftime\n\ufeff1".encode(), "f.csv") == "time\n1"


def test_a_person_may_name_the_columns() -> None:
    """Where titles are not recognised, or two could be meant, one is named."""
    found = series(text("when,P1,P2,U1", lines("{0},0,{1},{2}")), time="when", power="P2", voltage="U1")
    assert found.watts[0] == 5000
    with pytest.raises(BadRecord, match="no column 'P3'"):
        series(text("when,P1,P2,U1", lines("{0},0,{1},{2}")), time="when", power="P3", voltage="U1")


def test_a_file_too_large_or_binary_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten gigabytes, or a spreadsheet, end in a sentence and not in the swap."""
    path = tmp_path / "x.csv"
    path.write_bytes(b"PK\x03\x04\x00\x00\x00")
    with pytest.raises(BadRecord, match="not text"):
        read_series(path, ZONE, {})
    monkeypatch.setattr(series_file, "MOST_BYTES", 3)
    with pytest.raises(BadRecord, match="give it in parts"):
        read_series(path, ZONE, {})


def test_faster_and_doubled_rows_are_averaged() -> None:
    """Rows every 20 s become minutes; a doubled time is told."""
    rows = [f"2024-01-03 18:{n // 3:02}:{n % 3 * 20:02},{n},225" for n in range(60)]
    found, notes = parse(text("time,power_w,voltage", [*rows, rows[-1]]), "f.csv", ZONE, {})
    assert (found.step, len(found)) == (1, 21)
    assert any("repeat the time" in note for note in notes)


def test_the_command_prints_one_object(tmp_path: Path) -> None:
    """One JSON object with every part the help names; exit code 0 whatever was found."""
    made = Feeder(nights=2).series()
    path = tmp_path / "feeder.csv"
    path.write_text(
        text(
            "时间;功率(kW);电压",
            [f"{made.when(n)};{w / 1000:.4f};{u}" for n, (w, u) in enumerate(zip(made.watts, made.volts, strict=True))],
        ),
        encoding="utf-8-sig",
    )
    ended = CliRunner().invoke(backtest, ["feeder", str(path), "--lamps", "40"])
    assert ended.exit_code == 0, ended.output
    found = json.loads(ended.output)
    assert (found["lamps"], found["summary"]["nights"], found["summary"]["dim_steps"]) == (40, 2, 6)
    assert found["nights"][0]["on"] == "2023-12-31T18:07"
    for part in ("dim_steps", "gaps", "supply_losses", "anomalies", "levels", "voltage", "noise_percent"):
        assert part in found
    assert CliRunner().invoke(backtest, ["feeder", str(path), "--lamps", "0"]).exit_code == 2
    assert CliRunner().invoke(backtest, ["feeder", str(path), "--lamps", "4", "--time-zone", "Nowhere/Town"]).exit_code == 2
    assert CliRunner().invoke(backtest, ["feeder", str(tmp_path / "none.csv"), "--lamps", "4"]).exit_code == 2
