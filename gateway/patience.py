"""How long to wait for an answer, learned from the answers. Real seconds. Never longer than the link's configured timeout.

On Modbus TCP giving up early is safe: a late answer carries its transaction id, is dropped, and tells how slow the unit is. On
RTU the line must be cleared after every timeout, so a unit that is new or does not answer gets the whole configured time.
"""

from __future__ import annotations

from dataclasses import dataclass

from gateway.modbus.port import Block
from gateway.plan import line_s
from lampwell.assets import Link, Transport

FACTOR = 4.0
FLOOR_S = 0.050
ENOUGH_OWN, ENOUGH_OTHERS = 4, 8  # answers before a unit's own, or its neighbours', round trips are believed
PATIENT_EVERY = 4  # of the probes, one in so many waits the configured time even on TCP


@dataclass(slots=True)
class RoundTrip:
    """A running mean and mean deviation; ``high_s`` is about the 99th percentile."""

    count: int = 0
    mean_s: float = 0.0
    deviation_s: float = 0.0

    def learn(self, seconds: float) -> None:
        """One round trip."""
        self.count += 1
        weight = 0.0625 if self.count > 16 else 1 / self.count
        error = seconds - self.mean_s
        self.mean_s += weight * error
        self.deviation_s += weight * (abs(error) - self.deviation_s) if self.count > 1 else seconds / 4

    def learn_late(self, seconds: float) -> None:
        """An answer came after it was given up: from now on the unit is believed to be that slow."""
        self.count = max(self.count, ENOUGH_OWN)
        self.mean_s = max(self.mean_s, seconds)
        self.deviation_s = max(self.deviation_s, seconds / 4)

    @property
    def high_s(self) -> float:
        """What nearly every answer keeps below."""
        return self.mean_s + 3 * self.deviation_s


class Patience:
    """One link's: what its units together have taught."""

    def __init__(self, link: Link) -> None:
        self.all = RoundTrip()
        self._link = link
        self._is_line = link.transport is not Transport.TCP

    def timeout_s(self, own: RoundTrip, block: Block, failures: int) -> float:
        """How long to wait for this block of a unit with those round trips that failed so often in a row."""
        configured = self._link.timeout_s
        if self._is_line:
            if failures or own.count < ENOUGH_OWN:
                return configured
            return min(configured, line_s(self._link, block) + max(FLOOR_S, FACTOR * own.high_s))
        if failures and failures % PATIENT_EVERY == 0:
            return configured
        known = own if own.count >= ENOUGH_OWN else self.all if self.all.count >= ENOUGH_OTHERS else None
        return configured if known is None else min(configured, max(FLOOR_S, FACTOR * known.high_s))

    def learn(self, own: RoundTrip, block: Block, seconds: float) -> None:
        """An answer came after so long. On a line the time of its characters is known and not learned."""
        if self._is_line:
            seconds = max(0.0, seconds - line_s(self._link, block))
        own.learn(seconds)
        self.all.learn(seconds)
