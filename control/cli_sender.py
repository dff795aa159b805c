"""``lampwell sender``: the messages of a county sent by a process of its own, on this machine or on a relay that reaches out."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from control.messages.reach import load_reach
from control.messages.settings import load_channels, open_channels
from control.messages.state import State
from control.outgoing import Outgoing, build_sender, times_of_tests
from control.people.roster import Roster, from_json
from control.state import DATABASE, open_state
from control.store.errors import StateError
from control.store.rosters import newest_roster
from control.store.secret import link_secret
from control.store.writer import Writer
from lampwell.assets import County
from lampwell.clock import Clock, SystemClock
from lampwell.county import load
from lampwell.errors import ConfigError, Problem
from lampwell.signals import heed

log = logging.getLogger(__name__)

ROSTER_S = 30.0
"""A new roster is taken up within so long."""


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), help="Data folder. Default: run/<county>.")
@click.option(
    "--state",
    envvar=DATABASE,
    show_envvar=True,
    help="The relational state that control writes: a file, or postgresql://user@host/database. Default: in the data folder.",
)
@click.option("--verbose", is_flag=True, help="Log what is done, not only what breaks and heals.")
def sender(folder: Path, data: Path | None, state: str | None, *, verbose: bool) -> None:
    """Send the messages of the county in FOLDER, beside `lampwell control --no-sender`, until stopped.

    Several may run at once: each letter is taken by one. On another machine they share control's PostgreSQL, and its link secret
    (LAMPWELL_LINK_SECRET) so that links to acknowledge work.
    """
    logging.basicConfig(level=logging.DEBUG if verbose else logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    county = load(folder)
    asyncio.run(serve(county, data or Path("run") / county.id, state))


async def serve(county: County, data_dir: Path, state: str | None) -> None:
    """Send until SIGINT or SIGTERM."""
    data_dir.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - before anything runs
    settings, reach = load_channels(county.folder), load_reach(county.folder)
    if not settings:
        raise ConfigError([Problem("channels.toml", "", "there is no channel to send by")])
    channels = open_channels(settings)
    database = open_state(data_dir, state)
    try:
        writer, clock = Writer(database), SystemClock()
        out = Outgoing(channels=channels, test_at=times_of_tests(settings), reach=replace(reach, listen=None))
        await _send(county, writer, out, clock, link_secret(data_dir))
        await writer.close()
    finally:
        for channel in channels.values():
            await channel.close()
        database.close()


async def _send(county: County, writer: Writer, out: Outgoing, clock: Clock, secret: bytes) -> None:
    known = _Newest(writer, clock)
    await known.look()
    one, pulse = build_sender(
        writer, out, clock, ZoneInfo(county.time_zone), roster=lambda: known.roster, served_at="", secret=secret
    )
    heed(one.stop, {})
    looking = asyncio.create_task(known.run(), name="roster")
    log.info("sending by %s", ", ".join(out.channels))
    try:
        await one.run()
    finally:
        looking.cancel()
        if pulse is not None:
            await pulse.close()


class _Newest:
    """The roster in use, as control has written it."""

    def __init__(self, state: State, clock: Clock) -> None:
        self.roster = Roster()
        self._state, self._clock = state, clock

    async def look(self) -> None:
        """Read it. StateError, UnreadableRoster."""
        if (found := await self._state.read(newest_roster)) is not None:
            self.roster = from_json(found[1])

    async def run(self) -> None:
        """Look now and then, until cancelled."""
        while True:
            await self._clock.sleep(ROSTER_S)
            try:
                await self.look()
            except StateError as error:
                log.debug("the roster is not read anew: %s", error)
