"""Times as recorded files write them, as minutes: ISO or Chinese dates, epoch seconds or milliseconds, or a bare index."""

from __future__ import annotations

import re
from datetime import datetime, timedelta, timezone, tzinfo

from control.lighting.feeder.series import EPOCH

EPOCH_S, EPOCH_MS = 3e8, 3e11
"""A bare number above these is taken for seconds or milliseconds since 1970 (3e8 s is mid-1979)."""
_NUMBER = re.compile(r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?")
_DATE = re.compile(
    r"(\d{4})[-/.年](\d{1,2})[-/.月](\d{1,2})日?[T\s]*(?:(\d{1,2})[:时](\d{1,2})分?(?::?(\d{1,2})秒?(?:[.,](\d+))?)?)?\s*(.*)"
)
_ZONE = re.compile(r"([+-])(\d{2}):?(\d{2})?")


class Times:
    """Reads the time column of one file: all of it wall-clock time or all of it an index. ``scale``: minutes per unit of an
    index.

    Instants (with a zone, or epoch numbers) become the wall clock of ``zone`` with the offset it had at the first of them, so a
    clock change inside the file makes neither a gap nor a step back.
    """

    def __init__(self, zone: tzinfo, *, index: bool = False, scale: float = 1.0) -> None:
        self._zone, self._index, self._scale = zone, index, scale
        self._offset: timedelta | None = None
        self.clock: bool | None = None

    def minute(self, text: str) -> float:
        """Minutes since EPOCH (wall clock), or of the index. ValueError: not a time, or of another sort than those before it."""
        if _NUMBER.fullmatch(text):
            minute, clock = self._number(float(text))
        else:
            minute, clock = self._date(text), True
        if self.clock is None:
            self.clock = clock
        if clock is not self.clock:
            raise ValueError(f"{text!r} 与前面的行格式不同 is {'a date' if clock else 'a bare number'}, the lines before are not")
        return minute

    def _number(self, number: float) -> tuple[float, bool]:
        if self._index or abs(number) < EPOCH_S:
            return number * self._scale, False
        seconds = number / 1000 if abs(number) >= EPOCH_MS else number
        return self._wall(datetime.fromtimestamp(seconds, timezone.utc)), True  # noqa: UP017

    def _date(self, text: str) -> float:
        found = _DATE.fullmatch(text)
        if not found:
            raise ValueError(f"{text!r} 不是时间 is not a time such as 2024-11-05 18:30, nor a number of minutes")
        year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
        whole = _datetime(text, year, month, day, hour, minute, second)
        zone = _zone(found[8].strip())
        if zone is not None:
            return self._wall(whole.replace(tzinfo=zone))
        return (whole - EPOCH) / timedelta(minutes=1)

    def _wall(self, instant: datetime) -> float:
        if self._offset is None:
            self._offset = instant.astimezone(self._zone).utcoffset() or timedelta()
        local = instant.astimezone(timezone(self._offset)).replace(tzinfo=None)
        return (local - EPOCH) / timedelta(minutes=1)


def _datetime(text: str, *parts: int) -> datetime:
    try:
        return datetime(*parts)  # type: ignore[arg-type]  # noqa: DTZ001
    except ValueError as error:
        raise ValueError(f"{text!r} 没有这个时间 is no such time: {error}") from None


def _zone(text: str) -> timezone | None:
    if not text:
        return None
    if text in ("Z", "z", "UTC"):
        return timezone.utc  # noqa: UP017
    found = _ZONE.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} 不是时区 behind a time is not a zone such as +08:00 or Z")
    offset = timedelta(hours=int(found[2]), minutes=int(found[3] or 0))
    return timezone(-offset if found[1] == "-" else offset)
