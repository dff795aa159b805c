"""Which steps belong to a program: those that come again on another night, at about the same time or between the same levels."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from control.lighting.feeder.levels import STEP, Profile, Step
from control.lighting.feeder.series import DAY_MIN, Series

SAME_TIME_MIN, SAME_CHANGE, SAME_LEVEL = 20.0, 0.06, 0.03
"""Two nights' steps are the same step within these (astro-relative steps move some minutes a week; unverified choices)."""
UNSEEN_MIN = 10.0
"""A step across so long without settled readings has no time of its own: two known levels are enough."""
NEAR_NIGHTS = 15
WITNESSES = 2
"""So many other nights must have been looked at before a step that none of them shows is called unscheduled."""
ALWAYS = 0.8


class Sort(StrEnum):
    """What a step is taken for."""

    PROGRAM = "program"
    UNSCHEDULED = "unscheduled"
    UNCONFIRMED = "unconfirmed"  # too few other nights to tell


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """A program step that did not come in ``night``, although it was looked for around ``cell``. ``change`` as usual."""

    night: int
    cell: int
    change: float


def sort_steps(series: Series, profiles: Sequence[Profile]) -> tuple[tuple[Sort, ...], ...]:
    """The sort of every step of every night."""
    return tuple(tuple(_sort(series, profiles, step) for step in one.steps) for one in profiles)


def _sort(series: Series, profiles: Sequence[Profile], step: Step) -> Sort:
    others = [profiles[n] for n in _near_nights(profiles, step.night)]
    if any(_same(series, step, other) for one in others for other in one.steps):
        return Sort.PROGRAM
    if step.within > UNSEEN_MIN and all(_known_level(others, watts) for watts in (step.before, step.after)):
        return Sort.PROGRAM
    seen = sum(_watched(series, one, step.begin) is not None for one in others)
    return Sort.UNSCHEDULED if seen >= WITNESSES else Sort.UNCONFIRMED


def _near_nights(profiles: Sequence[Profile], number: int) -> list[int]:
    """The nights around one: a program changes with the season."""
    return [n for n in range(max(0, number - NEAR_NIGHTS), min(len(profiles), number + NEAR_NIGHTS + 1)) if n != number]


def _known_level(others: Sequence[Profile], watts: float) -> bool:
    return any(abs(watts / plateau.watts - 1) <= SAME_CHANGE for one in others for plateau in one.plateaus)


def _same(series: Series, step: Step, other: Step) -> bool:
    if step.change * other.change < 0:
        return False
    time = _apart(series, step.begin, other.begin) <= SAME_TIME_MIN and abs(step.change - other.change) <= SAME_CHANGE
    level = abs(step.before / other.before - 1) <= SAME_LEVEL and abs(step.after / other.after - 1) <= SAME_LEVEL
    return time or level


def _apart(series: Series, one: int, other: int) -> float:
    """Minutes between two cells by the clock of the day."""
    minutes = abs(one - other) * series.step % DAY_MIN
    return min(minutes, DAY_MIN - minutes)


def _watched(series: Series, profile: Profile, cell: int) -> int | None:
    """The cell of this profile's night at the same minute of the day, if it is settled well before and after it."""
    if not profile.settled or DAY_MIN % series.step:
        return None
    day, room = DAY_MIN // series.step, series.cells(SAME_TIME_MIN + 10)
    first, last = profile.settled[0], profile.settled[-1]
    at = first + (cell - first) % day
    if not first + room <= at <= last - room:
        return None
    near = bisect_right(profile.settled, at + room) - bisect_left(profile.settled, at - room)
    return at if near > 1.5 * room else None


def excursions(profiles: Sequence[Profile], sorts: Sequence[Sequence[Sort]]) -> tuple[list[tuple[Step, Step]], list[Step]]:
    """Unscheduled steps: pairs of one night that undo each other (an override, a loop opened and closed), and those that stay."""
    pairs: list[tuple[Step, Step]] = []
    lasting: list[Step] = []
    for profile, kinds in zip(profiles, sorts, strict=True):
        own: list[Step] = []
        for step in (one for one, sort in zip(profile.steps, kinds, strict=True) if sort is Sort.UNSCHEDULED):
            if own and abs(own[-1].change + step.change) < STEP:
                pairs.append((own.pop(), step))
            else:
                own.append(step)
        lasting += own
    return pairs, lasting


def missed(series: Series, profiles: Sequence[Profile], sorts: Sequence[Sequence[Sort]]) -> Iterator[Missed]:
    """Nights in which a step that nearly every other night shows did not come."""
    for number, profile in enumerate(profiles):
        told: list[int] = []
        for step in _program(profiles, sorts, number):
            at = _watched(series, profile, step.begin)
            if at is None or any(_apart(series, at, one) <= SAME_TIME_MIN for one in told):
                continue
            if _always(series, profiles, step, number) and not any(_near(series, step, own) for own in profile.steps):
                told.append(at)
                yield Missed(night=number, cell=at, change=step.change)


def _program(profiles: Sequence[Profile], sorts: Sequence[Sequence[Sort]], number: int) -> Iterator[Step]:
    for n in _near_nights(profiles, number):
        yield from (step for step, sort in zip(profiles[n].steps, sorts[n], strict=True) if sort is Sort.PROGRAM)


def _near(series: Series, step: Step, own: Step) -> bool:
    return step.change * own.change > 0 and _apart(series, step.begin, own.begin) <= 3 * SAME_TIME_MIN


def _always(series: Series, profiles: Sequence[Profile], step: Step, number: int) -> bool:
    """Whether all but few of the nights other than ``number`` that could show this step do."""
    others = (profiles[n] for n in _near_nights(profiles, number))
    able = [one for one in others if _watched(series, one, step.begin) is not None]
    shown = sum(any(_near(series, step, own) for own in one.steps) for one in able)
    return len(able) > WITNESSES and shown >= ALWAYS * len(able)
