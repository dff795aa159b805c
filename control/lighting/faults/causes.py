"""Which fault explains which: mains explains phase explains breaker explains loop explains lamp (domain streetlights 3).

One root is told; what it explains carries its key and is told as not known. A root explains only what it can darken: phase a says
nothing of a lamp on phase b. A neutral that is open explains voltages. Leakage, door, theft and burning by day are explained by
nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from control.lighting.faults.model import Finding


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """Where a lamp or a loop hangs: its cabinet's place, its loop's (``cab-07/loop3``), its phase (a, b, c; "" = all)."""

    cabinet: str
    loop: str = ""
    phase: str = ""


DARK_LAMP = frozenset(
    {"lamp-out", "lamp-power", "lamp-dim-failure", "lamp-driver", "lamp-cycling", "lamp-flicker", "lamp-silent"}
)
DARK_LOOP = frozenset({"loop-open", "cable-cut", "lamps-lost", "schedule-not-executed", "contactor-not-closing", "frozen-data"})
PHASE_OPEN = frozenset(f"loop-phase-{phase}-open" for phase in "abc")
ALWAYS_TOLD = frozenset(
    {
        "leakage",
        "leakage-step",
        "leakage-drift",
        "door-open",
        "cable-theft",
        "contactor-welded",
        "lamp-day-burning",
        "loop-day-burning",
    }
)

Explains = Callable[[Finding, Where, Finding, Where], bool]


def _below(fault: str) -> bool:
    base = fault.removesuffix("-confirmed")
    return base in DARK_LAMP or base in DARK_LOOP or base in PHASE_OPEN


def _gateway(_: Finding, at: Where, child: Finding, where: Where) -> bool:
    return where.cabinet == at.cabinet and child.fault != "gateway-silent"


def _mains(_: Finding, at: Where, child: Finding, where: Where) -> bool:
    supply = child.fault.startswith(("phase-", "voltage")) or child.fault == "main-breaker"
    return where.cabinet == at.cabinet and (supply or _below(child.fault) or child.fault == "loop-breaker")


def _neutral(_: Finding, at: Where, child: Finding, where: Where) -> bool:
    return where.cabinet == at.cabinet and (child.fault.startswith("voltage") or _below(child.fault))


def _phase(root: Finding, at: Where, child: Finding, where: Where) -> bool:
    phase = root.fault.split("-")[1]
    if where.cabinet != at.cabinet:
        return False
    if child.fault in PHASE_OPEN:
        return child.fault == f"loop-phase-{phase}-open"
    return _below(child.fault) and where.phase in ("", phase)


def _main_breaker(_: Finding, at: Where, child: Finding, where: Where) -> bool:
    return where.cabinet == at.cabinet and (_below(child.fault) or child.fault == "loop-breaker")


def _loop(root: Finding, at: Where, child: Finding, where: Where) -> bool:
    rank = LOOP_ORDER.index(root.fault)
    below = child.fault in LOOP_ORDER[rank + 1 :] or (_below(child.fault) and child.fault not in LOOP_ORDER)
    return where.loop == at.loop and below


def _loop_phase(root: Finding, at: Where, child: Finding, where: Where) -> bool:
    phase = root.fault.split("-")[2]
    return (
        where.loop == at.loop
        and (child.fault == "lamps-lost" or child.fault.removesuffix("-confirmed") in DARK_LAMP)
        and where.phase in ("", phase)
    )


LOOP_ORDER = ("contactor-not-closing", "loop-breaker", "loop-open", "cable-cut")
ROOTS: Mapping[str, Explains] = {
    "gateway-silent": _gateway,
    "mains-lost": _mains,
    "neutral-open": _neutral,
    **{f"phase-{phase}-lost": _phase for phase in "abc"},
    "main-breaker": _main_breaker,
    **dict.fromkeys(LOOP_ORDER, _loop),
    **{f"loop-phase-{phase}-open": _loop_phase for phase in "abc"},
}
"""Highest first: the first root that explains a finding is its cause."""


def explain(findings: Iterable[Finding], where: Mapping[str, Where]) -> tuple[Finding, ...]:
    """All findings, each fault that a higher one explains carrying its root's key. ``where``: by place; a place that is not
    listed hangs under the cabinet its name begins with.
    """
    found = tuple(findings)
    roots = [(name, one) for name in ROOTS for one in found if one.fault == name and (one.value or one.ending)]
    return tuple(_explained(one, roots, where) for one in found)


def _explained(finding: Finding, roots: Iterable[tuple[str, Finding]], where: Mapping[str, Where]) -> Finding:
    if not finding.value:
        return finding
    if finding.fault in ALWAYS_TOLD:
        return finding if _heard(finding, roots, where) else replace(finding, value=None)
    for name, root in roots:
        if root.key == finding.key:
            return finding
        if ROOTS[name](root, at(root.place, where), finding, at(finding.place, where)):
            return replace(finding, explained_by=root.key)
    return finding


def _heard(finding: Finding, roots: Iterable[tuple[str, Finding]], where: Mapping[str, Where]) -> bool:
    """Safety is told unless its cabinet is silent: then it is not known, which clears nothing."""
    return not any(
        name == "gateway-silent" and at(root.place, where).cabinet == at(finding.place, where).cabinet for name, root in roots
    )


def at(place: str, where: Mapping[str, Where]) -> Where:
    """Where a place hangs."""
    if place in where:
        return where[place]
    cabinet, *rest = place.split("/")
    loop = f"{cabinet}/{rest[0]}" if rest and rest[0].startswith("loop") else ""
    return Where(cabinet=cabinet, loop=loop, phase=rest[1] if len(rest) > 1 else "")
