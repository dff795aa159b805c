"""The edge node towards the broker: accepts scans (journal first, then live), speaks Sparkplug, resends the backlog.

It owns the EdgeSession and is the Owner of the MQTT transport. Nothing here waits: publishing hands bytes to a socket, the
journal takes scans in memory. While the host or the broker is away, the journal alone grows.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Protocol

from gateway.bdseq import BdSeqFile
from gateway.journal import Journal
from lampwell.clock import Clock
from lampwell.readings import Layout, Scan
from lampwell.sparkplug.datatypes import WrongType
from lampwell.sparkplug.edge import EdgeSession
from lampwell.sparkplug.messages import Command, Complaint, EdgeEvent, HostState, Message, Stored, Subscription

log = logging.getLogger(__name__)


class Publisher(Protocol):
    """What an edge needs of the MQTT transport."""

    @property
    def connected(self) -> bool: ...

    @property
    def backlog_bytes(self) -> int: ...

    def publish(self, message: Message) -> bool: ...


class Edge:
    """One edge node. ``on_command`` gets what others ask of its devices."""

    def __init__(
        self,
        node_layout: Layout,
        journal: Journal,
        *,
        clock: Clock,
        bd_seq: BdSeqFile,
        host_id: str,
        on_command: Callable[[Command], None] | None = None,
    ) -> None:
        self.session = EdgeSession(node_layout, bd_seq=bd_seq.load(), journal=journal.id, host_id=host_id)
        self.journal = journal
        self.host_online = False
        self.scans = 0
        self.readings = 0
        self.complaints = 0
        self._clock = clock
        self._bd_seq = bd_seq
        self._on_host: Callable[[], None] = lambda: None
        self._on_command = on_command or _refuse
        self._transport: Publisher | None = None
        self._first = journal.first
        self._ghosts: set[str] = set()
        self._layouts: dict[str, Layout] = {}

    def attach(self, transport: Publisher, *, on_host: Callable[[], None]) -> None:
        """The transport that this edge owns (made after it, because it needs its owner); ``on_host``: the host came online."""
        self._transport, self._on_host = transport, on_host

    # -- what the field says -------------------------------------------------------------------------------------------------

    def accept(self, scan: Scan) -> None:
        """A fresh scan: into the journal, and out at once."""
        kept = self.journal.add(scan)
        self.scans += 1
        self.readings += len(kept.index)
        self._send_scan(kept)

    def device_born(self, layout: Layout, latest: Scan) -> None:
        """A device answers for the first time, or again, or with other points."""
        self._layouts[layout.device] = layout
        self._ghosts.discard(layout.device)
        self._publish(self.session.device_born(layout, latest))

    def device_died(self, device: str) -> None:
        """A device no longer answers, or is no longer there."""
        self._publish(self.session.device_died(device, self._clock.now()))

    def node_layout(self, layout: Layout) -> None:
        """The node's own points changed."""
        self._publish(self.session.node_layout(layout, self._clock.now()))

    # -- Road: the backlog's way out -------------------------------------------------------------------------------------------

    @property
    def open(self) -> bool:
        """Whether the host is there to listen to the backlog."""
        return self.host_online and self.session.is_born

    @property
    def backlog_bytes(self) -> int:
        """Bytes the socket has not taken yet."""
        return self._transport.backlog_bytes if self._transport else 0

    def resend(self, scan: Scan) -> None:
        """Publish a scan of the backlog. A device that does not answer now is born without values for it, then dies again."""
        layout, device = scan.layout, scan.layout.device
        if self._send_scan(scan) or not self.open:
            return
        self._ghosts.add(device)
        born = self._layouts.setdefault(device, layout)
        self._publish(self.session.device_born(born, Scan(born, self._clock.now(), (), (), ())))
        self._send_scan(scan)

    def end_of_backlog(self) -> None:
        """A pass is over: devices that were born only for it are dead as before."""
        for device in self._ghosts:
            self.device_died(device)
        self._ghosts.clear()

    # -- Owner: what the transport asks ------------------------------------------------------------------------------------------

    def will(self) -> Message:
        """NDEATH for the next connection; its bdSeq is on the disk before it is used."""
        message = self.session.will(self._clock.now())
        self._bd_seq.save(self.session.bd_seq)
        return message

    def subscriptions(self) -> tuple[Subscription, ...]:
        """Commands to this node and its devices, and the host's STATE."""
        return self.session.subscriptions()

    def on_connected(self) -> None:
        """Births. The host's STATE follows as a retained message."""
        now, journal = self._clock.now(), self.journal
        self._first = journal.first
        self._publish(self.session.connected(now, journal_first=journal.first, acknowledged=journal.acknowledged))

    def on_disconnected(self, reason: str) -> None:  # noqa: ARG002 - the transport has logged it
        """Nothing is published until the next connection; the journal goes on."""
        self.host_online = False
        self.session.disconnected()

    def on_message(self, topic: str, payload: bytes) -> None:
        """NCMD, DCMD or STATE."""
        messages, events = self.session.received(topic, payload, self._clock.now())
        self._publish(messages)
        for event in events:
            self._on_event(event)

    def farewell(self) -> Iterable[Message]:
        """NDEATH on purpose."""
        return self.session.leave(self._clock.now())

    # -- the pieces ------------------------------------------------------------------------------------------------------------

    def announce_first(self) -> None:
        """Tell hosts where the journal dropped rows at its bound."""
        if self.journal.first != self._first:
            self._first = self.journal.first
            message = self.session.journal_first(self._first, self._clock.now())
            self._publish([message] if message else [])

    def _on_event(self, event: EdgeEvent) -> None:
        match event:
            case Stored(offset=offset):
                if not self.journal.acknowledge(offset):
                    self._complain(f"offset {offset} was acknowledged but never given")
            case HostState(online=online):
                was, self.host_online = self.host_online, online
                if online and not was:
                    self._on_host()
            case Command():
                self._on_command(event)
            case Complaint(reason=reason):
                self._complain(reason)
            case _:
                log.debug("a host asked for our births")

    def _complain(self, reason: str) -> None:
        """Log the first, count all: a confused host may repeat itself for days."""
        log.log(logging.DEBUG if self.complaints else logging.WARNING, "from the broker: %s", reason)
        self.complaints += 1

    def _send_scan(self, scan: Scan) -> bool:
        try:
            message = self.session.scan(scan, self._clock.now() if scan.historical else None)
        except WrongType as error:  # a profile that promises what its registers do not hold; the offset must not stay open
            self._complain(str(error))
            message = self.session.scan(Scan(scan.layout, scan.time, (), (), (), scan.offset, scan.journal, scan.historical))
        if message is None or self._transport is None:
            return False
        return self._transport.publish(message)

    def _publish(self, messages: Iterable[Message]) -> None:
        for message in messages if self._transport else ():
            assert self._transport is not None, "checked above"
            self._transport.publish(message)


def _refuse(command: Command) -> None:
    log.warning("%s %s: this edge node takes no such command", command.device or "node", command.metric)
