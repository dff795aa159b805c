"""The demo county as a quiet field in virtual time, with a real watch and a real engine behind it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from control.alarms.bind import Binding, bind
from control.alarms.edge_points import edge_points
from control.alarms.engine import Engine
from control.alarms.events import Change, Effect
from control.alarms.model import AlarmState, Condition, Text
from control.alarms.rule_files import read_rules
from control.alarms.rule_models import RuleFile
from control.alarms.watch import Enabled, Seen, Watch
from lampwell.assets import County, Device
from lampwell.county import load
from lampwell.points import Kind, Point, Value
from lampwell.readings import Layout, NodeId, Scan
from lampwell.sparkplug.messages import DeviceBorn, DeviceDied, HostEvent, NodeBorn, NodeDied, ScanReceived

TAIHE = Path(__file__).parents[2] / "counties" / "taihe"
T0 = 1_780_000_000_000
OLDTOWN, NEWTOWN, G319 = (NodeId(name, f"edge-{name}") for name in ("oldtown", "newtown", "g319"))
NODES = (OLDTOWN, NEWTOWN, G319)

ON = re.compile(r"(main_breaker|mains|mains_ok|.*/breaker|.*/breaker_contact|.*/connected|clock_trusted|journal/durable)")
"""Contacts that are closed when all is well."""
QUIET = {"o2": 20.9, "u_a": 230.0, "u_b": 230.0, "u_c": 230.0}


@cache
def taihe() -> County:
    """The demo county."""
    return load(TAIHE)


@cache
def rules() -> tuple[RuleFile, ...]:
    """Its rules."""
    return read_rules(TAIHE, taihe())


@cache
def binding() -> Binding:
    """Its alarms."""
    return bind(rules(), taihe())


@cache
def devices() -> Mapping[str, Device]:
    """By id."""
    return {device.id: device for device in taihe().devices}


@cache
def node_of(device: str) -> NodeId:
    """The edge node of a device."""
    return NodeId(devices()[device].area, f"edge-{devices()[device].area}")


def quiet(point: Point) -> Value:
    """A value of a point that alarms nobody."""
    if point.kind is Kind.BOOL:
        return ON.fullmatch(point.path) is not None
    if point.kind is Kind.TEXT:
        return "ok"
    if point.path.endswith("/lamps"):
        return 12
    return QUIET.get(point.path, 0.0) if point.kind is Kind.FLOAT else int(QUIET.get(point.path, 0))


def new_layout(node: NodeId, device: str, *, reverse: bool = False) -> Layout:
    """The columns of a device, or of an edge node with device ""."""
    if device:
        points: Iterable[Point] = devices()[device].profile.points
    else:
        links = [link.id for link in taihe().links if link.edge == node.edge]
        points = edge_points(links, [d.id for d in taihe().devices if d.link in links])
    chosen = tuple(points)
    return Layout(node, device, chosen[::-1] if reverse else chosen)


def scan_of(layout: Layout, time: int, values: Mapping[str, Value | None], flags: int = 0, *, historical: bool = False) -> Scan:
    """A scan of some points by path; all with the same flags."""
    index = {point.path: i for i, point in enumerate(layout.points)}
    columns = tuple(index[path] for path in values)
    return Scan(layout, time, columns, tuple(values.values()), (flags,) * len(columns), historical=historical)


def birth_of(
    layout: Layout, time: int, values: Mapping[str, Value | None] | None = None, *, read_at: int | None = None
) -> HostEvent:
    """A birth in which all is quiet but ``values``, read at ``read_at``."""
    given = {point.path: quiet(point) for point in layout.points} | (values or {})
    birth = scan_of(layout, time, given)
    times = (time if read_at is None else read_at,) * len(birth.index)
    return DeviceBorn(layout, birth, times) if layout.device else NodeBorn(layout, birth, time, times=times)


@dataclass
class Field:
    """The county's field, watch and engine in virtual time; ``log``: all changes, ``told``: all conditions since the start."""

    binding: Binding = field(default_factory=binding)
    nodes: tuple[NodeId, ...] = NODES
    states: Mapping[str, AlarmState] = field(default_factory=dict)
    number: int = 0
    now: int = T0
    log: list[Change] = field(default_factory=list)
    told: list[Condition] = field(default_factory=list)
    gates: list[Enabled] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.watch = Watch(self.binding, taihe())
        self.engine = Engine(self.binding.alarms, self.states, number=self.number)
        self.layouts = {
            (node, device): new_layout(node, device)
            for node in self.nodes
            for device in ("", *(d.id for d in taihe().devices if node_of(d.id) == node))
        }

    # -- what happens ------------------------------------------------------------------------------------------------------

    def start(self) -> Field:
        """The broker is there, the collector is online, everything is born quiet."""
        self.broker(True)
        self.take(self.watch.host_state(online=True, now=self.now))
        for node in self.nodes:
            self.node_born(node)
        return self

    def broker(self, connected: bool) -> list[Change]:
        return self.take(self.watch.broker(connected=connected, now=self.now))

    def event(self, event: HostEvent) -> list[Change]:
        return self.take(self.watch.event(event, self.now))

    def node_born(self, node: NodeId, *, without: Iterable[str] = (), read_at: int | None = None) -> list[Change]:
        """An edge node is born, and its devices with it."""
        found = self.event(birth_of(self.layouts[node, ""], self.now))
        for owner, device in self.layouts:
            if owner == node and device and device not in without:
                found += self.born(device, read_at=read_at)
        return found

    def born(self, device: str, values: Mapping[str, Value | None] | None = None, *, read_at: int | None = None) -> list[Change]:
        layout = self.layouts[node_of(device), device]
        return self.event(birth_of(layout, self.now, values, read_at=read_at))

    def node_died(self, node: NodeId) -> list[Change]:
        return self.event(NodeDied(node, self.now))

    def died(self, device: str) -> list[Change]:
        return self.event(DeviceDied(node_of(device), device, self.now))

    def see(
        self,
        where: str | NodeId,
        values: Mapping[str, Value | None],
        flags: int = 0,
        *,
        ago_s: float = 0,
        historical: bool = False,
    ) -> list[Change]:
        """A scan of a device (its id) or of an edge node."""
        layout = self.layouts[(where, "") if isinstance(where, NodeId) else (node_of(where), where)]
        return self.event(ScanReceived(scan_of(layout, self.now - round(ago_s * 1000), values, flags, historical=historical)))

    def wait(self, seconds: float, *, beat: bool = True) -> list[Change]:
        """Let time pass; watch and engine are woken exactly when they asked to be. ``beat``: living devices go on reporting."""
        end, found = self.now + round(seconds * 1000), list[Change]()
        while (due := self._due(end, beat=beat)) is not None:
            self.now = max(self.now, due)
            if beat:
                self._beat()
            found += self.take(self.watch.tick(self.now))
            found += self._keep(self.engine.tick(self.now))
        self.now = end
        return found

    # -- what came of it -----------------------------------------------------------------------------------------------------

    def announced(self, changes: Iterable[Change] | None = None) -> list[str]:
        """Keys of the alarms that people were told of, in order."""
        log = self.log if changes is None else changes
        return [change.alarm.key for change in log if Effect.ANNOUNCED in change.step.effects]

    def core(self, key: str) -> str:
        return str(self.engine.state(key).core)

    def last(self, key: str) -> Condition | None:
        """The newest condition of an alarm."""
        return next((one for one in reversed(self.told) if one.key == key), None)

    def fault(self, key: str, *, there: bool) -> list[Change]:
        """Logic says that a fault is there, or is not."""
        self.watch.fault(key, Condition(key=key, time=self.now, value=there, why=Text(zh="有", en="there")), self.now)
        return self.take(self.watch.seen())

    def take(self, seen: Seen) -> list[Change]:
        found: list[Change] = []
        self.gates += seen.enabled
        self.told += seen.conditions
        for one in seen.enabled:
            found += self.engine.enable(one.key, enabled=one.enabled, why=one.why, now=self.now)
        for condition in seen.conditions:
            found += self.engine.observe(condition, self.now)
        return self._keep(found)

    def _keep(self, changes: list[Change]) -> list[Change]:
        self.log += changes
        return changes

    def _due(self, end: int, *, beat: bool) -> int | None:
        times = [self.watch.wakes_at, self.engine.wakes_at, self.now + 60_000 if beat else None]
        due = min((at for at in times if at is not None), default=None)
        return due if due is not None and due <= end else None

    def _beat(self) -> None:
        """Every device that lives says something that concerns no alarm."""
        for (node, device), layout in self.layouts.items():
            watched = self.watch._watched[node, device]
            if device and watched.alive:
                self.take(self.watch.event(ScanReceived(Scan(layout, self.now, (), (), ())), self.now))
