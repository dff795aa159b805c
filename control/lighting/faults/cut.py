"""A cable cut while it is live: a sudden fall of a loop's power that nothing else explains (domain streetlights 3)."""

from __future__ import annotations

import msgspec
from msgspec import structs

from control.alarms.model import Text
from control.lighting.faults.loop import armed, electrics
from control.lighting.faults.model import UNTOLD, Clock, Finding, Held, Verdict, hold
from control.lighting.faults.readings import Loop, level_share

CUT_SHARE, CUT_LAMPS, CUT_WITHIN_S, BACK_SHARE = 0.15, 3, 90.0, 0.9
CUT = Clock(on_s=0, off_s=60, samples=2)


class Steady(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """State of ``cable_cut``: the last readings of power while nothing was switched, newest last, and what is told."""

    watts: tuple[tuple[int, float], ...] = ()
    level: float | None = None
    base: float | None = None
    held: Held = msgspec.field(default_factory=Held)


def cable_cut(state: Steady, reading: Loop, *, others_fell: bool | None) -> tuple[Steady, Finding | None]:
    """Power of a lit loop falls by 15 % and at least three lamps within a minute, its level and command unchanged, the other
    loops unaffected (``others_fell``; None = not known): a cable cut live. It ends when nine tenths of the power are back.
    """
    total = _total(reading)
    if not armed(reading) or total is None or reading.level is None:
        held, finding = hold(state.held, reading.time, UNTOLD, CUT, "cable-cut", reading.place)
        return structs.replace(state, watts=(), held=held), finding
    if reading.level != state.level:
        state = _at_level(state, reading.level)
    recent = tuple((time, watts) for time, watts in state.watts if reading.time - time <= CUT_WITHIN_S * 1000)
    base = _base(state, recent, total, reading, others_fell=others_fell)
    value = base is not None and total < BACK_SHARE * base
    zh = f"功率骤降至{total:.0f} W，原{base or 0:.0f} W：疑似电缆被剪"
    en = f"power fell to {total:.0f} W from {base or 0:.0f} W at once: cable cut?"
    verdict = Verdict(value=value, why=Text(zh=zh, en=en), evidence=electrics(reading))
    held, finding = hold(state.held, reading.time, verdict, CUT, "cable-cut", reading.place)
    return structs.replace(state, watts=(*recent, (reading.time, total)), base=base if value else None, held=held), finding


def _at_level(state: Steady, level: float) -> Steady:
    """Power remembered from before a cut, at another dim level; what was measured at the old level is no measure any more."""
    share = 1.0 if state.level is None else level_share(level) / level_share(state.level)
    return structs.replace(state, watts=(), level=level, base=None if state.base is None else state.base * share)


def _base(
    state: Steady, recent: tuple[tuple[int, float], ...], total: float, reading: Loop, *, others_fell: bool | None
) -> float | None:
    """The power before the fall: remembered, or the highest of the last minute if it fell far enough just now."""
    if state.base is not None:
        return state.base
    before = max((watts for _, watts in recent), default=0.0)
    each = before / reading.lamps if reading.lamps else None
    far = before > 0 and before - total >= CUT_SHARE * before and (each is None or before - total >= CUT_LAMPS * each)
    return before if far and others_fell is False else None


def _total(reading: Loop) -> float | None:
    known = [watts for watts in reading.watts if watts is not None]
    return sum(known) if len(known) == 3 else None
