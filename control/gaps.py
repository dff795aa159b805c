"""Shifts that nobody will fill, told a day ahead to those who lead (domain alarms 2.2, rule 8). Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from control.leaders import leaders, notice_of
from control.messages.compose import Facts
from control.messages.outbox import Notice, To
from control.people.roster import Roster
from control.people.rota import DAY_MS, ShiftGap, gaps
from lampwell.times import local

AHEAD_MS, SEEN_MS = DAY_MS, 8 * DAY_MS
MORNING, EVENING = time(8), time(22)
"""Between them a gap of tomorrow may be told; by night it waits for the morning, but never beyond its own beginning."""
PRIORITY = 2


def gap_notices(roster: Roster, now: int, zone: ZoneInfo) -> Iterator[tuple[Notice, Sequence[To]]]:
    """What is to be put into the outbox, which takes each once: a gap when it comes within a day, and each day that it lasts."""
    to = leaders(roster)
    for gap in gaps(roster, now, now + SEEN_MS, zone):
        if gap.start > now + AHEAD_MS:
            continue
        ahead = gap.start > now
        step = f"{gap.rota}:{gap.start}" if ahead else f"{gap.rota}:now:{local(now, zone):%Y-%m-%d}"
        release = min(gap.start, _morning(now, zone)) if ahead else now
        yield notice_of(_facts(roster, gap), step=step, key="shifts", now=now, release=release), to


def _facts(roster: Roster, gap: ShiftGap) -> Facts:
    rota, hours = roster.rota(gap.rota), max(1, round((gap.end - gap.start) / 3_600_000))
    return Facts(
        kind="gap",
        number=0,
        priority=PRIORITY,
        place_zh=rota.zh if rota else gap.rota,
        place_en=rota.en if rota else gap.rota,
        zh=f"{hours}小时无人值班",
        en=f"nobody on shift for {hours} h",
        value="",
        time=gap.start,
    )


def _morning(now: int, zone: ZoneInfo) -> int:
    """Now by day, the coming morning by night."""
    at = local(now, zone)
    if MORNING <= at.time() < EVENING:
        return now
    day = at.date() + timedelta(days=1 if at.time() >= EVENING else 0)
    return round(datetime.combine(day, MORNING, zone).timestamp() * 1000)
