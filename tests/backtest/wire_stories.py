"""Stories of the way to the centre: brokers, edge nodes, links, clocks, late and repeated readings."""

from __future__ import annotations

import random

from .field_stories import P1, cleared, ramp, told
from .scene import NODES, NOON, OLDTOWN, Outcome, Scene, Told

EDGE = "edge-offline@edge:edge-oldtown"


async def broker_storm(scene: Scene) -> Outcome:
    """The broker restarts ten times in two minutes, all edge nodes reborn each time: shorter than its 30 s, nobody is told."""
    await scene.play(120, step_s=60)
    for _ in range(10):
        scene.broker(False)
        await scene.play(6, step_s=6)
        scene.broker(True)
        await scene.play(6, step_s=6)
    await scene.wait(1200)
    return Outcome()


async def broker_away(scene: Scene) -> Outcome:
    """The broker is away for ten minutes: one alarm after 30 s, gone 120 s after its return, and not one of the field."""
    await scene.play(120, step_s=60)
    scene.broker(False)
    await scene.wait(600)
    scene.broker(True)
    await scene.wait(1200)
    return Outcome(told=(told("broker-away@county:taihe", 120, 30, cleared(720, 120)),))


async def flood_while_the_broker_is_away(scene: Scene) -> Outcome:
    """Water comes while nothing is heard: it is told of at the return, once, in its highest colour."""
    await scene.play(120, step_s=60)
    scene.broker(False)
    scene.harm[P1, "level"] = ramp(0.09, 0.45, start=200)
    await scene.play(900, step_s=30)
    scene.broker(True)
    await scene.wait(600)
    away = told("broker-away@county:taihe", 120, 30, cleared(1020, 120))
    return Outcome(told=(away, told(f"ponding-red@{P1}", 1020, 0)))


async def dead_edge_node(scene: Scene) -> Outcome:
    """A gateway with 40 devices and 84 lamps loses its power for 20 min: one alarm, and no burst at its return."""
    await scene.play(120, step_s=60)
    scene.node_died(OLDTOWN)
    await scene.wait(1200)
    scene.born(OLDTOWN)
    await scene.wait(1200)
    return Outcome(told=(told(EDGE, 120, 30, cleared(1320, 90)),))


async def flapping_edge_node(scene: Scene) -> Outcome:
    """A gateway that reconnects every 40 s for a quarter of an hour is offline once (off-delay 90 s)."""
    await scene.play(120, step_s=60)
    for _ in range(11):
        scene.node_died(OLDTOWN)
        await scene.play(40, step_s=20)
        scene.born(OLDTOWN)
        await scene.play(40, step_s=20)
    await scene.wait(600)
    return Outcome(told=(told(EDGE, 120, 30, cleared(960, 90)),))


async def dead_sensor_behind_a_living_gateway(scene: Scene) -> Outcome:
    """One street sensor stops to answer: its own alarm after 60 s, not that of its edge node."""
    await scene.wait(300)
    scene.device_died("ponding-3")
    await scene.wait(3600)
    return Outcome(told=(told("key-device-offline@ponding-3", 300, 60),))


async def frozen_gateway_program(scene: Scene) -> Outcome:
    """A gateway says that a sensor lives but sends no reading of it: silent after 900 s."""
    await scene.wait(300)
    scene.silent.add("well-20")
    await scene.wait(1800)
    return Outcome(told=(Told(key="device-silent@well-20", at=1140, by=1211),))


async def link_cut(scene: Scene) -> Outcome:
    """A serial line with nine sensors is cut: they die one after the other, the line is told of."""
    await scene.play(120, step_s=60)
    on_line = [name for name, line in scene.lines.items() if line.device.link == "line-1"]
    for name in on_line:
        await scene.play(2, step_s=2)
        scene.device_died(name)
    await scene.play(2, step_s=2)
    scene.own[OLDTOWN] = {"link/line-1/connected": False}
    scene.health(OLDTOWN)
    cut = scene.t
    await scene.wait(1200)
    return Outcome(told=(told("link-down@edge:edge-oldtown/link/line-1", cut, 30),))


async def bus_overload(scene: Scene) -> Outcome:
    """A line is busy for 95 % of ten minutes: told after five."""
    await scene.play(120, step_s=60)
    scene.own[OLDTOWN] = {"link/line-1/load": 0.95}
    scene.health(OLDTOWN)
    await scene.wait(600)
    scene.own[OLDTOWN] = {"link/line-1/load": 0.5}
    scene.health(OLDTOWN)
    await scene.wait(300)
    return Outcome(told=(told("bus-overload@edge:edge-oldtown/link/line-1", 120, 300, cleared(720, 30)),))


async def journal_backlog(scene: Scene) -> Outcome:
    """One edge node's oldest reading is 10 min old for 10 min: its backlog after 60 s; the store is not away."""
    await scene.play(120, step_s=60)
    scene.own[OLDTOWN] = {"journal/oldest_age": 600.0, "journal/backlog": 40_000}
    scene.health(OLDTOWN)
    await scene.wait(600)
    scene.own[OLDTOWN] = {}
    scene.health(OLDTOWN)
    await scene.wait(300)
    return Outcome(told=(told("journal-backlog@edge:edge-oldtown", 120, 60, cleared(720, 10)),))


async def store_away(scene: Scene) -> Outcome:
    """Nothing of any edge node is being stored for ten minutes: one alarm for the store, none for each backlog."""
    await scene.play(120, step_s=60)
    for node in NODES:
        scene.own[node] = {"journal/oldest_age": 400.0}
        scene.health(node)
    await scene.wait(600)
    for node in NODES:
        scene.own[node] = {}
        scene.health(node)
    await scene.wait(300)
    return Outcome(told=(told("store-away@county:taihe", 120, 30, cleared(720, 30)),))


async def clock_eight_hours_ahead(scene: Scene) -> Outcome:
    """A gateway takes county time for UTC: water is told of as ever, and its clock after 60 s."""
    return await _wrong_clock(scene, 8 * 3600)


async def clock_eight_hours_behind(scene: Scene) -> Outcome:
    """A gateway takes UTC for county time: the same."""
    return await _wrong_clock(scene, -8 * 3600)


async def _wrong_clock(scene: Scene, off_s: float) -> Outcome:
    await scene.play(120, step_s=60)
    scene.skew_s[OLDTOWN] = off_s
    scene.own[OLDTOWN] = {"clock_trusted": False}
    scene.health(OLDTOWN)
    scene.harm[P1, "level"] = ramp(0.06, 0.20, start=300, hold_s=600)
    await scene.play(2400)
    found = [told("clock-untrusted@edge:edge-oldtown", 120, 60)]
    for colour, limit, off in (("blue", 0.05, 600), ("yellow", 0.15, 605)):
        up = scene.when(P1, "level", lambda value, limit=limit: value >= limit)
        down = scene.when(P1, "level", lambda value, limit=limit: value < limit - 0.03, after=up)
        found.append(told(f"ponding-{colour}@{P1}", up, 20, cleared(down, off)))
    return Outcome(told=tuple(found))


async def late_and_repeated(scene: Scene) -> Outcome:
    """Every third reading comes twice, every fifth up to a minute late (domain alarms 3.3, F16): as if they had not."""
    scene.harm[P1, "level"] = ramp(0.03, 0.20, hold_s=600)
    await scene.play(3000)
    rnd = random.Random(7)
    muddled = []
    for n, (time, event) in enumerate(scene.events):
        muddled.append((time, event))
        if n > 200 and n % 3 == 0:
            muddled.append((time, event))
        if n > 200 and n % 5 == 0:
            muddled.append((time + rnd.randrange(60_000), event))
    scene.events = sorted(muddled, key=lambda each: each[0])
    found = []
    for colour, limit, off in (("blue", 0.05, 600), ("yellow", 0.15, 605)):
        up = scene.when(P1, "level", lambda value, limit=limit: value >= limit)
        down = scene.when(P1, "level", lambda value, limit=limit: value < limit - 0.03, after=up)
        found.append(told(f"ponding-{colour}@{P1}", up, 20, cleared(down, off)))
    return Outcome(told=tuple(found))


WIRE = dict.fromkeys(
    (
        broker_storm,
        broker_away,
        flood_while_the_broker_is_away,
        dead_edge_node,
        flapping_edge_node,
        dead_sensor_behind_a_living_gateway,
        frozen_gateway_program,
        link_cut,
        bus_overload,
        journal_backlog,
        store_away,
        clock_eight_hours_ahead,
        clock_eight_hours_behind,
        late_and_repeated,
    ),
    NOON,
)
"""Each story, and when it begins."""
