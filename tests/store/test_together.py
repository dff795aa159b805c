"""Several services on one database: they begin together, write together, and none pays for another's fault."""

from __future__ import annotations

import asyncio
import multiprocessing
from collections.abc import Callable, Iterator
from multiprocessing.synchronize import Barrier
from pathlib import Path

import pytest
from sqlalchemy import Connection, select, text

from bench.postgres import Postgres
from control.store.audit import record
from control.store.database import open_database
from control.store.errors import StateError
from control.store.tables import audit, meta
from control.store.writer import MARK, Writer

from .test_writer import Cut, away, keys, put


def opened(where: str | Path, together: Barrier) -> None:
    together.wait(30)
    open_database(where).close()


def test_four_open_a_fresh_database_at_the_same_moment(tmp_path: Path) -> None:
    """SQLite does not wait for its change to WAL; whoever comes second must, on every one of the first days."""
    processes = multiprocessing.get_context("fork")
    for day in range(15):
        together = processes.Barrier(4)
        running = [processes.Process(target=opened, args=(tmp_path / f"{day}.sqlite", together)) for _ in range(4)]
        for process in running:
            process.start()
        for process in running:
            process.join(30)
        assert [process.exitcode for process in running] == [0] * 4


async def test_the_first_changes_of_two_writers(where: str | Path) -> None:
    """On a fresh database both are kept, whoever is first, and their ends leave nothing of the writers' own behind but a mark."""
    databases = [await asyncio.to_thread(open_database, where) for _ in range(2)]
    for turn in range(10):
        writers = [Writer(database) for database in databases]
        await asyncio.gather(*(writer.write(put(f"{turn}{n}")) for n, writer in enumerate(writers)))
        for writer in writers:
            await writer.close()
    assert databases[0].read(keys) == [f"{turn}{n}" for turn in range(10) for n in range(2)]
    for database in databases:
        database.close()


async def test_an_answer_lost_while_another_service_writes(postgres: Postgres) -> None:
    """The wire breaks between a commit and its answer, and another service commits before we ask: still once, not twice."""
    wire = Cut(int(postgres.url.rpartition(":")[2].partition("/")[0]))
    async with await asyncio.start_server(wire.carry, "127.0.0.1", 0) as server:
        through = postgres.url.replace(str(wire.port), str(server.sockets[0].getsockname()[1]))
        databases = [await asyncio.to_thread(open_database, url) for url in (through, postgres.url)]
        await asyncio.to_thread(databases[1].write, lambda c: c.execute(text("DELETE FROM meta; DELETE FROM audit")))
        ours, theirs = (Writer(database) for database in databases)
        await ours.write(put("ours"))
        await theirs.write(put("theirs"))
        wire.armed = True
        future = ours.submit(lambda c: record(c, at=7, who="a", action="x", target="y"))
        await away(ours)
        await theirs.write(put("between"))
        await future
        assert await theirs.read(lambda c: list(c.scalars(select(audit.c.at)))) == [7]
        for writer in (ours, theirs):
            await writer.close()
    for database in databases:
        database.close()


async def test_marks_of_writers_that_ended_go(postgres: Postgres) -> None:
    """A service that crashes every minute for a year does not fill the database with its marks."""
    database = await asyncio.to_thread(open_database, postgres.url)

    def old(connection: Connection) -> None:
        connection.execute(text("DELETE FROM meta"))
        connection.execute(meta.insert(), [{"key": f"{MARK}{n}", "value": f"{n:015d} x"} for n in range(9)])

    await asyncio.to_thread(database.write, old)
    writer = Writer(database)
    await writer.write(put("a"))
    assert len(database.read(lambda c: list(c.scalars(select(meta.c.key).where(meta.c.key.startswith(MARK)))))) == 1
    await writer.close()
    database.close()


@pytest.fixture
def closed_door(postgres: Postgres) -> Iterator[Callable[[bool], None]]:
    """Let PostgreSQL refuse every login (True), or let all in again; it is restarted for it."""
    rules = postgres.data / "pg_hba.conf"
    kept = rules.read_text()

    def close(shut: bool) -> None:
        postgres.stop()
        rules.write_text("host all all 127.0.0.1/32 scram-sha-256\n" if shut else kept)
        postgres.start()

    yield close
    close(False)


async def test_a_login_refused_for_a_while_costs_no_change(postgres: Postgres, closed_door: Callable[[bool], None]) -> None:
    """The server comes back with a wrong door list: what waits is no fault of its own, so it waits, and the status says why."""
    database = await asyncio.to_thread(open_database, postgres.url)
    await asyncio.to_thread(database.write, lambda c: c.execute(text("DELETE FROM meta")))
    writer = Writer(database)
    await writer.write(put("0"))
    await asyncio.to_thread(closed_door, True)
    futures = [writer.submit(put(str(n))) for n in range(1, 4)]
    async with asyncio.timeout(20):
        while "password" not in writer.status().why:  # noqa: ASYNC110 - the writer has no event for a test to wait for
            await asyncio.sleep(0.02)
    assert writer.status().waiting == 3
    with pytest.raises(StateError):
        await writer.read(keys)
    await asyncio.to_thread(closed_door, False)
    async with asyncio.timeout(30):
        await asyncio.gather(*futures)
    assert await writer.read(keys) == ["0", "1", "2", "3"]
    await writer.close()
    database.close()


def test_a_question_after_a_restart_of_the_server_is_answered(postgres: Postgres) -> None:
    """A connection that died in the pool is found out before it is used."""
    database = open_database(postgres.url)
    database.read(keys)
    postgres.restart()
    database.read(keys)
    database.close()
