"""Commits that never block the event loop: one thread, one transaction for all that waits, answers only after the commit.

A unit that fails fails alone: all run again then, each in a savepoint of its own (always to have them would cost a fifth of
the time). One that breaks the whole transaction is found by trying fewer at a time. While the database is away (locked, full,
restarting) everything waits in order and is tried again; nothing is lost as long as the process lives, and what waits is bounded
and told. A unit may run more than once (only one run is kept), so it does nothing but SQL.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from secrets import token_hex
from typing import Any, TypeVar

from sqlalchemy import Connection, delete, select
from sqlalchemy.exc import DBAPIError

from control.store.database import Database
from control.store.errors import StateAway, StateError, told
from control.store.notes import note
from control.store.tables import meta
from lampwell.clock import Clock, SystemClock

log = logging.getLogger(__name__)

T = TypeVar("T")
MOST_WAITING = 50_000
MOST_AT_ONCE = 500
FIRST_WAIT_S, LAST_WAIT_S = 0.1, 5.0
CLOSE_S = 10.0
MARK = "commit."
"""How the keys of the writers' marks in ``meta`` begin; every writer has its own, so that services do not hide each other's."""
MARK_KEPT_MS = 24 * 3_600_000
_Unit = tuple[Callable[[Connection], Any], "asyncio.Future[Any]"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WriterStatus:
    """``waiting``: units not yet on disk; ``since``: machine seconds when the database went away (None = it is there)."""

    waiting: int
    commits: int
    units: int
    since: float | None = None
    why: str = ""


class Writer:
    """``machine`` is the clock of the hardware: a disk answers in real time however fast the county runs."""

    def __init__(self, database: Database, machine: Clock | None = None, *, most_waiting: int = MOST_WAITING) -> None:
        self._database = database
        self._machine = machine or SystemClock()
        self._writing = ThreadPoolExecutor(1, thread_name_prefix="state-write")
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="state-read")
        self._waiting: deque[_Unit] = deque()
        self._task: asyncio.Task[None] | None = None
        self._commits = self._units = 0
        self._most_waiting, self._closed = most_waiting, False
        self._away: tuple[float, str] | None = None
        self._unsure: _Unsure | None = None
        self._mark, self._marked = MARK + token_hex(8), False

    def submit(self, work: Callable[[Connection], T]) -> asyncio.Future[T]:
        """Commit it with what else waits; the result once it is on disk. StateAway when too much waits, or after the end."""
        if self._closed:
            raise StateAway(f"{self._database.shown}: its writer has ended")
        if len(self._waiting) >= self._most_waiting:
            why = self._away[1] if self._away else "the disk is slower than what comes"
            raise StateAway(f"{self._database.shown}: {len(self._waiting)} changes wait already: {why}")
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        future.add_done_callback(_heeded)
        self._waiting.append((work, future))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._work(), name="state writer")
        return future

    async def write(self, work: Callable[[Connection], T]) -> T:
        """As ``submit``, awaited."""
        return await self.submit(work)

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Ask, in another thread. StateAway, StateBroken."""
        return await asyncio.get_running_loop().run_in_executor(self._reading, lambda: self._database.read(work))

    def status(self) -> WriterStatus:
        """What waits, and why."""
        since, why = self._away or (None, "")
        return WriterStatus(waiting=len(self._waiting), commits=self._commits, units=self._units, since=since, why=why)

    async def close(self, *, patience_s: float = CLOSE_S) -> None:
        """Commit what waits, within the time given, and end the threads; what could not be written is told. The database stays
        open.
        """
        self._closed = True
        if self._task is not None and not self._task.done():
            await asyncio.wait({self._task}, timeout=patience_s)
            self._task.cancel()
        if self._waiting:
            why = self._away[1] if self._away else "the time was too short"
            log.error("%d changes of state could not be written: %s", len(self._waiting), why)
        while self._waiting:
            _settle(
                self._waiting.popleft()[1], _Failed(StateAway(f"{self._database.shown}: ended before it was known to be written"))
            )
        self._writing.shutdown(wait=False)
        self._reading.shutdown(wait=False)

    # -- the pieces ------------------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        wait, most = FIRST_WAIT_S, MOST_AT_ONCE
        while self._waiting:
            works = [work for work, _ in islice(self._waiting, most)]
            try:
                results = await asyncio.get_running_loop().run_in_executor(self._writing, self._commit, works)
            except StateAway as error:
                self._broke(error)
                await self._machine.sleep(wait)
                wait = min(wait * 2, LAST_WAIT_S)
                continue
            except Exception as error:  # noqa: BLE001 - it is handed to whoever submitted the work
                most = 1
                if len(works) > 1:
                    continue  # one of them broke the transaction of all: find it
                results = [_Failed(error)]
            else:
                self._healed()
                self._commits += 1
                self._units += len(results)
                most = min(most * 2, MOST_AT_ONCE)
            wait = FIRST_WAIT_S
            for result in results:
                _settle(self._waiting.popleft()[1], result)

    def _commit(self, works: list[Callable[[Connection], Any]]) -> list[Any]:
        """The first works in one transaction; the result of each, or the error it ended with.

        A connection that breaks during COMMIT leaves open whether it happened; a mark in the database tells the next try. What
        fails before a work began (a login refused after a restart) is no work's fault, so all of them wait: StateAway.
        """
        begun = False

        def all_of(connection: Connection) -> list[Any]:
            nonlocal begun
            if (unsure := self._unsure) is not None and _mark(connection, self._mark) == unsure.mark:
                return unsure.results
            self._unsure, begun = None, True
            results = run(connection, works, self._database.shown)
            if connection.dialect.name == "postgresql":  # SQLite's COMMIT always answers
                self._unsure = _Unsure(mark=token_hex(8), results=results)
                _set_mark(connection, self._mark, self._unsure.mark, self._machine.now())
            return results

        try:
            if not self._marked:
                self._database.write(self._first_mark)
                self._marked = True
            run = _together
            try:
                results = self._database.write(all_of)
            except _Tripped:
                run = _apart
                results = self._database.write(all_of)
        except StateError as error:
            if begun or isinstance(error, StateAway):
                raise
            raise StateAway(str(error)) from error
        self._unsure = None
        return results

    def _first_mark(self, connection: Connection) -> None:
        """Before any work, so that a commit under way is waited for and not met as a duplicate; old writers' marks go."""
        if connection.dialect.name == "postgresql":
            old = f"{self._machine.now() - MARK_KEPT_MS:015d}"
            connection.execute(delete(meta).where(meta.c.key.startswith(MARK), meta.c.value < old))
            _set_mark(connection, self._mark, "", self._machine.now())

    def _broke(self, error: StateError) -> None:
        if self._away is None:
            log.error("the state can not be written, changes wait: %s", error)
        self._away = (self._away[0] if self._away else self._machine.monotonic(), str(error))

    def _healed(self) -> None:
        if self._away is not None:
            log.warning("the state can be written again after %.0f s", self._machine.monotonic() - self._away[0])
            self._away = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Unsure:
    """A transaction whose COMMIT has not been answered: its mark, and the results of its works."""

    mark: str
    results: list[Any]


def _mark(connection: Connection, key: str) -> str:
    """The last committed mark; FOR UPDATE waits for a server that is still at the commit."""
    value = connection.scalar(select(meta.c.value).where(meta.c.key == key).with_for_update()) or ""
    return value.partition(" ")[2]


def _set_mark(connection: Connection, key: str, mark: str, now: int) -> None:
    note(connection, key, f"{now:015d} {mark}")


@dataclass(frozen=True, slots=True)
class _Failed:
    error: Exception


class _Tripped(Exception):
    """A unit has failed; nothing of the transaction is kept."""


def _together(connection: Connection, works: Sequence[Callable[[Connection], Any]], shown: str) -> list[Any]:
    """All in one savepoint, whose end also shows a unit that ended the transaction or hid an error. _Tripped."""
    try:
        savepoint = connection.begin_nested()
        results = [work(connection) for work in works]
        savepoint.commit()
    except DBAPIError as error:
        if isinstance(told(error, shown), StateAway):
            raise  # everything is tried again
        raise _Tripped from error
    except Exception as error:
        raise _Tripped from error
    return results


def _apart(connection: Connection, works: Sequence[Callable[[Connection], Any]], shown: str) -> list[Any]:
    """Each in a savepoint of its own."""
    return [_one(connection, work, shown) for work in works]


def _one(connection: Connection, work: Callable[[Connection], Any], shown: str) -> Any:
    savepoint = connection.begin_nested()
    try:
        result = work(connection)
    except DBAPIError as error:
        reason = told(error, shown)
        if isinstance(reason, StateAway):
            raise  # everything is tried again
        savepoint.rollback()
        return _Failed(reason)
    except Exception as error:  # noqa: BLE001 - it is handed to whoever submitted the work
        savepoint.rollback()
        return _Failed(error)
    savepoint.commit()
    return result


def _settle(future: asyncio.Future[Any], result: Any) -> None:
    if future.done():
        return
    if isinstance(result, _Failed):
        future.set_exception(result.error)
    else:
        future.set_result(result)


def _heeded(future: asyncio.Future[Any]) -> None:
    """A unit nobody waits for must not fail unheard; what was away is told once, by ``close``."""
    if future.cancelled() or (error := future.exception()) is None or isinstance(error, StateAway):
        return
    trace = None if isinstance(error, StateError) else error
    log.error("a change of state was refused by the database: %s", error, exc_info=trace)
