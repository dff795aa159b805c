"""Who works here just now: the newest roster of the database, and how a new one comes in.

The county's ``people/`` files are the first version. From then on a version comes from the files when they have changed and
nobody has changed the roster otherwise since; else what people did (a swap, a season, an import) stands, and the log says that
the files differ.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

from sqlalchemy import Connection

from control.people.files import load_roster, write_roster
from control.people.roster import Roster, from_json, to_json
from control.requests import signed
from control.store.rosters import newest_roster, roster_body, roster_versions, save_roster
from control.store.writer import Writer
from lampwell.assets import County
from lampwell.clock import Clock

log = logging.getLogger(__name__)

BY_FILES = "people/ of the county"
"""The reason of a version that came from the county's files."""
_SELF = "control"


class Staff:
    """``roster`` is what counts now, ``version`` its number in the database (0 = none yet)."""

    def __init__(self, county: County, writer: Writer, clock: Clock) -> None:
        self.roster, self.version = Roster(), 0
        self.zone = ZoneInfo(county.time_zone)
        self._areas = [area.id for area in county.areas]
        self._writer, self._clock = writer, clock

    def name(self, person: str) -> str:
        """What people call someone; the id where nobody is known by it."""
        return self.roster.name(person)

    async def begin(self, of_files: Roster) -> None:
        """Take the newest version, the county's files having been read. StateError; UnreadableRoster."""
        now, text = self._clock.now(), to_json(of_files)
        version, body, differ = await self._writer.write(lambda connection: _begun(connection, text, now))
        self.roster, self.version = from_json(body), version
        if differ:
            log.warning("people/ differs from the roster in use (version %d): take it with `lampwell people import`", version)

    async def change(self, roster: Roster, who: str, reason: str) -> int:
        """Go over to a new roster; its version. ConfigError with what is wrong; NotDone without who or why; StateError."""
        who, reason = signed(who, reason)
        check(roster, self._areas)
        now = self._clock.now()
        self.version = await self._writer.write(
            lambda connection: save_roster(connection, at=now, who=who, reason=reason, body=to_json(roster))
        )
        self.roster = roster
        return self.version

    async def versions(self) -> Sequence[tuple[int, int, str, str]]:
        """Every version, newest first: (version, time, who, reason)."""
        return await self._writer.read(roster_versions)


def check(roster: Roster, areas: Sequence[str]) -> None:
    """A roster is good if its files are: they are written and read again. ConfigError."""
    with TemporaryDirectory() as folder:
        write_roster(roster, Path(folder) / "people")
        load_roster(Path(folder) / "people", areas)


def _begun(connection: Connection, of_files: str, now: int) -> tuple[int, str, bool]:
    """(version, body, whether the files say something else)."""
    newest = newest_roster(connection)
    if newest is None:
        return _save(connection, of_files, now), of_files, False
    by_files = next((version for version, _, _, reason in roster_versions(connection) if reason == BY_FILES), 0)
    unchanged = by_files and roster_body(connection, by_files) == of_files
    if unchanged or newest[1] == of_files:
        return *newest, False
    if newest[0] == by_files:
        return _save(connection, of_files, now), of_files, False
    return *newest, True


def _save(connection: Connection, body: str, now: int) -> int:
    return save_roster(connection, at=now, who=_SELF, reason=BY_FILES, body=body)
