"""A control program as TALQ 2.7.1 has it. What TALQ can not say is refused with the reason, never bent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from lampwell.errors import LampwellError
from lampwell.lighting.model import OFF, Event, LuxRule, Moment, Period, Program, Step
from lampwell.lighting.moments import write_moment
from lampwell.lighting.night import NOON_S

Json = dict[str, Any]
_DAY_S = 86_400
_LATEST_END_S, _EARLIEST_START_S = 15 * 3600, 11 * 3600
"""Seconds after noon, 03:00 and 23:00: the sun is down between them almost everywhere that has streetlights."""
_OPEN_MIN = 720
"""Offset of an edge that is not the sun's: beyond the night, so that the steps to and from level 0 decide."""


class NotExpressible(LampwellError):
    """TALQ has no words for this; the message says for what."""


def program_to_talq(program: Program, owner: str, lux: LuxRule | None = None, sensors: Sequence[str] = ()) -> Json:
    """A ControlProgramOne that gives the same levels. With a lux rule its astro periods listen to ``sensors`` (at most two).

    TALQ knows no delay after sunrise: that part of the rule is left to this project's own edge nodes. NotExpressible.
    """
    made: Json = {"type": "ControlProgramOne", "id": program.id, "ownerCMS": owner}
    astro = [period for period in program.active if not _by_clock(period)]
    made["activePeriods"] = [_astro(program, astro, lux, sensors)] if astro else []
    made["activePeriods"] += [_absolute(one) for one in program.active if _by_clock(one)]
    made["fixedTimeControls"] = list(_fixed(program, within=bool(astro)))
    if turns := list(_turns(program)):
        made["astroClockTimeControls"] = turns
    return made


def _by_clock(period: Period) -> bool:
    return period.start.event is Event.CLOCK and period.end.event is Event.CLOCK


def _absolute(period: Period) -> Json:
    return {"name": "AbsoluteActivePeriod", "startTime": _time(period.start.seconds), "endTime": _time(period.end.seconds)}


def _astro(program: Program, periods: Sequence[Period], lux: LuxRule | None, sensors: Sequence[str]) -> Json:
    """The one span of the sun in which a program is active; its edges by the clock become steps to and from level 0."""
    starts = {one.start for one in periods if one.start.event is not Event.CLOCK}
    ends = {one.end for one in periods if one.end.event is not Event.CLOCK}
    if len(starts) > 1 or len(ends) > 1:
        raise NotExpressible(f"program {program.id!r}: its periods begin or end by the sun at different moments")
    if len({(one.start.event is Event.CLOCK, one.end.event is Event.CLOCK) for one in periods}) > 1:
        _check_edges(program, periods)
    made: Json = {
        "name": "AstroClockActivePeriod",
        "sunsetOffset": _offset(program, starts, Event.SUNSET, -_OPEN_MIN),
        "sunriseOffset": _offset(program, ends, Event.SUNRISE, _OPEN_MIN),
    }
    if lux:
        made |= {
            "name": "AstroAndSensorActivePeriod",
            "sensor": {"sensorAddresses": list(sensors[:2])},
            "pcActiveBeforeSunset": max(0, lux.advance_min - made["sunsetOffset"]),
            "pcActiveBeforeSunrise": 0,
            "onLevel": lux.on_lx,
            "offLevel": lux.off_lx,
        }
    return made


def _check_edges(program: Program, periods: Sequence[Period]) -> None:
    """One span of the sun for periods of several shapes is right only while their clock edges are well inside the night."""
    for one in periods:
        early = one.end.event is Event.CLOCK and _from_noon(one.end.seconds) > _LATEST_END_S
        late = one.start.event is Event.CLOCK and _from_noon(one.start.seconds) < _EARLIEST_START_S
        if early or late:
            edge = write_moment(one.end if early else one.start)
            raise NotExpressible(
                f"program {program.id!r}: TALQ can not join a period with an edge at {edge} to others by the sun"
            )


def _offset(program: Program, moments: set[Moment], event: Event, otherwise: int) -> int:
    for moment in moments:
        if moment.event is not event or moment.seconds % 60:
            raise NotExpressible(f"program {program.id!r}: TALQ has {event} in whole minutes there, not {write_moment(moment)}")
        return moment.seconds // 60
    return otherwise


def _fixed(program: Program, *, within: bool) -> Iterator[Json]:
    """The steps by the clock in the order TALQ wants, from midnight on; noon begins the night with the program's own level."""
    steps = sorted((step for step in program.steps if step.at.event is Event.CLOCK), key=lambda step: _from_noon(step.at.seconds))
    times = {step.at.seconds: step for step in steps}
    edges = (
        {edge.seconds for one in program.active for edge in (one.start, one.end) if edge.event is Event.CLOCK}
        if within
        else set()
    )
    first = program.level
    if first is None and edges:
        raise NotExpressible(f"program {program.id!r}: with periods that end by the clock it needs a level to begin with")
    for seconds in sorted({*times, *edges} | (set() if first is None else {NOON_S})):
        before = [step for step in steps if _from_noon(step.at.seconds) <= _from_noon(seconds)]
        level = before[-1].level if before or first is None else first
        lit = not within or any(_clock_side(one, seconds) for one in program.active)
        yield {"startTime": _time(seconds), "command": level_command(level if lit else OFF, _ramp(program, times.get(seconds)))}


def _clock_side(period: Period, seconds: int) -> bool:
    """Whether the clock is past the start and before the end, as far as those are by the clock."""
    now = _from_noon(seconds)
    if _by_clock(period) and _from_noon(period.end.seconds) <= _from_noon(period.start.seconds):
        return now < _from_noon(period.end.seconds) or now >= _from_noon(period.start.seconds)
    started = period.start.event is not Event.CLOCK or now >= _from_noon(period.start.seconds)
    return started and (period.end.event is not Event.CLOCK or now < _from_noon(period.end.seconds))


def _turns(program: Program) -> Iterator[Json]:
    """Adjustments; or steps by the sun, which TALQ can only set when no step by the clock comes between them."""
    by_sun = [step for step in program.steps if step.at.event is not Event.CLOCK]
    if by_sun and (program.adjustments or len(by_sun) != len(program.steps)):
        raise NotExpressible(
            f"program {program.id!r}: TALQ can not mix a step at {write_moment(by_sun[0].at)} with others by the clock"
        )
    if program.adjustments and any(_by_clock(one) != _by_clock(program.active[0]) or _is_mixed(one) for one in program.active):
        raise NotExpressible(f"program {program.id!r}: TALQ would adjust the level 0 that ends a period by the clock")
    if by_sun:
        yield from _set_by_sun(program, by_sun)
    for change in program.adjustments:
        yield _turn(program, change.at, change.operation, change.level, 0)


def _set_by_sun(program: Program, steps: Sequence[Step]) -> Iterator[Json]:
    """What holds when the night opens is set there; steps before that moment only count as far as they say it."""
    opening, level = _opening(program), program.level
    late = [step for step in steps if step.at.event is not Event.SUNSET or step.at.seconds > opening.seconds]
    early = sorted((step for step in steps if step not in late), key=lambda step: step.at.seconds)
    yield _turn(program, opening, "Set", early[-1].level if early else level or OFF, 0)
    for step in late:
        yield _turn(program, step.at, "Set", step.level, _ramp(program, step))


def _opening(program: Program) -> Moment:
    """The sunset with which a night of steps by the sun begins at the program's own level."""
    starts = [one.start for one in program.active]
    if program.level is None or len(starts) != 1 or starts[0].event is not Event.SUNSET or _is_mixed(program.active[0]):
        raise NotExpressible(f"program {program.id!r}: steps by the sun need a level and one period from sunset to sunrise")
    return starts[0]


def _is_mixed(period: Period) -> bool:
    return (period.start.event is Event.CLOCK) != (period.end.event is Event.CLOCK)


def _turn(program: Program, at: Moment, operation: str, level: int, ramp_s: int) -> Json:
    if at.event not in (Event.SUNSET, Event.SUNRISE) or at.seconds % 60:
        raise NotExpressible(
            f"program {program.id!r}: TALQ has no step at {write_moment(at)}, only whole minutes from sunset or sunrise"
        )
    return {
        "offset": at.seconds // 60,
        "solarEventType": str(at.event),
        "operation": str(operation),
        "command": level_command(level, ramp_s),
    }


def _ramp(program: Program, step: Step | None) -> int:
    if step is None:
        return 0
    return program.ramp_s if step.ramp_s is None else step.ramp_s


def level_command(level: int, ramp_s: int) -> Json:
    """A Command for a level in percent, with a ramp in seconds."""
    made: Json = {"state": {"name": "LevelState", "value": level}}
    return made | ({"rampToLevelTime": float(ramp_s)} if ramp_s else {})


def _from_noon(seconds: int) -> int:
    return (seconds - NOON_S) % _DAY_S


def _time(seconds: int) -> str:
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
