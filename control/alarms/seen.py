"""What a watch tells the engine, and the memory that keeps it from telling the same twice or out of order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from control.alarms.core import FENCE_MS
from control.alarms.model import NOTHING, Condition, Evidence, Text


@dataclass(frozen=True, slots=True)
class Enabled:
    """The enabling conditions of an alarm hold, or ``why`` names the reading that is known not to."""

    key: str
    enabled: bool
    why: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """What one event means: give ``enabled`` to the engine first, then the conditions in this order (parents before children)."""

    conditions: tuple[Condition, ...] = ()
    enabled: tuple[Enabled, ...] = ()


SAME = Seen()


class Teller:
    """``rank``: the place of each alarm in the order parents before children; alarms that are not in it are not told of.

    A condition that says what the last one of its alarm said is left out. Times of one alarm never go back: after an outage
    a birth repeats readings that are older than the outage and yet are how things are now.
    """

    def __init__(self, rank: Mapping[str, int]) -> None:
        self._rank = rank
        self._last: dict[str, tuple[float | bool | None, int]] = {}
        self._gates: dict[str, bool] = {}
        self._conditions: list[Condition] = []
        self._enabled: list[Enabled] = []

    def follow(self, earlier: Teller) -> None:
        """Go on where an earlier one stopped; what it told of alarms that are gone is forgotten."""
        self._last = {key: last for key, last in earlier._last.items() if key in self._rank}
        self._gates = {key: last for key, last in earlier._gates.items() if key in self._rank}

    def tell(
        self,
        key: str,
        value: float | bool | None,
        time: int,
        now: int,
        why: Text = NOTHING,
        evidence: tuple[Evidence, ...] = (),
    ) -> None:
        """A condition, if it is news. ``time`` at its source; one that can not be believed is taken as ``now``."""
        at = time if now - FENCE_MS + 1000 <= time <= now else now
        if (last := self._last.get(key)) is not None:
            if value == last[0] and type(value) is type(last[0]):
                return
            at = max(at, last[1])
        self._last[key] = (value, at)
        self._conditions.append(Condition(key=key, time=at, value=value, why=why, evidence=evidence))

    def gate(self, key: str, enabled: bool, why: str) -> None:
        """Whether an alarm is enabled, if it is news."""
        if self._gates.get(key) is not enabled:
            self._gates[key] = enabled
            self._enabled.append(Enabled(key, enabled, why))

    def seen(self) -> Seen:
        """All that was told since the last time."""
        if not self._conditions and not self._enabled:
            return SAME
        rank = self._rank
        found = Seen(tuple(sorted(self._conditions, key=lambda one: rank[one.key])), tuple(self._enabled))
        self._conditions.clear()
        self._enabled.clear()
        return found
