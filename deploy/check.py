"""``lampwell check FOLDER``: is this county in order, and what would run?"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import click

from gateway.plan import Cycle, DevicePlan, Mode, cycle, plan_device
from lampwell.assets import County, Link
from lampwell.columns import table
from lampwell.county import load
from lampwell.errors import ConfigError, Problem
from lampwell.lighting.files import FOLDER, read_lighting

FAILED = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkReport:
    """What polling costs one link: requests and bus seconds of one fast and one slow round, and the share of its time by mode."""

    link: Link
    plans: tuple[DevicePlan, ...]
    cycle: Cycle

    @property
    def points(self) -> int:
        """Points of all its devices."""
        return sum(len(plan.device.profile.registers) for plan in self.plans)

    @property
    def fast(self) -> int:
        """Requests of one fast round."""
        return sum(len(plan.fast) for plan in self.plans)

    @property
    def slow(self) -> int:
        """Requests of one slow round."""
        return sum(len(plan.slow) for plan in self.plans)

    def requests_per_s(self, mode: Mode) -> float:
        """Requests a second in a mode."""
        rates = ((p.device.intervals, p) for p in self.plans)
        return sum(len(p.fast) / mode.interval_s(intervals) + len(p.slow) / intervals.slow_s for intervals, p in rates)


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout instead of a table.")
def check(folder: Path, as_json: bool) -> None:
    """Validate a county FOLDER and say what would run. 检查县配置。

    Exit code 1, with every problem as `file: place: reason`, if anything is wrong.
    """
    try:
        county = load(folder)
        reports = report(county)
        problems = tuple(dict.fromkeys([*_overloaded(county, reports), *_lighting_problems(county), *_desk_problems(county)]))
    except ConfigError as error:
        problems = error.problems
    if problems:
        _refuse(folder, problems, as_json=as_json)
        raise click.exceptions.Exit(FAILED)
    click.echo(json.dumps(summary(county, reports), ensure_ascii=False) if as_json else "\n".join(_page(county, reports)))


def report(county: County) -> list[LinkReport]:
    """The read plan of every link."""
    reports = []
    for link in county.links:
        plans = tuple(plan_device(device, link) for device in county.devices if device.link == link.id)
        reports.append(LinkReport(link=link, plans=plans, cycle=cycle(link, plans)))
    return reports


def summary(county: County, reports: Sequence[LinkReport]) -> Mapping[str, object]:
    """What would run, for programs."""
    return {
        "ok": True,
        "county": county.id,
        "problems": [],
        "links": [_link_json(each) for each in reports],
        "totals": {
            "edges": len(county.edges),
            "links": len(reports),
            "devices": len(county.devices),
            "lamps": len(county.lamps),
            "points": sum(r.points for r in reports),
            "requests_per_s": {mode: round(sum(r.requests_per_s(mode) for r in reports), 2) for mode in Mode},
        },
    }


def _link_json(report: LinkReport) -> Mapping[str, object]:
    return {
        "link": report.link.id,
        "edge": report.link.edge,
        "endpoint": report.link.endpoint,
        "transport": report.link.transport,
        "devices": len(report.plans),
        "points": report.points,
        "requests": {"fast": report.fast, "slow": report.slow},
        "bus_s": {"fast": round(report.cycle.fast_s, 4), "slow": round(report.cycle.slow_s, 4)},
        "load": {mode: round(load, 4) for mode, load in report.cycle.load.items()},
    }


def _lighting_problems(county: County) -> Sequence[Problem]:
    """What is wrong with the files of the lighting programs."""
    problems: list[Problem] = []
    read_lighting(county.folder / FOLDER, county, problems)
    return problems


def _desk_problems(county: County) -> Iterator[Problem]:
    """What is wrong with alarm rules, people and channels; nothing where the alarm service is not installed (an edge box)."""
    try:
        from control.check import check_desk
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("control"):
            raise
        return
    yield from check_desk(county)


# -- refusing ------------------------------------------------------------------------------------------------------------------


def _overloaded(county: County, reports: Sequence[LinkReport]) -> Iterator[Problem]:
    """Links that would need more than a second of bus time a second."""
    file = next((name for name in ("links.csv", "links.toml") if (county.folder / name).exists()), "links")
    for each in reports:
        mode, load = max(each.cycle.load.items(), key=lambda item: item[1])
        if load > 1:
            speed = f" at {each.link.baud} baud" if each.link.transport != "tcp" else ""
            reason = (
                f"its intervals can not be met: in mode {mode} its {len(each.plans)} devices need {load:.2f} s of bus time"
                f" in every second{speed}; poll less often or move devices to another link"
            )
            yield Problem(file, f"link {each.link.id}", reason)


def _refuse(folder: Path, problems: Sequence[Problem], *, as_json: bool) -> None:
    if as_json:
        listed = [{"file": p.file, "where": p.where, "reason": p.reason} for p in problems]
        click.echo(json.dumps({"ok": False, "folder": str(folder), "problems": listed}, ensure_ascii=False))
        return
    for problem in problems:
        click.echo(str(problem), err=True)
    count = len(problems)
    click.echo(f"\n{folder}: {count} 处问题，未通过 · {count} problem{'s' if count != 1 else ''}, refused", err=True)


# -- telling -------------------------------------------------------------------------------------------------------------------

HEADER = (
    "链路 link",
    "地址 endpoint",
    "设备 devices",
    "测点 points",
    "请求 requests",
    "总线秒 bus s",
    "占用 load dry/watch/storm",
)


def _page(county: County, reports: Sequence[LinkReport]) -> Iterator[str]:
    yield f"{county.zh} · {county.en}  ({county.latitude:.2f}, {county.longitude:.2f})  {county.time_zone}"
    yield f"消息服务 broker {county.broker.host}:{county.broker.port}   历史库 history {county.history.store}"
    for edge in county.edges:
        yield ""
        yield f"网关 edge node {edge.node}  {edge.zh} {edge.en}".rstrip()
        rows = [HEADER, *(_cells(r) for r in reports if r.link.edge == edge.id)]
        yield from (f"  {line}" for line in table(rows, right=range(2, 6)))
    yield ""
    yield from _totals(county, reports)


def _cells(report: LinkReport) -> tuple[str, ...]:
    return (
        report.link.id,
        report.link.endpoint,
        str(len(report.plans)),
        str(report.points),
        f"{report.fast}+{report.slow}",
        f"{report.cycle.fast_s:.2f}+{report.cycle.slow_s:.2f}",
        " / ".join(f"{load:.0%}" for load in report.cycle.load.values()),
    )


def _totals(county: County, reports: Sequence[LinkReport]) -> Iterator[str]:
    kinds = Counter(device.kind for device in county.devices)
    yield "设备 devices   " + ", ".join(f"{count} {kind}" for kind, count in kinds.items()) + f"; {len(county.lamps)} lamps"
    yield f"测点 points    {sum(r.points for r in reports)} on {len(county.devices)} devices, {len(reports)} links"
    rates = ", ".join(f"{mode} {sum(r.requests_per_s(mode) for r in reports):.1f}/s" for mode in Mode)
    yield f"请求 requests  {rates}   (请求 = 快速轮+慢速轮  fast round + slow round)"
    yield "通过 · in order"
