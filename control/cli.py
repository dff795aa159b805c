"""``lampwell control``: the alarm service of a county."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from dataclasses import replace
from pathlib import Path

import click

from control.app import Control
from control.messages.reach import load_reach
from control.messages.settings import load_channels, open_channels
from control.outgoing import Outgoing, times_of_tests
from control.people.files import load_roster
from control.state import DATABASE, open_state
from lampwell.account import broker_account
from lampwell.assets import County
from lampwell.clock import SystemClock
from lampwell.county import load
from lampwell.signals import heed


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), help="Data folder. Default: run/<county>.")
@click.option(
    "--state",
    envvar=DATABASE,
    show_envvar=True,
    help="The relational state: a file, or postgresql://user@host/database. Default: control.sqlite in the data folder.",
)
@click.option("--no-sender", is_flag=True, help="Leave the messages to a sender of their own (lampwell sender).")
@click.option("--verbose", is_flag=True, help="Log what is done, not only what breaks and heals.")
def control(folder: Path, data: Path | None, state: str | None, *, no_sender: bool, verbose: bool) -> None:
    """Raise alarms for the county in FOLDER and tell people, until stopped.

    SIGHUP reads the alarm rules anew; bad ones are refused and the old ones keep running. The broker's account is the county's or
    that of LAMPWELL_MQTT_USERNAME; PostgreSQL's password is that of LAMPWELL_STATE_PASSWORD.
    """
    logging.basicConfig(level=logging.DEBUG if verbose else logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    county = load(folder)
    with contextlib.suppress(ImportError):
        import uvloop

        uvloop.install()
    asyncio.run(serve(county, data or Path("run") / county.id, state, with_sender=not no_sender))


async def serve(county: County, data_dir: Path, state: str | None, *, with_sender: bool) -> None:
    """Run control until SIGINT or SIGTERM; SIGHUP reads the rules anew."""
    data_dir.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - before anything runs
    broker, password = broker_account(county.broker)
    roster = load_roster(county.folder / "people", [area.id for area in county.areas])
    settings = load_channels(county.folder)
    channels = open_channels(settings) if with_sender else {}
    database = open_state(data_dir, state)
    try:
        app = Control(
            replace(county, broker=broker),
            roster,
            clock=SystemClock(),
            database=database,
            out=Outgoing(channels=channels, test_at=times_of_tests(settings), reach=load_reach(county.folder)),
            data_dir=data_dir,
            password=password,
            sent_elsewhere=bool(settings) and not with_sender,
        )
        heed(app.stop, {signal.SIGHUP: app.reload})
        await app.run()
    finally:
        for channel in channels.values():
            await channel.close()
        database.close()
