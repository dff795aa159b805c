"""How long to leave alone what does not answer: a unit, the probes of a link together, the link. Pure; times are arguments.

States of a unit::

    new --answer--> ok --failure--> slow --third failure in a row--> dead
    new --failure--> dead           slow, dead --answer--> ok
"""

from __future__ import annotations

import random
from collections.abc import Callable
from enum import StrEnum

STEP_S = 2.0  # the wait grows by this per failure in a row (domain pitfalls 1, fact 4) ...
LONGEST_S = 300.0  # ... up to this
JITTER = 0.1
DEAD_AFTER = 3
PROBE_SHARE = 0.05  # of a link's time may go to units that do not answer
RECONNECT_FIRST_S, RECONNECT_LONGEST_S = 1.0, 30.0


class UnitState(StrEnum):
    """What is known of a unit."""

    NEW = "new"  # never asked: neither fine nor failed
    OK = "ok"
    SLOW = "slow"  # did not answer lately; asked again soon
    DEAD = "dead"  # does not answer, or never did, or its link is down


class Backoff:
    """One unit's. The first failure may be noise: the unit is asked again at its next slot; after that waits grow.

    ``least_s``: never ask again sooner after a failure (RTU: its late answer must not meet a new request to the same unit).
    """

    def __init__(self, *, least_s: float = 0.0, rng: Callable[[], float] = random.random) -> None:
        self.state = UnitState.NEW
        self.failures = 0
        self.due = 0.0
        self._least_s = least_s
        self._rng = rng

    def succeeded(self) -> bool:
        """It answered. True if its state changed."""
        self.failures = 0
        return self._enter(UnitState.OK)

    def failed(self, now: float) -> bool:
        """It did not. True if its state changed; ``due`` is when to ask again."""
        self.failures += 1
        wait_s = min(LONGEST_S, STEP_S * (self.failures - 1)) * (1 + JITTER * (2 * self._rng() - 1))
        self.due = now + max(self._least_s, wait_s)
        known = self.state in (UnitState.OK, UnitState.SLOW) and self.failures < DEAD_AFTER
        return self._enter(UnitState.SLOW if known else UnitState.DEAD)

    def forgive(self) -> None:
        """It did answer, only late: it is asked as usual, and its state waits for the next answer."""
        self.failures = 0
        self.due = 0.0

    def link_lost(self) -> bool:
        """Its link is down, which says nothing of the unit: it is asked as usual once the link is back. True on a change."""
        return self._enter(UnitState.DEAD)

    def _enter(self, state: UnitState) -> bool:
        changed, self.state = state is not self.state, state
        return changed


class ProbeBudget:
    """The share of a link's time that may be spent waiting for units that do not answer, saved up to ``capacity_s``.

    Spending is known only afterwards, so it may go into debt, by ``capacity_s`` at most: first contacts are never held back.
    """

    def __init__(self, capacity_s: float, share: float = PROBE_SHARE) -> None:
        self._capacity_s = capacity_s
        self._share = share
        self._saved_s = capacity_s
        self._at = 0.0

    def wait_s(self, now: float, cost_s: float) -> float:
        """Seconds until a probe that may cost so much is affordable; 0 = now."""
        self._refill(now)
        return max(0.0, (min(cost_s, self._capacity_s) - self._saved_s) / self._share)

    def spend(self, now: float, seconds: float) -> None:
        """So much time has gone."""
        self._refill(now)
        self._saved_s = max(-self._capacity_s, self._saved_s - seconds)

    def _refill(self, now: float) -> None:
        self._saved_s = min(self._capacity_s, self._saved_s + (now - self._at) * self._share)
        self._at = now


class Reconnect:
    """When to open a lost link again: at once, then after 1, 2, 4 ... 30 s, each shortened by chance so that a power cut does not
    bring every gateway back in the same second. Only an answer resets it: a link that opens and closes is not well.
    """

    def __init__(self, rng: Callable[[], float] = random.random) -> None:
        self.failures = 0
        self.due = 0.0
        self._rng = rng

    def failed(self, now: float) -> None:
        """The link was lost or could not be opened."""
        self.failures += 1
        if self.failures > 1:
            longest = min(RECONNECT_LONGEST_S, RECONNECT_FIRST_S * 2 ** min(self.failures - 2, 10))
            self.due = now + longest * (0.5 + 0.5 * self._rng())

    def succeeded(self) -> None:
        """An answer came."""
        self.failures = 0
        self.due = 0.0
