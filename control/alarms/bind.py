"""Rules at the places of a county: one alarm per rule and place, each with its limit filled in and its parents found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from control.alarms.clauses import Beyond, Clause, Derived, Fault, Flagged, Gate, Offline, Same, Silent
from control.alarms.defaults import FAULT, LIFE, MOST_SHELF_S, REALARM_S, RESPOND_S, STATE, Manner, manner_of
from control.alarms.model import Alarm, Limit, Priority, Rule, Side, Text, Timing
from control.alarms.places import Found, Places
from control.alarms.rule_models import RuleFile, SaidFile, WhenFile
from lampwell.assets import County, Device, DeviceKind
from lampwell.points import Point
from lampwell.readings import NodeId

FIELDS = ("limit", "deadband", "on_s", "off_s")
"""What of an alarm may be changed while it runs."""

Changes = Mapping[tuple[str, str], float]
"""(key of an alarm, one of ``FIELDS``) -> what people set in place of what the rule says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """An alarm and what it watches. ``device`` "" = the edge node's own points; ``node`` None = the county."""

    alarm: Alarm
    clause: Clause
    node: NodeId | None
    device: str = ""
    point: Point | None = None
    gates: tuple[Gate, ...] = ()


@dataclass(frozen=True)
class Binding:
    """All alarms of a county, parents before children."""

    bounds: tuple[Bound, ...] = field(default=())

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """For the engine."""
        return tuple(bound.alarm for bound in self.bounds)

    @cached_property
    def by_key(self) -> Mapping[str, Bound]:
        """Each by its alarm's key."""
        return {bound.alarm.key: bound for bound in self.bounds}


def bind(rules: Sequence[RuleFile], county: County, changes: Changes | None = None) -> Binding:
    """The alarms of these rules. Changes of alarms that do not exist any more say nothing."""
    places, given = Places(county), _by_key(changes or {})
    ancestors = ancestry(rules)
    ranked = sorted(rules, key=lambda rule: len(ancestors[rule.id]))  # a child has more ancestors than any of its parents
    plain: list[tuple[Bound, Found]] = []
    for rule in ranked:
        made = _rule(rule)
        here = ((_bound(rule, made, found, places, given), found) for found in found_at(rule, places))
        plain += [(bound, found) for bound, found in here if bound is not None]
    keys = {bound.alarm.key for bound, _ in plain}
    return Binding(tuple(_with_parents(bound, found, ancestors, keys) for bound, found in plain))


def ancestry(rules: Sequence[RuleFile]) -> dict[str, tuple[str, ...]]:
    """Rule id -> the ids of all rules that explain it, directly or through others, nearest first; a circle is cut open."""
    parents = {rule.id: rule.parents for rule in rules}
    found: dict[str, tuple[str, ...]] = {}
    for rule in rules:
        seen: dict[str, None] = {}
        waiting = list(rule.parents)
        while waiting:
            name = waiting.pop(0)
            if name in parents and name not in seen and name != rule.id:
                seen[name] = None
                waiting += parents[name]
        found[rule.id] = tuple(seen)
    return found


def found_at(rule: RuleFile, places: Places) -> Iterator[Found]:
    """Every place the rule speaks of."""
    match rule.subject:
        case "county":
            yield Found(spot=places.county_spot, node=None)
        case "edge":
            for edge in places.county.edges:
                if not rule.areas or edge.area in rule.areas:
                    yield from places.on_edge(edge, rule.point)
        case "device":
            for device in devices_of(rule, places.county):
                yield from places.on_device(device, rule.point)


def devices_of(rule: RuleFile, county: County) -> Iterator[Device]:
    """The devices the rule speaks of: those that its kinds, areas and devices all allow; empty ones allow all."""
    for device in county.devices:
        if (
            (not rule.kinds or device.kind in rule.kinds)
            and (not rule.areas or device.area in rule.areas)
            and (not rule.devices or device.id in rule.devices)
        ):
            yield device


def limit_of(rule: RuleFile, device: Device | None) -> tuple[Side, float, str] | None:
    """Side, number and level name of a rule's limit on a device; None where it has none, or the device not that level."""
    side, wanted = (Side.ABOVE, rule.above) if rule.above is not None else (Side.BELOW, rule.below)
    if wanted is None:
        return None
    if not isinstance(wanted, str):
        return side, float(wanted), ""
    levels = device.levels if device else None
    return (side, getattr(levels, wanted), wanted) if levels else None


def manner(rule: RuleFile, point: Point | None, kind: DeviceKind | None) -> Manner:
    """The default timing of a rule there."""
    if rule.fault:
        return FAULT
    if rule.life or rule.stale_s or rule.derived:
        return LIFE
    if point is None or (rule.above is None and rule.below is None):
        return STATE
    return manner_of(point.unit, kind)


def fault_key(bound: Bound, clause: Fault) -> str:
    """The key under which logic tells of the fault that an alarm names: ``fault@place``, whatever the rule is called."""
    return f"{clause.name}@{bound.alarm.key.partition('@')[2]}"


# -- the pieces ----------------------------------------------------------------------------------------------------------------


def _by_key(changes: Changes) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for (key, name), value in changes.items():
        found.setdefault(key, {})[name] = value
    return found


def _rule(rule: RuleFile) -> Rule:
    """The engine's rule, all but its delays."""
    priority = Priority(rule.priority)
    return Rule(
        id=rule.id,
        priority=priority,
        text=Text(zh=rule.zh, en=rule.en),
        timing=Timing(
            realarm_s=rule.realarm_s or REALARM_S.get(priority),
            respond_s=rule.respond_s or RESPOND_S[priority],
        ),
        latching=rule.latching,
        acknowledge=rule.acknowledge,
        parents=tuple(rule.parents),
        first_out=rule.first_out or "",
        order=rule.order or "",
        cause=_text(rule.cause),
        consequence=_text(rule.consequence),
        response=_text(rule.response),
        source=rule.source,
    )


def _text(said: SaidFile) -> Text:
    return Text(zh=said.zh, en=said.en)


def _bound(rule: RuleFile, made: Rule, found: Found, places: Places, given: Mapping[str, Mapping[str, float]]) -> Bound | None:
    """The alarm without its parents; None where the device has not the level that the rule names."""
    key = f"{rule.id}@{found.spot.id}"
    changed = given.get(key, {})
    device = places.devices.get(found.device)
    usual = manner(rule, found.point, device.kind if device else None)
    limit = limit_of(rule, device)
    if limit is None and (rule.above is not None or rule.below is not None):
        return None
    alarm = Alarm(
        key=key,
        rule=replace(made, timing=_timing(rule, made.timing, usual, changed)),
        place=found.spot.place,
        limit=_limit(rule, found.point, limit, usual, changed) if limit else None,
        conditional=bool(rule.when),
        most_shelf_s=rule.most_shelf_s or MOST_SHELF_S[made.priority],
    )
    return Bound(
        alarm=alarm,
        clause=_clause(rule, limit[2] if limit else ""),
        node=found.node,
        device=found.device,
        point=found.point,
        gates=tuple(_gate(when, found.spot.place.component) for when in rule.when),
    )


def _timing(rule: RuleFile, timing: Timing, usual: Manner, changed: Mapping[str, float]) -> Timing:
    on_s = usual.on_s if rule.on_delay_s is None else rule.on_delay_s
    off_s = usual.off_s if rule.off_delay_s is None else rule.off_delay_s
    return replace(timing, on_s=changed.get("on_s", on_s), off_s=changed.get("off_s", off_s))


def _limit(
    rule: RuleFile, point: Point | None, limit: tuple[Side, float, str], usual: Manner, changed: Mapping[str, float]
) -> Limit:
    side, value, _ = limit
    value = changed.get("limit", value)
    deadband = max(usual.deadband, usual.share * abs(value)) if rule.deadband is None else rule.deadband
    return Limit(side=side, value=value, deadband=changed.get("deadband", deadband), unit=point.unit if point else "")


def _clause(rule: RuleFile, level: str) -> Clause:
    if rule.equals is not None or rule.not_equals is not None:
        return _same(rule.equals, rule.not_equals)
    if rule.quality is not None:
        return Flagged(what=rule.quality)
    if rule.life is not None:
        return Offline()
    if rule.stale_s is not None:
        return Silent(seconds=rule.stale_s)
    if rule.fault is not None:
        return Fault(name=rule.fault)
    return Derived(name=rule.derived) if rule.derived is not None else Beyond(level=level)


def _same(equals: bool | int | str | None, not_equals: bool | int | str | None) -> Same:
    value = equals if equals is not None else not_equals
    assert value is not None, "rule_checks has made sure that there is one"
    return Same(value=value, negate=equals is None)


def _gate(when: WhenFile, component: str) -> Gate:
    return Gate(point=gate_path(when.point, component), same=_same(when.equals, when.not_equals))


def gate_path(path: str, component: str) -> str:
    """The point of an enabling condition: * is the component of the rule's own point."""
    outer, _, name = path.rpartition("/")
    return f"{component}/{name}" if "*" in outer else path


def _with_parents(bound: Bound, found: Found, ancestors: Mapping[str, tuple[str, ...]], keys: set[str]) -> Bound:
    """Each ancestor's alarm at the nearest place that has one: here, or around here."""
    parents = []
    for name in ancestors[bound.alarm.rule.id]:
        at = (f"{name}@{spot}" for spot in (found.spot.id, *found.spot.around))
        if (key := next((each for each in at if each in keys), None)) is not None:
            parents.append(key)
    return replace(bound, alarm=replace(bound.alarm, parents=tuple(parents))) if parents else bound
