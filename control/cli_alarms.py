"""``lampwell alarms``: the alarm list and everything a duty officer does with it, from a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import tzinfo
from pathlib import Path
from zoneinfo import ZoneInfo

import click
import msgspec

from control.alarms.occurrences import Occurrence
from control.cli_ask import PRIORITIES, ask, data_option, folder_argument, json_option, when, who_option
from control.rows import AlarmDetail, AlarmRow
from lampwell.assets import County
from lampwell.columns import table
from lampwell.local import LocalClient

STATES = {
    "A": "正常 normal",
    "B": "未确认 unacked",
    "C": "已确认 acked",
    "D": "已恢复未确认 returned",
    "E": "自锁未确认 latched",
    "F": "自锁已确认 latched, acked",
}


@click.group()
def alarms() -> None:
    """The alarm list of a running county: look, acknowledge, shelve, change limits. 报警。

    A control service (or a demo) must be running on this machine; it answers over a socket in its data folder.
    """


@alarms.command("list")
@folder_argument
@data_option
@click.option("--all", "everything", is_flag=True, help="What is shelved, suppressed or out of service too.")
@json_option
def list_(folder: Path, data: Path | None, *, everything: bool, as_json: bool) -> None:
    """What stands now: unacknowledged first, then by priority."""
    county, rows = ask(folder, data, lambda client: client.ask("alarms", everything))
    if as_json:
        click.echo(msgspec.json.encode(rows).decode())
        return
    zone = ZoneInfo(county.time_zone)
    click.echo("\n".join(list_lines(rows, zone)) if rows else "没有报警 no alarms")


@alarms.command()
@folder_argument
@click.argument("alarm")
@data_option
@json_option
def show(folder: Path, alarm: str, data: Path | None, *, as_json: bool) -> None:
    """One alarm, by its number (17) or its key (level-red@ponding-1): why, evidence, what to do, what happened."""
    county, found = ask(folder, data, lambda client: client.ask("alarm", alarm))
    _tell(found, county, as_json=as_json)


@alarms.command()
@folder_argument
@click.argument("number", type=int)
@data_option
@who_option
@click.option("--note", default="", help="What you found or did.")
def ack(folder: Path, number: int, data: Path | None, who: str, note: str) -> None:
    """Acknowledge one occurrence."""
    county, found = ask(folder, data, lambda client: client.ask("acknowledge", number, who, note))
    _tell(found, county)


@alarms.command()
@folder_argument
@click.argument("number", type=int)
@data_option
@who_option
@click.option("--note", default="", help="What you found or did.")
def reset(folder: Path, number: int, data: Path | None, who: str, note: str) -> None:
    """Release a latched alarm that has been acknowledged."""
    county, found = ask(folder, data, lambda client: client.ask("reset", number, who, note))
    _tell(found, county)


@alarms.command()
@folder_argument
@click.argument("alarm")
@click.option("--minutes", type=click.FloatRange(min=0, min_open=True), required=True, help="It ends by itself after so long.")
@click.option("--reason", required=True, help="Why; kept for good.")
@data_option
@who_option
def shelve(folder: Path, alarm: str, minutes: float, reason: str, data: Path | None, who: str) -> None:
    """Hear nothing of an alarm for a while (priority 1: 30 min at most, 2: 2 h, others: 8 h)."""
    county, found = ask(folder, data, lambda client: client.ask("shelve", alarm, who, minutes, reason))
    _tell(found, county)


@alarms.command()
@folder_argument
@click.argument("alarm")
@click.option("--reason", default="", help="Why.")
@data_option
@who_option
def unshelve(folder: Path, alarm: str, reason: str, data: Path | None, who: str) -> None:
    """Hear of a shelved alarm again."""
    county, found = ask(folder, data, lambda client: client.ask("unshelve", alarm, who, reason))
    _tell(found, county)


@alarms.command()
@folder_argument
@click.argument("alarm")
@click.option("--out/--in", "out", required=True, help="Out of service for maintenance, or back in.")
@click.option("--reason", required=True, help="The permit, or what was done.")
@data_option
@who_option
def service(folder: Path, alarm: str, reason: str, data: Path | None, who: str, *, out: bool) -> None:
    """Take an alarm out of service, or put it back. It has no end of its own and stays on the list with --all."""
    county, found = ask(folder, data, lambda client: client.ask("service", alarm, who, out, reason))
    _tell(found, county)


@alarms.command()
@folder_argument
@click.argument("alarm")
@click.argument("field", type=click.Choice(["limit", "deadband", "on_s", "off_s"]))
@click.argument("value")
@click.option("--reason", required=True, help="Why; kept in the audit trail.")
@data_option
@who_option
def change(folder: Path, alarm: str, field: str, value: str, reason: str, data: Path | None, who: str) -> None:
    """Change a limit or a delay of one alarm; VALUE `file` goes back to the rule file."""
    try:
        new = None if value == "file" else float(value)
    except ValueError:
        raise click.BadParameter(f"{value!r} is no number; `file` goes back to the rule file") from None
    county, found = ask(folder, data, lambda client: client.ask("change", alarm, field, new, who, reason))
    _tell(found, county)


@alarms.command()
@folder_argument
@click.option("--hours", type=click.FloatRange(min=0, min_open=True), default=24.0, show_default=True, help="How far back.")
@click.option("--match", default="*", show_default=True, help="Keys by shell pattern: 'level-*@ponding-*'.")
@data_option
@json_option
def past(folder: Path, hours: float, match: str, data: Path | None, *, as_json: bool) -> None:
    """Occurrences of the last hours, newest first."""

    async def asked(client: LocalClient) -> list[Occurrence]:
        now = (await client.ask("status"))["now"]
        found: list[Occurrence] = await client.ask("past", now - round(hours * 3_600_000), now + 1, match, 1_000)
        return found

    county, found = ask(folder, data, asked)
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
        return
    zone = ZoneInfo(county.time_zone)
    click.echo("\n".join(past_line(one, zone) for one in found) if found else "没有报警 none")


def _tell(found: AlarmDetail, county: County, *, as_json: bool = False) -> None:
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
    else:
        click.echo("\n".join(detail_lines(found, ZoneInfo(county.time_zone))))


# -- telling -------------------------------------------------------------------------------------------------------------------


def list_lines(rows: Sequence[AlarmRow], zone: tzinfo) -> Iterator[str]:
    """The list as a table."""
    head = ("编号 no", "级 pri", "状态 state", "时间 since", "地点 place", "内容 what", "值/限 value/limit", "确认 by")
    return table([head, *(_cells(each, zone) for each in rows)])


def _cells(each: AlarmRow, zone: tzinfo) -> tuple[str, ...]:
    flags = [
        word
        for word, holds in (
            ("搁置 shelved", each.shelved_until is not None),
            ("停用 out", each.out_of_service),
            ("抑制 suppressed", each.suppressed),
            ("数据未知 unknown", not each.known),
            ("首出 first", each.first),
        )
        if holds
    ]
    value = (
        "" if each.limit is None or isinstance(each.value, str | None) else f"{each.value:g}/{each.limit:g} {each.unit}".rstrip()
    )
    state = " ".join([STATES[each.state], *flags])
    number = f"#{each.number}" if each.number else each.key
    return (
        number,
        PRIORITIES[each.priority],
        state,
        when(each.raised_at, zone),
        each.place_zh,
        f"{each.zh} {each.en}",
        value,
        each.acked_by,
    )


def detail_lines(found: AlarmDetail, zone: tzinfo) -> Iterator[str]:
    """One alarm in full."""
    each = found.row
    yield f"#{each.number} {PRIORITIES[each.priority]} {each.place_zh} {each.zh} · {each.place_en}: {each.en}"
    yield f"状态 state      {' '.join(_cells(each, zone)[2:3])}   键 key {each.key}"
    if each.limit is not None:
        yield f"值/限 value     {_cells(each, zone)[6]}"
    if each.why_zh:
        yield f"依据 why        {each.why_zh} · {each.why_en}"
    for reading in found.evidence:
        yield f"  {when(reading.time, zone)} {reading.point} = {reading.value}" + (
            f" flags {reading.flags}" if reading.flags else ""
        )
    for title, zh, en in (
        ("原因 cause      ", found.cause_zh, found.cause_en),
        ("后果 effect     ", found.consequence_zh, found.consequence_en),
        ("处置 response   ", found.response_zh, found.response_en),
    ):
        if zh:
            yield f"{title} {zh} · {en}"
    yield f"限时 within     {found.respond_s / 60:g} min   阈值来源 source: {found.source}"
    for time, kinds, who, note in found.history:
        yield f"  {when(time, zone)} {kinds} {who} {note}".rstrip()


def past_line(one: Occurrence, zone: tzinfo) -> str:
    """One past occurrence."""
    ended = "未结束 open" if one.closed_at is None else when(one.closed_at, zone)
    acked = f"  ✓{one.acked_by} {when(one.acked_at, zone)}" if one.acked_by else ""
    span = f"{when(one.raised_at, zone)} – {ended}"
    return f"#{one.number} {PRIORITIES[one.priority]} {span}  {one.place.zh} {one.text.zh}  {one.key}{acked}"
