"""What makes loops unsafe, by the cabinets' own readings."""

from __future__ import annotations

import pytest

from gateway.lighting.hazards import Hazards, unsafe
from gateway.lighting.seen import LoopSeen

OPEN, FINE, UNKNOWN = True, False, None
LOOPS = {"a": ("a/loop1", "a/loop2"), "b": ("b/loop1",)}


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ([(0.0, OPEN), (2.0, OPEN)], [False, True]),
        ([(0.0, OPEN), (0.0, OPEN), (0.0, OPEN)], [False, False, False]),  # looked at again, not answered again
        ([(0.0, OPEN), (1.0, OPEN), (1.9, OPEN)], [False, False, False]),
        ([(0.0, OPEN), (1.0, FINE), (3.0, OPEN)], [False, False, False]),
        ([(0.0, OPEN), (1.0, UNKNOWN), (3.0, OPEN), (5.0, OPEN)], [False, False, False, True]),
        ([(0.0, OPEN), (5.0, OPEN), (10.0, FINE)], [False, True, False]),
    ],
)
def test_two_answers_two_seconds_apart_prove_it(answers: list[tuple[float, bool | None]], told: list[bool]) -> None:
    """Protects streets from one strange answer, and drivers from a doubt that never ends."""
    hazards = Hazards()
    assert [bool(hazards.look({}, {"a": one}, LOOPS)) for one in answers] == told


def test_each_cabinet_by_itself() -> None:
    """One that goes silent loses its proof, its neighbour keeps its own; all loops of a cabinet are named."""
    hazards = Hazards()
    hazards.look({}, {"a": (0.0, True), "b": (0.0, True)}, LOOPS)
    (only,) = hazards.look({}, {"b": (3.0, True)}, LOOPS)
    assert (only.name, only.targets) == ("neutral-b", ("b/loop1",))
    hazards.look({}, {"a": (4.0, True), "b": (4.0, True)}, LOOPS)
    (_, both) = sorted(hazards.look({}, {"a": (6.0, True), "b": (6.0, True)}, LOOPS), key=lambda one: one.name, reverse=True)
    assert both.targets == ("a/loop1", "a/loop2")


def test_a_leaking_loop_by_itself() -> None:
    """The device's latch names one loop; why it may not be released is said of that loop."""
    (hazard,) = Hazards().look({"a/loop1": LoopSeen(tripped=True), "a/loop2": LoopSeen(tripped=False)}, {}, LOOPS)
    assert (hazard.name, hazard.targets) == ("leak-a-loop1", ("a/loop1",))
    assert "reset" in unsafe([hazard])["a/loop1"].en
