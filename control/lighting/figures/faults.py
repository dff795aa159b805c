"""Faults that the alarm journal holds: which device or part of it was at fault, from when to when."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

LAMP_DARK = frozenset({"lamp-out", "lamp-failed"})
LOOP_DARK = frozenset({"loop-open", "contactor-not-closing", "loop-breaker"})
CABINET_DARK = frozenset({"cabinet-mains", "main-breaker"})
"""Rules that mean that a lamp, all lamps of a loop, or all of a cabinet are dark when they should be lit."""
UNEQUAL = frozenset({"lamps-lost", "cable-cut", "loop-phase-open"})
"""While one of these stands, what a loop has learned of its own power is not to be trusted as healthy."""
LINKS = frozenset({"device-offline", "key-device-offline", "device-silent", "key-device-silent", "bus-overload", "link-down"})
SUPPLY = frozenset({"cabinet-mains", "phase-a-lost", "phase-b-lost", "phase-c-lost"})
NOT_THE_FACILITY = LINKS | SUPPLY | {"voltage", "cabinet-door", "meter-door", "local-fallback", "energy-mismatch"}
"""Supply, links, doors, books and operating states: an alarm, and no damage to the facility (this project's reading)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One life of an alarm of ``rule`` at a device's component ("" the device itself): [since, until), None = it stands."""

    rule: str
    device: str
    component: str
    since: int
    until: int | None


class Faults:
    """Ask what stood where. ``known``: [since, until) in which the journal speaks; None = there is none."""

    def __init__(self, faults: Iterable[Fault] = (), known: tuple[int, int] | None = None) -> None:
        self._known = known
        self._at: dict[tuple[str, str], list[Fault]] = defaultdict(list)
        for one in faults:
            self._at[one.device, one.component].append(one)

    def known(self, at: int) -> bool:
        """Whether silence of the journal means that all is well."""
        return self._known is not None and self._known[0] <= at <= self._known[1]

    def stands(self, device: str, component: str, at: int, rules: frozenset[str] | None = None) -> bool:
        """Whether one of these rules is in alarm there; None = any that is damage."""
        return any(_is(one, at, rules) for one in self._at.get((device, component), ()))

    def damage(self, device: str, component: str, at: int) -> set[str]:
        """The rules in alarm there that are damage."""
        return {one.rule for one in self._at.get((device, component), ()) if _is(one, at, None)}

    def count(self) -> int:
        """How many there are."""
        return sum(map(len, self._at.values()))


def _is(one: Fault, at: int, rules: frozenset[str] | None) -> bool:
    fits = one.rule not in NOT_THE_FACILITY if rules is None else one.rule in rules
    return fits and one.since <= at and (one.until is None or at < one.until)
