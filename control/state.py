"""Where control's relational state is: as ``--state`` names it, else a file beside the data.

Apart from the service, so that a command that only looks does not import all of it; the database's library comes with the first
opening.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lampwell.config import read_secret

if TYPE_CHECKING:
    from control.store.database import Database

DATABASE, PASSWORD = "LAMPWELL_STATE_URL", "LAMPWELL_STATE_PASSWORD"
STATE_FILE = "control.sqlite"


def open_state(data_dir: Path, state: str | None) -> Database:
    """Control's state: as ``--state`` names it, else the file in the data folder. StateError; ConfigError for its password."""
    from control.store.database import open_database

    return open_database(state or data_dir / STATE_FILE, password=read_secret("", PASSWORD))


def known_state(data_dir: Path, state: str | None) -> Database | None:
    """The same, for whoever only looks: None where no control has ever run."""
    if state is None and not (data_dir / STATE_FILE).exists():
        return None
    return open_state(data_dir, state)
