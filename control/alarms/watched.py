"""A device, or an edge node itself, as it is watched: columns with their newest readings, and the alarms that hang on each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from control.alarms import words
from control.alarms.bind import Binding, Bound
from control.alarms.clauses import Beyond, Derived, Fault, Flagged, Offline, Same, Silent
from control.alarms.core import FENCE_MS
from control.alarms.derived import DROPPED, OLDEST
from control.alarms.edge_points import NODE
from control.alarms.model import NOTHING, Evidence, Side, Text
from lampwell.points import Value
from lampwell.readings import BAD_FLAGS, Flag, Layout, NodeId

NEVER = -1
_BAD, _STALE, _BLIND, _FLAT = int(BAD_FLAGS), int(Flag.STALE), int(Flag.BLIND), int(Flag.FLAT)
_UNUSABLE = _BAD | _STALE

FACTS = tuple(point.path for point in NODE if point.path == OLDEST or point.path.startswith(DROPPED))
"""The points of every edge node from which conditions are derived."""


class Column:
    """One watched point. ``time`` is that of its newest reading at its source, NEVER = none yet."""

    __slots__ = ("bounds", "flags", "gated", "name", "time", "value")

    def __init__(self, name: str) -> None:
        self.name = name
        self.time, self.flags = NEVER, 0
        self.value: Value | None = None
        self.bounds: list[Bound] = []
        self.gated: list[Bound] = []

    def take(self, time: int, value: Value | None, flags: int, *, historical: bool) -> bool:
        """Keep a reading if it is news. A live one may be a little older than the newest and is then late; one that is much
        older shows that its clock was set back: the wire keeps the order of what is live, so it counts.
        """
        if time < self.time and (historical or time >= self.time - FENCE_MS):
            return False
        self.time, self.value, self.flags = time, value, flags
        return True

    def evidence(self) -> Evidence:
        """The newest reading, as it speaks for a condition."""
        return Evidence(point=self.name, time=self.time, value=self.value, flags=self.flags)


@dataclass(slots=True, eq=False)
class Watched:
    """A device (``device`` "": the edge node). ``alive`` None = not known. ``heard``: when a live reading last came (host time);
    ``died_at``: when it last stopped to answer its edge node (the edge's time). ``expected_by``: when it must have been heard of;
    ``patience_ms``: how long after its edge node that is. ``silent_at``: when its silence may be an alarm. ``columns``: by path;
    ``layout``, ``by_index``: as its birth has them.
    """

    node: NodeId
    device: str
    patience_ms: int = 60_000
    alive: bool | None = None
    heard: int = 0
    died_at: int = NEVER
    expected_by: int | None = None
    silent_at: int | None = None
    layout: Layout | None = None
    columns: dict[str, Column] = field(default_factory=dict)
    by_index: list[Column | None] = field(default_factory=list)
    offline: list[Bound] = field(default_factory=list)
    silent: list[Bound] = field(default_factory=list)
    derived: list[Bound] = field(default_factory=list)
    faults: list[Bound] = field(default_factory=list)
    is_silent: bool = False

    def move_to(self, layout: Layout) -> None:
        """A new birth: the same points may be other columns."""
        self.layout, self.by_index = layout, self.columns_of(layout)

    def columns_of(self, layout: Layout) -> list[Column | None]:
        """The watched column, or None, of each point of a layout."""
        return [self.columns.get(point.path) for point in layout.points]

    def column(self, path: str) -> Column:
        """The column of a point, made when first asked for."""
        if path not in self.columns:
            self.columns[path] = Column(f"{self.device or self.node.edge}/{path}")
        return self.columns[path]

    def newest(self, path: str) -> Evidence | None:
        """The newest reading of a watched point, marked STALE while this is not known to live; None = there is none."""
        column = self.columns.get(path)
        if column is None or column.time < 0:
            return None
        found = column.evidence()
        return found if self.alive else replace(found, flags=found.flags | _STALE)

    def remember(self, other: Watched) -> None:
        """Take over what an earlier one of the same device knew."""
        for path, old in other.columns.items():
            if (own := self.columns.get(path)) is not None:
                own.time, own.value, own.flags = old.time, old.value, old.flags
        self.alive, self.heard, self.died_at = other.alive, other.heard, other.died_at
        self.expected_by, self.is_silent = other.expected_by, other.is_silent
        if other.layout is not None:
            self.move_to(other.layout)


def gather(binding: Binding, nodes: Iterable[tuple[NodeId, str]]) -> dict[tuple[NodeId, str], Watched]:
    """What is watched at each of these, with its alarms; ("", of a node) is the edge node. Those of the county are in none."""
    found = {(node, device): Watched(node, device) for node, device in nodes}
    for (_, device), watched in found.items():
        if not device:
            for path in FACTS:
                watched.column(path)
    for bound in binding.bounds:
        watched_at = found.get((bound.node, bound.device)) if bound.node else None
        if watched_at is not None:
            _hang(watched_at, bound)
    return found


def _hang(watched: Watched, bound: Bound) -> None:
    for gate in bound.gates:
        watched.column(gate.point).gated.append(bound)
    match bound.clause:
        case Offline():
            watched.offline.append(bound)
        case Silent():
            watched.silent.append(bound)
        case Derived():
            watched.derived.append(bound)
        case Fault():
            watched.faults.append(bound)
        case Beyond() | Same() | Flagged():
            assert bound.point is not None, "rule_checks has made sure that such a rule names a point"
            watched.column(bound.point.path).bounds.append(bound)
            if bound.alarm.rule.order and bound.alarm.place.component.startswith("lamp"):
                watched.column(f"{bound.alarm.place.component}/power")  # whether it is lit: a repair is confirmed by night


# -- one reading ---------------------------------------------------------------------------------------------------------------


def sense(bound: Bound, value: Value | None, flags: int) -> tuple[float | bool | None, Text]:
    """What a reading says of an alarm on its point, and why, where it is alarming. A stale or bad one says nothing of a value."""
    clause, point = bound.clause, bound.point
    assert point is not None, "only alarms on points hang on columns"
    if type(clause) is Flagged:
        verdict = _QUALITIES[clause.what](value, flags)
        return verdict, words.quality(point, flags) if verdict else NOTHING
    if value is None or flags & _UNUSABLE:
        return None, NOTHING
    if type(clause) is Same:
        holds = clause.holds(value)
        return holds, words.state(point, value) if holds else NOTHING
    if type(value) is not float and type(value) is not int:
        return None, NOTHING  # text or a contact under the name of a number
    limit = bound.alarm.limit
    assert limit is not None, "what is held against a limit has one"
    past = value >= limit.value if limit.side is Side.ABOVE else value <= limit.value
    level = clause.level if type(clause) is Beyond else ""
    return float(value), words.beyond(point, limit, level, value) if past else NOTHING


def _bad(value: Value | None, flags: int) -> bool | None:
    """No value is bad, but stale is not: that it is not read is what life is about."""
    if flags & _BAD:
        return True
    return None if flags & _STALE else value is None


def _blind(value: Value | None, flags: int) -> bool | None:
    """A surge that drowns the sensor is bad and blind at once (domain drainage 3.2)."""
    if flags & _STALE:
        return None
    return True if flags & _BLIND else None if value is None or flags & _BAD else False


def _stuck(value: Value | None, flags: int) -> bool | None:
    """Only a value that is there can stand still."""
    return None if value is None or flags & _UNUSABLE else bool(flags & _FLAT)


_QUALITIES = {"bad": _bad, "blind": _blind, "stuck": _stuck}


def gate(watched: Watched, bound: Bound) -> tuple[bool | None, str]:
    """Whether the enabling conditions of an alarm hold: False with the reading that is known not to; None = not known."""
    unknown = False
    for each in bound.gates:
        column = watched.columns[each.point]
        if column.value is None or column.flags & _UNUSABLE:
            unknown = True
        elif not each.same.holds(column.value):
            return False, f"{column.name} = {column.value}"
    return (None if unknown else True), ""


def is_fresh(values: Sequence[Value | None], flags: Sequence[int], times: Sequence[int], died_at: int) -> bool:
    """Whether a birth shows that its device answers. A device that does not answer is born too, so that its backlog can be sent:
    all it has then is stale, or older than its death.
    """
    return any(
        time > died_at and not (value is None and marks & _STALE) for value, marks, time in zip(values, flags, times, strict=True)
    )
