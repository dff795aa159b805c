"""Commands as another system writes them: leases and the ends of leases, several given together or not at all. Values only.

Their times are absolute, so that an end stays where it is however long the second word takes.
"""

from __future__ import annotations

from dataclasses import dataclass

from control.lighting.changes import Change
from control.lighting.selection import Selection
from control.lighting.views import LightOrder
from lampwell.lighting.wire import Said


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseCommand:
    """A level in percent until ``end``. ``start``: one that is over, or 0, is at once. Epoch ms, seconds. ``place``: where it is
    written, for whoever must mend it.
    """

    place: str
    selection: Selection
    level: int
    end: int
    start: int = 0
    ramp_s: int = 0
    ramp_back_s: int = 0
    reason: Said


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelCommand:
    """The leases that hold on what is selected, and nowhere else, end now."""

    place: str
    selection: Selection
    reason: Said


@dataclass(frozen=True, slots=True, kw_only=True)
class Commands:
    """All that is given together. Of leases on the same lamps the later in the list holds."""

    leases: tuple[LeaseCommand, ...] = ()
    cancels: tuple[CancelCommand, ...] = ()

    @property
    def every(self) -> tuple[LeaseCommand | CancelCommand, ...]:
        """Leases first."""
        return (*self.leases, *self.cancels)


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What one command does. ``change`` None: it ends the leases ``ends``."""

    place: str
    change: Change | None = None
    ends: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Commanded:
    """What commands came to, as ``Given``. ``cabinets``: all that have a part in it."""

    effects: tuple[Effect, ...]
    cabinets: tuple[str, ...]
    orders: tuple[LightOrder, ...] = ()
    token: str = ""
