"""What is heard of edge nodes: known only while they are there, never from history, whatever nonsense they send."""

from __future__ import annotations

from typing import Any

import pytest

from control.lighting.heard import EdgeSaid, Listener, layer_of, standing_of
from lampwell.lighting.model import Layer
from lampwell.lighting.wire import OUTCOME, OVERRIDES, PLAN, UNLIKE, Outcome, Said, Stands, State, write
from lampwell.points import Kind, Point
from lampwell.readings import Layout, NodeId, Scan
from lampwell.sparkplug.messages import NodeBorn, NodeDied, ScanReceived

NODE = NodeId("oldtown", "edge-1")
PATHS = ("uptime", PLAN, OUTCOME, OVERRIDES, UNLIKE)
LAYOUT = Layout(NODE, "", tuple(Point(path=path, kind=Kind.INT if path == UNLIKE else Kind.TEXT) for path in PATHS))
LEASE = Stands(id="a-1", layer="lease", targets=("c/loop1",), level=30, start=10, end=99, who="王", reason=Said(zh="试"))
DONE = Outcome(id="a-1", state=State.VERIFIED, at=7, reason=Said(zh="好"))


def scan(layout: Layout = LAYOUT, *, historical: bool = False, **values: Any) -> Scan:
    named = {"plan": PLAN, "outcome": OUTCOME, "overrides": OVERRIDES, "unlike": UNLIKE}
    index = tuple(PATHS.index(named[name]) for name in values)
    return Scan(layout, 5, index, tuple(values.values()), (0,) * len(index), historical=historical)


def born(**values: Any) -> NodeBorn:
    return NodeBorn(LAYOUT, scan(**values), 5)


@pytest.fixture
def listener() -> Listener:
    return Listener({NODE: "edge-1"})


def test_a_birth_tells_all_and_forgets_what_was_before(listener: Listener) -> None:
    """Protects from believing a node that came back without its plan."""
    listener.event(born(plan="1 x", unlike=0, overrides=write((LEASE,))))
    said = listener.said["edge-1"]
    assert (said.alive, said.plan, said.unlike, said.overrides) == (True, "1 x", 0, (LEASE,))
    news = listener.event(born(unlike=None))
    assert news is not None
    assert news.said == EdgeSaid(alive=True)


def test_live_values_change_what_is_known_and_history_does_not(listener: Listener) -> None:
    """Protects the present from yesterday's backlog; an outcome counts whenever it comes."""
    listener.event(born(plan="1 x", unlike=0))
    assert listener.event(ScanReceived(scan(unlike=2, historical=True))) is None
    assert listener.said["edge-1"].unlike == 0
    old = listener.event(ScanReceived(scan(outcome=write(DONE), historical=True)))
    assert old is not None
    assert old.outcomes == (DONE,)
    live = listener.event(ScanReceived(scan(unlike=2)))
    assert live is not None
    assert live.said.unlike == 2


def test_death_and_a_broker_away_leave_nothing_known(listener: Listener) -> None:
    """Protects from counting a silent node as agreeing: dead is dead, and without a broker nobody is known to live."""
    listener.event(born(plan="1 x", unlike=0))
    listener.event(NodeDied(NODE, 9))
    assert listener.said["edge-1"].alive is False
    listener.event(ScanReceived(Scan(Layout(NODE, "cabinet-1", LAYOUT.points), 9, (), (), ())))
    assert listener.said["edge-1"].alive is True
    listener.lost()
    assert (listener.said["edge-1"].alive, listener.said["edge-1"].plan) == (None, "1 x")


@pytest.mark.parametrize("text", ["{", "[]", '{"id":1}', "null", "�"])
def test_nonsense_changes_nothing(listener: Listener, text: str) -> None:
    """Protects control from an edge node of another version, or a broken one."""
    listener.event(born(plan="1 x", unlike=0))
    assert listener.event(ScanReceived(scan(outcome=text))) is None
    listener.event(ScanReceived(scan(overrides=text)))
    assert listener.said["edge-1"].overrides == ()
    assert listener.event(NodeDied(NodeId("elsewhere", "x"), 1)) is None


@pytest.mark.parametrize("name", ["crew lock", "crew-lock", "CREW_LOCK", "Crew Lock"])
def test_layers_are_known_however_they_are_written(name: str) -> None:
    """Protects from a lock that is not seen because of a hyphen."""
    assert layer_of(name) is Layer.CREW_LOCK


def test_an_override_that_can_not_be_is_left_out() -> None:
    """Protects explanations from a lease without an end or of an unknown layer."""
    endless = Stands(id="b", layer="lease", targets=("t",), level=1, start=1, end=None, who="", reason=Said(zh=""))
    odd = Stands(id="c", layer="poem", targets=("t",), level=1, start=1, end=9, who="", reason=Said(zh=""))
    assert list(standing_of((endless, odd)).bounds("t")) == []
    assert list(standing_of((endless, odd, LEASE)).bounds("c/loop1")) == [10, 99]
