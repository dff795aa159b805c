"""From what should hold and what was read back to what is to be written now. Pure: time and readings are arguments.

Nothing is undone that is right, nothing is repeated for ever: contactors keep their limits, and after three tries a target
counts as failed, is told so, and is tried again ten minutes later.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from gateway.lighting.desired import Wanted
from gateway.lighting.following import Check
from gateway.lighting.hand import Hand
from gateway.lighting.kept import said
from gateway.lighting.limits import TURN, Limits
from gateway.lighting.seen import LampSeen, LoopSeen, Verdict, judge_lamp, judge_loop
from lampwell.lighting.model import OFF, Layer
from lampwell.lighting.wire import Said

TRY_S = 2.5
"""A stuck relay is told when its third try is over: 7.5 s. Repeating a command that the device holds already moves nothing."""
LAMP_TRY_S = 20.0
"""A concentrator reaches its nodes one by one over the power line (unverified)."""
LOOP_GAP_S, LAMP_GAP_S = 5.0, 10.0
"""Between two levels of a program's ramp: a serial line has other things to do. What people ask for does not wait for that."""
TAKE_OVER_S = 60.0
"""So long a device may take to hand its loops to us."""
FRESH_S = 180.0
"""What was read longer ago is not known any more."""


class Kind(StrEnum):
    """What an action writes."""

    SWITCH = "switch"
    LEVEL = "level"


class Action(NamedTuple):
    """Write ``value`` (0/1, or percent) to a target."""

    target: str
    kind: Kind
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopSpec:
    """A loop as the reconciler knows it. ``rated_a``: see ``judge_loop``; ``dims``: it has a level of its own."""

    id: str
    cabinet: str
    rated_a: float = 0.0
    dims: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class LampSpec:
    """A lamp with a node of its own."""

    id: str
    loop: str


@dataclass(slots=True)
class Reconciler:
    """For the loops and lamps of one plan. ``due``: after a round, when the next one may have something to write that only waits
    for its time (monotonic seconds).
    """

    loops: tuple[LoopSpec, ...]
    lamps: tuple[LampSpec, ...] = ()
    due: float = float("inf")
    limits: Limits = field(default_factory=Limits)
    _hands: dict[str, Hand] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._hands = {one.id: Hand() for one in self.loops} | {one.id: Hand() for one in self.lamps}

    def keep(self, old: Reconciler) -> None:
        """Take over what was tried under an earlier plan: a new plan is no way around the limits."""
        self.limits = old.limits
        self._hands |= {key: hand for key, hand in old._hands.items() if key in self._hands}

    def could_not(self, target: str, why: Said) -> None:
        """A write to this target did not reach its device."""
        if hand := self._hands.get(target):
            hand.error = why

    def round(
        self, now: float, wanted: Mapping[str, Wanted], loops: Mapping[str, LoopSeen], lamps: Mapping[str, LampSeen]
    ) -> tuple[list[Action], dict[str, Check]]:
        """What to write now, in order, and how every target is. ``now``: monotonic seconds."""
        self.due = float("inf")
        actions: list[Action] = []
        checks: dict[str, Check] = {}
        for loop in _urgent_first(self.loops, wanted):
            checks[loop.id] = self._loop(loop, now, wanted[loop.id], loops.get(loop.id, LoopSeen()), actions)
        for lamp in self.lamps:
            on = loops.get(lamp.loop, LoopSeen())
            checks[lamp.id] = self._lamp(lamp, now, wanted[lamp.id], lamps.get(lamp.id, LampSeen()), on, checks, actions)
        return actions, checks

    # -- loops -------------------------------------------------------------------------------------------------------------

    def _loop(self, loop: LoopSpec, now: float, wanted: Wanted, seen: LoopSeen, actions: list[Action]) -> Check:
        hand = self._hands[loop.id]
        if now - seen.heard > FRESH_S:
            seen = LoopSeen()
        verdict = judge_loop(seen, wanted.level, loop.rated_a, dims=loop.dims, sent=hand.sent == wanted.level)
        agrees = verdict.agrees
        hand.turn(wanted.level, now, LOOP_GAP_S if wanted.layer < Layer.LEASE else 0.0)
        if agrees and _barrier(seen, wanted) is _NOT_OURS:
            return _not_yet(hand, wanted, seen.level, now)
        if agrees or agrees is None:
            return _rest(hand, wanted, verdict, seen.level)
        level = _level_of(seen)
        if barrier := _barrier(seen, wanted):
            waits = barrier is _NOT_OURS and now - hand.since < TAKE_OVER_S
            return Check(
                wanted=wanted.level,
                level=level,
                agrees=False,
                written=False,
                busy=waits,
                fed=barrier is not _NO_SUPPLY,
                by=wanted.by,
                why=barrier,
            )
        if not hand.may_try(now):
            self.due = min(self.due, hand.due)
            return _checked(hand, wanted, verdict, level)
        moves = verdict.contactor is False and seen.commanded is not bool(wanted.level)
        if moves and (wait := self._wait(loop, now, wanted)):
            return Check(wanted=wanted.level, level=level, agrees=False, written=False, busy=wait is TURN, by=wanted.by, why=wait)
        self._write_loop(loop, hand, now, wanted.level, verdict, actions, moves=moves)
        return _checked(hand, wanted, verdict, level)

    def _wait(self, loop: LoopSpec, now: float, wanted: Wanted) -> Said | None:
        """Why a contactor may not move yet. What protects people does not wait."""
        if wanted.layer >= Layer.INTERLOCK:
            return None
        why, until = self.limits.wait(loop.id, loop.cabinet, now, on=wanted.level > OFF) or (None, float("inf"))
        if why is TURN:
            self.due = min(self.due, until)
        return why

    def _write_loop(
        self, loop: LoopSpec, hand: Hand, now: float, level: int, verdict: Verdict, actions: list[Action], *, moves: bool
    ) -> None:
        """The level before the contactor: no loop comes up at a level that nobody asked for."""
        if level and loop.dims and (verdict.contactor is False or verdict.dimmed is False):
            actions.append(Action(loop.id, Kind.LEVEL, level))
        if verdict.contactor is False:
            actions.append(Action(loop.id, Kind.SWITCH, int(level > OFF)))
        if moves:
            self.limits.moved(loop.id, loop.cabinet, now, on=level > OFF)
        hand.tried(now, TRY_S)

    # -- lamps -------------------------------------------------------------------------------------------------------------

    def _lamp(
        self,
        lamp: LampSpec,
        now: float,
        wanted: Wanted,
        seen: LampSeen,
        on: LoopSeen,
        checks: Mapping[str, Check],
        actions: list[Action],
    ) -> Check:
        hand, loop = self._hands[lamp.id], checks[lamp.loop]
        basis = (wanted.level, wanted.by, seen, loop.agrees, loop.wanted, loop.busy)
        if hand.settled and hand.check is not None and hand.basis == basis and now - seen.heard <= FRESH_S:
            return hand.check
        hand.basis = basis
        if not loop.wanted or not on.aux:
            hand.wanted = -1  # its node is dead: what it knew may be lost
            hand.check = _on_dead_loop(wanted, loop)
            hand.settled = bool(hand.check.agrees)
            return hand.check
        known = now - seen.heard <= FRESH_S
        verdict = judge_lamp(seen if known else LampSeen(), wanted.level, sent=hand.sent == wanted.level)
        hand.turn(wanted.level, now, LAMP_GAP_S if wanted.layer < Layer.LEASE else 0.0)
        told = hand.settled or hand.tries > 0 or not known  # a node that says nothing is told once what is new
        if verdict.agrees or (verdict.agrees is None and told):
            hand.check = _rest(hand, wanted, verdict, seen.level)
            return hand.check
        if hand.may_try(now):
            actions.append(Action(lamp.id, Kind.LEVEL, wanted.level))
            hand.tried(now, LAMP_TRY_S)
        hand.check = _checked(hand, wanted, verdict, seen.level)
        return hand.check


def _urgent_first(loops: Iterable[LoopSpec], wanted: Mapping[str, Wanted]) -> list[LoopSpec]:
    """What protects people, then what people asked for, then the rest, each in the order of the plan."""
    return sorted(loops, key=lambda one: -max(wanted[one.id].layer, Layer.FESTIVAL))


def _rest(hand: Hand, wanted: Wanted, verdict: Verdict, level: int | None) -> Check:
    """It is right, or nobody knows: nothing to do."""
    if verdict.agrees:
        hand.right(dims=wanted.level > OFF)
    shown = (level if wanted.level else OFF) if verdict.agrees else None
    return Check(wanted=wanted.level, level=shown, agrees=verdict.agrees, by=wanted.by, why=verdict.why or said(wanted.why))


def _not_yet(hand: Hand, wanted: Wanted, level: int | None, now: float) -> Check:
    """It happens to be right, but by the device's own will."""
    waits = now - hand.since < TAKE_OVER_S
    return Check(wanted=wanted.level, level=level, written=False, busy=waits, by=wanted.by, why=_NOT_OURS)


def _checked(hand: Hand, wanted: Wanted, verdict: Verdict, level: int | None) -> Check:
    return Check(
        wanted=wanted.level,
        level=level,
        agrees=verdict.agrees,
        written=hand.tries > 0,
        busy=not hand.failed,
        by=wanted.by,
        why=hand.error or verdict.why,
    )


def _on_dead_loop(wanted: Wanted, loop: Check) -> Check:
    """A lamp is off with its loop; it can not be on before its loop is."""
    if not wanted.level and loop.agrees:
        return Check(wanted=OFF, level=OFF, agrees=True, by=wanted.by, why=said(wanted.why))
    agrees = None if loop.agrees is None or not wanted.level else False
    return Check(
        wanted=wanted.level, agrees=agrees, written=loop.written, busy=loop.busy, fed=loop.fed, by=wanted.by, why=_ITS_LOOP
    )


def _level_of(seen: LoopSeen) -> int | None:
    """Of a loop that is not as wanted: off where it is certainly off."""
    return seen.level if seen.aux else OFF if seen.aux is False else None


def _barrier(seen: LoopSeen, wanted: Wanted) -> Said | None:
    """Why nothing can be done from here."""
    if wanted.level and seen.tripped:
        return _TRIPPED
    if seen.local or seen.mode == 0:
        return _LOCAL
    if wanted.level and seen.supplied is False:
        return _NO_SUPPLY
    return _NOT_OURS if seen.mode != 2 else None


_TRIPPED = Said(zh="漏电跳闸未复位", en="tripped by leakage")
_LOCAL = Said(zh="控制箱处于就地位置", en="the cabinet is on local")
_NO_SUPPLY = Said(zh="控制箱停电", en="the cabinet has no supply")
_NOT_OURS = Said(zh="控制箱未处于远程模式", en="the cabinet is not in remote mode")
_ITS_LOOP = Said(zh="所在回路状态不符", en="its loop is not as wanted")
