"""From what the lighting desk knows to what people look at (``views``). Pure."""

from __future__ import annotations

from collections.abc import Sequence

from control.lighting.following import Followed
from control.lighting.heard import EdgeSaid
from control.lighting.rollout import Rollout
from control.lighting.views import EdgeRow, LightOrder, LightOrderDetail, OverrideRow, RolloutRow
from lampwell.assets import EdgeNode
from lampwell.lighting.model import Layer
from lampwell.lighting.wire import Lease, Lock, Outcome, Release, Said, Stands, TakePlan


def override_row(edge: str, one: Stands, now: int) -> OverrideRow:
    """One override with the time it has left."""
    return OverrideRow(
        id=one.id,
        edge=edge,
        layer=one.layer,
        targets=one.targets,
        level=one.level,
        start=one.start,
        end=one.end,
        left_s=None if one.end is None else max(0, round((one.end - now) / 1000)),
        who=one.who,
        reason=one.reason,
    )


def edge_row(edge: EdgeNode, said: EdgeSaid, now: int, *, asked: str, asked_version: int, confirmed_version: int) -> EdgeRow:
    """One edge node."""
    known = said.alive and asked and said.plan_at is not None and said.unlike is not None
    return EdgeRow(
        edge=edge.id,
        zh=edge.zh,
        en=edge.en,
        area=edge.area,
        alive=said.alive,
        asked=asked,
        asked_version=asked_version,
        confirmed=said.plan,
        confirmed_version=confirmed_version,
        agrees=(said.plan == asked and said.unlike == 0) if known else None,
        unlike=said.unlike,
        unlike_at=said.unlike_at,
        overrides=tuple(override_row(edge.id, one, now) for one in said.overrides if one.end is None or one.end > now),
    )


def order_row(one: Followed) -> LightOrder:
    """One order."""
    order = one.order
    return LightOrder(
        id=order.id,
        request=one.request,
        edge=one.edge,
        who=order.who,
        kind=order.do.__struct_config__.tag or "",  # type: ignore[arg-type]  # our tags are words
        what=what(one),
        issued=order.issued,
        expires=order.expires,
        state=one.state.value,
        by_control=one.by_control,
        reason=one.reason,
        sent=one.sent,
        sent_at=one.sent_at,
        ended_at=one.ended_at,
    )


def order_detail(one: Followed, answers: Sequence[Outcome]) -> LightOrderDetail:
    """One order with what was said of it."""
    do = one.order.do
    ramps = (do.ramp_s, do.ramp_back_s) if isinstance(do, Lease) else (0, 0)
    return LightOrderDetail(order=order_row(one), answers=tuple(answers), ramp_s=ramps[0], ramp_back_s=ramps[1])


def what(one: Followed) -> Said:
    """What it asks for, in words."""
    match one.order.do:
        case TakePlan():
            return Said(zh="采用方案", en="take the plan")
        case Lease(targets=targets, level=level, lasts_s=lasts_s):
            return Said(
                zh=f"{len(targets)} 个对象 {level}%，{lasts_s // 60} 分钟",
                en=f"{len(targets)} targets at {level} % for {lasts_s // 60} min",
            )
        case Lock(targets=targets):
            return Said(zh=f"挂牌 {len(targets)} 条回路", en=f"lock {len(targets)} loops")
        case Release(order=order):
            return Said(zh=f"解除 {order}", en=f"release {order}")
    raise AssertionError("every order is one of these")


def rollout_row(rollout: Rollout, *, at: int, who: str, why: str) -> RolloutRow:
    """One roll-out."""
    return RolloutRow(
        id=rollout.id,
        version=rollout.version,
        at=at,
        who=who,
        why=why,
        phase=rollout.phase,
        stage=rollout.at + 1,
        stages=tuple(Said(zh=stage.zh, en=stage.en) for stage in rollout.stages),
        settle_s=rollout.settle_ms // 1000,
        since=rollout.agreed_since,
        reason=rollout.reason,
        ended_at=rollout.ended_at,
        owed=rollout.owed,
    )


LAYER_WORDS = {
    Layer.CREW_LOCK: "检修挂牌 crew lock",
    Layer.INTERLOCK: "联锁 interlock",
    Layer.LEASE: "限时指令 lease",
    Layer.FESTIVAL: "节日 festival",
    Layer.LUX: "照度 lux",
    Layer.CALENDAR: "日历 calendar",
    Layer.DEFAULT: "默认 default",
}
