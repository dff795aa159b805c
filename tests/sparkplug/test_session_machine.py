"""Edge and host over a channel that loses, repeats and reorders, explored by hypothesis.

Every value ever sent is unique, so one that turns up under another name, device or time is seen at once. At the end the channel
becomes good, and the host must come to hear what the edge last said. Once with names, as our edges send, and once with aliases
that are dealt anew at every birth, as a node of another make might.
"""

from __future__ import annotations

from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from lampwell.points import Kind, Point
from lampwell.readings import Layout, NodeId, Scan
from lampwell.sparkplug.descriptor import PayloadMessage
from lampwell.sparkplug.edge import EdgeSession
from lampwell.sparkplug.host import HostSession
from lampwell.sparkplug.messages import DeviceBorn, Message, ScanReceived

NODE = NodeId("taihe", "gw-1")
NODE_LAYOUT = Layout(NODE, "", ())
DEVICES = st.sampled_from(["well-01", "well-02"])
PLACE = st.integers(0, 30)


class Aliases:
    """Rewrites what an edge session sends so that metrics go by alias, with new aliases at every birth."""

    def __init__(self) -> None:
        self.next = 0
        self.given: dict[tuple[str, str], int] = {}

    def apply(self, message: Message) -> Message:
        _, _, verb, _, *device = message.topic.split("/")
        payload = PayloadMessage.FromString(message.payload)
        place = "".join(device)
        if verb == "NBIRTH":
            # start over: the same few numbers now mean other metrics
            self.next = 0
        for metric in payload.metrics:
            if metric.name.startswith("p"):
                if verb.endswith("BIRTH"):
                    self.given[place, metric.name] = self.next = self.next + 1
                    metric.alias = self.next
                else:
                    metric.alias = self.given[place, metric.name]
                    metric.ClearField("name")
        return Message(message.topic, payload.SerializeToString(), message.qos)


class Channel(RuleBasedStateMachine):
    """The rules of the game; ``aliased`` is set by the subclass."""

    aliased = False

    def __init__(self) -> None:
        super().__init__()
        self.now = 1_780_000_000_000
        self.edge = EdgeSession(NODE_LAYOUT, bd_seq=-1, journal="j-1", host_id="lampwell")
        self.host = HostSession("lampwell", reorder_ms=2_000, rebirth_pause_ms=10_000)
        self.aliases = Aliases() if self.aliased else None
        self.layouts: dict[str, Layout] = {}
        self.flying: list[Message] = []
        self.sent = 0
        self.truth: dict[float, tuple[str, str, int]] = {}
        self.heard: dict[tuple[str, str], float] = {}
        self.will = self.edge.will(self.now)
        self.host.will(self.now)
        self.host.connected(self.now)
        self.fly(self.edge.connected(self.now, journal_first=0, acknowledged={}))

    # -- the two ends --------------------------------------------------------------------------------------------------

    def fly(self, messages: list[Message]) -> None:
        self.flying += [self.aliases.apply(m) for m in messages] if self.aliases else messages

    def value(self, device: str, point: Point) -> float:
        self.sent += 1
        value = self.sent if point.kind is Kind.INT else self.sent + 0.5
        self.truth[value] = (device, point.path, self.now)
        return value

    def full_scan(self, layout: Layout) -> Scan:
        values = tuple(self.value(layout.device, p) for p in layout.points)
        return Scan(layout, self.now, tuple(range(len(values))), values, (0,) * len(values), self.sent, "j-1")

    def hear(self, message: Message) -> list[Message]:
        answers, events = self.host.received(message.topic, message.payload, self.now)
        for event in events:
            if isinstance(event, ScanReceived):
                self.check(event.scan, (event.scan.time,) * len(event.scan.index))
            elif isinstance(event, DeviceBorn):
                self.check(event.birth, event.times)
        return answers

    def check(self, scan: Scan, times: tuple[int, ...]) -> None:
        for column, value, time in zip(scan.index, scan.values, times, strict=True):
            if isinstance(value, int | float):
                name = scan.layout.points[column].path
                assert self.truth[value] == (scan.layout.device, name, time), "a value under a wrong name, device or time"
                self.heard[scan.layout.device, name] = value

    def tell_edge(self, messages: list[Message]) -> None:
        for message in messages:
            if "/NCMD/" in message.topic:
                self.fly(self.edge.received(message.topic, message.payload, self.now)[0])

    # -- what the edge does --------------------------------------------------------------------------------------------

    @rule(device=DEVICES, names=st.permutations(["pa", "pb", "pc", "pd"]), count=st.integers(1, 4), whole=st.booleans())
    def born(self, device: str, names: list[str], count: int, whole: bool) -> None:
        """A device comes, or comes back with other points in another order."""
        points = tuple(Point(path=n, kind=Kind.INT if whole and n == "pa" else Kind.FLOAT) for n in names[:count])
        layout = self.layouts[device] = Layout(NODE, device, points)
        self.fly(self.edge.device_born(layout, self.full_scan(layout)))

    @rule(device=DEVICES, data=st.data())
    def scan(self, device: str, data: st.DataObject) -> None:
        """Some points in some order."""
        layout = self.layouts.get(device)
        if layout is not None:
            chosen = tuple(data.draw(st.permutations(range(len(layout.points)))))[: data.draw(st.integers(1, 4))]
            values = tuple(self.value(device, layout.points[i]) for i in chosen)
            message = self.edge.scan(Scan(layout, self.now, chosen, values, (0,) * len(values), self.sent, "j-1"))
            self.fly([message] if message else [])

    @rule(device=DEVICES)
    def died(self, device: str) -> None:
        """A device falls silent."""
        self.fly(self.edge.device_died(device, self.now))

    @rule(by_will=st.booleans())
    def reconnect(self, by_will: bool) -> None:
        """A new connection; the old will is published before or after, as brokers do."""
        old, self.will = self.will, self.edge.will(self.now)
        births = self.edge.connected(self.now, journal_first=0, acknowledged={})
        if by_will:
            self.flying.append(old)
        self.fly(births)
        if not by_will:
            self.flying.append(old)

    # -- what the channel does -----------------------------------------------------------------------------------------

    @rule(count=st.integers(1, 12))
    def deliver(self, count: int) -> None:
        """In order, and the host's requests reach the edge."""
        for _ in range(min(count, len(self.flying))):
            self.tell_edge(self.hear(self.flying.pop(0)))

    @rule(at=PLACE, requests_arrive=st.booleans())
    def deliver_out_of_order(self, at: int, requests_arrive: bool) -> None:
        """One message overtakes others; the host's request may be lost."""
        if self.flying:
            answers = self.hear(self.flying.pop(at % len(self.flying)))
            self.tell_edge(answers if requests_arrive else [])

    @rule(at=PLACE, again=PLACE)
    def repeat(self, at: int, again: int) -> None:
        """A message will come twice."""
        if self.flying:
            self.flying.insert(again % (len(self.flying) + 1), self.flying[at % len(self.flying)])

    @rule(at=PLACE)
    def lose(self, at: int) -> None:
        """A message never arrives."""
        if self.flying:
            self.flying.pop(at % len(self.flying))

    @rule(seconds=st.sampled_from([0.001, 1, 3, 11]))
    def wait(self, seconds: float) -> None:
        """Time passes, the host ticks."""
        self.now += round(seconds * 1000)
        self.tell_edge(self.host.tick(self.now))

    # -- and in the end ------------------------------------------------------------------------------------------------

    def teardown(self) -> None:
        """The channel is good again: within a minute the host hears what every living device says."""
        last: dict[tuple[str, str], Any] = {}
        for _ in range(6):
            self.now += 11_000
            self.tell_edge(self.host.tick(self.now))
            last.clear()
            for device, layout in self.layouts.items():
                scan = self.full_scan(layout)
                message = self.edge.scan(scan)
                if message is not None:
                    self.fly([message])
                    last |= {(device, p.path): v for p, v in zip(layout.points, scan.values, strict=True)}
            while self.flying:
                self.tell_edge(self.hear(self.flying.pop(0)))
        assert {place: self.heard.get(place) for place in last} == last


class AliasedChannel(Channel):
    """The same with aliases."""

    aliased = True


TestNamed = Channel.TestCase
TestNamed.settings = settings(deadline=None, max_examples=200, stateful_step_count=40)
TestAliased = AliasedChannel.TestCase
TestAliased.settings = settings(deadline=None, max_examples=200, stateful_step_count=40)


class _Drawn:
    """What hypothesis drew when it found this."""

    def __init__(self, *values: Any) -> None:
        self._values = list(values)

    def draw(self, _: Any) -> Any:
        return self._values.pop(0)


def test_a_rebirth_in_the_same_millisecond_with_aliases_dealt_anew() -> None:
    """Protects a device whose alias a dead one had before a rebirth that looks like a repeat: its values are heard."""
    state = AliasedChannel()
    state.deliver(count=1)
    state.born(count=3, device="well-02", names=["pa", "pb", "pc", "pd"], whole=False)
    state.deliver(count=1)
    state.died(device="well-02")
    state.deliver(count=1)
    state.reconnect(by_will=False)
    state.reconnect(by_will=False)
    state.scan(data=_Drawn([0, 1, 2], 1), device="well-02")  # type: ignore[arg-type]
    for _ in range(3):
        state.deliver(count=1)
    state.born(count=1, device="well-02", names=["pa", "pb", "pc", "pd"], whole=False)
    state.reconnect(by_will=False)
    state.repeat(again=0, at=14)
    state.deliver(count=2)
    state.died(device="well-02")
    state.deliver(count=2)
    state.born(count=1, device="well-01", names=["pa", "pb", "pc", "pd"], whole=False)
    state.teardown()
