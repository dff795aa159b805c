"""A loop's own meter against that of its cabinet: a loop that seems dead while the cabinet still takes its power is measured
wrong (domain streetlights 3, loop open: a wire of its current transformer is off).
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec
from msgspec import structs

from control.alarms.model import Text
from control.lighting.faults.model import UNTOLD, Clock, Finding, Held, Verdict, hold, proof
from control.lighting.faults.readings import PHASES, UNKNOWN_THREE, Loop, Three, level_share

LEAST_W, NOTHING_W = 20.0, 5.0
"""A phase that carried the first and now shows less than the second has fallen silent (unverified)."""
HIDDEN_SHARE = 0.5
"""Of what it carried must still be in the cabinet's power, beyond what was hidden there before (unverified)."""
WRONG = Clock(on_s=600, off_s=60, samples=2)
"""Longer than the heartbeat of the cabinet's power, which may lag by its deadband."""


class Measured(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """State: watts of each phase when it last carried something, at which level, and what no loop showed then; the clock."""

    watts: Three = UNKNOWN_THREE
    hidden: Three = UNKNOWN_THREE
    level: float = 100.0
    held: Held = msgspec.field(default_factory=Held)


def hidden(main: Three, loops: Iterable[Three]) -> Three:
    """Watts of each phase that the cabinet takes and no loop shows; None where something is not known."""
    each = list(loops)
    a, b, c = (_less(main[phase], [one[phase] for one in each]) for phase in range(3))
    return a, b, c


def _less(main: float | None, loops: list[float | None]) -> float | None:
    return None if main is None or None in loops else main - sum(watts or 0.0 for watts in loops)


def believed(state: Measured, reading: Loop, hides: Three) -> tuple[Measured, Loop, Finding | None]:
    """The reading with its phases taken out that the cabinet's meter contradicts, and what is known of its own meter. ``hides``:
    see ``hidden``. An open contactor tells nothing.
    """
    doubted = [_contradicted(state, reading, hides, phase) for phase in range(3)]
    verdict = UNTOLD
    if reading.aux is True and any(one is not None for one in doubted):
        text = Text(
            zh="回路无电流而总表仍有其功率：互感器接线", en="no current here, yet the cabinet takes it: a transformer's wire"
        )
        evidence = proof(reading.place, reading.time, **{f"p_{PHASES[n]}": reading.watts[n] for n in range(3)})
        verdict = Verdict(value=any(doubted), why=text, evidence=evidence)
    held, finding = hold(state.held, reading.time, verdict, WRONG, "loop-meter", reading.place)
    amps, watts = (_without(three, doubted) for three in (reading.amps, reading.watts))
    return structs.replace(_remember(state, reading, hides), held=held), structs.replace(reading, amps=amps, watts=watts), finding


def _contradicted(state: Measured, reading: Loop, hides: Three, phase: int) -> bool | None:
    watts, hides_now = reading.watts[phase], hides[phase]
    carried, hid = state.watts[phase], state.hidden[phase]
    if reading.aux is not True or watts is None or hides_now is None or carried is None or hid is None or carried < LEAST_W:
        return None
    share = level_share(reading.level if reading.level is not None else state.level) / level_share(state.level)
    return watts < NOTHING_W and hides_now - hid >= HIDDEN_SHARE * carried * share


def _without(three: Three, doubted: list[bool | None]) -> Three:
    a, b, c = (None if wrong else value for value, wrong in zip(three, doubted, strict=True))
    return a, b, c


def _remember(state: Measured, reading: Loop, hides: Three) -> Measured:
    """Only looks in which all phases that carried something still do: a phase that fell silent keeps what it was."""
    if reading.aux is not True or reading.level is None or None in reading.watts or None in hides:
        return state
    silent = (carried is not None and carried >= LEAST_W and (now or 0.0) < NOTHING_W for carried, now in _pairs(state, reading))
    return state if any(silent) else structs.replace(state, watts=reading.watts, hidden=hides, level=reading.level)


def _pairs(state: Measured, reading: Loop) -> Iterable[tuple[float | None, float | None]]:
    return zip(state.watts, reading.watts, strict=True)
