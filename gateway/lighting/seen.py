"""What was read back of a loop or a lamp, and whether it is as it should be. Pure. None is not known: neither right nor wrong.

A loop is on where its contactor's feedback is closed AND current flows, off where neither is so (domain streetlights 3).
"""

from __future__ import annotations

from typing import NamedTuple

from lampwell.lighting.wire import Said

FLOWS_A, FLOWS_SHARE = 0.05, 0.05
"""At least so much current is a burning loop: 5 % of what its lamps take (domain streetlights 3, "loop open")."""
RESTS_A, RESTS_SHARE = 0.3, 0.03
"""At most so much is a loop that is off: 0.3 A or 3 % (domain streetlights 3, "contactor welded")."""
FLOOR = 0.05
"""What an LED driver takes at level 0, of its rated power (domain streetlights 3)."""
LEVEL_SLACK = 1
"""Percent by which a device may round a level that was written to it."""


class LoopSeen(NamedTuple):
    """``heard``: monotonic seconds of the last answer. ``amps``: the highest phase. ``commanded``: what the device drives.
    ``mode``: who decides there (0 panel, 1 its table, 2 we); None where that is not read yet. ``local``: a switch at the cabinet
    is on local. ``supplied``: any phase is live. ``tripped``: by leakage.
    """

    heard: float = float("-inf")
    aux: bool | None = None
    amps: float | None = None
    level: int | None = None
    commanded: bool | None = None
    mode: int | None = 2
    local: bool | None = None
    supplied: bool | None = None
    tripped: bool | None = None


class LampSeen(NamedTuple):
    """``level`` as the lamp's node reports it."""

    heard: float = float("-inf")
    level: int | None = None


class Verdict(NamedTuple):
    """``contactor`` and ``dimmed``: whether that part is as wanted. ``why``: what is wrong or not known."""

    contactor: bool | None
    dimmed: bool | None
    why: Said | None = None

    @property
    def agrees(self) -> bool | None:
        """Both parts; one that is wrong is wrong whatever the other is."""
        if self.contactor is False or self.dimmed is False:
            return False
        return None if self.contactor is None or self.dimmed is None else True


def judge_loop(seen: LoopSeen, wanted: int, rated_a: float, *, dims: bool, sent: bool = True) -> Verdict:
    """``rated_a``: current of the loop's lamps per phase at full level; 0 where no lamp is known, and then the feedback alone
    tells that it is on. ``dims``: the loop has a level of its own; ``sent``: just this level was the last one written.
    """
    if seen.aux is None or seen.amps is None:
        return Verdict(None, None, _NOT_READ)
    if not wanted:
        return _judge_off(seen, seen.amps, rated_a)
    share = FLOOR + (1 - FLOOR) * wanted / 100
    flows = not rated_a or seen.amps >= max(FLOWS_A, FLOWS_SHARE * rated_a * share)
    if not seen.aux:
        return Verdict(False, None, _NOT_CLOSED if seen.amps <= RESTS_A else _FEEDBACK_OPEN)
    if not flows:
        return Verdict(False, None, _NO_CURRENT)
    if not dims:
        return Verdict(True, True)
    return _judge_level(seen.level, wanted, sent=sent)


def judge_lamp(seen: LampSeen, wanted: int, *, sent: bool = True) -> Verdict:
    """A lamp on a live loop."""
    return _judge_level(seen.level, wanted, sent=sent)


def _judge_off(seen: LoopSeen, amps: float, rated_a: float) -> Verdict:
    rests = amps <= max(RESTS_A, RESTS_SHARE * rated_a)
    if not seen.aux and rests:
        return Verdict(True, True)
    if seen.aux:
        return Verdict(False, True, _FEEDBACK_CLOSED if rests else _WELDED)
    return Verdict(False, True, _FEEDBACK_OPEN)


def _judge_level(level: int | None, wanted: int, *, sent: bool) -> Verdict:
    if level is None:
        return Verdict(True, None, _NOT_READ)
    if abs(level - wanted) <= (LEVEL_SLACK if sent else 0):
        return Verdict(True, True)
    return Verdict(True, False, Said(zh=f"亮度为 {level}%", en=f"its level is {level} %"))


_NOT_READ = Said(zh="没有回读，状态未知", en="no read-back, its state is not known")
_NOT_CLOSED = Said(zh="接触器未吸合，无电流", en="the contactor does not close: feedback open, no current")
_NO_CURRENT = Said(zh="接触器已吸合，但无电流", en="feedback closed, but no current flows")
_WELDED = Said(zh="接触器未断开，仍有电流", en="the contactor does not open: feedback closed, current flows")
_FEEDBACK_CLOSED = Said(zh="无电流，但接触器反馈为合", en="no current, but feedback closed")
_FEEDBACK_OPEN = Said(zh="有电流，但接触器反馈为分", en="current flows, but feedback open")
