"""What to know of the lights before a night: who is on the plan, what stands in the way, when they go on, what it costs.

Pure. It decides nothing: a person reads it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from control.lighting.checks import Finding
from control.lighting.compare import figures
from control.lighting.nights import loops_of, nights_of
from control.lighting.rollout import Phase
from control.lighting.views import EdgeRow, LightOrder, LightStatus, Tonight
from lampwell.lighting.level import Timetable
from lampwell.lighting.model import OFF
from lampwell.lighting.preview import Basis
from lampwell.lighting.wire import Said

DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """Of the night of ``day``, as of ``at``. ``problems``: each in words; none = in order. ``tonight`` None: no plan runs."""

    day: date
    at: int
    version: int
    edges: int
    agree: int
    overrides: int
    tonight: Tonight | None
    problems: tuple[Said, ...]


def digest(
    status: LightStatus,
    day: date,
    *,
    tonight: Tonight | None,
    orders: Sequence[LightOrder] = (),
    findings: Sequence[Finding] = (),
    wrong: Sequence[Said] = (),
) -> Digest:
    """``orders``: those of the last day; ``findings``: what the check of the running plan found; ``wrong``: what else is."""
    problems = [
        *(said for row in status.edges for said in _of_edge(row, status.now)),
        *_of_orders(orders),
        *_of_plan(status, findings),
        *wrong,
    ]
    return Digest(
        day=day,
        at=status.now,
        version=status.running,
        edges=len(status.edges),
        agree=sum(row.agrees is True for row in status.edges),
        overrides=sum(len(row.overrides) for row in status.edges),
        tonight=tonight,
        problems=tuple(problems),
    )


def tonight_of(table: Timetable, day: date, basis: Basis) -> Tonight:
    """What a plan does in a night."""
    nights = nights_of(table, loops_of(table), day).values()
    on = [next((at for at, level in night if level > OFF), None) for night in nights]
    off = [next((at for at, level in reversed(night[1:]) if level == OFF), None) for night in nights]
    sums = figures(table, day, 1, basis)
    return Tonight(
        first_on=min((at for at in on if at is not None), default=None),
        last_off=max((at for at in off if at is not None), default=None),
        kwh=round(sums.kwh, 1),
        cny=round(sums.cny, 2),
    )


def _of_edge(row: EdgeRow, now: int) -> Iterator[Said]:
    name = f"{row.edge} {row.zh}"
    if not row.alive:
        yield Said(zh=f"{name} 不在线，状态未知", en=f"{row.edge} is not there, nothing is known of it")
    elif not row.asked:
        yield Said(zh=f"{name} 尚未下发方案", en=f"{row.edge} has been given no plan")
    elif row.confirmed != row.asked:
        yield Said(zh=f"{name} 未按要求的方案运行", en=f"{row.edge} does not go by the plan it was asked for")
    elif row.unlike is None:
        yield Said(zh=f"{name} 未报回读", en=f"{row.edge} has not told what it reads back")
    elif row.unlike:
        yield Said(zh=f"{name} 有 {row.unlike} 个对象不符", en=f"{row.edge} reads back {row.unlike} targets unlike")
    for one in row.overrides:
        if one.end is None and now - one.start > DAY_MS:
            days = (now - one.start) // DAY_MS
            yield Said(
                zh=f"{name} {one.layer} {one.id} 已 {days} 天未解除", en=f"{row.edge}: {one.layer} {one.id} stands for {days} d"
            )


def _of_orders(orders: Sequence[LightOrder]) -> Iterator[Said]:
    failed = sum(one.state == "failed" for one in orders)
    if failed:
        yield Said(zh=f"24 小时内 {failed} 条指令失败", en=f"{failed} orders failed within 24 h")


def _of_plan(status: LightStatus, findings: Sequence[Finding]) -> Iterator[Said]:
    rollout = status.rollout
    if rollout is not None and rollout.phase is Phase.STOPPED:
        yield Said(zh=f"版本 {rollout.version} 下发已停止", en=f"the roll-out of version {rollout.version} has stopped")
    elif rollout is not None and rollout.owed:
        names = ", ".join(one.edge for one in rollout.owed)
        count = len(rollout.owed)
        yield Said(
            zh=f"版本 {rollout.version} 尚欠 {count} 个网关：{names}",
            en=f"version {rollout.version} is owed to {count} edge nodes: {names}",
        )
    for one in findings:
        if one.is_error:
            yield Said(zh=f"方案 {one.where}：{one.text.zh}", en=f"plan, {one.where}: {one.text.en}")
