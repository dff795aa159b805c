"""The edge's lighting on the virtual cabinets: nights, restarts, clocks, leases, faults."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from bench.lighting_yard import Rig, WallClock, Yard, at
from gateway.lighting.reconcile import Reconciler
from lampwell.assets import County
from lampwell.lighting import Plan, Timetable
from lampwell.lighting.assign import only_cabinets
from lampwell.lighting.wire import Lease, Lock, Release, Said, State, TakePlan, read_overrides

from .conftest import document

WHY = Said(zh="测试", en="a test")
L1, L2, L3 = (f"cabinet-01/loop{n}" for n in (1, 2, 3))
ENDS = (State.VERIFIED, State.FAILED, State.REFUSED)


def make_rig(taihe: County, folder: Path, start: str, names: tuple[str, ...] = ("cabinet-01",), round_s: float = 2.0) -> Rig:
    clock = WallClock(start_ms=at(start))
    return Rig(Yard(taihe, clock, names), folder, clock, round_s=round_s)


async def planned(rig: Rig, plan: Plan) -> None:
    rig.order(TakePlan(document=document(plan)), "plan", lasts_s=7200)
    await rig.told("plan", State.ACCEPTED, within_s=5)


def only(plan: Plan, *cabinets: str) -> Plan:
    return only_cabinets(plan, cabinets)


def wanted(plan: Plan, loop: str, at_ms: int) -> int:
    return Timetable(plan).level_at(loop, at_ms).level


async def test_without_a_plan_nothing_is_touched(taihe: County, tmp_path: Path) -> None:
    """A gateway nobody gave a plan leaves the cabinets to themselves, and says so."""
    rig = make_rig(taihe, tmp_path, "2026-09-10T18:00")
    async with rig.running():
        await rig.run(400)
        rig.order(Lease(targets=(L1,), level=50, lasts_s=60, reason=WHY), "lease")
        await rig.told("lease", State.REFUSED, within_s=3)
    assert rig.yard.writes == []
    assert rig.lighting.status.plan == ""
    assert "no plan" in rig.said("lease")


async def test_a_plan_takes_over_without_a_flicker(taihe: County, tmp_path: Path, plan: Plan) -> None:
    """Given at night: the cabinet becomes ours, lamps that burn burn on, and the plan is verified."""
    rig = make_rig(taihe, tmp_path, "2026-09-10T20:00")
    cabinet = rig.yard.cabinets["cabinet-01"]
    async with rig.running():
        await planned(rig, only(plan, "cabinet-01"))
        await rig.told("plan", State.VERIFIED, within_s=30)
        assert cabinet.controller.settings.mode == 2
        assert sum(one.operations for one in cabinet.contactors) == 0
        assert rig.lighting.status.plan.startswith("1 sha256:")
        assert rig.lighting.status.unlike == 0


@pytest.mark.parametrize(("start", "minutes"), [("18:30", 15), ("22:25", 10), ("00:25", 10), ("04:55", 10), ("05:45", 20)])
async def test_a_night_by_the_plan(taihe: County, tmp_path: Path, plan: Plan, start: str, minutes: int) -> None:
    """Dusk, each step, dawn: every loop has its level as soon as its turn comes; contactors move one every five seconds."""
    mine = only(plan, "cabinet-01")
    rig = make_rig(taihe, tmp_path, f"2026-09-10T{start}")
    table = Timetable(mine)
    loops = [one.id for one in mine.targets if not one.loop]
    moved, wrong, changes = [], dict.fromkeys(loops, 0), 0
    async with rig.running():
        await planned(rig, mine)
        await rig.run(75)
        cabinet = rig.yard.cabinets["cabinet-01"]
        count = sum(one.operations for one in cabinet.contactors)
        before = {loop: table.level_at(loop, rig.clock.true).level for loop in loops}
        for _ in range(minutes * 60):
            await rig.run(1)
            operations = sum(one.operations for one in cabinet.contactors)
            moved += [rig.clock.elapsed] * (operations - count)
            count = operations
            now = {loop: table.level_at(loop, rig.clock.true).level for loop in loops}
            changes += sum(before[loop] != now[loop] for loop in loops)
            before = now
            for loop in loops:
                wrong[loop] += abs(rig.yard.lit(loop) - now[loop]) > 8
    assert changes
    assert all(b - a >= 4 for a, b in itertools.pairwise(moved))  # the device's own second of delay
    assert max(wrong.values()) <= 5 * len(moved) + 8


async def test_restart_in_the_middle_of_a_step_changes_nothing(taihe: County, tmp_path: Path, plan: Plan) -> None:
    """At 02:00 the gateway is killed: levels stand through it, no flash to full, the lease keeps its end."""
    rig = make_rig(taihe, tmp_path, "2026-09-11T01:50")
    mine = only(plan, "cabinet-01")
    dimmed = next(one.id for one in mine.targets if not one.loop and wanted(mine, one.id, rig.clock.true) == 100)
    async with rig.running():
        await planned(rig, mine)
        await rig.run(60)
        rig.order(Lease(targets=(dimmed,), level=40, lasts_s=1200, reason=WHY), "lease")
        await rig.told("lease", State.VERIFIED, within_s=5)
        begun = rig.clock.elapsed
        await rig.until("02:00")
        writes = len(rig.yard.writes)
        await rig.restart()
        await rig.run(60)
        assert rig.yard.writes[writes:] == []
        assert rig.yard.lit(dimmed) == 40
        (lease,) = read_overrides(rig.lighting.status.overrides)
        assert (lease.id, lease.level) == ("lease", 40)
        await rig.run(1200 - (rig.clock.elapsed - begun) - 8)
        assert rig.yard.lit(dimmed) == 40
        await rig.run(12)
        assert rig.yard.lit(dimmed) == wanted(mine, dimmed, rig.clock.true)


async def test_a_step_missed_in_a_restart_is_made_up_at_once(taihe: County, tmp_path: Path, plan: Plan) -> None:
    """Down over 22:30: the right level is written within a round of the first answer, not after the slow poll a minute later."""
    rig = make_rig(taihe, tmp_path, "2026-09-10T22:28")
    mine = only(plan, "cabinet-01")
    async with rig.running():
        await planned(rig, mine)
        await rig.run(75)
        await rig.restart(away_s=90)
        assert rig.yard.lit(L1) == 100
        await rig.run(9)
        assert {rig.yard.lit(one.id) for one in mine.targets} == {75}


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_stepped_clock_moves_no_lamp_and_no_lease(taihe: County, tmp_path: Path, plan: Plan, hours: int) -> None:
    """The machine's calendar jumps by an hour around a step, and is put right later: lamps and the lease go by true time."""
    rig = make_rig(taihe, tmp_path, "2026-09-11T00:10")
    mine = only(plan, "cabinet-01")
    loops = [one.id for one in mine.targets if not one.loop]
    async with rig.running():
        await planned(rig, mine)
        await rig.run(60)
        rig.order(Lease(targets=(L1,), level=33, lasts_s=2400, reason=WHY), "lease")
        await rig.told("lease", State.VERIFIED, within_s=5)
        begun = rig.clock.elapsed
        await rig.run(45)
        rig.clock.wrong_ms, rig.trusted = hours * 3_600_000, False
        for minute in range(30):
            if minute == 20:
                rig.trusted = True
            if minute == 25:
                rig.clock.wrong_ms = 0
            await rig.run(60)
            lit = {loop: rig.yard.lit(loop) for loop in loops[1:]}
            assert lit == {loop: wanted(mine, loop, rig.clock.true) for loop in loops[1:]}, minute
            assert rig.yard.lit(L1) == 33
        await rig.run(2400 - (rig.clock.elapsed - begun) - 5)
        assert rig.yard.lit(L1) == 33
        await rig.run(10)
        assert rig.yard.lit(L1) == wanted(mine, L1, rig.clock.true)


@pytest.mark.parametrize("hours", [-1, 1])
async def test_a_clock_put_right_moves_no_end(taihe: County, tmp_path: Path, plan: Plan, hours: int) -> None:
    """The machine was an hour wrong from its start and is corrected, as the cabinets confirm: the lease lasts as given."""
    rig = make_rig(taihe, tmp_path, "2026-09-10T20:00")
    rig.clock.wrong_ms = hours * 3_600_000
    async with rig.running():
        await planned(rig, only(plan, "cabinet-01"))
        await rig.run(90)
        rig.order(Lease(targets=(L1,), level=25, lasts_s=600, reason=WHY), "lease", lasts_s=7200)
        await rig.told("lease", State.VERIFIED, within_s=5)
        begun = rig.clock.elapsed
        await rig.run(100)
        rig.clock.wrong_ms, rig.trusted = 0, False
        await rig.run(595 - (rig.clock.elapsed - begun) - 3)
        assert rig.yard.lit(L1) == 25
        await rig.run(11)
        assert rig.yard.lit(L1) == 100


async def test_a_lease_ends_by_the_edge_alone(taihe: County, tmp_path: Path, plan: Plan) -> None:
    """Two hours, nobody to be heard after the first minute: over at its end, to five seconds."""
    rig = make_rig(taihe, tmp_path, "2026-09-10T19:50")
    async with rig.running():
        await planned(rig, only(plan, "cabinet-01"))
        await rig.run(30)
        rig.order(Lease(targets=(L1,), level=25, lasts_s=7200, reason=WHY), "lease")
        await rig.told("lease", State.ACCEPTED, within_s=2)
        begun = rig.clock.elapsed
        await rig.run(7195 - (rig.clock.elapsed - begun))
        assert rig.yard.lit(L1) == 25
        await rig.run(10)
        assert rig.yard.lit(L1) == 100


@pytest.mark.parametrize("away_s", [20, 400])
async def test_a_start_without_a_clock_lengthens_no_lease(taihe: County, tmp_path: Path, plan: Plan, away_s: float) -> None:
    """A board wakes in 1970 and hears the time a minute later: a lease given before is over when it was to be, not so much later
    as the board was away; one given meanwhile lasts as given.
    """
    rig = make_rig(taihe, tmp_path, "2026-09-10T20:00")
    async with rig.running():
        await planned(rig, only(plan, "cabinet-01"))
        await rig.run(30)
        rig.order(Lease(targets=(L1,), level=25, lasts_s=900, reason=WHY), "old")
        await rig.told("old", State.VERIFIED, within_s=5)
        begun = rig.clock.elapsed
        rig.clock.wrong_ms, rig.trusted = -rig.clock.true, False
        await rig.restart(away_s)
        rig.order(Lease(targets=(L2,), level=35, lasts_s=600, reason=WHY), "new")
        new = rig.clock.elapsed
        await rig.run(60)
        rig.clock.wrong_ms, rig.trusted = 0, True
        for loop, level, ends in sorted([(L1, 25, begun + 900), (L2, 35, new + 600)], key=lambda one: one[2]):
            await rig.run(ends - rig.clock.elapsed - 8)
            assert rig.yard.lit(loop) == level
            await rig.run(13)
            assert rig.yard.lit(loop) == 100


async def test_a_restart_forgets_no_switch_on(taihe: County, tmp_path: Path, plan: Plan) -> None:
    """Six times on within the hour, then another gateway: the seventh waits, and is made when the first is an hour old."""
    rig = make_rig(taihe, tmp_path, "2026-09-10T10:00")
    async with rig.running():
        await planned(rig, only(plan, "cabinet-01"))
        await rig.run(20)
        for n in range(6):
            rig.order(Lease(targets=(L1,), level=100, lasts_s=10, reason=WHY))
            await rig.run(20)
            if n == 4:
                await rig.restart()
        assert rig.yard.cabinets["cabinet-01"].contactors[0].operations == 12
        await rig.restart()
        rig.order(Lease(targets=(L1,), level=100, lasts_s=7200, reason=WHY))
        await rig.run(60)
        assert rig.yard.lit(L1) == 0
        assert "six times" in (rig.lighting.checks[L1].why or WHY).en
        await rig.run(3600)
        assert rig.yard.lit(L1) == 100


async def test_command_to_verified_and_back(taihe: County, tmp_path: Path, plan: Plan) -> None:
    """By day: on by lease, feedback and current agree within seconds; released, it is off again."""
    rig = make_rig(taihe, tmp_path, "2026-09-10T10:00")
    async with rig.running():
        await planned(rig, only(plan, "cabinet-01"))
        await rig.told("plan", State.VERIFIED, within_s=30)
        rig.order(Lease(targets=(L2,), level=100, lasts_s=3600, reason=WHY), "on")
        assert await rig.told("on", State.VERIFIED, within_s=4) <= 3
        assert rig.states("on") == [State.ACCEPTED, State.EXECUTED, State.VERIFIED]
        assert rig.yard.lit(L2) == 100
        await rig.run(5)
        rig.order(Release(order="on", reason=WHY), "off")
        assert await rig.told("off", State.VERIFIED, within_s=10) <= 3
        assert rig.yard.lit(L2) == 0


@pytest.mark.parametrize(
    ("fault", "level", "reason"),
    [("not-closing", 100, "does not close"), ("welded", 0, "does not open"), ("open", 100, "no current flows")],
)
async def test_a_stuck_relay_is_told_within_ten_seconds(
    taihe: County, tmp_path: Path, plan: Plan, fault: str, level: int, reason: str
) -> None:
    """Three tries, then failed with what is wrong; it counts as unlike, and heals by itself when it is mended."""
    rig = make_rig(taihe, tmp_path, "2026-09-10T10:00" if level else "2026-09-10T20:00")
    async with rig.running():
        await planned(rig, only(plan, "cabinet-01"))
        await rig.run(20)
        rig.yard.fault(L1, fault)
        rig.order(Lease(targets=(L1,), level=level, lasts_s=7200, reason=WHY), "lease")
        assert await rig.told("lease", *ENDS, within_s=12) <= 10
        assert rig.states("lease")[-1] is State.FAILED
        assert reason in rig.said("lease")
        await rig.run(6)
        assert rig.lighting.status.unlike == 1
        rig.yard.fault(L1, fault, on=False)
        await rig.run(620)
        assert rig.lighting.status.unlike == 0
        assert rig.yard.lit(L1) == level


async def test_a_leaking_loop_is_locked_until_a_person_releases_it(taihe: County, tmp_path: Path, plan: Plan) -> None:
    """The trip locks it here as well: no lease, no restart, no night switches it on; only release after the reset does."""
    rig = make_rig(taihe, tmp_path, "2026-09-10T20:00")
    async with rig.running():
        await planned(rig, only(plan, "cabinet-01"))
        await rig.run(20)
        rig.yard.fault(L3, "leakage", value=400)
        await rig.run(15)
        (lock,) = read_overrides(rig.lighting.status.overrides)
        assert (lock.layer, lock.targets, lock.end) == ("interlock", (L3,), None)
        rig.order(Lease(targets=(L3,), level=100, lasts_s=600, reason=WHY), "lease")
        rig.order(Release(order=lock.id, reason=WHY), "early")
        await rig.told("early", State.REFUSED, within_s=3)
        assert "interlock" in rig.said("lease")
        assert "leakage trip stands" in rig.said("early")
        rig.yard.fault(L3, "leakage", on=False)
        rig.yard.cabinets["cabinet-01"].write("leak_reset", True)
        await rig.restart()
        await rig.run(60)
        assert rig.yard.lit(L3) == 0
        assert rig.yard.cabinets["cabinet-01"].controller.settings.master_timeout == 36_000
        rig.order(Release(order=lock.id, reason=WHY), "release")
        await rig.told("release", State.VERIFIED, within_s=15)
        assert rig.yard.lit(L3) == 100


async def test_a_broken_neutral_cuts_its_cabinet_and_no_other(taihe: County, tmp_path: Path, plan: Plan) -> None:
    """Drivers burn in minutes: all loops of that cabinet open within ten seconds and stay open over a restart until a person
    releases them; its neighbour burns on."""
    rig = make_rig(taihe, tmp_path, "2026-09-10T20:00", ("cabinet-01", "cabinet-02"))
    async with rig.running():
        await planned(rig, only(plan, "cabinet-01", "cabinet-02"))
        await rig.run(60)
        mine = [one.id for one in plan.targets if not one.loop and one.cabinet == "cabinet-01"]
        burning = [one for one in mine if rig.yard.lit(one)]
        assert burning
        rig.yard.fault("cabinet-01", "neutral-open")
        await rig.run(10)
        assert [rig.yard.lit(one) for one in mine] == [0] * len(mine)
        (lock,) = read_overrides(rig.lighting.status.overrides)
        assert (lock.layer, set(lock.targets), lock.end) == ("interlock", set(mine), None)
        assert "neutral" in lock.reason.en
        assert rig.yard.lit("cabinet-02/loop1") > 0
        await rig.restart()
        await rig.run(600)
        assert [rig.yard.lit(one) for one in mine] == [0] * len(mine)
        rig.order(Release(order=lock.id, reason=WHY), "too-early")
        await rig.run(120)
        assert [rig.yard.lit(one) for one in mine] == [0] * len(mine)
        (again,) = read_overrides(rig.lighting.status.overrides)
        assert again.id != lock.id
        rig.yard.fault("cabinet-01", "neutral-open", on=False)
        await rig.run(30)
        rig.order(Release(order=again.id, reason=WHY), "mended")
        await rig.told("mended", State.VERIFIED, within_s=90)
        assert sorted(one for one in mine if rig.yard.lit(one)) == sorted(burning)


async def test_a_crew_lock_keeps_a_loop_dark_at_once(taihe: County, tmp_path: Path, plan: Plan) -> None:
    """Off without waiting for its turn, verified by feedback and current, above any lease, through the evening."""
    rig = make_rig(taihe, tmp_path, "2026-09-10T20:00")
    async with rig.running():
        await planned(rig, only(plan, "cabinet-01"))
        await rig.run(20)
        rig.order(Lock(targets=(L1, L2, L3), reason=WHY), "lock")
        assert await rig.told("lock", State.VERIFIED, within_s=10) <= 4
        rig.order(Lease(targets=(L1,), level=100, lasts_s=600, reason=WHY), "lease")
        await rig.run(600)
        assert [rig.yard.lit(one) for one in (L1, L2, L3)] == [0, 0, 0]
        assert rig.states("lease") == [State.REFUSED]


async def test_local_and_silent_cabinets_are_told_apart(taihe: County, tmp_path: Path, plan: Plan) -> None:
    """On local nothing is written and the reason is said; silent is not known, which is neither right nor wrong."""
    rig = make_rig(taihe, tmp_path, "2026-09-10T10:00")
    async with rig.running():
        await planned(rig, only(plan, "cabinet-01"))
        await rig.run(20)
        rig.yard.fault("cabinet-01", "local")
        await rig.run(6)
        writes = len(rig.yard.writes)
        rig.order(Lease(targets=(L1,), level=100, lasts_s=600, reason=WHY), "local")
        await rig.told("local", State.FAILED, within_s=5)
        assert "the cabinet is on local" in rig.said("local")
        assert len(rig.yard.writes) == writes
        rig.yard.fault("cabinet-01", "local", on=False)
        await rig.run(10)
        rig.yard.silent.add("cabinet-01")
        rig.order(Lease(targets=(L2,), level=100, lasts_s=600, reason=WHY), "silent")
        await rig.told("silent", *ENDS, within_s=60)
        assert rig.states("silent")[-1] is State.FAILED
        assert rig.outcomes[-1].targets[L2].agrees is None
        assert rig.lighting.status.unlike == 0


async def test_a_clock_lost_with_the_power_leaves_lamps_on(taihe: County, tmp_path: Path, plan: Plan) -> None:
    """The board wakes in 1970 at night: the cabinets' clocks lend the time, and levels stay as planned."""
    rig = make_rig(taihe, tmp_path, "2026-09-11T02:00")
    mine = only(plan, "cabinet-01")
    async with rig.running():
        await planned(rig, mine)
        await rig.run(30)
        rig.clock.wrong_ms, rig.trusted = -rig.clock.true, False
        await rig.restart()
        await rig.run(120)
        for one in mine.targets:
            assert rig.yard.lit(one.id) == wanted(mine, one.id, rig.clock.true)


@pytest.mark.parametrize(("start", "level"), [("2026-09-10T10:00", 0), ("2026-09-10T21:00", 100)])
async def test_where_no_time_is_known_the_light_sensors_decide(
    taihe: County, tmp_path: Path, plan: Plan, start: str, level: int
) -> None:
    """The board wakes in 1970 and no cabinet tells the time: on until the sensors have said that it is day, on by night."""
    rig = make_rig(taihe, tmp_path, start)
    async with rig.running():
        await planned(rig, only(plan, "cabinet-01"))
        await rig.run(30)
        rig.yard.unread.add("clock")
        rig.clock.wrong_ms, rig.trusted = -rig.clock.true, False
        await rig.restart()
        await rig.run(120)
        assert rig.yard.lit(L1) == 100
        await rig.run(400)
        assert {rig.yard.lit(loop) for loop in (L1, L2, L3)} == {level}
        assert "the time is not known, the light sensors say" in (rig.lighting.checks[L1].why or WHY).en


async def test_a_doubtful_clock_brings_the_lamps_on_early(taihe: County, tmp_path: Path, plan: Plan) -> None:
    """Stepped an hour back in the afternoon, no cabinet to tell the time: on a quarter of an hour before dusk, not after it."""
    rig = make_rig(taihe, tmp_path, "2026-09-10T18:10")
    rig.yard.unread.add("clock")
    async with rig.running():
        await planned(rig, only(plan, "cabinet-01"))
        await rig.until("18:15")
        rig.clock.wrong_ms, rig.trusted = -3_600_000, False
        await rig.until("18:20")
        assert rig.yard.lit(L1) == 0
        await rig.until("18:24")
        assert wanted(plan, L1, rig.clock.true) == 0
        assert rig.yard.lit(L1) == 100


async def test_an_interlock_is_above_dusk_and_comes_back_with_the_leak(taihe: County, tmp_path: Path, plan: Plan) -> None:
    """Cleared and reset, a loop is still not closed by itself: not by the program at dusk, not by a lease. Released by a person
    it is, and trips and is locked anew where it still leaks.
    """
    rig = make_rig(taihe, tmp_path, "2026-09-10T18:25")
    async with rig.running():
        await planned(rig, only(plan, "cabinet-01"))
        rig.order(Lease(targets=(L3,), level=100, lasts_s=7200, reason=WHY), "before")
        await rig.told("before", State.VERIFIED, within_s=30)
        rig.yard.fault(L3, "leakage", value=400)
        await rig.run(15)
        rig.yard.fault(L3, "leakage", on=False)
        rig.yard.cabinets["cabinet-01"].write("leak_reset", True)
        await rig.until("18:45")
        assert (rig.yard.lit(L1), rig.yard.lit(L3)) == (100, 0)
        rig.order(Lease(targets=(L3,), level=100, lasts_s=600, reason=WHY), "lease")
        await rig.told("lease", State.REFUSED, within_s=3)
        assert "interlock by edge-oldtown (the loop tripped by leakage)" in rig.said("lease")
        (first,) = [one for one in read_overrides(rig.lighting.status.overrides) if one.layer == "interlock"]
        rig.yard.fault(L3, "leakage", value=400)
        rig.order(Release(order=first.id, reason=WHY), "release")
        await rig.run(30)
        (second,) = [one for one in read_overrides(rig.lighting.status.overrides) if one.layer == "interlock"]
        assert second.id != first.id
        await rig.run(300)
        assert rig.yard.lit(L3) == 0


async def test_single_lamps_take_their_level_together(taihe: County, tmp_path: Path, plan: Plan) -> None:
    """Lamps behind a concentrator are written and read back; a lease on their loop is theirs too, one on a lamp its own."""
    rig = make_rig(taihe, tmp_path, "2026-09-10T20:00", ("cabinet-03", "concentrator-1"))
    mine = only(plan, "cabinet-03")
    lamps = [one.id for one in mine.targets if one.loop == "cabinet-03/loop1"]
    async with rig.running():
        await planned(rig, mine)
        await rig.run(60)
        rig.order(Lease(targets=("cabinet-03/loop1",), level=60, lasts_s=3600, reason=WHY), "loop")
        await rig.told("loop", State.VERIFIED, within_s=10)
        await rig.run(30)
        assert len(lamps) > 3
        assert rig.yard.lit("cabinet-03/loop1") == 60
        assert {rig.lighting.checks[one].agrees for one in lamps} == {True}
        assert {rig.lighting.checks[one].wanted for one in lamps} == {60}
        rig.order(Lease(targets=(lamps[0],), level=25, lasts_s=600, reason=WHY), "lamp")
        assert await rig.told("lamp", State.VERIFIED, within_s=10) <= 3
        loop = rig.yard.cabinets["cabinet-03"].loops[0]
        writes = len(rig.yard.writes)
        await rig.run(300)
        assert [round(loop.level_of(one)) for one in lamps[:2]] == [25, 60]
        assert len(rig.yard.writes) == writes, "nobody fights over it"
        await rig.run(310)
        assert round(loop.level_of(lamps[0])) == 60


async def test_a_lost_plan_gives_the_cabinets_back(taihe: County, tmp_path: Path, plan: Plan) -> None:
    """A damaged file must not freeze lamps as they are: while we poll, cabinets in remote mode would wait for us for ever."""
    rig = make_rig(taihe, tmp_path, "2026-09-10T10:00")
    settings = rig.yard.cabinets["cabinet-01"].controller.settings
    async with rig.running():
        await planned(rig, only(plan, "cabinet-01"))
        await rig.run(30)
        assert settings.mode == 2
        (tmp_path / "lighting.json").write_bytes(b"torn")
        await rig.restart()
        await rig.run(90)  # the slow poll says that it is in remote mode
        assert rig.lighting.status.plan == ""
        assert settings.mode == 1


async def test_a_fault_of_ours_gives_them_back_too(
    taihe: County, tmp_path: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Rounds that fail one after another: told once, the cabinets go by their tables, and come back when it is over."""
    rig = make_rig(taihe, tmp_path, "2026-09-10T10:00")
    settings = rig.yard.cabinets["cabinet-01"].controller.settings
    async with rig.running():
        await planned(rig, only(plan, "cabinet-01"))
        await rig.run(30)
        with monkeypatch.context() as broken:
            broken.setattr(Reconciler, "round", lambda *_: 1 / 0)
            await rig.run(90)
            assert settings.mode == 1
            assert caplog.text.count("ZeroDivisionError") == 1
        await rig.run(60)
        assert settings.mode == 2


async def test_dark_clouds_bring_the_lamps_on_early(taihe: County, tmp_path: Path, plan: Plan) -> None:
    """Three sensors below the limit for five minutes, within the plan's guard window: on, and the reason is the sensors'."""
    rig = make_rig(taihe, tmp_path, "2026-09-10T17:45", ("cabinet-01", "cabinet-02", "cabinet-03"))
    rig.yard.cloud = 0.001
    async with rig.running():
        await planned(rig, plan)
        assert wanted(plan, L1, rig.clock.true + 900_000) == 0
        await rig.run(900)
        assert rig.yard.lit(L1) == 100
        assert "darker than" in (rig.lighting.checks[L1].why or WHY).en


async def test_lamps_without_supply_are_not_counted_unlike(taihe: County, tmp_path: Path, plan: Plan) -> None:
    """Protects from a second alarm for one loss of supply: its cabinet tells it, and its dark lamps are no failure to switch."""
    rig = make_rig(taihe, tmp_path, "2026-09-10T20:00")
    async with rig.running():
        await planned(rig, only(plan, "cabinet-01"))
        await rig.run(90)
        rig.yard.fault("cabinet-01", "mains-loss")
        await rig.run(60)
        check = rig.lighting.checks["cabinet-01/loop1"]
        assert check.agrees is False
        assert "no supply" in (check.why.en if check.why else "")
        assert rig.lighting.status.unlike == 0
        rig.yard.fault("cabinet-01", "mains-loss", on=False)
        await rig.run(120)
        assert rig.lighting.checks["cabinet-01/loop1"].agrees is True
