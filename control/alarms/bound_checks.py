"""Bound alarms held against what their points can be: kinds of values, limits, deadbands, delays of parents."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from control.alarms.bind import FIELDS, Binding, Bound, bind, found_at, gate_path
from control.alarms.clauses import Beyond
from control.alarms.model import Limit, Side
from control.alarms.places import Places
from control.alarms.rule_models import LEVELS, RuleFile
from control.alarms.words import number
from lampwell.assets import County, Device
from lampwell.errors import Problem
from lampwell.points import Kind, Point


class Told(Protocol):
    """How to complain about a key of a rule."""

    def __call__(self, reason: str, *keys: str) -> Problem:
        """The problem."""
        ...


def check_bounds(rules: Sequence[RuleFile], county: County, told: Mapping[str, Told]) -> Iterator[Problem]:
    """What is wrong with these rules at their places. ``told``: by rule id."""
    places = Places(county)
    for rule in rules:
        yield from _kinds(rule, places, told[rule.id])
    binding = bind(rules, county)
    for bound in binding.bounds:
        device = places.devices.get(bound.device)
        for key, reason in limit_problems(bound, device):
            yield told[bound.alarm.rule.id](f"on {device.id if device else bound.alarm.place.edge}: {reason}", key)
    yield from _delays(binding, told)


def refusal(binding: Binding, key: str, name: str, value: float) -> str | None:
    """Why a field of an alarm may not be changed to a value while it runs; None = it may. ``name`` is one of ``bind.FIELDS``."""
    bound = binding.by_key.get(key)
    if bound is None or name not in FIELDS:
        return f"there is no alarm {key!r} with {name!r}"
    if name in ("on_s", "off_s"):
        return None if 0 <= value <= 86_400 else "a delay is from 0 s to a day"
    limit = bound.alarm.limit
    if limit is None:
        return "this alarm has no limit"
    if not abs(value) < 1e15 or (name == "deadband" and value < 0):
        return "that is no limit" if name == "limit" else "a deadband is not negative"
    held = value if name == "limit" else limit.value
    changed = Limit(side=limit.side, value=held, deadband=value if name == "deadband" else limit.deadband, unit=limit.unit)
    return next((reason for _, reason in _outside(changed, bound.point)), None)


# -- kinds ---------------------------------------------------------------------------------------------------------------------


def _kinds(rule: RuleFile, places: Places, told: Told) -> Iterator[Problem]:
    """Numbers have limits, contacts are true or false, texts are equal to texts; once for each point that does not fit."""
    seen: set[str] = set()
    nothing = True
    for found in found_at(rule, places):
        nothing = False
        if found.point is not None and found.point.path not in seen:
            seen.add(found.point.path)
            if reason := _misfit(rule, found.point):
                yield told(reason, *rule.conditions)
                return
        if (device := places.devices.get(found.device)) is not None:
            yield from _gate_kinds(rule, device, found.spot.place.component, told)
    if nothing and rule.subject == "edge" and rule.point is not None:
        yield told(f"no edge node has a point {rule.point!r}", "point")


def _misfit(rule: RuleFile, point: Point) -> str | None:
    if rule.above is not None or rule.below is not None:
        fits = point.kind in (Kind.FLOAT, Kind.INT)
        return None if fits else f"point {point.path!r} is no number, so it has no limit"
    value = rule.equals if rule.equals is not None else rule.not_equals
    return None if value is None else _unlike(value, point)


def _unlike(value: bool | int | str, point: Point) -> str | None:
    """Why a point can never be equal to a value."""
    wanted = {Kind.BOOL: bool, Kind.INT: int, Kind.TEXT: str}.get(point.kind)
    if wanted is None:
        return f"point {point.path!r} is measured: use above or below"
    if type(value) is not wanted:
        words = {bool: "true or false", int: "a whole number", str: "text"}
        return f"point {point.path!r} is {words[wanted]}, which {value!r} is not"
    return None


def _gate_kinds(rule: RuleFile, device: Device, component: str, told: Told) -> Iterator[Problem]:
    for when in rule.when:
        path = gate_path(when.point, component)
        point = next((each for each in device.profile.points if each.path == path), None)
        value = when.equals if when.equals is not None else when.not_equals
        if point is not None and value is not None and (reason := _unlike(value, point)):
            yield told(reason, "when")


# -- limits --------------------------------------------------------------------------------------------------------------------


def limit_problems(bound: Bound, device: Device | None) -> Iterator[tuple[str, str]]:
    """(key, reason) for a limit that can never be reached or left there."""
    limit = bound.alarm.limit
    if limit is None:
        return
    yield from _outside(limit, bound.point)
    level = bound.clause.level if isinstance(bound.clause, Beyond) else ""
    if level and device is not None and device.levels is not None:
        values = [getattr(device.levels, name) for name in LEVELS]
        at = LEVELS.index(level)
        lower = at - 1 if limit.side is Side.ABOVE else at + 1
        if 0 <= lower < len(values) and limit.deadband >= (gap := abs(values[at] - values[lower])) - 1e-9:
            yield (
                "deadband",
                f"{number(limit.deadband, limit.unit)} reaches over the {number(gap, limit.unit)} to {LEVELS[lower]}",
            )


def _outside(limit: Limit, point: Point | None) -> Iterator[tuple[str, str]]:
    """Beyond what the point's own tests let through, a reading is bad and says nothing of a limit."""
    low, high = (point.tests.low, point.tests.high) if point else (None, None)
    key, unit = str(limit.side), limit.unit
    clear = limit.value - limit.deadband if limit.side is Side.ABOVE else limit.value + limit.deadband
    for what, where, value in ((key, "can never be reached", limit.value), ("deadband", "would never let it clear", clear)):
        if high is not None and value > high:
            yield what, f"{number(value, unit)} {where}: a reading above {number(high, unit)} is not believed"
        elif low is not None and value < low:
            yield what, f"{number(value, unit)} {where}: a reading below {number(low, unit)} is not believed"


# -- delays --------------------------------------------------------------------------------------------------------------------


def _delays(binding: Binding, told: Mapping[str, Told]) -> Iterator[Problem]:
    """What a parent explains must be gone before the parent is, or it would be told of at the very end."""
    seen: set[tuple[str, str]] = set()
    for bound in binding.bounds:
        child = bound.alarm.rule
        for key in bound.alarm.parents:
            parent = binding.by_key[key].alarm.rule
            if parent.timing.off_s <= child.timing.off_s and (parent.id, child.id) not in seen:
                seen.add((parent.id, child.id))
                mine, its = number(parent.timing.off_s, "s"), number(child.timing.off_s, "s")
                reason = f"its off-delay of {mine} must be longer than that of {child.id!r}, which it explains ({its})"
                yield told[parent.id](reason, "off_delay_s")
