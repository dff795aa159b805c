"""What comes off the wire, as conditions of alarms. No I/O and no clock: events and times are arguments.

A reading concerns the alarms on its point; a birth, a death or a silence those on the life of its device; what is derived from
several facts follows by itself. What is not known is told as not known (``value`` None): the readings of a device that does not
answer, or whose edge node is gone, or everything while the broker is away. That neither raises nor clears anything.

Life: an edge node lives from its birth, or any live message of its, to its death; one that was never heard of within
``edge_patience_s`` while the broker is there is offline. A device lives from a birth that shows fresh values, or a live scan, to
its death; one that is not born within its patience after its edge node was is offline too. History never changes life.
"""

from __future__ import annotations

import heapq

from control.alarms import words
from control.alarms.bind import Binding, Bound, fault_key
from control.alarms.clauses import Derived, Fault
from control.alarms.derived import OLDEST, EdgeFacts, Facts, Messages, conclude
from control.alarms.model import Condition, Evidence, Text
from control.alarms.seen import Enabled, Seen, Teller
from control.alarms.telling import blank, everything, silence_ms, take
from control.alarms.watched import FACTS, Watched, gather, is_fresh
from lampwell.assets import County
from lampwell.readings import Layout, NodeId, Scan
from lampwell.sparkplug.messages import DeviceBorn, DeviceDied, HostEvent, NodeBorn, NodeDied, ScanReceived, dated

__all__ = ["Enabled", "Seen", "Watch"]

EDGE_PATIENCE_S = 330.0
"""An edge node says something at each heartbeat at least: 300 s where nothing else is set (``lampwell.points.Deadband``)."""


class Watch:
    """Give every event of a ``HostSession`` to ``event``, and call ``tick`` at ``wakes_at`` at the latest."""

    def __init__(self, binding: Binding, county: County, *, edge_patience_s: float = EDGE_PATIENCE_S) -> None:
        self._edge_patience_ms = round(edge_patience_s * 1000)
        self._facts = Facts({edge.id: EdgeFacts() for edge in county.edges})
        self._timers: list[tuple[int, int, Watched]] = []
        self._count = 0
        self._found: dict[str, Condition] = {}
        self._set(binding, county)

    def rebind(self, binding: Binding, county: County, now: int) -> Seen:
        """Go over to other alarms (give them to the engine first): what is known already is told to the new ones."""
        before, teller = self._watched, self._teller
        self._set(binding, county)
        self._teller.follow(teller)
        self._facts.edges = {edge.id: self._facts.edges.get(edge.id, EdgeFacts()) for edge in county.edges}
        self._timers.clear()
        for key, watched in self._watched.items():
            if key in before:
                watched.remember(before[key])
                if watched.layout is not None:
                    self._by_layout[watched.layout] = watched
        for watched in self._watched.values():
            self._resume(watched, now)
        self._derive(now)
        return self._teller.seen()

    @property
    def wakes_at(self) -> int | None:
        """When ``tick`` may have something to do; None = never by time alone."""
        return self._timers[0][0] if self._timers else None

    def newest(self, device: str, point: str) -> Evidence | None:
        """The newest reading of a point that an alarm watches, marked STALE while its device does not live; None = there is none.
        ``device``: the id of a device, or of an edge node for its own points.
        """
        watched = self._named.get(device)
        return watched.newest(point) if watched is not None else None

    # -- what happens ----------------------------------------------------------------------------------------------------

    def event(self, event: HostEvent, now: int) -> Seen:
        """Something came off the wire. What is not of this county, or says nothing of it, gives nothing."""
        match event:
            case ScanReceived(scan=scan):
                self._scan(scan, now)
            case DeviceBorn():
                self._device_born(event, now)
            case NodeBorn():
                self._node_born(event, now)
            case DeviceDied(node=node, device=device, time=time):
                if (watched := self._watched.get((node, device))) is not None and device:
                    watched.died_at = time
                    self._dead(watched, time, now, words.NO_ANSWER)
            case NodeDied(node=node, time=time):
                self._node_dead(node, time, now, words.EDGE_GONE)
            case _:
                pass
        return self._teller.seen()

    def broker(self, connected: bool, now: int) -> Seen:
        """The broker is there or away, for this program. Away, nothing is known of anything; back, all will be heard of."""
        if connected is not self._facts.connected:
            self._facts.connected = connected
            self._facts.collector = None
            for watched in self._watched.values():
                self._blank(watched, now)
                watched.alive = None
                for bound in watched.offline:
                    self._teller.tell(bound.alarm.key, None, now, now)
            if connected:
                for node in self._on_node:
                    self._expect(self._watched[node, ""], now + self._edge_patience_ms)
        self._derive(now)
        return self._teller.seen()

    def host_state(self, online: bool, now: int) -> Seen:
        """The collector says that it is online, or its will that it is not."""
        self._facts.collector = online
        self._derive(now)
        return self._teller.seen()

    def fault(self, key: str, found: Condition, now: int) -> None:
        """Logic has found a fault (``fault@place``), or that there is none, or (value None) can not tell; told with the next
        ``Seen`` to every alarm that names this fault. One that no alarm names says nothing; what is found of a device that does
        not live is told when it lives again.
        """
        self._found[key] = found
        for bound in self._faults.get(key, ()):
            if bound.node is not None and self._watched[bound.node, bound.device].alive:
                self._teller.tell(bound.alarm.key, found.value, found.time, now, found.why, found.evidence)

    def seen(self) -> Seen:
        """What has been found since the last one."""
        return self._teller.seen()

    def messages(self, known: Messages | None, now: int) -> Seen:
        """How the sending of messages does; None = that can not be told."""
        self._facts.messages = known
        self._derive(now)
        return self._teller.seen()

    def tick(self, now: int) -> Seen:
        """Time has passed."""
        while self._timers and self._timers[0][0] <= now:
            due, _, watched = heapq.heappop(self._timers)
            if watched.expected_by == due:
                if watched.device:
                    self._dead(watched, now, now, words.NOT_BORN)
                else:
                    self._node_dead(watched.node, now, now, words.EDGE_UNHEARD)
            if watched.silent_at == due:
                self._maybe_silent(watched, now)
        return self._teller.seen()

    # -- births and deaths -----------------------------------------------------------------------------------------------

    def _node_born(self, event: NodeBorn, now: int) -> None:
        watched = self._known(event.layout)
        if watched is None:
            return
        self._alive(watched, now)
        for scan in dated(event) or (event.birth,):
            take(self._teller, watched, watched.by_index, scan, now)
        for device in self._on_node[event.layout.node]:
            self._expect(device, now + device.patience_ms)
        self._learn(watched, now)

    def _device_born(self, event: DeviceBorn, now: int) -> None:
        watched, birth = self._known(event.layout), event.birth
        if watched is None:
            return
        times = event.times or (birth.time,) * len(birth.index)
        if not is_fresh(birth.values, birth.flags, times, watched.died_at):
            return
        self._alive(watched, now)
        for scan in dated(event) or (birth,):
            take(self._teller, watched, watched.by_index, scan, now)

    def _alive(self, watched: Watched, now: int) -> None:
        """It has just been heard of."""
        watched.heard, watched.expected_by = now, None
        if watched.alive and not watched.is_silent:
            return
        watched.alive, watched.is_silent = True, False
        for bound in (*watched.offline, *watched.silent):
            self._teller.tell(bound.alarm.key, False, now, now, words.ANSWERS)
        self._faults_of(watched, now)
        self._listen(watched, now)
        if watched.device:
            self._alive(self._watched[watched.node, ""], now)
            return
        for device in self._on_node[watched.node]:
            if not device.alive:
                self._expect(device, now + device.patience_ms)
        self._derive(now)

    def _dead(self, watched: Watched, time: int, now: int, why: Text) -> None:
        """It does not answer: nothing is known of its points."""
        self._blank(watched, now)
        watched.alive = False
        for bound in watched.offline:
            self._teller.tell(bound.alarm.key, True, time, now, why)

    def _node_dead(self, node: NodeId, time: int, now: int, why: Text) -> None:
        """The edge node is gone, and all it has."""
        edge = self._watched.get((node, ""))
        if edge is None:
            return
        self._dead(edge, time, now, why)
        for device in self._on_node[node]:
            self._dead(device, time, now, words.WITH_EDGE)
        self._derive(now)

    def _blank(self, watched: Watched, now: int) -> None:
        """Its points are not known from now on."""
        watched.expected_by, watched.silent_at, watched.is_silent = None, None, False
        blank(self._teller, watched, now)
        if not watched.device:
            self._facts.edges[watched.node.edge].readings.pop(OLDEST, None)

    def _expect(self, watched: Watched, by: int) -> None:
        """It should be heard of by then."""
        watched.expected_by = by
        self._at(by, watched)

    # -- readings --------------------------------------------------------------------------------------------------------

    def _scan(self, scan: Scan, now: int) -> None:
        watched = self._by_layout.get(scan.layout)
        if scan.historical:
            watched = watched or self._watched.get((scan.layout.node, scan.layout.device))
            if watched is not None and watched.alive:
                at_hand = watched.by_index if watched.layout is scan.layout else watched.columns_of(scan.layout)
                take(self._teller, watched, at_hand, scan, now)
            return
        watched = watched or self._known(scan.layout)
        if watched is None:
            return
        self._alive(watched, now)
        take(self._teller, watched, watched.by_index, scan, now)
        if not watched.device:
            self._learn(watched, now)

    def _known(self, layout: Layout) -> Watched | None:
        """What is watched under a layout; a layout that is not known yet is its newest."""
        watched = self._watched.get((layout.node, layout.device))
        if watched is not None and watched.layout is not layout:
            if watched.layout is not None:
                self._by_layout.pop(watched.layout, None)
            watched.move_to(layout)
            self._by_layout[layout] = watched
        return watched

    def _resume(self, watched: Watched, now: int) -> None:
        """Go on after its alarms were exchanged: tell them all that is known, and wait as before."""
        everything(self._teller, watched, now)
        if watched.expected_by is not None:
            self._at(watched.expected_by, watched)
        elif watched.alive is None and self._facts.connected:  # it is new
            self._expect(watched, now + (watched.patience_ms if watched.device else self._edge_patience_ms))
        if watched.alive:
            self._faults_of(watched, now)
            self._listen(watched, now)

    def _faults_of(self, watched: Watched, now: int) -> None:
        """What logic has found of a device so far, told as of now."""
        for bound in watched.faults:
            assert isinstance(bound.clause, Fault), "checked where they were sorted"
            if (found := self._found.get(fault_key(bound, bound.clause))) is not None:
                self._teller.tell(bound.alarm.key, found.value, now, now, found.why, found.evidence)

    # -- silence, and what is derived ------------------------------------------------------------------------------------

    def _listen(self, watched: Watched, now: int) -> None:
        """Wake when the first of its alarms on silence may be due."""
        due = [at for bound in watched.silent if (at := watched.heard + silence_ms(bound)) > now]
        watched.silent_at = min(due, default=None)
        if watched.silent_at is not None:
            self._at(watched.silent_at, watched)

    def _maybe_silent(self, watched: Watched, now: int) -> None:
        """Not heard of for longer than one of its alarms allows?"""
        for bound in watched.silent:
            if (due := watched.heard + silence_ms(bound)) <= now:
                watched.is_silent = True
                self._teller.tell(bound.alarm.key, True, due, now, words.silent(silence_ms(bound) / 1000))
        self._listen(watched, now)

    def _learn(self, edge: Watched, now: int) -> None:
        """An edge node has spoken of itself."""
        readings = self._facts.edges[edge.node.edge].readings
        for path in FACTS:
            if (column := edge.columns[path]).time >= 0 and column.value is not None:
                readings[path] = column.evidence()
        self._derive(now, edge)

    def _derive(self, now: int, edge: Watched | None = None) -> None:
        """Conclude what follows from the facts: of the county, and of one edge node if it has just spoken."""
        for node in self._on_node:
            self._facts.edges[node.edge].alive = self._watched[node, ""].alive
        for bound in (*self._of_county, *(edge.derived if edge else ())):
            assert isinstance(bound.clause, Derived), "only derived conditions are of a county"
            found = conclude(bound.clause.name, self._facts, edge.node.edge if edge else "")
            self._teller.tell(bound.alarm.key, found.value, now, now, found.why, found.evidence)

    # -- the pieces ------------------------------------------------------------------------------------------------------

    def _set(self, binding: Binding, county: County) -> None:
        self._teller = Teller({bound.alarm.key: n for n, bound in enumerate(binding.bounds)})
        edge_of = {link.id: link.edge for link in county.links}
        node_of = {edge.id: edge.node for edge in county.edges}
        at = [(node_of[edge_of[device.link]], device) for device in county.devices]
        self._watched = gather(binding, [*((node, "") for node in node_of.values()), *((node, each.id) for node, each in at)])
        self._named = {name or node.edge: each for (node, name), each in self._watched.items()}  # devices come last, and win
        self._on_node: dict[NodeId, list[Watched]] = {node: [] for node in node_of.values()}
        for node, device in at:
            watched = self._watched[node, device.id]
            watched.patience_ms = max(60_000, round(2000 * device.intervals.dry_s))
            self._on_node[node].append(watched)
        self._faults: dict[str, list[Bound]] = {}
        for bound in binding.bounds:
            if isinstance(bound.clause, Fault):
                self._faults.setdefault(fault_key(bound, bound.clause), []).append(bound)
        self._of_county = [bound for bound in binding.bounds if bound.node is None]
        self._by_layout: dict[Layout, Watched] = {}

    def _at(self, due: int, watched: Watched) -> None:
        self._count += 1
        heapq.heappush(self._timers, (due, self._count, watched))
