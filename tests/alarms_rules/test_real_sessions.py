"""The watch behind the real Sparkplug sessions: what an edge node of ours really sends means what the watch thinks it does."""

from __future__ import annotations

from control.alarms.watch import Watch
from lampwell.points import Value
from lampwell.readings import Flag, Layout, Scan
from lampwell.sparkplug.edge import EdgeSession
from lampwell.sparkplug.host import HostSession
from lampwell.sparkplug.messages import Message

from .conftest import OLDTOWN, T0, binding, new_layout, quiet, scan_of, taihe

OFFLINE, EDGE = "key-device-offline@ponding-1", "edge-offline@edge:edge-oldtown"


class Wire:
    """One edge session and one host session without a broker between them; ``said``: the newest condition of each alarm."""

    def __init__(self) -> None:
        self.now = T0
        self.node, self.device = new_layout(OLDTOWN, ""), new_layout(OLDTOWN, "ponding-1")
        self.edge = EdgeSession(self.node, bd_seq=-1, journal="j1", host_id="lampwell")
        self.host = HostSession("control")
        self.watch = Watch(binding(), taihe())
        self.said: dict[str, object] = {}
        self.host.connected(self.now)
        self._take(self.watch.broker(connected=True, now=self.now))
        self.will = self.edge.will(self.now)
        self.edge.scan(scan_of(self.node, self.now, {point.path: quiet(point) for point in self.node.points}))
        self.send(self.edge.connected(self.now, journal_first=0, acknowledged={}))

    def send(self, messages: list[Message]) -> None:
        """Messages of the edge node reach control; what its host answers (rebirth requests) reaches the edge node."""
        for message in messages:
            answers, events = self.host.received(message.topic, message.payload, self.now)
            for event in events:
                self._take(self.watch.event(event, self.now))
            for answer in answers:
                self.send(self.edge.received(answer.topic, answer.payload, self.now)[0])

    def born(self, level: float | None, *, empty: bool = False) -> None:
        values: dict[str, Value | None] = {point.path: level if point.path == "level" else 0 for point in self.device.points}
        latest = Scan(self.device, self.now, (), (), ()) if empty else scan_of(self.device, self.now, values)
        self.send(self.edge.device_born(self.device, latest))

    def see(
        self, level: float, flags: int = 0, *, historical: bool = False, ago_s: int = 0, layout: Layout | None = None
    ) -> None:
        scan = scan_of(layout or self.device, self.now - ago_s * 1000, {"level": level}, flags, historical=historical)
        message = self.edge.scan(scan, self.now)
        self.send([message] if message else [])

    def level(self) -> object:
        return self.said.get("ponding-red@ponding-1")

    def wait(self, seconds: float) -> None:
        self.now += round(seconds * 1000)
        self._take(self.watch.tick(self.now))

    def _take(self, seen: object) -> None:
        self.said |= {one.key: one.value for one in seen.conditions}  # type: ignore[attr-defined]  # Seen


def test_birth_data_death() -> None:
    """Protects the plain life of a device on the wire."""
    wire = Wire()
    assert wire.said[EDGE] is False
    wire.born(0.01)
    assert (wire.said[OFFLINE], wire.level()) == (False, 0.01)
    wire.wait(5)
    wire.see(0.45)
    assert wire.level() == 0.45
    wire.wait(5)
    wire.see(0.45, int(Flag.RANGE))
    assert wire.level() is None
    wire.send(wire.edge.device_died("ponding-1", wire.now))
    assert wire.said[OFFLINE] is True


def test_the_backlog_of_a_dead_device_is_no_life() -> None:
    """Protects from ghost births as the gateway really makes them: with the values of before its death, or with none."""
    wire = Wire()
    wire.born(0.01)
    wire.wait(5)
    wire.see(0.45)
    wire.wait(60)
    wire.send(wire.edge.device_died("ponding-1", wire.now))
    wire.wait(60)
    wire.born(None, empty=True)
    wire.see(0.44, historical=True, ago_s=70)
    assert (wire.said[OFFLINE], wire.level()) == (True, None)
    wire.send(wire.edge.device_died("ponding-1", wire.now))
    wire.wait(5)
    wire.born(0.02)
    assert (wire.said[OFFLINE], wire.level()) == (False, 0.02)


def test_a_will_and_a_return() -> None:
    """Protects the return of an edge node: its births repeat readings of before its death, and they count."""
    wire = Wire()
    wire.born(0.45)
    wire.wait(30)
    wire.edge.disconnected()
    wire.send([wire.will])
    assert (wire.said[EDGE], wire.said[OFFLINE], wire.level()) == (True, True, None)
    wire.wait(100)
    wire.will = wire.edge.will(wire.now)
    wire.send(wire.edge.connected(wire.now, journal_first=0, acknowledged={}))
    assert (wire.said[EDGE], wire.said[OFFLINE], wire.level()) == (False, False, 0.45)


def test_a_restart_of_control_asks_for_what_it_missed() -> None:
    """Protects control's own restart: the first data of an edge node bring its births, and a device that died meanwhile shows."""
    wire = Wire()
    wire.born(0.45)
    wire.send(wire.edge.device_died("ponding-1", wire.now))
    wire.host, wire.watch, wire.said = HostSession("control"), Watch(binding(), taihe()), {}
    wire.host.connected(wire.now)
    wire._take(wire.watch.broker(connected=True, now=wire.now))
    message = wire.edge.scan(scan_of(wire.node, wire.now, {"clock_trusted": True}))
    assert message is not None
    wire.send([message])
    assert wire.said[EDGE] is False
    assert wire.said[OFFLINE] is None
    wire.wait(61)
    assert wire.said[OFFLINE] is True
