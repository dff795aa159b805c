"""How orders to edge nodes and what they would change are shown in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from zoneinfo import ZoneInfo

import click

from control.cli_ask import tell_json, tell_table, when
from control.lighting.changes import Change
from control.lighting.following import ENDS, OrderState
from control.lighting.views import LightOrder, LightOrderDetail

FAILED = 1
STATES = {
    OrderState.QUEUED: "待发 queued",
    OrderState.SENT: "已发 sent",
    OrderState.ACCEPTED: "已接受 accepted",
    OrderState.EXECUTED: "已执行 executed",
    OrderState.VERIFIED: "已核实 verified",
    OrderState.REFUSED: "被拒绝 refused",
    OrderState.FAILED: "失败 failed",
}


def tell_change(change: Change) -> None:
    """What would change."""
    click.echo(
        f"将影响 would change: {len(change.cabinets)} 控制箱 cabinets, {change.loops} 回路 loops, {change.lamps} 灯 lamps; "
        f"片区 areas {', '.join(change.areas)}; 道路 roads {', '.join(change.roads)}"
    )
    rows = [
        (
            f"{one.was}%",
            f"{one.level}%",
            str(one.loops) if one.loops else "",
            str(one.lamps),
            one.held_by and f"不变 held: {one.held_by}",
        )
        for one in change.shifts
    ]
    tell_table([("原 from", "改为 to", "回路 loops", "灯 lamps", ""), *rows], "")
    click.echo(f"功率 power {change.kw_was:.1f} -> {change.kw:.1f} kW")
    if change.replaces:
        click.echo(f"将取代现有限时指令（不再恢复）takes the place, for good, of: {', '.join(change.replaces)}")


def tell_outcomes(made: Sequence[LightOrder], zone: ZoneInfo, *, as_json: bool) -> None:
    """Orders as far as they are; exit code 1 where one was refused or has failed."""
    if as_json:
        tell_json(made)
    else:
        tell_orders(made, zone)
        if any(one.state not in ENDS for one in made):
            click.echo("结果未知，尚未完成 not known yet, so not done yet; look again: lampwell light order ID")
    if any(one.state in (OrderState.REFUSED, OrderState.FAILED) for one in made):
        raise click.exceptions.Exit(FAILED)


def tell_orders(found: Sequence[LightOrder], zone: ZoneInfo) -> None:
    """A row each."""
    head = ("编号 id", "时间 time", "网关 edge", "内容 what", "谁 who", "状态 state", "说明 reason")
    rows = [
        (
            one.id,
            when(one.issued, zone),
            one.edge,
            f"{one.what.zh} {one.what.en}",
            one.who,
            STATES[OrderState(one.state)],
            f"{one.reason.zh} {one.reason.en}".strip(),
        )
        for one in found
    ]
    tell_table([head, *rows], "没有指令 no orders")


def tell_order(one: LightOrderDetail, zone: ZoneInfo) -> None:
    """One order with every answer, and what was read back of each target."""
    tell_orders([one.order], zone)
    for answer in one.answers:
        click.echo(f"  {when(answer.at, zone)} {answer.state} {answer.reason.zh} {answer.reason.en}".rstrip())
        for name, seen in answer.targets.items():
            read = "未知 not known" if seen.level is None else f"{seen.level}%"
            why = f" {seen.why.zh} {seen.why.en}".rstrip() if seen.why else ""
            click.echo(f"      {name}: 应为 wanted {seen.wanted}%，回读 read back {read}{why}")
