"""Which messages belong in one letter, and how long they wait for each other (domain alarms 2.2, rules 6 and 12). Pure."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from control.alarms.model import Place
from lampwell.times import local

WAIT_MS = {1: 10_000, 2: 30_000, 3: 300_000}
EXPIRES_MS = {1: 30 * 60_000, 2: 2 * 3_600_000, 3: 12 * 3_600_000, 4: 24 * 3_600_000}
WATER = ("well", "ponding", "rain", "river")
DIGEST_AT = time(8, 0)
"""County time of the daily digest; a choice of this project."""


def group_key(place: Place) -> str:
    """What is told together: water in one area (a storm fills many wells at once), else alarms of one device, link or edge
    node.
    """
    if place.kind in WATER and place.area:
        return f"water:{place.area}"
    if place.device:
        return f"device:{place.device}"
    if place.edge:
        return f"edge:{place.edge}"
    return f"area:{place.area}" if place.area else "county"


def release_at(priority: int, now: int, *, quiet_since: int | None, zone: ZoneInfo) -> int:
    """When a message may leave. ``quiet_since``: when the newest message of its group and priority was made (None = none lately).

    A red one goes at once when its group was quiet: seconds count. What follows within ten seconds waits and goes as one.
    """
    if priority == 4:
        return next_digest(now, zone)
    wait = WAIT_MS[priority]
    if priority == 1 and (quiet_since is None or now - quiet_since >= wait):
        return now
    return now + wait


def next_digest(now: int, zone: ZoneInfo) -> int:
    """The next time of the daily digest, in epoch ms."""
    here = local(now, zone)
    today = datetime.combine(here.date(), DIGEST_AT, zone)
    due = today if today > here else datetime.combine(here.date() + timedelta(days=1), DIGEST_AT, zone)
    return round(due.timestamp() * 1000)
