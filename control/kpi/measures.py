"""What a report lists, in groups, with the limits of ISA-18.2 / IEC 62682 and EEMUA 191 as domain alarms 1.2 gives them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from control.kpi.verdict import Measure, Of

FEW = 200
"""With fewer alarms the ten most frequent are more than 5 % by arithmetic alone: there is nothing to judge."""

_SOURCE = "ISA-18.2, EEMUA 191; domain alarms 1.2"
_COLOURS = {1: ("红", "red"), 2: ("橙", "orange"), 3: ("黄", "yellow"), 4: ("蓝", "blue")}


def _told(name: str, zh: str, en: str, of: Of, unit: str = "", *, aim: str = "", source: str = "", mark: str = "") -> Measure:
    """A figure without a limit."""
    return Measure(id=name, zh=zh, en=en, of=of, unit=unit, aim=aim, source=source, mark=mark)


def _held_to(name: str, zh: str, en: str, of: Of, good: float, mark: str, **more: Any) -> Measure:
    """A figure with a limit."""
    return Measure(id=name, zh=zh, en=en, of=of, good=good, mark=mark, **({"source": _SOURCE} | more))


def _share(*priorities: int) -> Of:
    return lambda found: sum(found.split[one] for one in priorities) if found.split else None


def _mark(kind: str) -> Of:
    return lambda found: found.marks[kind]


def _silent(name: str) -> Of:
    return lambda found: getattr(found.held, name, None)


def _ack(priority: int, name: str) -> Of:
    return lambda found: getattr(found.acks[priority], name)


def _state(*names: str) -> Of:
    return lambda found: sum(found.messages.states.get(name, 0) for name in names) if found.messages.deliveries else None


def _latency(priority: int, name: str) -> Of:
    return lambda found: getattr(found.messages.latency.get(priority), name, None)


def _of_orders(name: str) -> Of:
    return lambda found: getattr(found.repairs, name) if found.repairs.orders else None


LOAD = (
    _told("alarms", "报警数", "announced alarms", lambda f: f.load.alarms),
    _held_to("per_day", "每天平均", "per day, average", lambda f: f.load.per_day, 150, "S", most=300),
    _told("most_day", "一天最多", "most in a day", lambda f: f.load.most_day),
    _held_to("per_hour", "每小时平均", "per hour, average", lambda f: f.load.per_hour, 6, "S", most=12),
    _told("most_hour", "一小时最多", "most in an hour", lambda f: f.load.most_hour),
    _held_to("per_ten", "每10分钟平均", "per 10 min, average", lambda f: f.load.per_ten, 1, "S", most=2),
    _held_to("most_ten", "任意10分钟最多", "most in any 10 min", lambda f: f.load.most_ten, 10, "K"),
    _held_to(
        "busy_hours", "超过30条的小时", "hours with more than 30", lambda f: f.load.busy_hours, 0.01, "K", below=True, unit="%"
    ),
    _held_to(
        "busy_tens", "超过10条的10分钟", "10 min with more than 10", lambda f: f.load.busy_tens, 0.01, "S", below=True, unit="%"
    ),
    _told("floods", "报警洪水次数", "floods", lambda f: f.load.floods),
    _held_to("flood_share", "洪水占时间", "time in flood", lambda f: f.load.flood_share, 0.01, "S", below=True, unit="%"),
)
NUISANCE = (
    _held_to(
        "top_share", "最频繁10个占比", "the ten most frequent", lambda f: f.nuisance.top_share, 0.01, "K", below=True, most=0.05,
        unit="%", fewest=FEW,
    ),
    _held_to("chattering", "抖动的报警", "chattering alarms", lambda f: len(f.nuisance.chattering), 0, "S"),
    _held_to(
        "fleeting", "一闪而过的报警", "fleeting alarms", lambda f: f.nuisance.fleeting, 0, "K",
        source=f"{_SOURCE}; the minute is this project's",
    ),
    _held_to("stale_day", "一天内陈旧报警最多", "most stale on any day", lambda f: f.nuisance.stale_day, 5, "S", below=True),
    _told("stale_end", "期末陈旧报警", "stale at the end", lambda f: f.nuisance.stale_end),
    _held_to(
        "high", "高级别(红橙)占比", "high (red, orange)", _share(1, 2), 0.05, "S", most=0.10, unit="%",
        source=f"about 5 %, {_SOURCE}; up to 10 % manageable is this project's",
    ),
    _told("medium", "中级别(黄)占比", "medium (yellow)", _share(3), "%", aim="~ 15 %", source=_SOURCE, mark="S"),
    _told("low", "低级别(蓝)占比", "low (blue)", _share(4), "%", aim="~ 80 %", source=_SOURCE, mark="S"),
    _told("standing", "期末未关闭", "standing at the end", lambda f: f.standing.open),
    _told("standing_active", "其中仍在报警", "of these still active", lambda f: f.standing.active),
    _told("unanswered", "其中无人确认", "of these unanswered", lambda f: f.standing.unanswered),
    _told("again", "重复提醒次数", "announced again", _mark("announced-again")),
    _told("shelved", "搁置次数", "times shelved", _mark("shelved")),
    _told("suppressed", "抑制次数", "times suppressed by design", _mark("suppressed")),
    _told("out", "停用次数", "times taken out of service", _mark("out-of-service")),
    _told("shelved_end", "期末搁置", "shelved at the end", _silent("shelved")),
    _told("suppressed_end", "期末抑制", "suppressed at the end", _silent("suppressed")),
    _told("out_end", "期末停用", "out of service at the end", _silent("out_of_service")),
)  # fmt: skip


def _answers() -> Iterator[Measure]:
    for number, (zh, en) in _COLOURS.items():
        yield _told(f"ack_median_{number}", f"{zh} 确认中位", f"{en}: acknowledged, median", _ack(number, "median_s"), "s")
        yield _told(f"ack_p90_{number}", f"{zh} 确认90%", f"{en}: acknowledged, 90 %", _ack(number, "p90_s"), "s")
        yield _told(f"ack_in_time_{number}", f"{zh} 时限内确认", f"{en}: within time to respond", _ack(number, "in_time"), "%")


def _acceptance() -> Iterator[Measure]:
    for number, (zh, en) in _COLOURS.items():
        for share in ("50", "95", "99"):
            of = _latency(number, f"p{share}_s")
            yield _told(f"accepted_p{share}_{number}", f"{zh} {share}%被接收", f"{en}: {share} % accepted within", of, "s")


MESSAGES = (
    _told("sent", "已送出", "sent", _state("sent")),
    _told("unknown", "结果未知", "outcome unknown", _state("unknown")),
    _told("dead", "未送达", "dead or expired", _state("dead", "expired")),
    _told("waiting", "待发", "waiting", _state("queued", "leased")),
    _told("not_needed", "无需再发", "no longer needed", _state("cancelled", "merged")),
    _told("per_alarm", "每次报警消息数", "messages per alarm", lambda f: f.messages.per_alarm),
    _told("duplicates", "可能重复", "possible duplicates", lambda f: f.messages.duplicates if f.messages.letters else None),
    *_acceptance(),
)
REPAIRS = (
    _told("orders", "工单数", "work orders", lambda f: f.repairs.orders),
    _told("repaired", "已修复", "repaired", _of_orders("repaired")),
    _told("reopened", "返工", "reopened", _of_orders("reopened")),
    _told("cancelled", "取消", "cancelled", _of_orders("cancelled")),
    _told("response", "响应中位", "response, median", _of_orders("response_s"), "s"),
    _told("repair", "修复中位", "repair, median", _of_orders("repair_s"), "s"),
    _told("in_sla", "时限内", "within SLA", _of_orders("in_time"), "%", source="Hebei rules, domain streetlights 2.3", mark="S"),
)
GROUPS = (
    ("报警负荷", "alarm load", LOAD),
    ("报警质量", "alarm quality", NUISANCE),
    ("确认", "acknowledgement", tuple(_answers())),
    ("消息", "messages", MESSAGES),
    ("工单", "work orders", REPAIRS),
)
