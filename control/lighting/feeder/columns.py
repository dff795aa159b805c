"""Which column of a recorded feeder is time, power or voltage, and in which unit: from its header, Chinese or English."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

UNITS = {"w": 1.0, "瓦": 1.0, "kw": 1000.0, "千瓦": 1000.0, "mw": 1e6, "v": 1.0, "伏": 1.0, "kv": 1000.0}
MINUTES = {
    "min": 1.0,
    "mins": 1.0,
    "minute": 1.0,
    "minutes": 1.0,
    "分": 1.0,
    "分钟": 1.0,
    "s": 1 / 60,
    "sec": 1 / 60,
    "seconds": 1 / 60,
    "秒": 1 / 60,
    "h": 60.0,
    "小时": 60.0,
}

NAMES: Mapping[str, frozenset[str]] = {
    "date": frozenset({"date", "日期"}),
    "time": frozenset(
        {
            "time",
            "timestamp",
            "datetime",
            "date time",
            "t",
            "ts",
            "minute",
            "minutes",
            "min",
            "minute index",
            "time index",
            "index",
        }
        | {
            "seconds",
            "epoch",
            "unix",
            "elapsed",
            "elapsed time",
            "minute no",
            "时间",
            "日期时间",
            "采集时间",
            "时刻",
            "时间戳",
            "分钟",
            "分钟序号",
            "序号",
        }
    ),
    "power": frozenset(
        {"power", "p", "active power", "total power", "p total", "power total", "p tot", "watts", "watt", "w", "kw"}
        | {"mean power", "average power", "power avg", "p avg", "平均功率"}
        | {"功率", "有功功率", "总功率", "总有功功率", "有功"}
    ),
    "voltage": frozenset(
        {"voltage", "u", "v", "volts", "volt", "supply voltage", "电压", "供电电压", "线路电压"}
        | {"mean voltage", "average voltage", "voltage avg", "u avg", "u mean", "平均电压"}
    ),
}
WANTED = {"time": "time 时间", "power": "power 功率", "voltage": "voltage 电压"}


class NoColumn(ValueError):
    """A column that is needed is not there, or more than one could be it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Positions of the columns; ``date`` where date and time of day stand apart. ``watts`` and ``volts`` turn numbers into W
    and V, ``minutes`` numbers of the time column into minutes. ``named``: whether the header names the unit of power.
    """

    time: int
    power: int
    voltage: int
    date: int | None = None
    watts: float = 1.0
    volts: float = 1.0
    minutes: float = 1.0
    index: bool = False
    named: bool = False


def find(header: Sequence[str], wanted: Mapping[str, str]) -> Layout:
    """The layout that a header describes. ``wanted``: exact names a person gave for time, power or voltage; empty = recognise.

    NoColumn: what is missing or ambiguous, and what there is.
    """
    places = {what: _place(header, what, wanted.get(what, "")) for what in WANTED}
    time_name, time_unit = split(header[places["time"]])
    unit = split(header[places["power"]])[1]
    volt_unit = split(header[places["voltage"]])[1]
    return Layout(
        **places,
        date=_date(header, places["time"]),
        watts=UNITS.get(unit, 1.0),
        volts=UNITS.get(volt_unit, 1.0),
        minutes=MINUTES.get(time_unit, MINUTES.get(time_name, 1.0)),
        index=any(word in time_name for word in ("min", "index", "分钟", "序号", "sec", "秒")) or time_unit in MINUTES,
        named=unit in UNITS,
    )


def split(title: str) -> tuple[str, str]:
    """Name and unit of a column title, in small letters: ``Power (kW)``, ``power_kw``, ``P[W]``, ``功率/kW`` -> (power, kw)."""
    text = title.strip().casefold()
    bracketed = re.fullmatch(r"(.*?)[\s_]*[(\[（【/]\s*([^)\]）】]*?)\s*[)\]）】]?", text)
    if bracketed and bracketed[1]:
        return _words(bracketed[1]), bracketed[2]
    words = _words(text)
    name, _, last = words.rpartition(" ")
    if name and (last in UNITS or last in MINUTES) and words not in NAMES["time"]:
        return name, last
    return words, words if words in ("w", "kw") else ""


def _words(text: str) -> str:
    return re.sub(r"[\s_\-.]+", " ", text).strip()


def _place(header: Sequence[str], what: str, wanted: str) -> int:
    titles = [title.strip() for title in header]
    if wanted:
        found = [n for n, title in enumerate(titles) if title == wanted]
    else:
        found = [n for n, title in enumerate(titles) if split(title)[0] in NAMES[what]]
    if not found and what == "time" and not wanted:
        found = [n for n, title in enumerate(titles) if split(title)[0] in NAMES["date"]]
    if len(found) == 1:
        return found[0]
    there = ", ".join(repr(title) for title in titles)
    if found:
        several = ", ".join(repr(titles[n]) for n in found)
        raise NoColumn(f"不止一列可作 {len(found)} columns could be {WANTED[what]}: {several}; 请指定 say which with --{what}")
    missing = repr(wanted) if wanted else f"for {WANTED[what]}"
    raise NoColumn(f"缺少列 no column {missing}；现有 there are {there}")


def _date(header: Sequence[str], time: int) -> int | None:
    found = [n for n, title in enumerate(header) if split(title)[0] in NAMES["date"] and n != time]
    return found[0] if len(found) == 1 else None
