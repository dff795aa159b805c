"""``lampwell demo``: a living county on this machine, on its own clock, with a storm a minute in."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path

import click

from deploy.folders import locked
from deploy.ports import must_be_free
from deploy.wishes import Wishes, clock_of, county_of, data_folder, scenario_of


def seconds(text: str) -> float:
    """``60s``, ``10m``, ``2h`` or plain seconds, in seconds."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", text)
    if not found or float(found[1]) <= 0:
        raise click.BadParameter(f"{text!r} is no length of time; write 60s, 10m or 2h")
    return float(found[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[found[2]]


def storm(text: str) -> float:
    """``P=20``, a return period in years; 0 for ``none``. The design storm formula is published for 1 to 100 years."""
    if text.lower() == "none":
        return 0.0
    found = re.fullmatch(r"(?:[Pp]\s*=\s*)?(\d+(?:\.\d+)?)", text)
    if not found or not 1 <= float(found[1]) <= 100:
        raise click.BadParameter(f"{text!r} is no storm; write P=20 (a return period of 1 to 100 years) or none")
    return float(found[1])


def local_time(text: str) -> datetime:
    """``2026-06-21T18:30``; without an offset it is meant in the county's time zone."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(f"{text!r} is no time; write 2026-06-21T18:30") from None


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), default=Path("counties/taihe"))
@click.option(
    "--start", type=local_time, metavar="DATETIME", help="County time to begin at, for example 2026-06-21T18:30. Default: now."
)
@click.option(
    "--speed", type=click.FloatRange(1, 60), default=1.0, show_default=True, help="How much faster the county's clock runs."
)
@click.option(
    "--storm",
    type=storm,
    metavar="P=YEARS",
    default="P=20",
    show_default=True,
    help="The storm that begins one county minute in, or none.",
)
@click.option(
    "--storm-minutes", type=click.FloatRange(5, 1440), default=10.0, show_default=True, help="How long that storm lasts."
)
@click.option("--for", "seconds", type=seconds, metavar="TIME", help="End by itself after so much real time: 60s, 10m, 2h.")
@click.option("--json", "as_json", is_flag=True, help="No screen; end with one JSON object.")
@click.option("--plain", is_flag=True, help="Lines instead of a screen, as in a pipe.")
@click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), help="Data folder. Default: run/<county>, or run/<county>-drill."
)
@click.option(
    "--keep", is_flag=True, help="On a shifted clock: go on in the data of the last drill instead of putting them aside."
)
@click.option("--scenario", metavar="NAME", help="A scenario of the county's folder: faults that come in their time, as `dusk`.")
@click.option("--port-base", type=click.IntRange(1024, 65535), help="Serve the county's Modbus links from this port on.")
@click.option(
    "--broker-port", type=click.IntRange(0, 65535), default=0, help="Port of the embedded broker. Default: any free one."
)
def demo(folder: Path, **options: object) -> int:
    """Bring a county to life on this machine: field, gateways, broker, collector and store in one command.

    On the machine's own clock the data go on in run/<county>. With --start or --speed the county has a time of its own; its data
    then begin afresh in run/<county>-drill, and those of the last drill are put aside beside it.

    Exit code 0: ended as asked and nothing lost. 1: a part failed or a reading was lost. 2: refused before it began.
    """
    wishes = Wishes(**options)  # type: ignore[arg-type]
    county = county_of(folder, wishes)
    scenario_of(county, wishes)
    must_be_free(county)
    import uvloop

    from deploy.session import Session

    prepared = data_folder(county, wishes)
    with locked(prepared.path):
        session = Session(county, clock_of(county, wishes), wishes, prepared)
        return uvloop.run(session.run())
