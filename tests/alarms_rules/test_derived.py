"""What is concluded from several facts."""

from __future__ import annotations

import pytest

from control.alarms.derived import BEHIND_S, OLDEST, SUBJECTS, EdgeFacts, Facts, conclude
from control.alarms.model import Evidence

from .conftest import OLDTOWN, Field

DROPPED = "scans-dropped@edge:edge-oldtown"


def facts(*ages: float | None, collector: bool | None = None, connected: bool | None = True) -> Facts:
    """Living edge nodes with these ages of their oldest scan; None = not known."""
    edges = {f"e{n}": EdgeFacts(alive=True, readings=aged(age)) for n, age in enumerate(ages)}
    return Facts(edges, connected=connected, collector=collector)


def aged(age: float | None) -> dict[str, Evidence]:
    return {} if age is None else {OLDEST: Evidence(point="x", time=0, value=age)}


@pytest.mark.parametrize(
    ("known", "verdict"),
    [
        (facts(1.0, 2.0), False),
        (facts(61.0, 900.0), True),
        (facts(61.0, BEHIND_S), False),
        (facts(61.0, None), False),
        (facts(None, None), None),
        (facts(None, None, collector=True), False),
        (facts(1.0, 1.0, collector=False), True),
        (facts(61.0, 61.0, collector=True), True),
        (facts(collector=None), None),
        (facts(61.0, connected=False), None),
        (facts(61.0, collector=False, connected=None), None),
    ],
)
def test_store_away(known: Facts, verdict: bool | None) -> None:
    """Protects from one alarm per edge node, from blaming the store for one node, and from guesses while control is blind."""
    found = conclude("store-away", known)
    assert found.value is verdict
    assert bool(found.why.zh) is (verdict is True)


def test_a_dead_edge_node_has_no_say() -> None:
    """Protects from a store that is called away because of what a dead node last said."""
    known = facts(61.0, 900.0)
    known.edges["e1"].alive = False
    assert conclude("store-away", known).value is True
    known.edges["e0"].alive = False
    assert conclude("store-away", known).value is None


def test_broker_away() -> None:
    """Protects the one alarm that tells that all others are blind."""
    assert [conclude("broker-away", facts(connected=each)).value for each in (None, True, False)] == [None, False, True]


def test_unknown_names() -> None:
    """Protects from a name that rules may use and nothing concludes."""
    known = facts(1.0)
    assert {name: conclude(name, known, "e0").value for name in SUBJECTS}
    with pytest.raises(KeyError):
        conclude("nonsense", known)


def test_dropped_scans_are_a_rise_of_their_counters() -> None:
    """Protects from an alarm that stands until the gateway restarts, and from one for what was dropped long ago."""
    field = Field().start()
    path, now = "journal/dropped_disk_full", []
    for count in (0, 0, 4, 4, 4, 9, 0, 0, 2):  # the seventh is a restart of the gateway
        field.wait(300)
        field.see(OLDTOWN, {path: count})
        found = field.last(DROPPED)
        now.append(found.value if found else None)
    assert now == [False, False, True, False, False, True, False, False, True]
    assert field.announced() == [DROPPED], "an hour after the last it is one and the same"


def test_what_was_dropped_before_control_started_is_old() -> None:
    """Protects from an alarm at every restart of control."""
    field = Field(nodes=(OLDTOWN,))
    field.broker(True)
    field.see(OLDTOWN, {"journal/dropped_disk_full": 77})
    field.wait(300)
    assert DROPPED not in field.announced()
    field.see(OLDTOWN, {"journal/dropped_disk_full": 78})
    assert field.announced()[-1] == DROPPED
