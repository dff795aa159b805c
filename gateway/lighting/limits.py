"""How often contactors may move. Pure: times are monotonic seconds.

Those of a cabinet move at least 5 s apart, so that inrush currents do not add up; a loop is switched on at most six times an
hour.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gateway.lighting.kept import Moves
from lampwell.lighting.wire import Said

SPACING_S = 5.0
MOST_ONS, HOUR_S = 6, 3600.0
TURN = Said(zh="等待分级合闸", en="waits for its turn: contactors move 5 s apart")
_TOO_OFTEN = Said(zh="一小时内合闸已达6次", en="switched on six times within the hour already")


@dataclass(slots=True)
class Limits:
    """``moves``: by loop its last six switch-ons, by cabinet the last move of its contactors."""

    moves: dict[str, tuple[float, ...]] = field(default_factory=dict)

    def wait(self, loop: str, cabinet: str, now: float, *, on: bool) -> tuple[Said, float] | None:
        """Why a contactor may not move yet, and until when."""
        ons = self.moves.get(loop, ())
        if on and len(ons) == MOST_ONS and now - ons[0] < HOUR_S:
            return _TOO_OFTEN, ons[0] + HOUR_S
        turn = self.moves.get(cabinet, (float("-inf"),))[0] + SPACING_S
        return (TURN, turn) if now < turn else None

    def moved(self, loop: str, cabinet: str, now: float, *, on: bool) -> None:
        """It does now."""
        self.moves[cabinet] = (now,)
        if on:
            self.moves[loop] = (*self.moves.get(loop, ()), now)[-MOST_ONS:]

    def as_kept(self, at: int, now: float) -> Moves:
        """In epoch ms: a restart is no way around the limits."""
        return {key: tuple(at - round((now - one) * 1000) for one in times) for key, times in self.moves.items()}

    def recall(self, kept: Mapping[str, tuple[int, ...]], at: int, now: float) -> None:
        """What an earlier life did; what seems to lie ahead is taken for now."""
        self.moves |= {key: tuple(now - max(0, at - one) / 1000 for one in times) for key, times in kept.items()}
