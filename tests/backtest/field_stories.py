"""Stories of the field: water, lamps, supply, sensors. Each plays a story and says what must come of it.

What must be told, when and what not is derived from the text of the rules (their limits and delays), from domain alarms 1.1 and
drainage 2.2, 3.2 and 3.3, and from the true levels of the physics or the bits on the wire; never from what the engine does. A
window is the earliest instant by the rule up to one report later.
"""

from __future__ import annotations

from collections.abc import Iterator

from control.backtest.figures import Label
from lampwell.assets import DeviceKind

from .scene import EVENING, FOREVER, NOON, STEP_S, Course, Outcome, Scene, Told, devices_of, taihe

P1, P2 = "ponding-1", "ponding-2"
UNDERGROUND = ("well-*", "sensor-*@well-*", "station-*@station-*", "sensor-bad@station-*", "river-*")
"""What a heavy storm may raise below the streets; sensors drown there, and an ultrasonic one that is drowned has no echo."""
STREETS = ("ponding-*", "school-gate-water@*")
LAG = STEP_S + 1.0
OFF_S = {"blue": 600, "yellow": 605, "orange": 610, "red": 615}


def ramp(per_minute: float, top: float, start: float = 60.0, hold_s: float = FOREVER) -> Course:
    """Dry until ``start``, then rising evenly to ``top``; after ``hold_s`` there it falls at the same pace."""
    up = top / per_minute * 60

    def level(t: float) -> float:
        if t < start + up + hold_s:
            return min(top, max(0.0, (t - start) * per_minute / 60))
        return max(0.0, top - (t - start - up - hold_s) * per_minute / 60)

    return level


def told(key: str, since: float, delay: float, clears: tuple[float, float] | None = None, lag: float = LAG) -> Told:
    """An alarm whose condition is there ``since``, after the delay of its rule."""
    return Told(key=key, at=since + delay - STEP_S, by=since + delay + lag, clears=clears)


def cleared(gone: float, delay: float) -> tuple[float, float]:
    """When an alarm clears whose condition is gone at that time."""
    return gone + delay - STEP_S, gone + delay + LAG


def found(key: str, since: float, clock_s: float, over: tuple[float, float] | None = None) -> Told:
    """A fault that logic finds, whose signs are there ``since``: told at a look after its clock, of two looks at least; it looks
    every 5 s where something has stirred. ``over``: since when the signs are gone, and the clock of its end.
    """
    clears = None if over is None else (sum(over), sum(over) + 2 * LAG)
    return Told(key=key, at=since + clock_s - STEP_S, by=since + clock_s + 2 * LAG, clears=clears)


# -- water ---------------------------------------------------------------------------------------------------------------------


async def quiet_day(scene: Scene) -> Outcome:
    """A dry day and night from noon to noon: nobody is told anything."""
    scene.world.step_ms = 10_000  # nothing moves fast
    await scene.play(86_400, step_s=120)
    return Outcome()


async def ordinary_rain(scene: Scene) -> Outcome:
    """A storm of one year's return: the streets stay dry, so no street and no sensor is told of."""
    scene.focus = {device.id for device in devices_of(DeviceKind.PONDING)}
    scene.world.storm(1)
    await scene.play(7200, step_s=30)
    return Outcome(beside=UNDERGROUND)


async def fast_storm(scene: Scene) -> Outcome:
    """A storm of fifty years: each low spot is told of in red at the crossing of 40 cm, found with the lead from 15 cm on."""
    scene.focus = {device.id for device in devices_of(DeviceKind.PONDING)}
    await scene.play(60)
    scene.world.storm(50, 60)
    await scene.play(3600)
    await scene.play(7200, step_s=30)
    return Outcome(told=tuple(_reds(scene)), beside=(*UNDERGROUND, *STREETS), labels=(*_closed(scene), *_overflowing(scene)))


def _reds(scene: Scene) -> Iterator[Told]:
    """Red has no delay: told in the sample of the crossing; gone 615 s after 37 cm."""
    for device in devices_of(DeviceKind.PONDING):
        if max(level for _, level in scene.truth[f"{device.id}/level"]) > 0.45:
            up = scene.crossed(device.id, 0.40)
            down = scene.crossed(device.id, 0.37, below=True, after=up + 60)
            clears = (down + 615 - 120, down + 615 + 120)  # it falls slowly past 37 cm, the sensor is right to 1 cm
            yield Told(key=f"ponding-red@{device.id}", at=up - 60, by=up + 60, clears=clears)


def _closed(scene: Scene) -> Iterator[Label]:
    """Water that closes a road (25 cm, drainage 2.2) must be told of before it is there: blue and yellow come first."""
    for device in devices_of(DeviceKind.PONDING):
        series = scene.truth[f"{device.id}/level"]
        if max(level for _, level in series) > 0.30:
            up = scene.crossed(device.id, 0.25)
            down = scene.crossed(device.id, 0.25, below=True, after=up)
            yield scene.label(f"{device.id} closed", [f"ponding-*@{device.id}"], up, down)


def _overflowing(scene: Scene) -> Iterator[Label]:
    """A well over its red level for five minutes must be told of by its level, or by its drowned sensor (drainage 3.2)."""
    for device in devices_of(DeviceKind.WELL):
        assert device.levels is not None
        over = [t for t, level in scene.truth[f"{device.id}/level"] if level > device.levels.red + 0.05]
        if over and over[-1] - over[0] > 300:
            yield scene.label(f"{device.id} overflows", [f"*@{device.id}"], over[0], over[-1])


async def slow_rise(scene: Scene) -> Outcome:
    """6 mm a minute up to 30 cm, and down again: each colour once, in order, each with its own clear."""
    scene.focus = {P1}
    scene.harm[P1, "level"] = ramp(0.006, 0.30, hold_s=1800)
    await scene.play(9000, step_s=20)
    limits = {"blue": 0.05, "yellow": 0.15, "orange": 0.25}
    return Outcome(told=tuple(_course(scene, limits)), labels=(scene.label("rise", [f"ponding-*@{P1}"], 2560, 5860),))


def _course(scene: Scene, limits: dict[str, float]) -> Iterator[Told]:
    """Up at the limit after 20 s; down at 3 cm below it after the off-delay (drainage 2.2). A change slower than the
    sensor's deadband (2 mm) is reported at the next beat, a minute later at most.
    """
    for colour, limit in limits.items():
        up = scene.when(P1, "level", lambda value, limit=limit: value >= limit)
        down = scene.when(P1, "level", lambda value, limit=limit: value < limit - 0.03, after=up)
        clears = (down + OFF_S[colour] - STEP_S, down + OFF_S[colour] + LAG + 60)
        yield told(f"ponding-{colour}@{P1}", up, 20, clears, lag=LAG + 60)


async def oscillation(scene: Scene) -> Outcome:
    """Six hours of waves from 23.5 to 26.5 cm about the orange limit: one raise, and one clear when it is over."""
    up = ramp(0.06, 0.25)

    def waves(t: float) -> float:
        if t < 400 or t > 22_000:
            return up(t) if t < 400 else max(0.0, 0.25 - (t - 22_000) * 0.001)
        return 0.25 + (0.015 if int(t / 60) % 2 else -0.015)

    scene.harm[P1, "level"] = waves
    await scene.play(600)
    await scene.play(21_000, step_s=60)
    await scene.play(1900)
    limits = {"blue": 0.05, "yellow": 0.15}
    orange = scene.when(P1, "level", lambda value: value >= 0.25)
    down = scene.when(P1, "level", lambda value: value < 0.22, after=22_000)
    first = Told(key=f"ponding-orange@{P1}", at=orange + 20 - STEP_S, by=orange + 300, clears=cleared(down, 610))
    return Outcome(told=(*_course(scene, limits), first))


async def school_gate(scene: Scene) -> Outcome:
    """The county's own rule: 12 cm before the school, 3 cm under yellow: blue for all, orange for the school."""
    scene.harm["ponding-4", "level"] = ramp(0.06, 0.12)
    await scene.play(1200)
    blue = scene.when("ponding-4", "level", lambda value: value >= 0.05)
    gate = scene.when("ponding-4", "level", lambda value: value >= 0.10)
    return Outcome(told=(told("ponding-blue@ponding-4", blue, 20), told("school-gate-water@ponding-4", gate, 20)))


async def surcharge(scene: Scene) -> Outcome:
    """A well fills up to its sensor and stays there: an overflow is told of, a broken sensor is not (drainage 3.2)."""
    device = next(d for d in taihe().devices if d.id == "well-05")
    blind = next(p for p in device.profile.points if p.path == "level").tests.blind_above
    assert blind is not None
    scene.harm["well-05", "level"] = ramp(0.06, blind + 0.05)
    await scene.play(blind / 0.06 * 60 + 1800)
    drowned = scene.when("well-05", "level", lambda value: value >= blind)
    return Outcome(told=(told("sensor-blind@well-05", drowned, 20),), beside=("well-*@well-05",))


# -- sensors -------------------------------------------------------------------------------------------------------------------


async def stuck_sensor(scene: Scene) -> Outcome:
    """A street sensor stuck at dry while a storm floods its place: no rule finds it, and a back-test must say so."""
    scene.focus = {device.id for device in devices_of(DeviceKind.PONDING)}
    scene.world.fault(f"{P2}/level", "stuck")
    await scene.play(60)
    scene.world.storm(50, 60)
    await scene.play(5400, step_s=30)
    up = scene.crossed(P2, 0.25)
    label = scene.label("flood under a stuck sensor", [f"*@{P2}"], up, up + 1800)
    streets = ("ponding-*@ponding-[!2]", "school-gate-water@*")
    return Outcome(beside=(*UNDERGROUND, *streets), labels=(label,), missed=frozenset({label.name}))


async def spike_train(scene: Scene) -> Outcome:
    """Every fifth minute one sample jumps by 50 cm, faster than water can (25 cm/min, drainage 3.2): nothing is told."""
    scene.harm[P1, "level"] = lambda t: 0.50 if t % 300 == 0 and t > 0 else 0.0
    await scene.play(3000)
    return Outcome()


async def blips(scene: Scene) -> Outcome:
    """A passing lorry: one sample of 18 cm now and then, over yellow for less than the 20 s of the rule: nothing is told."""
    scene.harm[P1, "level"] = lambda t: 0.018 + (0.16 if t % 600 == 0 and t > 0 else 0.0)
    await scene.play(3600)
    return Outcome()


async def silent_in_flood(scene: Scene) -> Outcome:
    """At 45 cm the sensor falls silent: its own alarm after 60 s, and the red one stands to the end."""
    scene.focus = {P1}
    scene.harm[P1, "level"] = ramp(0.09, 0.45)
    await scene.play(600)
    scene.device_died(P1)
    await scene.wait(3600)
    return Outcome(told=(*_flood(scene), told(f"key-device-offline@{P1}", 600, 60)))


async def no_echo_in_flood(scene: Scene) -> Outcome:
    """At 45 cm the echo is lost, every reading is bad: the bad sensor is told of after 60 s, and red stands."""
    scene.harm[P1, "level"] = ramp(0.09, 0.45)
    await scene.play(600)
    scene.harm[P1, "level"] = lambda _: None
    await scene.wait(3600)
    return Outcome(told=(*_flood(scene), told(f"sensor-bad@{P1}", 610, 60)))


def _flood(scene: Scene) -> Iterator[Told]:
    """A rise at 9 cm a minute to 45 cm: every colour is there long enough to be told before the next, red at once."""
    for colour, limit, delay in (("blue", 0.05, 20), ("yellow", 0.15, 20), ("orange", 0.25, 20), ("red", 0.40, 0)):
        up = scene.when(P1, "level", lambda value, limit=limit: value >= limit)
        yield told(f"ponding-{colour}@{P1}", up, delay)


async def back_after_silence(scene: Scene) -> Outcome:
    """A sensor silent for ten minutes in the dry comes back: told once, cleared at its first good reading after 10 s."""
    await scene.play(300)
    scene.device_died("well-03")
    await scene.play(600)
    scene.device_born("well-03")
    await scene.play(600)
    return Outcome(told=(told("device-offline@well-03", 300, 60, cleared(900, 10)),))


async def cover_lifted(scene: Scene) -> Outcome:
    """A well's cover lies at 15 degrees for five minutes: told after 30 s. A lorry that shakes another for one sample is not."""
    scene.harm["well-02", "tilt"] = lambda t: 15.0 if 120 <= t < 420 else 0.0
    scene.harm["well-04", "tilt"] = lambda t: 12.0 if t == 200 else 0.0
    await scene.play(900)
    return Outcome(told=(told("cover-tilted@well-02", 120, 30, cleared(420, 60)),))


# -- supply --------------------------------------------------------------------------------------------------------------------


async def power_cut(scene: Scene) -> Outcome:
    """The old town's supply fails by night for 25 min: one alarm for each place, none for phases, lamps, meters and clocks."""
    scene.focus = {"station-1", "cabinet-01", "cabinet-02", "cabinet-03", "concentrator-1", "meter-1"}
    await scene.wait(300)
    for name in ("station-1", "cabinet-01", "cabinet-02", "cabinet-03"):
        scene.world.fault(name, "mains-loss")
    await scene.wait(1500)
    for name in ("station-1", "cabinet-01", "cabinet-02", "cabinet-03"):
        scene.world.fault(name, "mains-loss", on=False)
    await scene.wait(1800)
    cabinets = (told(f"cabinet-mains@cabinet-0{n}", 310, 5, cleared(1810, 60)) for n in (1, 2, 3))
    return Outcome(told=(*cabinets, told("station-mains@station-1", 310, 5, cleared(1810, 120))))


async def reclose(scene: Scene) -> Outcome:
    """The line recloses within 3 s (streetlights 3: 5 s pass over it): nobody is told."""
    scene.focus = {"cabinet-05"}
    await scene.wait(300)
    scene.world.fault("cabinet-05", "mains-loss")
    await scene.play(3, step_s=1)
    scene.world.fault("cabinet-05", "mains-loss", on=False)
    await scene.play(7, step_s=1)
    await scene.wait(590)
    return Outcome()


async def phase_loss(scene: Scene) -> Outcome:
    """Phase B of a cabinet is gone for 20 min: that phase, once, and nothing of its lamps."""
    scene.focus = {"cabinet-05"}
    await scene.wait(300)
    scene.world.fault("cabinet-05", "phase-loss", value=2)
    await scene.wait(1200)
    scene.world.fault("cabinet-05", "phase-loss", on=False)
    await scene.wait(600)
    return Outcome(told=(told("phase-b-lost@cabinet-05", 310, 5, cleared(1510, 40)),))


# -- cabinets, lamps, stations -------------------------------------------------------------------------------------------------


async def door(scene: Scene) -> Outcome:
    """A cabinet's door is open for ten minutes at night without a work order: told after 10 s, over when it is shut for 30 s."""
    scene.focus = {"cabinet-10"}
    await scene.wait(300)
    scene.world.fault("cabinet-10", "door")
    await scene.wait(600)
    scene.world.fault("cabinet-10", "door", on=False)
    await scene.wait(300)
    return Outcome(told=(found("cabinet-door@cabinet-10", 310, 10, (910, 30)),))


async def loop_trip(scene: Scene) -> Outcome:
    """A loop's breaker trips at night and is closed half an hour later: the loop, and none of its lamps."""
    scene.focus = {"cabinet-03", "concentrator-1"}
    await scene.wait(300)
    scene.world.fault("cabinet-03/loop2", "breaker-trip")
    await scene.wait(1800)
    scene.world.fault("cabinet-03/loop2", "breaker-trip", on=False)
    await scene.wait(1200)
    return Outcome(told=(told("loop-breaker@cabinet-03/loop2", 310, 5, cleared(2110, 20)),))


async def lamp_out(scene: Scene) -> Outcome:
    """One lamp dies at night: its node says so, and the county hears of it after its own 10 min, once."""
    scene.focus = {"cabinet-03", "concentrator-1"}
    tenth = [lamp for lamp in taihe().lamps if lamp.cabinet == "cabinet-03"][9]
    await scene.wait(300)
    scene.world.fault(tenth.id, "out")
    await scene.wait(2400)
    failed = scene.when("concentrator-1", "lamp010/failed", lambda value: value is True)
    return Outcome(told=(told("lamp-failed@concentrator-1/lamp010", failed, 600),))


async def leakage(scene: Scene) -> Outcome:
    """Leakage above the pre-alarm for ten minutes: told after 10 s, gone 30 s after it; nothing trips."""
    await scene.wait(300)
    scene.harm["cabinet-08", "loop1/leak_prealarm"] = lambda t: 300 < t <= 900
    await scene.play(900)
    return Outcome(told=(told("leak-prealarm@cabinet-08/loop1", 310, 10, cleared(910, 30)),))


async def leakage_trip(scene: Scene) -> Outcome:
    """The pre-alarm comes ten seconds before the trip: the trip explains it, so people hear of the trip alone, at once."""
    await scene.wait(300)
    scene.harm["cabinet-08", "loop1/leak_prealarm"] = lambda t: t > 300
    scene.harm["cabinet-08", "loop1/leak_trip"] = lambda t: t > 305
    await scene.wait(1200)
    return Outcome(told=(told("leak-trip@cabinet-08/loop1", 310, 0),))


async def cable_theft(scene: Scene) -> Outcome:
    """The cable sensor speaks for a minute; a flicker of one sample on another loop does not count (20 s)."""
    scene.harm["cabinet-10", "loop6/cable_alarm"] = lambda t: 300 < t <= 360
    scene.harm["cabinet-10", "loop2/cable_alarm"] = lambda t: t == 310
    await scene.play(600)
    return Outcome(told=(told("cable-alarm@cabinet-10/loop6", 310, 20, cleared(370, 12)),))


async def pump_trip(scene: Scene) -> Outcome:
    """A pump's overload relay trips: its cause is told, the general fault bit is not."""
    scene.focus = {"station-1"}
    await scene.wait(300)
    scene.world.fault("station-1/pump1", "trip")
    await scene.wait(1800)
    return Outcome(told=(told("pump-overload@station-1/pump1", 310, 5),), beside=("station-blue@station-1",))


async def methane(scene: Scene) -> Outcome:
    """60 % of the explosive limit: the higher alarm after 10 s, the lower one (60 s) is explained by it."""
    scene.focus = {"station-2"}
    await scene.wait(300)
    scene.world.fault("station-2", "methane", value=60)
    await scene.wait(900)
    high = scene.when("station-2", "ch4", lambda value: value >= 50)
    return Outcome(told=(told("station-ch4-high@station-2", high, 10),))


FIELD = {
    quiet_day: NOON,
    ordinary_rain: NOON,
    fast_storm: NOON,
    slow_rise: NOON,
    oscillation: NOON,
    school_gate: NOON,
    surcharge: NOON,
    stuck_sensor: NOON,
    spike_train: NOON,
    blips: NOON,
    silent_in_flood: NOON,
    no_echo_in_flood: NOON,
    back_after_silence: NOON,
    cover_lifted: NOON,
    power_cut: EVENING,
    reclose: EVENING,
    phase_loss: EVENING,
    door: EVENING,
    loop_trip: EVENING,
    lamp_out: EVENING,
    leakage: EVENING,
    leakage_trip: EVENING,
    cable_theft: EVENING,
    pump_trip: NOON,
    methane: NOON,
}
"""Each story, and when it begins."""
