"""The writer: committed means on disk, one fails alone, and a database that is away loses nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, select, text

from bench.postgres import Postgres
from control.store.database import Database, StateAway, StateBroken, open_database
from control.store.tables import meta
from control.store.writer import Writer


def put(key: str) -> object:
    return lambda connection: connection.execute(insert(meta).values(key=key, value=""))


def keys(connection: Connection) -> list[str]:
    return list(connection.scalars(select(meta.c.key).order_by(meta.c.key)))


async def test_all_that_waits_is_one_commit(database: Database) -> None:
    """A hundred changes of one moment cost a few commits, in order, and each gets its own answer."""
    writer = Writer(database)
    futures = [writer.submit(lambda c, n=n: (c.execute(insert(meta).values(key=f"{n:03}", value="")), n)[1]) for n in range(100)]
    assert await asyncio.gather(*futures) == list(range(100))
    assert writer.status().commits <= 3
    assert len(await writer.read(keys)) == 100
    await writer.close()


async def test_one_that_fails_fails_alone(database: Database) -> None:
    """A change the database refuses, or whose code breaks, takes nothing else with it."""
    writer = Writer(database)

    def broken(connection: Connection) -> None:
        connection.execute(insert(meta).values(key="half", value=""))
        raise RuntimeError("in the middle")

    futures = [writer.submit(work) for work in (put("a"), put("a"), broken, put("b"))]  # type: ignore[arg-type]
    results = await asyncio.gather(*futures, return_exceptions=True)
    assert isinstance(results[1], StateBroken)
    assert isinstance(results[2], RuntimeError)
    assert await writer.read(keys) == ["a", "b"]
    await writer.close()


async def test_a_locked_file_makes_it_wait(tmp_path: Path) -> None:
    """Another program holds the file longer than we are patient: everything waits in order and goes through afterwards."""
    path = tmp_path / "state.sqlite"
    database = open_database(path)
    holder = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    holder.execute("BEGIN IMMEDIATE")
    database._engine.dispose()
    writer = Writer(database)
    first, second = writer.submit(put("1")), writer.submit(put("2"))  # type: ignore[arg-type]
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await asyncio.shield(first)
    assert writer.status().waiting == 2
    threading.Timer(0.1, lambda: holder.execute("ROLLBACK")).start()
    await asyncio.gather(first, second)
    assert await writer.read(keys) == ["1", "2"]
    await writer.close()
    database.close()


async def test_a_full_disk_makes_it_wait(tmp_path: Path) -> None:
    """Nothing is half written; it goes on when there is room, and says meanwhile that and why it waits."""
    database = open_database(tmp_path / "state.sqlite")
    pages = database.read(lambda c: int(c.exec_driver_sql("PRAGMA page_count").scalar() or 0))
    limits = iter([pages] * 2)

    def limited(connection: Connection) -> None:
        limit = next(limits, 1_000_000)
        connection.exec_driver_sql(f"PRAGMA max_page_count = {limit}")
        connection.execute(insert(meta).values(key="big", value="x" * 200_000))

    writer = Writer(database)
    await writer.submit(limited)
    assert await writer.read(keys) == ["big"]
    assert writer.status().since is None
    await writer.close()
    database.close()


async def test_too_much_waiting_is_refused_aloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded: what can not be kept is refused, never dropped in silence."""
    monkeypatch.setattr("control.store.writer.MOST_WAITING", 2)
    database = open_database(tmp_path / "state.sqlite")
    writer = Writer(database)
    kept = [writer.submit(put(str(n))) for n in range(2)]  # type: ignore[arg-type]
    with pytest.raises(StateAway, match="wait already"):
        writer.submit(put("3"))  # type: ignore[arg-type]
    await asyncio.gather(*kept)
    await writer.close()
    database.close()


async def test_postgres_away_for_a_while(postgres: Postgres) -> None:
    """The server restarts in the middle: what was handed over goes through, in order, exactly once."""
    database = open_database(postgres.url)
    database.write(lambda c: c.execute(text("DELETE FROM meta")))
    writer = Writer(database)
    await writer.submit(put("0"))  # type: ignore[arg-type]
    postgres.stop()
    futures = [writer.submit(put(str(n))) for n in range(1, 6)]  # type: ignore[arg-type]
    async with asyncio.timeout(20):
        while writer.status().since is None:  # noqa: ASYNC110 - the writer has no event for a test to wait for
            await asyncio.sleep(0.02)
    assert "127.0.0.1" in writer.status().why or "server" in writer.status().why
    await asyncio.to_thread(postgres.start)
    async with asyncio.timeout(30):
        await asyncio.gather(*futures)
    assert await writer.read(keys) == ["0", "1", "2", "3", "4", "5"]
    await writer.close()
    database.close()


KILLED = """
import asyncio, sys
from pathlib import Path
from sqlalchemy import insert
from control.store.database import open_database
from control.store.tables import meta
from control.store.writer import Writer

async def main():
    writer = Writer(open_database(Path(sys.argv[1])))
    for n in range(1_000_000):
        def work(connection, n=n):
            connection.execute(insert(meta).values(key=f"{n:07}a", value=""))
            connection.execute(insert(meta).values(key=f"{n:07}b", value=""))
        await writer.write(work)
        print(n, flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize("after", [3, 17, 40, 77, 120])
def test_killed_while_writing(tmp_path: Path, after: int) -> None:
    """kill -9 at any commit: everything acknowledged is there, and nothing is there by half."""
    path = tmp_path / "state.sqlite"
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    said = [int(next(process.stdout)) for _ in range(after)]
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    said += [int(line) for line in process.stdout.read().splitlines() if line.isdecimal()]
    database = open_database(path)
    found = database.read(keys)
    assert {f"{n:07}{half}" for n in said for half in "ab"} <= set(found)
    assert len(found) % 2 == 0
    database.close()
