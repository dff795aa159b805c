"""From scans to the store: skip what is stored, batch, append, and only then say so.

One batch is in flight at a time and is never given up: what the store does not take now is tried again, what it will never
take ends in the quarantine. What is in the store is known by offset, so an edge may send anything as often as it likes.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

from collector.halves import halves
from collector.progress import Progress
from collector.status import IngestStatus
from lampwell.clock import Clock
from lampwell.errors import StoreAction, StoreError
from lampwell.history.port import History
from lampwell.readings import NodeId, Scan

log = logging.getLogger(__name__)

LINGER_S = 0.15
"""Real seconds a reading waits for company. A store's transaction costs the same for one as for thousands."""
BATCH_VALUES = 60_000
MOST_JOURNALED = 400_000
"""Readings held for edge nodes with a journal while the store is away; beyond, they stay in the journal and come again."""
MOST_FOREIGN = 2_000_000
"""Readings held for edge nodes of other makes, who will not send them again; beyond, they are lost and counted."""
FIRST_WAIT_S, LAST_WAIT_S = 0.2, 3.0
_LATENCIES = 5_000


class Ingest:
    """Takes scans (``take``), stores them (``run``), tells what may be acknowledged (``acknowledgements``)."""

    def __init__(self, history: History, progress: Mapping[str, str], *, clock: Clock, linger_s: float = LINGER_S) -> None:
        self._history, self._clock, self._linger_s = history, clock, linger_s
        self._progress = Progress(progress)
        self._floors = {journal: self._progress.floors(journal) for journal in self._progress.journals()}
        self._queue: deque[Scan] = deque()
        self._queued: set[tuple[str, int]] = set()
        self._waiting = 0
        self._in_flight = False
        self._arrived = asyncio.Event()
        self._stopping = False
        self._told: dict[NodeId, tuple[str, dict[int, int]]] = {}
        self._journals: dict[NodeId, str] = {}
        self._counts: Counter[str] = Counter()
        self._dropped: Counter[str] = Counter()
        self._latency: deque[int] = deque(maxlen=_LATENCIES)
        self._marks: deque[tuple[float, int]] = deque(maxlen=11)
        self._broken: tuple[int, str] | None = None

    # -- what comes in -------------------------------------------------------------------------------------------------

    def take(self, scans: Sequence[Scan]) -> None:
        """The scans of one message of any edge node. What is stored or waiting already is counted and skipped."""
        scan = scans[-1]
        if scan.journal is None or scan.offset is None:
            if self._waiting >= MOST_FOREIGN:
                self._dropped["store away, no journal behind it"] += len(scans)
                return
        elif not self._is_wanted(scan, scan.journal, scan.offset):
            return
        for one in scans[:-1]:  # the last one alone stands for the offset they share: it is stored no earlier than they are
            self._enqueue(replace(one, journal=None, offset=None))
        self._enqueue(scan)
        self._arrived.set()

    def _is_wanted(self, scan: Scan, journal: str, offset: int) -> bool:
        key = (journal, offset)
        if key in self._queued or self._progress.has(journal, offset):
            self._counts["duplicates"] += 1
            self._told.pop(scan.layout.node, None)  # its edge has not heard the acknowledgement: say it again
            return False
        if self._waiting >= MOST_JOURNALED:
            self._counts["deferred"] += 1
            return False
        self._queued.add(key)
        return True

    def _enqueue(self, scan: Scan) -> None:
        self._queue.append(scan)
        self._waiting += len(scan.index)

    def node_born(self, node: NodeId, journal: str, first: int) -> None:
        """An edge node named its journal and the oldest offset in it; it is told again what is stored of it."""
        self._journals[node] = journal
        self._told.pop(node, None)
        self.move_first(journal, first)

    def move_first(self, journal: str, first: int) -> None:
        """Everything below ``first`` is accounted for at the edge."""
        if self._progress.move_first(journal, first) and not self._in_flight:
            self._floors[journal] = self._progress.floors(journal)

    # -- what goes to the store ----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Store batch after batch; after ``stop`` what is left, then return."""
        while True:
            if not self._queue:
                if self._stopping:
                    return
                await self._arrived.wait()
            if self._waiting < BATCH_VALUES and not self._stopping:
                await asyncio.sleep(self._linger_s)
            await self._flush()

    def stop(self) -> None:
        """Let ``run`` end when everything taken is stored."""
        self._stopping = True
        self._arrived.set()

    async def _flush(self) -> None:
        self._arrived.clear()
        scans = self._next_batch()
        if not scans:
            return
        self._in_flight = True
        try:
            await self._store(scans, self._progress.take_changes())
        finally:
            self._in_flight = False
        self._count(scans)
        for journal in {scan.journal for scan in scans if scan.journal is not None}:
            self._floors[journal] = self._progress.floors(journal)

    def _next_batch(self) -> list[Scan]:
        scans: list[Scan] = []
        size = 0
        while self._queue and size < BATCH_VALUES:
            scan = self._queue.popleft()
            size += len(scan.index)
            scans.append(scan)
            if scan.journal is not None and scan.offset is not None:
                self._queued.discard((scan.journal, scan.offset))
                self._progress.add(scan.journal, scan.offset)
        self._waiting -= size
        return scans

    async def _store(self, scans: Sequence[Scan], progress: Mapping[str, str]) -> None:
        """Return when every reading is stored or in the quarantine, however long that takes."""
        refusal = await self._until_done(lambda: self._history.append(scans, progress))
        if refusal is None:
            return
        parts = halves(scans)
        if parts is not None:
            await self._store(parts[0], {})
            await self._store(parts[1], progress)
            return
        if not scans:
            raise refusal  # a store that refuses bare positions is beyond mending
        self._counts["quarantined"] += len(scans[0].index)
        self._counts["stored"] -= len(scans[0].index)
        log.warning("in quarantine: a reading of %s/%s: %s", scans[0].layout.device, _path(scans[0]), refusal)
        await self._until_done(lambda: self._history.quarantine(scans[0], str(refusal), self._clock.now()))
        if progress:
            await self._store([], progress)

    async def _until_done(self, work: Callable[[], Awaitable[None]]) -> StoreError | None:
        """Do it until the store takes it (None) or refuses it for good (the reason)."""
        wait = FIRST_WAIT_S
        while True:
            try:
                await work()
            except StoreError as error:
                if error.action in (StoreAction.SPLIT, StoreAction.DROP):
                    return error
                self._broke(error)
                await self._clock.sleep(error.retry_after_s or wait)
                wait = min(wait * (1.5 if error.action is StoreAction.RETRY else 2), LAST_WAIT_S)
            else:
                self._healed()
                return None

    def _broke(self, error: StoreError) -> None:
        if self._broken is None:
            log.error("the store takes nothing, readings wait: %s", error)
        self._broken = (self._broken[0] if self._broken else self._clock.now(), str(error))

    def _healed(self) -> None:
        if self._broken is not None:
            log.warning("the store takes readings again after %.0f s", (self._clock.now() - self._broken[0]) / 1000)
            self._broken = None

    # -- what is told --------------------------------------------------------------------------------------------------

    def acknowledgements(self) -> list[tuple[NodeId, str, int]]:
        """(edge node, journal, offset) for each segment whose floor its node has not been told. Call at most once a second."""
        found = []
        for node, journal in self._journals.items():
            floors = self._floors.get(journal, {})
            told = self._told.get(node, ("", {}))[1]
            if floors != told:
                found += [(node, journal, offset) for segment, offset in floors.items() if told.get(segment) != offset]
                self._told[node] = (journal, dict(floors))
        return found

    def untold(self) -> None:
        """Acknowledgements may have been lost with the connection: all are due again."""
        self._told.clear()

    def acknowledged(self, node: NodeId) -> Mapping[int, int]:
        """By segment, below which offset all of this node is stored."""
        return dict(self._floors.get(self._journals.get(node, ""), {}))

    def tick(self) -> None:
        """Called about once a second, for the rate."""
        self._marks.append((self._clock.monotonic(), self._counts["stored"]))

    def status(self) -> IngestStatus:
        """Counts, rates and latencies as they are now."""
        counts, latency = self._counts, sorted(self._latency)
        return IngestStatus(
            stored=counts["stored"],
            scans=counts["scans"],
            per_second=self._rate(),
            duplicates=counts["duplicates"],
            quarantined=counts["quarantined"],
            deferred=counts["deferred"],
            dropped=dict(self._dropped),
            waiting=self._waiting,
            waiting_since=self._broken[0] if self._broken else None,
            waiting_for=self._broken[1] if self._broken else "",
            latency_p50_ms=_share(latency, 0.50),
            latency_p99_ms=_share(latency, 0.99),
        )

    def _count(self, scans: Sequence[Scan]) -> None:
        now = self._clock.now()
        self._counts["scans"] += len(scans)
        self._counts["stored"] += sum(len(scan.index) for scan in scans)
        self._latency.extend(now - scan.time for scan in scans if not scan.historical)

    def _rate(self) -> float:
        if len(self._marks) < 2:
            return 0.0
        (began, before), (ended, after) = self._marks[0], self._marks[-1]
        return (after - before) / max(ended - began, 1e-9)


def _share(ordered: Sequence[int], share: float) -> float | None:
    return float(ordered[min(len(ordered) - 1, int(share * len(ordered)))]) if ordered else None


def _path(scan: Scan) -> str:
    return scan.layout.points[scan.index[0]].path if scan.index else ""
