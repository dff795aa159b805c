"""``lampwell backtest``: what a rule set would have done with what is recorded."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from time import monotonic
from zoneinfo import ZoneInfo

import click

from collector.asking import Source, open_source
from collector.cli import data_folder, history_of
from control.alarms.bind import Binding, Changes, bind
from control.alarms.rule_files import load_rules
from control.backtest.figures import Label, difference, report
from control.backtest.history import Recorded
from control.backtest.labels import read_labels
from control.backtest.logic import Logic
from control.backtest.run import Life, Trial
from control.state import DATABASE, known_state
from control.store.changes import current_changes
from deploy.backtest_feeder import feeder
from deploy.backtest_page import Outcome, page
from lampwell.assets import County
from lampwell.clock import SystemClock
from lampwell.config_words import did_you_mean
from lampwell.county import load
from lampwell.errors import ConfigError, LampwellError, Problem
from lampwell.times import instant, shown

WARM_MS = 3_600_000
"""How much earlier than asked a back-test begins to read: what stood at the start is known then, and does not count as new."""
SETTLE_MS = 900_000
"""How long after the very first reading the figures begin: three heartbeats, until every point has been heard of."""
BEAT_MS = 300_000
"""The newest reading tells that much of what came after it: the usual heartbeat."""


class NothingRecorded(LampwellError):
    """There is no history to try rules on."""


@dataclass(frozen=True, slots=True)
class Span:
    """[start, end), epoch ms."""

    start: int
    end: int


@click.group()
def backtest() -> None:
    """Try rules on recorded history, in virtual time, before they wake anyone. 回测。"""


backtest.add_command(feeder)


@backtest.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--from", "start", default="-24h", show_default=True, metavar="TIME", help="2026-06-21T18:30 (county time) or -30d."
)
@click.option("--to", "end", default="now", show_default=True, metavar="TIME", help="Where the range ends; not included.")
@click.option(
    "--rules",
    "trial",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder of rules to compare with those now running, as a county's alarms/ folder.",
)
@click.option(
    "--labels",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A TOML file of [[event]]: what really happened.",
)
@click.option("--device", "devices", multiple=True, metavar="ID", help="Only this device; may be given more than once.")
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), help="Data folder. Default: run/<county>.")
@click.option(
    "--state",
    envvar=DATABASE,
    show_envvar=True,
    help="The alarm service's state, for limits changed while it runs. Default: control.sqlite in the data folder, if there.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object, every occurrence in it, instead of text.")
def rules(
    folder: Path,
    start: str,
    end: str,
    trial: Path | None,
    labels: Path | None,
    devices: tuple[str, ...],
    data: Path | None,
    state: str | None,
    *,
    as_json: bool,
) -> None:
    """Run the alarm rules of the county in FOLDER over its recorded history.

    Tells alarms a day, chatter and time in alarm of each rule; with --labels which events would have been found, and how early;
    with --rules the same of another rule set, and the difference. Nothing is changed and nobody is told.

    The history holds readings only. That a device or an edge node was offline is concluded from its silence, minutes later than
    the running service knows; that the broker was away leaves no trace.
    """
    county = load(folder)
    zone, data_dir = ZoneInfo(county.time_zone), data_folder(county, data)
    span = _span(start, end, zone)
    changes = _changes(state, data_dir)
    bindings = [bind(load_rules(county), county, changes)]
    if trial:
        bindings.append(bind(load_rules(county, rules_folder=trial), county, changes))
    known = read_labels(labels, zone, {key for one in bindings for key in one.by_key}) if labels else ()
    bindings = [_only(one, county, devices) for one in bindings]
    done = asyncio.run(_tried(county, data_dir, bindings, span, known))
    done = replace(done, changed=len(changes))
    click.echo(json.dumps(asdict(done), ensure_ascii=False) if as_json else "\n".join(page(done, county, zone)))


def _span(start: str, end: str, zone: ZoneInfo) -> Span:
    now = SystemClock().now()
    span = Span(instant(start, "--from", now, zone), instant(end, "--to", now, zone))
    if span.start >= span.end:
        raise ConfigError([Problem("--from", "", f"{shown(span.start, zone)} is not before --to, {shown(span.end, zone)}")])
    return span


def _changes(state: str | None, data_dir: Path) -> Changes:
    """The limits and delays that were changed away from the files; none where no alarm service has ever run."""
    database = known_state(data_dir, state)
    if database is None:
        return {}
    try:
        return database.read(current_changes)
    finally:
        database.close()


def _only(binding: Binding, county: County, devices: Sequence[str]) -> Binding:
    """The alarms of these devices; all where none is named. ConfigError for one that is not there."""
    known = [device.id for device in county.devices]
    wrong = [
        Problem("--device", "", f"there is no device {one!r}{did_you_mean(one, known)}") for one in devices if one not in known
    ]
    if wrong:
        raise ConfigError(wrong)
    return Binding(tuple(bound for bound in binding.bounds if bound.device in devices)) if devices else binding


# -- running -------------------------------------------------------------------------------------------------------------------


async def _tried(county: County, data_dir: Path, bindings: Sequence[Binding], span: Span, labels: Sequence[Label]) -> Outcome:
    """The rule sets over the history, side by side: it is read once."""
    zone, began = ZoneInfo(county.time_zone), monotonic()
    source = await open_source(county, data_dir, lambda path: history_of(county.history, path, read_only=True))
    try:
        span = await _recorded_span(source, span, zone)
        recorded = Recorded(source, bindings, county)
        logic = Logic(county, span.start - WARM_MS)
        trials = [Trial(binding, county, span.start - WARM_MS) for binding in bindings]
        async for until, events in recorded.slices(span.start - WARM_MS, span.end):
            story = list(logic.woven(events, until))
            for one in trials:
                one.feed(story)
                one.advance(until)
            _progress(until, span, recorded.read)
    finally:
        _progress_over()
        await source.close()
    judged = _judged(recorded, span, zone)
    lives = [one.lives(judged.start) for one in trials]
    return _outcome(county, bindings, lives, judged, span, labels, recorded.read, monotonic() - began)


async def _recorded_span(source: Source, span: Span, zone: ZoneInfo) -> Span:
    """The span as far as there is history: what comes after the newest reading is not silence, it is not recorded."""
    newest = max([one.time for one in await source.latest("*")], default=None)
    if newest is None or newest < span.start:
        between = f"{shown(span.start, zone)} .. {shown(span.end, zone)}"
        said = "" if newest is None else f"; the newest reading is of {shown(newest, zone)}"
        raise NothingRecorded(f"该时段没有历史数据 nothing is recorded in {between}{said}")
    return Span(span.start, min(span.end, newest + BEAT_MS))


def _judged(recorded: Recorded, span: Span, zone: ZoneInfo) -> Span:
    """The span of the figures: from its start, or from when the history had settled."""
    between = f"{shown(span.start, zone)} .. {shown(span.end, zone)}"
    if recorded.first is None or recorded.last is None or recorded.last < span.start:
        raise NothingRecorded(f"该时段没有历史数据 nothing that these rules look at is recorded in {between}")
    judged = Span(max(span.start, recorded.first + SETTLE_MS), span.end)
    if judged.start >= judged.end:
        raise NothingRecorded(
            f"历史数据太短 the history in {between} is too short: it begins at {shown(recorded.first, zone)},"
            f" and figures begin {SETTLE_MS // 60_000} min later"
        )
    return judged


def _outcome(
    county: County,
    bindings: Sequence[Binding],
    lives: Sequence[Sequence[Life]],
    judged: Span,
    asked: Span,
    labels: Sequence[Label],
    readings: int,
    seconds: float,
) -> Outcome:
    within = [label for label in labels if judged.start <= label.start < judged.end]
    reports = [report(each, judged.start, judged.end, within) for each in lives]
    both = len(lives) == 2
    return Outcome(
        county=county.id,
        start=judged.start,
        end=judged.end,
        asked_start=asked.start,
        readings=readings,
        seconds=round(seconds, 1),
        alarms=len(bindings[0].bounds),
        now=reports[0],
        trial=reports[1] if both else None,
        difference=difference(lives[0], lives[1], judged.start) if both else None,
        labels_outside=len(labels) - len(within),
        occurrences=tuple(lives[-1]),
    )


# -- the progress line ---------------------------------------------------------------------------------------------------------


def _progress(until: int, span: Span, readings: int) -> None:
    """How far it is, on a terminal."""
    if sys.stderr.isatty():
        share = (until - span.start + WARM_MS) / (span.end - span.start + WARM_MS)
        click.echo(f"\r回测 back-test {share:4.0%}  {readings:,} 读数 readings", nl=False, err=True)


def _progress_over() -> None:
    if sys.stderr.isatty():
        click.echo("\r\x1b[K", nl=False, err=True)
