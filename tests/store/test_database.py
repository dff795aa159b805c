"""Opening the state: made, brought up to date, refused in plain words."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, func, select, text

from bench.postgres import Postgres
from control.store.audit import record, verify
from control.store.changes import change_limit, current_changes
from control.store.database import Database, StateAway, StateBroken, StateError, open_database
from control.store.rosters import newest_roster, save_roster
from control.store.secret import LENGTH, NAME, link_secret
from control.store.tables import audit, metadata, roster


def test_the_migrations_make_what_the_tables_say(database: Database) -> None:
    """Protects the first migration and every later one from drifting away from the tables."""
    found = database.read(lambda connection: compare_metadata(MigrationContext.configure(connection), metadata))
    assert found == []


def test_opening_again_keeps_everything(where: str | Path) -> None:
    """A restart finds what was committed."""
    first = open_database(where)
    first.write(lambda c: record(c, at=1, who="a", action="x", target="y"))
    first.close()
    again = open_database(where)
    assert again.read(lambda c: c.scalar(select(audit.c.who))) == "a"
    again.close()


def test_four_services_may_open_a_fresh_database_at_once(where: str | Path) -> None:
    """Control and sender start together on the first day: one makes the tables, the others wait for it."""
    code = f"from pathlib import Path; from control.store.database import open_database; open_database({str(where)!r}).close()"
    running = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE) for _ in range(4)]
    assert [process.communicate()[1].decode()[-500:] for process in running] == [""] * 4


def test_a_newer_database_is_refused(where: str | Path) -> None:
    """An older program must not write into tables it does not know; it says what to do."""
    opened = open_database(where)
    opened.write(lambda c: c.execute(text("UPDATE alembic_version SET version_num = '9999'")))
    opened.close()
    with pytest.raises(StateBroken, match=r"9999 is newer .* install the newer lampwell"):
        open_database(where)


@pytest.mark.parametrize("content", [b"this is no database at all, but long enough to look at" * 30, b""], ids=["text", "empty"])
def test_a_file_that_is_no_database(tmp_path: Path, content: bytes) -> None:
    """A wrong file is told of and left as it is; an empty one is a database that has not begun."""
    path = tmp_path / "state.sqlite"
    path.write_bytes(content)
    if content:
        with pytest.raises(StateBroken, match="is damaged or no database"):
            open_database(path)
        assert path.read_bytes() == content
    else:
        open_database(path).close()


def test_damage_inside_is_found(tmp_path: Path) -> None:
    """A page overwritten by a dying disk is found at the start, not in the night."""
    path = tmp_path / "state.sqlite"
    opened = open_database(path)
    opened.write(lambda c: [record(c, at=n, who="a" * 100, action="x", target="y") for n in range(500)])
    opened.close()
    with sqlite3.connect(path) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    pages = bytearray(path.read_bytes())
    pages[-20_000:-10_000] = b"\xa5" * 10_000
    path.write_bytes(pages)
    with pytest.raises(StateBroken, match="is damaged"):
        open_database(path)


@pytest.mark.parametrize("url", ["nonsense://x/y", "postgresql://user:secret@h:port/x", "mysql://a/b"])
def test_a_url_that_can_not_be(url: str) -> None:
    """A wrong setting is named, never a traceback."""
    with pytest.raises(StateBroken, match="not a database URL"):
        open_database(url)


def test_no_password_in_a_message() -> None:
    """What can not be reached is told without its secret."""
    with pytest.raises(StateAway) as caught:
        open_database("postgresql://lampwell@127.0.0.1:1/x", password="very-secret")
    assert "very-secret" not in str(caught.value)
    assert "127.0.0.1" in str(caught.value)


def test_a_password_in_the_query_is_hidden_too() -> None:
    """libpq takes a password after the question mark as well; it stays out of every message."""
    with pytest.raises(StateAway) as caught:
        open_database("postgresql://lampwell@127.0.0.1:1/x?password=very-secret")
    assert "very-secret" not in str(caught.value)


def test_a_login_the_server_refuses_is_not_waited_for(postgres: Postgres) -> None:
    """A wrong database or role is a setting to mend; waiting would not help."""
    for url in (postgres.url.replace("/postgres", "/nowhere"), postgres.url.replace("lampwell@", "stranger@")):
        with pytest.raises(StateBroken, match="does not exist"):
            open_database(url)


def test_a_folder_that_can_not_be_made_is_told(tmp_path: Path) -> None:
    """A path through a file is named, never a traceback."""
    (tmp_path / "file").touch()
    with pytest.raises(StateBroken, match="folder can not be made"):
        open_database(tmp_path / "file" / "state.sqlite")


def test_reading_changes_nothing(database: Database) -> None:
    """A question can not write, whatever it says; the next change can."""
    with pytest.raises(StateError):
        database.read(lambda c: record(c, at=1, who="a", action="x", target="y"))
    assert database.read(lambda c: c.scalar(select(audit.c.id))) is None
    database.write(lambda c: record(c, at=1, who="a", action="x", target="y"))


def test_a_question_does_not_wait_for_a_writer(tmp_path: Path) -> None:
    """Another service in the middle of a change holds up no page, and opening needs no lock either."""
    path = tmp_path / "state.sqlite"
    open_database(path).close()
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    opened = open_database(path, busy_s=0.01)
    assert opened.read(newest_roster) is None
    with pytest.raises(StateAway, match="locked"):
        opened.write(lambda c: record(c, at=1, who="a", action="x", target="y"))
    holder.close()
    opened.close()


def test_a_question_sees_one_moment(database: Database) -> None:
    """What is committed between two statements of one question is not half seen."""

    def twice(connection: Connection) -> list[int | None]:
        first = connection.scalar(select(func.count()).select_from(audit))
        database.write(lambda c: record(c, at=1, who="a", action="x", target="y"))
        return [first, connection.scalar(select(func.count()).select_from(audit))]

    assert database.read(twice) == [0, 0]


def test_two_services_write_one_chain(where: str | Path) -> None:
    """Two that record at the same moment never both follow the same row: that would look like tampering."""
    opened = [open_database(where) for _ in range(2)]

    def recording(one: Database) -> None:
        for _ in range(40):
            one.write(lambda c: record(c, at=1, who="a", action="x", target="y"))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(recording, opened))
    assert opened[0].read(verify) is None
    assert opened[0].read(lambda c: c.scalar(select(func.count()).select_from(audit))) == 80
    for one in opened:
        one.close()


def test_a_changed_or_missing_audit_row_shows(database: Database) -> None:
    """The chain finds the first row that is not as it was written, and the gap where one was taken out."""
    database.write(lambda c: [record(c, at=n, who="a", action="x", target=f"t{n}") for n in range(10)])
    assert database.read(verify) is None
    ids = [row.id for row in database.read(lambda c: c.execute(select(audit.c.id).order_by(audit.c.id)).all())]
    database.write(lambda c: c.execute(audit.update().where(audit.c.id == ids[4]).values(who="someone else")))
    assert database.read(verify) == ids[4]
    database.write(lambda c: c.execute(audit.update().where(audit.c.id == ids[4]).values(who="a")))
    database.write(lambda c: c.execute(audit.delete().where(audit.c.id == ids[6])))
    assert database.read(verify) == ids[7]
    database.write(lambda c: c.execute(audit.delete().where(audit.c.id == ids[0])))
    assert database.read(verify) == ids[1]


def test_limit_changes_and_the_way_back(database: Database) -> None:
    """The newest change of a field counts; None is back to the file; each has its audit row."""

    def change(new: float | None) -> None:
        database.write(
            lambda c: change_limit(c, at=1, who="engineer", key="level@w", field="limit", old=1.0, new=new, reason="tuned")
        )

    change(1.2)
    change(1.3)
    assert database.read(current_changes) == {("level@w", "limit"): 1.3}
    change(None)
    assert database.read(current_changes) == {}
    assert len(database.read(lambda c: c.execute(select(audit)).all())) == 3


def test_rosters_are_versions(database: Database) -> None:
    """The newest counts, none is lost."""
    assert database.read(newest_roster) is None
    for body in ("{}", '{"a":1}'):
        database.write(lambda c, body=body: save_roster(c, at=1, who="a", reason="", body=body))
    version, body = database.read(newest_roster) or (0, "")
    assert (version, body) == (2, '{"a":1}')
    assert len(database.read(lambda c: c.execute(select(roster)).all())) == 2


def test_the_link_secret_is_made_once_and_kept_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Links signed before a restart hold after it; nobody else may read the key; a damaged one is told."""
    made = link_secret(tmp_path)
    assert link_secret(tmp_path) == made
    assert len(made) == LENGTH
    assert (tmp_path / NAME).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [NAME]
    (tmp_path / NAME).write_bytes(b"half")
    with pytest.raises(StateBroken, match="is no key of 32 bytes"):
        link_secret(tmp_path)
    monkeypatch.setenv("LAMPWELL_LINK_SECRET", "from the environment, and long enough")
    assert link_secret(tmp_path) not in (made, b"")


def test_services_that_begin_together_have_one_link_secret(tmp_path: Path) -> None:
    """A link signed by one is believed by the other."""
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: link_secret(tmp_path), range(8)))) == 1


def test_postgres_restarted_is_away_then_back(postgres: Postgres, tmp_path: Path) -> None:
    """A restart of the server is a reason to wait, not to give up."""
    opened = open_database(postgres.url)
    postgres.stop()
    with pytest.raises(StateAway):
        opened.write(lambda c: c.execute(text("SELECT 1")))
    postgres.start()
    for _ in range(3):  # connections of before the restart are found dead one by one
        try:
            opened.write(lambda c: c.execute(text("SELECT 1")))
        except StateAway:
            continue
    opened.write(lambda c: c.execute(text("SELECT 1")))
    opened.close()
