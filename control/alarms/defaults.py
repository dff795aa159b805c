"""What a rule's timing is where it does not say: deadband and delays by quantity, the rest by priority."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from control.alarms.model import Priority
from lampwell.assets import DeviceKind


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a quantity is watched: deadband as a share of the limit or in its unit, whichever is larger; delays in seconds."""

    share: float = 0.0
    deadband: float = 0.0
    on_s: float
    off_s: float


BY_UNIT: Mapping[str, Manner] = {
    "m": Manner(share=0.05, deadband=0.03, on_s=60, off_s=600),  # level: 5 % and 60 s (EEMUA 191); off after domain alarms 1.1
    "V": Manner(share=0.02, on_s=10, off_s=30),  # phase voltage: 2 % and 10 s (domain alarms 1.1)
    "°C": Manner(share=0.01, deadband=1, on_s=60, off_s=60),  # temperature: 1 % and 60 s (EEMUA 191)
    "m3/h": Manner(share=0.05, on_s=15, off_s=60),  # flow: 5 % and 15 s (EEMUA 191)
}
"""Starting values of EEMUA 191 / ISA TR18.2.3 as domain alarms 1.1 has them; off-delays are the project's own, unverified."""

PONDING = Manner(deadband=0.03, on_s=20, off_s=600)
"""Water on a road: 3 cm below the level, held 10 min (domain drainage 2.2), on after 20 s (domain alarms 1.1)."""

NUMBER = Manner(share=0.02, on_s=15, off_s=60)
"""Any other number, as a pressure (EEMUA 191)."""

STATE = Manner(on_s=5, off_s=10)
"""A contact or a status word: 5 s, as a door (domain alarms 1.1); off unverified."""

LIFE = Manner(on_s=30, off_s=10)
"""Whether something answers; unverified."""

FAULT = Manner(on_s=0, off_s=0)
"""Logic that finds a fault has clocks of its own."""

REALARM_S = {Priority.RED: 1800.0}
"""An acknowledged red that is still there is told again after 30 min."""

RESPOND_S = {Priority.RED: 180.0, Priority.ORANGE: 600.0, Priority.YELLOW: 3600.0, Priority.BLUE: 8 * 3600.0}
"""3 min, 10 min, 1 h, next shift (domain alarms 1.1)."""

MOST_SHELF_S = {Priority.RED: 1800.0, Priority.ORANGE: 7200.0, Priority.YELLOW: 8 * 3600.0, Priority.BLUE: 8 * 3600.0}
"""A duty officer shelves for 8 h at most (domain alarms 4.1); shorter for red and orange, the project's own choice."""


def manner_of(unit: str, kind: DeviceKind | None) -> Manner:
    """How a limit in this unit on a device of this kind is watched."""
    if kind is DeviceKind.PONDING and unit == "m":
        return PONDING
    return BY_UNIT.get(unit, NUMBER)
