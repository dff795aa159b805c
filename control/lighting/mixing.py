"""A plan for a trial: one cabinet by the new version, the others of its edge node by the one they have. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from lampwell.lighting.assign import only_cabinets
from lampwell.lighting.model import Calendar, Plan, Program, Target

T = TypeVar("T", bound=Any)
Names = Mapping[str, str]


def mixed(old: Plan, new: Plan, trial: Sequence[str], others: Sequence[str], suffix: str) -> Plan:
    """``trial`` cabinets as in ``new``, ``others`` as in ``old``. What both call by one name but is not the same keeps the
    name in the new and gets ``suffix`` in the old; nobody's level changes by that.
    """
    before, after = only_cabinets(old, others), only_cabinets(new, trial)
    lux, lux_names = _joined(before.lux, after.lux, suffix, lambda one: one)
    programs, program_names = _joined(before.programs, after.programs, suffix, lambda one: _program(one, lux_names))
    calendars, calendar_names = _joined(before.calendars, after.calendars, suffix, lambda one: _calendar(one, program_names))
    maps, map_names = _joined(before.loop_maps, after.loop_maps, suffix, lambda one: one)
    targets = tuple(_target(one, calendar_names, map_names) for one in before.targets)
    return replace(after, programs=programs, calendars=calendars, loop_maps=maps, lux=lux, targets=(*after.targets, *targets))


def _joined(olds: Sequence[T], news: Sequence[T], suffix: str, rename: Callable[[T], T]) -> tuple[tuple[T, ...], Names]:
    """Both, and what the old ones are called now."""
    taken = {one.id: one for one in news}
    found, names = list(news), {"": ""}
    for old in olds:
        one = rename(old)
        names[old.id] = one.id
        if taken.get(one.id) == one:
            continue
        if one.id in taken:
            one = replace(one, id=_free(one.id + suffix, taken))
            names[old.id] = one.id
        taken[one.id] = one
        found.append(one)
    return tuple(found), names


def _free(name: str, taken: Mapping[str, object]) -> str:
    while name in taken:
        name += "'"
    return name


def _program(one: Program, lux: Names) -> Program:
    return replace(one, lux=lux[one.lux])


def _calendar(one: Calendar, programs: Names) -> Calendar:
    rules = tuple(replace(rule, program=programs[rule.program]) for rule in one.rules)
    return replace(one, rules=rules, default=programs[one.default])


def _target(one: Target, calendars: Names, maps: Names) -> Target:
    return replace(one, calendar=calendars[one.calendar], festivals=calendars[one.festivals], loop_map=maps[one.loop_map])
