"""Why: what an edge node answers to orders, Chinese and English. One function a sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lampwell.lighting.model import Layer, Override
from lampwell.lighting.wire import Said

_MOST_NAMED = 12
_LAYERS = {Layer.CREW_LOCK: ("检修挂牌", "crew lock"), Layer.INTERLOCK: ("联锁", "interlock"), Layer.LEASE: ("限时指令", "lease")}


def taken() -> Said:
    """Accepted."""
    return Said(zh="已接受", en="accepted")


def taken_but(left_out: Mapping[str, Said]) -> Said:
    """Accepted for a part of the targets."""
    rest = together(left_out)
    return Said(zh=f"已接受，除外：{rest.zh}", en=f"accepted, except: {rest.en}")


def together(reasons: Mapping[str, Said]) -> Said:
    """Reasons by target; targets of one reason are named together."""
    by_reason: dict[Said, list[str]] = {}
    for target, reason in reasons.items():
        by_reason.setdefault(reason, []).append(target)
    return Said(
        zh="；".join(f"{named(targets)}：{reason.zh}" for reason, targets in by_reason.items()),
        en="; ".join(f"{named(targets)}: {reason.en or reason.zh}" for reason, targets in by_reason.items()),
    )


def named(names: Sequence[str]) -> str:
    """The first dozen, and how many there are more."""
    more = f" +{len(names) - _MOST_NAMED}" if len(names) > _MOST_NAMED else ""
    return ", ".join(names[:_MOST_NAMED]) + more


def late(seconds: int) -> Said:
    """It came too late."""
    return Said(zh=f"指令到达时已过期 {seconds} 秒", en=f"the order had expired {seconds} s before it came")


def over() -> Said:
    """Its whole time is over."""
    return Said(zh="限时指令的时段已经过去", en="the time this lease was for is over")


def bad_plan(error: str) -> Said:
    """The document can not be read."""
    return Said(zh=f"执行计划不能用：{error}", en=f"the plan can not be used: {error}")


def strange_cabinets(cabinets: Sequence[str]) -> Said:
    """The plan is not for this node."""
    return Said(
        zh=f"执行计划含有不属于本节点的控制箱：{named(cabinets)}", en=f"the plan has cabinets of other nodes: {named(cabinets)}"
    )


def older_plan(version: int, stands: int) -> Said:
    """A newer one is in force."""
    return Said(
        zh=f"执行计划 {version} 比正在执行的 {stands} 旧", en=f"plan {version} is older than plan {stands}, which is in force"
    )


def other_plan(version: int) -> Said:
    """Same number, other content."""
    return Said(zh=f"正在执行的计划 {version} 内容不同", en=f"another plan with the number {version} is in force")


def plan_taken(version: int) -> Said:
    """It holds from now on."""
    return Said(zh=f"执行计划 {version} 已保存并生效", en=f"plan {version} is stored and in force")


def no_plan() -> Said:
    """Nothing to act on."""
    return Said(zh="本节点没有执行计划，不控制任何灯", en="this edge node has no plan and controls no lamps")


def unknown_targets(targets: Sequence[str]) -> Said:
    """Names of nothing."""
    return Said(zh=f"执行计划中没有：{named(targets)}", en=f"not in the plan of this edge node: {named(targets)}")


def newer_lease() -> Said:
    """Overtaken."""
    return Said(zh="已有更晚发出的限时指令", en="a lease issued later has already been carried out there")


def below(lock: Override) -> Said:
    """A crew lock or an interlock is above it."""
    zh, en = _LAYERS[lock.layer]
    return Said(
        zh=f"{zh}（{lock.who}：{lock.reason.zh}），须先解除 {lock.id}",
        en=f"{en} by {lock.who} ({lock.reason.en}): release {lock.id} first",
    )


def nothing_stands(order: str) -> Said:
    """Nothing to release."""
    return Said(
        zh=f"没有编号为 {order} 的限时指令或挂牌在执行，若迟到也不再执行",
        en=f"no lease or lock {order} stands here; should it come later it will not be carried out",
    )


def released_before() -> Said:
    """The release overtook it."""
    return Said(zh="在到达之前已被解除", en="it was released before it came")


def leaked() -> Said:
    """Why a loop is locked."""
    return Said(zh="回路漏电跳闸", en="the loop tripped by leakage")


def neutral_broken() -> Said:
    """Why a cabinet is locked."""
    return Said(zh="断零：相电压偏移，中性线无电流", en="the neutral is broken: phases drift apart, no neutral current")


def still_tripped() -> Said:
    """The device's own latch."""
    return Said(
        zh="漏电跳闸未复位：须现场检查并复位后才能解除联锁",
        en="the leakage trip stands; inspect and reset it at the cabinet before the interlock is released",
    )


def still_broken(cabinet: str) -> Said:
    """Readings say so now."""
    return Said(zh=f"{cabinet} 相电压仍然偏移", en=f"the phases of {cabinet} still drift apart")


def unsafe(loops: Sequence[str], why: Said) -> Said:
    """What made the interlock is still there."""
    return Said(zh=f"{named(loops)} {why.zh}", en=f"{named(loops)}: {why.en}")


def bad_order(error: str) -> Said:
    """It can not be read as an order."""
    return Said(zh=f"不是有效的指令：{error}", en=error)


def written() -> Said:
    """In the devices."""
    return Said(zh="已下发到设备，等待回读", en="written to the devices, waiting for the read-back")


def verified(count: int, unknown: int = 0) -> Said:
    """Read back."""
    rest = (f"，{unknown} 盏灯状态未知", f"; the state of {unknown} lamps is not known") if unknown else ("", "")
    return Said(zh=f"回读一致：{count} 个目标{rest[0]}", en=f"read back as wanted: {count} targets{rest[1]}")


def replaced(by: str) -> Said:
    """Another override decides there now."""
    return Said(zh=f"已被 {by} 取代", en=f"{by} stands above it")


def ended() -> Said:
    """It ended before it could be read back."""
    return Said(zh="在回读确认之前已结束", en="it ended before it was read back")


def not_as_wanted(reasons: Mapping[str, Said]) -> Said:
    """What disagrees, and why."""
    rest = together(reasons)
    return Said(zh=f"未达到要求：{rest.zh}", en=f"not as wanted: {rest.en}")


def not_known() -> Said:
    """No read-back."""
    return Said(zh="没有回读，状态未知", en="no read-back, its state is not known")


def no_device() -> Said:
    """The plan names what is not here."""
    return Said(zh="本节点没有对应的设备", en="this edge node has no device for it")
