"""Commits that never block the event loop: one thread, one transaction for all that waits, answers only after the commit.

Each unit of work has a savepoint of its own, so one that fails fails alone. While the database is away (locked, full, restarting)
everything waits in order and is tried again; nothing is lost as long as the process lives, and what waits is bounded and told.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from control.store.database import Database, StateAway, StateError, told
from lampwell.clock import Clock, SystemClock

log = logging.getLogger(__name__)

T = TypeVar("T")
MOST_WAITING = 50_000
MOST_AT_ONCE = 500
FIRST_WAIT_S, LAST_WAIT_S = 0.1, 5.0
CLOSE_S = 10.0
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

    def __init__(self, database: Database, machine: Clock | None = None) -> None:
        self._database = database
        self._machine = machine or SystemClock()
        self._writing = ThreadPoolExecutor(1, thread_name_prefix="state-write")
        self._reading = ThreadPoolExecutor(1, thread_name_prefix="state-read")
        self._waiting: deque[_Unit] = deque()
        self._task: asyncio.Task[None] | None = None
        self._commits = self._units = 0
        self._away: tuple[float, str] | None = None

    def submit(self, work: Callable[[Connection], T]) -> asyncio.Future[T]:
        """Commit it with what else waits; the result once it is on disk. StateAway when too much waits already."""
        if len(self._waiting) >= MOST_WAITING:
            raise StateAway(f"{self._database.shown}: {len(self._waiting)} changes wait already ({self._away and self._away[1]})")
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

    async def close(self) -> None:
        """Commit what waits, for ten seconds at most, and end the threads. The database stays open."""
        if self._task is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(CLOSE_S):
                    await asyncio.shield(self._task)
            if not self._task.done():
                log.error("%d changes of state could not be written: %s", len(self._waiting), self._away and self._away[1])
                self._task.cancel()
        self._writing.shutdown(wait=False)
        self._reading.shutdown(wait=False)

    # -- the pieces ------------------------------------------------------------------------------------------------------

    async def _work(self) -> None:
        wait, loop = FIRST_WAIT_S, asyncio.get_running_loop()
        while self._waiting:
            units = [self._waiting[n] for n in range(min(MOST_AT_ONCE, len(self._waiting)))]
            try:
                results = await loop.run_in_executor(self._writing, self._commit, [work for work, _ in units])
            except StateAway as error:
                self._broke(error)
                await self._machine.sleep(wait)
                wait = min(wait * 2, LAST_WAIT_S)
                continue
            except StateError as error:
                self._broke(error)
                results = [error] * len(units)
            else:
                self._healed()
                self._commits += 1
                self._units += len(units)
            wait = FIRST_WAIT_S
            for _, future in units:
                self._waiting.popleft()
                _settle(future, results.pop(0))

    def _commit(self, works: list[Callable[[Connection], Any]]) -> list[Any]:
        """All works in one transaction; the result of each, or the error it ended with."""
        return self._database.write(lambda connection: [_one(connection, work, self._database.shown) for work in works])

    def _broke(self, error: StateError) -> None:
        if self._away is None:
            log.error("the state can not be written, changes wait: %s", error)
            self._away = (self._machine.monotonic(), str(error))

    def _healed(self) -> None:
        if self._away is not None:
            log.warning("the state can be written again after %.0f s", self._machine.monotonic() - self._away[0])
            self._away = None


@dataclass(frozen=True, slots=True)
class _Failed:
    error: Exception


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
    elif isinstance(result, StateError):
        future.set_exception(result)
    else:
        future.set_result(result)


def _heeded(future: asyncio.Future[Any]) -> None:
    """A unit nobody waits for must not fail unheard."""
    if not future.cancelled() and (error := future.exception()):
        log.error(
            "a change of state was refused by the database: %s",
            error,
            exc_info=None if isinstance(error, StateError) else error,
        )
