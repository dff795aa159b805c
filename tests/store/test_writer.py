"""The writer: committed means on disk, one fails alone, and a database that is away loses nothing."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, select, text

from bench.postgres import Postgres
from control.store.audit import record
from control.store.database import Database, StateAway, StateBroken, open_database
from control.store.tables import audit, meta
from control.store.writer import MARK, Writer


def put(key: str) -> Callable[[Connection], object]:
    return lambda connection: connection.execute(insert(meta).values(key=key, value=""))


def keys(connection: Connection) -> list[str]:
    return list(connection.scalars(select(meta.c.key).where(~meta.c.key.startswith(MARK)).order_by(meta.c.key)))


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

    futures = [writer.submit(work) for work in (put("a"), put("a"), broken, put("b"))]
    results = await asyncio.gather(*futures, return_exceptions=True)
    assert isinstance(results[1], StateBroken)
    assert isinstance(results[2], RuntimeError)
    assert await writer.read(keys) == ["a", "b"]
    await writer.close()


async def test_one_that_breaks_the_transaction_is_found(database: Database) -> None:
    """A unit that ends the transaction of all, or swallows an error of the database, fails alone as well."""
    writer = Writer(database)

    def hostile(connection: Connection) -> None:
        connection.exec_driver_sql("ROLLBACK")

    futures = [writer.submit(work) for work in (put("a"), put("b"), hostile, put("c"))]
    results = await asyncio.gather(*futures, return_exceptions=True)
    assert isinstance(results[2], StateBroken)
    assert await writer.read(keys) == ["a", "b", "c"]
    await writer.close()


async def away(writer: Writer) -> None:
    """Return when the writer knows that the database is away."""
    async with asyncio.timeout(20):
        while writer.status().since is None:  # noqa: ASYNC110 - the writer has no event for a test to wait for
            await asyncio.sleep(0.02)


def told_once(caplog: pytest.LogCaptureFixture) -> bool:
    said = [record.getMessage() for record in caplog.records if record.name == "control.store.writer"]
    return len(said) == 2 and "changes wait" in said[0] and "again after" in said[1]


async def test_a_locked_file_makes_it_wait(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Another program holds the file longer than we are patient: everything waits in order and goes through afterwards."""
    path = tmp_path / "state.sqlite"
    database = open_database(path, busy_s=0.01)
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    writer = Writer(database)
    futures = [writer.submit(put("1")), writer.submit(put("2"))]
    await away(writer)
    assert (writer.status().waiting, "locked" in writer.status().why) == (2, True)
    holder.execute("ROLLBACK")
    await asyncio.gather(*futures)
    assert await writer.read(keys) == ["1", "2"]
    assert (writer.status().waiting, writer.status().since, told_once(caplog)) == (0, None, True)
    await writer.close()
    database.close()


async def test_a_full_disk_makes_it_wait(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Nothing is half written; it goes on when there is room, and says meanwhile that and why it waits."""
    database = open_database(tmp_path / "state.sqlite")
    pages = database.read(lambda c: int(c.exec_driver_sql("PRAGMA page_count").scalar() or 0))
    room = [False]

    def limited(connection: Connection) -> None:
        connection.exec_driver_sql(f"PRAGMA max_page_count = {1_000_000 if room[0] else pages}")
        connection.execute(insert(meta).values(key="big", value="x" * 200_000))

    writer = Writer(database)
    futures = [writer.submit(put("a")), writer.submit(limited), writer.submit(put("z"))]
    await away(writer)
    assert "full" in writer.status().why
    assert await writer.read(keys) == []
    room[0] = True
    await asyncio.gather(*futures)
    assert (await writer.read(keys), told_once(caplog)) == (["a", "big", "z"], True)
    await writer.close()
    database.close()


async def test_too_much_waiting_is_refused_aloud(tmp_path: Path) -> None:
    """Memory is bounded: what can not be kept is refused, never dropped in silence."""
    database = open_database(tmp_path / "state.sqlite")
    writer = Writer(database, most_waiting=2)
    kept = [writer.submit(put(str(n))) for n in range(2)]
    with pytest.raises(StateAway, match="wait already"):
        writer.submit(put("3"))
    await asyncio.gather(*kept)
    await writer.close()
    database.close()


async def test_the_end_is_bounded_and_nobody_waits_for_ever(tmp_path: Path) -> None:
    """A stop while the database is away tells each who waits, and takes no more work."""
    path = tmp_path / "state.sqlite"
    database = open_database(path, busy_s=0.01)
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        writer = Writer(database)
        future = writer.submit(put("1"))
        await writer.close(patience_s=0.05)
        with pytest.raises(StateAway, match="ended before"):
            await future
        with pytest.raises(StateAway, match="has ended"):
            writer.submit(put("2"))
    database.close()


async def test_postgres_away_for_a_while(postgres: Postgres, caplog: pytest.LogCaptureFixture) -> None:
    """The server restarts in the middle: what was handed over goes through, in order, exactly once."""
    database = open_database(postgres.url)
    database.write(lambda c: c.execute(text("DELETE FROM meta")))
    writer = Writer(database)
    await writer.submit(put("0"))
    postgres.stop()
    futures = [writer.submit(put(str(n))) for n in range(1, 6)]
    await away(writer)
    await asyncio.to_thread(postgres.start)
    async with asyncio.timeout(30):
        await asyncio.gather(*futures)
    assert (await writer.read(keys), told_once(caplog)) == (["0", "1", "2", "3", "4", "5"], True)
    await writer.close()
    database.close()


class Cut:
    """A wire to PostgreSQL that, when ``armed``, lets one COMMIT through and breaks before its answer."""

    def __init__(self, port: int) -> None:
        self.port, self.armed = port, False

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up, down = await asyncio.open_connection("127.0.0.1", self.port)

        async def back() -> None:
            while data := await up.read(65536):
                writer.write(data)

        answers = asyncio.create_task(back())
        while data := await reader.read(65536):
            cut = self.armed and b"COMMIT" in data
            if cut:
                answers.cancel()
                await asyncio.wait({answers})
            down.write(data)
            if cut:
                await up.read(1)  # the server has committed
                self.armed = False
                break
        writer.close()
        down.close()


async def test_a_commit_whose_answer_is_lost_is_not_done_twice(postgres: Postgres) -> None:
    """The wire breaks between the commit and its answer: the journal must not hold the same change two times."""
    wire = Cut(int(postgres.url.rpartition(":")[2].partition("/")[0]))
    async with await asyncio.start_server(wire.carry, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        database = await asyncio.to_thread(open_database, postgres.url.replace(str(wire.port), str(port)))
        await asyncio.to_thread(database.write, lambda c: c.execute(text("DELETE FROM audit")))
        writer = Writer(database)
        wire.armed = True
        for n in range(3):
            await writer.write(lambda c, n=n: record(c, at=n, who="a", action="x", target="y"))
        assert not wire.armed
        assert await writer.read(lambda c: list(c.scalars(select(audit.c.at).order_by(audit.c.id)))) == [0, 1, 2]
        await writer.close()
        database.close()


KILLED = """
import asyncio, sys
from sqlalchemy import insert
from control.store.database import open_database
from control.store.tables import meta
from control.store.writer import Writer

async def main():
    writer = Writer(open_database(sys.argv[1]))
    for n in range(1_000_000):
        def work(connection, n=n):
            connection.execute(insert(meta).values(key=f"{n:07}a", value=""))
            connection.execute(insert(meta).values(key=f"{n:07}b", value=""))
        await writer.write(work)
        print(n, flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize("after", [3, 17, 40, 77, 120])
def test_killed_while_writing(where: str | Path, after: int) -> None:
    """kill -9 at any commit: everything acknowledged is there, and nothing is there by half."""
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(where)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    said = [int(next(process.stdout)) for _ in range(after)]
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    said += [int(line) for line in process.stdout.read().splitlines() if line.isdecimal()]
    database = open_database(where)
    found = database.read(keys)
    assert {f"{n:07}{half}" for n in said for half in "ab"} <= set(found)
    assert len(found) % 2 == 0
    database.close()
