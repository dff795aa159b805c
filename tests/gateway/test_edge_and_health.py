"""The edge against a transport that only writes down, and the node's own points."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from gateway.bdseq import BdSeqFile
from gateway.edge import Edge
from gateway.health import Health
from gateway.journal import Journal
from gateway.status import GatewayStatus, JournalStatus, LightingStatus, LinkStatus, UnitStatus
from lampwell.clock import VirtualClock
from lampwell.points import Kind, Point
from lampwell.readings import Layout, NodeId, Scan
from lampwell.sparkplug.host import HostSession
from lampwell.sparkplug.messages import DeviceBorn, DeviceDied, HostEvent, Message, NodeBorn, ScanReceived

NODE = NodeId("town", "edge-1")
WELL = Layout(NODE, "well-01", (Point(path="level"), Point(path="count", kind=Kind.INT)))
TIME = 1_780_000_000_000


@dataclass
class Wire:
    """A transport whose other end is a host session."""

    host: HostSession
    connected: bool = True
    backlog_bytes: int = 0
    events: list[HostEvent] = field(default_factory=list)

    def publish(self, message: Message) -> bool:
        if self.connected:
            _, events = self.host.received(message.topic, message.payload, TIME)
            self.events += events
        return self.connected

    def scans(self) -> list[Scan]:
        return [event.scan for event in self.events if isinstance(event, ScanReceived)]


@dataclass
class Rig:
    edge: Edge
    wire: Wire
    journal: Journal
    woken: list[bool]

    def connect(self) -> None:
        self.edge.will()
        self.edge.on_connected()
        state = self.wire.host.connected(TIME)[0]
        self.edge.on_message(state.topic, state.payload)

    def acknowledge(self, offset: int, journal: str | None = None) -> None:
        message = self.wire.host.stored(NODE, journal or self.journal.id, offset, TIME)
        self.edge.on_message(message.topic, message.payload)


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    clock = VirtualClock()
    journal = Journal.open(tmp_path / "journal.sqlite", limit_mb=1, now_ms=1, machine=clock)
    host = HostSession("lampwell")
    host.will(TIME)
    edge = Edge(Layout(NODE, "", ()), journal, clock=clock, bd_seq=BdSeqFile(tmp_path / "bdseq"), host_id="lampwell")
    woken: list[bool] = []
    wire = Wire(host)
    edge.attach(wire, on_host=lambda: woken.append(True))
    yield Rig(edge, wire, journal, woken)
    await journal.close()


def scan(n: int = 1, layout: Layout = WELL) -> Scan:
    return Scan(layout, TIME + n, (0, 1), (n / 10, n), (0, 0))


async def test_scan_is_in_the_journal_before_it_is_on_the_wire(rig: Rig) -> None:
    """Whatever the host has heard can be replayed: it carries an offset of this journal."""
    rig.connect()
    rig.edge.device_born(WELL, scan())
    rig.edge.accept(scan())
    (heard,) = rig.wire.scans()
    assert (heard.offset, heard.journal) == (rig.journal.last, rig.journal.id)
    assert heard.values == (0.1, 1)


async def test_journal_alone_grows_while_nobody_is_there(rig: Rig) -> None:
    """No broker, no host: accepted all the same."""
    rig.edge.device_born(WELL, scan())
    rig.edge.accept(scan())
    assert rig.journal.last & 0xFFFF == 1
    assert rig.wire.events == []
    assert not rig.edge.open


async def test_acknowledgement_of_another_journal_throws_nothing_away(rig: Rig) -> None:
    """A collector that mixes up its edges, or remembers an older file, must not empty ours."""
    rig.connect()
    rig.edge.accept(scan())
    rig.acknowledge(rig.journal.last, journal="another")
    rig.acknowledge(rig.journal.last + 1)
    assert rig.journal.oldest == rig.journal.last
    assert rig.edge.complaints == 2
    rig.acknowledge(rig.journal.last)
    assert rig.journal.oldest is None


async def test_backlog_of_a_silent_device_is_sent_under_a_birth_without_values(rig: Rig) -> None:
    """The host gets the old scans, no invented present ones, and a death at the end."""
    rig.connect()
    for n in (1, 2):
        rig.edge.resend(replace(scan(n), offset=n, journal=rig.journal.id, historical=True))
    rig.edge.end_of_backlog()
    kinds = [type(event) for event in rig.wire.events if not isinstance(event, NodeBorn)]
    assert kinds == [DeviceBorn, ScanReceived, ScanReceived, DeviceDied]
    birth = next(event for event in rig.wire.events if isinstance(event, DeviceBorn))
    assert birth.birth.values == (None, None)
    assert [s.values for s in rig.wire.scans()] == [(0.1, 1), (0.2, 2)]
    assert all(s.historical for s in rig.wire.scans())


async def test_device_that_answers_again_during_the_backlog_stays_alive(rig: Rig) -> None:
    """The end of the backlog must not bury the living."""
    rig.connect()
    rig.edge.resend(replace(scan(), offset=1, journal=rig.journal.id, historical=True))
    rig.edge.device_born(WELL, scan(2))
    rig.edge.end_of_backlog()
    assert not any(isinstance(event, DeviceDied) for event in rig.wire.events)


async def test_hole_in_the_journal_reaches_the_host_as_an_offset_without_readings(rig: Rig) -> None:
    """A row given up must not hold back the acknowledgement of all after it."""
    rig.connect()
    nothing = Layout(NodeId("", ""), "", ())
    rig.edge.resend(Scan(nothing, 0, (), (), (), 7, rig.journal.id, historical=True))
    (heard,) = rig.wire.scans()
    assert (heard.offset, heard.index) == (7, ())


async def test_value_that_is_not_of_its_kind_costs_its_scan_and_not_the_gateway(rig: Rig) -> None:
    """Said, counted, and the offset is still accounted for."""
    rig.connect()
    rig.edge.device_born(WELL, scan())
    rig.edge.accept(Scan(WELL, TIME, (0, 1), (1.0, 1.5), (0, 0)))
    (heard,) = rig.wire.scans()
    assert (heard.offset, heard.index) == (rig.journal.last, ())
    assert rig.edge.complaints == 1


async def test_host_coming_online_wakes_the_replay_once(rig: Rig) -> None:
    """STATE is repeated; the backlog is not."""
    rig.connect()
    state = rig.wire.host.connected(TIME)[0]
    rig.edge.on_message(state.topic, state.payload)
    assert rig.woken == [True]
    rig.edge.on_disconnected("gone")
    assert not rig.edge.open


async def test_bd_seq_goes_on_after_a_restart(rig: Rig, tmp_path: Path) -> None:
    """It is on the disk before the CONNECT that uses it; a torn file counts as none."""
    file = BdSeqFile(tmp_path / "bdseq")
    rig.edge.will()
    rig.edge.will()
    assert file.load() == rig.edge.session.bd_seq == 1
    (tmp_path / "bdseq").write_text("x7")
    assert file.load() == -1


def status(**changes: object) -> GatewayStatus:
    unit = UnitStatus(device="well-01", state="ok", errors={"no-answer": 2, "refused-2": 1, "refused-6": 1})
    link = LinkStatus(id="line-1", endpoint="x", connected=True, units=(unit,), cycle_s=1.0, load=0.1, late=3)
    journal = JournalStatus(id="j", backlog=5, oldest_ms=TIME - 2000, holds_hours=31.0, dropped={"journal full": 7})
    made = GatewayStatus(
        edge="edge-1", now_ms=TIME, links=(link,), polls=0, readings=0, scans=0, journal=journal, broker=True, host=True
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def named(scan: Scan | None) -> dict[str, object]:
    return {scan.layout.points[i].path: v for i, v in zip(scan.index, scan.values, strict=True)} if scan else {}


def test_health_says_what_a_duty_officer_asks() -> None:
    """Links, units, errors by kind, late answers, backlog, how long the journal lasts, what was given up."""
    first = named(Health(NODE, status().links, 0.0).scan(status(), 5.0, 0))
    assert first["link/line-1/connected"] is True
    assert (first["link/line-1/no_answer"], first["link/line-1/refused"], first["link/line-1/late"]) == (2, 2, 3)
    assert (first["unit/well-01/state"], first["unit/well-01/errors"]) == ("ok", 4)
    assert (first["journal/backlog"], first["journal/oldest_age"], first["journal/holds"]) == (5, 2.0, 31.0)
    assert first["journal/dropped_journal_full"] == 7
    assert first["readings_rate"] is None


def test_health_is_quiet_while_nothing_happens() -> None:
    """Uptime alone is no news; a new state is."""
    health = Health(NODE, status().links, 0.0)
    health.scan(status(), 5.0, 0)
    assert set(named(health.scan(status(now_ms=TIME + 5000, readings=50), 10.0, 0))) <= {"readings_rate", "journal/oldest_age"}
    link = status().links[0]
    dead = status(links=(replace(link, units=(replace(link.units[0], state="dead"),)),), now_ms=TIME + 9000, readings=90)
    assert named(health.scan(dead, 14.0, 0))["unit/well-01/state"] == "dead"


def test_lighting_is_told_beside_the_health_and_outcomes_only_when_there_are_any() -> None:
    """What is in force is a reading like any other; the order's and the outcome's points never get an invented value."""
    health = Health(NODE, status().links, 0.0)
    lighting = LightingStatus(plan="7 sha256:x", overrides="[]", unlike=2)
    first = named(health.scan(status(lighting=lighting), 5.0, 0))
    assert (first["lighting/plan"], first["lighting/overrides"], first["lighting/unlike"]) == ("7 sha256:x", "[]", 2)
    assert not {"lighting/order", "lighting/outcome"} & set(first)
    assert [point.path for point in health.layout.points if point.writable] == ["lighting/order"]
    assert named(health.outcome("{}", TIME, 0)) == {"lighting/outcome": "{}"}


def test_every_health_value_is_of_its_points_kind() -> None:
    """A kind that does not fit would stop the node's own scans on the wire."""
    kinds = {Kind.FLOAT: float, Kind.INT: int, Kind.BOOL: bool, Kind.TEXT: str}
    health = Health(NODE, status().links, 0.0)
    found = health.scan(status(), 5.0, 0)
    assert found is not None
    for i, value in zip(found.index, found.values, strict=True):
        assert value is None or type(value) is kinds[found.layout.points[i].kind]
