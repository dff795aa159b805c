"""Figures of days and months: what is kept in the morning, and what the leaders are told."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from control.kpi.daily import days, keep_yesterday, tell_month
from control.kpi.days_report import SHOWN, days_as_csv, days_as_json, days_as_text
from control.kpi.facts import Journal, Life
from control.kpi.figures import figures
from control.kpi.report import Report, report
from control.messages.compose import unpack
from control.people.files import load_roster
from control.staff import Staff
from control.store.database import open_database
from control.store.tables import notification
from control.store.writer import Writer
from lampwell.clock import VirtualClock
from lampwell.county import load

from .conftest import DAY, HOUR, MINUTE, a_life

ZONE = ZoneInfo("Asia/Shanghai")
DUE = round(datetime(2026, 11, 1, 8, 30, tzinfo=ZONE).timestamp() * 1000)
TODAY = DUE - 8 * HOUR - 30 * MINUTE


class Asked:
    """Reports of a journal that is given; what was asked for."""

    def __init__(self, lives: tuple[Life, ...], since: int = 0) -> None:
        self.journal = Journal(since=since, until=DUE, lives=lives, marks=(), deliveries=(), letters=(), jobs=(), held=None)
        self.asked: list[tuple[int, int, str]] = []

    async def __call__(self, start: int, end: int, area: str) -> Report:
        self.asked.append((start, end, area))
        return report(figures(self.journal, start, end), start, end, position=area)


@pytest.fixture
async def staff(tmp_path: Path) -> AsyncIterator[tuple[Staff, Writer]]:
    county = load(Path("counties/taihe"))
    database = open_database(tmp_path / "state.sqlite")
    writer = Writer(database)
    staff = Staff(county, writer, VirtualClock(DUE))
    await staff.begin(load_roster(county.folder / "people", [area.id for area in county.areas]))
    yield staff, writer
    await writer.close()
    database.close()


async def told(writer: Writer) -> list[tuple[str, str]]:
    rows = await writer.read(lambda connection: connection.execute(select(notification.c.step, notification.c.body)).all())
    return [(row.step, unpack(row.body).zh) for row in rows]


async def test_a_day_is_kept_once_as_of_the_morning_after(staff: tuple[Staff, Writer]) -> None:
    """Protects the trend: county midnight to county midnight, county and areas, and a repeat after a crash replaces it."""
    _, writer = staff
    asked = Asked(tuple(a_life(n, TODAY - HOUR * n) for n in range(1, 6)))
    for _ in range(2):
        await keep_yesterday(asked, ["oldtown"], writer, ZONE, DUE)
    assert asked.asked[:2] == [(TODAY - DAY, TODAY, ""), (TODAY - DAY, TODAY, "oldtown")]
    kept = await writer.read(lambda connection: days(connection, date(2026, 10, 1), date(2026, 11, 1)))
    assert [(one.day, one.area, one.values["alarms"]) for one in kept] == [(date(2026, 10, 31), "", 5)]
    assert await writer.read(lambda connection: days(connection, date(2026, 10, 1), date(2026, 10, 31))) == []
    assert len(await writer.read(lambda connection: days(connection, date(2026, 1, 1), date(2027, 1, 1), "oldtown"))) == 1


async def test_a_day_without_a_journal_is_not_kept(staff: tuple[Staff, Writer]) -> None:
    """Protects from rows of zeros for days on which nobody looked."""
    _, writer = staff
    await keep_yesterday(Asked((), since=DUE), [], writer, ZONE, DUE)
    assert await writer.read(lambda connection: days(connection, date(2026, 1, 1), date(2027, 1, 1))) == []


async def test_the_month_tells_only_what_is_over_and_once(staff: tuple[Staff, Writer]) -> None:
    """Protects leaders: a restless October is told on the first of November, a quiet one is not talked about."""
    people, writer = staff
    woken: list[int] = []

    async def tell(asked: Asked) -> list[tuple[str, str]]:
        await tell_month(asked, people, writer, DUE, wake=lambda: woken.append(1))
        return await told(writer)

    quiet = Asked(tuple(replace(a_life(n, TODAY - DAY * n), priority=4) for n in range(1, 4)))
    assert await tell(quiet) == []
    assert quiet.asked == [(TODAY - 31 * DAY, TODAY, "")]
    restless = Asked(tuple(a_life(n, TODAY - 31 * DAY + MINUTE * n) for n in range(12_000)))
    (first,) = await tell(restless)
    assert first[0] == "figures:2026-10"
    assert "超限" in first[1]
    assert await tell(restless) == [first]
    assert len(woken) == 2


async def test_days_for_people_programs_and_excel(staff: tuple[Staff, Writer]) -> None:
    """Protects the three forms: what has no data is a dash, null or an empty cell, never a zero."""
    _, writer = staff
    await keep_yesterday(Asked((a_life(1, TODAY - HOUR),)), [], writer, ZONE, DUE)
    kept = await writer.read(lambda connection: days(connection, date(2026, 10, 1), date(2026, 11, 1)))
    head, _, row = days_as_text(kept).splitlines()
    assert head.startswith("日期 day")
    assert row.split()[:2] == ["2026-10-31", "1"]
    assert "—" in row
    (one,) = json.loads(days_as_json(kept))
    assert one["values"]["alarms"] == 1
    assert one["values"]["in_sla"] is None
    assert set(SHOWN) <= set(one["values"])
    rows = list(csv.DictReader(io.StringIO(days_as_csv(kept).removeprefix("\ufeff"))))
    assert rows[0]["工单数 orders"] == "0"
    assert rows[0]["时限内 in_sla"] == ""
