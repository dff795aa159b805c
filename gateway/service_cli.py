"""``lampwell gateway`` and ``python -m gateway``: run one edge node."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
from dataclasses import replace
from pathlib import Path

import click

from gateway.app import Gateway
from lampwell.account import broker_account
from lampwell.assets import County
from lampwell.clock import SystemClock
from lampwell.county import load, place_lines
from lampwell.signals import heed

log = logging.getLogger(__name__)


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--edge", help="The edge node to run; needed where the county has several.")
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), help="Data folder (default: run/COUNTY/EDGE).")
@click.option(
    "--lines", type=click.Path(file_okay=False, path_type=Path), help="Where relative serial paths begin (default: run/COUNTY)."
)
@click.option("--verbose", is_flag=True, help="Log what is done, not only what breaks and heals.")
def gateway(folder: Path, edge: str | None, data: Path | None, lines: Path | None, *, verbose: bool) -> None:
    """Run one edge node of the county in FOLDER until stopped.

    SIGHUP loads the county anew; a bad one is refused and the old one keeps running. The broker's account is the county's,
    or that of LAMPWELL_MQTT_USERNAME with LAMPWELL_MQTT_PASSWORD_FILE or LAMPWELL_MQTT_PASSWORD.
    """
    logging.basicConfig(level=logging.DEBUG if verbose else logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    county = place_lines(load(folder), lines)
    name = edge or only_edge(county)
    data_dir = data or Path("run") / county.id / name
    gc.set_threshold(100_000, 20, 20)  # what a start makes lives for ever; looking through it again and again costs a fifth of it
    with contextlib.suppress(ImportError):
        import uvloop

        uvloop.install()
    asyncio.run(serve(county, name, data_dir, lines))


async def serve(county: County, edge: str, data_dir: Path, lines: Path | None = None) -> None:
    """Run an edge node until SIGINT or SIGTERM; SIGHUP reloads."""
    broker, password = broker_account(county.broker)
    app = Gateway(
        replace(county, broker=broker),
        edge,
        clock=SystemClock(),
        data_dir=data_dir,
        password=password,
        reload=lambda: at_its_broker(place_lines(load(county.folder), lines)),
    )
    heed(app.stop, {signal.SIGHUP: app.reload})
    await app.run()


def at_its_broker(county: County) -> County:
    """The county with this service's own account."""
    return replace(county, broker=broker_account(county.broker)[0])


def only_edge(county: County) -> str:
    """The county's edge node where there is just one."""
    if len(county.edges) == 1:
        return county.edges[0].id
    raise click.UsageError(f"name one with --edge: {', '.join(node.id for node in county.edges)}")
