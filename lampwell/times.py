"""Times as people write and read them: county time, or relative to now; and lengths of time."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from lampwell.errors import ConfigError, Problem

_UNITS = {"ms": 1, "s": 1_000, "m": 60_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_LENGTH = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|min|m|h|d|w)")


LONGEST_MS = 36_525 * 86_400_000
"""A hundred years."""
YEARS = range(2000, 2100)
"""Of instants: what is further off is a slip of the pen."""
INSTANTS = range(946_684_800_000, 4_102_444_800_000)
"""The same as epoch ms UTC."""


def length_ms(text: str, option: str) -> int:
    """``90s``, ``15m``, ``1h``, ``7d`` in milliseconds. ConfigError otherwise."""
    found = _LENGTH.fullmatch(text.strip())
    length = round(float(found[1]) * _UNITS[found[2]]) if found else 0
    if not 0 < length <= LONGEST_MS:
        raise ConfigError([Problem(option, "", f"{text!r} is not a length of time; write for example 90s, 15m, 1h or 7d")])
    return length


def instant(text: str, option: str, now: int, zone: ZoneInfo) -> int:
    """``now``, ``-2h`` (before now) or an ISO date or time, in county time unless it names an offset; epoch ms UTC."""
    said = text.strip()
    if said == "now":
        return now
    if said.startswith("-"):
        return now - length_ms(said[1:], option)
    try:
        when = datetime.fromisoformat(said)
    except ValueError:
        reason = f"{text!r} is not a time; write for example 2026-06-21T18:30, 2026-06-21, -2h or now"
        raise ConfigError([Problem(option, "", reason)]) from None
    if when.year not in YEARS:
        raise ConfigError([Problem(option, "", f"{text!r} is not between {YEARS[0]} and {YEARS[-1]}")])
    if when.tzinfo is None:
        when = when.replace(tzinfo=zone)
    return round((when - datetime.fromtimestamp(0, zone)) / timedelta(milliseconds=1))


def local(time: int, zone: tzinfo) -> datetime:
    """Epoch ms as county time."""
    return datetime.fromtimestamp(time / 1000, zone)


def shown(time: int, zone: ZoneInfo) -> str:
    """``2026-06-21 18:30:05.123+08:00``; the milliseconds are left out where there are none."""
    return local(time, zone).isoformat(" ", "milliseconds" if time % 1000 else "seconds")


def shown_plain(time: int, zone: ZoneInfo) -> str:
    """The same without zone and milliseconds, as a spreadsheet takes it for a time."""
    return f"{local(time, zone):%Y-%m-%d %H:%M:%S}"
