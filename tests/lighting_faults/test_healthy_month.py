"""The short form of ``bench/lighting_month.py``: from registers to raised alarms, healthy nights first, then seeded faults."""

from __future__ import annotations

import pytest

from bench.lighting_month import Verdict, live
from bench.month_rig import Pace
from bench.month_story import few_nights

ASLEEP = {"lamp-day-burning", "lamps-lost", "load-added", "cable-theft"}
"""Not to be judged here: by day the nodes are on dead loops, by night their lamps are asked to burn; lamps count after three
nights; a stolen cable is seen by silent nodes at its end, and one of the two cabinets has none.
"""


@pytest.fixture(scope="module")
def verdict() -> Verdict:
    return live(few_nights(), ("cabinet-03", "cabinet-04"), Pace())


def test_healthy_nights_raise_nothing_but_what_happened(verdict: Verdict) -> None:
    """Protects crews from false faults through dusk, dimming, rain, a lease, restarts, an hour without link, a loss of supply."""
    assert verdict.false == []
    assert verdict.missed == []
    assert verdict.scans > 5000


def test_the_silence_is_not_that_of_dead_detectors(verdict: Verdict) -> None:
    """Protects the zero above: every rule of lamps and cabinets could judge, at every place it has."""
    assert {rule: at for rule, at in verdict.armed.items() if at[0] < at[1]}.keys() == ASLEEP


@pytest.mark.parametrize("key", few_nights().seeded)
def test_what_is_seeded_after_them_is_found(verdict: Verdict, key: str) -> None:
    """Protects the zero above from a rig that hears nothing."""
    assert verdict.seeded[key] is not None
