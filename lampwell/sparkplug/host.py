"""The host side of Sparkplug B without I/O: takes messages of any number of edge nodes, tells what they mean.

CONTRACT (implement below it):
    Any conforming edge node is served, with aliases, with or without our journal metrics. Sequence gaps are held for
    ``reorder_ms`` (data is still delivered: a historian stores everything) and then ask for a rebirth; data before birth, an
    unknown metric or alias ask for one too, at most one request per node in ``rebirth_pause_ms``. Data that cannot yet be
    understood (before birth) is a Complaint. Hot path: ``received`` on a DDATA of 40 doubles <= 60 µs.
"""

from __future__ import annotations

from lampwell.points import Value
from lampwell.readings import NodeId
from lampwell.sparkplug.messages import HostEvent, Message, Subscription


class HostSession:
    """See docs/wire.md for its states."""

    def __init__(self, host_id: str, *, reorder_ms: int = 2_000, rebirth_pause_ms: int = 10_000) -> None:
        raise NotImplementedError

    def will(self, now: int) -> Message:
        """STATE offline, QoS 1, retained; its timestamp is kept for the matching online message."""
        raise NotImplementedError

    def subscriptions(self) -> tuple[Subscription, ...]:
        """``spBv1.0/#`` at QoS 1 (own STATE included)."""
        raise NotImplementedError

    def connected(self, now: int) -> list[Message]:
        """STATE online with the will's timestamp."""
        raise NotImplementedError

    def leave(self, now: int) -> list[Message]:
        """STATE offline with the current time."""
        raise NotImplementedError

    def received(self, topic: str, payload: bytes, now: int) -> tuple[list[Message], list[HostEvent]]:
        """One incoming message: messages to publish (rebirth requests, STATE again) and what it meant. Never raises on bad bytes."""
        raise NotImplementedError

    def tick(self, now: int) -> list[Message]:
        """Called about once a second: reorder timeouts that ran out ask for their rebirths."""
        raise NotImplementedError

    def stored(self, node: NodeId, journal: str, offset: int, now: int) -> Message:
        """The acknowledgement NCMD ``journal/stored`` (with ``journal/id``) for one segment's highest contiguous stored offset."""
        raise NotImplementedError

    def command(self, node: NodeId, device: str, metrics: dict[str, Value], now: int) -> Message:
        """An NCMD (device "") or DCMD."""
        raise NotImplementedError
