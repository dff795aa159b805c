"""The time that lamps go by: unset, stepped and wrong clocks; what the light sensors may say; desired levels under doubt."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.lighting.desired import Desired
from gateway.lighting.steady import MARGIN_MS, Reckoned, Steady, witness_of
from lampwell.lighting import Override, Plan
from lampwell.lighting.model import Layer
from lampwell.lighting.night import DAY

from .conftest import NIGHT

HOUR = 3_600_000
L1 = "cabinet-01/loop1"


def test_a_good_clock_is_followed() -> None:
    """Small corrections at once, without doubt."""
    steady = Steady(0)
    assert steady.reckon(NIGHT, 10.0, trusted=True) == Reckoned(NIGHT, True)
    assert steady.reckon(NIGHT + 1100, 11.0, trusted=True) == Reckoned(NIGHT + 1000, True)
    assert steady.reckon(NIGHT + 3000, 12.0, trusted=True) == Reckoned(NIGHT + 3000, True, moved=1000)


@pytest.mark.parametrize("step", [-HOUR, HOUR])
def test_a_step_is_not_followed_while_it_is_in_doubt(step: int) -> None:
    """Ours runs on; when the calendar is trusted again and nobody speaks against it, it is taken over and says how far."""
    steady = Steady(0)
    steady.reckon(NIGHT, 0.0, trusted=True)
    assert steady.reckon(NIGHT + step + 1000, 1.0, trusted=True) == Reckoned(NIGHT + 1000, True, MARGIN_MS)
    assert steady.reckon(NIGHT + step + 9000, 9.0, trusted=False) == Reckoned(NIGHT + 9000, True, MARGIN_MS)
    assert steady.reckon(NIGHT + step + 700_000, 700.0, trusted=True) == Reckoned(NIGHT + step + 700_000, True, moved=step)


def test_the_devices_clocks_decide_which_time_is_right() -> None:
    """A correction that they confirm is followed at once, a wrong step that they contradict never."""
    steady = Steady(0)
    steady.reckon(NIGHT, 0.0, trusted=True)
    right = steady.reckon(NIGHT + HOUR + 1000, 1.0, trusted=False, witness=NIGHT + HOUR + 4000)
    assert (right.at, right.moved) == (NIGHT + HOUR + 1000, HOUR)
    wrong = Steady(0)
    wrong.reckon(NIGHT, 0.0, trusted=True)
    for seconds in (1, 700, 7000):
        found = wrong.reckon(NIGHT - HOUR + seconds * 1000, seconds, trusted=seconds > 600, witness=NIGHT + seconds * 1000)
        assert (found.at, found.known) == (NIGHT + seconds * 1000, True)


def test_an_unset_clock_goes_on_from_what_was_saved() -> None:
    """A board without a battery wakes in 1970: leases go on from the last time known, lamps do not go by it."""
    steady = Steady(NIGHT)
    assert steady.reckon(5_000, 5.0, trusted=False) == Reckoned(NIGHT, False)
    assert steady.reckon(65_000, 65.0, trusted=False) == Reckoned(NIGHT + 60_000, False)
    found = steady.reckon(NIGHT + HOUR, 66.0, trusted=True)
    assert (found.at, found.known, found.margin_ms) == (NIGHT + HOUR, True, 0)
    assert found.moved == HOUR - 61_000


def test_devices_lend_their_time_where_there_is_no_other() -> None:
    """Known then, with lamps on a little before and after; the machine's own clock, once set, goes before it."""
    steady = Steady(NIGHT)
    steady.reckon(5_000, 5.0, trusted=False)
    found = steady.reckon(6_000, 6.0, trusted=False, witness=NIGHT + 2 * HOUR)
    assert (found.at, found.known, found.margin_ms) == (NIGHT + 2 * HOUR, True, MARGIN_MS)
    found = steady.reckon(7_000, 7.0, trusted=False, witness=NIGHT + 2 * HOUR + 3000)
    assert found.at == NIGHT + 2 * HOUR + 1000
    found = steady.reckon(NIGHT + 3 * HOUR, 8.0, trusted=True, witness=NIGHT + 2 * HOUR)
    assert (found.at, found.margin_ms) == (NIGHT + 3 * HOUR, 0)


def test_a_clock_behind_the_last_known_time_must_prove_itself() -> None:
    """Time does not go back over a restart; after ten minutes without a better one it is believed all the same."""
    steady = Steady(NIGHT)
    assert not steady.reckon(NIGHT - HOUR, 0.0, trusted=True).known
    assert not steady.reckon(NIGHT - HOUR + 60_000, 60.0, trusted=True).known
    assert steady.reckon(NIGHT - HOUR + 600_000, 600.0, trusted=True).known


def test_witnesses_must_agree_by_majority() -> None:
    """One cabinet whose clock battery died says nothing; two that contradict each other neither."""
    assert witness_of([]) is None
    assert witness_of([0, NIGHT]) == NIGHT
    assert witness_of([NIGHT, NIGHT + HOUR]) is None
    assert witness_of([NIGHT, NIGHT + 1000, NIGHT + HOUR]) == NIGHT + 1000


def levels(plan: Plan, time: Reckoned, *overrides: Override, outside: bool | None = None) -> dict[str, tuple[int, str]]:
    found = Desired(plan).at(time, overrides, {}, outside)
    return {key: (one.level, one.by) for key, one in found.items()}


def test_all_targets_are_as_the_timetable_says_one_by_one(plan: Plan) -> None:
    """The reckoning that is shared between like targets gives each its own answer, at every hour of a night and with leases."""
    desired = Desired(plan)
    lamp = desired.lamps[0]
    lease = Override(id="x", targets=(L1, lamp.id), level=30, issued=0, start=0, end=NIGHT + 20 * HOUR)
    for hour in range(24):
        at = NIGHT + hour * HOUR
        for overrides in ((), (lease,)):
            found = desired.at(Reckoned(at, True), overrides, {})
            for target in plan.targets:
                assert found[target.id].level == desired.table.level_at(target.id, at, desired._standing).level


def test_a_lease_on_a_loop_holds_for_its_lamps(plan: Plan) -> None:
    """Where lamps have nodes of their own, the loop's level is theirs, unless one has a lease itself; a lock darkens all."""
    desired = Desired(plan)
    lamp, other = [one for one in desired.lamps if one.loop == desired.lamps[0].loop][:2]
    loop = Override(id="loop", targets=(lamp.loop,), level=40, issued=1, start=0, end=NIGHT + HOUR)
    own = Override(id="own", targets=(lamp.id,), level=70, issued=2, start=0, end=NIGHT + HOUR)
    found = levels(plan, Reckoned(NIGHT, True), loop, own)
    assert found[lamp.loop] == (40, "loop")
    assert found[lamp.id] == (70, "own")
    assert found[other.id] == (40, "loop")
    lock = replace(loop, id="lock", layer=Layer.CREW_LOCK, level=0, end=None)
    found = levels(plan, Reckoned(NIGHT, True), lock, own)
    assert found[lamp.id] == (0, "lock")
    assert found[other.id] == (0, "lock")


def test_an_unknown_time_never_puts_lamps_out(plan: Plan) -> None:
    """On without light sensors or by their dark; off by their day alone; locks hold all the same."""
    noon = NIGHT - 10 * HOUR
    lock = Override(id="lock", layer=Layer.CREW_LOCK, targets=(L1,), level=0, issued=0, start=0)
    for at in (NIGHT, noon):
        for outside, level in ((None, 100), (True, 100), (False, 0)):
            found = levels(plan, Reckoned(at, False), lock, outside=outside)
            assert found.pop(L1) == (0, "lock")
            assert {each[0] for each in found.values()} == {level}


@given(minutes=st.integers(0, 24 * 60))
def test_a_doubtful_time_is_only_ever_brighter(plan: Plan, minutes: int) -> None:
    """The margin puts lamps on, never out, and never changes the level of one that is on."""
    at = NIGHT + minutes * 60_000
    sure, doubt = levels(plan, Reckoned(at, True)), levels(plan, Reckoned(at, True, MARGIN_MS))
    for key, (level, _) in sure.items():
        assert doubt[key][0] == level or level == 0


def test_a_doubtful_time_brings_dusk_forward(plan: Plan) -> None:
    """The conservative sunset: on up to a quarter of an hour early, off as much later."""
    table = Desired(plan).table
    night = table.night(table.targets[L1].place, table.day(NIGHT))
    on = next(at for at in range(night.start, night.end, 60_000) if table.level_at(L1, at).level)
    off = next(at for at in range(on, night.end, 60_000) if not table.level_at(L1, at).level)
    assert levels(plan, Reckoned(on - 10 * 60_000, True, MARGIN_MS))[L1][0] == 100
    assert levels(plan, Reckoned(on - 20 * 60_000, True, MARGIN_MS))[L1][0] == 0
    assert levels(plan, Reckoned(off + 10 * 60_000, True, MARGIN_MS))[L1][0] > 0
    assert table.day(off) - table.day(on) < DAY
