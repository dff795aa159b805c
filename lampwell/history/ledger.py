"""The small SQLite file beside a store: the quarantine, and the ingest positions of stores without transactions.

SQLite in WAL mode, so that another process (``lampwell query --quarantine``) can read it while the collector writes.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from lampwell.errors import StoreAction, StoreError
from lampwell.history.port import Quarantined, SeriesId
from lampwell.readings import NodeId, Scan

FILE = "ledger.sqlite"
_KEEP = 100_000
_SCHEMA = """
CREATE TABLE IF NOT EXISTS progress (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS quarantine (
  at INTEGER, grp TEXT, edge TEXT, device TEXT, point TEXT, time INTEGER, value TEXT, flags INTEGER, reason TEXT);
"""


class Ledger:
    """Progress and quarantine in ``data_dir/ledger.sqlite``. Calls block for a millisecond or so; safe from several threads."""

    def __init__(self, data_dir: Path, *, read_only: bool = False) -> None:
        path = data_dir / FILE
        if read_only:
            target = f"{path.resolve().as_uri()}?mode=ro" if path.exists() else "file::memory:"
            self._db = sqlite3.connect(target, uri=True, check_same_thread=False, isolation_level=None)
        else:
            self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
        if not read_only or target == "file::memory:":
            self._db.executescript(_SCHEMA)
        self._lock = threading.Lock()

    def progress(self) -> dict[str, str]:
        """All ingest positions."""
        with self._transaction():
            return dict(self._db.execute("SELECT key, value FROM progress").fetchall())

    def advance(self, progress: Mapping[str, str]) -> None:
        """Set these positions in one transaction; an empty text removes its key."""
        if not progress:
            return
        with self._transaction():
            self._db.executemany("DELETE FROM progress WHERE key = ?", [(key,) for key in progress])
            self._db.executemany("INSERT INTO progress VALUES (?, ?)", [item for item in progress.items() if item[1]])

    def quarantine(self, scan: Scan, reason: str, now: int) -> None:
        """Put a scan's readings aside, one row each. The newest 100,000 rows are kept."""
        node, points = scan.layout.node, scan.layout.points
        rows = [
            (now, node.group, node.edge, scan.layout.device, points[i].path, scan.time, repr(value), flags, reason)
            for i, value, flags in zip(scan.index, scan.values, scan.flags, strict=True)
        ]
        with self._transaction():
            self._db.executemany("INSERT INTO quarantine VALUES (?,?,?,?,?,?,?,?,?)", rows)
            self._db.execute("DELETE FROM quarantine WHERE rowid <= (SELECT max(rowid) FROM quarantine) - ?", (_KEEP,))

    def quarantined(self, limit: int) -> Sequence[Quarantined]:
        """The newest rows first."""
        with self._transaction():
            rows = self._db.execute("SELECT * FROM quarantine ORDER BY rowid DESC LIMIT ?", (limit,)).fetchall()
        return [
            Quarantined(at, SeriesId(NodeId(group, edge), device, point), time, value, flags, reason)
            for at, group, edge, device, point, time, value, flags, reason in rows
        ]

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All of the block or nothing of it; a file that cannot be written (full, read-only) is a StoreError to wait for."""
        with self._lock:
            try:
                self._db.execute("BEGIN")
                yield
                self._db.execute("COMMIT")
            except sqlite3.Error as error:
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")
                raise StoreError(f"{FILE}: {error}", StoreAction.WAIT) from error

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()
