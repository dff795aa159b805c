"""What is looked up afterwards: versions of the roster, the history of a limit, a damaged file kept, a key worth its name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from control.store.changes import change_history, change_limit
from control.store.database import Database, StateBroken, move_aside, open_database
from control.store.rosters import roster_body, roster_versions, save_roster
from control.store.secret import NAME, VARIABLE, link_secret


def test_every_version_of_the_roster_can_be_looked_up(database: Database) -> None:
    """Who was on duty last month is answered from the version of last month."""
    for at, body in ((1, "{}"), (2, '{"persons": []}')):
        database.write(lambda c, at=at, body=body: save_roster(c, at=at, who="陈", reason=f"r{at}", body=body))
    assert database.read(roster_versions) == [(2, 2, "陈", "r2"), (1, 1, "陈", "r1")]
    assert database.read(lambda c: roster_body(c, 1)) == "{}"
    assert database.read(lambda c: roster_body(c, 3)) is None


def test_the_history_of_a_limit(database: Database) -> None:
    """Every change of one alarm, with who and why, and nobody else's."""

    def change(at: int, key: str, field: str, old: float | None, new: float | None) -> None:
        database.write(lambda c: change_limit(c, at=at, who="e", key=key, field=field, old=old, new=new, reason="tuned"))

    change(1, "level@w", "limit", 1.0, 1.2)
    change(2, "other", "limit", 1.0, 5.0)
    change(3, "level@w", "on_s", 1.2, None)
    assert database.read(lambda c: change_history(c, "level@w")) == [
        (1, "e", "limit", 1.0, 1.2, "tuned"),
        (3, "e", "on_s", 1.2, None, "tuned"),
    ]


def test_a_damaged_file_is_moved_aside_when_asked(tmp_path: Path) -> None:
    """All of it is kept under a name that says when, so that a person can still save what is in it; then a fresh one opens."""
    path = tmp_path / "state.sqlite"
    for end in ("", "-wal"):
        path.with_name(path.name + end).write_bytes(b"no database at all" * 100)
    with pytest.raises(StateBroken, match="move it aside"):
        open_database(path)
    aside = move_aside(path, 1_780_000_000_000)
    assert aside.read_bytes() == b"no database at all" * 100
    names = {one.name for one in tmp_path.iterdir()}
    assert {"state.sqlite.damaged-1780000000000", "state.sqlite.damaged-1780000000000-wal"} <= names
    assert not [name for name in names if "damaged" not in name]
    open_database(path).close()


CRASHED = """
import os, sys
from control.store.audit import record
from control.store.database import open_database
database = open_database(sys.argv[1])
database.write(lambda c: [record(c, at=n, who="a" * 100, action="x", target="y") for n in range(300)])
database.close()
database = open_database(sys.argv[1])
database.write(lambda c: [record(c, at=n, who="b" * 100, action="x", target="y") for n in range(20)])
os._exit(9)
"""


@pytest.mark.parametrize("damage", ["inside", "empty"])
def test_a_damaged_file_is_left_as_it_is(tmp_path: Path, damage: str) -> None:
    """After a crash the last commits stand in the WAL alone: looking at a damaged file must not merge or delete it."""
    path = tmp_path / "state.sqlite"
    subprocess.run([sys.executable, "-c", CRASHED, str(path)], check=False)
    pages = bytearray(path.read_bytes())
    pages[30_000:60_000] = b"\xa5" * 30_000
    path.write_bytes(pages if damage == "inside" else b"")
    kept = [path, tmp_path / "state.sqlite-wal"]
    before = [one.read_bytes() for one in kept]
    assert before[1]
    with pytest.raises(StateBroken, match="is damaged"):
        open_database(path)
    assert [one.read_bytes() for one in kept] == before


def test_a_key_that_is_no_secret_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A short text can be guessed and a readable file copied: who holds the key acknowledges alarms in anybody's name."""
    monkeypatch.setenv(VARIABLE, "secret")
    with pytest.raises(StateBroken, match="at least 32 characters") as caught:
        link_secret(tmp_path)
    assert "secret" not in str(caught.value).replace(VARIABLE, "")
    monkeypatch.delenv(VARIABLE)
    made = link_secret(tmp_path)
    (tmp_path / NAME).chmod(0o644)
    with pytest.raises(StateBroken, match="others may read it"):
        link_secret(tmp_path)
    (tmp_path / "mounted").write_text("0123456789abcdef0123456789abcdef\n")
    monkeypatch.setenv(f"{VARIABLE}_FILE", str(tmp_path / "mounted"))
    assert link_secret(tmp_path) != made
