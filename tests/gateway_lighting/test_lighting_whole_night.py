"""One night with everything in it, over a real broker and real Modbus sockets, as the issue says it must hold."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from itertools import pairwise
from pathlib import Path

import pytest

from bench.lighting_night import Night, night
from bench.lighting_yard import at
from gateway.lighting.service import ROUND_S
from lampwell.county import load
from lampwell.lighting import Plan, Timetable, switches
from lampwell.lighting.assign import only_cabinets
from lampwell.lighting.files import build_plan, load_lighting
from lampwell.lighting.model import Step
from lampwell.lighting.moments import read_moment
from lampwell.lighting.wire import Lease, Said, State, TakePlan, read_overrides
from lampwell.sparkplug import transport

from .conftest import FOLDER, document

WHY = Said(zh="测试", en="a test")
HOUR_MS = 3_600_000
SPACING_S, POLL_S, RAMP_GAP_S = 5, 5, 5
EVENING, NIGHT_LONG = "cabinet-01/loop2", "cabinet-01/loop4"
LEASES = {EVENING: (35, "2026-09-09T20:45"), NIGHT_LONG: (40, "2026-09-10T04:33")}


def the_plan() -> Plan:
    """The demo county's, with a dim step at 02:00 that takes a minute."""
    whole = build_plan(load(FOLDER), load_lighting(FOLDER, load(FOLDER)))
    steps = [replace(one, steps=(*one.steps[:2], Step(at=read_moment("02:00"), level=60, ramp_s=60), *one.steps[2:]))
             for one in whole.programs if one.id == "main-road"]  # fmt: skip
    programs = tuple(next((new for new in steps if new.id == one.id), one) for one in whole.programs)
    return only_cabinets(replace(whole, programs=programs), ["cabinet-01", "cabinet-03"])


async def test_broker_gone_16_to_22_gateway_restarted_at_02_mid_step_clock_stepped_an_hour_lamps_right_no_flash_leases_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Protects: broker gone from 16:00 to 22:00, gateway restarted at 02:00 mid-step, gateway clock stepped +1 h and -1 h: lamps
    right within one reconcile round, no flash to 100 %, every switch once, leases survive with their ends.
    """
    monkeypatch.setattr(transport, "LAST_WAIT_S", 0.5)  # seconds of this machine, in which here half an hour may pass
    plan = the_plan()
    async with night(tmp_path, at("2026-09-09T15:56")) as run:
        leases = await _begin(run, plan)
        wanted = _wanted(plan, leases)
        run.mosquitto.kill()
        await _evening(run, plan)
        await _broker_is_back(run, leases)
        await _midnight(run, wanted)
        await _clock_is_stepped(run, wanted)
        await _morning(run, plan)
        assert run.gateway.status().lighting.unlike == 0
    _never_above(run, wanted)
    _always_right(run, wanted)
    _every_switch_once(run, plan, leases)
    _contactors_spared(run)
    _ends_on_time(run, leases)


# -- the story -----------------------------------------------------------------------------------------------------------------


async def _begin(run: Night, plan: Plan) -> dict[str, tuple[int, int, int]]:
    """Before four: a plan and two leases, one till evening, one through the night. Begin, end and level by loop."""
    order = run.desk.order(TakePlan(document=document(plan)), lasts_s=600)
    _, told = await run.told(order, State.VERIFIED, State.FAILED, State.REFUSED)
    assert told.state is State.VERIFIED, told.reason
    found = {}
    for loop, (level, ends) in LEASES.items():
        begins = run.clock.true
        lease = Lease(targets=(loop,), level=level, lasts_s=(at(ends) - begins) // 1000, reason=WHY)
        order = run.desk.order(lease)
        _, told = await run.told(order, State.VERIFIED, State.FAILED)
        assert told.state is State.VERIFIED, told.reason
        (stands,) = [one for one in read_overrides(run.gateway.status().lighting.overrides) if one.id == order]
        assert stands.end is not None
        found[loop] = stands.start, stands.end, level
    await run.until(at("2026-09-09T16:00"))
    return found


async def _evening(run: Night, plan: Plan) -> None:
    """Nobody to be heard: dusk comes, and the first lease ends."""
    dusk = next(one.at for one in switches(Timetable(plan), "cabinet-01/loop1", run.clock.true, run.clock.true + 8 * HOUR_MS))
    for begin, end in ((dusk - 30_000, dusk + 120_000), (at("2026-09-09T20:44"), at("2026-09-09T20:46"))):
        await run.skip(begin)
        await run.until(end)
    assert not run.gateway.status().broker
    await run.skip(at("2026-09-09T22:00"))


async def _broker_is_back(run: Night, leases: dict[str, tuple[int, int, int]]) -> None:
    """Control hears that the plan holds and which lease still stands, with its end."""
    run.desk.values.clear()
    run.mosquitto.start()
    while not run.gateway.status().host or "lighting/overrides" not in run.desk.values:
        await run.run(0.2)
    (stands,) = read_overrides(str(run.desk.values["lighting/overrides"]))
    assert (stands.targets, stands.end) == ((NIGHT_LONG,), leases[NIGHT_LONG][1])
    assert str(run.desk.values["lighting/plan"]).startswith("1 sha256:")


async def _midnight(run: Night, wanted: Callable[[str, int], int]) -> None:
    """The steps; in the middle of the one at two the gateway goes, and comes back half a minute later from its files."""
    for step in ("2026-09-09T22:30", "2026-09-10T00:30"):
        await run.skip(at(step) - 10_000)
        await run.run(90)
    await run.skip(at("2026-09-10T01:59"))
    await run.until(at("2026-09-10T02:00") + 22_000)
    dimming = {level for loop, level in run.lit[-1][1].items() if wanted(loop, at("2026-09-10T01:59")) == 100}
    assert dimming & set(range(61, 100)), "in the middle of it"
    await run.end()
    await run.run(20)
    run.launch()
    await run.run(POLL_S + ROUND_S)
    dimmed = [loop for loop in run.lit[-1][1] if wanted(loop, at("2026-09-10T01:59")) == 100]
    assert {loop: run.lit[-1][1][loop] for loop in dimmed} == pytest.approx(
        {loop: wanted(loop, run.clock.true) for loop in dimmed}, abs=5
    )
    await run.run(90)


async def _clock_is_stepped(run: Night, wanted: Callable[[str, int], int]) -> None:
    """The machine's calendar jumps an hour ahead before the step at five, and an hour back behind it, and is put right each time;
    the lease ends while it is wrong.
    """
    for when, wrong in (("04:30", HOUR_MS), ("04:40", 0), ("05:10", -HOUR_MS), ("05:20", 0)):
        await run.skip(at(f"2026-09-10T{when}") - 5_000)
        await run.until(at(f"2026-09-10T{when}"))
        run.clock.wrong_ms = wrong
        looks = len(run.lit)
        await run.run(60)
        assert all(lit == {loop: wanted(loop, then) for loop in lit} for then, lit in run.lit[looks:])
        if when == "04:30":
            await run.until(at(LEASES[NIGHT_LONG][1]) + 60_000)
        if when == "04:40":
            await run.skip(at("2026-09-10T05:00") - 10_000)
            await run.run(90)


async def _morning(run: Night, plan: Plan) -> None:
    """Off at dawn."""
    dawn = max(one.at for one in switches(Timetable(plan), "cabinet-03/loop1", run.clock.true, run.clock.true + 4 * HOUR_MS))
    await run.skip(dawn - 10_000)
    await run.run(90)


# -- what must hold ------------------------------------------------------------------------------------------------------------


def _wanted(plan: Plan, leases: dict[str, tuple[int, int, int]]) -> Callable[[str, int], int]:
    """Worked out from the plan and the leases alone."""
    table = Timetable(plan)
    loop_of = {one.id: one.loop or one.id for one in plan.targets}

    @cache  # the looks around a switch ask for the same moments again and again
    def wanted(target: str, then: int) -> int:
        begins, ends, level = leases.get(loop_of[target], (0, 0, 0))
        return level if begins <= then < ends else table.level_at(target, then).level

    return wanted


def _between(wanted: Callable[[str, int], int], target: str, then: int, seconds: float) -> set[int]:
    """The levels around: everything that was wanted in the last so many seconds."""
    return {wanted(target, then - n * 250) for n in range(round(seconds * 4) + 1)}


def _never_above(run: Night, wanted: Callable[[str, int], int]) -> None:
    """No level is ever written above the higher of those around it, no loop switched on that should be off."""
    lamps = [lamp.id for lamp in run.county.lamps if lamp.cabinet == "cabinet-03"]
    count = 0
    for then, device, path, value in run.yard.writes:
        component, _, name = path.rpartition("/")
        if name not in ("set_level", "command") or not component:
            continue
        target = lamps[int(component[4:]) - 1] if component.startswith("lamp") else f"{device}/{component}"
        around = _between(wanted, target, then, ROUND_S + RAMP_GAP_S)
        assert value <= max(around) if name == "set_level" else bool(value) <= bool(max(around)), (then, target, name, value)
        count += 1
    assert count > 100


def _always_right(run: Night, wanted: Callable[[str, int], int]) -> None:
    """At every look every loop burned as it was wanted to within its turn: 12 contactors 5 s apart, or as long as the gateway was
    away; a level alone waits for no turn.
    """
    most = 12 * SPACING_S + POLL_S + ROUND_S + 27
    for then, lit in run.lit:
        for loop, level in lit.items():
            if level != wanted(loop, then):
                around = _between(wanted, loop, then, most)
                assert min(around) - 1 <= level <= max(around) + 1, (then, loop, level)


def _every_switch_once(run: Night, plan: Plan, leases: dict[str, tuple[int, int, int]]) -> None:
    """The contactors moved when plan and leases say, and not once more."""
    wanted = _wanted(plan, leases)
    begin, end = run.lit[0][0], run.lit[-1][0]
    seen = {loop: [now[loop] > 0 for _, now in run.lit] for loop in run.lit[0][1]}
    for loop, lit in seen.items():
        moments = {one.at for one in switches(Timetable(plan), loop, begin, end)} | set(leases.get(loop, ())[:2])
        states = [wanted(loop, then) > 0 for then in sorted({begin, *(one for one in moments if one > begin), end})]
        due = sum(a != b for a, b in pairwise(states))
        assert due >= 2
        assert sum(a != b for a, b in pairwise(lit)) == due, loop
        cabinet, _, number = loop.partition("/loop")
        assert run.yard.cabinets[cabinet].contactors[int(number) - 1].operations == due, loop


def _contactors_spared(run: Night) -> None:
    """Those of a cabinet move five seconds apart, also where a gateway went and another came."""
    for cabinet in run.yard.cabinets:
        moved, state = [], {}
        for then, device, path, value in run.yard.writes:
            if device == cabinet and path.endswith("/command") and state.get(path, False) != value:
                moved.append(then)
            state[path] = value if device == cabinet else state.get(path)
        assert len(moved) > 20
        assert all(b - a >= SPACING_S * 1000 - 250 for a, b in pairwise(moved))


def _ends_on_time(run: Night, leases: dict[str, tuple[int, int, int]]) -> None:
    """A lease holds to its end and no longer, to five seconds: the first one without a broker, the second through everything."""
    for loop, (begins, ends, level) in leases.items():
        held = [then for then, lit in run.lit if begins + 10_000 <= then and lit[loop] == level]
        assert all(lit[loop] == level for then, lit in run.lit if begins + 10_000 <= then < ends - 5_000)
        assert abs(max(held) - ends) <= 5_000
        assert [then for then, lit in run.lit if ends - 5_000 < then <= ends + 5_000], "it was looked at"
