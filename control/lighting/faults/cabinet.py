"""Faults of the cabinet and its data: door, dead cable stolen, frozen values, a schedule that was not carried out."""

from __future__ import annotations

from control.alarms.model import Text
from control.lighting.faults.loop import flows
from control.lighting.faults.model import UNTOLD, Clock, Held, Observed, Verdict, hold, proof
from control.lighting.faults.readings import PHASES, Loop, Values, number
from lampwell.readings import Flag

DOOR = Clock(on_s=10, off_s=30, samples=2)
THEFT = Clock(on_s=20, off_s=60, samples=2)
"""Both latch as alarms: their rules say so, and a person resets them there."""
END_UNITS = 2
FROZEN_POINTS = 6
"""So many points must carry something: one lit phase of three alone proves little (unverified)."""
LATE = Clock(on_s=300, off_s=30, samples=2)
ONCE = Clock()


def door_open(state: Held, place: str, time: int, *, open_: bool | None, permitted: bool) -> Observed:
    """The door stands open and no work order allows it. Its alarm latches: a person clears it. Wind and vibration are
    shorter than the clock.
    """
    value = None if open_ is None else open_ and not permitted
    text = Text(zh="箱门打开，无工单", en="the door is open and no work order allows it")
    return hold(state, time, Verdict(value=value, why=text, evidence=proof(place, time, door=open_)), DOOR, "door-open", place)


def cable_theft(state: Held, reading: Loop, *, mains: bool | None, lost_end_units: int | None) -> Observed:
    """Two neighbouring end units of a line are lost (None = the line has none that could tell). Without ``mains`` none can
    answer: not judged. What a sensor on the line says has an alarm of its own. Its alarm latches.
    """
    if mains is not True or reading.aux is not True or lost_end_units is None:
        return hold(state, reading.time, UNTOLD, THEFT, "cable-theft", reading.place)
    text = Text(
        zh=f"线路末端{lost_end_units}盏灯的节点失联：疑似断线或被盗",
        en=f"{lost_end_units} nodes at the end of the line are lost: cut or stolen?",
    )
    evidence = proof(reading.place, reading.time, end_units_lost=lost_end_units)
    verdict = Verdict(value=lost_end_units >= END_UNITS, why=text, evidence=evidence)
    return hold(state, reading.time, verdict, THEFT, "cable-theft", reading.place)


METER = tuple(f"{stem}_{phase}" for stem in "uip" for phase in PHASES)
"""The points of the cabinet's own meter that stand still together when it is frozen."""


def frozen(state: Held, place: str, time: int, values: Values, *, lit: bool) -> Observed:
    """Every voltage, current and power of a lit cabinet has stood still to the last digit for ten minutes. Reports come by
    exception, so each is judged at its source, at every poll (``Flag.FLAT``, ten polls in ten minutes where one is due each
    minute or more often); zero is exempt there. By day, or without load, a coarse meter stands still rightly: not judged.
    """
    told = [values[path] for path in METER if number(values, path)]
    if not lit or len(told) < FROZEN_POINTS:
        return hold(state, time, UNTOLD, ONCE, "frozen-data", place)
    text = Text(zh="亮灯时读数长时间不变：表计或通信卡住", en="readings stand still while lit: meter or link is stuck")
    verdict = Verdict(value=all(one.flags & Flag.FLAT for one in told), why=text, evidence=tuple(told))
    return hold(state, time, verdict, ONCE, "frozen-data", place)


def schedule_not_executed(state: Held, reading: Loop) -> Observed:
    """For five minutes the loop has not been what the program wants. Judged by current, else by feedback; not by hand, not
    locked.
    """
    actual = flows(reading)
    actual = reading.aux if actual is None else actual
    if reading.expected is None or actual is None or reading.local is True or reading.locked is True:
        return hold(state, reading.time, UNTOLD, LATE, "schedule-not-executed", reading.place)
    zh, en = ("亮", "on") if reading.expected else ("灭", "off")
    text = Text(zh=f"按方案应{zh}，实际相反", en=f"the program wants it {en}, it is not")
    evidence = proof(reading.place, reading.time, expected=reading.expected, aux=reading.aux, commanded=reading.commanded)
    verdict = Verdict(value=actual is not reading.expected, why=text, evidence=evidence)
    return hold(state, reading.time, verdict, LATE, "schedule-not-executed", reading.place)
