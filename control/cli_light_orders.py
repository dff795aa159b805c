"""``lampwell light``: overrides, crew locks, their outcomes, what edge nodes confirm, and why a lamp is as it is."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import click

from control.cli_ask import ask, data_option, folder_argument, json_option, now_of, tell_json, who_option
from control.cli_light_tell import tell_change, tell_order, tell_orders, tell_outcomes
from control.lighting.asks import LASTS_S, Wish
from control.lighting.following import ENDS
from control.lighting.selection import Selection
from control.lighting.views import Given, LightOrder
from lampwell.county import load
from lampwell.errors import ConfigError, Problem
from lampwell.lighting.wire import Said
from lampwell.local import LocalClient
from lampwell.times import instant, length_ms, shown_plain

POLL_S = 0.3
Give = Callable[[LocalClient, str], Awaitable[Given]]

reason_option = click.option("--reason", required=True, help="Why; kept for good, and told to whoever asks.")
yes_option = click.option("--yes", is_flag=True, help="The second confirmation of more than one cabinet.")
wait_option = click.option("--wait", default="15s", show_default=True, metavar="LENGTH", help="How long to wait for the outcome.")


def giving(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of whatever gives orders that may have to be said twice."""
    for option in (json_option, who_option, data_option, wait_option, yes_option, reason_option):
        command = option(command)
    return command


def selecting(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that choose loops and lamps."""
    for name, what in (
        ("lamp", "A lamp that a concentrator speaks to: lamp-0001."),
        ("loop", "A loop: cabinet-01/loop1."),
        ("cabinet", "A lamp cabinet."),
        ("road", "All loops with lamps on a road."),
        ("area", "All of an area."),
    ):
        command = click.option(f"--{name}", f"{name}s", multiple=True, help=what + " May be said more than once.")(command)
    return click.option("--county", is_flag=True, help="The whole county.")(command)


@click.command()
@folder_argument
@click.argument("level", type=click.IntRange(0, 100))
@selecting
@click.option("--for", "lasts", default="", metavar="LENGTH", help=f"30m, 2h. Default: {LASTS_S // 3600}h.")
@click.option("--until", default="", metavar="TIME", help="Instead of --for: 2026-10-01T23:30, county time.")
@click.option("--start", default="now", show_default=True, metavar="TIME", help="When it begins.")
@click.option("--ramp", default=0, type=click.IntRange(0, 600), help="Seconds to the level; back again as long.")
@giving
def override(
    folder: Path,
    level: int,
    lasts: str,
    until: str,
    start: str,
    ramp: int,
    reason: str,
    wait: str,
    data: Path | None,
    who: str,
    *,
    county: bool,
    yes: bool,
    as_json: bool,
    **chosen: tuple[str, ...],
) -> None:
    """Give lamps a LEVEL (0 to 100 %) for a while, whatever their programs say (限时指令).

    It always has an end, the next noon at the latest; then the programs hold again. More than one cabinet: what would change is
    shown and asked about. Exit code 1 where an edge node refuses, fails or does not answer.
    """
    zone = ZoneInfo(load(folder).time_zone)
    wishes: list[Wish] = []  # the second word is for the same wish as the first

    async def give(client: LocalClient, token: str) -> Given:
        if not wishes:
            now = await now_of(client)
            begins = instant(start, "--start", now, zone)
            lasts_s = _lasts_s(lasts, until, begins, now, zone)
            at = 0 if start == "now" else begins
            wishes.append(Wish(level=level, lasts_s=lasts_s, start=at, ramp_s=ramp, ramp_back_s=ramp, reason=Said(zh=reason)))
        given: Given = await client.ask("lighting.override", Selection(**chosen, county=county), wishes[0], who, token)
        return given

    _carry_out(folder, data, give, wait, yes=yes, as_json=as_json)


@click.command()
@folder_argument
@selecting
@giving
def lock(
    folder: Path,
    reason: str,
    wait: str,
    data: Path | None,
    who: str,
    *,
    county: bool,
    yes: bool,
    as_json: bool,
    **chosen: tuple[str, ...],
) -> None:
    """Crew lock (检修挂牌): off, and nothing is switched on there until `light release`. It stands over a restart.

    It is no isolation: whoever works on the line switches off and locks at the cabinet.
    """

    async def give(client: LocalClient, token: str) -> Given:
        asked = client.ask("lighting.lock", Selection(**chosen, county=county), Said(zh=reason), who, token)
        given: Given = await asked
        return given

    _carry_out(folder, data, give, wait, yes=yes, as_json=as_json)


@click.command()
@folder_argument
@click.argument("order_id", metavar="ID")
@click.option("--inspected", is_flag=True, help="The place was inspected: no water, insulation in order. For interlocks.")
@reason_option
@wait_option
@data_option
@who_option
@json_option
def release(
    folder: Path, order_id: str, reason: str, wait: str, data: Path | None, who: str, *, inspected: bool, as_json: bool
) -> None:
    """End a lease, crew lock or interlock now. ID: as `light status` shows it, or the beginning that its parts share.

    An interlock needs --inspected, and its edge node refuses while leakage or water is still there.
    """

    async def asked(client: LocalClient) -> list[LightOrder]:
        made: list[LightOrder] = await client.ask("lighting.release", order_id, Said(zh=reason), who, inspected)
        return await outcomes(client, made, length_ms(wait, "--wait") / 1000)

    county, made = ask(folder, data, asked)
    tell_outcomes(made, ZoneInfo(county.time_zone), as_json=as_json)


@click.command()
@folder_argument
@click.option("--since", default="24h", show_default=True, metavar="LENGTH", help="How far back.")
@data_option
@json_option
def orders(folder: Path, since: str, data: Path | None, *, as_json: bool) -> None:
    """Leases, locks and releases with what has become of them, the newest first."""
    length = length_ms(since, "--since")

    async def asked(client: LocalClient) -> list[LightOrder]:
        found: list[LightOrder] = await client.ask("lighting.orders", await now_of(client) - length, 200)
        return found

    county, found = ask(folder, data, asked)
    if as_json:
        tell_json(found)
        return
    tell_orders(found, ZoneInfo(county.time_zone))


@click.command()
@folder_argument
@click.argument("order_id", metavar="ID")
@data_option
@json_option
def order(folder: Path, order_id: str, data: Path | None, *, as_json: bool) -> None:
    """One order (or all of one wish) with everything that the edge node said of it."""
    county, found = ask(folder, data, lambda client: client.ask("lighting.order", order_id))
    if as_json:
        tell_json(found)
        return
    zone = ZoneInfo(county.time_zone)
    for one in found:
        tell_order(one, zone)


# -- carrying out --------------------------------------------------------------------------------------------------------------


def _carry_out(folder: Path, data: Path | None, give: Give, wait: str, *, yes: bool, as_json: bool) -> None:
    patience_s = length_ms(wait, "--wait") / 1000

    async def asked(client: LocalClient) -> Given:
        given = await give(client, "")
        if not as_json and (given.token or given.change.replaces):
            tell_change(given.change)
        if given.token:
            confirm_mass(given.change.cabinets, yes=yes)
            given = await give(client, given.token)
        return Given(change=given.change, orders=tuple(await outcomes(client, given.orders, patience_s)))

    county, given = ask(folder, data, asked)
    tell_outcomes(given.orders, ZoneInfo(county.time_zone), as_json=as_json)


async def outcomes(client: LocalClient, made: Sequence[LightOrder], patience_s: float) -> list[LightOrder]:
    """The orders when all have ended, or as they are when patience has."""
    known = {one.id: one for one in made}
    try:
        for _ in range(round(patience_s / POLL_S)):
            if all(one.state in ENDS for one in known.values()):
                break
            await asyncio.sleep(POLL_S)
            for name in [one.id for one in known.values() if one.state not in ENDS]:
                (detail,) = await client.ask("lighting.order", name)
                known[name] = detail.order
    except asyncio.CancelledError:  # Ctrl-C: what was given goes on
        click.echo(f"指令已下达，继续执行 the orders were given and go on: lampwell light order {made[0].request}", err=True)
        raise
    return list(known.values())


def confirm_mass(cabinets: Sequence[str], *, yes: bool) -> None:
    """A person's yes to what changes all of these, unless it was said before."""
    if not yes:
        confirm(f"确认对 {len(cabinets)} 台控制箱执行 go on with {len(cabinets)} cabinets?")


def confirm(question: str) -> None:
    """A person's yes. Without a terminal: UsageError (exit code 2) that names --yes."""
    if not sys.stdin.isatty():
        raise click.UsageError(f"{question} 需二次确认：加 --yes  this needs a second confirmation: say --yes")
    click.confirm(question, abort=True)


def _lasts_s(lasts: str, until: str, begins: int, now: int, zone: ZoneInfo) -> int:
    if lasts and until:
        raise ConfigError([Problem("--until", "", "只能选一个 say --for or --until, not both")])
    if until:
        lasts_s = (instant(until, "--until", now, zone) - begins) // 1000
        if lasts_s <= 0:
            raise ConfigError([Problem("--until", "", f"早于开始 {until} is not after the start, {shown_plain(begins, zone)}")])
        return lasts_s
    return length_ms(lasts, "--for") // 1000 if lasts else LASTS_S
