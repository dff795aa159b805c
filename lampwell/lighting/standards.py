"""What a road must have: CJJ 45-2015 illuminance by road class, and how far a night may be reduced.

The low and high values are those of the printed table (domain streetlights 2.1). The floor is half the low value, from the clause
that late at night not more than half of the lamps may be off (CJJ 45 7.2, unverified): a county sets its own in standards.toml.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class RoadStandard:
    """``design_lx``: average at full light. ``minimum_lx``: what it must keep all night. ``source``: who says so."""

    road_class: str
    design_lx: float
    minimum_lx: float
    source: str


CJJ45 = "CJJ 45-2015 table of illuminance, high value; floor: half the low value (7.2, unverified)"
DEFAULTS: Mapping[str, RoadStandard] = {
    one.road_class: one
    for one in (
        RoadStandard(road_class="main", design_lx=30.0, minimum_lx=10.0, source=CJJ45),
        RoadStandard(road_class="secondary", design_lx=20.0, minimum_lx=7.5, source=CJJ45),
        RoadStandard(road_class="branch", design_lx=10.0, minimum_lx=4.0, source=CJJ45),
    )
}
_CLASSES = ((20.0, "Ⅰ"), (15.0, "Ⅱ"), (8.0, "Ⅲ"))
"""The low value of each class: what an average still counts as."""


def class_of(lux: float) -> str:
    """The highest CJJ 45 class whose low value an average reaches; "" below all of them."""
    return next((name for low, name in _CLASSES if lux >= low - 1e-9), "")
