"""What lamps must do whatever happens to orders, gateway and clock: worked out from the plan and from what arrived, by true time.

It knows nothing of the gateway's code: an order is carried out once if it comes in time, to where no lock stands and nothing
newer came, and not at all otherwise; a lease holds from its coming to its end, and when it is over none before it comes back;
locks are dark; all else is the plan's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from lampwell.lighting import Timetable
from lampwell.lighting.wire import Lease, Lock, Order, Release

SPACING_S, MOST_ONS, HOUR_S = 5.0, 6, 3600
SLACK_S = 0.5
"""A write may come so long after the round that asked for it: what must not be forgotten goes to the disk first."""
Move = tuple[int, str, bool]
"""True time, loop, whether it was switched on."""
AROUND_S = 8
"""A level of a ramp may be written so late: a round, the gap between two of its levels, a second on the way."""


@dataclass(frozen=True, slots=True)
class Given:
    """A lease or lock that was carried out; ``end`` infinity while nobody has released it."""

    id: str
    targets: frozenset[str]
    level: int
    start: float
    end: float
    lock: bool = False


@dataclass
class Oracle:
    """Times are true epoch ms. ``seen``: ids of orders that came and were looked at."""

    table: Timetable
    given: dict[str, Given] = field(default_factory=dict)
    seen: set[str] = field(default_factory=set)
    newest: dict[str, int] = field(default_factory=dict)

    def arrived(self, order: Order, at: int) -> None:
        """An order came to a gateway that lives to act on it."""
        if order.id in self.seen:
            return
        self.seen.add(order.id)
        if at > order.expires:
            return
        match order.do:
            case Lease(targets=targets, level=level, lasts_s=lasts_s):
                free = frozenset(one for one in targets if self._free(one, order.issued, at))
                if free:
                    self.newest |= dict.fromkeys(free, order.issued)
                    self.given[order.id] = Given(order.id, free, level, at, at + lasts_s * 1000)
            case Lock(targets=targets):
                self.given[order.id] = Given(order.id, frozenset(targets), 0, at, float("inf"), lock=True)
            case Release(order=name):
                self._release(name, at)

    def _free(self, target: str, issued: int, at: int) -> bool:
        locked = any(one.lock and target in one.targets for one in self._standing(at))
        return not locked and issued >= self.newest.get(target, issued)

    def _release(self, name: str, at: int) -> None:
        self.seen.add(name)  # one that is overtaken by its own release never begins
        one = self.given.get(name)
        if one is not None and one.start <= at < one.end:
            self.given[name] = Given(one.id, one.targets, one.level, one.start, at, lock=one.lock)

    def _standing(self, at: float) -> list[Given]:
        return [one for one in self.given.values() if one.start <= at < one.end]

    def standing(self, at: float) -> frozenset[str]:
        """The ids of leases and locks whose time it is."""
        return frozenset(one.id for one in self._standing(at))

    def wanted(self, target: str, at: int) -> int:
        """The level that should burn."""
        if self.locked(target, at):
            return 0
        lease = self._lease(target, at)
        return lease.level if lease else self.table.level_at(target, at).level

    def _lease(self, target: str, at: float) -> Given | None:
        """The newest that has begun there has taken the place of all before it, for good."""
        begun = [one for one in self.given.values() if target in one.targets and not one.lock and one.start <= at]
        return begun[-1] if begun and at < begun[-1].end else None

    def deciding(self, at: float) -> frozenset[str]:
        """The ids of those that decide somewhere, or would but for a lock."""
        return frozenset(
            one.id for one in self._standing(at) if one.lock or any(self._lease(target, at) is one for target in one.targets)
        )

    def locked(self, target: str, at: float) -> bool:
        """Whether people may be at work there."""
        return any(one.lock and target in one.targets for one in self._standing(at))

    def around(self, target: str, at: int, seconds: float = AROUND_S) -> set[int]:
        """Every level that was wanted within the last so many seconds."""
        return {self.wanted(target, at - n * 500) for n in range(round(seconds * 2) + 1)}


def spared(moves: Iterable[Move], oracle: Oracle) -> str:
    """What is wrong with the moves of one cabinet's contactors, "" nothing. What a lock switches off waits for nothing."""
    last, ons = float("-inf"), dict[str, list[int]]()
    for at, loop, on in moves:
        if at - last < (SPACING_S - SLACK_S) * 1000 and (on or not oracle.locked(loop, at)):
            return f"{loop} at {at}: {(at - last) / 1000:.1f} s after another of its cabinet"
        last = at
        times = ons.setdefault(loop, [])
        if on:
            times.append(at)
        if on and len(times) > MOST_ONS and at - times[-MOST_ONS - 1] < (HOUR_S - SLACK_S) * 1000:
            return f"{loop} at {at}: on for the seventh time within an hour"
    return ""


def moves_of(writes: Iterable[tuple[int, str, str, object]], closed: Mapping[str, bool]) -> dict[str, list[Move]]:
    """By cabinet, the writes that moved a contactor. ``closed``: by loop before the first."""
    now, found = dict(closed), dict[str, list[Move]]()
    for at, device, path, value in writes:
        component, _, name = path.rpartition("/")
        loop = f"{device}/{component}"
        if name == "command" and component and now.get(loop) != bool(value):
            now[loop] = bool(value)
            found.setdefault(device, []).append((at, loop, bool(value)))
    return found
