"""The virtual county, recorded as the wire would carry it: the physics moves, gateways judge and report by exception, stories
do harm to either. Everything in virtual time and the same each time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from control.alarms.bind import Binding, bind
from control.alarms.edge_points import edge_points
from control.alarms.rule_files import load_rules
from control.backtest.figures import Label
from control.backtest.history import looked_at
from control.backtest.logic import BrokerLink, StoryEvent
from control.backtest.run import Life
from lampwell.assets import County, Device, DeviceKind
from lampwell.county import load
from lampwell.points import Kind, Point, Value
from lampwell.quality import make_judge
from lampwell.readings import Layout, NodeId, Scan
from lampwell.sparkplug.messages import DeviceBorn, DeviceDied, HostState, NodeBorn, NodeDied, ScanReceived
from simulators.physics import PhysicalWorld

TAIHE = Path(__file__).parents[2] / "counties" / "taihe"
NOON = 1_782_014_400_000
"""2026-06-21 12:00 in Taihe."""
EVENING = NOON + 9 * 3_600_000
"""21:00: the lamps have been on for an hour and a half."""
OLDTOWN, NEWTOWN, G319 = (NodeId(name, f"edge-{name}") for name in ("oldtown", "newtown", "g319"))
NODES = (OLDTOWN, NEWTOWN, G319)
STEP_S, BEAT_MS, FOREVER = 10.0, 60_000, float("inf")
WELL = re.compile(r".*/connected|clock_trusted|journal/durable")
"""An edge node's own contacts that are closed when all is well."""

Course = Callable[[float], Value | None]
"""What a sensor reads, by seconds since the story began."""


@cache
def taihe() -> County:
    """The demo county."""
    return load(TAIHE)


@cache
def binding() -> Binding:
    """Its alarms."""
    return bind(load_rules(taihe()), taihe())


@cache
def watched() -> dict[str, frozenset[str]]:
    """The points that any alarm or logic looks at, and each device's pulse, by device."""
    return {device: frozenset(one.path for one in points) for (_, device), points in looked_at([binding()], taihe()).items()}


@dataclass(frozen=True, kw_only=True)
class Told:
    """People must be told of ``key`` exactly once, between ``at`` and ``by`` (seconds since the story began). ``clears``: between
    when its condition must be gone; None: it must stand to the end.
    """

    key: str
    at: float
    by: float
    clears: tuple[float, float] | None = None

    def fits(self, life: Life, start: int) -> bool:
        """Whether an occurrence is this one."""
        if life.key != self.key or life.announced_at is None or not self.at <= (life.announced_at - start) / 1000 <= self.by:
            return False
        if self.clears is None or life.cleared_at is None:
            return self.clears is None and life.cleared_at is None
        return self.clears[0] <= (life.cleared_at - start) / 1000 <= self.clears[1]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What must come of a story: these alarms and no others, but for those that match ``beside``. ``labels``: what happened;
    ``missed``: the names of those that no rule finds.
    """

    told: tuple[Told, ...] = ()
    beside: tuple[str, ...] = ()
    labels: tuple[Label, ...] = ()
    missed: frozenset[str] = frozenset()


class Line:
    """One device as its gateway sees it: judged, and reported when it has moved by its deadband, or at each beat."""

    def __init__(self, device: Device, node: NodeId) -> None:
        paths = watched().get(device.id, frozenset())
        points = [p for p in device.profile.points if p.path in paths] or [device.profile.points[0]]
        self.device, self.layout = device, Layout(node, device.id, tuple(points))
        self.judges = {point.path: make_judge(point) for point in points}
        self.sent: dict[str, tuple[Value | None, int]] = {}
        self.sampled = self.beat = 0

    def sample(self, values: Mapping[str, Value | None], time: int) -> dict[str, tuple[Value | None, int]]:
        """Values and flags of this moment."""
        found = {}
        for point in self.layout.points:
            value = values.get(point.path)
            status = values.get(point.tests.status) if point.tests.status else 0
            flags = self.judges[point.path].judge(value, time, self.sampled or time, bool(status))
            found[point.path] = (value, flags)
        self.sampled = time
        return found

    def news(self, found: Mapping[str, tuple[Value | None, int]], time: int) -> dict[str, tuple[Value | None, int]]:
        """What of it is worth a report."""
        if time - self.beat >= BEAT_MS:
            self.beat = time
            return dict(found)
        return {point.path: found[point.path] for point in self.layout.points if self._moved(point, found[point.path])}

    def _moved(self, point: Point, now: tuple[Value | None, int]) -> bool:
        before = self.sent.get(point.path, (None, -1))
        if now[1] != before[1] or type(now[0]) is not float or type(before[0]) is not float:
            return now != before
        return abs(now[0] - before[0]) >= max(point.deadband.absolute, 1e-9)


@dataclass
class Scene:
    """A story on its way. ``harm``: what a sensor reads in place of the truth, by (device, point); ``skew_s``: how far an edge
    node's clock is off; ``own``: an edge node's own points where they are not well. ``focus``: the devices polled at every
    step, others once a minute. ``wire``, ``truth``: what was read, and the true levels, by seconds since the story began.
    """

    world: PhysicalWorld
    events: list[tuple[int, StoryEvent]] = field(default_factory=list)
    harm: dict[tuple[str, str], Course] = field(default_factory=dict)
    skew_s: dict[NodeId, float] = field(default_factory=dict)
    own: dict[NodeId, dict[str, Value]] = field(default_factory=dict)
    focus: set[str] = field(default_factory=set)
    silent: set[str] = field(default_factory=set)
    gone: set[NodeId] = field(default_factory=set)
    wire: dict[tuple[str, str], list[tuple[float, Value | None, int]]] = field(default_factory=dict)
    truth: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    away: bool = False

    def __post_init__(self) -> None:
        self.start = self.spoken = self.world.now
        edge_of = {link.id: link.edge for link in taihe().links}
        nodes = {node.edge: node for node in NODES}
        self.lines = {device.id: Line(device, nodes[edge_of[device.link]]) for device in taihe().devices}
        self.edges = {node: self._edge_layout(node) for node in NODES}
        self._say(HostState("lampwell", online=True, time=self.start))
        self.born(*NODES)

    @property
    def t(self) -> float:
        """Seconds since the story began."""
        return (self.world.now - self.start) / 1000

    # -- what happens ------------------------------------------------------------------------------------------------------

    async def play(self, seconds: float, step_s: float = STEP_S) -> None:
        """Let the county live for a while."""
        end = self.world.now + round(seconds * 1000)
        while self.world.now < end:
            await self.world.advance(min(end, self.world.now + round(step_s * 1000)))
            for key, value in self.world.truth().items():
                if key.endswith("/level"):
                    self.truth.setdefault(key, []).append((self.t, value))
            for line in self.lines.values():
                self._report(line)
            if self.world.now - self.spoken >= BEAT_MS:
                self.spoken = self.world.now
                for node in NODES:
                    self.health(node)

    async def wait(self, seconds: float) -> None:
        """A minute at full pace, for what has just happened to be seen; the rest, in which nothing does, minute by minute."""
        await self.play(60)
        await self.play(seconds - 60, step_s=60)

    def born(self, *nodes: NodeId) -> None:
        """These edge nodes connect, and their devices with them."""
        for node in nodes:
            self.gone.discard(node)
            layout = self.edges[node]
            scan = self._own_scan(layout)
            self._say(NodeBorn(layout, scan, scan.time, times=(scan.time,) * len(scan.index)))
            for line in self.lines.values():
                if line.layout.node == node and line.device.id not in self.silent:
                    self.device_born(line.device.id)

    def device_born(self, name: str) -> None:
        """A device answers (again)."""
        self.silent.discard(name)
        line = self.lines[name]
        found = line.sample(self._values(line), self.world.now)
        line.sent, line.beat = dict(found), self.world.now
        scan = self._scan(line.layout, found)
        self._remember(name, found)
        self._say(DeviceBorn(line.layout, scan, (scan.time,) * len(scan.index)))

    def device_died(self, name: str) -> None:
        """A device does not answer its gateway any more."""
        self.silent.add(name)
        self._say(DeviceDied(self.lines[name].layout.node, name, self.world.now))

    def node_died(self, node: NodeId) -> None:
        """An edge node is gone: the broker tells its will."""
        self.gone.add(node)
        self._say(NodeDied(node, self.world.now))

    def broker(self, connected: bool) -> None:
        """The broker goes, or comes and with it all births."""
        if not connected:
            self.events.append((self.world.now, BrokerLink(False)))
            self.away = True
            return
        self.away = False
        self.events.append((self.world.now, BrokerLink(True)))
        self.born(*(node for node in NODES if node not in self.gone))

    def health(self, node: NodeId) -> None:
        """An edge node speaks of itself."""
        if node not in self.gone:
            self._say(ScanReceived(self._own_scan(self.edges[node])))

    # -- what was seen -----------------------------------------------------------------------------------------------------

    def when(self, device: str, path: str, holds: Callable[[Value], bool], after: float = 0.0) -> float:
        """When the wire first carried a believable value for which this holds."""
        series = self.wire[device, path]
        return next(t for t, value, flags in series if t >= after and value is not None and not flags & 0xF and holds(value))

    def crossed(self, device: str, limit: float, *, below: bool = False, after: float = 0.0) -> float:
        """When the true level first was past a limit."""
        series = self.truth[f"{device}/level"]
        return next(t for t, level in series if t >= after and (level < limit if below else level >= limit))

    def label(self, name: str, keys: Iterable[str], start: float, end: float) -> Label:
        """What happened, by seconds since the story began."""
        at = [self.start + round(t * 1000) for t in (start, end)]
        return Label(name=name, keys=tuple(keys), start=at[0], end=at[1])

    # -- the pieces --------------------------------------------------------------------------------------------------------

    def _report(self, line: Line) -> None:
        name = line.device.id
        if name in self.silent or line.layout.node in self.gone:
            return
        close = name in self.focus or any(device == name for device, _ in self.harm)
        if not close and self.world.now - line.sampled < BEAT_MS:
            return
        found = line.sample(self._values(line), self.world.now)
        self._remember(name, found)
        if name not in watched():  # it only has to be heard of
            found = dict(list(found.items())[:1])
        news = line.news(found, self.world.now)
        if news:
            line.sent.update(news)
            self._say(ScanReceived(self._scan(line.layout, news)))

    def _values(self, line: Line) -> Mapping[str, Value | None]:
        values = dict(self.world.plants[line.device.id].values)
        for (device, path), course in self.harm.items():
            if device == line.device.id:
                values[path] = course(self.t)
        return values

    def _remember(self, name: str, found: Mapping[str, tuple[Value | None, int]]) -> None:
        for path, (value, flags) in found.items():
            series = self.wire.setdefault((name, path), [])
            if not series or series[-1][1:] != (value, flags):
                series.append((self.t, value, flags))

    def _scan(self, layout: Layout, found: Mapping[str, tuple[Value | None, int]]) -> Scan:
        index = {point.path: n for n, point in enumerate(layout.points)}
        return Scan(
            layout,
            self._clock(layout.node),
            tuple(index[path] for path in found),
            tuple(value for value, _ in found.values()),
            tuple(flags for _, flags in found.values()),
        )

    def _own_scan(self, layout: Layout) -> Scan:
        said = self.own.get(layout.node, {})
        values = tuple(said.get(point.path, _well(point, self.t)) for point in layout.points)
        return Scan(layout, self._clock(layout.node), tuple(range(len(values))), values, (0,) * len(values))

    def _clock(self, node: NodeId) -> int:
        return self.world.now + round(self.skew_s.get(node, 0.0) * 1000)

    def _edge_layout(self, node: NodeId) -> Layout:
        links = [link.id for link in taihe().links if link.edge == node.edge]
        return Layout(node, "", tuple(edge_points(links, [d.id for d in taihe().devices if d.link in links])))

    def _say(self, event: StoryEvent) -> None:
        if not self.away:
            self.events.append((self.world.now, event))


def _well(point: Point, t: float) -> Value:
    """An edge node's own point when all is well."""
    if point.kind is Kind.BOOL:
        return WELL.fullmatch(point.path) is not None
    if point.kind is Kind.TEXT:
        return "ok"
    return {"uptime": t, "journal/oldest_age": 0.8, "link/line-1/load": 0.4}.get(point.path, 0 if point.kind is Kind.INT else 0.0)


def devices_of(kind: DeviceKind) -> list[Device]:
    """The devices of a kind."""
    return [device for device in taihe().devices if device.kind is kind]
