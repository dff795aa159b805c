"""The figures of lighting as people read them. What is not known is a dash, never zero."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from zoneinfo import ZoneInfo

from control.lighting.figures.facilities import IntactRow
from control.lighting.figures.led import Led
from control.lighting.figures.report import EnergyRow, LitRow, LoopRow, Report
from lampwell.assets import County
from lampwell.columns import table
from lampwell.times import shown

Row = Sequence[str]
NONE = "-"
SOURCES: Mapping[str, str] = {
    "node": "单灯 node",
    "learned": "回路功率(学习) loop power, learned",
    "rated": "回路功率(额定) loop power, rated",
    "contactor": "接触器断开 contactor open",
    "alarm": "报警 alarm",
}
BASES: Mapping[str, str] = {
    "plan": "方案 plan",
    "lux": "光照 light sensors",
    "command": "接触器指令 command",
    "sun": "日落日出 sun",
}
FACILITIES: Mapping[str, str] = {
    "": "全部 all",
    "cabinet": "控制箱 cabinets",
    "loop": "回路 loops",
    "lamp": "单灯 lamps with a node",
}
WHEN: Mapping[str, str] = {"": "", "before": "改造前 before", "after": "改造后 after"}
SLA: Mapping[str, str] = {"": "全部 all", "emergency": "紧急 emergency", "serious": "严重 serious", "ordinary": "一般 ordinary"}
MOST_LOOPS, MOST_DAMAGED = 20, 10


def page(one: Report, county: County) -> Iterator[str]:
    """Chinese first, English beside it."""
    zone = ZoneInfo(county.time_zone)
    yield f"照明指标 lighting figures  {county.zh} {county.en}  {shown(one.start, zone)} .. {shown(one.end, zone)}{_where(one)}"
    for note in one.notes:
        yield f"注 note: {note.zh}；{note.en}"
    for section in (_lit, _intact, partial(_energy, zone=zone), _loops, _repairs):
        yield ""
        yield from section(one)


def _where(one: Report) -> str:
    return "".join(f"  {word} {name}" for word, name in (("区域 area", one.area), ("道路 road", one.road)) if name)


def _lit(one: Report) -> Iterator[str]:
    yield "亮灯率 lamps lit of those that should be (下限 lower: 未知算灭 unknown is dark; 上限 upper: 未知算亮 unknown is lit)"
    rows: list[Row] = [
        (
            "道路 road",
            "灯 lamps",
            "下限 lower",
            "上限 upper",
            "覆盖率 coverage",
            "目标 target",
            "达标 met",
            "灭灯 dark",
            "依据 known from",
        )
    ]
    yield from table([*rows, *map(_lit_row, one.lit)])
    if one.lit:
        yield f"应亮依据 should be lit by: {_shares(one.lit[0].tally.bases, BASES)}"


def _lit_row(row: LitRow) -> Row:
    name = f"{'  ' if row.road else ''}{row.zh} {row.en}"
    known_from = _shares(row.tally.sources, SOURCES) or NONE
    return name, str(row.lamps), *_bounds(row), percent(row.target), _met(row.met), _dark(row), known_from


def _bounds(row: LitRow | IntactRow) -> tuple[str, str, str]:
    return percent(row.lower), percent(row.upper), percent(row.coverage)


def _dark(row: LitRow) -> str:
    """Roads of few lamps are judged by it."""
    return NONE if row.dark is None else f"{row.dark:.1f}{' *' if row.by_dark_lamps else ''}"


def _shares(counts: Mapping[str, int], words: Mapping[str, str]) -> str:
    every = sum(counts.values())
    return ", ".join(f"{words[name]} {number / every:.0%}" for name, number in sorted(counts.items(), key=lambda each: -each[1]))


def _intact(one: Report) -> Iterator[str]:
    yield "设施完好率 facilities without a standing fault"
    yield "口径 basis: 无未消除的故障报警为完好，按时间平均 intact: no fault alarm stands, on average over time"
    yield "公开规定未给算法，为本项目自定，未经核实 no public rule gives a formula: our own, unverified"
    rows: list[Row] = [
        (
            "设施 facility",
            "数量 number",
            "完好 intact",
            "故障 damaged",
            "未知 unknown",
            "下限 lower",
            "上限 upper",
            "覆盖率 coverage",
            "目标 target",
            "达标 met",
        )
    ]
    yield from table([*rows, *map(_intact_row, one.intact)])
    if one.damaged:
        shown = [f"{row.name} {row.rule} {row.hours:.1f} h" for row in one.damaged[:MOST_DAMAGED]]
        more = len(one.damaged) - len(shown)
        yield f"故障设施 damaged: {', '.join(shown)}" + (f", 另有 {more} 项 and {more} more: --csv, --json" if more else "")


def _intact_row(row: IntactRow) -> Row:
    parts = (number(each, 1) for each in (row.intact, row.damaged, row.unknown))
    return FACILITIES[row.facility], str(row.count), *parts, *_bounds(row), percent(row.target), _met(row.met)


def _energy(one: Report, zone: ZoneInfo) -> Iterator[str]:
    base = f"方案版本 plan version {one.baseline}" if one.baseline else "日落至日出全功率 full power from sunset to sunrise"
    yield f"用电 energy, 对照 against: {base}"
    if not one.energy:
        yield "没有电能读数 no counter of energy was heard in this period"
        return
    rows: list[Row] = [
        (
            "方案 program",
            "",
            "kWh",
            "其中补算 bridged",
            "CNY",
            "对照 baseline kWh",
            "节电 saved",
            "节费 saved CNY",
            "每回路 kW a loop",
        )
    ]
    yield from table([*rows, *map(_energy_row, one.energy)])
    if one.led is not None:
        yield ""
        yield from _led(one.led, zone)


def _led(one: Led, zone: ZoneInfo) -> Iterator[str]:
    heard = f"{one.loops}/{one.every} 回路前后均有读数 loops heard on both sides"
    yield f"改造前后 before and after the change of lamps, {shown(one.at, zone)}: {heard}"
    rows: list[Row] = [
        (
            "",
            "kWh 实测 measured",
            "夜间回路小时 loop hours of darkness",
            "夜间平均 kW in the dark",
            "燃点回路小时 loop hours lit",
            "燃点平均 kW while lit",
            "额定 rated kW (台账 inventory)",
        )
    ]
    for name, each in (("改造前 before", one.before), ("改造后 after", one.after)):
        kw = number(each.kw, 3), number(each.burn_h, 1), number(each.lit_kw, 3), number(each.rated_kw, 3)
        rows.append((name, f"{each.kwh:.1f}", f"{each.dark_h:.1f}", *kw))
    promised = NONE if one.saved_rated is None else f"{percent(one.saved_rated)} 估算 estimate"
    saved = (NONE, NONE, percent(one.saved), NONE, percent(one.saved_lit), promised)
    yield from table([*rows, ("节电 saved", *saved)])


def _energy_row(row: EnergyRow) -> Row:
    return (
        f"{row.zh} {row.en}",
        WHEN[row.when],
        f"{row.energy.kwh:.1f}",
        f"{row.energy.bridged_kwh:.1f}",
        f"{row.energy.cny:.2f}" if row.saved_cny is not None else NONE,
        f"{row.energy.baseline_kwh:.1f}",
        percent(row.saved),
        percent(row.saved_cny),
        number(row.kw, 3),
    )


def _loops(one: Report) -> Iterator[str]:
    """Those that burnt longest; all are in --csv and --json."""
    yield f"回路 loops ({len(one.loops)})"
    ordered = sorted(one.loops, key=lambda row: (-(row.burn_h or 0.0), row.loop))
    rows: list[Row] = [("回路 loop", "道路 road", "kWh", "燃点小时 burn h", "接触器动作 operations", "覆盖率 coverage")]
    yield from table([*rows, *map(_loop_row, ordered[:MOST_LOOPS])])
    if len(ordered) > MOST_LOOPS:
        yield f"另有 {len(ordered) - MOST_LOOPS} 个回路 and {len(ordered) - MOST_LOOPS} more: --csv, --json"


def _loop_row(row: LoopRow) -> Row:
    return row.loop, row.road, number(row.kwh, 1), number(row.burn_h, 1), number(row.operations, 0), percent(row.coverage)


def _repairs(one: Report) -> Iterator[str]:
    yield "响应与修复 response and repair, 小时 hours (时段内建单 orders created in the period)"
    if not one.repairs[0].repairs.orders:
        yield "没有照明工单 no work order of lighting was created in this period"
        return
    rows: list[Row] = [
        (
            "时限 SLA",
            "工单 orders",
            "响应中位 response",
            "90%",
            "修复中位 repair",
            "90%",
            "按时 in time",
            "进行中 running",
            "取消 cancelled",
        )
    ]
    for row in one.repairs:
        each = row.repairs
        times = (each.response_median_h, each.response_p90_h, each.repair_median_h, each.repair_p90_h)
        rows.append(
            (
                SLA.get(row.sla, row.sla),
                str(each.orders),
                *(number(hours, 2) for hours in times),
                f"{percent(row.in_time)} ({each.in_time}/{each.judged})",
                str(each.running),
                str(each.cancelled),
            )
        )
    yield from table(rows)


def percent(share: float | None) -> str:
    """As people write it; never rounded up to a whole that it is not."""
    if share is None:
        return NONE
    text = f"{100 * share:.1f}"
    return "99.9%" if text == "100.0" and share < 1 else f"{text}%"


def number(value: float | None, digits: int) -> str:
    """With so many digits; a dash where it is not known."""
    return NONE if value is None else f"{value:.{digits}f}"


def _met(met: bool | None) -> str:
    return NONE if met is None else "是 yes" if met else "否 no"
