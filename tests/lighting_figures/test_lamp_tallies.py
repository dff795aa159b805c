"""What readings say of lamps, and the bounds that follow: tables by hand and properties."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from control.lighting.figures.intact import Facility, together
from control.lighting.figures.lamps import (
    NodeReading,
    Phase,
    Source,
    node_lit,
    of_a_part,
    of_the_others,
    phase_lit,
    reference,
)
from control.lighting.figures.slots import WIDTH_MS, Grid, age_slots, grid_of, held
from control.lighting.figures.tally import Tally, total, verdict
from lampwell.history.port import Buckets, SeriesId
from lampwell.readings import NodeId

counts = st.integers(0, 500)
tallies = st.builds(Tally, good=counts, bad=counts, unknown=counts)
SERIES = SeriesId(NodeId("a", "e"), "cabinet-01", "loop1/p_a")


@given(tallies)
def test_bounds_hold_between_nothing_and_all(one: Tally) -> None:
    """Protects every rate: 0 <= lower <= upper <= 1, and the coverage is what lies outside of the bounds."""
    if one.all == 0:
        assert one.lower is one.upper is one.coverage is None
        return
    assert one.lower is not None
    assert one.upper is not None
    assert one.coverage is not None
    assert 0 <= one.lower <= one.upper <= 1
    assert one.upper - one.lower == pytest.approx(1 - one.coverage)


@given(tallies, st.integers(0, 500), st.integers(0, 500))
def test_more_unknown_only_widens(one: Tally, lit: int, dark: int) -> None:
    """Protects the lower bound: a lamp that is not heard any more can not raise it, nor lower the upper one."""
    lit, dark = min(lit, one.good), min(dark, one.bad)
    less = replace(one, good=one.good - lit, bad=one.bad - dark, unknown=one.unknown + lit + dark)
    if one.all:
        assert (less.lower or 0) <= (one.lower or 0)
        assert (less.upper or 0) >= (one.upper or 0)


@given(st.lists(tallies, max_size=6), st.integers(0, 6))
def test_tallies_add_up_however_they_are_split(parts: list[Tally], cut: int) -> None:
    """Protects months from being another thing than their days."""
    assert total([total(parts[:cut]), total(parts[cut:])]) == total(parts)


@pytest.mark.parametrize(
    ("reading", "lit"),
    [
        (NodeReading(silent=False, level=100, watts=95), True),
        (NodeReading(silent=False, level=50, watts=50), True),
        (NodeReading(silent=False, level=100, watts=19), False),
        (NodeReading(silent=False, level=50, watts=10), False),
        (NodeReading(silent=False, level=100, watts=95, failed=True), False),
        (NodeReading(silent=False, level=10, watts=14), None),
        (NodeReading(silent=False, watts=21), True),
        (NodeReading(silent=False, watts=10), None),
        (NodeReading(silent=False, watts=4), False),
        (NodeReading(silent=False, level=100), None),
        (NodeReading(silent=True, level=100, watts=95), None),
        (NodeReading(level=100, watts=95), None),
    ],
)
def test_a_node_is_believed_as_far_as_it_goes(reading: NodeReading, lit: bool | None) -> None:
    """Protects against a stale or half reading of a 100 W lamp being taken for light or for darkness."""
    assert node_lit(reading, 100.0) is lit


@pytest.mark.parametrize(
    ("watts", "ratio", "burn"),
    [
        (970.0, 0.97, (10, 10, Source.LEARNED)),
        (873.0, 0.97, (9, 9, Source.LEARNED)),
        (970.0, None, (8, 10, Source.RATED)),
        (500.0, None, (4, 6, Source.RATED)),
        (30.0, None, (0, 0, Source.RATED)),
        (1500.0, 1.0, (10, 10, Source.LEARNED)),
        (None, 0.97, None),
    ],
)
def test_a_phase_counts_its_lamps(watts: float | None, ratio: float | None, burn: object) -> None:
    """Protects the count of ten 100 W lamps without nodes: exact by what was learned, a range by rated watts alone."""
    assert phase_lit(Phase(watts=watts, rated=1000.0, lamps=10, level=100.0, ratio=ratio)) == burn


@given(
    st.lists(st.sampled_from([True, False, None]), min_size=1, max_size=16),
    st.integers(0, 16),
    st.integers(0, 16),
    st.integers(0, 16),
)
def test_a_node_that_falls_silent_never_raises_the_lower_bound(nodes: list[bool | None], low: int, more: int, part: int) -> None:
    """Protects the bounds of a phase that nodes and power tell of: within what there is, and less known is never more lit.
    (Where a node and the power contradict each other the node is believed, so that its loss may tell either way.)
    """
    burn = min(low, len(nodes)), min(low + more, len(nodes))
    assume(nodes.count(True) <= burn[1])
    assume(nodes.count(False) <= len(nodes) - burn[0])

    def bounds(states: list[bool | None]) -> tuple[int, int]:
        lit = states.count(True)
        found = of_the_others(burn, lit, states.count(None))
        assert 0 <= found[0] <= found[1] <= states.count(None)
        share = min(part, states.count(None))
        own = of_a_part(found, states.count(None), share)
        assert 0 <= own[0] <= own[1] <= share
        return lit + found[0], lit + found[1]

    whole = bounds(nodes)
    for n, state in enumerate(nodes):
        if state is not None:
            silent = bounds([*nodes[:n], None, *nodes[n + 1 :]])
            assert silent[0] <= whole[0]
            assert silent[1] >= whole[1]


def test_a_reference_needs_nights_near_the_rating() -> None:
    """Protects against learning dead lamps: too few nights, or power far from the rating, is no reference."""
    assert reference([0.97, 0.98]) is None
    assert reference([0.97, 0.98, 0.99]) == 0.98
    assert reference([0.97, None, 0.98, None, 0.99]) == 0.98
    assert reference([0.8] * 7) is None
    assert reference([0.5] * 3 + [1.0] * 7) == 1.0


def buckets(slots: list[int], last: list[float | None], bad: list[int]) -> Buckets:
    """A series whose buckets have these slots."""
    none = [None] * len(slots)
    count = [0 if each is None else 1 for each in last]
    return Buckets(SERIES, WIDTH_MS, [n * WIDTH_MS for n in slots], none, none, none, last, count, bad)


def test_a_value_holds_for_its_heartbeats_and_no_longer() -> None:
    """Protects 'unknown': a value fades after two and a half heartbeats, a bad reading ends it at once."""
    grid = Grid(start=4 * WIDTH_MS, count=8)
    hourly = buckets([2, 9], [7.0, 8.0], [0, 0])
    assert held(hourly, grid, 900.0) == [7.0, None, None, None, None, 8.0, 8.0, 8.0]
    assert held(buckets([4, 5], [7.0, None], [0, 1]), grid, 900.0) == [7.0, *[None] * 7]
    assert held(buckets([4, 5], [7.0, 7.0], [0, 1]), grid, 900.0) == [7.0, *[None] * 7]
    assert age_slots(300.0) == 0, "five-minute values count for the quarter hour in which they came"


@given(st.integers(0, 10**8), st.integers(0, 10**8), st.integers(0, 10**8))
def test_periods_side_by_side_share_no_slot(a: int, b: int, c: int) -> None:
    """Protects adding up: each quarter hour belongs to one of two periods that touch."""
    start, cut, end = sorted((a, b, c))
    assert grid_of(start, cut).count + grid_of(cut, end).count == grid_of(start, end).count


def test_a_target_is_met_only_beyond_doubt() -> None:
    """Protects the verdict: what is unknown may decide it, then nobody says yes or no."""
    assert verdict(Tally(good=99, bad=1), 0.98) is True
    assert verdict(Tally(good=95, bad=5), 0.98) is False
    assert verdict(Tally(good=95, unknown=5), 0.98) is None
    assert verdict(Tally(), 0.98) is None
    assert verdict(Tally(good=1), None) is None


@given(st.dictionaries(st.sampled_from(list(Facility)), tallies), st.dictionaries(st.sampled_from(list(Facility)), counts))
def test_facilities_together_stay_within_bounds(kinds: dict[Facility, Tally], numbers: dict[Facility, int]) -> None:
    """Protects 设施完好率 of all: between its kinds, lower below upper."""
    found = together(kinds, numbers)
    if found is not None:
        assert -1e-9 <= found[0] <= found[1] + 1e-9 <= 1 + 2e-9
        assert found[1] - found[0] == pytest.approx(1 - found[2])
