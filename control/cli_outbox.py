"""``lampwell outbox``: what was told to whom, what became of it, and how the channels do; ``lampwell kpi``: how well alarms are
answered.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from zoneinfo import ZoneInfo

import click

from control.cli_ask import PRIORITIES, ask, data_option, day, folder_argument, json_option, now_of, tell_json, tell_table, when
from control.kpi.days_report import days_as_csv, days_as_json, days_as_text
from control.kpi.model import Day
from control.kpi.report import Report, as_json, as_text, csv_of
from control.messages.views import ChannelRow, DeliveryRow
from lampwell.county import load
from lampwell.local import LocalClient
from lampwell.times import instant, local

STATES = {
    "queued": "待发 queued",
    "leased": "发送中 being sent",
    "sent": "已送达 sent",
    "unknown": "不确定 may have arrived",
    "dead": "失败 dead",
    "expired": "过期 expired",
    "cancelled": "已取消 cancelled",
    "recalled": "已撤 recalled",
}


@click.group()
def outbox() -> None:
    """The messages of a running county: what was told to whom, and what became of it. 消息。"""


@outbox.command("list")
@folder_argument
@click.option("--state", type=click.Choice(list(STATES)), help="Only these.")
@click.option("--alarm", type=int, default=0, help="Only of this alarm (its number).")
@click.option("--most", type=click.IntRange(1, 1000), default=50, show_default=True, help="How many, the newest first.")
@data_option
@json_option
def list_(folder: Path, state: str | None, alarm: int, most: int, data: Path | None, *, as_json: bool) -> None:
    """Deliveries, newest first."""
    county, rows = ask(folder, data, lambda client: client.ask("messages.outbox", state or "", alarm, most))
    if as_json:
        tell_json(rows)
        return
    zone = ZoneInfo(county.time_zone)
    head = ("编号 no", "时间 made", "级 pri", "类 kind", "报警 alarm", "谁 who", "通道 channel", "状态 state", "内容 what")
    tell_table([head, *(_cells(row, zone) for row in rows)], "没有消息 no messages")


@outbox.command()
@folder_argument
@data_option
@json_option
def channels(folder: Path, data: Path | None, *, as_json: bool) -> None:
    """Every channel: what went through, what is wrong, when it was tested last."""

    async def asked(client: LocalClient) -> tuple[list[ChannelRow], int | None]:
        return await client.ask("messages.channels"), await client.ask("messages.silent_for")

    county, (rows, silent) = ask(folder, data, asked)
    if as_json:
        tell_json({"channels": rows, "sender_silent_ms": silent})
        return
    zone = ZoneInfo(county.time_zone)
    head = ("通道 channel", "状况 condition", "最近送达 last sent", "测试 tested", "计数 counts")
    tell_table([head, *(_channel(row, zone) for row in rows)], "还没有用过通道 no channel was used yet")
    said = "从未运行 it never ran" if silent is None else f"{silent / 1000:.0f} s 前 ago"
    click.echo(f"发送服务 sender: {said}")


@click.command()
@folder_argument
@click.option("--from", "start", default="-30d", show_default=True, metavar="TIME", help="2026-06-01 (county time) or -30d.")
@click.option("--to", "end", default="now", show_default=True, metavar="TIME", help="Where the range ends; not included.")
@click.option("--area", default="", help="One area; default: the whole county.")
@click.option("--format", "form", type=click.Choice(["text", "json", "csv"]), default="text", show_default=True)
@click.option("--daily", is_flag=True, help="Day by day, as control kept them each morning.")
@data_option
def kpi(folder: Path, start: str, end: str, area: str, form: str, data: Path | None, *, daily: bool) -> None:
    """How well alarms are managed: load, floods, answers, messages, repairs, against ISA-18.2 and EEMUA 191. 指标。"""
    county = load(folder)
    zone = ZoneInfo(county.time_zone)
    if area and area not in {one.id for one in county.areas}:
        raise click.BadParameter(f"there is no area {area!r}; there are {', '.join(one.id for one in county.areas)}")

    async def asked(client: LocalClient) -> Report | list[Day]:
        now = await now_of(client)
        since, until = instant(start, "--from", now, zone), instant(end, "--to", now, zone)
        found: Report | list[Day]
        if daily:
            found = await client.ask("messages.kpi_days", local(since, zone).date(), local(until, zone).date(), area)
        else:
            found = await client.ask("messages.kpi", since, until, area)
        return found

    _, found = ask(folder, data, asked)
    if isinstance(found, Report):
        click.echo({"text": lambda: as_text(found, zone), "json": lambda: as_json(found), "csv": lambda: csv_of(found)}[form]())
    else:
        click.echo({"text": days_as_text, "json": days_as_json, "csv": days_as_csv}[form](found))


def _cells(row: DeliveryRow, zone: ZoneInfo) -> tuple[str, ...]:
    state = STATES.get(row.state, row.state) + (f" ×{row.attempts}" if row.attempts > 1 else "")
    return (
        str(row.id),
        when(row.created, zone),
        PRIORITIES[row.priority],
        row.kind,
        f"#{row.occurrence}" if row.occurrence else "",
        row.person,
        f"{row.channel} {row.address}" if row.address not in ("", "-") else row.channel,
        state + (f": {row.error}" if row.error else ""),
        row.zh,
    )


def _channel(row: ChannelRow, zone: ZoneInfo) -> tuple[str, ...]:
    return row.channel, " ".join(_condition(row, zone)), day(row.last_sent, zone), row.tested_on, _counts(row)


def _condition(row: ChannelRow, zone: ZoneInfo) -> Iterator[str]:
    if row.broken_since is not None:
        yield f"故障 broken since {day(row.broken_since, zone)}: {row.reason}"
    elif row.paused_until is not None:
        yield f"暂停 paused until {when(row.paused_until, zone)}: {row.reason}"
    else:
        yield "正常 works" if row.last_sent is not None else "未知 not known yet"


def _counts(row: ChannelRow) -> str:
    return ", ".join(f"{STATES.get(state, state)} {count}" for state, count in sorted(row.counts.items()))
