"""What an engineer must mend before a plan is activated, and what he should know: every night of a year is looked at.

An error is a reason to refuse the plan, a warning is not. Each finding says what, where, and the first night it concerns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise

from lampwell.assets import Lamp
from lampwell.lighting.documents import contradictions
from lampwell.lighting.findings import Finding, Limits, error, warning
from lampwell.lighting.level import Timetable, Tracks
from lampwell.lighting.lunar import lunar_years
from lampwell.lighting.model import OFF, Event, Plan, Program, Target, Text
from lampwell.lighting.moments import write_moment
from lampwell.lighting.night import Night
from lampwell.lighting.patterns import cell
from lampwell.lighting.preview import Basis
from lampwell.lighting.road_checks import neighbour_findings, road_findings

__all__ = ["Finding", "Limits", "validate"]


def validate(
    plan: Plan,
    basis: Basis,
    *,
    first: date,
    nights: int = 366,
    lamps: Sequence[Lamp] = (),
    limits: Limits | None = None,
) -> tuple[Finding, ...]:
    """Everything found, errors first. A plan that contradicts itself is not looked at further."""
    if broken := [error("broken", plan.id, Text(zh=f"方案文件自相矛盾：{each}", en=each)) for each in contradictions(plan)]:
        return tuple(broken)
    table, days = Timetable(plan), [first + timedelta(n) for n in range(nights)]
    limits = limits or Limits()
    found = [
        *_sizes(plan, limits),
        *_programs(table, days, limits),
        *road_findings(table, days, basis, limits),
        *neighbour_findings(table, days, lamps),
        *_loose_ends(plan, days),
    ]
    return tuple(sorted(dict.fromkeys(found), key=lambda one: not one.is_error))


# -- sizes and programs --------------------------------------------------------------------------------------------------------


def _sizes(plan: Plan, limits: Limits) -> Iterator[Finding]:
    counts = [
        ("programs", "方案", len(plan.programs), limits.programs),
        ("calendars", "日历", len(plan.calendars), limits.calendars),
    ]
    for en, zh, count, most in counts:
        if count > most:
            yield error(
                "limit", plan.id, Text(zh=f"{zh}共 {count} 个，设备最多 {most} 个", en=f"{count} {en}, the device holds {most}")
            )
    for calendar in plan.calendars:
        count = len({rule.program for rule in calendar.rules} | {calendar.default} - {""})
        if count > limits.programs_of_calendar:
            said = Text(
                zh=f"日历用到 {count} 个方案，设备每个日历最多 {limits.programs_of_calendar} 个",
                en=f"takes {count} programs, the device holds {limits.programs_of_calendar} a calendar",
            )
            yield error("limit", calendar.id, said)


def _programs(table: Timetable, days: Sequence[date], limits: Limits) -> Iterator[Finding]:
    """Each program at each place: its steps in order, no more switches than the device holds, no level too low for its lamps."""
    for program in table.plan.programs:
        yield from _levels(program)
        users = [one for one in table.plan.targets if program.id in _used(table, one)]
        for where in {cell(one.place) for one in users or table.plan.targets[:1]}:
            nights = [table.night(where, day) for day in days]
            yield from _order(program, nights)
            yield from _points(program, [Tracks(program, None, night, None, festival=False) for night in nights], limits)


def _used(table: Timetable, one: Target) -> set[str]:
    names = (one.calendar, one.festivals)
    chosen = [table.calendars[name] for name in names if name]
    return {rule.program for each in chosen for rule in each.rules} | {each.default for each in chosen}


def _levels(program: Program) -> Iterator[Finding]:
    for level in {program.level or 0, *(step.level for step in program.steps)}:
        if OFF < level < program.minimum:
            said = Text(
                zh=f"亮度 {level}% 低于灯具最低 {program.minimum}%（均匀度与功率因数）",
                en=f"level {level} % is below the {program.minimum} % its luminaires keep even and with a good power factor",
            )
            yield error("minimum", program.id, said)


def _order(program: Program, nights: Sequence[Night]) -> Iterator[Finding]:
    """Steps are written in the order in which they come: from noon on, or from midnight on as TALQ lists them."""
    if _rises([step.at.seconds if step.at.event is Event.CLOCK else None for step in program.steps], whole=True):
        return
    wrong = [night.day for night in nights if not _rises([night.instant(step.at) for step in program.steps])]
    if not wrong:
        return
    steps = ", ".join(write_moment(step.at) for step in program.steps)
    make = error if len(wrong) == len(nights) else warning
    said = Text(
        zh=f"步骤 {steps} 在 {len(wrong)} 个夜晚时间先后颠倒或相同",
        en=f"steps {steps} are out of order, or at one time, in {len(wrong)} nights",
    )
    yield make("order", program.id, said, wrong[0])


def _rises(times: Sequence[int | None], *, whole: bool = False) -> bool:
    """Each is later than the one before; those that are not there are passed over, or (``whole``) must not be."""
    found = [at for at in times if at is not None]
    return (not whole or len(found) == len(times)) and all(one < other for one, other in pairwise(found))


def _points(program: Program, nights: Sequence[Tracks], limits: Limits) -> Iterator[Finding]:
    counts = [(sum(one.level != other.level for one, other in pairwise(each.pieces)), each.night.day) for each in nights]
    most, day = max(counts, key=lambda each: each[0])
    if most > limits.switch_points:
        said = Text(
            zh=f"一夜有 {most} 个切换点，设备最多 {limits.switch_points} 个",
            en=f"{most} switch points in a night, the device holds {limits.switch_points}",
        )
        yield error("limit", program.id, said, day)


# -- loose ends ----------------------------------------------------------------------------------------------------------------


def _loose_ends(plan: Plan, days: Sequence[date]) -> Iterator[Finding]:
    bare = [one for one in plan.targets if not one.loop and not one.calendar]
    if bare:
        said = Text(
            zh=f"{len(bare)} 条回路没有日历，夜间全亮", en=f"{len(bare)} loops have no calendar: on by night at full level"
        )
        yield warning("unassigned", bare[0].id, said)
    used = {rule.program for one in plan.calendars for rule in one.rules} | {one.default for one in plan.calendars}
    for program in plan.programs:
        if program.id not in used:
            yield warning("unused", program.id, Text(zh="没有日历使用此方案", en="no calendar takes this program"))
    yield from _lunar_end(plan, days)


def _lunar_end(plan: Plan, days: Sequence[date]) -> Iterator[Finding]:
    years: Mapping[int, object] = lunar_years()
    last = max(years)
    for calendar in plan.calendars:
        if days and days[-1].year > last and any(rule.lunar for rule in calendar.rules):
            said = Text(
                zh=f"农历表只到 {last} 年，此后农历节日不生效", en=f"the lunar table ends in {last}: later festivals are not kept"
            )
            yield warning("lunar", calendar.id, said, days[-1])
