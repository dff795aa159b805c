"""Plans compared, mixed for a trial and checked, on Taihe's own plan."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta

import pytest

from control.lighting.checks import check_plan
from control.lighting.compare import difference
from control.lighting.mixing import mixed
from control.lighting.nights import nights_of
from lampwell.assets import County
from lampwell.lighting.documents import contradictions
from lampwell.lighting.level import Timetable
from lampwell.lighting.model import Calendar, LoopRow, Plan, Step
from lampwell.lighting.moments import read_moment
from lampwell.lighting.preview import Basis

DAY = date(2026, 10, 9)
CABINETS = [f"cabinet-0{n}" for n in range(1, 8)]


def with_program(plan: Plan, name: str, **changed: object) -> Plan:
    made = tuple(replace(one, **changed) if one.id == name else one for one in plan.programs)  # type: ignore[arg-type]
    return replace(plan, programs=made)


def dimmer(plan: Plan) -> Plan:
    return with_program(
        plan, "main-road", steps=(Step(at=read_moment("21:00"), level=60), Step(at=read_moment("05:00"), level=100))
    )


def other_map(plan: Plan) -> Plan:
    return replace(plan, loop_maps=tuple(replace(one, rows=(LoopRow(50, (100, 40)),)) for one in plan.loop_maps))


def other_lux(plan: Plan) -> Plan:
    return replace(plan, lux=tuple(replace(one, on_lx=15.0) for one in plan.lux))


def other_calendar(plan: Plan) -> Plan:
    return replace(
        plan,
        calendars=tuple(
            Calendar(id="main", zh="主", en="main", default="branch-road") if one.id == "main" else one for one in plan.calendars
        ),
    )


EDITS: list[Callable[[Plan], Plan]] = [dimmer, other_map, other_lux, other_calendar, lambda plan: plan]


@pytest.mark.parametrize("edit", EDITS)
@pytest.mark.parametrize("cabinet", ["cabinet-01", "cabinet-03", "cabinet-06"])
def test_a_trial_changes_one_cabinet_alone(plan: Plan, edit: Callable[[Plan], Plan], cabinet: str) -> None:
    """Protects the other cabinets of the edge node: each loop and lamp has exactly the nights of the version it is on."""
    new = edit(plan)
    others = [name for name in CABINETS if name != cabinet]
    both = mixed(plan, new, [cabinet], others, "@1")
    assert list(contradictions(both)) == []
    was, now, trial = Timetable(plan), Timetable(new), Timetable(both)
    assert {one.cabinet for one in both.targets} == set(CABINETS)
    for day in (DAY, date(2026, 2, 17)):
        for name, one in trial.targets.items():
            expected = now if one.cabinet == cabinet else was
            assert nights_of(trial, [name], day) == nights_of(expected, [name], day)
            assert (
                trial.settled(name, trial.night(one.place, day).end - 1).why
                == expected.settled(name, trial.night(one.place, day).end - 1).why
            )


def test_a_name_that_is_taken_gets_another(plan: Plan) -> None:
    """Protects from two different programs of one name, even where the suffix is in use already."""
    new = dimmer(plan)
    clash = replace(new, programs=(*new.programs, replace(new.programs[0], id="main-road@1")))
    both = mixed(replace(plan, programs=plan.programs), clash, ["cabinet-01"], CABINETS[1:], "@1")
    names = [one.id for one in both.programs]
    assert len(names) == len(set(names))


def test_no_difference_is_said_as_none(plan: Plan, basis: Basis) -> None:
    """Protects from noise: a plan against itself has nothing to tell."""
    assert difference(plan, plan, DAY, 3, basis).is_none


def test_a_difference_says_what_switches_when_and_what_it_costs(plan: Plan, basis: Basis) -> None:
    """Protects the engineer's look before activation: loops, times, kWh and CNY, by the figures of the preview."""
    found = difference(plan, dimmer(plan), DAY - timedelta(1), 30, basis)
    (edit,) = found.edits
    assert (edit.kind.en, edit.id, edit.how, edit.nights) == ("program", "main-road", "changed", 21)  # not on weekends
    assert "21:00 60 %, 05:00 100 %" in edit.details[0]
    assert {name.partition("/")[0] for one in found.moved for name in one.targets if "/" in name} >= {"cabinet-01", "cabinet-11"}
    assert {one.nights for one in found.moved} == {21}
    moved = {name for rank in found.ranks for name in rank.targets}
    assert {name.partition("/")[0] for name in moved if "/" in name} == {f"cabinet-{n:02}" for n in (1, 2, 3, 4, 5, 8, 9, 10, 11)}
    assert found.now.kwh < found.was.kwh
    assert found.now.cny < found.was.cny
    assert len(found.ranks) < 12
    gone = replace(plan, targets=plan.targets[1:])
    assert [(one.id, one.how) for one in difference(plan, gone, DAY, 1, basis).edits] == [("cabinet-01/loop1", "removed")]


def test_the_shipped_plan_is_in_order(plan: Plan, basis: Basis, county: County) -> None:
    """Protects the demo, and from a check that cries wolf."""
    assert check_plan(plan, basis, DAY, county.lamps) == ()


def gap(plan: Plan) -> Plan:
    steps = (Step(at=read_moment("01:00"), level=0), Step(at=read_moment("03:00"), level=100))
    return with_program(plan, "main-road", steps=steps)


def too_dim(plan: Plan) -> Plan:
    return with_program(plan, "secondary-road", steps=(Step(at=read_moment("23:00"), level=30),))


def below_minimum(plan: Plan) -> Plan:
    return with_program(plan, "branch-road", steps=(Step(at=read_moment("23:00"), level=29),))


def disorder(plan: Plan) -> Plan:
    steps = (Step(at=read_moment("23:00"), level=70), Step(at=read_moment("22:00"), level=50))
    return with_program(plan, "main-road", steps=steps)


def many(plan: Plan) -> Plan:
    return with_program(plan, "main-road", steps=tuple(Step(at=read_moment(f"23:{4 * n:02}"), level=50 + n) for n in range(12)))


def nothing_of(plan: Plan) -> Plan:
    return replace(plan, programs=plan.programs[1:])


@pytest.mark.parametrize(
    ("edit", "check", "where"),
    [
        (gap, "gap", "cabinet-01/loop1"),
        (too_dim, "minimum", "cabinet-06/loop1"),
        (below_minimum, "minimum", "branch-road"),
        (disorder, "order", "main-road"),
        (many, "limit", "main-road"),
        (nothing_of, "broken", "taihe"),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(
    plan: Plan, basis: Basis, county: County, edit: Callable[[Plan], Plan], check: str, where: str
) -> None:
    """Protects the road: each kind of mistake is an error, in words of both languages, at its place."""
    errors = [one for one in check_plan(edit(plan), basis, DAY, county.lamps) if one.is_error]
    assert (check, where) in {(one.check, one.where) for one in errors}
    assert all(one.text.zh and one.text.en for one in errors)


def test_a_loop_without_a_calendar_is_a_warning(plan: Plan, basis: Basis, county: County) -> None:
    """Protects from refusing what is safe: it is on by night."""
    bare = replace(plan, targets=(replace(plan.targets[0], calendar="", festivals=""), *plan.targets[1:]))
    (only,) = check_plan(bare, basis, DAY, county.lamps)
    assert (only.check, only.is_error) == ("unassigned", False)


def test_a_year_of_the_county_is_compared_in_seconds(plan: Plan, basis: Basis) -> None:
    """Protects the wait before an activation."""
    begun = time.monotonic()
    difference(plan, dimmer(plan), DAY, 365, basis)
    assert time.monotonic() - begun < 10
