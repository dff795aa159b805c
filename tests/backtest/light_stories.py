"""Stories of lighting that only whole loops and cabinets show: what control's detectors must find in them, once each.

What must be told is derived from the fault table (domain streetlights 3) and the rules; never from what the detectors do.
"""

from __future__ import annotations

from simulators.cabinet import Cabinet

from .field_stories import found, told
from .scene import EVENING, NOON, Outcome, Scene, Told

BOX, LOOP = "cabinet-03", "cabinet-03/loop3"
NEAR = {BOX, "concentrator-1"}


def commanded(scene: Scene, on: bool) -> None:
    """The gateway switches loop 3."""
    box = scene.world.devices[BOX]
    assert isinstance(box, Cabinet)
    box.write("mode", 2)
    box.write("loop3/command", on)


async def cable_cut(scene: Scene) -> Outcome:
    """Half a cable is cut while it is live, its sensor speaks and the lamps behind it fall silent: one alarm, the cut, which
    explains the sensor, the end of the line and the lamps.
    """
    scene.focus = NEAR
    await scene.wait(300)
    scene.world.fault(LOOP, "cable-cut", value=0.5)
    await scene.wait(3600)
    cut = scene.label("cable cut", [f"cable-*@{LOOP}"], 300, 3900)
    return Outcome(told=(found(f"cable-cut@{LOOP}", 310, 0),), labels=(cut,))


async def broken_neutral(scene: Scene) -> Outcome:
    """A cabinet's neutral breaks while its lamps burn: that, once, and none of the three voltages that drift."""
    scene.focus = NEAR
    await scene.wait(300)
    scene.world.fault(BOX, "neutral-open")
    await scene.play(300, step_s=5)
    scene.world.fault(BOX, "neutral-open", on=False)
    await scene.wait(600)
    return Outcome(told=(found("neutral-open@cabinet-03", 305, 10, (600, 75)),))


async def welded_contactor(scene: Scene) -> Outcome:
    """A contactor does not open when it is told to: welded, once, not a feedback fault; the repair ends it."""
    scene.focus = NEAR
    await scene.wait(300)
    scene.world.fault(LOOP, "welded")
    commanded(scene, on=False)
    await scene.wait(900)
    scene.world.fault(LOOP, "welded", on=False)
    await scene.wait(600)
    label = scene.label("welded", [f"contactor-*@{LOOP}"], 300, 1200)
    return Outcome(told=(found(f"contactor-welded@{LOOP}", 310, 25, (1210, 18)),), labels=(label,))


async def dead_coil(scene: Scene) -> Outcome:
    """A contactor does not close when it is told to: that, once, and not a dead loop or a schedule."""
    scene.focus = NEAR
    await scene.wait(300)
    commanded(scene, on=False)
    await scene.wait(300)
    scene.world.fault(LOOP, "not-closing")
    commanded(scene, on=True)
    await scene.wait(900)
    return Outcome(told=(found(f"contactor-not-closing@{LOOP}", 610, 18),))


async def cold_restrike(scene: Scene) -> Outcome:
    """The supply fails for 38 minutes and comes back, lamps cold and staged (the real record of the domain file): one event, and
    no lamp, loop or contactor is blamed.
    """
    scene.focus = NEAR
    await scene.wait(1200)
    scene.world.fault(BOX, "mains-loss")
    await scene.wait(2280)
    scene.world.fault(BOX, "mains-loss", on=False)
    await scene.wait(2400)
    loss = scene.label("supply loss", ["cabinet-mains@cabinet-03"], 1200, 3480)
    ended = (3490 + 60 - 10, 3490 + 60 + 20)
    return Outcome(told=(told("cabinet-mains@cabinet-03", 1210, 5, ended),), labels=(loss,))


async def frozen_meter(scene: Scene) -> Outcome:
    """Everything a cabinet measures stands still while its lamps burn and its clock goes on: one alarm after 10 min, once."""
    scene.focus = NEAR
    await scene.wait(300)
    scene.world.fault(BOX, "frozen")
    await scene.play(1200)
    return Outcome(told=(Told(key="frozen-data@cabinet-03", at=890, by=990),))


async def frozen_by_day(scene: Scene) -> Outcome:
    """The same by day: a coarse meter without load stands still rightly, nobody is told."""
    scene.focus = NEAR
    scene.world.fault(BOX, "frozen")
    await scene.play(1800)
    return Outcome()


LIGHT = {
    cable_cut: EVENING,
    broken_neutral: EVENING,
    welded_contactor: EVENING,
    dead_coil: EVENING,
    cold_restrike: EVENING,
    frozen_meter: EVENING,
    frozen_by_day: NOON,
}
"""Each story, and when it begins."""
