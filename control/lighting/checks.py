"""What must be mended before a plan is activated: nights of a year are looked at, the longest and shortest among them. Pure.

An error refuses the plan, a warning does not. This holds the ground until the whole check of ``lampwell.lighting`` takes over;
findings have its shape.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise

from lampwell.errors import Problem
from lampwell.lighting.documents import contradictions
from lampwell.lighting.level import Timetable
from lampwell.lighting.model import OFF, Event, Plan, Program, Target, Text
from lampwell.lighting.moments import write_moment
from lampwell.lighting.preview import Basis, cell
from lampwell.lighting.sun import MINUTE_MS

MOST_POINTS = 10
"""Switch points a device holds in a night (TALQ's example of a gateway's limit, domain streetlights 1.1)."""
TRIM_MIN = 30
"""On so long after sunset, off so long before sunrise, is trimming and no gap (the sun is some 6 degrees down then)."""
EVERY = 9
"""Every so many nights one is looked at; steps that follow the sun meet clock times within days of each other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing found; ``where`` names the program, loop or plan, ``day`` the first night it concerns."""

    check: str
    is_error: bool
    where: str
    text: Text
    day: date | None = None


def check_plan(plan: Plan, basis: Basis, first: date) -> tuple[Finding, ...]:
    """Everything found in the year from ``first`` on, errors first. A plan that contradicts itself is not looked at further."""
    if wrong := list(contradictions(plan)):
        return tuple(_error("broken", plan.id, f"方案自相矛盾：{each}", each) for each in wrong)
    table = Timetable(plan)
    days = [first + timedelta(n) for n in range(0, 366, EVERY)]
    found = [*_programs(table, days), *_roads(table, days, basis), *_bare(plan)]
    return tuple(sorted(dict.fromkeys(found), key=lambda one: not one.is_error))


def _programs(table: Timetable, days: Sequence[date]) -> Iterator[Finding]:
    place = table.plan.targets[0].place if table.plan.targets else None
    for program in table.plan.programs:
        yield from _levels(program)
        if place is not None:
            yield from _order(
                program, [(day, [table.night(place, day).instant(step.at) for step in program.steps]) for day in days]
            )
        points = len(program.steps) + 2 * len(program.active)
        if points > MOST_POINTS:
            yield _error(
                "limit",
                program.id,
                f"一夜有 {points} 个切换点，设备最多 {MOST_POINTS} 个",
                f"{points} switch points in a night, the device holds {MOST_POINTS}",
            )


def _levels(program: Program) -> Iterator[Finding]:
    for level in sorted({program.level or 0, *(step.level for step in program.steps)}):
        if OFF < level < program.minimum:
            yield _error(
                "minimum",
                program.id,
                f"亮度 {level}% 低于灯具最低 {program.minimum}%",
                f"level {level} % is below the {program.minimum} % that its luminaires keep even and with a good power factor",
            )


def _order(program: Program, nights: Sequence[tuple[date, list[int | None]]]) -> Iterator[Finding]:
    """Steps come in the order in which they are written; all at clock times may also be written from midnight on (TALQ)."""
    clocks = [step.at.seconds for step in program.steps if step.at.event is Event.CLOCK]
    if len(clocks) == len(program.steps) and all(one < other for one, other in pairwise(clocks)):
        return
    wrong = [day for day, times in nights if not _rises([at for at in times if at is not None])]
    if wrong:
        said = ", ".join(write_moment(step.at) for step in program.steps)
        zh, en = f"步骤 {said} 时间先后颠倒或相同", f"steps {said} are out of order, or at one time"
        yield Finding(check="order", is_error=len(wrong) == len(nights), where=program.id, text=Text(zh=zh, en=en), day=wrong[0])


def _rises(times: Sequence[int]) -> bool:
    return all(one < other for one, other in pairwise(times))


def problem(one: Finding) -> Problem:
    """A finding as a configuration's problem."""
    since = f" ({one.day})" if one.day else ""
    return Problem("lighting", f"{one.where}{since}", f"{one.text.zh} {one.text.en}")


# -- what the road sees --------------------------------------------------------------------------------------------------------


def _roads(table: Timetable, days: Sequence[date], basis: Basis) -> Iterator[Finding]:
    """Each pattern of loops once: dark while it should be lit, or darker than its class allows."""
    seen: set[tuple[object, ...]] = set()
    for one in table.plan.targets:
        road = basis.loads[one.id].road_class if one.id in basis.loads else ""
        key = (one.calendar, one.loop_map, cell(one.place), road)
        if one.loop or not one.calendar or key in seen:
            continue
        seen.add(key)
        for day in days:
            if found := next(_night(table, one, day, basis, road), None):
                yield found
                break


def _night(table: Timetable, one: Target, day: date, basis: Basis, road: str) -> Iterator[Finding]:
    tracks, night = table.tracks(one.calendar, one.place, day, festival=False), table.night(one.place, day)
    standard = basis.standards.get(road)
    least = 100 * standard.minimum_lx / standard.design_lx if standard else 0.0
    if tracks is None or night.sun.sunset is None or night.sun.sunrise is None:
        return
    dusk, dawn = night.sun.sunset + TRIM_MIN * MINUTE_MS, night.sun.sunrise - TRIM_MIN * MINUTE_MS
    ends = [*tracks.starts[1:], night.end]
    for piece, end in zip(tracks.pieces, ends, strict=True):
        if end <= dusk or piece.start >= dawn:
            continue
        if piece.level == OFF:
            yield _error("gap", one.id, "夜间有熄灯空档", "off in the middle of the night", day)
        elif piece.level < least:
            yield _error(
                "minimum",
                one.id,
                f"{piece.level}% 低于道路等级最低照度（需 {least:.0f}%）",
                f"{piece.level} % is below what its class of road must keep ({least:.0f} %)",
                day,
            )


def _bare(plan: Plan) -> Iterator[Finding]:
    bare = [one.id for one in plan.targets if not one.loop and not one.calendar]
    if bare:
        zh, en = f"{len(bare)} 条回路没有日历，夜间全亮", f"{len(bare)} loops have no calendar: on by night at full level"
        yield Finding(check="unassigned", is_error=False, where=bare[0], text=Text(zh=zh, en=en))


def _error(check: str, where: str, zh: str, en: str, day: date | None = None) -> Finding:
    return Finding(check=check, is_error=True, where=where, text=Text(zh=zh, en=en), day=day)
