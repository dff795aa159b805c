"""``lampwell light``: lighting plans from a terminal: look ahead, compare, check, bring to the edge nodes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from control.cli_ask import ask, data_option, day, folder_argument, json_option, now_of, tell_json, tell_table, who_option
from control.cli_light_orders import confirm, lock, order, orders, override, release
from control.cli_light_show import tell_difference, tell_figures, tell_night, tell_nights
from control.cli_light_status import explain, status, tell_rollout, tonight
from control.front_lighting import problem
from control.lighting.activation import Activation
from control.lighting.checks import Finding, check_plan
from control.lighting.compare import Difference, difference
from control.lighting.rollout import PATIENCE_S, SETTLE_S
from control.lighting.views import RolloutRow
from control.store.lighting import Version
from lampwell.assets import County
from lampwell.clock import SystemClock
from lampwell.county import load
from lampwell.errors import ConfigError, Problem
from lampwell.lighting.documents import plan_hash, read_document
from lampwell.lighting.files import FOLDER, build_plan, load_lighting
from lampwell.lighting.level import Timetable
from lampwell.lighting.model import Plan
from lampwell.lighting.night import night_of
from lampwell.lighting.preview import Basis, loads_of, preview, preview_night
from lampwell.local import LocalClient
from lampwell.times import length_ms

REFUSED = 2
YEAR = 365

date_option = click.option("--date", "on", default="tonight", show_default=True, metavar="DATE", help="The night of 2026-10-01.")
reason_option = click.option("--reason", required=True, help="Why; kept for good.")
yes_option = click.option("--yes", is_flag=True, help="Yes to the second question; needed where nobody can answer it.")


@click.group()
def light() -> None:
    """Streetlights: plans, overrides, and what the cabinets confirm. 路灯照明。

    A plan is made of the county's lighting/ files. preview and validate need those alone; the rest asks a control service (or a
    demo) that runs on this machine.
    """


for _command in (override, lock, release, status, tonight, explain, orders, order):
    light.add_command(_command)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Files:
    """A county with the plan of its files."""

    county: County
    plan: Plan
    basis: Basis

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.county.time_zone)


def _files(folder: Path) -> _Files:
    county = load(folder)
    lighting = load_lighting(folder, county)
    if not lighting.programs:
        reason = "没有照明方案 there are no lighting programs; begin with programs.toml, calendars.toml and assignments.toml"
        raise ConfigError([Problem(f"{FOLDER}/", "", reason)])
    return _Files(county=county, plan=build_plan(county, lighting), basis=Basis(loads=loads_of(county), tariffs=lighting.tariffs))


def _night(text: str, zone: ZoneInfo) -> date:
    if text == "tonight":
        return night_of(SystemClock().now(), zone)
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ConfigError([Problem("--date", "", f"{text!r} is not a date; write for example 2026-10-01")]) from None


# -- by the files alone --------------------------------------------------------------------------------------------------------


@light.command("preview")
@folder_argument
@click.argument("targets", nargs=-1)
@date_option
@click.option("--nights", type=click.IntRange(1, 3660), default=1, show_default=True, help="How many nights.")
@click.option("--year", is_flag=True, help="365 nights.")
@json_option
def preview_(folder: Path, targets: tuple[str, ...], on: str, nights: int, *, year: bool, as_json: bool) -> None:
    """What the files will do: switch times, levels, kWh, CNY, dark minutes, operations.

    One night: every kind of loop with its switches; TARGETS (cabinet-01/loop1, lamp-0001) with the reason of each. Many nights:
    the figures by class of road; of TARGETS a line a night. Light sensors and overrides are left out.
    """
    files, count = _files(folder), YEAR if year else nights
    table, first = Timetable(files.plan), _night(on, files.zone)
    if wrong := [name for name in targets if name not in table.targets]:
        there = f"没有该回路或灯 there is no loop or lamp {', '.join(wrong)}; write for example {files.plan.targets[0].id}"
        raise ConfigError([Problem("TARGETS", "", there)])
    if targets and count == 1:
        tell_night([preview_night(table, name, first, files.basis) for name in targets], files.zone, as_json=as_json)
    elif targets or count == 1:
        tell_nights(table, targets, first, count, files.basis, as_json=as_json)
    else:
        loops = [name for name, one in table.targets.items() if not one.loop]
        tell_figures(preview(table, loops, first, count, files.basis), files.basis, first, count, as_json=as_json)


@light.command()
@folder_argument
@json_option
def validate(folder: Path, *, as_json: bool) -> None:
    """Is the plan of the files fit to be activated? Every problem with its place.

    Exit code 2 if it is not: a gap in the night, steps out of order, below what the road or the luminaire needs, more switch
    points than a device holds.
    """
    files = _files(folder)
    findings = _findings(files)
    if as_json:
        tell_json({"ok": not any(one.is_error for one in findings), "hash": plan_hash(files.plan), "findings": findings})
        if any(one.is_error for one in findings):
            raise click.exceptions.Exit(REFUSED)
        return
    _refuse(findings)
    loops = sum(not one.loop for one in files.plan.targets)
    click.echo(
        f"通过 in order: {len(files.plan.programs)} programs, {len(files.plan.calendars)} calendars, {loops} loops, "
        f"{len(files.plan.targets) - loops} lamps; {plan_hash(files.plan)[:19]}"
    )


def _findings(files: _Files) -> Sequence[Finding]:
    return check_plan(files.plan, files.basis, night_of(SystemClock().now(), files.zone))


def _refuse(findings: Sequence[Finding]) -> None:
    """Tell the warnings; ConfigError with the errors."""
    for one in findings:
        if not one.is_error:
            click.echo(f"注意 note: {problem(one)}", err=True)
    if errors := [problem(one) for one in findings if one.is_error]:
        raise ConfigError(errors)


# -- against what runs ---------------------------------------------------------------------------------------------------------


@light.command()
@folder_argument
@click.option("--from", "old", type=int, default=0, show_default="what runs", help="Version to compare.")
@click.option("--to", "new", type=int, default=0, show_default="the files", help="Version to compare with.")
@date_option
@click.option("--nights", type=click.IntRange(1, 3660), default=YEAR, show_default=True, help="Nights of the figures.")
@data_option
@json_option
def diff(folder: Path, old: int, new: int, on: str, nights: int, data: Path | None, *, as_json: bool) -> None:
    """What changes from the running version to the files, or between two versions: switches of a night, kWh, CNY."""
    files = _files(folder)
    first = _night(on, files.zone)

    async def asked(client: LocalClient) -> tuple[str, str]:
        return await client.ask("lighting.plan", old), await client.ask("lighting.plan", new) if new else ""

    _, (before, after) = ask(folder, data, asked)
    plan = read_document(after.encode()).plan if after else files.plan
    found = difference(read_document(before.encode()).plan, plan, first, nights, files.basis)
    tell_difference(found, files.zone, as_json=as_json)


@light.command()
@folder_argument
@data_option
@json_option
def versions(folder: Path, data: Path | None, *, as_json: bool) -> None:
    """Every version of the plan: when, who, why."""
    county, found = ask(folder, data, lambda client: client.ask("lighting.versions"))
    if as_json:
        tell_json(found)
        return
    zone = ZoneInfo(county.time_zone)
    rows = [(str(one.version), day(one.at, zone), one.who, one.reason, one.hash[:19]) for one in found]
    tell_table([("版本 version", "时间 time", "谁 who", "原因 reason", "校验 hash"), *rows], "没有版本 no version yet")


# -- bringing it out -----------------------------------------------------------------------------------------------------------


@light.command()
@folder_argument
@click.option("--version", type=int, default=0, show_default="the files", help="A version that is there already.")
@click.option("--first", default="", metavar="CABINET", help="Begin with this cabinet. Default: the smallest that is in order.")
@click.option("--settle", default=f"{SETTLE_S // 60}m", show_default=True, metavar="LENGTH", help="How long all must agree.")
@click.option("--patience", default=f"{PATIENCE_S // 60}m", show_default=True, metavar="LENGTH", help="How long one may not.")
@click.option("--allow-unlike", "allowed", type=click.IntRange(0), default=0, help="Targets known to be faulty, per edge node.")
@click.option("--at-once", is_flag=True, help="All edge nodes together, without a trial.")
@reason_option
@yes_option
@data_option
@who_option
@json_option
def activate(
    folder: Path,
    version: int,
    first: str,
    settle: str,
    patience: str,
    allowed: int,
    reason: str,
    data: Path | None,
    who: str,
    *,
    at_once: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Bring a plan to the cabinets: one cabinet, its area, all.

    The files become a new version, checked first (exit code 2 if refused). The next stage begins when every edge node asked so
    far has confirmed the plan and reads back every target as it should be for the settle time; it stops by itself otherwise.
    """
    wanted = Activation(
        version=version,
        first=first,
        settle_s=length_ms(settle, "--settle") // 1000,
        patience_s=length_ms(patience, "--patience") // 1000,
        allowed=allowed,
        at_once=at_once,
    )
    if not version:
        files = _files(folder)
        _refuse(_findings(files))
        _, taken = ask(folder, data, lambda client: client.ask("lighting.take", files.plan, who, reason))
        wanted = replace(wanted, version=taken.version)
    _begin(folder, data, wanted, "lighting.activate", who, reason, yes=yes, as_json=as_json)


@light.command()
@folder_argument
@click.option("--version", type=int, default=0, show_default="the one before", help="Back to this version.")
@click.option("--settle", default="1m", show_default=True, metavar="LENGTH", help="How long all must agree.")
@reason_option
@yes_option
@data_option
@who_option
@json_option
def rollback(
    folder: Path, version: int, settle: str, reason: str, data: Path | None, who: str, *, yes: bool, as_json: bool
) -> None:
    """Back to an earlier version, at all edge nodes at once. A roll-out that runs is to be stopped first."""
    wanted = Activation(version=version, settle_s=length_ms(settle, "--settle") // 1000, at_once=True)
    _begin(folder, data, wanted, "lighting.rollback", who, reason, yes=yes, as_json=as_json)


@light.command()
@folder_argument
@reason_option
@data_option
@who_option
def stop(folder: Path, reason: str, data: Path | None, who: str) -> None:
    """Stop the roll-out that runs. What edge nodes have confirmed stays; see rollback."""
    _, row = ask(folder, data, lambda client: client.ask("lighting.stop", who, reason))
    click.echo(f"已停止 stopped: version {row.version}, stage {row.stage} of {len(row.stages)}")


def _begin(
    folder: Path, data: Path | None, wanted: Activation, method: str, who: str, reason: str, *, yes: bool, as_json: bool
) -> None:
    if not yes:
        _ask_first(folder, data, wanted)
    county, row = ask(folder, data, _do(method, wanted, who, reason))
    if as_json:
        tell_json(row)
        return
    tell_rollout(row, ZoneInfo(county.time_zone))
    click.echo("进展 how it goes: lampwell light status")


def _do(method: str, wanted: Activation, who: str, reason: str) -> Callable[[LocalClient], Awaitable[RolloutRow]]:
    async def asked(client: LocalClient) -> RolloutRow:
        row: RolloutRow = await client.ask(method, wanted, who, reason)
        return row

    return asked


def _ask_first(folder: Path, data: Path | None, wanted: Activation) -> None:
    """Show what changes tonight and ask; without a terminal the answer has to be --yes."""

    async def asked(client: LocalClient) -> Difference | None:
        tonight = night_of(await now_of(client), ZoneInfo(load(folder).time_zone))
        running = (await client.ask("lighting.status")).running
        known: list[Version] = await client.ask("lighting.versions")
        if not running or not wanted.version or wanted.version not in {one.version for one in known}:
            return None
        found: Difference = await client.ask("lighting.difference", running, wanted.version, tonight, 1)
        return found

    county, found = ask(folder, data, asked)
    if found is not None:
        tell_difference(found, ZoneInfo(county.time_zone), as_json=False)
    confirm("下发到全县控制箱 bring it to the cabinets of the county?")
