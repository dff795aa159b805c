"""What makes loops unsafe by the cabinet's own readings: they are opened and locked here and at once, with nobody asked
(domain streetlights 3, leakage and neutral open). Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from gateway.lighting import words
from gateway.lighting.seen import LoopSeen
from lampwell.lighting.wire import Said

HOLD_S = 2.0
"""A broken neutral must show so long and in two answers (domain streetlights 3): one answer alone cuts no street."""


class Hazard(NamedTuple):
    """``name``: the beginning of its lock's id. ``reason``: why the loops are locked; ``stands``: why nobody may release them."""

    name: str
    targets: tuple[str, ...]
    reason: Said
    stands: Said


@dataclass(slots=True)
class Hazards:
    """``doubtful``: cabinets whose last answer says that their neutral is broken: worth asking again at once. ``_since``: by
    cabinet, when it first said so, of answers without a break (monotonic seconds).
    """

    doubtful: frozenset[str] = frozenset()
    _since: dict[str, float] = field(default_factory=dict)

    def look(
        self,
        loops: Mapping[str, LoopSeen],
        neutrals: Mapping[str, tuple[float, bool | None]],
        of_cabinet: Mapping[str, tuple[str, ...]],
    ) -> tuple[Hazard, ...]:
        """All that stand now. ``neutrals``: when each cabinet answered last, and what that says of its neutral
        (``lampwell.supply.neutral_open``): not known, or no answer, breaks off the proof. ``of_cabinet``: loops by cabinet.
        """
        self._since = {name: min(at, self._since.get(name, at)) for name, (at, is_open) in neutrals.items() if is_open}
        self.doubtful = frozenset(self._since)
        broken = [name for name, since in self._since.items() if neutrals[name][0] - since >= HOLD_S]
        return (*_leaks(loops), *(_neutral(name, of_cabinet[name]) for name in broken))


def unsafe(hazards: Iterable[Hazard]) -> Mapping[str, Said]:
    """By loop, why it may not be released."""
    return {target: one.stands for one in hazards for target in one.targets}


def _leaks(loops: Mapping[str, LoopSeen]) -> Iterable[Hazard]:
    for target, seen in loops.items():
        if seen.tripped:
            yield Hazard(f"leak-{target.replace('/', '-')}", (target,), words.leaked(), words.still_tripped())


def _neutral(cabinet: str, targets: tuple[str, ...]) -> Hazard:
    return Hazard(f"neutral-{cabinet}", targets, words.neutral_broken(), words.still_broken(cabinet))
