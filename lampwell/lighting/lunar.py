"""The Chinese lunar calendar, from a table of its years (``data/lunar.csv``).

Source of the table: new moons and solar terms at UTC+8, put together by the rules of GB/T 33661-2017; the tests calculate all
of it again (Meeus, chapters 25 and 49).
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache
from importlib.resources import files

FESTIVALS: dict[str, tuple[int, int, str, str]] = {
    "new-year-eve": (12, 0, "除夕", "New Year's Eve"),
    "spring": (1, 1, "春节", "Spring Festival"),
    "lantern": (1, 15, "元宵节", "Lantern Festival"),
    "dragon-head": (2, 2, "龙抬头", "Dragon Head Day"),
    "dragon-boat": (5, 5, "端午节", "Dragon Boat Festival"),
    "qixi": (7, 7, "七夕", "Qixi"),
    "ghost": (7, 15, "中元节", "Ghost Festival"),
    "mid-autumn": (8, 15, "中秋节", "Mid-Autumn Festival"),
    "double-ninth": (9, 9, "重阳节", "Double Ninth"),
    "laba": (12, 8, "腊八节", "Laba"),
}
"""Lunar month and day (0: the month's last), 中文, English."""


@dataclass(frozen=True, slots=True)
class LunarYear:
    """A lunar year: its first day, the month that is doubled (0: none), the lengths of its months, the leap one in its place."""

    first_day: date
    leap_month: int
    month_days: tuple[int, ...]

    def day(self, month: int, day: int) -> date | None:
        """The date of a day of an ordinary month (``day`` 0: its last); None where the month is too short."""
        place = month - 1 + (0 < self.leap_month < month)
        if day > self.month_days[place]:
            return None
        return self.first_day + timedelta(sum(self.month_days[:place]) + (day or self.month_days[place]) - 1)


@cache
def lunar_years() -> dict[int, LunarYear]:
    """Every year of the table, by the civil year in which it begins."""
    text = (files("lampwell.lighting.data") / "lunar.csv").read_text("utf-8")
    return {
        int(row["year"]): LunarYear(
            date.fromisoformat(row["first_day"]), int(row["leap_month"]), tuple(map(int, row["month_days"].split()))
        )
        for row in csv.DictReader(text.splitlines())
    }


def is_known(first: date, nights: int) -> bool:
    """Whether the table tells every festival of so many nights from a date on: with the lunar year before it, of whole years."""
    years = lunar_years()
    begin, end = date(min(years) + 1, 1, 1).toordinal(), date(max(years), 12, 31).toordinal()
    return begin <= first.toordinal() and first.toordinal() + nights - 1 <= end


def known_words() -> str:
    """Those bounds, for a person."""
    years = lunar_years()
    return f"{min(years) + 1}-01-01 至 to {max(years)}-12-31"


def festival_day(name: str, year: int) -> date | None:
    """When a festival, or a lunar ``month-day`` such as 8-15, falls in the lunar year that begins in civil ``year``.

    None outside the table and where that month has no such day. KeyError, ValueError for what is no festival.
    """
    month, day = FESTIVALS[name][:2] if name in FESTIVALS else lunar_day(name)
    found = lunar_years().get(year)
    return found.day(month, day) if found else None


def lunar_day(text: str) -> tuple[int, int]:
    """``8-15`` as month and day. ValueError."""
    month, _, day = text.partition("-")
    if not (month.isdigit() and day.isdigit() and 1 <= int(month) <= 12 and 1 <= int(day) <= 30):
        raise ValueError(f"{text!r} is no festival and no lunar day such as 8-15; festivals are {', '.join(FESTIVALS)}")
    return int(month), int(day)


def festival_name(name: str) -> tuple[str, str]:
    """中文 and English name; a lunar day is named by its numbers."""
    if name in FESTIVALS:
        return FESTIVALS[name][2:]
    month, day = lunar_day(name)
    return f"农历{month}月{day}日", f"lunar {month}-{day}"
