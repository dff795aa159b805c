"""The journal: what an edge node has accepted, kept until the collector has stored it.

``add`` only appends to memory and gives the scan its offset (segment << 32 | row, rows contiguous from 1); about once a second
``flush`` commits all of it, fsynced, in a thread of its own, so the event loop never waits for a disk. Rows leave when they are
acknowledged, or, oldest first and counted, when the file is at its bound. While the disk takes nothing, rows wait in memory
(bounded, counted) and are committed when it does again.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from gateway import rows
from gateway.journal_store import SEGMENT_SHIFT, Batch, JournalStore, Stored
from gateway.status import JournalStatus
from lampwell.clock import Clock, SystemClock
from lampwell.readings import Layout, NodeId, Scan

log = logging.getLogger(__name__)

MEMORY_BYTES = 32_000_000
COMMIT_S = 1.0
_ROW_OVERHEAD = 16  # offset, lengths and page slack of a row in the file (measured with 300-byte rows)
_RATE_MEMORY_S = 600.0
_NOTHING = Layout(NodeId("", ""), "", ())
T = TypeVar("T")


class Journal:
    """One edge node's journal. ``machine`` is the clock of the hardware below: commits follow it, not the county's clock."""

    def __init__(self, store: JournalStore, *, limit_bytes: int, machine: Clock | None = None, damaged: bool = False) -> None:
        self._store = store
        self._limit = limit_bytes
        self._machine = machine or SystemClock()
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._lock = asyncio.Lock()
        self._next = (store.segment << SEGMENT_SHIFT) + 1
        self._pending: list[Stored] = []
        self._pending_bytes = 0
        self._writing: Sequence[Stored] = ()
        self._acknowledged = store.acknowledged()
        self._new_acknowledged: dict[int, int] = {}
        self._catalogue = store.catalogue()
        self._number_of = {body: number for number, body in self._catalogue.items()}
        self._layouts: dict[int, Layout] = {}
        self._numbers: dict[Layout, int] = {}
        self._new_layouts: list[tuple[int, bytes]] = []
        self._unreadable: set[int] = set()
        self._dropped = store.dropped()
        self._new_dropped: dict[str, int] = {}
        if damaged:
            self._give_up("damaged file", 1)
        self._extent = store.extent()
        self._oldest_ms: int | None = None
        self._rate = 0.0
        self._added = 0
        self._started = self._rated = self._machine.monotonic()
        self._broken = False

    @classmethod
    def open(cls, path: Path, *, limit_mb: float, now_ms: int, machine: Clock | None = None) -> Journal:
        """Open or make the journal file and move its segment on, durably, before anything else."""
        store, damaged = JournalStore.open(path, now_ms=now_ms)
        return cls(store, limit_bytes=int(limit_mb * 1_000_000), machine=machine, damaged=damaged)

    @property
    def id(self) -> str:
        """The identity of the file: a new file is a new journal."""
        return self._store.id

    @property
    def first(self) -> int:
        """Every offset below this is accounted for: stored, or dropped here and counted."""
        return self._store.first

    @property
    def last(self) -> int:
        """The newest offset given."""
        return self._next - 1

    @property
    def acknowledged(self) -> Mapping[int, int]:
        """Per segment, the highest offset below which the collector has stored all."""
        return self._acknowledged

    @property
    def oldest(self) -> int | None:
        """The lowest offset not yet acknowledged, as far as known without asking the disk; None = nothing waits."""
        found = [
            offset for offset in (self._extent.oldest, *(row[0][0] for row in (self._writing, self._pending) if row)) if offset
        ]
        oldest = min((self._beyond_floor(offset) for offset in found), default=None)
        return oldest if oldest is not None and oldest <= self.last else None

    # -- in ------------------------------------------------------------------------------------------------------------------

    def add(self, scan: Scan) -> Scan:
        """Accept a scan: the same scan with its offset. Never blocks."""
        number = self._numbers.get(scan.layout)
        if number is None:
            number = self._number(scan.layout)
        blob = rows.pack(scan, number)
        offset = self._next
        self._next = offset + 1
        self._pending.append((offset, blob))
        self._pending_bytes += len(blob)
        self._added += len(blob) + _ROW_OVERHEAD
        if self._pending_bytes > MEMORY_BYTES:
            self._overflow()
        return Scan(scan.layout, scan.time, scan.index, scan.values, scan.flags, offset, self._store.id, scan.historical)

    def acknowledge(self, offset: int) -> bool:
        """The collector has stored everything up to ``offset`` of its segment. False for an offset never given."""
        segment = offset >> SEGMENT_SHIFT
        if segment > self._store.segment or (segment == self._store.segment and offset > self.last):
            return False
        if offset > self._acknowledged.get(segment, 0):
            self._acknowledged[segment] = self._new_acknowledged[segment] = offset
            self._forget_pending(offset)
        return True

    async def flush(self) -> None:
        """Commit what waits. A disk that takes nothing is said once; the rows stay in memory and the next flush tries again."""
        async with self._lock:
            self._measure()
            if not self._waits():
                return
            batch = self._take()
            try:
                self._extent = await self._in_thread(lambda: self._store.write(batch, self._limit))
            except sqlite3.Error as error:
                self._put_back(batch)
                if not self._broken:
                    log.error("the journal can not be written (%s); rows wait in memory", error)
                self._broken = True
            else:
                await self._committed()
            self._writing = ()

    async def run(self) -> None:
        """Flush about once a second until cancelled."""
        while True:
            await self._machine.sleep(COMMIT_S)
            await self.flush()

    async def close(self) -> None:
        """Commit and release the file."""
        await self.flush()
        await self._in_thread(self._store.close)
        self._thread.shutdown(wait=False)

    # -- out -----------------------------------------------------------------------------------------------------------------

    async def read(self, after: int, limit: int) -> list[Scan]:
        """Unacknowledged scans above an offset, oldest first, as historical. An offset whose row is gone (given up in memory, or
        unreadable) comes as a scan without readings, so that the collector's account has no hole.
        """
        async with self._lock:
            found = await self._in_thread(lambda: self._store.read(after, limit))
            newest = found[-1][0] if found else after
            if len(found) < limit:
                found += [row for row in self._pending if row[0] > newest][: limit - len(found)]
        scans: list[Scan] = []
        for offset, blob in found:
            floor = self._acknowledged.get(offset >> SEGMENT_SHIFT, 0)
            if offset > floor:
                scans += [self._hole(gap) for gap in self._gap(max(after, floor, self.first - 1), offset)]
                scans.append(self._scan(offset, blob))
            after = offset
        return scans

    def status(self) -> JournalStatus:
        """What waits, how old it is, how long an outage could last, what was given up."""
        return JournalStatus(
            id=self.id,
            backlog=self._extent.count + len(self._writing) + len(self._pending),
            oldest_ms=self._oldest_ms,
            holds_hours=self._limit / self._rate / 3600 if self._rate > 0 else None,
            dropped=dict(self._dropped),
            durable=self._store.durable and not self._broken,
        )

    # -- the pieces ----------------------------------------------------------------------------------------------------------

    def _number(self, layout: Layout) -> int:
        """The catalogue number of a layout; an equal one of an earlier life keeps its number."""
        body = rows.pack_layout(layout)
        number = self._number_of.get(body)
        if number is None:
            number = self._number_of[body] = len(self._catalogue) + 1  # no entry is ever removed
            self._catalogue[number] = body
            self._new_layouts.append((number, body))
        self._numbers[layout] = number
        self._layouts[number] = layout
        return number

    def _layout(self, number: int) -> Layout:
        if number not in self._layouts:
            if number not in self._catalogue:
                raise rows.Unreadable(f"there is no layout {number}")
            self._layouts[number] = rows.unpack_layout(self._catalogue[number])
        return self._layouts[number]

    def _scan(self, offset: int, blob: bytes) -> Scan:
        try:
            row = rows.unpack(blob)
            return rows.scan_of(row, self._layout(row.layout), offset, self.id)
        except rows.Unreadable as error:
            if offset not in self._unreadable:
                self._unreadable.add(offset)
                self._give_up("unreadable row", 1)
                log.error("journal row %d is unreadable (%s): given up", offset, error)
            return self._hole(offset)

    def _hole(self, offset: int) -> Scan:
        return Scan(_NOTHING, 0, (), (), (), offset, self.id, historical=True)

    @staticmethod
    def _gap(low: int, offset: int) -> range:
        """The offsets of the same segment strictly between."""
        return range(max(low, offset >> SEGMENT_SHIFT << SEGMENT_SHIFT) + 1, offset)

    def _waits(self) -> bool:
        return bool(self._pending or self._new_acknowledged or self._new_dropped)

    def _take(self) -> Batch:
        """Everything that waits, as one commit."""
        batch = Batch(
            rows=self._pending, layouts=self._new_layouts, acknowledged=self._new_acknowledged, dropped=self._new_dropped
        )
        self._writing, self._pending, self._pending_bytes = batch.rows, [], 0
        self._new_layouts, self._new_acknowledged, self._new_dropped = [], {}, {}
        return batch

    def _put_back(self, batch: Batch) -> None:
        """A commit failed: what it held waits again, ahead of what came meanwhile."""
        floor = self._acknowledged.get(self._store.segment, 0)
        self._pending = [row for row in batch.rows if row[0] > floor] + self._pending
        self._pending_bytes = sum(len(row[1]) for row in self._pending)
        self._new_layouts = [*batch.layouts, *self._new_layouts]
        self._new_acknowledged = {**batch.acknowledged, **self._new_acknowledged}
        for reason, scans in batch.dropped.items():
            self._new_dropped[reason] = self._new_dropped.get(reason, 0) + scans

    async def _committed(self) -> None:
        if self._extent.dropped_now:
            log.warning("journal full: its oldest %d scans were dropped", self._extent.dropped_now)
            self._dropped["journal full"] = self._dropped.get("journal full", 0) + self._extent.dropped_now
        if self._broken:
            log.warning("the journal can be written again")
        self._broken = False
        oldest = await self._in_thread(lambda: self._store.read(0, 1))
        self._oldest_ms = self._scan(*oldest[0]).time or None if oldest else None

    def _overflow(self) -> None:
        """The disk has taken nothing for long: give up the oldest tenth of what waits in memory, never the newest."""
        number = max(1, len(self._pending) // 10)
        self._pending_bytes -= sum(len(row[1]) for row in self._pending[:number])
        del self._pending[:number]
        self._give_up("disk full", number)

    def _give_up(self, reason: str, scans: int) -> None:
        for counts in (self._dropped, self._new_dropped):
            counts[reason] = counts.get(reason, 0) + scans

    def _forget_pending(self, offset: int) -> None:
        """Rows stored by the collector before they were ever committed need no disk at all."""
        number = bisect_right(self._pending, offset, key=lambda row: row[0])
        self._pending_bytes -= sum(len(row[1]) for row in self._pending[:number])
        del self._pending[:number]

    def _beyond_floor(self, offset: int) -> int:
        return max(offset, self._acknowledged.get(offset >> SEGMENT_SHIFT, 0) + 1)

    def _measure(self) -> None:
        """Keep the rate of growth: a plain mean at first, then one that forgets after ten minutes."""
        now = self._machine.monotonic()
        elapsed = now - self._rated
        if elapsed <= 0:
            return
        weight = min(1.0, elapsed / min(_RATE_MEMORY_S, max(now - self._started, elapsed)))
        self._rate += (self._added / elapsed - self._rate) * weight
        self._rated, self._added = now, 0

    async def _in_thread(self, call: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, call)
