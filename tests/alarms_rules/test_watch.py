"""The watch: what each kind of event means, what is unknown, and what is left out."""

from __future__ import annotations

from dataclasses import replace

from control.alarms.bind import bind
from control.alarms.model import Evidence, Text
from control.alarms.watch import EDGE_PATIENCE_S
from lampwell.points import Point, Value
from lampwell.readings import Flag, Layout, NodeId, Scan
from lampwell.sparkplug.messages import Complaint, DeviceBorn, DeviceDied, JournalMoved, NodeBorn, NodeDied, ScanReceived

from .conftest import NEWTOWN, OLDTOWN, T0, Field, birth_of, new_layout, rules, scan_of, taihe

RED, OFFLINE, SILENT = "ponding-red@ponding-1", "key-device-offline@ponding-1", "device-silent@ponding-1"
EDGE = "edge-offline@edge:edge-oldtown"


def value(field: Field, key: str) -> object:
    """What was last told of an alarm; a word where nothing ever was."""
    found = field.last(key)
    return "nothing" if found is None else found.value


def test_a_condition_has_words_time_and_evidence() -> None:
    """Protects what a person reads in a message: value, limit and its colour in both languages, and the reading behind it."""
    field = Field().start()
    field.wait(10)
    field.see("ponding-1", {"level": 0.45}, int(Flag.SPIKE), ago_s=2)
    found = field.last(RED)
    assert found is not None
    assert (found.value, found.time) == (0.45, field.now - 2000)
    assert found.why == Text(zh="水位 0.45 m ≥ 红色 0.4 m", en="Water level above the invert or road 0.45 m ≥ red 0.4 m")
    assert [(e.point, e.value, e.flags) for e in found.evidence] == [("ponding-1/level", 0.45, int(Flag.SPIKE))]
    blue = field.see("ponding-1", {"level": 0.01}) or field.last(RED)
    assert blue
    assert field.last(RED).why == Text(zh="")  # type: ignore[union-attr]  # it has just been told


def test_what_logic_found_is_told_again_when_its_device_lives_again() -> None:
    """Protects a cut cable from staying unknown after its cabinet was away: logic tells changes alone, and nothing changed."""
    field, key = Field().start(), "cable-cut@cabinet-03/loop2"
    field.fault(key, there=True)
    assert value(field, key) is True
    field.died("cabinet-03")
    assert value(field, key) is None
    field.wait(60)
    field.born("cabinet-03")
    found = field.last(key)
    assert found is not None
    assert (found.value, found.time, found.why.en) == (True, field.now, "there")
    field.died("cabinet-03")
    field.fault(key, there=False)
    assert value(field, key) is None
    field.wait(60)
    field.born("cabinet-03")
    assert value(field, key) is False


def test_alarms_that_are_new_hear_what_logic_found() -> None:
    """Protects a rule that is switched on from not knowing what stands: nothing changes, so logic would never tell it."""
    without = bind([one for one in rules() if one.id != "cable-cut"], taihe())
    field, key = Field(binding=without).start(), "cable-cut@cabinet-03/loop2"
    field.fault(key, there=True)
    assert value(field, key) == "nothing"
    whole = bind(rules(), taihe())
    field.engine.edit(whole.alarms, field.now)
    field.take(field.watch.rebind(whole, taihe(), field.now))
    assert value(field, key) is True


def test_what_has_not_changed_is_not_told_again() -> None:
    """Protects the journal and the engine from heartbeats."""
    field = Field().start()
    field.see("ponding-1", {"level": 0.02})
    before = len(field.told)
    for _ in range(20):
        field.see("ponding-1", {"level": 0.02})
    field.born("ponding-1", {"level": 0.02})
    assert len(field.told) == before


def test_the_newest_reading_of_a_watched_point() -> None:
    """Protects what is shown beside an alarm: the newest reading, stale once its device is dead, none where none is known."""
    field = Field().start()
    field.see("ponding-1", {"level": 0.3})
    field.see("ponding-1", {"level": 0.1}, ago_s=60, historical=True)
    found = field.watch.newest("ponding-1", "level")
    assert found == Evidence(point="ponding-1/level", time=field.now, value=0.3)
    own = field.watch.newest("edge-oldtown", "journal/durable")
    assert own is not None
    assert own.value is True
    assert field.watch.newest("ponding-1", "nothing") is None
    assert field.watch.newest("stranger", "level") is None
    field.died("ponding-1")
    assert field.watch.newest("ponding-1", "level") == replace(found, flags=int(Flag.STALE))


def test_late_and_historical_readings() -> None:
    """Protects the present from the past: late ones lose to newer ones, history fills only what nothing newer is known of."""
    field = Field().start()
    field.wait(600)
    field.see("ponding-1", {"level": 0.10})
    field.see("ponding-1", {"level": 0.45}, ago_s=30)
    field.see("ponding-1", {"level": 0.45}, ago_s=1, historical=True)
    assert value(field, RED) == 0.10
    field.see("ponding-1", {"level": 0.20}, ago_s=-1, historical=True)
    assert value(field, RED) == 0.20


def test_a_clock_that_was_set_back_does_not_blind_the_alarms() -> None:
    """Protects a flood from a gateway whose clock was an hour ahead: what it says live counts, whatever the time on it."""
    field = Field().start()
    field.see("ponding-1", {"level": 0.10}, ago_s=-3600)
    field.wait(5)
    field.see("ponding-1", {"level": 0.45})
    assert field.announced() == [RED]


def test_history_never_changes_life() -> None:
    """Protects from a dead device that lives again, or alarms, because its backlog is sent."""
    field = Field().start()
    field.died("ponding-1")
    field.wait(100)
    field.see("ponding-1", {"level": 0.45}, ago_s=0, historical=True)
    assert (value(field, OFFLINE), value(field, RED)) == (True, None)


def test_a_birth_for_the_backlog_is_no_life() -> None:
    """Protects from the ghost births of dead devices: null and stale, or older than the death, they show nothing."""
    field = Field().start()
    field.wait(60)
    field.died("ponding-1")
    layout = field.layouts[OLDTOWN, "ponding-1"]
    field.wait(10)
    field.born("ponding-1", {"level": 0.45}, read_at=field.now - 20_000)
    nothing = scan_of(layout, field.now, {point.path: None for point in layout.points}, int(Flag.STALE))
    field.event(DeviceBorn(layout, nothing, (field.now,) * len(nothing.index)))
    assert (value(field, OFFLINE), value(field, RED)) == (True, None)
    field.wait(1)
    field.born("ponding-1", {"level": 0.45})
    assert (value(field, OFFLINE), value(field, RED)) == (False, 0.45)


def test_a_live_scan_is_life() -> None:
    """Protects from a device that is called offline while it speaks: any live scan brings it, and its edge node, back."""
    field = Field().start()
    field.node_died(OLDTOWN)
    field.wait(10)
    field.see("ponding-1", {"level": 0.1})
    assert (value(field, EDGE), value(field, OFFLINE), value(field, RED)) == (False, False, 0.1)
    assert value(field, "key-device-offline@ponding-2") is True
    field.wait(120)
    assert value(field, "key-device-offline@ponding-2") is True


def test_a_device_that_is_not_born_with_its_edge_node_is_offline() -> None:
    """Protects from a device that was dead before control or its gateway started: no death will ever be told of it."""
    field = Field()
    field.broker(True)
    field.node_born(OLDTOWN, without=["ponding-1"])
    assert value(field, OFFLINE) is None
    field.wait(61)
    assert value(field, OFFLINE) is True
    assert field.last(OFFLINE).why.en.startswith("the edge node is there")  # type: ignore[union-attr]  # told


def test_a_rebirth_without_a_device_is_its_death() -> None:
    """Protects from a device that vanished at a rebirth; those born again say nothing new."""
    field = Field().start()
    before = len(field.told)
    field.node_born(OLDTOWN, without=["ponding-1"])
    assert len(field.told) == before
    field.wait(61, beat=False)
    assert (value(field, OFFLINE), value(field, RED)) == (True, None)


def test_an_edge_node_that_is_never_heard_of_is_offline() -> None:
    """Protects from an edge node that was dead before control started."""
    field = Field()
    field.broker(True)
    field.node_born(NEWTOWN)
    field.wait(EDGE_PATIENCE_S - 1)
    assert value(field, EDGE) is None
    field.wait(2)
    assert value(field, EDGE) is True
    assert value(field, OFFLINE) is True
    assert value(field, "edge-offline@edge:edge-newtown") is False


def test_patience_begins_anew_with_the_broker() -> None:
    """Protects edge nodes from being blamed for the broker's absence."""
    field = Field().start()
    field.broker(False)
    field.wait(3600)
    assert value(field, EDGE) is None
    field.broker(True)
    field.wait(EDGE_PATIENCE_S - 1)
    assert value(field, EDGE) is None


def test_silence_is_measured_from_the_last_live_reading() -> None:
    """Protects the stale alarm: after 900 s of silence, not before, cleared by the next reading, and void in death."""
    field = Field().start()
    field.wait(500)
    field.see("ponding-1", {"level": 0.02})
    field.wait(899, beat=False)
    assert value(field, SILENT) is False
    field.wait(2, beat=False)
    assert value(field, SILENT) is True
    field.see("ponding-1", {"level": 0.02})
    assert value(field, SILENT) is False
    field.wait(901, beat=False)
    field.died("ponding-1")
    assert value(field, SILENT) is None


def test_timers_do_not_pile_up() -> None:
    """Protects memory and time: a day of flapping leaves a bounded number of timers."""
    field = Field(nodes=(OLDTOWN,)).start()
    for _ in range(200):
        field.died("ponding-1")
        field.wait(30, beat=False)
        field.born("ponding-1")
        field.wait(30, beat=False)
    field.wait(2000, beat=False)
    assert len(field.watch._timers) < 150


def test_enabling_conditions() -> None:
    """Protects spare loops from alarms: a loop without lamps is disabled, with lamps enabled, unknown as it was."""
    key = "loop-breaker@cabinet-01/loop5"
    field = Field().start()
    assert [gate.enabled for gate in field.gates if gate.key == key] == [True]
    field.see("cabinet-01", {"loop5/lamps": 0})
    assert (field.gates[-1].key, field.gates[-1].enabled, field.gates[-1].why) == (key, False, "cabinet-01/loop5/lamps = 0")
    field.see("cabinet-01", {"loop5/breaker": False})
    field.wait(60)
    assert field.announced() == []
    count = len(field.gates)
    field.see("cabinet-01", {"loop5/lamps": None}, int(Flag.SENTINEL))
    assert len(field.gates) == count
    field.see("cabinet-01", {"loop5/lamps": 3})
    assert field.announced() == [key]


def test_a_new_layout_is_read_by_its_own_columns() -> None:
    """Protects from a wrong column after a new birth; history of the old layout is read by its own."""
    field = Field().start()
    old = field.layouts[OLDTOWN, "ponding-1"]
    field.layouts[OLDTOWN, "ponding-1"] = new = new_layout(OLDTOWN, "ponding-1", reverse=True)
    field.born("ponding-1", {"level": 0.01})
    field.wait(1)
    field.event(ScanReceived(scan_of(old, field.now, {"level": 0.2}, historical=True)))
    assert value(field, RED) == 0.2
    field.wait(1)
    field.event(ScanReceived(scan_of(new, field.now, {"level": 0.3})))
    assert value(field, RED) == 0.3
    fewer = Layout(OLDTOWN, "ponding-1", (Point(path="other"),))
    field.wait(1)
    field.event(birth_of(fewer, field.now, {"other": 1.0}))
    assert value(field, RED) == 0.3


def test_quality_alarms() -> None:
    """Protects the difference of bad, blind, stale and absent."""
    field = Field().start()
    bad, blind = "sensor-bad@ponding-1", "sensor-blind@ponding-1"
    table: list[tuple[Value | None, int, object, object]] = [
        (0.1, 0, False, False),
        (0.1, int(Flag.SPIKE | Flag.CLOCK), False, False),
        (3.4, int(Flag.BLIND), False, True),
        (3.6, int(Flag.BLIND | Flag.RANGE), True, True),
        (0.1, int(Flag.DEVICE), True, None),
        (None, int(Flag.SENTINEL), True, None),
        (0.1, 0, False, False),
        (0.1, int(Flag.STALE), None, None),
        (None, int(Flag.STALE), None, None),
    ]
    for level, flags, is_bad, is_blind in table:
        field.see("ponding-1", {"level": level}, flags)
        assert (value(field, bad), value(field, blind)) == (is_bad, is_blind), (level, flags)


def test_a_wrong_type_says_nothing() -> None:
    """Protects from an edge node of another make that sends text or a contact where a number is meant."""
    field = Field().start()
    for wrong in ("high", True):
        field.see("ponding-1", {"level": wrong})
        assert value(field, RED) is None


def test_strangers_say_nothing() -> None:
    """Protects from what is on the broker and not in the county: other nodes, other devices, other events."""
    field = Field().start()
    before = len(field.told)
    other = NodeId("elsewhere", "edge-x")
    stranger = Layout(OLDTOWN, "cabinet-99", (Point(path="level"),))
    far = Layout(other, "", (Point(path="uptime"),))
    for event in (
        NodeDied(other, T0),
        DeviceDied(other, "well-01", T0),
        DeviceDied(OLDTOWN, "", T0),
        ScanReceived(Scan(stranger, T0, (0,), (9.0,), (0,))),
        ScanReceived(Scan(stranger, T0, (0,), (9.0,), (0,), historical=True)),
        DeviceBorn(stranger, Scan(stranger, T0, (0,), (9.0,), (0,))),
        NodeBorn(far, Scan(far, T0, (0,), (9.0,), (0,)), T0),
        JournalMoved(OLDTOWN, "j", 3),
        Complaint(None, "nonsense"),
    ):
        field.event(event)
    assert len(field.told) == before


def test_rebinding_keeps_what_is_known() -> None:
    """Protects a change of rules while it runs: new alarms are told what is known, old ones nothing twice, silence goes on."""
    fewer = bind([rule for rule in rules() if rule.id != "ponding-red"], taihe())
    field = Field(binding=fewer).start()
    field.wait(60)
    field.see("ponding-1", {"level": 0.45})
    field.died("ponding-2")
    before = len(field.told)
    whole = bind(rules(), taihe())
    field.engine.edit(whole.alarms, field.now)
    field.take(field.watch.rebind(whole, taihe(), field.now))
    assert {one.key.partition("@")[0] for one in field.told[before:]} == {"ponding-red"}
    assert field.announced() == [RED]
    assert value(field, "ponding-red@ponding-2") is None
    field.see("ponding-1", {"level": 0.2})
    assert value(field, RED) == 0.2
    field.wait(910, beat=False)
    assert value(field, SILENT) is True
    assert field.watch.rebind(whole, taihe(), field.now).conditions == ()


def test_a_birth_after_an_outage_repeats_old_readings() -> None:
    """Protects the return: readings older than the outage are how things are now, and the engine takes them."""
    field = Field().start()
    field.see("ponding-1", {"level": 0.45})
    field.wait(100)
    field.node_died(OLDTOWN)
    assert not field.engine.state(RED).known
    field.wait(200)
    field.event(birth_of(field.layouts[OLDTOWN, ""], field.now))
    field.born("ponding-1", {"level": 0.45}, read_at=field.now - 250_000)
    assert field.engine.state(RED).known
    assert field.announced().count(RED) == 1
