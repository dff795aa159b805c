"""``lampwell backtest``: what a rule set would have done with what is recorded."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from collector.asking import Source, open_source
from collector.cli import data_folder, history_of
from collector.times import instant, shown
from control.alarms.bind import Binding, bind
from control.alarms.rule_files import load_rules
from control.backtest.figures import Difference, Label, Report, difference, report
from control.backtest.history import story
from control.backtest.labels import read_labels
from control.backtest.run import Life, run
from lampwell.assets import County
from lampwell.clock import SystemClock
from lampwell.county import load


@click.group()
def backtest() -> None:
    """Try rules on recorded history, in virtual time, before they wake anyone. 回测。"""


@backtest.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--from", "start", default="-24h", show_default=True, metavar="TIME", help="2026-06-21T18:30 (county time) or -30d."
)
@click.option("--to", "end", default="now", show_default=True, metavar="TIME", help="Where the range ends; not included.")
@click.option(
    "--rules",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder of rules to compare with those now in force, as a county's alarms/ folder.",
)
@click.option(
    "--labels",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A TOML file of [[event]]: what really happened.",
)
@click.option("--device", "devices", multiple=True, help="Only these devices; may be given more than once.")
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), help="Data folder. Default: run/<county>.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
def rules(
    folder: Path,
    start: str,
    end: str,
    rules: Path | None,
    labels: Path | None,
    devices: tuple[str, ...],
    data: Path | None,
    *,
    as_json: bool,
) -> None:
    """Run the rules of the county in FOLDER over its recorded history.

    Tells alarms per day, chatter, time in alarm, labelled events found and missed with their lead time, and, with --rules, the
    difference to the rules now in force. Offline alarms are not judged: the history holds readings, not births and deaths.
    """
    county = load(folder)
    zone, now = ZoneInfo(county.time_zone), SystemClock().now()
    span = Span(instant(start, now, zone), instant(end, now, zone))
    known = read_labels(labels, zone) if labels else ()
    other = load_rules(replace(county, folder=rules.parent) if rules else county, rules_folder=rules) if rules else None
    trial = asyncio.run(
        _tried(county, span, data_folder(county, data), bind(load_rules(county), county), other and bind(other, county), devices)
    )
    done = Outcome(
        report=report(trial.lives, span.start, span.end, known),
        other=report(trial.others, span.start, span.end, known) if trial.others is not None else None,
        difference=difference(trial.lives, trial.others) if trial.others is not None else None,
    )
    click.echo(json.dumps(asdict(done), ensure_ascii=False) if as_json else "\n".join(_page(done, trial, span, zone, known)))
