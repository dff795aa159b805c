"""A broken neutral burns the drivers of a street within minutes: its loops are cut here and at once, with nobody asked
(domain streetlights 3, neutral open). Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

HOLD_S = 2.0
"""It must show so long and in two answers (domain streetlights 3): one answer alone cuts no street."""


@dataclass(slots=True)
class Neutrals:
    """``_since``: by cabinet, when it answered so first, of answers without a break (monotonic seconds)."""

    _since: dict[str, float] = field(default_factory=dict)

    def broken(self, said: Mapping[str, tuple[float, bool | None]]) -> frozenset[str]:
        """The cabinets whose neutral is broken beyond doubt. ``said``: when each answered last, and what that says
        (``lampwell.supply.neutral_open``); what is not known, or a cabinet that is silent, breaks off the proof.
        """
        self._since = {name: min(at, self._since.get(name, at)) for name, (at, is_open) in said.items() if is_open}
        return frozenset(name for name, since in self._since.items() if said[name][0] - since >= HOLD_S)
