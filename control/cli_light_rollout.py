"""``lampwell light``: bringing a plan to the cabinets, stopping it, going back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from control.cli_ask import VERSION, ask, data_option, folder_argument, json_option, tell_json, when, who_option
from control.cli_light_files import files_of, findings_of, refuse
from control.cli_light_orders import confirm
from control.cli_light_show import tell_difference
from control.cli_light_status import tell_rollout
from control.lighting.asks import Activation
from control.lighting.checks import problem
from control.lighting.rollout import PATIENCE_S, SETTLE_S
from control.lighting.views import Begun, PlanChange
from lampwell.county import load
from lampwell.local import LocalClient
from lampwell.times import length_ms

reason_option = click.option("--reason", required=True, help="Why; kept for good.")
yes_option = click.option("--yes", is_flag=True, help="The second word at once: for scripts, which nobody can ask.")


@click.command()
@folder_argument
@click.option("--version", type=VERSION, default=0, show_default="the files", help="A version that is there already.")
@click.option("--first", default="", metavar="CABINET", help="Begin with this cabinet. Default: the smallest that is in order.")
@click.option("--settle", default=f"{SETTLE_S // 60}m", show_default=True, metavar="LENGTH", help="How long all must agree.")
@click.option("--patience", default=f"{PATIENCE_S // 60}m", show_default=True, metavar="LENGTH", help="How long one may not.")
@click.option(
    "--allow-unlike", "allowed", type=click.IntRange(0, 100_000), default=0, help="Targets known to be faulty, per edge node."
)
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

    The files become a new version, checked first (exit code 2 if refused); what it would change is shown and asked about. The
    next stage begins when every edge node asked so far has confirmed the plan and reads back every target as it should be for the
    settle time; it stops by itself otherwise. One that is away for the patience is left out and served when it is back (owed).
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
@click.option("--version", type=VERSION, default=0, show_default="the one before", help="Back to this version.")
@click.option("--settle", default="1m", show_default=True, metavar="LENGTH", help="How long all must agree.")
@reason_option
@yes_option
@data_option
@who_option
@json_option
def rollback(
    folder: Path, version: int, settle: str, reason: str, data: Path | None, who: str, *, yes: bool, as_json: bool
) -> None:
    """Back to an earlier version, at all edge nodes at once; asked about first. A roll-out that runs is stopped."""
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
    zone = ZoneInfo(load(folder).time_zone)

    async def asked(client: LocalClient) -> Begun:
        first: Begun = await client.ask(method, wanted, who, reason, "")
        if not as_json:
            tell_plan_change(first.change, zone)
        if not yes:
            confirm(f"下发版本 {first.change.version} bring version {first.change.version} to the cabinets?")
        begun: Begun = await client.ask(method, wanted, who, reason, first.token)
        return begun

    _, begun = ask(folder, data, asked)
    if as_json:
        tell_json(begun)
        return
    assert begun.rollout is not None, "said with its token"
    tell_rollout(begun.rollout, zone)
    click.echo("进展 how it goes: lampwell light status")


def tell_plan_change(change: PlanChange, zone: ZoneInfo) -> None:
    """What a version would change: where, tonight, in kWh and CNY a night, and what the check says."""
    old = change.running or "无 none"
    click.echo(f"版本 version {old} -> {change.version}: {len(change.cabinets)} 控制箱 cabinets, {change.lamps} 灯 lamps")
    click.echo(f"网关 edge nodes: {', '.join(change.edges) or '已全部采用 all go by it already'}")
    if change.away:
        click.echo(f"不在线，待回线补发 away, owed it until they are back: {', '.join(change.away)}")
    if (found := change.difference) is None:
        on, off = when(change.tonight.first_on, zone), when(change.tonight.last_off, zone)
        kwh, cny = change.tonight.kwh, change.tonight.cny
        click.echo(f"今夜 tonight: 开灯 on {on}  关灯 off {off}  {kwh:,.0f} kWh  {cny:,.0f} 元 CNY")
    else:
        tell_difference(found, zone, as_json=False)
        kwh, cny = ((now - was) / found.nights for was, now in ((found.was.kwh, found.now.kwh), (found.was.cny, found.now.cny)))
        click.echo(f"平均每夜 a night: {kwh:+,.1f} kWh, {cny:+,.1f} 元 CNY")
    for one in change.findings:
        click.echo(f"{'错误 error' if one.is_error else '注意 note'}: {problem(one)}")
