"""The health points that an edge node of ours publishes of itself, to hold rules against; a test holds this to the gateway."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from lampwell.lighting import wire
from lampwell.points import Kind, Point

NODE = (
    Point(path="uptime", kind=Kind.FLOAT, unit="s", zh="运行时间", en="Uptime"),
    Point(path="readings_rate", kind=Kind.FLOAT, unit="1/s", zh="每秒读数", en="Readings a second"),
    Point(path="version", kind=Kind.TEXT, zh="版本", en="Version"),
    Point(path="clock_trusted", kind=Kind.BOOL, zh="时钟可信", en="Clock trusted"),
    Point(path="journal/backlog", kind=Kind.INT, zh="日志积压", en="Journal backlog"),
    Point(path="journal/oldest_age", kind=Kind.FLOAT, unit="s", zh="最旧积压", en="Oldest in backlog"),
    Point(path="journal/holds", kind=Kind.FLOAT, unit="h", zh="日志可保存", en="Journal holds"),
    Point(path="journal/durable", kind=Kind.BOOL, zh="日志可写", en="Journal durable"),
    *(
        Point(path=f"journal/dropped_{reason}", kind=Kind.INT, zh="丢弃扫描", en=f"Scans given up: {reason.replace('_', ' ')}")
        for reason in ("journal_full", "disk_full", "unreadable_row", "damaged_file")
    ),
    Point(path=wire.PLAN, kind=Kind.TEXT, zh="执行计划", en="Lighting plan in force"),
    Point(path=wire.OVERRIDES, kind=Kind.TEXT, zh="限时指令与挂牌", en="Leases, locks and interlocks"),
    Point(path=wire.UNLIKE, kind=Kind.INT, zh="状态不符的目标", en="Loops and lamps not as they should be"),
    Point(path=wire.ORDER, kind=Kind.TEXT, zh="照明指令", en="Lighting order"),
    Point(path=wire.OUTCOME, kind=Kind.TEXT, zh="照明指令结果", en="Outcome of a lighting order"),
)

_LINK = (
    ("connected", Kind.BOOL, "", "链路已连接", "Link connected"),
    ("cycle", Kind.FLOAT, "s", "轮询周期", "Cycle"),
    ("load", Kind.FLOAT, "", "链路占用率", "Link load"),
    ("late", Kind.INT, "", "迟到应答", "Late answers"),
    ("no_answer", Kind.INT, "", "无应答次数", "Errors: no answer"),
    ("bad_answer", Kind.INT, "", "错误应答次数", "Errors: bad answer"),
    ("refused", Kind.INT, "", "拒绝次数", "Errors: refused"),
    ("link_down", Kind.INT, "", "断链次数", "Errors: link down"),
)
_UNIT = (("state", Kind.TEXT, "", "应答状态", "State"), ("errors", Kind.INT, "", "错误次数", "Errors"))


def edge_points(links: Sequence[str], units: Sequence[str]) -> Iterator[Point]:
    """The points of an edge node with these links and devices (ids)."""
    yield from NODE
    for group, names, about in (("link", links, _LINK), ("unit", units, _UNIT)):
        for name in names:
            for word, kind, unit, zh, en in about:
                yield Point(path=f"{group}/{name}/{word}", kind=kind, unit=unit, zh=zh, en=en)
