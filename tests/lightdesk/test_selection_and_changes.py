"""What an order is about and what it would change, by the county's own loops."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from control.lighting.changes import Change, Shift, change, replaced
from control.lighting.heard import standing_of
from control.lighting.places import Places
from control.lighting.selection import Selection, resolve, whole_loops
from control.requests import NotDone
from lampwell.lighting.level import Timetable
from lampwell.lighting.model import Plan
from lampwell.lighting.preview import Basis
from lampwell.lighting.wire import Said, Stands

ZONE = ZoneInfo("Asia/Shanghai")
EVENING = round(datetime(2026, 10, 14, 21, 0, tzinfo=ZONE).timestamp() * 1000)
NIGHT = round(datetime(2026, 10, 15, 1, 0, tzinfo=ZONE).timestamp() * 1000)
DAY = round(datetime(2026, 10, 14, 14, 0, tzinfo=ZONE).timestamp() * 1000)


@pytest.mark.parametrize(
    ("selection", "loops", "lamps", "cabinets"),
    [
        (Selection(loops=("cabinet-01/loop1",)), 1, 0, 1),
        (Selection(cabinets=("cabinet-03",)), 10, 0, 1),
        (Selection(lamps=("lamp-0228",)), 0, 1, 1),
        (Selection(roads=("baifeng",)), 24, 0, 2),
        (Selection(areas=("g319",)), 26, 0, 2),
        (Selection(county=True), 126, 0, 11),
        (Selection(cabinets=("cabinet-03",), lamps=("lamp-0228",), areas=("g319",)), 36, 0, 3),
    ],
)
def test_what_is_named_is_what_is_meant(
    plan: Plan, places: Places, selection: Selection, loops: int, lamps: int, cabinets: int
) -> None:
    """Protects from an order for more or less than was said: each kind of choice, and all together once each."""
    found = resolve(selection, plan, places)
    assert len(found.ids) == len(set(found.ids))
    assert (sum(not one.loop for one in found.targets), sum(bool(one.loop) for one in found.targets)) == (loops, lamps)
    assert len(found.cabinets) == cabinets
    by_edge = found.by_edge(places)
    assert sorted(name for names in by_edge.values() for name in names) == sorted(found.ids)


@pytest.mark.parametrize(
    ("selection", "why"),
    [
        (Selection(), "nothing is chosen"),
        (Selection(cabinets=("cabinet-99",)), "no lamp cabinet 'cabinet-99'"),
        (Selection(roads=("baifen",)), "did you mean 'baifeng'"),
        (Selection(lamps=("lamp-0001",)), "can be spoken to by itself 'lamp-0001'"),
        (Selection(cabinets=("station-1",)), "no lamp cabinet 'station-1'"),
        (Selection(areas=("moon",), loops=("x",)), "loop 'x'"),
    ],
)
def test_what_there_is_not_is_refused_in_words(plan: Plan, places: Places, selection: Selection, why: str) -> None:
    """Protects from an order that quietly does less than was typed."""
    with pytest.raises(NotDone, match=why):
        resolve(selection, plan, places)


def test_a_lock_is_for_whole_loops(plan: Plan, places: Places) -> None:
    """Protects a crew: a lamp off on a live loop is no safe lamp."""
    assert len(whole_loops(resolve(Selection(cabinets=("cabinet-03",)), plan, places)).ids) == 10
    with pytest.raises(NotDone, match="whole loops"):
        whole_loops(resolve(Selection(lamps=("lamp-0228",)), plan, places))


@pytest.fixture
def would(plan: Plan, places: Places, basis: Basis):  # type: ignore[no-untyped-def]
    def _would(selection: Selection, level: int, at: int, *stands: Stands, **more: Any) -> Change:
        return change(
            resolve(selection, plan, places),
            level,
            at,
            table=Timetable(plan),
            standing=standing_of(stands),
            places=places,
            loads=basis.loads,
            **more,
        )

    return _would


def test_from_and_to_in_the_evening_and_at_half_night(would) -> None:  # type: ignore[no-untyped-def]
    """Protects the second confirmation: how many loops and lamps go from which level to which, and the kW."""
    evening = would(Selection(areas=("newtown",)), 30, EVENING)
    assert evening.shifts == (Shift(was=100, level=30, loops=20, lamps=186),)
    assert (evening.is_mass, evening.cabinets, evening.areas) == (True, ("cabinet-08", "cabinet-09"), ("newtown",))
    assert evening.kw < evening.kw_was / 2
    night = would(Selection(areas=("newtown",)), 30, NIGHT)
    assert [(one.was, one.level, one.loops) for one in night.shifts] == [(0, 30, 10), (100, 30, 10)]
    assert not would(Selection(cabinets=("cabinet-01",)), 0, EVENING).is_mass
    assert would(Selection(county=True), 100, DAY).kw_was == 0.0


def test_lamps_on_a_loop_are_counted_once_and_dead_ones_stay_dark(would) -> None:  # type: ignore[no-untyped-def]
    """Protects the count: lamps of a concentrator belong to their loops; a lamp on an open loop can not be lit."""
    assert would(Selection(cabinets=("cabinet-03",)), 50, EVENING).lamps == 84
    by_day = would(Selection(lamps=("lamp-0228",)), 100, DAY)
    assert by_day.shifts == (Shift(was=0, level=0, loops=0, lamps=1, held_by="dead loop"),)


def test_what_a_lock_or_interlock_holds_stays(would) -> None:  # type: ignore[no-untyped-def]
    """Protects from promising light where people work, or where water stands."""
    lock = Stands(
        id="x-1",
        layer="crew lock",
        targets=("cabinet-08/loop1", "cabinet-08/loop2"),
        level=0,
        start=EVENING - 1,
        end=None,
        who="刘",
        reason=Said(zh="检修"),
    )
    found = would(Selection(cabinets=("cabinet-08",)), 100, EVENING, lock)
    assert {(one.was, one.level, one.loops, one.held_by) for one in found.shifts} == {(0, 0, 2, "crew lock"), (100, 100, 8, "")}


def test_a_lease_takes_the_place_of_another(would, plan: Plan, places: Places) -> None:  # type: ignore[no-untyped-def]
    """Protects the second override of an evening: the level before is that of the first, and the new one counts."""
    lease = Stands(
        id="x-1",
        layer="lease",
        targets=("cabinet-08/loop1",),
        level=30,
        start=EVENING - 1,
        end=NIGHT,
        who="王",
        reason=Said(zh="限电"),
    )
    (only,) = would(Selection(loops=("cabinet-08/loop1",)), 80, EVENING, lease).shifts
    assert (only.was, only.level, only.held_by) == (30, 80, "")
    cabinet, other = (resolve(Selection(cabinets=(name,)), plan, places) for name in ("cabinet-08", "cabinet-09"))
    assert replaced([lease], cabinet, EVENING) == ("x-1",)
    assert replaced([lease], other, EVENING) == replaced([lease], cabinet, NIGHT) == ()
