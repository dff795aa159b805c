"""How lighting plans are shown in a terminal: figures, differences, and the words of a night."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from zoneinfo import ZoneInfo

import click

from control.cli_ask import tell_json, tell_table
from control.lighting.compare import Difference
from control.lighting.nights import Night
from lampwell.lighting.difference import Edit
from lampwell.lighting.figures import Figures
from lampwell.times import local

FIGURE_HEAD = ("kWh", "元 CNY", "省电 saved", "省钱 money", "峰值 peak kW", "暗 dark min", "动作 operations", "最低级 class")
MOST_NAMED = 3


def tell_difference(found: Difference, zone: ZoneInfo, *, as_json: bool) -> None:
    """What changes, in a night and in figures."""
    if as_json:
        parts = {name: getattr(found, name) for name in found.__dataclass_fields__}
        tell_json({**parts, "was": figures_json(found.was), "now": figures_json(found.now)})
        return
    if found.is_none:
        click.echo("没有变化 nothing changes")
        return
    for line in edit_lines(found.edits):
        click.echo(line)
    for one in found.moved:
        click.echo(f"{named(one.targets)}: {one.nights} 夜不同 nights otherwise, {one.first} … {one.last}")
    head = ("对象 targets", "原 was", "新 now")
    rows = [(named(one.targets), night_text(one.was, zone), night_text(one.now, zone)) for one in found.ranks]
    click.echo(f"{found.day} 夜 the night of {found.day}:")
    tell_table([head, *rows], "当夜开关不变 no switch changes that night")
    click.echo(f"{found.nights} 夜 nights:")
    both = [("原 was", *figure_cells(found.was)), ("新 now", *figure_cells(found.now))]
    change = ("差 change", f"{found.now.kwh - found.was.kwh:+,.0f}", f"{found.now.cny - found.was.cny:+,.0f}", *[""] * 6)
    tell_table([("", *FIGURE_HEAD), *both, change], "")


def edit_lines(edits: Sequence[Edit]) -> Iterator[str]:
    """What was written otherwise; things changed alike together."""
    hows = {"added": "新增 added", "removed": "移除 removed", "changed": "改动 changed"}
    alike: dict[tuple[str, str, tuple[str, ...], int | None], list[str]] = {}
    for one in edits:
        alike.setdefault((f"{one.kind.zh} {one.kind.en}", one.how, one.details, one.nights), []).append(one.id)
    for (kind, how, details, nights), names in alike.items():
        yield f"{kind} {named(names)}: {hows[how]}" + ("" if nights is None else f"，涉及 {nights} 夜 nights concerned")
        yield from (f"    {line}" for line in details)


def figure_cells(one: Figures) -> tuple[str, ...]:
    """As in ``FIGURE_HEAD``."""
    return (
        f"{one.kwh:,.0f}",
        f"{one.cny:,.0f}",
        "" if one.saving is None else f"{one.saving:.1%}",
        "" if one.money_saving is None else f"{one.money_saving:.1%}",
        f"{one.peak_kw:.1f}",
        f"{one.dark_min:,.0f}",
        str(one.operations),
        class_text(one),
    )


def class_text(one: Figures) -> str:
    """The CJJ 45 class that is left after reduction; "" not known."""
    return {None: "", "": "低于Ⅲ below Ⅲ"}.get(one.lowest_class, one.lowest_class or "")


def figures_json(one: Figures) -> dict[str, object]:
    """With the shares and the class that follow from them."""
    derived = ("full_hours", "saving", "money_saving", "lowest_class")
    return {name: getattr(one, name) for name in (*one.__dataclass_fields__, *derived)}


def night_text(night: Night, zone: ZoneInfo) -> str:
    """``18:43 100%, 22:30 75%``; the level at noon only where it is not off."""
    (_, noon), *rest = night
    told = [f"12:00 {noon}%"] if noon else []
    return ", ".join([*told, *(f"{clock(at, zone)} {level}%" for at, level in rest)]) or "不开 stays off"


def named(names: Sequence[str]) -> str:
    """The first of them and how many there are."""
    shown = ", ".join(names[:MOST_NAMED])
    return shown if len(names) <= MOST_NAMED else f"{shown} … ({len(names)})"


def clock(at: int | None, zone: ZoneInfo) -> str:
    """County time to the minute, as on a switch clock."""
    return "" if at is None else f"{local(at, zone):%H:%M}"
