"""Which lamps should be lit, and of a whole day: by hand on a county of one cabinet."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control.lighting.figures.facilities import damage_rows, intact_rows
from control.lighting.figures.faults import Fault, Faults
from control.lighting.figures.intact import Damage, Facility, intact_of_day
from control.lighting.figures.lit_rate import Known, Loop, Wired, lit_of_day, loops_of, shares_of_day
from control.lighting.figures.should import Basis, InForce, Wanted, wanted
from control.lighting.figures.slots import Grid, Readings
from control.lighting.figures.tally import Tally
from lampwell.assets import Lamp
from lampwell.lighting.level import Timetable
from lampwell.lighting.model import Layer, Override, Plan, Target
from lampwell.lighting.standing import Standing
from lampwell.lighting.sun import Place

from .conftest import HOUR, NOON, ZONE, taihe

GRID = Grid(start=NOON, count=96)
PLACE, CAB, LOOP = Place(26.79, 114.90), "cab", "cab/loop1"
NODES = "nodes"
DUSK, EVENING, MIDNIGHT = 32, 40, 48
"""Slots that end at 20:15, 22:15 and 00:15; the sun sets at about 19:17."""


def lamp(n: int, node: bool) -> Wired:
    """One of 100 W."""
    one = Lamp(id=f"lamp-{n}", cabinet=CAB, loop=1, phase="a", road="road", pole=str(n), watts=100.0)
    return Wired(lamp=one, concentrator=NODES if node else "", component=f"lamp{n:03}" if node else "")


def loop(*, nodes: int = 0, bare: int = 0) -> Loop:
    """With so many lamps with and without a node, all on phase a."""
    lamps = tuple(lamp(n + 1, n < nodes) for n in range(nodes + bare))
    return Loop(id=LOOP, cabinet=CAB, component="loop1", phases={"a": lamps})


def told(**values: Any) -> Readings:
    """Each value through all slots, or a list of one a slot."""
    columns = {name: each if isinstance(each, list) else [each] * GRID.count for name, each in values.items()}
    device = {name: NODES if name.startswith("lamp") else CAB for name in columns}
    return Readings(grid=GRID, values={(device[name], name.replace("__", "/")): each for name, each in columns.items()})


def force(plan: Plan | None = None, *overrides: Override) -> InForce:
    """The cabinet by a plan from noon on."""
    plans = {"edge": [(NOON - HOUR, Timetable(plan))]} if plan else {}
    return InForce(zone=ZONE, edge={CAB: "edge"}, place={CAB: PLACE}, plans=plans, standing=Standing(overrides))


PLAN = Plan(
    id="p",
    time_zone="Asia/Shanghai",
    programs=(),
    calendars=(),
    targets=(Target(id=LOOP, cabinet=CAB, place=PLACE),),
)
"""No calendar: lamps on from sunset to sunrise."""


def known(readings: Readings, by: InForce | None = None, faults: Faults | None = None, **more: Any) -> Known:
    """All night counts."""
    return Known(
        readings=readings, force=by or force(), faults=faults or Faults(), ratios=more.get("ratios", {}), slots=range(96)
    )


def ask(by: InForce, readings: Readings, slot: int) -> Wanted | None:
    """Of the loop."""
    return wanted(by, readings, LOOP, CAB, "loop1", slot)


def test_the_plan_counts_before_the_command_and_the_command_before_the_sun() -> None:
    """Protects the denominator from a contactor that missed its switch, and from silence."""
    silent, off = told(), told(loop1__commanded=0.0)
    assert ask(force(PLAN), off, EVENING) == Wanted(100, Basis.PLAN)
    assert ask(force(), told(loop1__commanded=1.0), 4) == Wanted(None, Basis.COMMAND), "lit by day by a command"
    assert ask(force(), off, EVENING) is None
    assert ask(force(), silent, EVENING) == Wanted(None, Basis.SUN)
    assert ask(force(), silent, 4) is None
    assert ask(force(PLAN), silent, 4) is None


def test_lamps_are_judged_ten_minutes_after_they_come_on() -> None:
    """Protects lamps that warm up from being called dark."""
    commanded = [0.0] * 32 + [1.0] * 64
    assert ask(force(), told(loop1__commanded=commanded), DUSK) is None
    assert ask(force(), told(loop1__commanded=commanded), DUSK + 1) == Wanted(None, Basis.COMMAND)
    lit = [n for n in range(96) if ask(force(PLAN), told(), n)]
    assert lit[0] == 29, "sunset 19:17, judged from 19:30 on"


def test_what_is_dark_on_purpose_is_not_counted() -> None:
    """Protects crews and interlocks: a lock, an interlock or a lease to zero takes lamps out of the count."""
    lock = Override(id="o", layer=Layer.CREW_LOCK, targets=(LOOP,), level=0, issued=NOON, start=NOON)
    assert ask(force(PLAN, lock), told(), EVENING) is None
    assert ask(force(PLAN), told(loop1__locked=1.0), EVENING) is None
    lease = Override(id="o", targets=(LOOP,), level=40, issued=NOON, start=NOON, end=NOON + 11 * HOUR)
    assert ask(force(PLAN, lease), told(), EVENING) == Wanted(40, Basis.PLAN)
    assert ask(force(PLAN, lease), told(), MIDNIGHT) == Wanted(100, Basis.PLAN)


def one_slot(one: Loop, at: Known, slot: int = EVENING) -> tuple[int, int, int]:
    """Lit, dark and unknown in a quarter hour."""
    tally = lit_of_day([one], replace(at, slots=range(slot, slot + 1)))["road"]
    return tally.good, tally.bad, tally.unknown


@pytest.mark.parametrize(
    ("readings", "counts"),
    [
        ({}, (0, 0, 10)),
        ({"loop1__level": 100.0, "loop1__p_a": 900.0}, (9, 1, 0)),
        ({"loop1__level": 50.0, "loop1__p_a": 525.0}, (10, 0, 0)),
        ({"loop1__p_a": 1000.0}, (10, 0, 0)),
        ({"loop1__aux": 0.0}, (0, 10, 0)),
        ({"loop1__aux": 0.0, "loop1__p_a": 1000.0}, (10, 0, 0)),
        ({"loop1__aux": 1.0}, (0, 0, 10)),
    ],
)
def test_a_loop_without_nodes(readings: dict[str, float], counts: tuple[int, int, int]) -> None:
    """Protects loops of a cabinet alone: power counts, an open contactor is dark, nothing heard is unknown."""
    assert one_slot(loop(bare=10), known(told(**readings), force(PLAN), ratios={(LOOP, "a"): 1.0})) == counts


def test_nodes_and_power_together() -> None:
    """Protects a mixed phase: two nodes lit, one dark, one silent, six without; 800 W says that all but one of these burn."""
    node = {"lamp001__power": 95.0, "lamp002__power": 95.0, "lamp003__power": 1.0}
    quiet = {f"lamp00{n}__no_answer": 0.0 for n in (1, 2, 3)} | {"lamp004__no_answer": 1.0}
    levels = {f"lamp00{n}__level": 100.0 for n in (1, 2, 3, 4)}
    readings = told(**node, **quiet, **levels, loop1__level=100.0, loop1__p_a=800.0)
    assert one_slot(loop(nodes=4, bare=6), known(readings, force(PLAN), ratios={(LOOP, "a"): 1.0})) == (8, 2, 0)
    without = {key: value for key, value in readings.values.items() if key[1] != "loop1/p_a"}
    alone = known(replace(readings, values=without), force(PLAN))
    assert one_slot(loop(nodes=4, bare=6), alone) == (2, 1, 7)


def test_an_alarm_tells_where_readings_do_not() -> None:
    """Protects against a known fault turning into an unknown when its node falls silent, and only as long as it stands."""
    out = Fault(rule="lamp-out", device=NODES, component="lamp001", since=NOON, until=NOON + 11 * HOUR)
    tripped = Fault(rule="loop-breaker", device=CAB, component="loop1", since=NOON, until=None)
    door = Fault(rule="cabinet-door", device=CAB, component="", since=NOON, until=None)
    one = loop(nodes=2)
    assert one_slot(one, known(told(), force(PLAN), Faults([out]))) == (0, 1, 1)
    assert one_slot(one, known(told(), force(PLAN), Faults([out])), MIDNIGHT) == (0, 0, 2)
    assert one_slot(one, known(told(), force(PLAN), Faults([tripped]))) == (0, 2, 0)
    assert one_slot(one, known(told(), force(PLAN), Faults([door]))) == (0, 0, 2)


def test_lamps_lost_puts_what_was_learned_in_doubt() -> None:
    """Protects the lower bound: while lamps are known to be lost, a loop is held against its rating again."""
    lost = Faults([Fault(rule="lamps-lost", device=CAB, component="loop1", since=NOON, until=None)])
    readings, ratios = told(loop1__level=100.0, loop1__p_a=900.0), {(LOOP, "a"): 0.9}
    assert one_slot(loop(bare=10), known(readings, force(PLAN), ratios=ratios)) == (10, 0, 0)
    assert one_slot(loop(bare=10), known(readings, force(PLAN), lost, ratios=ratios)) == (8, 0, 2)
    assert shares_of_day([loop(bare=10)], told(loop1__aux=1.0, loop1__level=100.0, loop1__p_a=900.0), lost) == {}


@given(st.sets(st.integers(0, 95)))
def test_a_silent_cabinet_never_raises_the_lower_bound(silent: set[int]) -> None:
    """Protects coverage, the domain's check 6: what is lost widens the bounds, all are still counted."""

    def column(value: float) -> list[float | None]:
        return [None if n in silent else value for n in range(96)]

    whole = lit_of_day([loop(bare=10)], known(told(loop1__level=100.0, loop1__p_a=700.0), force(PLAN)))["road"]
    less = lit_of_day([loop(bare=10)], known(told(loop1__level=column(100.0), loop1__p_a=column(700.0)), force(PLAN)))["road"]
    assert less.all == whole.all
    assert less.good <= whole.good
    assert less.good + less.unknown >= whole.good + whole.unknown


def test_facilities_of_a_day() -> None:
    """Protects 设施完好率: a fault is damage while it stands, a door is none, silence of cabinet or journal is unknown."""
    leak = Fault(rule="leakage-step", device=CAB, component="loop1", since=NOON, until=NOON + 6 * HOUR)
    door = Fault(rule="cabinet-door", device=CAB, component="", since=NOON, until=None)
    spoken = NOON, NOON + 24 * HOUR
    heard = told(p=1.0, loop1__commanded=[1.0] * 48 + [None] * 48)
    found = intact_of_day([loop(nodes=1)], known(heard, force(PLAN), Faults([leak, door], spoken)))
    cabinet, one = found.kinds[Facility.CABINET], found.kinds[Facility.LOOP]
    assert (cabinet.good, cabinet.bad, cabinet.unknown) == (96, 0, 0)
    assert (one.bad, one.good, one.unknown) == (23, 25, 48)
    assert found.kinds[Facility.LAMP].unknown == found.kinds[Facility.LAMP].all > 0
    assert found.damaged == {Damage(Facility.LOOP, LOOP, "leakage-step"): 23}, "and it is said which, by what, for how long"
    quiet = intact_of_day([loop(bare=1)], known(heard, force(PLAN), Faults()))
    assert quiet.kinds[Facility.CABINET].unknown == 96, "without a journal nobody knows of faults"


def test_the_parts_of_the_rate_add_up_by_hand() -> None:
    """Protects its reader: 4 cabinets, one damaged for a quarter of the day, one unheard for half of it; lamps never judged."""
    cabinets = Tally(good=4 * 96 - 24 - 48, bad=24, unknown=48, slots=96)
    whole, row, lamps = intact_rows({Facility.CABINET: cabinets, Facility.LAMP: Tally()}, {Facility.CABINET: 4, Facility.LAMP: 9})
    assert (row.intact, row.damaged, row.unknown) == (3.25, 0.25, 0.5)
    assert (row.lower, row.upper, row.coverage) == (0.8125, 0.9375, 0.875)
    assert (whole.intact, whole.damaged, whole.unknown, whole.lower, whole.met) == (3.25, 0.25, 0.5, 0.8125, False)
    assert (lamps.intact, lamps.lower, lamps.met) == (None, None, None)
    rows = damage_rows({Damage(Facility.LOOP, "a", "x"): 2, Damage(Facility.CABINET, "b", "y"): 6})
    assert [(one.name, one.rule, one.hours) for one in rows] == [("b", "y", 1.5), ("a", "x", 0.5)]


def test_lamp_n_of_a_concentrator_is_the_nth_of_its_cabinet() -> None:
    """Protects nodes from telling of other lamps, as the fault logic has it."""
    wired = [one for each in loops_of(taihe()) for phase in each.phases.values() for one in phase]
    nodes = {one.component: one.lamp for one in wired if one.component}
    ours = [lamp for lamp in taihe().lamps if lamp.cabinet == "cabinet-03"]
    assert len(wired) == len(taihe().lamps)
    assert [nodes[f"lamp{n + 1:03}"] for n in range(len(ours))] == ours
