"""Watch and engine together: one cause is one announcement, the unknown clears nothing, nobody is told twice."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control.alarms.bind import bind
from control.alarms.events import Acknowledge
from control.alarms.model import AlarmState
from control.alarms.watch import Watch
from lampwell.points import Value
from lampwell.readings import Flag, Scan
from lampwell.sparkplug.messages import ScanReceived

from .conftest import NEWTOWN, OLDTOWN, T0, Field, binding, new_layout, rules, scan_of, taihe

P1 = "ponding-1"
COLOURS = [f"ponding-{colour}@{P1}" for colour in ("red", "orange", "yellow", "blue")]
EDGE = "edge-offline@edge:edge-oldtown"


# -- one cause, one announcement -----------------------------------------------------------------------------------------------


def test_a_dead_edge_node_is_one_announcement() -> None:
    """Protects the duty officer from 30 devices and 600 alarms when one gateway loses its power."""
    field = Field().start()
    field.wait(60)
    field.node_died(OLDTOWN)
    field.wait(1800)
    assert field.announced() == [EDGE]


@pytest.mark.parametrize("away_s", [40, 200, 7200])
def test_nothing_bursts_when_an_edge_node_comes_back(away_s: float) -> None:
    """Protects the duty officer from a burst at the return: births come within a minute, and repeat what was known."""
    field = Field().start()
    field.wait(60)
    field.node_died(OLDTOWN)
    field.wait(away_s)
    field.node_born(OLDTOWN, without=["well-01", "concentrator-1"], read_at=field.now - round(away_s * 1000))
    field.wait(45)
    field.born("well-01")
    field.born("concentrator-1")
    field.wait(1800)
    assert field.announced() == [EDGE]
    assert not any(state.active for state in field.engine.states.values())


def test_what_does_not_come_back_is_told_once() -> None:
    """Protects from a device that died during the outage going unnoticed."""
    field = Field().start()
    field.node_died(OLDTOWN)
    field.wait(300)
    field.node_born(OLDTOWN, without=["ponding-1"])
    field.wait(1800)
    assert field.announced() == [EDGE, "key-device-offline@ponding-1"]


def test_a_flapping_edge_node_is_one_occurrence() -> None:
    """Protects from chatter: a gateway that reconnects every minute is offline once."""
    field = Field().start()
    for _ in range(10):
        field.node_died(OLDTOWN)
        field.wait(40)
        field.node_born(OLDTOWN)
        field.wait(40)
    field.wait(600)
    assert field.announced() == [EDGE]


def test_the_broker_away_is_one_announcement_and_all_else_stands_still() -> None:
    """Protects from a thousand alarms of unknown when control itself loses the broker, and from false clears."""
    field = Field().start()
    field.see(P1, {"level": 0.5})
    field.wait(30)
    before = {key: state.core for key, state in field.engine.states.items() if not key.startswith("broker-away")}
    field.broker(False)
    field.wait(7200)
    assert field.announced() == [COLOURS[0], "broker-away@county:taihe"]
    assert {key: state.core for key, state in field.engine.states.items() if not key.startswith("broker-away")} == before
    field.broker(True)
    for node in field.nodes:
        field.node_born(node)
    field.born(P1, {"level": 0.5})
    field.wait(1800)
    assert len(field.announced()) == 2
    assert field.core("broker-away@county:taihe") == "D"


def test_a_dead_link_explains_its_devices() -> None:
    """Protects from nine alarms for one cut cable: devices die first, the link is known to be down seconds later."""
    field = Field().start()
    on_line = [device.id for device in taihe().devices if device.link == "line-1"]
    for device in on_line:
        field.died(device)
        field.wait(1)
    field.see(OLDTOWN, {"link/line-1/connected": False})
    field.wait(600)
    assert field.announced() == ["link-down@edge:edge-oldtown/link/line-1"]
    field.see(OLDTOWN, {"link/line-1/connected": True})
    for device in on_line:
        field.wait(2)
        field.born(device)
    field.wait(600)
    assert len(field.announced()) == 1


def test_lost_mains_explain_phases_and_lamps() -> None:
    """Protects the cause hierarchy: mains before phases before loops before lamps; when they return nothing is told."""
    field = Field().start()
    dark: dict[str, Value | None] = {"u_a": 0.0, "u_b": 0.0, "u_c": 0.0}
    lamps: dict[str, Value | None] = {f"lamp{n:03}/failed": True for n in range(1, 85)}
    field.see("cabinet-03", dark)  # the meter's block comes a moment before the status word
    field.see("cabinet-03", {"on_battery": True})
    field.see("concentrator-1", lamps)
    field.wait(3600)
    assert field.announced() == ["cabinet-mains@cabinet-03"]
    field.see("cabinet-03", {**dict.fromkeys(dark, 228.0), "on_battery": False})
    field.see("concentrator-1", dict.fromkeys(lamps, False))
    field.wait(3600)
    assert len(field.announced()) == 1


def test_a_reclose_that_one_poll_happens_to_see_is_not_told() -> None:
    """Protects from an emergency order for a dip of some seconds: the poll that sees it over comes a little later than 5 s."""
    field = Field().start()
    field.see("cabinet-03", {"u_a": 0.0, "u_b": 0.0, "u_c": 0.0, "on_battery": True})
    field.wait(5.5)
    field.see("cabinet-03", {"u_a": 228.0, "u_b": 228.0, "u_c": 228.0, "on_battery": False})
    field.wait(600)
    assert field.announced() == []


def test_a_dead_concentrator_is_explained_by_its_cabinets_mains() -> None:
    """Protects from a second alarm for what hangs on the same supply."""
    field = Field().start()
    field.see("cabinet-03", {"on_battery": True})
    field.died("concentrator-1")
    field.wait(600)
    assert field.announced() == ["cabinet-mains@cabinet-03"]


def test_a_pumps_own_cause_explains_its_fault() -> None:
    """Protects from two alarms for one trip; another pump's fault is its own."""
    field = Field().start()
    field.see("station-1", {"pump1/fault": True, "pump1/overload": True, "pump2/fault": True})
    field.wait(60)
    assert sorted(field.announced()) == ["pump-fault@station-1/pump2", "pump-overload@station-1/pump1"]


def test_the_store_away_is_one_alarm_until_all_have_caught_up() -> None:
    """Protects from a backlog alarm per edge node when the collector stops, and from one at the end while they catch up."""
    field = Field().start()
    for minute in range(1, 30):
        for node in field.nodes:
            field.see(node, {"journal/oldest_age": 60.0 * minute})
        field.wait(60)
    assert field.announced() == ["store-away@county:taihe"]
    field.see(NEWTOWN, {"journal/oldest_age": 0.0})
    field.wait(600)
    field.see(OLDTOWN, {"journal/oldest_age": 0.0})
    field.wait(600)
    assert field.engine.state("store-away@county:taihe").active
    field.see(field.nodes[2], {"journal/oldest_age": 0.5})
    field.wait(600)
    assert field.announced() == ["store-away@county:taihe"]
    field.see(NEWTOWN, {"journal/oldest_age": 900.0})
    field.wait(600)
    assert field.announced()[1:] == ["journal-backlog@edge:edge-newtown"], "one node behind is that node's own trouble"


# -- colours -------------------------------------------------------------------------------------------------------------------


def test_a_jump_to_red_is_told_as_red_alone() -> None:
    """Protects from four messages at once, and from a red that waits for its lower colours."""
    field = Field().start()
    assert field.announced(field.see(P1, {"level": 0.45})) == [COLOURS[0]]
    field.wait(120)
    assert field.announced() == [COLOURS[0]]
    assert [field.core(key) for key in COLOURS] == ["B"] * 4


def test_lower_colours_are_told_once_on_the_way_down() -> None:
    """Protects the truth on the way down: what was never told and still stands is told once, what has gone never."""
    field = Field().start()
    field.see(P1, {"level": 0.45})
    field.wait(60)
    field.see(P1, {"level": 0.30})
    field.wait(700)
    field.see(P1, {"level": 0.28})
    field.wait(3600)
    assert field.announced() == COLOURS[:2]
    field.see(P1, {"level": 0.0})
    field.wait(3600)
    assert field.announced() == COLOURS[:2]
    assert [field.core(key) for key in COLOURS] == ["D", "D", "A", "A"]


def test_a_slow_rise_and_fall_tells_each_colour_once() -> None:
    """Protects from news on the way down of what was told on the way up."""
    field = Field().start()
    for level in (0.06, 0.16, 0.26, 0.41, 0.30, 0.20, 0.10, 0.0):
        field.see(P1, {"level": level})
        field.wait(900)
    assert field.announced() == COLOURS[::-1]


def test_a_puddle_round_a_limit_is_one_alarm() -> None:
    """Protects from chatter: waves of 2 cm round 15 cm in a 3 cm deadband; blue is explained by the yellow that is coming."""
    field = Field().start()
    for n in range(200):
        field.see(P1, {"level": 0.15 + (0.01 if n % 2 else -0.01)})
        field.wait(10)
    assert field.announced() == [COLOURS[2]]


# -- the unknown clears nothing ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", ["device", "edge", "bad", "none", "stale", "silence"])
def test_a_sensor_lost_in_a_flood_clears_nothing_and_says_so(loss: str) -> None:
    """Protects a flood alarm from the death of its sensor, whichever way it dies: red stays, and the loss is told by itself."""
    field = Field().start()
    field.see(P1, {"level": 0.45})
    field.wait(60)
    match loss:
        case "device":
            field.died(P1)
        case "edge":
            field.node_died(OLDTOWN)
        case "bad":
            field.see(P1, {"level": 0.0}, int(Flag.DEVICE))
        case "none":
            field.see(P1, {"level": None}, int(Flag.SENTINEL))
        case "stale":
            field.see(P1, {"level": 0.0}, int(Flag.STALE))
    field.wait(7200, beat=loss != "silence")
    assert field.engine.state(COLOURS[0]).active
    wanted = {
        "device": f"key-device-offline@{P1}",
        "edge": EDGE,
        "bad": f"sensor-bad@{P1}",
        "none": f"sensor-bad@{P1}",
        "stale": None,
        "silence": f"device-silent@{P1}",
    }[loss]
    told = [key for key in field.announced() if key != COLOURS[0]]
    assert wanted in told if wanted else told == []
    assert f"ponding-orange@{P1}" not in told


def test_a_dead_sensor_is_its_own_alarm_and_clears_by_its_first_good_reading() -> None:
    """Protects the living gateway from being blamed: one sensor's death is one alarm, ended by the sensor itself."""
    field = Field().start()
    field.died("well-07")
    field.wait(600)
    field.see("well-07", {"level": None}, int(Flag.STALE))
    field.wait(60)
    assert field.announced() == ["device-offline@well-07"]
    assert not field.engine.state("device-offline@well-07").active
    field.see("well-07", {"level": 0.2})
    assert field.last("well-blue@well-07").value == 0.2  # type: ignore[union-attr]  # it has just been told


def test_a_bad_reading_does_not_end_a_delay() -> None:
    """Protects from alarms by a sensor that failed while its on-delay ran, and from clears while its off-delay ran."""
    field = Field().start()
    field.see("well-01", {"level": 2.1})
    field.wait(30)
    field.see("well-01", {"level": 9.0}, int(Flag.RANGE))
    field.wait(600)
    assert field.core("well-orange@well-01") == "A"
    field.see("well-01", {"level": 2.1})
    field.wait(61)
    assert field.core("well-orange@well-01") == "B"


# -- restarts, layouts, batches ------------------------------------------------------------------------------------------------


def test_a_restart_with_repeated_births_tells_nothing_new() -> None:
    """Protects from a second round of messages when control restarts in the middle of a flood with a gateway down."""
    field = Field().start()
    field.see(P1, {"level": 0.45})
    field.see("cabinet-01", {"loop3/leak_trip": True})
    field.node_died(NEWTOWN)
    field.wait(300)
    told = field.announced()
    again = Field(states=field.engine.states, number=field.engine.number, now=field.now)
    again.broker(False)
    again.wait(1)
    again.broker(True)
    again.node_born(OLDTOWN, read_at=again.now - 60_000)
    again.born(P1, {"level": 0.45}, read_at=again.now - 60_000)
    again.born("cabinet-01", {"loop3/leak_trip": True})
    again.node_born(again.nodes[2])
    again.wait(3600)
    assert sorted(told) == sorted([COLOURS[0], "leak-trip@cabinet-01/loop3", "edge-offline@edge:edge-newtown"])
    assert again.announced() == []
    assert again.engine.state("edge-offline@edge:edge-newtown").active


def test_a_limit_changed_while_it_runs() -> None:
    """Protects a change of a limit: engine and watch go over to it together, and what is known is judged anew."""
    field = Field().start()
    field.see("well-01", {"level": 1.9})
    field.wait(120)
    assert not field.engine.state("well-orange@well-01").active
    changed = bind(rules(), taihe(), {("well-orange@well-01", "limit"): 1.8})
    field.engine.edit(changed.alarms, field.now)
    field.take(field.watch.rebind(changed, taihe(), field.now))
    field.wait(120)
    assert field.engine.state("well-orange@well-01").active


Steps = st.lists(
    st.tuples(
        st.sampled_from(["level", "status", "air_gap"]),
        st.sampled_from([0.0, 0.03, 0.06, 0.16, 0.24, 0.26, 0.41, None]),
        st.sampled_from([0, 0, 0, int(Flag.RANGE), int(Flag.STALE), int(Flag.SPIKE)]),
        st.sampled_from([1, 10, 25, 400, 700]),
    ),
    max_size=25,
)


@given(steps=Steps, split=st.lists(st.booleans(), min_size=25, max_size=25))
@settings(max_examples=60, deadline=None)
def test_merged_and_split_scans_end_alike(steps: list[tuple[str, float | None, int, int]], split: list[bool]) -> None:
    """Protects from a result that depends on how readings were packed: each scan whole, or column by column, ends the same."""
    whole, parts = Field(nodes=(OLDTOWN,)).start(), Field(nodes=(OLDTOWN,)).start()
    for (extra, level, flags, seconds), cut in zip(steps, split, strict=False):
        values: dict[str, Value | None] = {"level": level} if extra == "level" else {extra: 1, "level": level}
        whole.see(P1, values, flags)
        for path, value in values.items() if cut else [("", None)]:
            parts.see(P1, {path: value} if cut else values, flags)
        whole.wait(seconds)
        parts.wait(seconds)
    assert _final(whole) == _final(parts)
    assert whole.announced() == parts.announced()


@given(steps=Steps, reborn=st.lists(st.booleans(), min_size=25, max_size=25))
@settings(max_examples=40, deadline=None)
def test_births_in_between_change_nothing(steps: list[tuple[str, float | None, int, int]], reborn: list[bool]) -> None:
    """Protects from rebirths: a birth that repeats the newest values, in another order of columns, tells nothing new."""
    plain, born = Field(nodes=(OLDTOWN,)).start(), Field(nodes=(OLDTOWN,)).start()
    level: float | None = 0.0
    for (_, value, flags, seconds), again in zip(steps, reborn, strict=False):
        if value is not None and not flags:
            level = value
            plain.see(P1, {"level": value})
            born.see(P1, {"level": value})
        if again:
            layout = born.layouts[OLDTOWN, P1]
            reverse = layout.points[0].path == new_layout(OLDTOWN, P1).points[0].path
            born.layouts[OLDTOWN, P1] = new_layout(OLDTOWN, P1, reverse=reverse)
            born.born(P1, {"level": level})
        plain.wait(seconds)
        born.wait(seconds)
    assert _final(plain) == _final(born)
    assert plain.announced() == born.announced()


def _final(field: Field) -> dict[str, AlarmState]:
    """What is left in the end, times of observations aside."""
    return {
        key: replace(state, time=0, occurrence=bool(state.occurrence))
        for key, state in field.engine.states.items()
        if P1 in key and state.core != "A"
    }


def test_the_acknowledged_flood_comes_back_after_half_an_hour() -> None:
    """Protects from a red that was acknowledged and forgotten."""
    field = Field().start()
    field.see(P1, {"level": 0.45})
    state = field.engine.state(COLOURS[0])
    field.engine.ask(COLOURS[0], Acknowledge(who="a", occurrence=state.occurrence), field.now)
    field.wait(1801)
    assert field.announced() == [COLOURS[0]] * 2


def test_a_scan_is_cheap() -> None:
    """Protects the event loop: a cabinet's whole scan that changes nothing gives no condition at all."""
    watch = Watch(binding(), taihe())
    layout = new_layout(OLDTOWN, "cabinet-01")
    values = {point.path: 1 for point in layout.points}
    watch.event(ScanReceived(scan_of(layout, T0, values)), T0)
    seen = watch.event(ScanReceived(scan_of(layout, T0 + 5000, values)), T0 + 5000)
    assert (seen.conditions, seen.enabled) == ((), ())
    assert watch.event(ScanReceived(Scan(layout, T0, (), (), ())), T0).conditions == ()
