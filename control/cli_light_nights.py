"""How nights to come are shown: every switch with its reason, night by night as a table, JSON or CSV, and a year in figures."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from zoneinfo import ZoneInfo

import click

from control.cli_ask import tell_json, tell_table
from control.cli_light_show import FIGURE_HEAD, class_text, clock, figure_cells, figures_json, named, night_text
from control.lighting.nights import NightRow
from lampwell.lighting.figures import Figures
from lampwell.lighting.preview import NightPreview
from lampwell.times import shown_plain

HEAD = ("夜 night", "对象 targets", "日落 sunset", "日出 sunrise", "开关 switches")
SUMS_HEAD = ("kWh", "元 CNY", "暗 dark min", "动作 operations", "最低级 class")
CSV_HEAD = ("night", "targets", "count", "sunset", "sunrise", "switches", "kwh", "cny", "dark_min", "operations", "lowest_class")


def tell_night(previews: Sequence[NightPreview], zone: ZoneInfo, *, as_json: bool) -> None:
    """Every switch of a night with its reason."""
    if as_json:
        tell_json([{**fields_of(one), "figures": figures_json(one.figures)} for one in previews])
        return
    for one in previews:
        click.echo(f"{one.target}  {one.day}  日落 sunset {clock(one.sunset, zone)}  日出 sunrise {clock(one.sunrise, zone)}")
        click.echo(f"  {clock(None, zone):5}  {one.level:3}%  当日正午 at noon")
        for switch in one.switches:
            ramp = f" ({switch.ramp_s} s)" if switch.ramp_s else ""
            click.echo(f"  {clock(switch.at, zone):5}  {switch.level:3}%{ramp}  {switch.why.zh}\n               {switch.why.en}")
        sums = one.figures
        click.echo(
            f"  {sums.kwh:.2f} kWh, {sums.cny:.2f} 元 CNY, 亮灯 lit {sums.burn_h:.2f} h, 暗 dark {sums.dark_min:.0f} min, "
            f"动作 operations {sums.operations}, 最低级 lowest class {class_text(sums) or '未知 not known'}"
        )


def tell_nights(rows: Iterable[NightRow], zone: ZoneInfo, *, as_json: bool) -> None:
    """A line a night."""
    if as_json:
        tell_json([night_json(one) for one in rows])
        return
    tell_table([(*HEAD, *SUMS_HEAD), *(_cells(one, zone) for one in rows)], "没有回路 no loops")


def tell_csv(rows: Iterable[NightRow], zone: ZoneInfo) -> None:
    """The same for a spreadsheet; times are county time, an empty value is not known."""
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(CSV_HEAD)
    for one in rows:
        sums = one.figures
        sun = ["" if at is None else shown_plain(at, zone) for at in (one.sunset, one.sunrise)]
        night = (one.day, " ".join(one.targets), len(one.targets), *sun, night_text(one.switches, zone))
        figures = (f"{sums.kwh:.3f}", f"{sums.cny:.2f}", f"{sums.dark_min:.0f}", sums.operations, class_text(sums))
        out.writerow((*night, *figures))


def tell_year(
    classes: Mapping[str, Figures], rows: Sequence[NightRow], first: date, nights: int, zone: ZoneInfo, *, as_json: bool
) -> None:
    """Many nights: the figures by class of road and ``all`` together, and the switches of every kind of loop. As text those of
    the first night and of the first of each month; all of them in JSON.
    """
    if as_json:
        sums = {road: figures_json(one) for road, one in classes.items()}
        tell_json({"first": first, "nights": nights, "classes": sums, "switches": [night_json(one) for one in rows]})
        return
    click.echo(f"{first} 起 {nights} 夜 {nights} nights from {first}")
    names = {"": "无灯 no lamps", "all": "合计 all"}
    table = [(names.get(road, road), *figure_cells(sums)) for road, sums in classes.items()]
    tell_table([("道路等级 road", *FIGURE_HEAD), *table], "没有回路 no loops")
    shown = [one for one in rows if one.day == first or one.day.day == 1]
    click.echo("\n首夜与每月一日 the first night and the first of each month (--csv, --json: 每夜 every night)")
    tell_nights(shown, zone, as_json=False)


def night_json(one: NightRow) -> dict[str, object]:
    """With what follows from the figures."""
    return {**fields_of(one), "figures": figures_json(one.figures)}


def fields_of(one: NightRow | NightPreview) -> dict[str, object]:
    """Its fields by name."""
    return {name: getattr(one, name) for name in one.__dataclass_fields__}


def _cells(one: NightRow, zone: ZoneInfo) -> tuple[str, ...]:
    sums = one.figures
    sun = (clock(one.sunset, zone), clock(one.sunrise, zone))
    figures = (f"{sums.kwh:.1f}", f"{sums.cny:.2f}", f"{sums.dark_min:.0f}", str(sums.operations), class_text(sums))
    return (f"{one.day}", named(one.targets), *sun, night_text(one.switches, zone), *figures)
