"""What a running simulation says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkStatus:
    """One link as served: where it is, how many units sit on it, who is connected, what was asked and answered so far.

    ``refused`` counts exception answers; requests beyond ``answers`` were met with silence.
    """

    id: str
    endpoint: str
    transport: str
    units: int
    clients: int
    requests: int
    answers: int
    refused: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulationStatus:
    """``now`` is county time (epoch ms UTC), ``elapsed_s`` county seconds since the start; ``late_s`` is how far the last tick
    of the world was behind its time. ``faults`` are those set, by target: name -> value (None = the fault's usual one).
    """

    running: bool
    now: int
    elapsed_s: float
    late_s: float
    pending: int
    links: tuple[LinkStatus, ...]
    faults: Mapping[str, Mapping[str, float | None]]
