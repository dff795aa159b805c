"""The edge side of Sparkplug B without I/O: takes scans and incoming messages, returns messages to publish.

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
from lampwell.sparkplug import codec, hoststate, names, topics
from lampwell.sparkplug.born import Born, JournalBirth
from lampwell.sparkplug.codec import Metric, Payload
from lampwell.sparkplug.datatypes import DataType
from lampwell.sparkplug.messages import (
    Command,
    Complaint,
    EdgeEvent,
    HostState,
    Message,
    RebirthAsked,
    Stored,
    Subscription,
)
from lampwell.sparkplug.topics import Topic, Verb


class EdgeSession:
    """States: OFFLINE (no connection) -> CONNECTED (subscribed) -> BORN. See docs/wire.md.

    ``bd_seq`` is the last one used (-1: never connected), ``journal`` the journal's id ("" where scans have no offsets),
    ``host_id`` the host whose STATE is watched.
    """

    def __init__(self, node_layout: Layout, *, bd_seq: int, journal: str, host_id: str) -> None:
        if not -1 <= bd_seq <= 255:
            raise ValueError(f"bd_seq {bd_seq}: must be -1..255")
        self._id = node_layout.node
        self._host_id = host_id
        self._state_topic = topics.state(host_id)
        self._bd_seq = bd_seq
        self._journal = JournalBirth(journal)
        self._node = self._make(node_layout)
        self._devices: dict[str, Born] = {}
        self._seq = 0
        self._connected = False
        self._host_online_at: int | None = None

    @property
    def bd_seq(self) -> int:
        """The bdSeq of the present will; persist it after each ``will``."""
        return self._bd_seq

    @property
    def is_born(self) -> bool:
        """True between ``connected`` and ``disconnected`` or ``leave``."""
        return self._connected

    def will(self, now: int) -> Message:
        """The NDEATH for the next CONNECT (QoS 1, not retained), with the next bdSeq (0..255)."""
        self.disconnected()
        self._bd_seq = (self._bd_seq + 1) % 256
        return self._death(now)

    def subscriptions(self) -> tuple[Subscription, ...]:
        """NCMD and DCMD of this node and the STATE of the watched host, all QoS 1."""
        commands = topics.build(Verb.NCMD, self._id), f"{topics.NAMESPACE}/{self._id.group}/{Verb.DCMD}/{self._id.edge}/#"
        return tuple(Subscription(topic, 1) for topic in (*commands, self._state_topic))

    def connected(self, now: int, *, journal_first: int, acknowledged: Mapping[int, int]) -> list[Message]:
        """NBIRTH (with bdSeq, Node Control/Rebirth, journal/id, journal/first, journal/acknowledged) and the DBIRTHs."""
        self._journal.first = journal_first
        self._journal.acknowledged = dict(acknowledged)
        self._connected = True
        return self._births(now)

    def disconnected(self) -> None:
        """The connection is gone; nothing is published until ``connected`` again."""
        self._connected = False
        self._host_online_at = None

    def leave(self, now: int) -> list[Message]:
        """NDEATH on purpose, to be published before DISCONNECT."""
        if not self._connected:
            return []
        self.disconnected()
        return [self._death(now)]

    def device_born(self, layout: Layout, latest: Scan) -> list[Message]:
        """A device answers (first time, again, or with a changed layout): its DBIRTH, or [] until the node is born.

        ``latest`` may be empty (no index): every point is then born null and stale, which is how the backlog of a silent
        device can be replayed.
        """
        device = self._devices.get(layout.device)
        if device is None or device.layout is not layout:
            device = self._devices[layout.device] = self._make(layout)
        device.alive = True
        device.remember(latest)
        return [self._device_birth(device, latest.time)] if self._connected else []

    def device_died(self, device: str, now: int) -> list[Message]:
        """A device no longer answers: its DDEATH."""
        known = self._devices.get(device)
        if known is None or not known.alive:
            return []
        known.alive = False
        if not self._connected:
            return []
        return [self._message(topics.build(Verb.DDEATH, self._id, device), Payload(time=now, seq=self._next_seq()))]

    def scan(self, scan: Scan, now: int | None = None) -> Message | None:
        """The data message for a scan, published at ``now`` (by default the scan's own time). Hot path: encoders are made at
        birth. Also keeps the latest values for births. Raises WrongType for a value that is not of its point's kind.
        """
        name = scan.layout.device
        device = self._devices.get(name) if name else self._node
        if device is None:
            return None
        encoder = device.encoder_for(scan)
        if encoder is None:
            return None
        if not scan.historical:
            device.remember(scan)
        if not (self._connected and device.alive):
            return None
        payload = encoder.encode(scan, (self._seq + 1) & 255, scan.time if now is None else now)
        self._seq = (self._seq + 1) & 255
        return Message(device.topic, payload)

    def journal_first(self, value: int, now: int) -> Message | None:
        """The journal's oldest offset moved on (rows were dropped at its bound): an NDATA saying so, None until born."""
        self._journal.first = value
        if not (self._connected and self._journal.id):
            return None
        metric = Metric(name=names.JOURNAL_FIRST, time=now, type=DataType.INT64, value=value)
        return self._message(self._node.topic, Payload(time=now, seq=self._next_seq(), metrics=(metric,)))

    def node_layout(self, layout: Layout, now: int) -> list[Message]:
        """The node's own points changed (after a reload): a new NBIRTH with all DBIRTHs, same bdSeq."""
        self._node = self._make(layout)
        return self._births(now) if self._connected else []

    def received(self, topic: str, payload: bytes, now: int) -> tuple[list[Message], Sequence[EdgeEvent]]:
        """Handle NCMD, DCMD and STATE. Never raises on bad bytes: it returns a Complaint."""
        try:
            if topic == self._state_topic:
                return [], self._state(payload)
            where = topics.parse(topic)
            if not isinstance(where, Topic) or where.verb not in (Verb.NCMD, Verb.DCMD) or where.node != self._id:
                return [], [Complaint(self._id, f"{topic}: not meant for this edge node")]
            return self._commands(where.device, codec.decode(payload), now)
        except (codec.MalformedPayload, topics.BadTopic, hoststate.BadState) as error:
            return [], [Complaint(self._id, f"{topic}: {error}")]

    # -- births and deaths ---------------------------------------------------------------------------------------------

    def _make(self, layout: Layout) -> Born:
        if layout.node != self._id:
            raise ValueError(f"layout of {layout.node}/{layout.device}: this session is {self._id}")
        taken = sorted({p.path for p in layout.points} & names.RESERVED)
        if taken:
            raise ValueError(f"{layout.device or layout.node}: {taken[0]!r} is reserved and cannot be a point")
        return Born(layout, topics.build(Verb.DDATA if layout.device else Verb.NDATA, self._id, layout.device))

    def _births(self, now: int) -> list[Message]:
        self._seq = 0
        control = [
            self._bd_seq_metric(now),
            Metric(name=names.REBIRTH, time=now, type=DataType.BOOLEAN, value=False),
            *self._journal.metrics(now),
        ]
        node = self._birth(topics.build(Verb.NBIRTH, self._id), self._node, control, now)
        return [node, *(self._device_birth(device, now) for device in self._devices.values() if device.alive)]

    def _device_birth(self, device: Born, now: int) -> Message:
        self._next_seq()
        return self._birth(topics.build(Verb.DBIRTH, self._id, device.layout.device), device, self._journal.offset(now), now)

    def _birth(self, topic: str, born: Born, extra: Sequence[Metric], now: int) -> Message:
        opening = codec.encode(Payload(time=now, metrics=tuple(extra)))
        return Message(topic, born.encoder.birth(opening, born.latest(now), self._seq))

    def _death(self, now: int) -> Message:
        payload = Payload(time=now, metrics=(self._bd_seq_metric(now),))
        return Message(topics.build(Verb.NDEATH, self._id), codec.encode(payload), qos=1)

    def _bd_seq_metric(self, now: int) -> Metric:
        return Metric(name=names.BD_SEQ, time=now, type=DataType.INT64, value=self._bd_seq)

    def _next_seq(self) -> int:
        self._seq = (self._seq + 1) & 255
        return self._seq

    @staticmethod
    def _message(topic: str, payload: Payload) -> Message:
        return Message(topic, codec.encode(payload))

    # -- what comes in -------------------------------------------------------------------------------------------------

    def _state(self, payload: bytes) -> Sequence[EdgeEvent]:
        online, time = hoststate.parse(payload)
        if online:
            self._host_online_at = time
        elif self._host_online_at is not None and time < self._host_online_at:
            return []  # the will of an earlier connection, delivered after the host was back
        return [HostState(self._host_id, online, time)]

    def _commands(self, device: str, payload: Payload, now: int) -> tuple[list[Message], Sequence[EdgeEvent]]:
        messages: list[Message] = []
        events: list[EdgeEvent] = []
        journal = next((m.value for m in payload.metrics if m.name == names.JOURNAL_ID and not device), None)
        for metric in payload.metrics:
            if not device and metric.name == names.JOURNAL_ID:
                continue
            if not device and metric.name == names.REBIRTH:
                if metric.value is True and self._connected:
                    messages += self._births(now)
                    events.append(RebirthAsked())
            elif not device and metric.name == names.JOURNAL_STORED:
                events.append(self._stored(journal, metric))
            else:
                events.append(self._command(device, metric, payload.time, now))
        return messages, events

    def _stored(self, journal: object, metric: Metric) -> EdgeEvent:
        offset = metric.value
        if journal != self._journal.id or not self._journal.id:
            return Complaint(self._id, f"{names.JOURNAL_STORED} is for journal {journal!r:.60}, not for {self._journal.id!r}")
        if isinstance(offset, bool) or not isinstance(offset, int) or offset < 0:
            return Complaint(self._id, f"{names.JOURNAL_STORED} {offset!r:.60} is no offset")
        segment, known = offset >> 32, self._journal.acknowledged
        known[segment] = max(offset, known.get(segment, 0))
        return Stored(self._journal.id, offset)

    def _command(self, device: str, metric: Metric, sent: int | None, now: int) -> EdgeEvent:
        place = f"{device or self._id} {metric.name!r}"
        if not metric.name:
            return Complaint(self._id, f"{place}: a command by alias {metric.alias}, but this node gives none")
        if metric.problem:
            return Complaint(self._id, f"{place}: {metric.problem}")
        if isinstance(metric.value, bytes | tuple):
            return Complaint(self._id, f"{place}: a command cannot hold this type")
        time = metric.time if metric.time is not None else sent
        return Command(device, metric.name, metric.value, now if time is None else time)
