"""Readings of cabinets and lamps in, conditions of lighting alarms out: what feeds the detectors in ``control.lighting.faults``.

Readings come by exception, so a fault that changes nothing is judged by time: every cabinet each ``EVERY_S``, every lamp each
``LAMPS_S``, and a cabinet at each of its scans besides.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from zoneinfo import ZoneInfo

from control.alarms.faults import BY_LOOP, FAULTS
from control.alarms.model import Condition
from control.lighting.faults import nodes
from control.lighting.faults.model import Finding
from control.lighting.faults.nodes import Known, NodeState
from control.lighting.faults.readings import number, truth
from control.lighting.faults.watch import CabinetState, Phases, Setting, observe
from control.lighting.memory import Learned
from control.lighting.readings_kept import Kept
from lampwell.assets import County, Device, DeviceKind, Lamp
from lampwell.lighting.sun import Place, elevation
from lampwell.sparkplug.messages import HostEvent

EVERY_S, LAMPS_S = 5, 60
DAY_ELEVATION = 6.0
"""Degrees at which it is day beyond doubt: no program and no light sensor keeps lamps on (the project's own)."""
PHASES = "abc"

Wanted = Callable[[str, int], bool | None]
"""Whether a loop (``cabinet-01/loop3``) should be lit at an instant; None = no program is known."""


def no_program(_loop: str, _at: int) -> bool | None:
    """Nothing is known of programs."""
    return None


@dataclass(slots=True)
class _Cabinet:
    """One cabinet: where it is, rated watts of the lamps on each phase of its loops, and what the detectors remember."""

    device: Device
    lamps: Mapping[str, Phases]
    place: Place
    state: CabinetState = field(default_factory=CabinetState)
    at: int = 0


@dataclass(slots=True)
class _Node:
    """A lamp with a node: the point prefix on its concentrator, what the detectors remember, since when its level stands."""

    concentrator: str
    component: str
    lamp: Lamp
    state: NodeState = field(default_factory=NodeState)
    level: float | None = None
    since: int = 0


class LightingField:
    """Give it every event and call ``tick`` often; ``told`` are the conditions of what has changed since it was last asked."""

    def __init__(self, county: County, *, wanted: Wanted = no_program) -> None:
        self._zone, self._wanted = ZoneInfo(county.time_zone), wanted
        home = Place(county.latitude, county.longitude)
        self._cabinets = {
            one.id: _Cabinet(one, lamps_of(county, one), _place(one, home))
            for one in county.devices
            if one.kind is DeviceKind.CABINET
        }
        self._nodes = list(_nodes_of(county))
        self._kept = Kept([*self._cabinets, *{one.concentrator for one in self._nodes}])
        self._phases: dict[str, dict[str, Finding]] = defaultdict(dict)
        self._told: list[Condition] = []
        self._standing: dict[str, Condition] = {}
        self._untold: set[str] = set()
        self._lamps_at = 0

    # -- what happens ----------------------------------------------------------------------------------------------------

    def event(self, event: HostEvent, now: int) -> None:  # noqa: ARG002 - a hearer is told when; readings have times of their own
        """Something came off the wire."""
        device = self._kept.event(event)
        if device in self._cabinets:
            newest = max((one.time for one in self._kept.of(device).values()), default=0)
            self._cabinet(self._cabinets[device], newest)

    def broker(self, connected: bool, now: int) -> None:  # noqa: ARG002 - as above
        """The broker is there or away: away, nothing is known."""
        if not connected:
            self._kept.forget()

    def tick(self, now: int) -> None:
        """Time has passed."""
        for cabinet in self._cabinets.values():
            if now - cabinet.at >= EVERY_S * 1000 and self._kept.of(cabinet.device.id):
                self._cabinet(cabinet, now)
        if now - self._lamps_at >= LAMPS_S * 1000:
            self._lamps_at = now
            for node in self._nodes:
                self._lamp(node, now)

    def told(self) -> list[Condition]:
        """What has become known since the last time."""
        told, self._told = self._told, []
        return told

    def standing(self) -> list[Condition]:
        """All that is known: for alarms that are new."""
        return list(self._standing.values())

    def learned(self) -> Learned:
        """What the detectors know, to be kept."""
        return Learned(
            cabinets={name: one.state for name, one in self._cabinets.items()},
            nodes={f"{one.concentrator}/{one.component}": one.state for one in self._nodes},
        )

    def recall(self, learned: Learned) -> None:
        """Go on with what an earlier life knew; all that stands is told again with the first readings."""
        for name, cabinet in self._cabinets.items():
            if (known := learned.cabinets.get(name)) is not None:
                cabinet.state = replace(known, loops={key: one for key, one in known.loops.items() if key in cabinet.lamps})
                self._untold.add(name)
        for node in self._nodes:
            if (state := learned.nodes.get(f"{node.concentrator}/{node.component}")) is not None:
                node.state = replace(state, held={key: replace(one, begun=False) for key, one in state.held.items()})

    # -- cabinets --------------------------------------------------------------------------------------------------------

    def _cabinet(self, cabinet: _Cabinet, at: int) -> None:
        cabinet.at, name = at, cabinet.device.id
        loops = ((component, self._wanted(f"{name}/{component}", at)) for component in cabinet.lamps)
        setting = Setting(
            place=name,
            lamps=cabinet.lamps,
            zone_ms=self._offset_ms(at),
            day=elevation(cabinet.place, at) >= DAY_ELEVATION,
            expected={component: wanted for component, wanted in loops if wanted is not None},
        )
        cabinet.state, found = observe(cabinet.state, setting, at, self._kept.of(name))
        if name in self._untold:
            self._untold.discard(name)
            found = tuple(cabinet.state.standing.values())
        for finding in found:
            self._tell(finding)

    # -- lamps -----------------------------------------------------------------------------------------------------------

    def _lamp(self, node: _Node, now: int) -> None:
        values, component = self._kept.of(node.concentrator), node.component
        level = number(values, f"{component}/level")
        if level != node.level:
            node.level, node.since = level, now
        known = Known(
            place=f"{node.concentrator}/{component}",
            live=truth(self._kept.of(node.lamp.cabinet), f"loop{node.lamp.loop}/aux"),
            rated=node.lamp.watts,
            asked=number(values, f"{component}/set_level"),
            steady_s=(now - node.since) / 1000 if node.since else None,
        )
        cabinet = self._cabinets.get(node.lamp.cabinet)
        day = None if cabinet is None else elevation(cabinet.place, now) >= DAY_ELEVATION
        lamp = nodes.reading(known, now, values, component, day=day)
        node.state, found = nodes.observe(node.state, known, lamp, zone_ms=self._offset_ms(now))
        for finding in found:
            self._tell(finding)

    def _offset_ms(self, at: int) -> int:
        offset = datetime.fromtimestamp(at / 1000, self._zone).utcoffset()
        return round(offset.total_seconds() * 1000) if offset else 0

    # -- telling ---------------------------------------------------------------------------------------------------------

    def _tell(self, finding: Finding) -> None:
        """Under the key of its alarm; the phases of a loop are one alarm. What has no rule is not told: that readings stand still
        is seen at their source (``Flag.FLAT``), not in what comes by exception.
        """
        base = _BASES.get(finding.fault, finding.fault)
        if base not in FAULTS:
            return
        place, _, phase = finding.place.rpartition("/")
        whole = place if phase in PHASES and base in BY_LOOP else finding.place
        key = f"{base}@{whole}"
        if whole == finding.place and base == finding.fault:
            condition = finding.condition()
        else:
            self._phases[key][finding.key] = finding
            condition = _joined(key, self._phases[key].values())
        self._standing[key] = condition
        self._told.append(condition)


_BASES = {f"loop-phase-{phase}-open": "loop-phase-open" for phase in PHASES}
"""Faults whose name holds the phase."""


def _joined(key: str, findings: Iterable[Finding]) -> Condition:
    """Of several phases: there if it is on one, not known if it is on none and one can not tell."""
    told = sorted((one.condition() for one in findings), key=lambda one: one.time)
    there = [one for one in told if one.value]
    if there:
        return replace(there[-1], key=key, evidence=tuple(each for one in there for each in one.evidence))
    unknown = next((one for one in reversed(told) if one.value is None), None)
    return replace(unknown or told[-1], key=key)


def lamps_of(county: County, cabinet: Device) -> Mapping[str, Phases]:
    """Rated watts of the lamps on phase a, b and c of each loop that has any."""
    found: dict[str, dict[str, list[float]]] = defaultdict(lambda: {phase: [] for phase in PHASES})
    for lamp in county.lamps:
        if lamp.cabinet == cabinet.id:
            found[f"loop{lamp.loop}"][lamp.phase].append(lamp.watts)
    return {component: (tuple(each["a"]), tuple(each["b"]), tuple(each["c"])) for component, each in sorted(found.items())}


def _nodes_of(county: County) -> Iterator[_Node]:
    """Lamp n of a concentrator is the n-th lamp of its cabinet."""
    by_cabinet: dict[str, list[Lamp]] = defaultdict(list)
    for lamp in county.lamps:
        by_cabinet[lamp.cabinet].append(lamp)
    for device in county.devices:
        if device.kind is DeviceKind.CONCENTRATOR:
            lamps = by_cabinet[str(device.parameters.get("cabinet", ""))]
            names = dict.fromkeys(point.component for point in device.profile.points if point.component.startswith("lamp"))
            for component in names:
                number_of = int(component.removeprefix("lamp"))
                if 1 <= number_of <= len(lamps):
                    yield _Node(device.id, component, lamps[number_of - 1])


def _place(device: Device, home: Place) -> Place:
    if device.latitude is None or device.longitude is None:
        return home
    return Place(device.latitude, device.longitude)
