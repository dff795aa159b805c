"""The embedded history on DuckDB. One process owns the file; in it one thread writes and one reads, each with its own connection.

Writing and reading never wait for each other: the reader works on a cursor with its own snapshot. Everything an append does
(rows, new series, positions, dirty quarters) is one transaction, so after a kill it is all there or not at all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, TypeVar

from lampwell.clock import Clock
from lampwell.errors import StoreAction, StoreError
from lampwell.history import duckdb_query as query
from lampwell.history import duckdb_write as write
from lampwell.history.duckdb_columns import QUARTER_MS, chunks, columns_of, runs
from lampwell.history.duckdb_file import DAY_MS, FILE, connect, load_catalogue, load_floor, load_latest
from lampwell.history.fit import MISFIT, as_kind
from lampwell.history.latest import LatestRows
from lampwell.history.ledger import Ledger
from lampwell.history.port import Buckets, Gap, Latest, Quarantined, Readings, SeriesId, SeriesInfo
from lampwell.readings import Scan

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

R = TypeVar("R")
_STEP_S = 0.04
"""A step of housekeeping aims to hold the writer no longer than this: fresh readings wait behind it."""
_MOST_QUARTERS = 96


class DuckDbHistory:
    """The History port on ``data_dir/history.duckdb``; see ``lampwell.history.port`` for what each method promises."""

    def __init__(self, data_dir: Path, *, clock: Clock, raw_days: int, rollup_days: int, read_only: bool = False) -> None:
        self._path = data_dir / FILE
        if read_only and not self._path.exists():
            raise StoreError(f"{self._path}: no history here yet", StoreAction.WAIT)
        data_dir.mkdir(parents=True, exist_ok=True)
        self._clock, self._raw_days, self._rollup_days, self._read_only = clock, raw_days, rollup_days, read_only
        self._ledger = Ledger(data_dir, read_only=read_only)
        self._dirty: set[int] = set()
        self._touched: set[int] = set()
        self._open()
        self._catalogue = load_catalogue(self._writer)
        rows = {
            number: (time, as_kind(self._catalogue.infos[number].kind, value), flags)
            for number, (time, value, flags) in load_latest(self._writer).items()
        }
        self._latest = LatestRows(rows)
        self._write_pool = ThreadPoolExecutor(1, "history-write")
        self._read_pool = ThreadPoolExecutor(1, "history-read")

    # -- writing -------------------------------------------------------------------------------------------------------

    async def append(self, scans: Sequence[Scan], progress: Mapping[str, str]) -> None:
        await self._in(self._write_pool, self._append, scans, progress)

    async def quarantine(self, scan: Scan, reason: str, now: int) -> None:
        await self._in(self._write_pool, self._ledger.quarantine, scan, reason, now)

    async def maintain(self, now: int) -> None:
        """Roll up quarters that are over and at rest, then let old readings go. Retention counts from the newest reading or
        from ``now``, whichever is earlier, so that a clock gone wrong removes nothing.
        """
        await self._roll_all(await self._in(self._write_pool, self._at_rest, now))
        newest = min(now, self._latest.newest)
        floor = (newest - self._raw_days * DAY_MS) // QUARTER_MS
        if floor > self._floor:
            await self._roll_all([quarter for quarter in self._dirty if quarter < floor])
            await self._in(self._write_pool, self._forget, floor, (newest - self._rollup_days * DAY_MS) // QUARTER_MS)

    def _append(self, scans: Sequence[Scan], progress: Mapping[str, str]) -> None:
        columns = columns_of(scans, self._catalogue)
        fresh = columns.quarters - self._dirty

        def rows(connection: DuckDBPyConnection) -> None:
            write.insert_readings(connection, columns)
            write.insert_series(connection, self._catalogue)
            write.insert_progress(connection, progress)
            if fresh:
                write.mark_dirty(connection, fresh)
            for misfit in columns.misfits:  # last: an append that failed is tried again
                self._ledger.quarantine(misfit, MISFIT, self._clock.now())

        self._transact(rows)
        self._catalogue.saved()
        self._dirty |= fresh
        self._touched |= columns.quarters
        for numbered, scan in columns.stored:
            self._latest.remember(numbered, scan)

    def _at_rest(self, now: int) -> list[int]:
        """Dirty quarters that are over and were not written to since the last call."""
        resting = [quarter for quarter in self._dirty - self._touched if (quarter + 1) * QUARTER_MS <= now]
        self._touched = set()
        return resting

    async def _roll_all(self, quarters: Sequence[int]) -> None:
        """In steps, each as long as the time it took allows, so that appends come through between them."""
        kept = [quarter for quarter in quarters if quarter >= self._floor]
        todo = [*runs(quarter for quarter in quarters if quarter < self._floor), *runs(kept)]
        size = 1
        while todo:
            step, *rest = chunks(todo[:1], size)
            todo = [*([(rest[0][0], todo[0][1])] if rest else []), *todo[1:]]
            took = await self._in(self._write_pool, self._roll, *step)
            size = min(size * 2, _MOST_QUARTERS) if took < _STEP_S else max(1, size // 2)

    def _roll(self, start: int, end: int) -> float:
        began = perf_counter()
        self._transact(lambda connection: write.roll(connection, start, end, self._floor))
        self._dirty.difference_update(range(start, end))
        return perf_counter() - began

    def _forget(self, floor: int, rollup_floor: int) -> None:
        if any(quarter < floor for quarter in self._dirty):
            return  # something late came in meanwhile: the next round rolls it up first
        self._transact(lambda connection: write.forget_raw(connection, floor))
        self._floor = floor
        self._transact(lambda connection: write.forget_rollups(connection, rollup_floor))

    def _transact(self, work: Callable[[DuckDBPyConnection], None]) -> None:
        """All of it or nothing, on the writing thread."""
        import duckdb

        if self._read_only:
            raise StoreError(f"{self._path}: opened for reading only", StoreAction.WAIT)
        try:
            self._writer.begin()
            work(self._writer)
            self._writer.commit()
        except (duckdb.FatalException, duckdb.InternalException, duckdb.ConnectionException) as error:
            self._reopen()
            raise StoreError(f"{self._path}: append failed, opened again: {error}", StoreAction.RETRY) from error
        except duckdb.Error as error:
            self._roll_back()
            action = StoreAction.SPLIT if isinstance(error, duckdb.DataError) else StoreAction.WAIT
            raise StoreError(f"{self._path}: append: {error}", action) from error
        except StoreError:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        import duckdb

        try:
            self._writer.rollback()
        except duckdb.Error:
            self._reopen()  # no transaction is left to end: begin afresh from what is on the disk

    # -- reading -------------------------------------------------------------------------------------------------------

    async def progress(self) -> Mapping[str, str]:
        rows = await self._in(self._read_pool, lambda: self._reader.execute("SELECT key, value FROM progress").fetchall())
        return dict(rows)

    async def quarantined(self, limit: int = 1_000) -> Sequence[Quarantined]:
        return self._ledger.quarantined(limit)

    async def series(self, pattern: str = "*") -> Sequence[SeriesInfo]:
        return [info for _, info in self._catalogue.matching(pattern)]

    async def latest(self, pattern: str = "*") -> Sequence[Latest]:
        rows = self._latest.rows
        return [Latest(info, *rows[number]) for number, info in self._catalogue.matching(pattern) if number in rows]

    async def readings(self, series: SeriesId, start: int, end: int, limit: int = 100_000) -> Readings:
        for number, info in self._catalogue.known([series]).items():
            return await self._in(self._read_pool, query.readings, self._reader, number, info, start, end, limit)
        return Readings(series, (), (), ())

    async def all_readings(self, series: Sequence[SeriesId], start: int, end: int) -> Sequence[Readings]:
        known = self._catalogue.known(series)
        found = await self._in(self._read_pool, query.all_readings, self._reader, known, start, end)
        return [found.get(one) or Readings(one, (), (), ()) for one in series]

    async def buckets(self, series: Sequence[SeriesId], start: int, end: int, width_ms: int) -> Sequence[Buckets]:
        known = self._catalogue.known(series)
        rows = await self._in(self._read_pool, query.buckets, self._reader, known, start, end, width_ms)
        by_id = {info.id: rows.get(number, []) for number, info in known.items()}
        return [query.as_buckets(one, width_ms, by_id.get(one, [])) for one in series]

    async def gaps(self, series: SeriesId, start: int, end: int, longer_than_ms: int) -> Sequence[Gap]:
        for number, info in self._catalogue.known([series]).items():
            return await self._in(self._read_pool, query.gaps, self._reader, number, info, start, end, longer_than_ms)
        return [Gap(start, end)] if end - start > longer_than_ms else []

    # -- life ----------------------------------------------------------------------------------------------------------

    async def close(self) -> None:
        """Let running work end, write the checkpoint, release the file."""
        await asyncio.to_thread(self._shut)

    def _shut(self) -> None:
        self._read_pool.shutdown()
        self._write_pool.shutdown()
        self._reader.close()
        self._writer.close()
        self._ledger.close()

    def _open(self) -> None:
        self._writer = connect(self._path, read_only=self._read_only)
        self._reader = self._writer.cursor()
        self._floor = load_floor(self._writer)
        self._dirty = {row[0] for row in self._writer.execute("SELECT quarter FROM dirty").fetchall()}
        self._touched = set()

    def _reopen(self) -> None:
        """After an error that DuckDB does not survive: from what is on the disk. Series not yet saved stay unsaved."""
        self._reader.close()
        self._writer.close()
        self._open()

    async def _in(self, pool: ThreadPoolExecutor, work: Callable[..., R], *args: object) -> R:
        return await asyncio.get_running_loop().run_in_executor(pool, lambda: work(*args))
