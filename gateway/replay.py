"""The backlog's way out: whatever the collector has not acknowledged is sent again, oldest first, paced, as historical.

Scans are published live at once and usually acknowledged within two seconds. A pass over the unacknowledged rows begins when
the host comes (back) online, or when offsets sent more than ``PATIENCE_S`` ago are still unacknowledged. A pass begins with a
probe and opens its window with the first acknowledgement, so a collector whose store is away is asked, not flooded; while
nothing moves, the wait before the next pass doubles. Overlap is harmless: the collector skips offsets that it has.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from gateway.journal import Journal
from lampwell.clock import Clock
from lampwell.readings import Scan

RATE = 2000
PATIENCE_S = 5.0
MAX_PATIENCE_S = 20.0
TICK_S = 0.25
CHUNK = 50
PROBE, WINDOW = 2_000, 10_000
"""Scans of one pass that may be sent and not yet acknowledged: before anything was acknowledged, and after."""
SOCKET_BYTES = 262_144


class Road(Protocol):
    """Where the backlog goes."""

    @property
    def open(self) -> bool:
        """Whether the host is there to listen."""
        ...

    @property
    def backlog_bytes(self) -> int:
        """Bytes the socket has not taken yet; live scans must not queue behind the backlog."""
        ...

    def resend(self, scan: Scan) -> None:
        """Publish a historical scan."""
        ...

    def end_of_backlog(self) -> None:
        """A pass is over."""
        ...


class Replay:
    """One edge node's backlog sender. ``machine`` is real time: it paces sockets and waits for the collector's disk."""

    def __init__(self, journal: Journal, road: Road, machine: Clock) -> None:
        self._journal = journal
        self._road = road
        self._machine = machine
        self._patience = PATIENCE_S
        self._marks: deque[tuple[float, int]] = deque()
        self._in_flight: deque[int] = deque()
        self._window = PROBE
        self._last_oldest: int | None = None
        self._not_before = 0.0
        self._wanted = False
        self.sent = 0

    def wake(self) -> None:
        """The host has just come online, or the connection is new: begin at once."""
        self._wanted, self._patience = True, PATIENCE_S

    async def run(self) -> None:
        """Look about four times a second whether a pass is due, until cancelled."""
        while True:
            await self._machine.sleep(TICK_S)
            if self._due():
                await self._pass(self._journal.last)

    # -- when ----------------------------------------------------------------------------------------------------------------

    def _due(self) -> bool:
        now = self._machine.monotonic()
        self._marks.append((now, self._journal.last))
        while len(self._marks) > 1 and self._marks[1][0] <= now - PATIENCE_S:
            self._marks.popleft()
        if not self._road.open:
            return False
        oldest, (marked, sent) = self._journal.oldest, self._marks[0]
        lags = oldest is not None and oldest <= sent and now - marked >= PATIENCE_S and now >= self._not_before
        wanted, self._wanted = self._wanted, False
        return lags or (wanted and oldest is not None)

    def _back_off(self) -> None:
        """After a pass: wait for its acknowledgements, twice as long as last time if nothing has moved since."""
        oldest = self._journal.oldest
        moved = oldest != self._last_oldest
        self._patience = PATIENCE_S if moved else min(2 * self._patience, MAX_PATIENCE_S)
        self._last_oldest = oldest
        self._not_before = self._machine.monotonic() + self._patience

    # -- what ----------------------------------------------------------------------------------------------------------------

    async def _pass(self, target: int) -> None:
        """Send everything unacknowledged up to ``target``; give way when the host goes or stops acknowledging."""
        after = 0
        self._in_flight.clear()
        self._window = PROBE
        while scans := [s for s in await self._journal.read(after, CHUNK) if _offset(s) <= target]:
            for scan in scans:
                self._road.resend(scan)
                self._in_flight.append(_offset(scan))
            self.sent += len(scans)
            after = _offset(scans[-1])
            await self._machine.sleep(len(scans) / RATE)
            if not (await self._let_drain() and await self._let_acknowledge()):
                break
        self._road.end_of_backlog()
        self._back_off()

    async def _let_drain(self) -> bool:
        return await self._wait(lambda: self._road.backlog_bytes <= SOCKET_BYTES)

    async def _let_acknowledge(self) -> bool:
        return await self._wait(lambda: self._unacknowledged() <= self._window)

    def _unacknowledged(self) -> int:
        floor, flight = self._journal.acknowledged, self._in_flight
        while flight and flight[0] <= floor.get(flight[0] >> 32, 0):
            flight.popleft()
            self._window = WINDOW
        return len(flight)

    async def _wait(self, condition: Callable[[], bool]) -> bool:
        """True once the condition holds; False if the road closes first or nothing moves for the present patience."""
        deadline = self._machine.monotonic() + self._patience
        while self._road.open:
            if condition():
                return True
            if self._machine.monotonic() >= deadline:
                return False
            await self._machine.sleep(TICK_S / 10)
        return False


def _offset(scan: Scan) -> int:
    assert scan.offset is not None, "the journal gives every row its offset"
    return scan.offset
