"""``lampwell orders``: work orders from a terminal: the list, one with its history, all that a crew or a dispatcher does."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TextIO
from zoneinfo import ZoneInfo

import click

from control.cli_ask import (
    PRIORITIES,
    ask,
    data_option,
    day,
    folder_argument,
    json_option,
    now_of,
    tell_json,
    tell_table,
    who_option,
)
from control.orders.sla import WORDS
from control.orders.views import STATES, OrderDetail, OrderRow, Wanted
from lampwell.assets import County
from lampwell.county import load
from lampwell.errors import LampwellError
from lampwell.local import LocalClient
from lampwell.times import instant

MOST_PHOTO = 4 << 20
number_argument = click.argument("number", type=int)


class NoPhoto(LampwellError):
    """A file that is no photo of an order."""


@click.group()
def orders() -> None:
    """Work orders (工单) of a running county: from a fault to a repair that the readings confirm."""


@orders.command("list")
@folder_argument
@click.option("--area", default="", help="Only of this area.")
@click.option("--crew", default="", help="Only of this crew.")
@click.option("--state", default="", type=click.Choice(["", *STATES]), help="Only in this state.")
@click.option("--overdue", is_flag=True, help="Only those that are late.")
@click.option("--all", "everything", is_flag=True, help="Those that have ended, too.")
@data_option
@json_option
def list_(
    folder: Path, area: str, crew: str, state: str, data: Path | None, *, overdue: bool, everything: bool, as_json: bool
) -> None:
    """Orders, the soonest due first."""
    running = not everything and not state

    async def asked(client: LocalClient) -> tuple[list[OrderRow], int]:
        return await client.ask("orders.list", area, crew, state, overdue, running), await now_of(client)

    county, (rows, now) = ask(folder, data, asked)
    if as_json:
        tell_json(rows)
        return
    zone = ZoneInfo(county.time_zone)
    head = ("编号 no", "级 pri", "状态 state", "期限 due", "班组 crew", "人员 person", "内容 what", "报警 alarm")
    tell_table([head, *(_cells(row, zone, now) for row in rows)], "没有工单 no orders")


@orders.command()
@folder_argument
@number_argument
@data_option
@json_option
def show(folder: Path, number: int, data: Path | None, *, as_json: bool) -> None:
    """One order with its history."""
    county, found = ask(folder, data, lambda client: client.ask("orders.show", number))
    if as_json:
        tell_json(found)
        return
    _tell(found, county)


@orders.command()
@folder_argument
@click.argument("title")
@click.option("--area", required=True, help="Where (an area's id).")
@click.option("--road", default="", help="Which road.")
@click.option("--device", default="", help="Which device.")
@click.option("--priority", type=click.IntRange(1, 4), default=3, show_default=True)
@click.option("--sla", default="ordinary", show_default=True, help=f"How soon: {', '.join(WORDS)}.")
@click.option("--skill", type=click.Choice(["", "lighting", "drainage"]), default="", help="Whose work it is.")
@click.option("--note", default="", help="What else a crew should know.")
@data_option
@who_option
def new(
    folder: Path,
    title: str,
    area: str,
    road: str,
    device: str,
    priority: int,
    sla: str,
    skill: str,
    note: str,
    data: Path | None,
    who: str,
) -> None:
    """Open an order by hand; it is given to whoever is on shift in the area."""
    wanted = Wanted(title_zh=title, area=area, road=road, device=device, priority=priority, sla=sla, skill=skill)
    county, found = ask(folder, data, lambda client: client.ask("orders.new", wanted, who, note))
    _tell(found, county)


@orders.command()
@folder_argument
@number_argument
@click.argument("crew")
@click.argument("person", default="")
@click.option("--note", default="", help="Why.")
@data_option
@who_option
def assign(folder: Path, number: int, crew: str, person: str, note: str, data: Path | None, who: str) -> None:
    """Give an order to CREW, and to PERSON of it."""
    county, found = ask(folder, data, lambda client: client.ask("orders.assign", number, crew, person, who, note))
    _tell(found, county)


@orders.command()
@folder_argument
@number_argument
@click.argument("action", type=click.Choice(["accept", "arrive", "finish", "note", "reopen", "close", "cancel"]))
@click.option("--note", default="", help="What was done (finish), or why (reopen, close, cancel).")
@click.option("--photo", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="JPEG, PNG or WebP, at most 2 MB.")
@data_option
@who_option
def do(folder: Path, number: int, action: str, note: str, photo: Path | None, data: Path | None, who: str) -> None:
    """What a crew does with an order: accept it, arrive, finish; or reopen, close, cancel it.

    A finished order is closed by the readings when they show the repair, and reopened when they show the opposite.
    """
    picture = _photo(photo) if photo is not None else None
    county, found = ask(folder, data, lambda client: client.ask("orders.act", number, action, who, note, picture))
    _tell(found, county)


@orders.command()
@folder_argument
@click.argument("target", type=click.File("w", encoding="utf-8"), default="-")
@click.option("--from", "start", default="-365d", show_default=True, metavar="TIME", help="2026-01-01 (county time) or -30d.")
@click.option("--to", "end", default="now", show_default=True, metavar="TIME", help="Where the range ends; not included.")
@click.option("--area", default="", help="Only of this area.")
@data_option
def register(folder: Path, target: TextIO, start: str, end: str, area: str, data: Path | None) -> None:
    """The register (台账) as CSV that Excel opens, to TARGET or the screen."""
    zone = ZoneInfo(load(folder).time_zone)

    async def asked(client: LocalClient) -> str:
        now = await now_of(client)
        return str(
            await client.ask("orders.register", instant(start, "--from", now, zone), instant(end, "--to", now, zone), area)
        )

    _, text = ask(folder, data, asked)
    click.echo(text, file=target, nl=False)


def _photo(path: Path) -> bytes:
    if path.stat().st_size > MOST_PHOTO:
        raise NoPhoto(f"照片过大 {path} is too large for a photo of an order (2 MB)")
    return path.read_bytes()


def _cells(row: OrderRow, zone: ZoneInfo, now: int) -> tuple[str, ...]:
    late = " 逾期 LATE" if row.closed is None and row.due < now and row.in_time is False else ""
    alarm = f"#{row.occurrence}" if row.occurrence else ""
    state = STATES.get(row.state, row.state)
    return (
        str(row.number),
        PRIORITIES[row.priority],
        state,
        day(row.due, zone) + late,
        row.crew,
        row.person,
        f"{row.title_zh} {row.title_en}".strip(),
        alarm,
    )


def _tell(found: OrderDetail, county: County) -> None:
    click.echo("\n".join(_lines(found, ZoneInfo(county.time_zone))))


def _lines(found: OrderDetail, zone: ZoneInfo) -> Iterator[str]:
    row = found.row
    yield f"工单 order {row.number} {PRIORITIES[row.priority]} {row.title_zh} · {row.title_en}".rstrip(" ·")
    yield f"状态 state  {STATES.get(row.state, row.state)}   期限 due {day(row.due, zone)} ({row.sla})"
    yield f"班组 crew   {found.crew_zh or '未派 nobody'} {found.person_zh}".rstrip()
    if row.key:
        yield f"报警 alarm  #{row.occurrence} {row.key}"
    for one in found.history:
        picture = f" [照片 photo {one.id}]" if one.photo_type else ""
        yield f"  {day(one.at, zone)} {one.kind} {one.who} {one.note}{picture}".rstrip()
