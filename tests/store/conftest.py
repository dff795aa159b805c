"""The relational state on both databases: a file, and a real PostgreSQL with a fresh schema for every test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from bench.postgres import Postgres
from control.store.database import Database, open_database


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    server = Postgres()
    try:
        server.create()
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str | Path:
    """Where the state is: a file that is not there yet, or an empty database."""
    if request.param == "sqlite":
        return tmp_path / "state.sqlite"
    server: Postgres = request.getfixturevalue("postgres")
    engine = create_engine(server.url.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    engine.dispose()
    return server.url


@pytest.fixture
def database(where: str | Path) -> Iterator[Database]:
    opened = open_database(where)
    yield opened
    opened.close()
