"""What a person may ask of the lights: a version for the edge nodes, a level for a while. Values only, not checked yet."""

from __future__ import annotations

from dataclasses import dataclass

from control.lighting.rollout import PATIENCE_S, SETTLE_S
from lampwell.lighting.wire import Said

LASTS_S = 7_200
"""A lease's usual length (domain streetlights 4.1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Activation:
    """``first``: the cabinet to begin with, "" chooses one. ``allowed``: so many targets of an edge node may be unlike (faults
    that are known). ``at_once``: one stage for all, no trial.
    """

    version: int
    first: str = ""
    settle_s: int = SETTLE_S
    patience_s: int = PATIENCE_S
    allowed: int = 0
    at_once: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A level for a while. ``start`` 0: at once. It ends by the next noon at the latest (domain streetlights 4.1), of which the
    first is passed over where it is less than the usual length away.
    """

    level: int
    lasts_s: int = LASTS_S
    start: int = 0
    ramp_s: int = 0
    ramp_back_s: int = 0
    reason: Said
