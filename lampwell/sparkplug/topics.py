"""Sparkplug topics: what may be said where. Ids are checked when a topic is built and again when one is read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from lampwell.errors import LampwellError
from lampwell.readings import NodeId

NAMESPACE = "spBv1.0"


class BadTopic(LampwellError):
    """A topic or an id that Sparkplug does not allow; the message says which part and why."""


class Verb(StrEnum):
    """The message types of edge nodes (N…) and their devices (D…)."""

    NBIRTH = "NBIRTH"
    NDEATH = "NDEATH"
    NDATA = "NDATA"
    NCMD = "NCMD"
    DBIRTH = "DBIRTH"
    DDEATH = "DDEATH"
    DDATA = "DDATA"
    DCMD = "DCMD"

    @property
    def is_device(self) -> bool:
        """True where the topic names a device."""
        return self.value[0] == "D"


@dataclass(frozen=True, slots=True)
class Topic:
    """A node's or device's topic; ``device`` is "" for the node's own."""

    verb: Verb
    node: NodeId
    device: str = ""

    def __str__(self) -> str:
        base = f"{NAMESPACE}/{self.node.group}/{self.verb}/{self.node.edge}"
        return f"{base}/{self.device}" if self.verb.is_device else base


@dataclass(frozen=True, slots=True)
class StateTopic:
    """A host application's STATE topic."""

    host: str

    def __str__(self) -> str:
        return f"{NAMESPACE}/STATE/{self.host}"


def build(verb: Verb, node: NodeId, device: str = "") -> str:
    """The topic text; raises BadTopic for an id that may not be on the wire."""
    _check("group id", node.group)
    _check("edge node id", node.edge)
    if node.group == "STATE":
        raise BadTopic("group id 'STATE': reserved for host applications")
    if verb.is_device:
        _check("device id", device)
    elif device:
        raise BadTopic(f"{verb} names no device, got {device!r}")
    return str(Topic(verb, node, device))


def state(host: str) -> str:
    """The STATE topic of a host application."""
    _check("host id", host)
    return str(StateTopic(host))


def parse(topic: str) -> Topic | StateTopic:
    """What a topic says; raises BadTopic with the reason."""
    parts = topic.split("/")
    if parts[0] != NAMESPACE:
        raise BadTopic(f"topic {topic!r}: does not begin with {NAMESPACE}")
    if len(parts) == 3 and parts[1] == "STATE":
        _check("host id", parts[2])
        return StateTopic(parts[2])
    if len(parts) not in (4, 5) or parts[2] not in Verb.__members__:
        raise BadTopic(f"topic {topic!r}: not a Sparkplug message of a node or device")
    verb = Verb(parts[2])
    if verb.is_device != (len(parts) == 5):
        raise BadTopic(f"topic {topic!r}: {verb} {'needs a device' if verb.is_device else 'names no device'}")
    for name, part in zip(("group id", "edge node id", "device id"), (parts[1], *parts[3:]), strict=False):
        _check(name, part)
    return Topic(verb, NodeId(parts[1], parts[3]), parts[4] if verb.is_device else "")


def _check(name: str, value: str) -> None:
    if not value:
        raise BadTopic(f"{name} is empty")
    bad = next((c for c in value if c in "+/#" or ord(c) < 32 or 0xD800 <= ord(c) < 0xE000), None)
    if bad is not None:
        raise BadTopic(f"{name} {value!r}: {bad!r} is not allowed")
