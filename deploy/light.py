"""``lampwell light``, with the one command of it that needs the history beside control's state: ``figures``."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from control.cli_ask import data_option, folder_argument, json_option
from control.cli_light import light
from control.state import DATABASE, known_state
from lampwell.config_words import did_you_mean
from lampwell.county import load
from lampwell.errors import ConfigError, Problem

__all__ = ["light"]


@light.command("figures")
@folder_argument
@click.option("--from", "start", default="-24h", show_default=True, metavar="TIME", help="2026-06-01 (county time) or -30d.")
@click.option("--to", "end", default="now", show_default=True, metavar="TIME", help="Where the period ends; not included.")
@click.option("--area", default="", metavar="ID", help="Only this area.")
@click.option("--road", default="", metavar="ID", help="Only this road.")
@click.option(
    "--led", default=None, metavar="DATE", help="When lamps were changed to LED (noon of the day): energy before and after."
)
@click.option(
    "--baseline",
    type=click.IntRange(1),
    metavar="VERSION",
    help="Compare energy with this version of the plan. Default: full power from sunset to sunrise.",
)
@data_option
@click.option("--state", envvar=DATABASE, show_envvar=True, help="Control's state. Default: control.sqlite in the data folder.")
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="One table of figures: section, name, figure, value, unit.")
def figures(
    folder: Path,
    start: str,
    end: str,
    area: str,
    road: str,
    led: str | None,
    baseline: int | None,
    data: Path | None,
    state: str | None,
    *,
    as_json: bool,
    as_csv: bool,
) -> None:
    """Figures of a period: lamps lit (亮灯率), facilities intact (设施完好率), energy and money, times of repair.

    From recorded history and control's database; nothing is changed. What nobody heard is unknown: it counts neither as lit nor
    as dark, so each rate has a lower bound, an upper bound and a coverage. docs/lighting-figures.md has the definitions.
    """
    from collector.cli import data_folder  # an installation without the history has the other commands all the same
    from deploy.light_figures_csv import csv_lines, json_text
    from deploy.light_figures_page import page
    from deploy.light_figures_report import Wish, told

    if as_json and as_csv:
        raise click.UsageError("choose one of --json and --csv")
    county = load(folder)
    _check("--area", area, [one.id for one in county.areas])
    _check("--road", road, [one.id for one in county.roads])
    data_dir = data_folder(county, data)
    database = known_state(data_dir, state)
    try:
        wish = Wish(start=start, end=end, area=area, road=road, led=led, baseline=baseline)
        found = asyncio.run(told(county, data_dir, database, wish))
    finally:
        if database is not None:
            database.close()
    click.echo(json_text(found) if as_json else "\n".join(csv_lines(found) if as_csv else page(found, county)))


def _check(option: str, name: str, known: list[str]) -> None:
    if name and name not in known:
        raise ConfigError([Problem(option, "", f"there is no {name!r}{did_you_mean(name, known)}")])
