"""What the calendar wakes: each once, in county time, over stops, failures and changes of clocks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from apscheduler.triggers.cron import CronTrigger
from hypothesis import given
from hypothesis import strategies as st

from control.kpi.days_report import EMPTY, days_as_csv, days_as_json, days_as_text
from control.lighting import nightly
from control.store.database import open_database
from control.store.errors import StateError
from control.store.writer import Writer
from control.wakes import Wake, Wakes, newest
from lampwell.clock import VirtualClock

ZONE = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")
HOUR = 3600


def at(text: str, zone: ZoneInfo = ZONE) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=zone).timestamp() * 1000)


@pytest.fixture
async def state(tmp_path: Path) -> AsyncIterator[Writer]:
    database = open_database(tmp_path / "state.sqlite")
    writer = Writer(database)
    yield writer
    await writer.close()
    database.close()


async def test_once_at_its_time_and_made_up_for_once_after_a_stop(state: Writer) -> None:
    """Protects the nightly work from restarts: neither forgotten nor repeated, and days that went by cost one look."""
    clock, done = VirtualClock(at("2026-10-14 12:00")), list[int]()

    async def do(due: int) -> None:
        done.append(due)

    def born_again() -> Wakes:
        return Wakes([Wake(name="look", at="0 15 * * *", do=do)], state, clock, ZONE)

    assert await born_again().turn()
    assert done == []
    await clock.advance(4 * HOUR)
    for _ in range(3):
        assert await born_again().turn()
    assert done == [at("2026-10-14 15:00")]
    await clock.advance(5 * 24 * HOUR)
    wakes = born_again()
    assert await wakes.turn()
    assert await wakes.turn()
    assert done == [at("2026-10-14 15:00"), at("2026-10-19 15:00")]


async def test_what_fails_is_tried_again_and_hinders_no_other(state: Writer) -> None:
    """Protects the second from the first: a disk that is full at 15:00 costs no night its look."""
    clock, done, broken = VirtualClock(at("2026-10-14 16:00")), list[str](), [True]

    async def fails(due: int) -> None:
        if broken[0]:
            raise StateError("the disk is full")
        done.append("first")

    async def works(due: int) -> None:
        done.append("second")

    wakes = Wakes([Wake(name="a", at="0 15 * * *", do=fails), Wake(name="b", at="0 15 * * *", do=works)], state, clock, ZONE)
    assert not await wakes.turn()
    assert done == ["second"]
    broken[0] = False
    assert await wakes.turn()
    assert done == ["second", "first"]


@given(st.integers(0, 2 * 365 * 24 * 60), st.integers(0, 3 * 24 * 60), st.sampled_from(["0 15 * * *", "30 2 * * *"]))
def test_the_newest_instant_agrees_with_a_slow_reference(start: int, minutes: int, cron: str) -> None:
    """Protects against off-by-ones and changes of clocks: minute by minute through local time says the same, but for the hour
    that does not exist or exists twice."""
    zone = BERLIN
    after = (datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=start)).astimezone(zone)
    now = (after.astimezone(UTC) + timedelta(minutes=minutes)).astimezone(zone)
    hour, minute = (15, 0) if cron.startswith("0 15") else (2, 30)
    met = [
        one
        for n in range(1, minutes + 1)
        if ((one := (after.astimezone(UTC) + timedelta(minutes=n)).astimezone(zone)).hour, one.minute) == (hour, minute)
    ]
    found = newest(CronTrigger.from_crontab(cron, timezone=zone), after, now)
    if hour == 15 or len({one.utcoffset() for one in (after, now)}) == 1:
        assert found == (met[-1] if met else None)


def test_its_times_are_times() -> None:
    """A typing error in a crontab line is found before the night."""
    assert CronTrigger.from_crontab(nightly.AT, timezone=ZONE).get_next_fire_time(
        None, datetime(2026, 10, 14, 12, tzinfo=ZONE)
    ) == datetime(2026, 10, 14, 15, tzinfo=ZONE)


def test_no_days_is_said() -> None:
    """Protects from an empty page that looks like good news."""
    assert days_as_text([]) == EMPTY
    assert days_as_json([]) == "[]"
    assert days_as_csv([]).count("\r\n") == 1
