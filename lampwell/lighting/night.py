"""One night at one place: noon to noon in local time, and the instants of a program's moments in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from lampwell.lighting.model import Event, Moment
from lampwell.lighting.sun import Place, SunNight, sun_night
from lampwell.times import local

NOON_S = 12 * 3600
DAY = timedelta(days=1)


def night_of(at: int, zone: ZoneInfo) -> date:
    """The date of the night that an instant belongs to: that of its last noon."""
    then = local(at, zone)
    return then.date() if then.hour >= 12 else then.date() - DAY


def local_ms(day: date, seconds: int, zone: ZoneInfo) -> int:
    """Wall-clock time of a date as epoch ms. A time that a clock change skips is reckoned by the offset before it, so that each
    is one instant; of a time that comes twice the first counts.
    """
    wall = datetime.combine(day, time(), zone) + timedelta(seconds=seconds)
    return round(wall.timestamp() * 1000)


def noon_ms(day: date, zone: ZoneInfo) -> int:
    """Local noon of a date."""
    return local_ms(day, NOON_S, zone)


@dataclass(slots=True)
class Night:
    """[start, end) in epoch ms; ``sun`` its events; wall-clock moments are reckoned once."""

    day: date
    zone: ZoneInfo
    start: int
    end: int
    sun: SunNight
    _clock: dict[int, int] = field(default_factory=dict)

    def instant(self, moment: Moment) -> int | None:
        """When a moment is in this night; None where the sun has no such event."""
        if moment.event is Event.CLOCK:
            return self.clock(moment.seconds)
        event = self._sun(moment.event)
        return None if event is None else event + moment.seconds * 1000

    def clock(self, seconds: int) -> int:
        """A wall-clock time: before noon it is of the day after."""
        found = self._clock.get(seconds)
        if found is None:
            day = self.day if seconds >= NOON_S else self.day + DAY
            found = self._clock[seconds] = local_ms(day, seconds, self.zone)
        return found

    def _sun(self, event: Event) -> int | None:
        sun = self.sun
        match event:
            case Event.SUNSET:
                return sun.sunset
            case Event.DUSK:
                return sun.dusk
            case Event.DAWN:
                return sun.dawn
            case Event.SUNRISE:
                return sun.sunrise
        return sun.midnight

    def is_dark_without(self, event: Event) -> bool:
        """Whether it is dark all the time where the sun has no such event; else it is never dark by that limit."""
        return self.sun.twilight_ends if event in (Event.DUSK, Event.DAWN) else self.sun.dark


def night(day: date, zone: ZoneInfo, place: Place) -> Night:
    """The night of a date at a place."""
    start, end = noon_ms(day, zone), noon_ms(day + DAY, zone)
    return Night(day, zone, start, end, sun_night(place, start))
