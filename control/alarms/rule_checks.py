"""Rules held against themselves, each other and the county. Each function tells what it finds and changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from control.alarms.bind import devices_of
from control.alarms.bound_checks import check_bounds
from control.alarms.derived import SUBJECTS
from control.alarms.faults import FAULTS
from control.alarms.places import Places
from control.alarms.rule_models import CONDITIONS, ON_POINTS, RuleFile, WhenFile
from lampwell.assets import County, Device
from lampwell.config import Entry
from lampwell.config_words import did_you_mean, either
from lampwell.errors import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleRow:
    """A rule that could be read, the entry it came from, and whether the county itself wrote or changed it."""

    rule: RuleFile
    entry: Entry
    own: bool

    def problem(self, reason: str, *keys: str) -> Problem:
        """A problem with this rule, which it names."""
        return self.entry.problem(f"rule {self.rule.id!r}: {reason}", *keys)


def check_rows(rows: Sequence[RuleRow], known: frozenset[str], county: County) -> Iterator[Problem]:
    """Everything that is wrong with rules that could be read. ``known``: the ids of all rules, those off or refused too."""
    places = Places(county)
    sound: list[RuleRow] = []
    for row in rows:
        found = [*_inner(row), *_names(row, known, places)]
        yield from found
        if not found:
            sound.append(row)
    yield from _circles(rows)
    for row in sound:
        if row.own:
            yield from _matches(row, places)
    named = {row.rule.id: row.problem for row in sound}
    yield from check_bounds([row.rule for row in sound], county, named)


# -- one rule ------------------------------------------------------------------------------------------------------------------


def _inner(row: RuleRow) -> Iterator[Problem]:
    """What a rule says against itself."""
    rule = row.rule
    if len(rule.conditions) != 1:
        told = f"it has {either(rule.conditions)}".replace(" or ", " and ") if rule.conditions else "it has none"
        yield row.problem(f"needs exactly one of {either(CONDITIONS)}; {told}")
        return
    condition = rule.conditions[0]
    if condition != "fault" and (rule.point is None) is (condition in ON_POINTS):
        yield row.problem(f"{condition} needs a point" if rule.point is None else f"{condition} takes no point", "point")
    if rule.deadband is not None and condition not in ("above", "below"):
        yield row.problem("a deadband goes with above or below only", "deadband")
    yield from _urgency(row)
    yield from _subject(row, condition)
    if rule.fault is not None:
        yield from _fault(row, rule.fault)
    for when in rule.when:
        yield from _when(row, when)


def _urgency(row: RuleRow) -> Iterator[Problem]:
    rule = row.rule
    if not rule.acknowledge and (rule.latching or rule.priority == 1):
        what = "a latching alarm" if rule.latching else "a red alarm"
        yield row.problem(f"{what} must be acknowledged", "acknowledge")
    if not rule.acknowledge and rule.realarm_s is not None:
        yield row.problem("only what must be acknowledged is told again", "realarm_s")
    if rule.latching and rule.priority == 4:
        yield row.problem("a blue alarm may not latch: nobody is called to reset it", "latching")


def _subject(row: RuleRow, condition: str) -> Iterator[Problem]:
    rule = row.rule
    if rule.subject != "device":
        for key in ("kinds", "devices", "when", *(("areas",) if rule.subject == "county" else ())):
            if getattr(rule, key):
                yield row.problem(f"does not go with subject {rule.subject}", key)
    elif not (rule.kinds or rule.areas or rule.devices):
        yield row.problem("says for whom it is by none of kinds, areas or devices")
    if rule.derived is not None:
        if rule.derived not in SUBJECTS:
            hint = did_you_mean(rule.derived, SUBJECTS)
            yield row.problem(f"there is no derived condition {rule.derived!r}{hint}; there are {either(SUBJECTS)}", "derived")
        elif SUBJECTS[rule.derived] != rule.subject:
            yield row.problem(f"{rule.derived} speaks of subject {SUBJECTS[rule.derived]}, not {rule.subject}", "subject")
    elif rule.subject == "county":
        yield row.problem(f"{condition} does not go with subject county, only derived does", "subject")
    if rule.subject != "device":
        yield from _for_devices_only(row)


def _fault(row: RuleRow, name: str) -> Iterator[Problem]:
    if name not in FAULTS:
        yield row.problem(f"there is no fault {name!r}{did_you_mean(name, FAULTS)}; there are {either(FAULTS)}", "fault")
    elif not row.rule.kinds or not set(row.rule.kinds) <= set(FAULTS[name]):
        yield row.problem(f"{name} is found on kinds {either(FAULTS[name])}: name those", "kinds")


def _for_devices_only(row: RuleRow) -> Iterator[Problem]:
    """Conditions that nothing but a device can fulfil: such a rule would be bound nowhere, without a word."""
    if row.rule.stale_s is not None:
        yield row.problem("is for devices only", "stale_s")
    for key in ("above", "below"):
        if isinstance(level := getattr(row.rule, key), str):
            yield row.problem(f"only devices have a level {level}", key)


def _when(row: RuleRow, when: WhenFile) -> Iterator[Problem]:
    if (when.equals is None) is (when.not_equals is None):
        yield row.problem("needs exactly one of equals or not_equals", "when")
    if "*" in when.point and "*" not in (row.rule.point or ""):
        yield row.problem(f"{when.point!r} has a * where the rule's own point has none", "when")


# -- names ---------------------------------------------------------------------------------------------------------------------


def _names(row: RuleRow, known: frozenset[str], places: Places) -> Iterator[Problem]:
    """What a rule refers to and is not there."""
    rule, areas = row.rule, [area.id for area in places.county.areas]
    for name in rule.areas:
        if name not in areas:
            yield row.problem(f"there is no area {name!r}{did_you_mean(name, areas)}", "areas")
    for name in rule.devices:
        if name not in places.devices:
            yield row.problem(f"there is no device {name!r}{did_you_mean(name, places.devices)}", "devices")
    for name in rule.parents:
        if name == rule.id:
            yield row.problem("can not be its own parent", "parents")
        elif name not in known:
            yield row.problem(f"there is no rule {name!r}{did_you_mean(name, known)}", "parents")


def _circles(rows: Sequence[RuleRow]) -> Iterator[Problem]:
    """Rules that explain one another in a circle; each circle is told once, at its first rule."""
    parents = {row.rule.id: [name for name in row.rule.parents if name != row.rule.id] for row in rows}
    told: set[str] = set()
    for row in rows:
        path = _way_back(row.rule.id, parents)
        if path and told.isdisjoint(path):
            told |= set(path)
            yield row.problem(f"explains itself in a circle: {' < '.join((*path, row.rule.id))}", "parents")


def _way_back(start: str, parents: dict[str, list[str]]) -> tuple[str, ...]:
    """The way from a rule over its parents back to it; () where there is none."""
    waiting: list[tuple[str, ...]] = [(start,)]
    seen: set[str] = set()
    while waiting:
        path = waiting.pop()
        for name in parents.get(path[-1], ()):
            if name == start:
                return path
            if name not in seen:
                seen.add(name)
                waiting.append((*path, name))
    return ()


# -- whom it meets -------------------------------------------------------------------------------------------------------------


def _matches(row: RuleRow, places: Places) -> Iterator[Problem]:
    """A county's own rule must meet what it names; a shipped one may find nothing."""
    if row.rule.subject != "device":
        if row.rule.areas and not any(edge.area in row.rule.areas for edge in places.county.edges):
            yield row.problem("no edge node serves these areas", "areas")
        return
    rule, devices = row.rule, list(devices_of(row.rule, places.county))
    if not devices:
        yield row.problem("no device is of these kinds, areas and devices together")
        return
    yield from _without(row, devices, "point", [each for each in devices if not _has_points(each, rule.point, places)])
    level = next((limit for limit in (rule.above, rule.below) if isinstance(limit, str)), None)
    if level is not None:
        key = "above" if rule.above is not None else "below"
        yield from _without(row, devices, key, [each for each in devices if each.levels is None])
    for when in rule.when:
        missing = [each for each in devices if not _has_points(each, when.point, places)]
        yield from _without(row, devices, "when", missing, when.point)


def _without(row: RuleRow, devices: list[Device], key: str, missing: list[Device], path: str = "") -> Iterator[Problem]:
    """Devices that lack what a rule needs: each that it names by itself, or all of a kind or an area."""
    what = "levels" if key in ("above", "below") else f"point {path or row.rule.point!r}"
    if len(missing) == len(devices):
        paths = [point.path for point in missing[0].profile.points]
        hint = "" if what == "levels" else did_you_mean(path or row.rule.point or "", paths)
        yield row.problem(f"none of its {len(devices)} devices has {what}{hint}", key)
        return
    for device in missing:
        if device.id in row.rule.devices:
            yield row.problem(f"device {device.id!r} has no {what}", key)


def _has_points(device: Device, pattern: str | None, places: Places) -> bool:
    return pattern is None or bool(places.points(device, pattern))
