"""``lampwell collector`` and ``lampwell query``."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from dataclasses import replace
from pathlib import Path

import click

from collector.asking import Wish, ask
from lampwell.account import broker_account
from lampwell.assets import County, HistorySettings
from lampwell.clock import SystemClock
from lampwell.config import read_secret
from lampwell.county import load
from lampwell.history import open_history
from lampwell.history.port import History
from lampwell.signals import heed

PASSWORD_VARIABLE = "LAMPWELL_HISTORY_PASSWORD"  # noqa: S105 - the name of the place, not the secret
TOKEN_VARIABLE = "LAMPWELL_HISTORY_TOKEN"  # noqa: S105 - the name of the place, not the secret


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), help="Data folder. Default: run/<county>.")
@click.option("--verbose", is_flag=True, help="Log what is done, not only what breaks and heals.")
def collector(folder: Path, data: Path | None, *, verbose: bool) -> None:
    """Store everything that edge nodes say, for the county in FOLDER, until stopped.

    Secrets come from the files named in the county, or from LAMPWELL_MQTT_PASSWORD, LAMPWELL_HISTORY_PASSWORD and
    LAMPWELL_HISTORY_TOKEN.
    """
    logging.basicConfig(level=logging.DEBUG if verbose else logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    county = load(folder)
    with contextlib.suppress(ImportError):
        import uvloop

        uvloop.install()
    asyncio.run(serve(county, data_folder(county, data)))


def data_folder(county: County, data: Path | None) -> Path:
    """The folder asked for, or the usual one."""
    return data or Path("run") / county.id


def history_of(settings: HistorySettings, data_dir: Path, *, read_only: bool = False) -> History:
    """The county's store, with its secrets."""
    return open_history(
        settings,
        data_dir,
        clock=SystemClock(),
        password=read_secret(settings.password_file, PASSWORD_VARIABLE),
        token=read_secret(settings.token_file, TOKEN_VARIABLE),
        read_only=read_only,
    )


async def serve(county: County, data_dir: Path) -> None:
    """Run a collector until SIGINT or SIGTERM."""
    from collector.app import Collector

    broker, password = broker_account(county.broker)
    data_dir.mkdir(parents=True, exist_ok=True)  # noqa: ASYNC240 - before anything runs
    history = history_of(county.history, data_dir)
    try:
        app = Collector(replace(county, broker=broker), history, clock=SystemClock(), password=password, data_dir=data_dir)
        heed(app.stop)
        await app.run()
    finally:
        await history.close()


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("series", nargs=-1)
@click.option("--from", "start", default="-24h", show_default=True, metavar="TIME", help="2026-06-21T18:30 (county time) or -2h.")
@click.option("--to", "end", default="now", show_default=True, metavar="TIME", help="Where the range ends; not included.")
@click.option("--every", metavar="WIDTH", help="In buckets: 1m, 15m, 1h, 1d (minimum, maximum, mean, last, counts).")
@click.option("--latest", is_flag=True, help="The newest reading of each series (all, when no series is named).")
@click.option("--list", "listed", is_flag=True, help="The series that match, with kind and unit.")
@click.option("--gaps", metavar="TIME", help="Where there was no reading for longer than this, for example 5m.")
@click.option("--quarantine", is_flag=True, help="Readings that the store would not take, newest first.")
@click.option("--format", "form", type=click.Choice(["table", "csv", "parquet"]), default="table", show_default=True)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write to this file instead of the screen.")
@click.option("--excel", is_flag=True, help="CSV as Excel reads it best: with a byte order mark, times without zone.")
@click.option("--limit", type=click.IntRange(1), help="At most so many rows a series. Default: 1,000 in a table, else a million.")
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), help="Data folder. Default: run/<county>.")
def query(folder: Path, series: tuple[str, ...], data: Path | None, **options: object) -> None:
    """Ask the history of the county in FOLDER.

    SERIES are written device/point, with * and ? as wildcards: 'cabinet-03/loop3/i_a', 'well-*/level'. The store is asked
    through the process that owns it, or opened for reading when none is running.
    """
    county = load(folder)
    wish = Wish(series=series, **options)  # type: ignore[arg-type]
    asyncio.run(ask(county, data_folder(county, data), wish, lambda path: history_of(county.history, path, read_only=True)))
