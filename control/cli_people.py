"""``lampwell people``: who is on duty, who is missing, swaps, the flood season, and the roster in and out as files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from control.cli_ask import ask, data_option, day, folder_argument, json_option, now_of, tell_json, tell_table, who_option
from control.people.files import load_roster, write_roster
from control.people.roster import Swap
from control.people.rota import ShiftGap
from control.people.views import DutyRow
from lampwell.assets import County
from lampwell.county import load
from lampwell.errors import LampwellError
from lampwell.local import LocalClient
from lampwell.times import instant, length_ms

HOUR_MS = 3_600_000


class NotEmpty(LampwellError):
    """A folder that an export would overwrite."""


@click.group()
def people() -> None:
    """People, shifts and the flood season of a running county. 人员与排班。

    A control service (or a demo) must be running on this machine. Every change is a new version, with who made it and why.
    """


@people.command()
@folder_argument
@data_option
@click.option("--at", default="now", show_default=True, metavar="TIME", help="Another time: 2026-10-01T08:00, county time.")
@json_option
def duty(folder: Path, data: Path | None, at: str, *, as_json: bool) -> None:
    """Who is on shift, in every rota."""
    zone = ZoneInfo(load(folder).time_zone)

    async def asked(client: LocalClient) -> list[DutyRow]:
        found: list[DutyRow] = await client.ask("people.duty", instant(at, "--at", await now_of(client), zone))
        return found

    _, rows = ask(folder, data, asked)
    if as_json:
        tell_json(rows)
        return
    head = ("值班表 rota", "名称 name", "从 from", "至 to", "在班 on shift")
    tell_table([head, *(_duty_cells(row, zone) for row in rows)], "没有值班表 no rotas")


@people.command()
@folder_argument
@data_option
@click.option("--ahead", default="7d", show_default=True, metavar="LENGTH", help="How far to look ahead: 24h, 7d, 30d.")
@json_option
def gaps(folder: Path, data: Path | None, ahead: str, *, as_json: bool) -> None:
    """Shifts that nobody fills. Those of the next 24 h are told to the leaders by themselves."""
    length = length_ms(ahead, "--ahead")

    async def asked(client: LocalClient) -> list[ShiftGap]:
        now = await now_of(client)
        found: list[ShiftGap] = await client.ask("people.gaps", now, now + length)
        return found

    county, rows = ask(folder, data, asked)
    if as_json:
        tell_json(rows)
        return
    zone = ZoneInfo(county.time_zone)
    cells = [(one.rota, day(one.start, zone), day(one.end, zone), f"{(one.end - one.start) / HOUR_MS:g} h") for one in rows]
    tell_table(
        [("值班表 rota", "从 from", "至 to", "时长 length"), *cells], f"{ahead} 内无缺班 every shift is filled for {ahead}"
    )


@people.command()
@folder_argument
@click.argument("rota")
@click.argument("start")
@click.argument("out")
@click.argument("replaced_by")
@click.option("--agreed-by", default="", help="Who has agreed.")
@click.option("--note", default="", help="Why.")
@data_option
@who_option
def swap(
    folder: Path, rota: str, start: str, out: str, replaced_by: str, agreed_by: str, note: str, data: Path | None, who: str
) -> None:
    """REPLACED_BY takes the shift of OUT in ROTA that begins at START (2026-10-01T08:00, county time)."""
    wanted = Swap(rota=rota, start=start, out=out, replaced_by=replaced_by, agreed_by=agreed_by, note=note)
    _, version = ask(folder, data, lambda client: client.ask("people.swap", wanted, who))
    click.echo(f"已换班 swapped: version {version}")


@people.command()
@folder_argument
@click.argument("mode", type=click.Choice(["on", "off", "auto"]))
@click.option("--reason", required=True, help="Why; kept for good.")
@data_option
@who_option
def season(folder: Path, mode: str, reason: str, data: Path | None, who: str) -> None:
    """Switch the flood season (汛期) on or off by hand, or leave it to the calendar (auto)."""
    _, version = ask(folder, data, lambda client: client.ask("people.season", mode, who, reason))
    click.echo(f"汛期 flood season {mode}: version {version}")


@people.command("import")
@folder_argument
@click.argument("source", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--reason", required=True, help="Why; kept for good.")
@data_option
@who_option
def import_(folder: Path, source: Path, reason: str, data: Path | None, who: str) -> None:
    """Take the roster of the folder SOURCE (people.toml and CSV files) in place of the one in use.

    It is checked whole first; one mistake and nothing changes.
    """
    roster = load_roster(source, [area.id for area in load(folder).areas])
    _, version = ask(folder, data, lambda client: client.ask("people.take", roster, who, reason))
    click.echo(f"已导入 imported: version {version}, {len(roster.persons)} persons, {len(roster.rotas)} rotas")


@people.command()
@folder_argument
@click.argument("target", type=click.Path(file_okay=False, path_type=Path))
@data_option
def export(folder: Path, target: Path, data: Path | None) -> None:
    """Write the roster in use into the folder TARGET, as files that `import` reads back."""
    if target.exists() and any(target.iterdir()):
        raise NotEmpty(f"目录非空 {target} is not empty: name a new folder")
    _, (version, roster) = ask(folder, data, lambda client: client.ask("people.roster"))
    write_roster(roster, target)
    click.echo(f"已导出 exported version {version} into {target}")


@people.command()
@folder_argument
@data_option
@json_option
def versions(folder: Path, data: Path | None, *, as_json: bool) -> None:
    """Every version of the roster: when, who, why."""
    county, found = ask(folder, data, lambda client: client.ask("people.versions"))
    if as_json:
        tell_json(found)
        return
    tell_table([("版本 version", "时间 time", "谁 who", "原因 reason"), *_versions(found, county)], "没有版本 none")


def _versions(found: Sequence[tuple[int, int, str, str]], county: County) -> list[tuple[str, ...]]:
    zone = ZoneInfo(county.time_zone)
    return [(str(version), day(at, zone), who, reason) for version, at, who, reason in found]


def _duty_cells(row: DutyRow, zone: ZoneInfo) -> tuple[str, ...]:
    here = "、".join(row.persons) if row.persons else ("无人 NOBODY" if row.start is not None else "无班次 no shift")
    return row.rota, f"{row.zh} {row.en}".strip(), day(row.start, zone), day(row.end, zone), here
