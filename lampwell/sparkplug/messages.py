"""What goes between a session and its transport, and what a host session tells its owner."""

from __future__ import annotations

from dataclasses import dataclass, replace

from lampwell.points import Value
from lampwell.readings import Layout, NodeId, Scan


@dataclass(frozen=True, slots=True)
class Message:
    """An MQTT message, out or in."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False


@dataclass(frozen=True, slots=True)
class Subscription:
    """A topic filter and its QoS."""

    topic: str
    qos: int = 1


# -- what a host session tells its owner ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class NodeBorn:
    """An edge node's NBIRTH was accepted. ``journal`` is None for a node of another make; ``first`` is the oldest offset its
    journal still holds (everything below is either stored or was dropped there and counted). ``birth`` holds the values of the
    node's own points at ``time``; ``times[i]`` is when ``birth.values[i]`` was read.
    """

    layout: Layout
    birth: Scan
    time: int
    journal: str | None = None
    first: int = 0
    times: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class DeviceBorn:
    """A device's DBIRTH was accepted; ``birth`` holds the values in it (ours are in the journal as well: do not store twice),
    ``times[i]`` is when ``birth.values[i]`` was read.
    """

    layout: Layout
    birth: Scan
    times: tuple[int, ...] = ()


def dated(born: NodeBorn | DeviceBorn) -> tuple[Scan, ...]:
    """A birth's values as scans of their own times: what to store of a node that has no journal."""
    birth, groups = born.birth, dict[int, list[int]]()
    for position, time in enumerate(born.times):
        groups.setdefault(time, []).append(position)
    return tuple(
        replace(
            birth,
            time=time,
            index=tuple(birth.index[i] for i in chosen),
            values=tuple(birth.values[i] for i in chosen),
            flags=tuple(birth.flags[i] for i in chosen),
        )
        for time, chosen in sorted(groups.items())
    )


@dataclass(frozen=True, slots=True)
class ScanReceived:
    """A NDATA or DDATA, live or historical."""

    scan: Scan


@dataclass(frozen=True, slots=True)
class JournalMoved:
    """A node's journal dropped rows at its bound: ``first`` is the oldest offset it still holds."""

    node: NodeId
    journal: str
    first: int


@dataclass(frozen=True, slots=True)
class NodeDied:
    """The node's will or its own NDEATH, matching the last birth; all it has is stale from ``time`` (the host's receive time)."""

    node: NodeId
    time: int


@dataclass(frozen=True, slots=True)
class DeviceDied:
    """A DDEATH: this device no longer answers its edge node; ``time`` is the edge's (NodeDied has the host's)."""

    node: NodeId
    device: str
    time: int


@dataclass(frozen=True, slots=True)
class Complaint:
    """Something on the wire was not as it should be; ``reason`` names what and where. Counted, logged once, never fatal."""

    node: NodeId | None
    reason: str


HostEvent = NodeBorn | DeviceBorn | ScanReceived | JournalMoved | NodeDied | DeviceDied | Complaint


# -- what an edge session tells its owner --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RebirthAsked:
    """A host asked for all births again; the session has put them in the outgoing messages."""


@dataclass(frozen=True, slots=True)
class Stored:
    """The collector has stored everything up to ``offset`` of its segment (NCMD ``journal/stored``)."""

    journal: str
    offset: int


@dataclass(frozen=True, slots=True)
class HostState:
    """The watched host came online or went offline (STATE)."""

    host: str
    online: bool
    time: int


@dataclass(frozen=True, slots=True)
class Command:
    """Any other metric in an NCMD or DCMD. ``device`` is "" for the node."""

    device: str
    metric: str
    value: Value | None
    time: int


EdgeEvent = RebirthAsked | Stored | HostState | Command | Complaint
