"""So many requests a minute from one address. In memory, bounded: a flood of addresses forgets the oldest, never grows."""

from __future__ import annotations

import ipaddress
from collections import OrderedDict, deque

from lampwell.clock import Clock

MOST_ADDRESSES = 10_000
WINDOW_S = 60.0


class Pace:
    """``per_minute`` requests of one address within any minute; an IPv6 network of 64 bits counts as one address."""

    def __init__(self, clock: Clock, *, per_minute: int, most: int = MOST_ADDRESSES) -> None:
        self._clock, self._per_minute, self._most = clock, per_minute, most
        self._seen: OrderedDict[str, deque[float]] = OrderedDict()

    def allows(self, address: str) -> bool:
        """Whether one more may come now; it is counted only if it may."""
        name, now = _network(address), self._clock.monotonic()
        times = self._seen.setdefault(name, deque())
        self._seen.move_to_end(name)
        while len(self._seen) > self._most:
            self._seen.popitem(last=False)
        while times and now - times[0] >= WINDOW_S:
            times.popleft()
        if len(times) >= self._per_minute:
            return False
        times.append(now)
        return True


def _network(address: str) -> str:
    try:
        found = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if found.version == 4:
        return str(found)
    return str(ipaddress.ip_network((found, 64), strict=False))
