"""Readings of cabinets and lamps in, conditions of lighting alarms out: what feeds the detectors in ``control.lighting.faults``.

Readings come by exception, so a fault that changes nothing is judged by time: every cabinet each ``EVERY_S``, every lamp each
``LAMPS_S``, and a cabinet at each of its scans besides.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import replace
from zoneinfo import ZoneInfo

from msgspec import structs

from control.alarms.model import Condition
from control.lighting.faults import nodes, together
from control.lighting.faults.model import Held
from control.lighting.faults.nodes import Known
from control.lighting.faults.readings import Lamp, Three, number, truth
from control.lighting.faults.watch import Setting, observe
from control.lighting.memory import Learned
from control.lighting.readings_kept import Kept
from control.lighting.told import Told
from control.lighting.watched import Cabinet, Node, cabinets_of, nodes_of
from lampwell.assets import County
from lampwell.lighting.sun import elevation
from lampwell.sparkplug.messages import HostEvent
from lampwell.times import local

EVERY_S, LAMPS_S = 5, 60
HURRY_MS = 120_000
"""Longer than the clocks of what shows at once (loops, contactors, cables, doors)."""
DAY_ELEVATION = 6.0
"""Degrees at which it is day beyond doubt: no program and no light sensor keeps lamps on (the project's own)."""

Wanted = Callable[[str, int], bool | None]
"""Whether a loop (``cabinet-01/loop3``) should be lit at an instant; None = no program is known."""
Permitted = Callable[[str], bool]
"""Whether a crew has a work order at a cabinet now, so that its door may be open."""


def no_program(_loop: str, _at: int) -> bool | None:
    """Nothing is known of programs."""
    return None


def no_order(_cabinet: str) -> bool:
    """Nobody has an order."""
    return False


class LightingField:
    """Give it every event and call ``tick`` often; ``told`` are the conditions of what has changed since it was last asked.
    ``look_s``: look at cabinets by the clock alone and not at their scans: so often, and for two minutes as often as usual after
    something has stirred there.
    """

    def __init__(
        self,
        county: County,
        *,
        wanted: Wanted = no_program,
        permitted: Permitted = no_order,
        look_s: float | None = None,
    ) -> None:
        self._at_scans, self._every_ms = look_s is None, round((look_s or EVERY_S) * 1000)
        self._stirred: dict[str, int] = {}
        self._zone, self._wanted, self._permitted = ZoneInfo(county.time_zone), wanted, permitted
        self._cabinets = cabinets_of(county)
        self._nodes = list(nodes_of(county))
        self._line: dict[tuple[str, str], list[Node]] = defaultdict(list)
        for node in self._nodes:
            self._line[node.lamp.cabinet, node.loop].append(node)
        self._silent = {node.concentrator: Held() for node in self._nodes}
        self._kept = Kept([*self._cabinets, *{one.concentrator for one in self._nodes}])
        self._told = Told()
        self._untold: set[str] = set()
        self._lamps_at = 0

    # -- what happens ----------------------------------------------------------------------------------------------------

    def event(self, event: HostEvent, now: int) -> None:
        """Something came off the wire."""
        if not self._at_scans and (where := self._kept.stirred_by(event)) is not None:
            self._stirred[where] = now
        device = self._kept.event(event)
        if device in self._cabinets and self._at_scans:
            newest = max((one.time for one in self._kept.of(device).values()), default=0)
            self._cabinet(self._cabinets[device], newest)

    def broker(self, connected: bool, now: int) -> None:  # noqa: ARG002 - as above
        """The broker is there or away: away, nothing is known."""
        if not connected:
            self._kept.forget()

    def tick(self, now: int) -> None:
        """Time has passed."""
        for name, cabinet in self._cabinets.items():
            hurry = now - self._stirred.get(name, -HURRY_MS) < HURRY_MS
            if now - cabinet.at >= (EVERY_S * 1000 if hurry else self._every_ms) and self._kept.of(cabinet.device.id):
                self._cabinet(cabinet, now)
        if now - self._lamps_at >= LAMPS_S * 1000:
            self._lamps_at = now
            self._lamps(now)

    def told(self) -> list[Condition]:
        """What has become known since the last time."""
        return self._told.all()

    def learned(self) -> Learned:
        """What the detectors know, to be kept."""
        return Learned(
            cabinets={name: one.state for name, one in self._cabinets.items()},
            nodes={one.place: one.state for one in self._nodes},
        )

    def recall(self, learned: Learned) -> None:
        """Go on with what an earlier life knew; all that stands is told again with the first readings."""
        for name, cabinet in self._cabinets.items():
            if (known := learned.cabinets.get(name)) is not None:
                cabinet.state = replace(known, loops={key: one for key, one in known.loops.items() if key in cabinet.lamps})
                self._untold.add(name)
        for node in self._nodes:
            if (state := learned.nodes.get(node.place)) is not None:
                node.state = structs.replace(
                    state, held={key: structs.replace(one, begun=False) for key, one in state.held.items()}
                )

    # -- cabinets --------------------------------------------------------------------------------------------------------

    def _cabinet(self, cabinet: Cabinet, at: int) -> None:
        cabinet.at, name = at, cabinet.device.id
        loops = ((component, self._wanted(f"{name}/{component}", at)) for component in cabinet.lamps)
        setting = Setting(
            place=name,
            lamps=cabinet.lamps,
            zone_ms=self._offset_ms(at),
            day=_is_day(cabinet, at),
            permitted=self._permitted(name),
            dimmed=dict(self._dimmed(cabinet)),
            lost_ends=dict(self._lost_ends(name, cabinet)),
            expected={component: wanted for component, wanted in loops if wanted is not None},
        )
        cabinet.state, found = observe(cabinet.state, setting, at, self._kept.of(name))
        if name in self._untold:
            self._untold.discard(name)
            found = tuple(cabinet.state.standing.values())
        for finding in found:
            self._told.take(finding)

    # -- lamps -----------------------------------------------------------------------------------------------------------

    def _lamps(self, now: int) -> None:
        """One look at every lamp; what befalls many at once is told of them together."""
        days = {name: _is_day(one, now) for name, one in self._cabinets.items()}
        heard = [node for node in self._nodes if node.before is not None or self._kept.of(node.concentrator)]
        looks = [(node, *self._look(node, now, days.get(node.lamp.cabinet))) for node in heard]
        moves: dict[str, list[bool | None]] = defaultdict(list)
        silent: dict[str, list[bool]] = {name: [] for name in self._silent}
        for node, _, lamp in looks:
            moves[node.phase].append(together.moved(node.before, lamp))
            if lamp.live and (answer := self._no_answer(node)) is not None:
                silent[node.concentrator].append(answer)
        common = together.disturbed(moves)
        for node, known, lamp in looks:
            self._lamp(node, structs.replace(known, disturbed=node.phase in common or together.swung(node.before, lamp)), lamp)
        for name, each in silent.items():
            self._silent[name], finding = together.nodes_silent(self._silent[name], name, now, each)
            if finding is not None:
                self._told.take(finding)

    def _look(self, node: Node, now: int, day: bool | None) -> tuple[Known, Lamp]:
        values, component = self._kept.of(node.concentrator), node.component
        level = number(values, f"{component}/level")
        if level != node.level:
            node.level, node.since = level, now
        known = Known(
            place=node.place,
            live=nodes.fed(self._kept.of(node.lamp.cabinet), node.loop, node.lamp.phase),
            rated=node.lamp.watts,
            asked=number(values, f"{component}/set_level"),
            steady_s=(now - node.since) / 1000 if node.since else None,
        )
        return known, nodes.reading(known, now, values, component, day=day)

    def _lamp(self, node: Node, known: Known, lamp: Lamp) -> None:
        zone_ms = self._offset_ms(lamp.time)
        node.state, found = nodes.observe(node.state, known, lamp, zone_ms=zone_ms, silent=self._no_answer(node))
        node.before = lamp
        for finding in found:
            self._told.take(finding)

    def _no_answer(self, node: Node) -> bool | None:
        return truth(self._kept.of(node.concentrator), f"{node.component}/no_answer")

    def _lost_ends(self, name: str, cabinet: Cabinet) -> Iterable[tuple[str, int]]:
        """Of every loop along which nodes can tell: how many at its end have been silent for long."""
        for component in cabinet.lamps:
            held = (node.state.held.get("silent", Held()) for node in self._line.get((name, component), ()))
            lost = together.lost_at_end([together.long_silent(one) for one in held])
            if lost is not None:
                yield component, lost

    def _dimmed(self, cabinet: Cabinet) -> Iterable[tuple[str, Three]]:
        """Watts of the loops some of whose lamps have levels of their own."""
        for component, lamps in cabinet.on_loop.items():
            own = {node.lamp.id: node.level for node in self._line.get((cabinet.device.id, component), ())}
            level = number(self._kept.of(cabinet.device.id), f"{component}/level")
            if level is not None and any(one is not None and one != level for one in own.values()):
                yield component, together.watts_at(lamps, own, level)

    def _offset_ms(self, at: int) -> int:
        offset = local(at, self._zone).utcoffset()
        return round(offset.total_seconds() * 1000) if offset else 0


def _is_day(cabinet: Cabinet, at: int) -> bool:
    return elevation(cabinet.place, at) >= DAY_ELEVATION
