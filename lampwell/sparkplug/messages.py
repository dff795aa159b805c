"""What goes between a session and its transport, and what a host session tells its owner."""

from __future__ import annotations

from dataclasses import dataclass

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
    journal still holds (everything below is either stored or was dropped there and counted)."""

    layout: Layout
    birth: Scan
    time: int
    journal: str | None = None
    first: int = 0


@dataclass(frozen=True, slots=True)
class DeviceBorn:
    """A device's DBIRTH was accepted; ``birth`` holds the values in it (ours are in the journal as well: do not store twice)."""

    layout: Layout
    birth: Scan


@dataclass(frozen=True, slots=True)
class ScanReceived:
    """A NDATA or DDATA, live or historical."""

    scan: Scan


@dataclass(frozen=True, slots=True)
class NodeDied:
    """The node's will or its own NDEATH, matching the last birth; all it has is stale from ``time`` (the host's receive time)."""

    node: NodeId
    time: int


@dataclass(frozen=True, slots=True)
class DeviceDied:
    """A DDEATH: this device no longer answers its edge node."""

    node: NodeId
    device: str
    time: int


@dataclass(frozen=True, slots=True)
class Complaint:
    """Something on the wire was not as it should be; ``reason`` names what and where. Counted, logged once, never fatal."""

    node: NodeId | None
    reason: str


HostEvent = NodeBorn | DeviceBorn | ScanReceived | NodeDied | DeviceDied | Complaint


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
