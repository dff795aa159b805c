"""The edge side of Sparkplug B without I/O: takes scans and incoming messages, returns messages to publish.

CONTRACT (implement below it):
    The owner makes ONE EdgeSession per process and calls ``will(now)`` before each CONNECT: it moves bdSeq on (the owner
    persists ``bd_seq`` after each call) and starts a new MQTT session. ``connected(now)`` after the subscriptions are in place
    returns NBIRTH + DBIRTHs of the devices that are alive. ``scan`` returns the DDATA (NDATA for device ""), or None where the
    session is not born or the device is not. Names always, never aliases; each metric carries the scan's timestamp;
    quality other than good travels as properties ``Quality`` and ``quality/flags``; historical scans set is_historical on
    each metric and also carry the datatype. A scan with an offset adds the metric ``journal/offset`` (Int64).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from lampwell.readings import Layout, Scan
from lampwell.sparkplug.messages import EdgeEvent, Message, Subscription


class EdgeSession:
    """States: OFFLINE (no connection) -> CONNECTED (subscribed) -> BORN. See docs/wire.md."""

    def __init__(self, node_layout: Layout, *, bd_seq: int, journal: str, host_id: str) -> None:
        raise NotImplementedError

    @property
    def bd_seq(self) -> int:
        raise NotImplementedError

    @property
    def is_born(self) -> bool:
        raise NotImplementedError

    def will(self, now: int) -> Message:
        """The NDEATH for the next CONNECT (QoS 1, not retained), with the next bdSeq (0..255)."""
        raise NotImplementedError

    def subscriptions(self) -> tuple[Subscription, ...]:
        """NCMD and DCMD of this node and the STATE of the watched host, all QoS 1."""
        raise NotImplementedError

    def connected(self, now: int, *, journal_first: int, acknowledged: Mapping[int, int]) -> list[Message]:
        """NBIRTH (with bdSeq, Node Control/Rebirth, journal/id, journal/first, journal/acknowledged) and the DBIRTHs."""
        raise NotImplementedError

    def disconnected(self) -> None:
        """The connection is gone; nothing is published until ``connected`` again."""
        raise NotImplementedError

    def leave(self, now: int) -> list[Message]:
        """NDEATH on purpose, to be published before DISCONNECT."""
        raise NotImplementedError

    def device_born(self, layout: Layout, latest: Scan) -> list[Message]:
        """A device answers (first time, again, or with a changed layout): its DBIRTH, or [] until the node is born."""
        raise NotImplementedError

    def device_died(self, device: str, now: int) -> list[Message]:
        """A device no longer answers: its DDEATH."""
        raise NotImplementedError

    def scan(self, scan: Scan) -> Message | None:
        """The data message for a scan. Hot path: templates are made at birth. Also keeps the latest values for births."""
        raise NotImplementedError

    def node_layout(self, layout: Layout, now: int) -> list[Message]:
        """The node's own points changed (after a reload): a new NBIRTH with all DBIRTHs, same bdSeq."""
        raise NotImplementedError

    def received(self, topic: str, payload: bytes, now: int) -> tuple[list[Message], Sequence[EdgeEvent]]:
        """Handle NCMD, DCMD and STATE. Never raises on bad bytes: it returns a Complaint."""
        raise NotImplementedError
