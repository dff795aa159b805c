"""Lamps with nodes looked at side by side: what befalls many at once is not each one's own fault.

A phase that is disturbed moves all its lamps; a concentrator without its line silences all its nodes; a line that is cut silences
those at its end. A node is asked by its concentrator every quarter of an hour (domain streetlights 2.5), so silence is counted in
such periods.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from control.alarms.model import Text
from control.lighting.faults.model import UNTOLD, Clock, Held, Observed, Verdict, hold, proof
from control.lighting.faults.readings import PHASES, Lamp, Three, level_share
from lampwell import assets

PERIOD_S = 900.0
SILENT = Clock(on_s=3 * PERIOD_S, off_s=60, samples=3, gap_s=2 * 3600)
"""Three report periods (domain streetlights 3, comm lost lamp node); noise of the switching-on at dusk is shorter."""
ALL_SILENT = Clock(on_s=2 * PERIOD_S, off_s=60, samples=3, gap_s=2 * 3600)
"""Earlier than each node, which it explains."""
LEAST_NODES = 4
MOVED, VOLTS_MOVED = 0.05, 0.03
"""Shares of power and voltage between two looks: what a flickering lamp moves by, what of its supply explains it (unverified)."""
LEAST_FELLOWS = 3


def lamp_silent(state: Held, lamp: Lamp, *, silent: bool | None) -> Observed:
    """The node of a lamp that is fed does not answer. Behind a dead loop it can not: not judged."""
    verdict = UNTOLD
    if lamp.live is True and silent is not None:
        text = Text(zh="回路有电而节点无应答", en="its loop is live, the node does not answer")
        verdict = Verdict(value=silent, why=text, evidence=proof(lamp.place, lamp.time, no_answer=silent))
    return hold(state, lamp.time, verdict, SILENT, "lamp-silent", lamp.place)


def nodes_silent(state: Held, place: str, time: int, silent: Sequence[bool]) -> Observed:
    """Most nodes of a concentrator are silent. ``silent``: of every node whose lamp is fed."""
    count, size = sum(silent), len(silent)
    text = Text(zh=f"{size}个节点中{count}个无应答", en=f"{count} of {size} nodes do not answer")
    evidence = proof(place, time, silent=count, live=size)
    verdict = UNTOLD if size < LEAST_NODES else Verdict(value=2 * count > size, why=text, evidence=evidence)
    return hold(state, time, verdict, ALL_SILENT, "nodes-silent", place)


def lost_at_end(silent: Sequence[bool | None]) -> int | None:
    """How many neighbouring nodes at the end of a line are silent, given each along it (None = not judged). None where none
    before them answers: then it is not the end that is lost.
    """
    if False not in silent:
        return None
    return next(n for n, one in enumerate(reversed(silent)) if one is not True)


def long_silent(state: Held) -> bool | None:
    """Whether a node has been silent for two periods: once is noise. None = not judged."""
    if state.raw is not True:
        return state.raw
    return state.last - state.since >= 2 * PERIOD_S * 1000


def moved(before: Lamp | None, now: Lamp) -> bool | None:
    """Whether a lamp's power moved since the last look though its level did not; None where that can not be told."""
    if before is None or before.watts is None or now.watts is None or before.level != now.level:
        return None
    return abs(now.watts - before.watts) > MOVED * max(before.watts, now.watts)


def swung(before: Lamp | None, now: Lamp) -> bool:
    """Its own voltage moved enough to explain its power."""
    if before is None or before.volts is None or now.volts is None:
        return False
    return abs(now.volts - before.volts) > VOLTS_MOVED * max(before.volts, now.volts)


def disturbed(moves: Mapping[str, Iterable[bool | None]]) -> frozenset[str]:
    """The groups (lamps of a phase) of which half moved at one look, of three at least: their supply did."""
    known = {group: [one for one in each if one is not None] for group, each in moves.items()}
    return frozenset(group for group, each in known.items() if len(each) >= LEAST_FELLOWS and 2 * sum(each) >= len(each))


def watts_at(lamps: Iterable[assets.Lamp], own: Mapping[str, float | None], level: float) -> Three:
    """Watts by rating on each phase, every lamp at its own level, else at its loop's."""
    watts = [0.0, 0.0, 0.0]
    for lamp in lamps:
        known = own.get(lamp.id)
        watts[PHASES.index(lamp.phase)] += lamp.watts * level_share(level if known is None else known)
    return watts[0], watts[1], watts[2]
