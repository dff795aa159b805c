"""``lampwell light``: lighting plans from a terminal: look ahead, compare, check, bring to the edge nodes."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import click

from control.cli_ask import VERSION, ask, data_option, day, folder_argument, json_option, tell_json, tell_table
from control.cli_light_files import files_of, findings_of, night_named, refuse
from control.cli_light_nights import tell_csv, tell_night, tell_nights, tell_year
from control.cli_light_orders import lock, order, orders, override, release
from control.cli_light_rollout import activate, rollback, stop
from control.cli_light_show import tell_difference
from control.cli_light_status import explain, status, tonight
from control.cli_light_talq import talq
from control.lighting.compare import by_class, difference
from control.lighting.nights import night_rows
from lampwell.config_words import did_you_mean
from lampwell.errors import ConfigError, Problem
from lampwell.lighting.documents import plan_hash, read_document
from lampwell.lighting.level import Timetable
from lampwell.lighting.model import Plan
from lampwell.lighting.preview import preview_night
from lampwell.local import LocalClient

REFUSED = 2
YEAR = 365

date_option = click.option("--date", "on", default="tonight", show_default=True, metavar="DATE", help="The night of 2026-10-01.")


@click.group()
def light() -> None:
    """Streetlights: plans, overrides, and what the cabinets confirm. 路灯照明。

    A plan is made of the county's lighting/ files. preview and validate need those alone; the rest asks a control service (or a
    demo) that runs on this machine.
    """


for _command in (activate, rollback, stop, override, lock, release, status, tonight, explain, orders, order, talq):
    light.add_command(_command)


# -- by the files alone --------------------------------------------------------------------------------------------------------


@light.command("preview")
@folder_argument
@click.argument("targets", nargs=-1)
@date_option
@click.option("--nights", type=click.IntRange(1, 3660), default=1, show_default=True, help="How many nights.")
@click.option("--year", is_flag=True, help="365 nights.")
@click.option("--version", type=VERSION, default=0, show_default="the files", help="A version that control has.")
@data_option
@json_option
@click.option("--csv", "as_csv", is_flag=True, help="A table of every night, for a spreadsheet.")
def preview_(
    folder: Path,
    targets: tuple[str, ...],
    on: str,
    nights: int,
    version: int,
    data: Path | None,
    *,
    year: bool,
    as_json: bool,
    as_csv: bool,
) -> None:
    """What the files will do: switch times, levels, kWh, CNY by hourly tariff, dark minutes, contactor operations, CJJ 45 class.

    One night: every kind of loop with its switches; TARGETS (cabinet-01/loop1, lamp-0001) with the reason of each. Many nights:
    the figures by class of road, and the switches through the year; of TARGETS a line a night. Dark minutes and operations of
    several loops are summed. Light sensors and overrides are left out.
    """
    if as_json and as_csv:
        raise click.UsageError("只能选一个 choose one of --json and --csv")
    files, count = files_of(folder), YEAR if year else nights
    plan = _plan(folder, data, version) if version else files.plan
    table, first = Timetable(plan), night_named(on, files.zone, count)
    if wrong := [name for name in targets if name not in table.targets]:
        nothing = "没有该回路或灯 there is no loop or lamp"
        raise ConfigError(Problem("TARGETS", "", f"{nothing} {name!r}{did_you_mean(name, table.targets)}") for name in wrong)
    rows = night_rows(table, targets, first, count, files.basis)
    if as_csv:
        tell_csv(rows, files.zone)
    elif targets and count == 1:
        tell_night([preview_night(table, name, first, files.basis) for name in targets], files.zone, as_json=as_json)
    elif targets or count == 1:
        tell_nights(rows, files.zone, as_json=as_json)
    else:
        tell_year(by_class(table, first, count, files.basis), list(rows), first, count, files.zone, as_json=as_json)


def _plan(folder: Path, data: Path | None, version: int) -> Plan:
    _, body = ask(folder, data, lambda client: client.ask("lighting.plan", version))
    return read_document(body.encode()).plan


@light.command()
@folder_argument
@json_option
def validate(folder: Path, *, as_json: bool) -> None:
    """Is the plan of the files fit to be activated? Every problem with its place.

    Exit code 2 if it is not: a gap in the night, steps out of order, below what the road or the luminaire needs, more switch
    points than a device holds.
    """
    files = files_of(folder)
    findings = findings_of(files)
    if as_json:
        tell_json({"ok": not any(one.is_error for one in findings), "hash": plan_hash(files.plan), "findings": findings})
        if any(one.is_error for one in findings):
            raise click.exceptions.Exit(REFUSED)
        return
    refuse(findings)
    loops = sum(not one.loop for one in files.plan.targets)
    click.echo(
        f"通过 in order: {len(files.plan.programs)} programs, {len(files.plan.calendars)} calendars, {loops} loops, "
        f"{len(files.plan.targets) - loops} lamps; {plan_hash(files.plan)[:19]}"
    )


# -- against what runs ---------------------------------------------------------------------------------------------------------


@light.command()
@folder_argument
@click.option("--from", "old", type=VERSION, default=0, show_default="what runs", help="Version to compare.")
@click.option("--to", "new", type=VERSION, default=0, show_default="the files", help="Version to compare with.")
@date_option
@click.option("--nights", type=click.IntRange(1, 3660), default=YEAR, show_default=True, help="Nights of the figures.")
@data_option
@json_option
def diff(folder: Path, old: int, new: int, on: str, nights: int, data: Path | None, *, as_json: bool) -> None:
    """What changes from the running version to the files, or between two versions: switches of a night, kWh, CNY."""
    files = files_of(folder)
    first = night_named(on, files.zone, nights)

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
