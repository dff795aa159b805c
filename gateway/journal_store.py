"""The journal's file: SQLite in WAL mode with synchronous=FULL. Everything here blocks and belongs to the journal's own thread.

A file has an identity (``id``), a segment number that moves on at every opening before anything else happens, the rows, the
layouts they need, and per segment up to where the collector has stored.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from lampwell.errors import LampwellError

log = logging.getLogger(__name__)

SEGMENT_SHIFT = 32
_SCHEMA = """
CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS acknowledged (segment INTEGER PRIMARY KEY, offset INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS dropped (reason TEXT PRIMARY KEY, scans INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS catalogue (id INTEGER PRIMARY KEY, body BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS rows (offset INTEGER PRIMARY KEY, body BLOB NOT NULL);
"""
Stored = tuple[int, bytes]
"""A row: offset and bytes."""
_PRAGMAS = ("locking_mode=EXCLUSIVE", "journal_mode=WAL", "synchronous=FULL", "journal_size_limit=8388608", "temp_store=MEMORY")


class JournalInUse(LampwellError):
    """Another process holds this journal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """What one commit writes: rows, new layouts, acknowledgements by segment, drops counted outside the file."""

    rows: Sequence[Stored] = ()
    layouts: Sequence[tuple[int, bytes]] = ()
    acknowledged: Mapping[int, int] = field(default_factory=dict)
    dropped: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """What the file holds after a commit. ``oldest`` is its lowest offset (None = empty), ``first`` as in the wire contract."""

    count: int
    bytes: int
    oldest: int | None
    first: int
    dropped_now: int = 0


class JournalStore:
    """An open journal file. ``durable`` is False where it had to be opened in memory because the disk would not take it."""

    def __init__(self, database: sqlite3.Connection, *, durable: bool = True) -> None:
        self.durable = durable
        self._db = database
        for pragma in _PRAGMAS:
            database.execute(f"PRAGMA {pragma}")
        database.executescript(_SCHEMA)
        self._page: int = database.execute("PRAGMA page_size").fetchone()[0]
        with database:
            self.id = self._meta("id", str(uuid.uuid4()))
            self.segment = int(self._meta("segment", "0")) + 1
            self._set("segment", self.segment)
            self.first = int(self._meta("first", "0"))
            # segments without rows need no floor any more, and births would carry each of them for ever
            database.execute("DELETE FROM acknowledged WHERE segment NOT IN (SELECT DISTINCT offset >> 32 FROM rows)")
        self._count: int = database.execute("SELECT count(*) FROM rows").fetchone()[0]

    @classmethod
    def open(cls, path: Path, *, now_ms: int) -> tuple[Self, bool]:
        """Open or make the file; whether a damaged one was set aside. JournalInUse if another process has it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        damaged = path.exists() and not _sound(path)
        if damaged:
            _set_aside(path, now_ms)
        try:
            store = cls(sqlite3.connect(path, check_same_thread=False, timeout=0))
            _sync_folder(path.parent)
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise JournalInUse(f"{path}: another process uses this journal") from error
            log.error("%s: %s; nothing can be kept on this disk, the journal lives in memory until the next start", path, error)
            store = cls(sqlite3.connect(":memory:", check_same_thread=False), durable=False)
        return store, damaged

    def close(self) -> None:
        """Release the file."""
        self._db.close()

    # -- what was there ----------------------------------------------------------------------------------------------------

    def acknowledged(self) -> dict[int, int]:
        """Per segment, the highest offset below which the collector has all."""
        return dict(self._db.execute("SELECT segment, offset FROM acknowledged"))

    def dropped(self) -> dict[str, int]:
        """Scans given up, by reason, since the file was made."""
        return dict(self._db.execute("SELECT reason, scans FROM dropped"))

    def catalogue(self) -> dict[int, bytes]:
        """The layouts by number."""
        return dict(self._db.execute("SELECT id, body FROM catalogue"))

    def read(self, after: int, limit: int) -> list[Stored]:
        """Rows above an offset, oldest first."""
        return self._db.execute(
            "SELECT offset, body FROM rows WHERE offset > ? ORDER BY offset LIMIT ?", (after, limit)
        ).fetchall()

    # -- one commit ----------------------------------------------------------------------------------------------------------

    def write(self, batch: Batch, limit_bytes: int) -> Extent:
        """Write all of a batch or (raising sqlite3.Error) nothing; then drop oldest rows where the file is over its bound."""
        try:
            with self._db:
                self._insert(batch)
                count = self._count + len(batch.rows) - self._trim(batch.acknowledged)
                first, dropped = self._bound(count, limit_bytes)
                self._count_dropped({**batch.dropped, **({"journal full": dropped} if dropped else {})})
        except sqlite3.Error:
            if self._db.in_transaction:
                self._db.rollback()
            raise
        self._count, self.first = count - dropped, first
        return self.extent(dropped)

    def extent(self, dropped_now: int = 0) -> Extent:
        """What the file holds."""
        oldest = self._db.execute("SELECT min(offset) FROM rows").fetchone()[0]
        return Extent(count=self._count, bytes=self._used(), oldest=oldest, first=self.first, dropped_now=dropped_now)

    def _insert(self, batch: Batch) -> None:
        self._db.executemany("INSERT INTO catalogue VALUES (?, ?)", batch.layouts)
        self._db.executemany("INSERT INTO rows VALUES (?, ?)", batch.rows)

    def _trim(self, acknowledged: Mapping[int, int]) -> int:
        removed = 0
        for segment, offset in acknowledged.items():
            low = segment << SEGMENT_SHIFT
            removed += self._db.execute("DELETE FROM rows WHERE offset BETWEEN ? AND ?", (low, offset)).rowcount
            self._db.execute(
                "INSERT INTO acknowledged VALUES (?1, ?2) ON CONFLICT DO UPDATE SET offset = max(offset, ?2)", (segment, offset)
            )
        return removed

    def _bound(self, count: int, limit_bytes: int) -> tuple[int, int]:
        """Over the bound, drop oldest rows to a twentieth below it, never the newest: the new ``first`` and how many."""
        used = self._used()
        if used <= limit_bytes or count < 2:
            return self.first, 0
        number = min(count - 1, int(count * (1 - 0.95 * limit_bytes / used)) + 1)
        first = self._db.execute("SELECT offset FROM rows ORDER BY offset LIMIT 1 OFFSET ?", (number,)).fetchone()[0]
        self._db.execute("DELETE FROM rows WHERE offset < ?", (first,))
        self._set("first", first)
        return first, number

    def _count_dropped(self, dropped: Mapping[str, int]) -> None:
        for reason, scans in dropped.items():
            statement = "INSERT INTO dropped VALUES (?1, ?2) ON CONFLICT DO UPDATE SET scans = scans + ?2"
            self._db.execute(statement, (reason, scans))

    # -- small things --------------------------------------------------------------------------------------------------------

    def _used(self) -> int:
        pages: int = self._db.execute("PRAGMA page_count").fetchone()[0]
        free: int = self._db.execute("PRAGMA freelist_count").fetchone()[0]
        return (pages - free) * self._page

    def _meta(self, key: str, default: str) -> str:
        self._db.execute("INSERT OR IGNORE INTO meta VALUES (?, ?)", (key, default))
        value: str = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()[0]
        return value

    def _set(self, key: str, value: int) -> None:
        self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, str(value)))


def _sound(path: Path) -> bool:
    """Whether SQLite finds nothing wrong with the file. A file held by another process is not judged here."""
    database = sqlite3.connect(path, timeout=0)
    try:
        return bool(database.execute("PRAGMA quick_check(1)").fetchone()[0] == "ok")
    except sqlite3.OperationalError as error:
        return "locked" in str(error) or "full" in str(error)
    except sqlite3.DatabaseError:
        return False
    finally:
        database.close()


def _set_aside(path: Path, now_ms: int) -> None:
    """Keep a damaged journal beside the new one, for people to look at."""
    log.error("%s: the journal is damaged; it is kept as %s.damaged-%d and a new one begun", path, path.name, now_ms)
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(path.with_name(f"{path.name}.damaged-{now_ms}{suffix}"))


def _sync_folder(folder: Path) -> None:
    """Make a new file's name as durable as its content."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
