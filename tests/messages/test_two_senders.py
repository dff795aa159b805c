"""Two senders on one database, one in control and one on a relay: each letter goes once; on SQLite and on PostgreSQL."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.postgres import Postgres
from control.messages import channel_notes, deliveries, leasing, outbox
from control.messages.port import Limits, Outcome, Receipt
from control.messages.turn import Go, turn
from control.store.database import Database, open_database

from .conftest import T0, notice, to

LETTERS = 40


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    server = Postgres()
    try:
        server.create()
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    where = tmp_path / "state.sqlite" if request.param == "sqlite" else request.getfixturevalue("postgres").url
    opened = open_database(where)
    yield opened
    opened.close()


def test_each_letter_goes_once(database: Database) -> None:
    """Both look at the same time, in threads of their own: no delivery is leased twice, none is left."""

    def fill(connection):  # type: ignore[no-untyped-def]
        for number in range(1, LETTERS + 1):
            outbox.put(connection, notice(number, 1 + number % 4, group_key=f"k{number}"), [to("d", str(number % 5))])

    database.write(fill)
    taken: list[int] = []

    def take(connection):  # type: ignore[no-untyped-def]
        limits = Limits()
        known = channel_notes.seen(connection, "d", limits, T0, T0)
        go = turn(leasing.heads(connection, "d", T0), known, limits, T0)
        if not isinstance(go, Go):
            return None
        bundle = leasing.lease(connection, "d", go, T0)
        if bundle is None:
            return ()
        number = leasing.hand_over(connection, bundle, "text", T0)
        outbox.record(connection, number, Receipt(outcome=Outcome.SENT), T0, 0.0)
        return bundle.deliveries

    def send() -> None:
        while (found := database.write(take)) is not None:
            taken.extend(found)

    threads = [threading.Thread(target=send) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(taken) == sorted(set(taken))
    assert len(taken) == LETTERS
    assert database.read(deliveries.summary) == {"d": {"sent": LETTERS}}
    assert database.write(lambda c: outbox.tidy(c, T0 + 1)) == (0, 0)
    assert database.write(lambda c: outbox.stop(c, 1, T0)) == 0
