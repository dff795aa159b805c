"""What a bus counts, and how busy its link is."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field

log = logging.getLogger(__name__)

OVERLOAD_QUIET_S = 300.0
LOAD_OVER_S = 10.0


@dataclass(slots=True)
class BusCounters:
    """Since the start. ``polls``: rounds of a device that brought something; ``overruns``: slots that passed unserved;
    ``errors`` by kind; ``crashes``: unexpected exceptions survived.
    """

    polls: int = 0
    overruns: int = 0
    crashes: int = 0
    errors: Counter[str] = field(default_factory=Counter)


class Meter:
    """``load``: the share of time the link was busy with polls over the last ten seconds or so. Times in seconds of the clock."""

    def __init__(self, link: str, counters: BusCounters, now: float) -> None:
        self.load = 0.0
        self._link = link
        self._counters = counters
        self._busy_s = 0.0
        self._since = now
        self._overrun_at = float("-inf")

    def busy(self, now: float, seconds: float) -> None:
        """So many seconds of work ended now."""
        self._busy_s += seconds
        if (over_s := now - self._since) >= LOAD_OVER_S:
            self.load = self._busy_s / over_s
            self._busy_s, self._since = 0.0, now

    def overrun(self, now: float, device: str, missed: int) -> None:
        """Slots of a device passed unserved. Told once, and again only after five minutes without."""
        self._counters.overruns += missed
        if now - self._overrun_at > OVERLOAD_QUIET_S:
            log.warning("link %s: overloaded, %s missed %d polls in a row; see `lampwell plan`", self._link, device, missed)
        self._overrun_at = now
