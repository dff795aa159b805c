"""One edge node as a host knows it: births, aliases, sequence, and when to ask it for a rebirth."""

from __future__ import annotations

from typing import Any

from lampwell.readings import NodeId
from lampwell.sparkplug import names
from lampwell.sparkplug.codec import Metric, Payload
from lampwell.sparkplug.datatypes import kind_of
from lampwell.sparkplug.host_birth import IGNORED, MAX_TIME, Birth, Columns, read_birth
from lampwell.sparkplug.host_data import Data, read_data
from lampwell.sparkplug.sequence import SequenceTracker

_REMEMBERED_UNKNOWN = 1_000
_EARLIER_SHAPES = 64
_TRIES = 6


class RemoteDevice:
    """A device (or, with name "", the node itself) of an edge node. ``position`` is where its latest birth or death stands in
    the node's sequence.
    """

    __slots__ = ("aliases", "alive", "columns", "earlier", "name", "position")

    def __init__(self, name: str, columns: Columns) -> None:
        self.name = name
        self.columns = columns
        self.aliases: dict[int, int] = {}
        self.alive = True
        self.position = 0
        self.earlier: dict[tuple[tuple[str, int], ...], Columns] = {}


class RemoteNode:
    """State of one edge node. ``tracker`` is None while it is not born."""

    __slots__ = (
        "_again",
        "_alias_owner",
        "_asked_at",
        "_asked_for",
        "_tries",
        "bd_seq",
        "birth_digest",
        "devices",
        "first",
        "id",
        "journal",
        "tracker",
    )

    def __init__(self, node: NodeId) -> None:
        self.id = node
        self.tracker: SequenceTracker | None = None
        self.bd_seq: int | None = None
        self.birth_digest: int | None = None
        self.journal: str | None = None
        self.first = 0
        self.devices: dict[str, RemoteDevice] = {}
        self._alias_owner: dict[int, RemoteDevice] = {}
        self._tries = 0
        self._again = False
        self._asked_at: int | None = None
        self._asked_for: set[tuple[str, str]] = set()

    # -- births and deaths ---------------------------------------------------------------------------------------------

    def born(self, payload: Payload, digest: int, now: int) -> Birth:
        """A NBIRTH: everything before it is void, its devices are dead until their DBIRTHs."""
        values = {m.name: m.value for m in payload.metrics}
        bd_seq = _integer(values.get(names.BD_SEQ))
        if bd_seq != self.bd_seq:
            self._asked_for.clear()
        self.bd_seq = bd_seq
        journal = values.get(names.JOURNAL_ID)
        self.journal = journal if isinstance(journal, str) and journal else None
        self.first = _integer(values.get(names.JOURNAL_FIRST)) or 0
        self.tracker = SequenceTracker(payload.seq or 0, digest)
        self.birth_digest = digest
        self._tries = 0
        self._again = False
        self._alias_owner = {}
        for device in self.devices.values():
            device.alive = False
            device.position = 0
        return self.device_born("", payload, now)

    def born_again(self, payload: Payload, digest: int) -> None:
        """The very same NBIRTH once more, a repeat or a rebirth in the same millisecond: its devices live on, and if it was a
        repeat the sequence shows a gap, which asks for a true rebirth. If it was not, aliases may have been dealt anew.
        """
        self._again = True
        self.tracker = SequenceTracker(payload.seq or 0, digest)

    def device_born(self, name: str, payload: Payload, now: int) -> Birth:
        """A DBIRTH (or the node's own part of its NBIRTH). An unchanged layout stays the same object."""
        time = now if payload.time is None or payload.time > MAX_TIME else payload.time
        birth = read_birth(self.id, name, payload.metrics, time, journal=self.journal is not None)
        device = self.devices.get(name)
        if device is None:
            device = self.devices[name] = RemoteDevice(name, birth.columns)
        elif device.columns.same_shape(birth.columns):
            birth = birth.on(device.columns)
        else:
            device.columns = birth.columns
            device.earlier = {}
        device.alive = True
        clashes = self._take_aliases(device)
        if clashes and self._again:
            self.want_rebirth()
        return birth.complain(clashes) if clashes else birth

    def _take_aliases(self, device: RemoteDevice) -> list[str]:
        """Give the device its aliases. One that is used twice on a node is taken from both: it must not name the wrong metric.
        A dead device has none: it is born anew before it says anything.
        """
        self._alias_owner = {alias: owner for alias, owner in self._alias_owner.items() if owner is not device and owner.alive}
        device.aliases = {}
        clashes = []
        for name, alias in device.columns.aliases.items():
            owner = self._alias_owner.get(alias)
            if owner is None:
                device.aliases[alias] = device.columns.by_name[name]
                self._alias_owner[alias] = device
            else:
                clashes.append(f"alias {alias} of {name!r} is used twice")
                owner.aliases[alias] = device.aliases[alias] = IGNORED
        return clashes

    def died(self) -> None:
        """The node is gone, and its devices with it."""
        self.tracker = None
        self.birth_digest = None
        self._tries = 0
        for device in self.devices.values():
            device.alive = False

    def supersedes(self, name: str, seq: int) -> bool:
        """True where a birth or death of this device with this seq is newer than what is known; then it becomes what is known."""
        assert self.tracker is not None, "an unborn node has no sequence"
        device, position = self.devices.get(name), self.tracker.position(seq)
        if device is None:
            return True
        if position <= device.position:
            return False
        device.position = position
        return True

    # -- data ----------------------------------------------------------------------------------------------------------

    def read(self, device: RemoteDevice, message: Any, now: int) -> Data:
        """The scans of a data message. History may name metrics of an earlier birth; it brings its own names and types.

        An alias means what the birth before the message said. While a message is missing that might have been a birth, or where
        a later birth has come in already, aliases mean nothing.
        """
        assert self.tracker is not None, "data of an unborn node is not read"
        sure = self.tracker.is_whole and self.tracker.position(message.seq) > device.position
        data = read_data(message, device.columns, device.aliases if sure else {}, self.journal, now, strict=not sure)
        if data.unknown and all(m.is_historical and m.name and kind_of(m.datatype) for m in message.metrics):
            data = read_data(message, self._earlier_columns(device, message), {}, self.journal, now)
        if data.first is not None:
            self.first = data.first
        if data.offset is not None and not data.historical and (data.unknown or data.problems):
            # handed on in part it would be acknowledged in whole; not acknowledged, it comes again as history, which
            # brings its own names and types
            data.scans.clear()
        return data

    def _earlier_columns(self, device: RemoteDevice, message: Any) -> Columns:
        """Columns made of the message itself; points that the present birth still has are taken from there."""
        shape = tuple((m.name, m.datatype) for m in message.metrics)
        if shape not in device.earlier:
            if len(device.earlier) >= _EARLIER_SHAPES:
                device.earlier.clear()
            metrics = [Metric(name=name, type=number) for name, number in shape]
            columns = read_birth(self.id, device.name, metrics, 0, journal=self.journal is not None).columns
            device.earlier[shape] = columns.knowing(device.columns.layout.points)
        return device.earlier[shape]

    def is_news(self, device: str, unknown: list[str]) -> bool:
        """True where one of these undeclared metrics has not been asked about yet: a rebirth that did not explain it once
        will not do so the next time.
        """
        fresh = {(device, name) for name in unknown} - self._asked_for
        if len(self._asked_for) + len(fresh) > _REMEMBERED_UNKNOWN:
            self._asked_for.clear()
        self._asked_for |= fresh
        return bool(fresh)

    # -- rebirth -------------------------------------------------------------------------------------------------------

    def want_rebirth(self) -> None:
        """Something can only be mended by a rebirth: ask, and ask again a few times if nothing comes of it."""
        self._tries = _TRIES

    def settle_gap(self) -> None:
        """The wait for late messages is over: what is missing is lost, and a rebirth tells the present state."""
        assert self.tracker is not None, "only a born node has gaps"
        self.tracker.give_up()
        self.want_rebirth()

    def may_ask(self, now: int, pause_ms: int) -> bool:
        """True at most once per pause while a rebirth is wanted, and then the request counts as made."""
        if not self._tries or (self._asked_at is not None and 0 <= now - self._asked_at < pause_ms):
            return False
        self._asked_at = now
        self._tries -= 1
        return True


def _integer(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
