"""The edge node's own points: its links, units, journal and clock, published and journaled like any other scan.

Numbers that move all the time are held back by deadbands; counters are since the start. Points and values are two lists in one
order, made by the same walk over links and units.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from gateway.report import Columns, Report
from gateway.status import GatewayStatus, LinkStatus
from lampwell import __version__
from lampwell.lighting import wire
from lampwell.points import Deadband, Kind, Point, PollClass, Value
from lampwell.readings import Flag, Layout, NodeId, Scan

EVERY_S = 5.0
ERRORS = ("no-answer", "bad-answer", "refused", "link-down")
DROPS = ("journal full", "disk full", "unreadable row", "damaged file")
_ANY = Deadband()
_RARELY = Deadband(heartbeat_s=3600)
_WIRE_POINTS = (
    Point(path=wire.ORDER, kind=Kind.TEXT, zh="照明指令", en="Lighting order", poll=PollClass.DEMAND, writable=True),
    Point(path=wire.OUTCOME, kind=Kind.TEXT, zh="照明指令结果", en="Outcome of a lighting order", poll=PollClass.DEMAND),
)
"""What is not sampled: orders come in here, outcomes go out when there is one."""


class Health:
    """The health points for a set of links and units. ``started``: monotonic seconds at the node's start."""

    def __init__(self, node: NodeId, links: Sequence[LinkStatus], started: float) -> None:
        self.started = started
        known = (*_node_points(), *_link_points(links))
        self.layout = Layout(node, "", (*known, *_WIRE_POINTS))
        self._report = Report(known)
        self._shape = _shape(links)
        self._readings: tuple[float, int] | None = None

    def fits(self, links: Sequence[LinkStatus]) -> bool:
        """Whether the links and units are still those that the points were made for."""
        return _shape(links) == self._shape

    def scan(self, status: GatewayStatus, now: float, clock_flag: int) -> Scan | None:
        """What is worth reporting now (``now``: monotonic seconds); None = nothing."""
        values = (*self._node_values(status, now), *_link_values(status.links))
        out, time = Columns(), status.now_ms
        for item, value in enumerate(values):
            flags = (0 if value is not None else int(Flag.SENTINEL)) | clock_flag
            if self._report.worth(item, value, flags, time):
                out.add(item, value, flags)
                self._report.said(item, value, flags, time)
        self._report.settle()
        return Scan(self.layout, time, tuple(out.index), tuple(out.values), tuple(out.flags)) if out.index else None

    def _node_values(self, status: GatewayStatus, now: float) -> Iterator[Value | None]:
        journal = status.journal
        yield now - self.started
        yield self._rate(status.readings, now)
        yield __version__
        yield status.clock_trusted
        yield journal.backlog
        yield 0.0 if journal.oldest_ms is None else max(0.0, (status.now_ms - journal.oldest_ms) / 1000)
        yield journal.holds_hours
        yield journal.durable
        for reason in DROPS:
            yield journal.dropped.get(reason, 0)
        yield status.lighting.plan
        yield status.lighting.overrides
        yield status.lighting.unlike

    def outcome(self, text: str, time: int, clock_flag: int) -> Scan:
        """An outcome of a lighting order, as a reading of the node."""
        return Scan(self.layout, time, (len(self.layout.points) - 1,), (text,), (clock_flag,))

    def _rate(self, readings: int, now: float) -> float | None:
        before, self._readings = self._readings, (now, readings)
        return (readings - before[1]) / (now - before[0]) if before and now > before[0] else None


def _node_points() -> Iterator[Point]:
    yield _point("uptime", Kind.FLOAT, "s", "运行时间", "Uptime", Deadband(absolute=300))
    yield _point("readings_rate", Kind.FLOAT, "1/s", "每秒读数", "Readings a second", Deadband(absolute=1, percent=10))
    yield _point("version", Kind.TEXT, "", "版本", "Version")
    yield _point("clock_trusted", Kind.BOOL, "", "时钟可信", "Clock trusted")
    yield _point("journal/backlog", Kind.INT, "", "日志积压", "Journal backlog", Deadband(absolute=100, percent=20))
    yield _point("journal/oldest_age", Kind.FLOAT, "s", "最旧积压", "Oldest in backlog", Deadband(absolute=10, percent=20))
    yield _point("journal/holds", Kind.FLOAT, "h", "日志可保存", "Journal holds", Deadband(percent=10))
    yield _point("journal/durable", Kind.BOOL, "", "日志可写", "Journal durable")
    for reason in DROPS:
        yield _point(f"journal/dropped_{reason.replace(' ', '_')}", Kind.INT, "", "丢弃扫描", f"Scans given up: {reason}")
    yield _point(wire.PLAN, Kind.TEXT, "", "执行计划", "Lighting plan in force", _RARELY)
    yield _point(wire.OVERRIDES, Kind.TEXT, "", "限时指令与挂牌", "Leases, locks and interlocks", _RARELY)
    yield _point(wire.UNLIKE, Kind.INT, "", "状态不符的目标", "Loops and lamps not as they should be")


def _link_points(links: Sequence[LinkStatus]) -> Iterator[Point]:
    for link in links:
        about = f"link/{link.id}"
        yield _point(f"{about}/connected", Kind.BOOL, "", "已连接", "Connected")
        yield _point(f"{about}/cycle", Kind.FLOAT, "s", "轮询周期", "Cycle", Deadband(absolute=0.05, percent=20))
        yield _point(f"{about}/load", Kind.FLOAT, "", "占用率", "Load", Deadband(absolute=0.05))
        yield _point(f"{about}/late", Kind.INT, "", "迟到应答", "Late answers")
        for kind in ERRORS:
            yield _point(f"{about}/{kind.replace('-', '_')}", Kind.INT, "", "错误", f"Errors: {kind}")
        for unit in link.units:
            yield _point(f"unit/{unit.device}/state", Kind.TEXT, "", "状态", "State")
            yield _point(f"unit/{unit.device}/errors", Kind.INT, "", "错误", "Errors")


def _link_values(links: Sequence[LinkStatus]) -> Iterator[Value | None]:
    for link in links:
        errors = _errors(link)
        yield link.connected
        yield None if link.cycle_s is None else float(link.cycle_s)
        yield None if link.load is None else float(link.load)
        yield link.late
        for kind in ERRORS:
            yield errors[kind]
        for unit in link.units:
            yield unit.state
            yield sum(unit.errors.values())


def _errors(link: LinkStatus) -> Counter[str]:
    """Failures of a link's units by kind; every exception code counts as refused."""
    found: Counter[str] = Counter()
    for unit in link.units:
        for kind, number in unit.errors.items():
            found["refused" if kind.startswith("refused") else kind] += number
    return found


def _shape(links: Sequence[LinkStatus]) -> object:
    """What of the links decides which points there are."""
    return [(link.id, [unit.device for unit in link.units]) for link in links]


def _point(path: str, kind: Kind, unit: str, zh: str, en: str, deadband: Deadband = _ANY) -> Point:
    return Point(path=path, kind=kind, unit=unit, zh=zh, en=en, deadband=deadband)
