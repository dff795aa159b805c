"""``lampwell light``: bringing a plan to the cabinets, stopping it, going back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from control.cli_ask import ask, data_option, folder_argument, json_option, now_of, tell_json, who_option
from control.cli_light_files import files_of, findings_of, refuse
from control.cli_light_orders import confirm
from control.cli_light_show import tell_difference
from control.cli_light_status import tell_rollout
from control.lighting.activation import Activation
from control.lighting.compare import Difference
from control.lighting.rollout import PATIENCE_S, SETTLE_S
from control.lighting.views import RolloutRow
from control.store.lighting import Version
from lampwell.county import load
from lampwell.lighting.night import night_of
from lampwell.local import LocalClient
from lampwell.times import length_ms

reason_option = click.option("--reason", required=True, help="Why; kept for good.")
yes_option = click.option("--yes", is_flag=True, help="Yes to the second question; needed where nobody can answer it.")


@click.command()
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
        files = files_of(folder)
        refuse(findings_of(files))
        _, taken = ask(folder, data, lambda client: client.ask("lighting.take", files.plan, who, reason))
        wanted = replace(wanted, version=taken.version)
    _begin(folder, data, wanted, "lighting.activate", who, reason, yes=yes, as_json=as_json)


@click.command()
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
    """Back to an earlier version, at all edge nodes at once. A roll-out that runs is stopped."""
    wanted = Activation(version=version, settle_s=length_ms(settle, "--settle") // 1000, at_once=True)
    _begin(folder, data, wanted, "lighting.rollback", who, reason, yes=yes, as_json=as_json)


@click.command()
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
