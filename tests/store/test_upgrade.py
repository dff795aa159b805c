"""A database of an earlier version, full of rows, comes up to date with all of them. Every later version adds its number here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Column, Connection, MetaData, Table, create_engine, select

from control.store import migrate
from control.store.database import open_database
from control.store.tables import metadata


def values(column: Column[Any]) -> Any:
    for key in column.foreign_keys:  # the row it points at is there
        return values(key.column)
    return {int: 1, float: 1.5, bool: True, bytes: b"\xff"}.get(column.type.python_type, f"旧 {column.name}")


def filled(connection: Connection) -> dict[str, dict[str, Any]]:
    """One row in every table as it was in that version, each column with a value; what was put where."""
    found = MetaData()
    found.reflect(connection)
    rows: dict[str, dict[str, Any]] = {}
    for table in found.sorted_tables:
        if table.name != "alembic_version":
            rows[table.name] = {column.name: values(column) for column in table.c}
            connection.execute(table.insert().values(rows[table.name]))
    return rows


def kept(connection: Connection, table: Table) -> dict[str, Any]:
    return dict(connection.execute(select(table)).mappings().one())


@pytest.mark.parametrize("version", ["0001", "0002", "0003", "0004"])
def test_an_earlier_version_with_data_in_it_upgrades(where: str | Path, version: str) -> None:
    """Nothing a county has written is lost by a new program, on either database."""
    url = f"sqlite:///{where}" if isinstance(where, Path) else where.replace("postgresql://", "postgresql+psycopg://")
    engine = create_engine(url)
    with engine.begin() as connection:
        command.upgrade(migrate.config(connection), version)
        before = filled(connection)
    engine.dispose()
    database = open_database(where)
    assert database.read(lambda c: compare_metadata(MigrationContext.configure(c), metadata)) == []
    for table in metadata.sorted_tables:
        if put := before.get(table.name):
            row = database.read(lambda c, table=table: kept(c, table))
            assert {name: row[name] for name in put if name in row} == {name: put[name] for name in put if name in row}
    assert {"occurrence", "audit", "roster", "work_order_event"} <= set(before)
    database.close()


def test_every_version_is_tried() -> None:
    """A new migration without its number in the test above is noticed."""
    tried = test_an_earlier_version_with_data_in_it_upgrades.pytestmark[0].args[1]  # type: ignore[attr-defined]
    assert tried[-1] == migrate.newest()
