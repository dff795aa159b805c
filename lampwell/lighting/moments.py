"""Moments as people write them: ``22:30``, ``sunset+10``, ``solar-midnight-90``, ``dusk``; after an event stand minutes."""

from __future__ import annotations

import re

from lampwell.lighting.model import Event, Moment, Text

FORMS = "a time such as 22:30, or sunset, dusk, solar-midnight, dawn or sunrise with minutes after it, such as sunset+10"
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?")
_SUN = re.compile(r"(sunset|dusk|solar-midnight|dawn|sunrise)(?:([+-])(\d{1,3}))?")
_NAMES = {
    Event.SUNSET: Text(zh="日落", en="sunset"),
    Event.DUSK: Text(zh="民用暮光终", en="civil dusk"),
    Event.MIDNIGHT: Text(zh="太阳子夜", en="solar midnight"),
    Event.DAWN: Text(zh="民用晨光始", en="civil dawn"),
    Event.SUNRISE: Text(zh="日出", en="sunrise"),
}


def read_moment(text: str) -> Moment:
    """ValueError with the forms there are."""
    if clock := _CLOCK.fullmatch(text):
        return Moment(Event.CLOCK, int(clock[1]) * 3600 + int(clock[2]) * 60 + int(clock[3] or 0))
    if sun := _SUN.fullmatch(text):
        return Moment(Event(sun[1]), int(f"{sun[2]}{sun[3]}") * 60 if sun[2] else 0)
    raise ValueError(f"must be {FORMS}, not {text!r}")


def write_moment(moment: Moment) -> str:
    """What ``read_moment`` reads."""
    if moment.event is Event.CLOCK:
        return clock_text(moment.seconds)
    return moment.event + (f"{moment.seconds / 60:+g}" if moment.seconds else "")


def clock_text(seconds: int) -> str:
    """Wall-clock time, with seconds where there are any."""
    hours, rest = divmod(seconds, 3600)
    minutes, left = divmod(rest, 60)
    return f"{hours:02}:{minutes:02}" + (f":{left:02}" if left else "")


def say_moment(moment: Moment) -> Text:
    """日落后10分钟, 10 min after sunset."""
    if moment.event is Event.CLOCK:
        return Text(zh=clock_text(moment.seconds), en=clock_text(moment.seconds))
    name = _NAMES[moment.event]
    if not moment.seconds:
        return name
    minutes = f"{abs(moment.seconds) / 60:g}"
    later = moment.seconds > 0
    return Text(
        zh=f"{name.zh}{'后' if later else '前'}{minutes}分钟",
        en=f"{minutes} min {'after' if later else 'before'} {name.en}",
    )
