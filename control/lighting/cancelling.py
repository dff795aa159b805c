"""Which leases a command of another system ends. Pure.

TALQ names lamps, an edge node ends whole leases: one that also holds elsewhere would end there, too, and is not touched.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from control.lighting.heard import layer_of
from control.requests import NotDone
from lampwell.lighting.model import Layer
from lampwell.lighting.wire import Stands


def ended_by(targets: Collection[str], stands: Sequence[Stands], now: int) -> tuple[Stands, ...]:
    """The leases, in force or to come, that hold on some of the targets and on nothing else. ``stands``: of one edge node as it
    tells them, the last given last. NotDone: one of them holds elsewhere, too.
    """
    leases = [one for one in stands if layer_of(one.layer) is Layer.LEASE and one.end is not None and now < one.end]
    found = []
    for n, one in enumerate(leases):
        held = _held(one, leases[n + 1 :], now)
        if held.isdisjoint(targets):
            continue
        if elsewhere := sorted(held.difference(targets)):
            raise NotDone(
                f"限时指令 {one.id} 还作用于 also holds on {_some(elsewhere)}: 请整条结束 end all of it: lampwell light release"
            )
        found.append(one)
    return tuple(found)


def _held(one: Stands, later: Sequence[Stands], now: int) -> frozenset[str]:
    """Where it has not been replaced for good."""
    lost = {name for other in later if one.start <= other.start <= now for name in other.targets}
    return frozenset(one.targets) - lost


def _some(names: Sequence[str], most: int = 3) -> str:
    return ", ".join(names[:most]) + (f" +{len(names) - most}" if len(names) > most else "")
