"""A broken neutral at the edge: what proves it, and that a street is cut by it."""

from __future__ import annotations

import pytest

from gateway.lighting.neutral import Neutrals

OPEN, FINE, UNKNOWN = True, False, None


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
    neutrals = Neutrals()
    assert [bool(neutrals.broken({"cabinet-01": one})) for one in answers] == told


def test_each_cabinet_by_itself() -> None:
    """One that goes silent (no answer at all) loses its proof, its neighbour keeps its own."""
    neutrals = Neutrals()
    neutrals.broken({"a": (0.0, True), "b": (0.0, True)})
    assert neutrals.broken({"b": (3.0, True)}) == {"b"}
    assert neutrals.broken({"a": (4.0, True), "b": (4.0, True)}) == {"b"}
