"""Faults of the field as values: what can be set where, and the one function that sets it."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from simulators.port import FaultInfo, FaultRefused

Setter = Callable[[bool, float | None], None]
"""(on, value): begin or end the fault; value None means its usual size. Raises ValueError for a size that makes no sense."""


@dataclass(frozen=True, slots=True)
class FaultText:
    """Name and meaning of a kind of fault."""

    name: str
    zh: str
    en: str


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault that can be set."""

    info: FaultInfo
    set: Setter


Table = Mapping[tuple[str, str], Fault]
"""Faults by target and name."""


def fault_of(target: str, text: FaultText, setter: Setter) -> Fault:
    """A fault of this kind at this place."""
    return Fault(FaultInfo(target, text.name, text.zh, text.en), setter)


def table(faults: Iterable[Fault]) -> Table:
    """All faults of a world."""
    return {(f.info.target, f.info.name): f for f in faults}


def set_fault(faults: Table, target: str, name: str, *, on: bool, value: float | None) -> None:
    """Set or clear; FaultRefused says what there is where the target or the name is wrong."""
    fault = faults.get((target, name))
    if fault is None:
        raise FaultRefused(_refusal(faults, target, name))
    try:
        fault.set(on, value)
    except ValueError as error:
        raise FaultRefused(f"{target} {name}: {error}") from error


def _refusal(faults: Table, target: str, name: str) -> str:
    here = [n for t, n in faults if t == target]
    if here:
        return f"{target} has no fault {name!r}; it has: {', '.join(here)}"
    targets = list(dict.fromkeys(t for t, _ in faults))
    near = difflib.get_close_matches(target, targets, n=5, cutoff=0.5)
    below = [t for t in targets if t.startswith(f"{target}/")]
    hint = f"below it: {', '.join(below)}" if below else f"nearest: {', '.join(near or targets[:8])}"
    return f"no target {target!r} with field faults; {hint}"
