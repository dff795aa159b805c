"""``lampwell light``: what edge nodes confirm and read back, what stands above the programs, and why a lamp is as it is."""

from __future__ import annotations

from pathlib import Path
from zoneinfo import ZoneInfo

import click

from control.cli_ask import ask, data_option, day, folder_argument, json_option, now_of, tell_json, tell_table, when
from control.lighting.views import EdgeRow, Explained, LightStatus, RolloutRow
from lampwell.county import load
from lampwell.local import LocalClient
from lampwell.times import instant


@click.command()
@folder_argument
@data_option
@json_option
def status(folder: Path, data: Path | None, *, as_json: bool) -> None:
    """Per edge node: the plan asked for and confirmed, targets unlike, overrides with the time left; the newest roll-out."""
    county, found = ask(folder, data, lambda client: client.ask("lighting.status"))
    if as_json:
        tell_json(found)
        return
    zone = ZoneInfo(county.time_zone)
    click.echo(f"运行版本 running version: {found.running or '无 none'}")
    head = ("网关 edge", "片区 area", "在线 there", "要求 asked", "确认 confirmed", "一致 agrees", "不符 unlike")
    tell_table([head, *map(_edge_cells, found.edges)], "没有路灯控制箱 no lamp cabinets")
    _tell_overrides(found, zone)
    if found.rollout is not None:
        tell_rollout(found.rollout, zone)


@click.command()
@folder_argument
@click.argument("target", metavar="LOOP")
@click.option("--at", default="now", show_default=True, metavar="TIME", help="Another time: 2026-10-01T23:30, county time.")
@data_option
@json_option
def explain(folder: Path, target: str, at: str, data: Path | None, *, as_json: bool) -> None:
    """What level a LOOP (cabinet-01/loop1) or lamp should have, and why, by what its edge node holds."""
    zone = ZoneInfo(load(folder).time_zone)

    async def asked(client: LocalClient) -> Explained:
        found: Explained = await client.ask("lighting.explain", target, instant(at, "--at", await now_of(client), zone))
        return found

    _, one = ask(folder, data, asked)
    if as_json:
        tell_json(one)
        return
    click.echo(f"{one.target} {one.zh} {one.en}  {day(one.at, zone)}: {one.level}%")
    click.echo(f"  {one.why.zh}\n  {one.why.en}")
    confirmed = "" if one.plan else "  网关未确认 not confirmed by its edge node"
    click.echo(f"  层 layer: {one.layer}   方案版本 plan version: {one.version}{confirmed}")
    if not one.alive:
        click.echo("  网关不在线，以上按最后所报 its edge node is not there: by what it last said")


@click.command()
@folder_argument
@data_option
@json_option
def tonight(folder: Path, data: Path | None, *, as_json: bool) -> None:
    """Before the night: is every edge node on its plan, what stands in the way, when lamps go on, kWh and CNY.

    Control looks by itself at 15:00 and tells the leaders if something is not in order.
    """
    county, one = ask(folder, data, lambda client: client.ask("lighting.digest"))
    if as_json:
        tell_json(one)
        return
    zone = ZoneInfo(county.time_zone)
    click.echo(f"{one.day} 夜 the night of {one.day}, 版本 version {one.version or '无 none'}")
    click.echo(f"  {one.agree}/{one.edges} 网关一致 edge nodes agree")
    if one.tonight is not None:
        on, off = when(one.tonight.first_on, zone), when(one.tonight.last_off, zone)
        click.echo(f"  开灯 on {on}  关灯 off {off}  {one.tonight.kwh:,.0f} kWh  {one.tonight.cny:,.0f} 元 CNY")
    for each in one.problems:
        click.echo(f"  ! {each.zh}  {each.en}")
    if not one.problems:
        click.echo("  一切就绪 all in order")


def tell_rollout(row: RolloutRow, zone: ZoneInfo) -> None:
    """How a version comes to the cabinets."""
    words = {"running": "进行中 running", "done": "已完成 done", "stopped": "已停止 stopped"}
    but = f"，尚欠 with {len(row.owed)} owed" if row.owed else ""
    click.echo(f"下发 roll-out of version {row.version} ({row.who}: {row.why}, {day(row.at, zone)}): {words[row.phase]}{but}")
    for n, stage in enumerate(row.stages, 1):
        over = n < row.stage or row.phase == "done"
        mark = "✓" if over else "→" if n == row.stage and row.phase == "running" else "✗" if n == row.stage else "·"
        agreed = f"  一致自 agrees since {when(row.since, zone)}，需 {row.settle_s} s" if mark == "→" and row.since else ""
        click.echo(f"  {mark} {n} {stage.zh} {stage.en}{agreed}")
    for one in row.owed:
        back = f"，已回线 back since {when(one.back_at, zone)}" if one.back_at else ""
        trouble = f"  {one.trouble.zh} {one.trouble.en}" if one.trouble.zh else ""
        click.echo(f"  ! {one.edge} 自 {when(one.since, zone)} 不在线，待补发 away since then, owed it{back}{trouble}")
    if row.reason.zh:
        click.echo(f"  {row.reason.zh}\n  {row.reason.en}")


def _edge_cells(row: EdgeRow) -> tuple[str, ...]:
    yes_no = {True: "是 yes", False: "否 NO", None: "未知 not known"}
    return (
        f"{row.edge} {row.zh}",
        row.area,
        yes_no[row.alive],
        _short(row.asked, row.asked_version),
        _short(row.confirmed, row.confirmed_version),
        yes_no[row.agrees],
        "未知 ?" if row.unlike is None else str(row.unlike),
    )


def _tell_overrides(found: LightStatus, zone: ZoneInfo) -> None:
    head = ("编号 id", "网关 edge", "层 layer", "对象 targets", "亮度 level", "至 until", "剩余 left", "谁 who", "原因 reason")
    rows = [
        (
            one.id,
            one.edge,
            one.layer,
            str(len(one.targets)) if len(one.targets) > 1 else one.targets[0],
            f"{one.level}%",
            when(one.end, zone) or "解除为止 release",
            _left(one.left_s),
            one.who,
            f"{one.reason.zh} {one.reason.en}".strip(),
        )
        for edge in found.edges
        for one in edge.overrides
    ]
    tell_table([head, *rows], "没有限时指令或挂牌 no overrides stand")


def _left(seconds: int | None) -> str:
    return "" if seconds is None else f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"


def _short(plan: str, version: int) -> str:
    """``3 (1a2b3c)``: the version and enough of its hash; ``? (…)`` of a plan that control does not know."""
    digest = plan.partition(" ")[2].removeprefix("sha256:")[:6]
    return f"{version or '?'} ({digest})" if digest else "无 none"
