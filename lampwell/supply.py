"""What phase voltages and neutral current say of a supply: one reading, no clock. Edge and centre go by the same figures."""

from __future__ import annotations

from collections.abc import Sequence

DEAD_V = 110.0
"""Half of nominal: below it a phase is lost (domain streetlights 3)."""
SPREAD_HIGH_V, SPREAD_LOW_V = 253.0, 190.0
"""One phase above the first while another is below the second (domain streetlights 3, neutral open)."""
NEUTRAL_A = 0.3
"""At most so much counts as none; the domain says "about 0", the figure is this project's own."""


def neutral_open(volts: Sequence[float | None], neutral: float | None) -> bool | None:
    """Whether the neutral is broken: live phases drift apart and no neutral current flows. None: a voltage, or the current that
    would tell it from a load, is not known.
    """
    known = [one for one in volts if one is not None]
    if len(known) < 3:
        return None
    live = [one for one in known if one >= DEAD_V]
    if len(live) < 2 or max(live) <= SPREAD_HIGH_V or min(live) >= SPREAD_LOW_V:
        return False
    return None if neutral is None else neutral <= NEUTRAL_A
