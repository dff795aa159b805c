"""The faults that logic finds on whole devices, by the names that rules use, and where each is."""

from __future__ import annotations

from collections.abc import Mapping

from lampwell.assets import DeviceKind

BY_CABINET = frozenset({"neutral-open", "voltage", "voltage-serious", "door-open", "frozen-data", "phase-lost"})
BY_LOOP = frozenset(
    {
        "loop-open",
        "loop-phase-open",
        "contactor-welded",
        "contactor-not-closing",
        "contactor-feedback",
        "cable-cut",
        "loop-day-burning",
        "leakage-step",
        "leakage-drift",
        "lamps-lost",
        "load-added",
        "schedule-not-executed",
        "cable-theft",
        "loop-meter",
        "loop-power-factor",
        "loop-power-factor-serious",
        "energy-mismatch",
    }
)
BY_CONCENTRATOR = frozenset({"nodes-silent"})
BY_LAMP = frozenset(
    f"lamp-{name}-confirmed"
    for name in (
        "out",
        "power",
        "dim-failure",
        "day-burning",
        "cycling",
        "flicker",
        "power-factor",
        "power-factor-serious",
        "silent",
    )
)
"""Confirmed: found on two of three nights. Nobody drives out for one lamp before that (domain streetlights 3)."""

FAULTS: Mapping[str, tuple[DeviceKind, ...]] = {
    **dict.fromkeys(sorted(BY_CABINET | BY_LOOP), (DeviceKind.CABINET,)),
    **dict.fromkeys(sorted(BY_CONCENTRATOR | BY_LAMP), (DeviceKind.CONCENTRATOR,)),
}
"""Name -> the kinds of devices it is found on. docs/feeder.md says when each is armed and told."""
