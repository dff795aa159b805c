"""The shipped rules: each raises for what it says, clears when that is gone, and a quiet county is quiet."""

from __future__ import annotations

import pytest

from control.alarms.bind import Bound, fault_key
from control.alarms.clauses import Beyond, Derived, Fault, Flagged, Offline, Same, Silent
from control.alarms.derived import Messages
from control.alarms.edge_points import edge_points
from control.alarms.events import Acknowledge, Effect, Reset
from control.alarms.model import Priority, Side
from gateway.health import Health
from gateway.status import LinkStatus, UnitStatus
from lampwell.points import Kind, Value
from lampwell.readings import Flag

from .conftest import G319, NODES, OLDTOWN, TAIHE, Field, binding, node_of, rules, taihe

FIRST = {bound.alarm.rule.id: bound for bound in reversed(binding().bounds)}


def test_a_quiet_county_tells_nothing() -> None:
    """Protects people from alarms where nothing is wrong: births, an hour of heartbeats, not one alarm raised."""
    field = Field().start()
    field.wait(3600)
    assert [change for change in field.log if Effect.RAISED in change.step.effects] == []
    assert sum(one.value is True for one in field.told) == 0


@pytest.mark.parametrize("rule", sorted(FIRST))
def test_every_rule_raises_and_clears(rule: str) -> None:
    """Protects each rule's condition: made true at its first place it raises after its delay, with words; undone it clears."""
    bound = FIRST[rule]
    field, key, timing = Field().start(), bound.alarm.key, bound.alarm.rule.timing
    field.wait(5)
    _do(field, bound)
    field.wait(timing.on_s + 1)
    assert field.core(key) == "B", rule
    condition = next(one for one in reversed(field.told) if one.key == key and one.value is not None)
    assert condition.why.zh
    assert condition.why.en
    assert condition.evidence or not isinstance(bound.clause, Beyond | Same | Flagged)
    _undo(field, bound)
    field.wait(timing.off_s + 1)
    state = field.engine.state(key)
    assert not state.active, rule
    if bound.alarm.rule.latching:
        if state.core == "E":
            field.engine.ask(key, Acknowledge(who="a", occurrence=state.occurrence), field.now)
        assert field.engine.ask(key, Reset(who="a"), field.now).refused is None


def _alarming(bound: Bound) -> tuple[Value | None, int]:
    """A value and flags of the point that make the alarm's condition true."""
    clause, limit, point = bound.clause, bound.alarm.limit, bound.point
    if isinstance(clause, Flagged):
        marks = {"bad": Flag.SENTINEL, "blind": Flag.BLIND, "stuck": Flag.FLAT}
        return None if clause.what == "bad" else 2.0, int(marks[clause.what])
    if isinstance(clause, Same):
        return clause.value, 0
    assert limit is not None
    assert point is not None
    value = limit.value + (limit.deadband + 1e-6) * (1 if limit.side is Side.ABOVE else -1) * 0.1
    return (round(value) + 1 if point.kind is Kind.INT and limit.side is Side.ABOVE else value), 0


def _do(field: Field, bound: Bound) -> None:
    match bound.clause:
        case Offline() if bound.device:
            field.died(bound.device)
        case Offline():
            assert bound.node is not None
            field.node_died(bound.node)
        case Silent(seconds=seconds):
            field.wait(seconds + 1, beat=False)
        case Derived(name="broker-away"):
            field.broker(False)
        case Derived(name="store-away"):
            field.take(field.watch.host_state(online=False, now=field.now))
        case Fault() as clause:
            field.fault(fault_key(bound, clause), there=True)
        case Derived(name="sender-silent"):
            field.take(field.watch.messages(Messages(silent_s=301, most_s=300, broken={}), field.now))
        case Derived(name="channel-broken"):
            field.take(field.watch.messages(Messages(silent_s=1, most_s=300, broken={"sms": "key expired"}), field.now))
        case Derived(name="scans-dropped"):
            assert bound.node is not None
            field.see(bound.node, {"journal/dropped_journal_full": 3})
        case _:
            assert bound.point is not None
            assert bound.node is not None
            value, flags = _alarming(bound)
            field.see(bound.device or bound.node, {bound.point.path: value}, flags)


def _undo(field: Field, bound: Bound) -> None:
    match bound.clause:
        case Offline():
            field.node_born(bound.node or OLDTOWN)
        case Silent():
            field.see(bound.device, {})
        case Derived(name="broker-away"):
            field.broker(True)
        case Derived(name="store-away"):
            field.take(field.watch.host_state(online=True, now=field.now))
        case Fault() as clause:
            field.fault(fault_key(bound, clause), there=False)
        case Derived(name="sender-silent" | "channel-broken"):
            field.take(field.watch.messages(Messages(silent_s=1, most_s=300, broken={}), field.now))
        case Derived():
            field.see(bound.node or OLDTOWN, {"journal/dropped_journal_full": 3})
        case _:
            field.node_born(bound.node or OLDTOWN)


def test_the_health_points_are_the_gateways_own() -> None:
    """Protects rules on edge nodes from a gateway that publishes other points than the rules are held against."""
    links = [LinkStatus(id="l1", endpoint="", connected=True, units=(UnitStatus(device="well-01", state="ok"),))]
    theirs = Health(OLDTOWN, links, 0.0).layout.points
    ours = tuple(edge_points(["l1"], ["well-01"]))
    assert sorted((p.path, p.kind, p.unit) for p in theirs) == sorted((p.path, p.kind, p.unit) for p in ours)


def test_every_rule_meets_the_county() -> None:
    """Protects shipped rules from being dead text: each but the switched-off one is bound somewhere in the demo county."""
    assert set(FIRST) == {rule.id for rule in rules()}
    assert "meter-door" not in FIRST
    assert len(binding().bounds) == len(binding().by_key)


def test_priorities_and_safety_words() -> None:
    """Protects what must not be talked away: reds are acknowledged and come back after 30 min, a leakage trip latches."""
    by_id = {bound.alarm.rule.id: bound.alarm.rule for bound in binding().bounds}
    reds = [rule for rule in by_id.values() if rule.priority is Priority.RED]
    assert reds
    assert all(rule.acknowledge and rule.timing.realarm_s == 1800 for rule in reds)
    assert by_id["leak-trip"].latching
    assert by_id["leak-trip"].parents == ()
    assert all(rule.cause.en and rule.consequence.en and rule.response.zh and rule.source for rule in by_id.values())
    for colour, priority in (("red", 1), ("orange", 2), ("yellow", 3), ("blue", 4)):
        assert {by_id[f"{kind}-{colour}"].priority for kind in ("ponding", "well", "station", "river")} == {priority}


def test_levels_have_no_parent_on_the_way_of_their_data() -> None:
    """Protects a flood alarm from being silenced by the loss of its sensor, link, edge node or broker."""
    comm = {"broker-away", "edge-offline", "link-down", "key-device-offline", "device-offline", "sensor-bad", "sensor-blind"}
    for bound in binding().bounds:
        if isinstance(bound.clause, Beyond) and bound.device:
            assert comm.isdisjoint(key.partition("@")[0] for key in bound.alarm.parents), bound.alarm.key


def test_the_demo_county_is_whole() -> None:
    """Protects the tests here from a county other than the one they speak of."""
    assert {node_of(device.id) for device in taihe().devices} == set(NODES)
    assert TAIHE.name == taihe().id
    assert G319 in NODES
