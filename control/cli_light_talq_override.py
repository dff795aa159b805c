"""``lampwell light talq override``: commands of another lighting system, given as ``lampwell light override`` gives one."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import click

from control.cli_ask import ask, folder_argument
from control.cli_light_orders import confirm_mass, giving, outcomes
from control.cli_light_tell import tell_change, tell_outcomes
from control.cli_talq_files import documents_of, refuse_talq
from control.lighting.commands import Commanded, Commands, Effect
from control.lighting.places import places_of
from control.lighting.talq_commands import commands_of, known, lost_of, read
from lampwell.county import load
from lampwell.lighting.documents import read_document
from lampwell.local import LocalClient
from lampwell.times import length_ms


@click.command()
@folder_argument
@click.argument("files", nargs=-1, required=True, metavar="FILE...", type=click.Path(dir_okay=False, path_type=Path))
@giving
def override(
    folder: Path, files: tuple[Path, ...], reason: str, wait: str, data: Path | None, who: str, *, yes: bool, as_json: bool
) -> None:
    """Give the override commands of TALQ FILEs (下达限时指令): /override-commands bodies, or lists of them as `export` writes.

    Addresses of `devices` are loops (cabinet-01/loop1), lamps and lamp cabinets; of `groups` area/NAME, road/NAME, county/NAME. A
    command without targetCommand ends the leases that hold there and nowhere else. A start that is over means now; there must be
    an expiration, the next noon at the latest as with `light override`.

    All are checked before any is given: what is not understood or can not be is refused with its place, and nothing is done. More
    than one cabinet in all of them: what would change is shown and asked about. Exit code 2: a file is wrong; 1: control refuses,
    or an edge node refuses, fails or does not answer.
    """
    county, found = load(folder), read(documents_of(files))
    refuse_talq(found.refused)
    for place in lost_of(found.commands):
        click.echo(f"未采用 of no use here: {place}", err=True)
    patience_s = length_ms(wait, "--wait") / 1000

    async def asked(client: LocalClient) -> Commanded:
        plan = read_document((await client.ask("lighting.plan", 0)).encode()).plan
        commands, refused = commands_of(found.commands, known(plan, places_of(county), county.id), reason)
        refuse_talq(refused)
        return await _given(client, commands, who, patience_s, yes=yes, as_json=as_json)

    _, given = ask(folder, data, asked)
    tell_outcomes(given.orders, ZoneInfo(county.time_zone), as_json=as_json)


async def _given(client: LocalClient, commands: Commands, who: str, patience_s: float, *, yes: bool, as_json: bool) -> Commanded:
    given: Commanded = await client.ask("lighting.command", commands, who, "")
    if not as_json:
        for effect in given.effects:
            _tell(effect)
    if given.token:
        confirm_mass(given.cabinets, yes=yes)
        given = await client.ask("lighting.command", commands, who, given.token)
    return Commanded(
        effects=given.effects, cabinets=given.cabinets, orders=tuple(await outcomes(client, given.orders, patience_s))
    )


def _tell(effect: Effect) -> None:
    click.echo(f"{effect.place}:")
    if effect.change is not None:
        tell_change(effect.change)
    else:
        click.echo(f"将结束限时指令 would end: {', '.join(effect.ends)}")
