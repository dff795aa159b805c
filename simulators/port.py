"""What the Modbus side of the virtual county knows of the physical side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from lampwell.points import Value


class FaultRefused(ValueError):
    """No such target or fault; the message lists what there is."""


@dataclass(frozen=True, slots=True)
class FaultInfo:
    """A fault that can be set: where (``cabinet-03/loop3``, ``well-07/level``, a link or device id), its name, what it does."""

    target: str
    name: str
    zh: str
    en: str


class Plant(Protocol):
    """One simulated device as its own electronics see it: sensor faults and PLC logic included."""

    @property
    def values(self) -> Mapping[str, Value | None]:
        """Point path -> what the device would report now; None = it reports "not available" (its sentinel)."""
        ...

    def write(self, path: str, value: Value) -> None:
        """The master wrote a writable point. Raises ValueError where the device would answer exception 3."""
        ...


class World(Protocol):
    """The physical county: weather, hydraulics, electrics, PLCs, sensors."""

    @property
    def plants(self) -> Mapping[str, Plant]:
        """By device id."""
        ...

    async def advance(self, now: int) -> None:
        """Bring everything to this time (epoch ms UTC, never backwards); called about once a county second."""
        ...

    def faults(self) -> tuple[FaultInfo, ...]:
        """Every field and sensor fault that can be set."""
        ...

    def fault(self, target: str, name: str, *, on: bool = True, value: float | None = None) -> None:
        """Set or clear a fault; FaultRefused if it does not exist."""
        ...

    def storm(self, return_period: float, minutes: float | None = None) -> None:
        """A design storm of that return period (years) begins now."""
        ...

    def truth(self) -> Mapping[str, float]:
        """Ground truth by ``device/point`` (true depth, lamps lit, ...): tests only, never on the wire."""
        ...

    async def close(self) -> None:
        """End the hydraulics process."""
        ...
