"""How alembic runs a migration here: on the connection it is given, in the transaction that is open."""

from __future__ import annotations

from alembic import context

from control.store.tables import metadata

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=metadata, render_as_batch=connection.dialect.name == "sqlite")
context.run_migrations()
