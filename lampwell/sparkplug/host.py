"""The host side of Sparkplug B without I/O: takes messages of any number of edge nodes, tells what they mean.

Any conforming edge node is served, with aliases, with or without our journal metrics. Sequence gaps are held for
``reorder_ms`` (data is still delivered: a historian stores everything) and then ask for a rebirth; data before birth, an
unknown metric or alias ask for one too, at most one request per node in ``rebirth_pause_ms``. Data that cannot yet be
understood (before birth) is a Complaint. An exact repeat of a message is dropped in silence.
"""

from __future__ import annotations

from collections.abc import Callable

from google.protobuf.message import DecodeError

from lampwell.points import Value
from lampwell.readings import NodeId
from lampwell.sparkplug import codec, hoststate, names, topics
from lampwell.sparkplug.codec import MalformedPayload, Metric, Payload
from lampwell.sparkplug.datatypes import DataType
from lampwell.sparkplug.descriptor import PayloadMessage
from lampwell.sparkplug.host_birth import MAX_TIME
from lampwell.sparkplug.host_node import RemoteNode
from lampwell.sparkplug.messages import (
    Complaint,
    DeviceBorn,
    DeviceDied,
    HostEvent,
    JournalMoved,
    Message,
    NodeBorn,
    NodeDied,
    ScanReceived,
    Subscription,
)
from lampwell.sparkplug.sequence import Arrival
from lampwell.sparkplug.topics import StateTopic, Topic, Verb

_MAX_NODES = 10_000
_MAX_TOPICS = 200_000

_Answer = tuple[list[Message], list[HostEvent]]


class HostSession:
    """See docs/wire.md for its states."""

    def __init__(self, host_id: str, *, reorder_ms: int = 2_000, rebirth_pause_ms: int = 10_000) -> None:
        self._state_topic = topics.state(host_id)
        self._reorder_ms = reorder_ms
        self._pause_ms = rebirth_pause_ms
        self._online = False
        self._will_time = 0
        self._nodes: dict[NodeId, RemoteNode] = {}
        self._topics: dict[str, Topic | StateTopic] = {}
        self._on: dict[Verb, Callable[[Topic, RemoteNode, bytes, int], _Answer]] = {
            Verb.NBIRTH: self._node_birth,
            Verb.DBIRTH: self._device_birth,
            Verb.NDATA: self._data,
            Verb.DDATA: self._data,
            Verb.NDEATH: self._node_death,
            Verb.DDEATH: self._device_death,
        }

    # -- the host's own life -------------------------------------------------------------------------------------------

    def will(self, now: int) -> Message:
        """STATE offline, QoS 1, retained; its timestamp is kept for the matching online message."""
        self._online = False
        self._will_time = now
        return self._state(online=False, time=now)

    def subscriptions(self) -> tuple[Subscription, ...]:
        """``spBv1.0/#`` at QoS 1 (own STATE included)."""
        return (Subscription(f"{topics.NAMESPACE}/#", 1),)

    def connected(self, now: int) -> list[Message]:
        """STATE online with the will's timestamp; nodes known from before are asked for a rebirth, for their deaths and changes
        while this host was away were told to nobody.
        """
        self._online = True
        asked = [message for node in self._nodes.values() if node.tracker for message in self._want(node, now)]
        return [self._state(online=True, time=self._will_time), *asked]

    def leave(self, now: int) -> list[Message]:
        """STATE offline with the current time."""
        self._online = False
        return [self._state(online=False, time=now)]

    def _state(self, *, online: bool, time: int) -> Message:
        return Message(self._state_topic, hoststate.build(online=online, time=time), qos=1, retain=True)

    # -- what comes in -------------------------------------------------------------------------------------------------

    def received(self, topic: str, payload: bytes, now: int) -> tuple[list[Message], list[HostEvent]]:
        """One message: what to publish (rebirth requests, STATE again) and what it meant. Never raises on bad bytes."""
        where: Topic | StateTopic | None = None
        try:
            where = self._topics.get(topic) or self._parse(topic)
            if isinstance(where, StateTopic):
                return self._own_state(topic, payload)
            handler = self._on.get(where.verb)
            if handler is None:
                return [], []  # commands of other hosts
            node = self._nodes.get(where.node) or self._meet(where.node)
            return handler(where, node, payload, now)
        except (MalformedPayload, topics.BadTopic) as error:
            return [], [Complaint(where.node if isinstance(where, Topic) else None, f"{topic[:200]}: {error}")]

    def tick(self, now: int) -> list[Message]:
        """Called about once a second: reorder timeouts that ran out ask for their rebirths."""
        found: list[Message] = []
        for node in self._nodes.values():
            gap_at = node.tracker.gap_at if node.tracker else None
            if gap_at is not None and not 0 <= now - gap_at < self._reorder_ms:
                node.settle_gap()
            found += self._ask(node, now)
        return found

    def stored(self, node: NodeId, journal: str, offset: int, now: int) -> Message:
        """The acknowledgement NCMD: ``journal/stored`` (with ``journal/id``), one segment's highest contiguous stored offset."""
        metrics = (
            Metric(name=names.JOURNAL_ID, time=now, type=DataType.STRING, value=journal),
            Metric(name=names.JOURNAL_STORED, time=now, type=DataType.INT64, value=offset),
        )
        return _command(node, "", metrics, now)

    def command(self, node: NodeId, device: str, metrics: dict[str, Value], now: int) -> Message:
        """An NCMD (device "") or DCMD, typed and aliased as the birth declared; before a birth, by the value's own type."""
        known = self._nodes.get(node)
        remote = known.devices.get(device) if known else None
        made = []
        for name, value in metrics.items():
            column = remote.columns.by_name.get(name, -1) if remote else -1
            number = remote.columns.types[column] if remote and column >= 0 else _type_of(value)
            alias = remote.columns.aliases.get(name) if remote else None
            made.append(Metric(name=name if alias is None else "", alias=alias, time=now, type=number, value=value))
        return _command(node, device, tuple(made), now)

    def _parse(self, topic: str) -> Topic | StateTopic:
        where = topics.parse(topic)
        if len(self._topics) >= _MAX_TOPICS:
            self._topics.clear()
        self._topics[topic] = where
        return where

    def _meet(self, id_: NodeId) -> RemoteNode:
        if len(self._nodes) >= _MAX_NODES:
            raise MalformedPayload(f"more than {_MAX_NODES} edge nodes")
        node = self._nodes[id_] = RemoteNode(id_)
        return node

    def _own_state(self, topic: str, payload: bytes) -> _Answer:
        if topic != self._state_topic or not self._online:
            return [], []
        try:
            online, _ = hoststate.parse(payload)
        except hoststate.BadState as error:
            return [], [Complaint(None, f"{topic}: {error}")]
        # somebody (an old will, a second host of our name) says that we are away
        return ([] if online else [self._state(online=True, time=self._will_time)]), []

    # -- births and deaths ---------------------------------------------------------------------------------------------

    def _node_birth(self, where: Topic, node: RemoteNode, payload: bytes, now: int) -> _Answer:
        digest, message = hash(payload), codec.decode(payload)
        if digest == node.birth_digest:
            node.born_again(message, digest)
            return [], []
        birth = node.born(message, digest, now)
        scan = birth.scan
        born = NodeBorn(birth.columns.layout, scan, scan.time, node.journal, node.first, birth.times)
        problems = birth.problems if node.bd_seq is not None else (*birth.problems, "has no bdSeq")
        return [], [born, *_complaints(where, problems)]

    def _device_birth(self, where: Topic, node: RemoteNode, payload: bytes, now: int) -> _Answer:
        if node.tracker is None:
            return self._unborn(where, node, now)
        message = codec.decode(payload)
        if self._is_old(node, where, message.seq, payload, now):
            return [], []
        birth = node.device_born(where.device, message, now)
        born = DeviceBorn(birth.columns.layout, birth.scan, birth.times)
        return self._ask(node, now), [born, *_complaints(where, birth.problems)]

    def _node_death(self, where: Topic, node: RemoteNode, payload: bytes, now: int) -> _Answer:
        found = next((m.value for m in codec.decode(payload).metrics if m.name == names.BD_SEQ), None)
        if node.tracker is None:
            return [], []
        if found is None:
            return [], [Complaint(node.id, f"{where}: has no bdSeq, ignored")]
        if found != node.bd_seq:
            return [], []  # the will of an earlier connection
        node.died()
        return [], [NodeDied(node.id, now)]

    def _device_death(self, where: Topic, node: RemoteNode, payload: bytes, now: int) -> _Answer:
        if node.tracker is None:
            return self._unborn(where, node, now)
        message = codec.decode(payload)
        if self._is_old(node, where, message.seq, payload, now):
            return [], []
        device = node.devices.get(where.device)
        if device is not None:
            device.alive = False
        time = now if message.time is None or message.time > MAX_TIME else message.time
        return [], [DeviceDied(node.id, where.device, time)]

    # -- data ----------------------------------------------------------------------------------------------------------

    def _data(self, where: Topic, node: RemoteNode, payload: bytes, now: int) -> _Answer:
        if node.tracker is None:
            return self._unborn(where, node, now)
        try:
            message = PayloadMessage.FromString(payload)
        except DecodeError:
            raise MalformedPayload(f"{len(payload)} bytes are not a Sparkplug payload") from None
        seq = message.seq if message.HasField("seq") else None
        if self._arrived(node, where, seq, payload, now) is Arrival.AGAIN:
            return [], []
        device = node.devices.get(where.device)
        if device is None or not device.alive:
            return self._unborn(where, node, now)
        data = node.read(device, message, now)
        events: list[HostEvent] = [ScanReceived(scan) for scan in data.scans]
        if data.first is not None and node.journal is not None:
            events.append(JournalMoved(node.id, node.journal, data.first))
        if not data.problems and not data.unknown:
            return [], events
        events += _complaints(where, (*data.problems, *(f"{name!r} was not in the birth" for name in data.unknown)))
        return (self._want(node, now) if node.is_news(where.device, data.unknown) else []), events

    def _arrived(self, node: RemoteNode, where: Topic, seq: int | None, payload: bytes, now: int) -> Arrival:
        assert node.tracker is not None, "checked by the caller"
        if seq is None or seq > 255:
            raise MalformedPayload("has no seq" if seq is None else f"seq {seq} is beyond 255")
        return node.tracker.arrived(seq, hash((where.device, payload)), now)

    def _is_old(self, node: RemoteNode, where: Topic, seq: int | None, payload: bytes, now: int) -> bool:
        """True for a birth or death of a device that came before, or that a later one has overtaken."""
        again = self._arrived(node, where, seq, payload, now) is Arrival.AGAIN
        assert seq is not None, "_arrived refuses a message without one"
        return again or not node.supersedes(where.device, seq)

    def _unborn(self, where: Topic, node: RemoteNode, now: int) -> _Answer:
        return self._want(node, now), [Complaint(node.id, f"{where}: before its birth")]

    # -- asking for a rebirth ------------------------------------------------------------------------------------------

    def _want(self, node: RemoteNode, now: int) -> list[Message]:
        node.want_rebirth()
        return self._ask(node, now)

    def _ask(self, node: RemoteNode, now: int) -> list[Message]:
        if not node.may_ask(now, self._pause_ms):
            return []
        metric = Metric(name=names.REBIRTH, time=now, type=DataType.BOOLEAN, value=True)
        return [_command(node.id, "", (metric,), now)]


def _command(node: NodeId, device: str, metrics: tuple[Metric, ...], now: int) -> Message:
    topic = topics.build(Verb.DCMD if device else Verb.NCMD, node, device)
    return Message(topic, codec.encode(Payload(time=now, metrics=metrics)))


def _complaints(where: Topic, problems: tuple[str, ...]) -> list[HostEvent]:
    return [Complaint(where.node, f"{where}: {'; '.join(problems)}")] if problems else []


def _type_of(value: Value) -> DataType:
    if isinstance(value, bool):
        return DataType.BOOLEAN
    if isinstance(value, int):
        return DataType.INT64
    return DataType.DOUBLE if isinstance(value, float) else DataType.STRING
