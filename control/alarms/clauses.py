"""What one alarm watches, as values: the condition of a rule with everything that depends on the place filled in."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Beyond:
    """A number against the alarm's limit. ``level``: the name of the device's level that the limit is, "" = a plain number."""

    level: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Same:
    """A state: equal to ``value``, or not equal to it."""

    value: bool | int | str
    negate: bool = False

    def holds(self, value: object) -> bool:
        """Whether a value fulfils it."""
        return (value == self.value) is not self.negate


@dataclass(frozen=True, slots=True, kw_only=True)
class Flagged:
    """The quality of a reading: ``bad`` (not to be believed), ``blind`` (so near the sensor that it may be under water) or
    ``stuck`` (it has not moved for longer than is plausible).
    """

    what: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Offline:
    """The device does not answer its edge node, or the edge node is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Silent:
    """Alive, but no reading at all for so long."""

    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Derived:
    """Concluded from several facts; ``control.alarms.derived`` has the names."""

    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Found by logic that watches a whole device; ``control.alarms.faults`` has the names."""

    name: str


Clause = Beyond | Same | Flagged | Offline | Silent | Derived | Fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """An enabling condition on a point of the same device."""

    point: str
    same: Same
