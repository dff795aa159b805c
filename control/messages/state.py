"""The database as messages use it: ``control.store.writer.Writer`` is one, and so is anything that answers alike."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")


class State(Protocol):
    """Asked on the event loop; neither call blocks it. Both raise ``StateError`` when the database can not be used."""

    async def write(self, work: Callable[[Connection], T]) -> T:
        """Do it and commit."""
        ...

    async def read(self, work: Callable[[Connection], T]) -> T:
        """Ask; changes are thrown away."""
        ...
