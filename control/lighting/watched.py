"""The cabinets and lamps of a county as the detectors look at them: where each is, what hangs on it, what is remembered of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from control.lighting.faults.nodes import NodeState
from control.lighting.faults.readings import PHASES, Lamp
from control.lighting.faults.watch import CabinetState, Phases
from lampwell import assets
from lampwell.assets import County, Device, DeviceKind, lamp_nodes
from lampwell.lighting.sun import Place
from lampwell.points import Point

READS: Mapping[tuple[DeviceKind, str], frozenset[str]] = {
    (DeviceKind.CABINET, ""): frozenset(
        {*(f"{stem}_{phase}" for stem in "uip" for phase in PHASES), "i_n", "on_battery", "main_breaker", "door"}
    ),
    (DeviceKind.CABINET, "loop"): frozenset(
        {
            *(f"{stem}_{phase}" for stem in "ip" for phase in PHASES),
            *("commanded", "aux", "breaker", "local_override", "locked", "cable_alarm"),
            *("pf", "residual", "trip_ma", "level", "lamps", "energy"),
        }
    ),
    (DeviceKind.CONCENTRATOR, "lamp"): frozenset(
        {"level", "set_level", "power", "voltage", "current", "failed", "driver_fault", "no_answer"}
    ),
}
"""Names of the points that the detectors look at, by kind of device and component."""


@dataclass(slots=True)
class Cabinet:
    """One cabinet: where it is, the lamps of each loop, their watts on each phase, and what is remembered."""

    device: Device
    place: Place
    on_loop: Mapping[str, tuple[assets.Lamp, ...]]
    lamps: Mapping[str, Phases] = field(init=False)
    state: CabinetState = field(default_factory=CabinetState)
    at: int = 0

    def __post_init__(self) -> None:
        self.lamps = {name: phases_of(lamps) for name, lamps in self.on_loop.items()}


@dataclass(slots=True)
class Node:
    """A lamp with a node: the point prefix on its concentrator, what the detectors remember, since when its level stands, and the
    reading before.
    """

    concentrator: str
    component: str
    lamp: assets.Lamp
    state: NodeState = field(default_factory=NodeState)
    level: float | None = None
    since: int = 0
    before: Lamp | None = None

    @property
    def place(self) -> str:
        """How its findings are named."""
        return f"{self.concentrator}/{self.component}"

    @property
    def loop(self) -> str:
        """The component of its cabinet that feeds it."""
        return f"loop{self.lamp.loop}"

    @property
    def phase(self) -> str:
        """The lamps that its supply moves together, named."""
        return f"{self.lamp.cabinet}/{self.lamp.phase}"


def feeder_of(device: Device) -> str:
    """The cabinet that feeds the lamps of a concentrator; "" for any other device."""
    return str(device.parameters.get("cabinet", "")) if device.kind is DeviceKind.CONCENTRATOR else ""


def looked_at_by_logic(device: Device) -> Iterator[Point]:
    """The points of a device that the detectors look at."""
    for point in device.profile.points:
        group = point.component.rstrip("0123456789")
        if point.path.rpartition("/")[2] in READS.get((device.kind, group), ()):
            yield point


def cabinets_of(county: County) -> dict[str, Cabinet]:
    """By id; only loops that have lamps are looked at."""
    home = Place(county.latitude, county.longitude)
    on_loop: dict[str, dict[str, list[assets.Lamp]]] = defaultdict(lambda: defaultdict(list))
    for lamp in county.lamps:
        on_loop[lamp.cabinet][f"loop{lamp.loop}"].append(lamp)
    return {
        one.id: Cabinet(one, _place(one, home), {name: tuple(lamps) for name, lamps in sorted(on_loop[one.id].items())})
        for one in county.devices
        if one.kind is DeviceKind.CABINET
    }


def nodes_of(county: County) -> Iterator[Node]:
    """Every lamp that a concentrator speaks to."""
    return (Node(unit, component, lamp) for unit, lamps in lamp_nodes(county).items() for component, lamp in lamps.items())


def phases_of(lamps: Iterable[assets.Lamp]) -> Phases:
    """Rated watts of the lamps on phase a, b and c."""
    watts: dict[str, list[float]] = {phase: [] for phase in PHASES}
    for one in lamps:
        watts[one.phase].append(one.watts)
    return tuple(watts["a"]), tuple(watts["b"]), tuple(watts["c"])


def _place(device: Device, home: Place) -> Place:
    if device.latitude is None or device.longitude is None:
        return home
    return Place(device.latitude, device.longitude)
