"""How lighting plans are shown in a terminal: nights, figures, differences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import click

from control.cli_ask import tell_json, tell_table
from control.lighting.compare import Difference, Night, nights_of
from lampwell.lighting.difference import Edit
from lampwell.lighting.figures import Figures, total
from lampwell.lighting.level import Timetable
from lampwell.lighting.preview import Basis, NightPreview, preview
from lampwell.lighting.sun import MINUTE_MS
from lampwell.times import local

FIGURE_HEAD = ("kWh", "元 CNY", "省电 saved", "省钱 money", "峰值 peak kW", "暗 dark min", "动作 operations", "最低级 class")
MOST_NAMED = 3


def tell_night(previews: Sequence[NightPreview], zone: ZoneInfo, *, as_json: bool) -> None:
    """Every switch of a night with its reason."""
    if as_json:
        tell_json(previews)
        return
    for one in previews:
        click.echo(f"{one.target}  {one.day}  日落 sunset {clock(one.sunset, zone)}  日出 sunrise {clock(one.sunrise, zone)}")
        click.echo(f"  {clock(None, zone):5}  {one.level:3}%  当日正午 at noon")
        for switch in one.switches:
            ramp = f" ({switch.ramp_s} s)" if switch.ramp_s else ""
            click.echo(f"  {clock(switch.at, zone):5}  {switch.level:3}%{ramp}  {switch.why.zh}\n               {switch.why.en}")
        click.echo(f"  {one.figures.kwh:.2f} kWh, {one.figures.cny:.2f} 元 CNY, {one.figures.burn_h:.2f} h")


def tell_nights(table: Timetable, targets: Sequence[str], first: date, nights: int, basis: Basis, *, as_json: bool) -> None:
    """Night by night: of the targets named, or of every kind of loop."""
    chosen = list(targets) or [name for name, one in table.targets.items() if not one.loop]
    rows: list[tuple[str, ...]] = []
    found: list[dict[str, object]] = []
    for n in range(nights):
        day = first + timedelta(n)
        sums = preview(table, chosen, day, 1, basis)
        for names, night in _kinds(nights_of(table, chosen, day)) if not targets else _each(nights_of(table, chosen, day)):
            figures = total(sums[name] for name in names)
            sun = table.night(table.targets[names[0]].place, day).sun
            rows.append(
                (
                    f"{day}",
                    named(names),
                    clock(sun.sunset, table.zone),
                    clock(sun.sunrise, table.zone),
                    night_text(night, table.zone),
                    f"{figures.kwh:.1f}",
                    f"{figures.cny:.2f}",
                )
            )
            found.append({"day": day, "targets": names, "switches": night, "kwh": figures.kwh, "cny": figures.cny})
    if as_json:
        tell_json(found)
        return
    head = ("夜 night", "对象 targets", "日落 sunset", "日出 sunrise", "开关 switches", "kWh", "元 CNY")
    tell_table([head, *rows], "没有回路 no loops")


def tell_figures(found: Mapping[str, Figures], first: date, nights: int, *, as_json: bool) -> None:
    """Many nights, by class of road and ``all`` together."""
    if as_json:
        tell_json({"first": first, "nights": nights, "classes": found})
        return
    click.echo(f"{first} 起 {nights} 夜 {nights} nights from {first}")
    names = {"": "无灯 no lamps", "all": "合计 all"}
    rows = [(names.get(road, road), *figure_cells(sums)) for road, sums in found.items()]
    tell_table([("道路等级 road", *FIGURE_HEAD), *rows], "没有回路 no loops")


def tell_difference(found: Difference, zone: ZoneInfo, *, as_json: bool) -> None:
    """What changes, in a night and in figures."""
    if as_json:
        tell_json(found)
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
        {None: "", "": "低于Ⅲ below Ⅲ"}.get(one.lowest_class, one.lowest_class or ""),
    )


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


def _kinds(nights: Mapping[str, Night]) -> list[tuple[list[str], Night]]:
    """Targets that switch alike, to the minute."""
    alike: dict[Night, list[str]] = {}
    for name, night in nights.items():
        alike.setdefault(tuple((round(at / MINUTE_MS), level) for at, level in night), []).append(name)
    return [(names, nights[names[0]]) for names in alike.values()]


def _each(nights: Mapping[str, Night]) -> list[tuple[list[str], Night]]:
    return [([name], night) for name, night in nights.items()]
