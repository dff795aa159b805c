"""One plan at work: everything that was made from it, and what the sensors and clocks of its cabinets say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from gateway.lighting.desired import Desired
from gateway.lighting.driver import QUICK, SLOW, Item
from gateway.lighting.fallback import Fallback
from gateway.lighting.hazards import Hazard, Hazards
from gateway.lighting.places import CabinetPlace, Places, Readings, find_places
from gateway.lighting.reconcile import Action, Kind, Reconciler
from gateway.lighting.steady import Reckoned, witness_of
from lampwell.assets import County
from lampwell.lighting import Override, Plan
from lampwell.lighting.lux import ANY, LuxReading, Vote
from lampwell.lighting.model import Layer
from lampwell.profiles.model import Register
from lampwell.supply import neutral_open

CLOCK_STALE_S = 600.0
SUPPLY = ("u_a", "u_b", "u_c", "i_n")
Acts = dict[str, tuple[list[Item], list[int], tuple[float, ...]]]
"""By device: what to write, which columns to read back, and the pauses before each look."""


class Spot(NamedTuple):
    """Where the writes of a target go, and which columns read it back."""

    place: CabinetPlace
    switch: Register | None
    level: Register | None
    reads: tuple[int, ...]
    looks: tuple[float, ...]


@dataclass(slots=True)
class Works:
    """``loop_of``: the loops of lamps. ``clocks``: by device what its clock showed and when it was first seen so (epoch ms,
    monotonic s).
    """

    plan: Plan
    places: Places
    desired: Desired
    reconciler: Reconciler
    fallback: Fallback
    spots: Mapping[str, Spot]
    loop_of: Mapping[str, str]
    votes: Mapping[str, Vote]
    outside: Vote = field(default_factory=lambda: Vote(ANY))
    clocks: dict[str, tuple[int, float]] = field(default_factory=dict)
    known_hazards: Hazards = field(default_factory=Hazards)

    @property
    def targets(self) -> frozenset[str]:
        """Of the plan."""
        return frozenset(self.desired.table.targets)

    def witness(self, readings: Readings, now: float) -> int | None:
        """The time by the cabinets' own clocks; one that stands still says nothing."""
        for place in self._cabinets():
            shown = _number(place, readings, "clock")
            if shown is not None and self.clocks.get(place.device.id, (None,))[0] != round(shown * 1000):
                self.clocks[place.device.id] = round(shown * 1000), now
        fresh = [(shown, since) for shown, since in self.clocks.values() if now - since <= CLOCK_STALE_S]
        return witness_of([round(shown + (now - since) * 1000) for shown, since in fresh])

    def dark(self, readings: Readings, now: float) -> tuple[Mapping[str, bool | None], bool | None]:
        """What the light sensors say by lux rule, and to whom it may help, whether it is dark outside."""
        told = [(place.device.id, _number(place, readings, "illuminance")) for place in self._cabinets()]
        lux = [LuxReading(value, round(1000 * readings.heard(device))) for device, value in told if value is not None]
        at = round(1000 * now)
        return {name: vote.hear(lux, at) for name, vote in self.votes.items()}, self.outside.hear(lux, at)

    def hazards(self, readings: Readings) -> tuple[Hazard, ...]:
        """What makes loops unsafe now."""
        cabinets = list(self._cabinets())
        neutrals = {one.device.id: (readings.heard(one.device.id), _neutral(one, readings)) for one in cabinets}
        of_cabinet = {one.device.id: tuple(loop.spec.id for loop in one.loops) for one in cabinets}
        return self.known_hazards.look(self.places.look(readings)[0], neutrals, of_cabinet)

    def doubts(self) -> Mapping[str, list[int]]:
        """What to read again at once, by cabinet: the proof of a broken neutral is not to wait for the next poll."""
        doubtful = [one for one in self._cabinets() if one.device.id in self.known_hazards.doubtful]
        return {one.device.id: [one.columns[path] for path in SUPPLY] for one in doubtful}

    def items(self, actions: list[Action]) -> Acts:
        """Actions by device."""
        found: Acts = {}
        for action in actions:
            spot = self.spots[action.target]
            register = spot.switch if action.kind is Kind.SWITCH else spot.level
            if register is not None:
                items, reads, _ = found.setdefault(spot.place.device.id, ([], [], spot.looks))
                items.append(Item(register, action.value, action.target))
                reads += spot.reads
        return found

    def settings(self, readings: Readings, time: Reckoned, now: float, overrides: Iterable[Override], acts: Acts) -> None:
        """Put to the acts what the cabinets' own controllers are to know."""
        locked = {target for one in overrides if one.layer is not Layer.LEASE for target in one.targets}
        for place in self._cabinets():
            held = any(loop.spec.id in locked for loop in place.loops)
            due = self.fallback.due(place, readings, time.at if time.known else None, now, locked=held)
            unread = self.fallback.unread(place, readings, now)
            if due or unread:
                items, reads, _ = acts.setdefault(place.device.id, ([], [], QUICK))
                items += [Item(register, value) for register, value in due]
                reads += [*unread, *(place.columns[register.point.path] for register, _ in due)]

    def _cabinets(self) -> list[CabinetPlace]:
        return [place for place in self.places.devices if place.loops]


def make_works(county: County, edge: str, plan: Plan) -> Works:
    """Everything for a plan on an edge node."""
    places, desired = find_places(county, edge, plan), Desired(plan)
    return Works(
        plan=plan,
        places=places,
        desired=desired,
        reconciler=Reconciler(places.loop_specs, places.lamp_specs),
        fallback=Fallback(desired.table),
        spots=_spots(places),
        loop_of={lamp.id: lamp.loop for lamp in desired.lamps},
        votes={rule.id: Vote(rule) for rule in plan.lux},
    )


def _spots(places: Places) -> dict[str, Spot]:
    found: dict[str, Spot] = {}
    for place in places.devices:
        for loop in place.loops:
            reads = tuple(position for position in loop.reads if position is not None)
            found[loop.spec.id] = Spot(place, loop.command, loop.set_level, reads, QUICK)
        for lamp in place.lamps:
            found[lamp.spec.id] = Spot(place, None, lamp.set_level, (lamp.level,), SLOW)
    return found


def _neutral(place: CabinetPlace, readings: Readings) -> bool | None:
    *volts, neutral = (_number(place, readings, path) for path in SUPPLY)
    return neutral_open(volts, neutral)


def _number(place: CabinetPlace, readings: Readings, path: str) -> float | None:
    position = place.columns.get(path)
    found = None if position is None else readings.value(place.device.id, position)
    return float(found) if isinstance(found, int | float) else None
