"""How soon a repair is due, and whether it was in time. Pure; the caller says which days are worked.

The words and times are the Hebei provincial rules for urban lighting (domain streetlights 2.3, domain alarms 1.1): emergency:
effective action within 1 h; serious: 3 working days; ordinary: 24 h. That "effective action" is the crew's arrival is this
project's reading, unverified.

A word may say how the readings confirm the repair: ``ordinary-night`` waits for the next lit night, ``ordinary-soon`` does not.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from control.orders.model import Kind
from lampwell.errors import LampwellError
from lampwell.times import local

HOUR_MS = 3_600_000
SOON_MS, NIGHT_MS = 600_000, 1_800_000
"""How long the readings must agree. By night longer: a lamp alarm's own delay is 15 min (domain streetlights 3), and two rounds
of a concentrator must have come."""

WORDS = ("emergency", "serious", "ordinary")
_HOURS = {"emergency": 1, "ordinary": 24}
_SERIOUS_DAYS = 3
_MOST_DAYS = 366


class UnknownSla(LampwellError):
    """An SLA word that there is not."""


class NoWorkdays(LampwellError):
    """A calendar without working days: no due time can be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sla:
    """A word, read. ``at_night``: None = as is usual for the component."""

    word: str
    at_night: bool | None = None


def read_sla(text: str) -> Sla:
    """The SLA of a rule's or a person's word. UnknownSla."""
    word, dash, manner = text.partition("-")
    if word not in WORDS or (dash and manner not in ("night", "soon")):
        raise UnknownSla(f"没有这种时限 there is no SLA {text!r}; there are {', '.join(WORDS)}, each also with -night or -soon")
    return Sla(word=word, at_night={"night": True, "soon": False}.get(manner))


def due(sla: str, created: int, is_workday: Callable[[date], bool], zone: ZoneInfo) -> int:
    """When an order of this SLA, created then, must be answered. Working days are county calendar days from midnight to midnight;
    the clock stands still on all others. UnknownSla, NoWorkdays.
    """
    word = read_sla(sla).word
    if word != "serious":
        return created + _HOURS[word] * HOUR_MS
    end = _worked(local(created, zone).replace(tzinfo=None), timedelta(days=_SERIOUS_DAYS), is_workday)
    return max(created, round(end.replace(tzinfo=zone).timestamp() * 1000))


def _worked(at: datetime, left: timedelta, is_workday: Callable[[date], bool]) -> datetime:
    """Wall-clock time after so much working time."""
    for _ in range(_MOST_DAYS):
        midnight = datetime.combine(at.date() + timedelta(days=1), time())
        if is_workday(at.date()):
            if at + left <= midnight:
                return at + left
            left -= midnight - at
        at = midnight
    raise NoWorkdays(f"一年内没有足够工作日 too few working days within a year of {at:%Y-%m-%d}")


def confirmation(sla: str, component: str) -> tuple[int, bool]:
    """(how long the readings must agree in ms, whether only lit time counts). Lamps wait for the night unless the word says soon;
    a word of an older program counts as ordinary, so that its order can still be closed.
    """
    try:
        at_night = read_sla(sla).at_night
    except UnknownSla:
        at_night = None
    night = component.startswith("lamp") if at_night is None else at_night
    return (NIGHT_MS if night else SOON_MS), night


# -- was it in time ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """When things happened first (``repaired_at``: last, and not contradicted since); None = not yet. ``reopened``: how often."""

    responded_at: int | None = None
    arrived_at: int | None = None
    repaired_at: int | None = None
    ended_at: int | None = None
    cancelled: bool = False
    reopened: int = 0


def times(history: Iterable[tuple[str, int]]) -> Times:
    """The times of an order from its history: (kind, at), oldest first. Going there or repairing it answers it, too."""
    first: dict[str, int] = {}
    repaired: int | None = None
    reopened = 0
    for kind, at in history:
        first.setdefault(kind, at)
        if kind == Kind.DONE:
            repaired = at
        elif kind == Kind.REOPENED:
            repaired, reopened = None, reopened + 1
    arrived = _earliest(first, Kind.ON_SITE)
    return Times(
        responded_at=_earliest(first, Kind.ACCEPTED, Kind.ON_SITE, Kind.DONE),
        arrived_at=arrived,
        repaired_at=repaired,
        ended_at=_earliest(first, Kind.CONFIRMED, Kind.CLOSED, Kind.CANCELLED),
        cancelled=Kind.CANCELLED in first,
        reopened=reopened,
    )


def stopped_at(sla: str, done: Times) -> int | None:
    """When the SLA's clock stopped: an emergency's at arrival, any other's at the repair; both at the latest when it was closed
    by hand. None = it runs.
    """
    arrived = done.arrived_at if sla.partition("-")[0] == "emergency" else None
    return min((at for at in (arrived, done.repaired_at, done.ended_at) if at is not None), default=None)


def in_time(sla: str, due_at: int, done: Times, now: int) -> bool | None:
    """Whether the SLA was kept; None = cancelled, or it can not be said yet."""
    if done.cancelled:
        return None
    stopped = stopped_at(sla, done)
    if stopped is not None:
        return stopped <= due_at
    return False if now > due_at else None


def time_left_ms(due_at: int, now: int) -> int:
    """What is left; negative: so long overdue."""
    return due_at - now


def overdue_share(dues: Iterable[int], now: int) -> float | None:
    """Which share of running clocks is overdue; None where none runs."""
    late = [now > one for one in dues]
    return sum(late) / len(late) if late else None


def _earliest(first: dict[str, int], *kinds: str) -> int | None:
    return min((first[kind] for kind in kinds if kind in first), default=None)
