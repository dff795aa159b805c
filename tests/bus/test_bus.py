"""The bus in virtual time: who is asked when, and what happens to the rest when one does not answer."""

import asyncio
import itertools
import logging
from typing import Any

import pytest

from gateway.backoff import UnitState
from gateway.plan import Mode
from lampwell.assets import Transport
from lampwell.errors import LinkDown, NoAnswer
from lampwell.points import PollClass

from .conftest import device, register

FAST = [register("a", 0), register("b", 1)]


async def test_every_device_is_read_on_time_and_first_within_two_seconds(rig: Any) -> None:
    """Fifty units once a second: each is read every second, the first time within two."""
    r = rig([device(n, FAST) for n in range(1, 51)])
    await r.run(60)
    for n in range(1, 51):
        rounds = r.rounds(f"unit-{n}")
        assert rounds[0] < 2
        assert len(rounds) >= 59
        assert r.worst_gap(f"unit-{n}", 60) < 2
    assert r.bus.counters.overruns == 0


async def test_phases_are_spread_over_the_interval(rig: Any) -> None:
    """Ten units polled every ten seconds are not asked in the same second."""
    r = rig([device(n, FAST, dry_s=10) for n in range(1, 11)])
    await r.run(40)
    seconds = {int(at) % 10 for at, _, _ in r.field.read_events if at > 10}
    assert len(seconds) >= 9


async def test_one_round_is_one_call_with_one_time(rig: Any) -> None:
    """All blocks of a round come together, with the clock's time of the last answer."""
    r = rig([device(1, [register("a", 0), register("b", 50)])])
    await r.run(0.9)
    ((at, who, ms, answers),) = r.answers
    assert who == "unit-1"
    assert [plan.block.address for plan, _ in answers] == [0, 50]
    assert ms == r.clock.start_ms + round(at * 1000)


async def test_slow_points_come_with_their_own_interval(rig: Any) -> None:
    """Slow points are read at their interval, demand points never."""
    registers = [*FAST, register("s", 50, poll=PollClass.SLOW), register("d", 90, poll=PollClass.DEMAND)]
    r = rig([device(1, registers, slow_s=10)])
    await r.run(30)
    addresses = [block.address for _, _, block in r.field.read_events]
    assert addresses.count(0) in (29, 30, 31)
    assert addresses.count(50) in (3, 4)
    assert 90 not in addresses


@pytest.mark.parametrize("blocks_line", [False, True], ids=["free", "converter"])
async def test_pitfall_3_one_dead_unit_stalls_its_bus(rig: Any, blocks_line: bool) -> None:
    """Five of fifty units dead behind one address: the living keep at least nine polls in ten, and no gap is long."""
    dead = {3, 13, 23, 33, 43}
    r = rig([device(n, FAST) for n in range(1, 51)], dead=dead, blocks_line=blocks_line, answer_s=0.002)
    await r.run(60)
    alive = [n for n in range(1, 51) if n not in dead]
    assert sum(len(r.rounds(f"unit-{n}")) for n in alive) >= 0.9 * 60 * len(alive)
    assert max(r.worst_gap(f"unit-{n}", 60) for n in alive) < (4.5 if not blocks_line else 7)
    assert {who for _, who, state in r.states if state is UnitState.DEAD} >= {f"unit-{n}" for n in dead}
    assert not [who for _, who, state in r.states if state is not UnitState.OK and int(who[5:]) in alive]


async def test_a_dead_unit_is_probed_with_one_request_and_ever_less_often(rig: Any) -> None:
    """A dead unit of four blocks costs one request at a time, at growing distances."""
    r = rig([device(1, [register(str(n), 50 * n) for n in range(4)]), device(2, FAST)], dead={1})
    await r.run(300)
    asked = r.requests(1)
    gaps = [b - a for a, b in itertools.pairwise(asked)]
    assert len(asked) < 25
    assert gaps[-1] > gaps[1]


async def test_a_unit_that_comes_back_is_read_whole_at_once(rig: Any) -> None:
    """When the probe is answered the rest follows in the same round, and the slow points without waiting for their slot."""
    r = rig([device(1, [register("a", 0), register("b", 50), register("s", 90, poll=PollClass.SLOW)], slow_s=600)], dead={1})
    await r.run(30)
    assert r.answers == []
    r.field.dead.clear()
    await r.run(15)
    first, second = r.answers[0], r.answers[1]
    assert len(first[3]) == 2
    assert {plan.block.address for plan, _ in second[3]} == {90}
    assert r.states[-1][2] is UnitState.OK


async def test_states_go_ok_slow_dead_ok(rig: Any) -> None:
    """Each change of state is told once."""
    r = rig([device(1, FAST), device(2, FAST)])
    await r.run(5)
    r.field.dead.add(1)
    await r.run(60)
    r.field.dead.clear()
    await r.run(60)
    states = [state for _, who, state in r.states if who == "unit-1"]
    assert states == [UnitState.OK, UnitState.SLOW, UnitState.DEAD, UnitState.OK]


async def test_telegraf_11782_one_silent_slave_threw_away_everyones_data(rig: Any) -> None:
    """A block that never answers costs its own points only: the device's other blocks go on, and its points turn bad."""
    r = rig([device(1, [register("a", 0), register("b", 50), register("c", 90)])], silent_blocks={(1, 50)})
    await r.run(60)
    assert len([1 for *_, answers in r.answers if any(p.block.address == 0 and d is not None for p, d in answers)]) >= 58
    assert len([1 for *_, answers in r.answers if any(p.block.address == 90 and d is not None for p, d in answers)]) >= 50
    assert any(d is None for *_, answers in r.answers for p, d in answers if p.block.address == 50)
    assert all(d is None for *_, answers in r.answers for p, d in answers if p.block.address == 50)
    assert r.states == [(r.states[0][0], "unit-1", UnitState.OK)]


async def test_a_refused_block_does_not_throw_away_the_others(rig: Any) -> None:
    """Exception 2 on one block: the round is reported, with None for that block, and the unit is ok."""
    r = rig([device(1, [register("a", 0), register("b", 50)])], refused={(1, 50): 2})
    await r.run(3)
    assert all([data for _, data in answers] == [b"\0\0", None] for *_, answers in r.answers)
    assert r.bus.counters.errors["refused-2"] == len(r.answers)


async def test_ha_51103_a_busy_slave_was_recorded_as_zero(rig: Any) -> None:
    """Exception 6 is neither a value nor a fault: the block is left out this time."""
    r = rig([device(1, [register("a", 0), register("b", 50)])], refused={(1, 50): 6})
    await r.run(3)
    assert all([plan.block.address for plan, _ in answers] == [0] for *_, answers in r.answers)


async def test_a_gateway_speaking_for_a_dead_unit_counts_as_no_answer(rig: Any) -> None:
    """Exception 11 comes from the converter: the unit is dead, not alive."""
    r = rig([device(1, FAST), device(2, FAST)], refused={(1, 0): 11})
    await r.run(60)
    assert r.rounds("unit-1") == []
    assert len(r.requests(1)) < 15
    assert (UnitState.DEAD) in {state for _, who, state in r.states if who == "unit-1"}


@pytest.mark.parametrize("transport", [Transport.RTU, Transport.RTU_OVER_TCP])
async def test_one_request_in_flight_on_rtu(rig: Any, transport: Transport) -> None:
    """RTU carries one request at a time, whatever the configuration says."""
    r = rig([device(n, FAST) for n in range(1, 20)], transport=transport, in_flight=4)
    await r.run(5)
    assert r.field.most_busy == 1


async def test_a_window_of_four_reads_four_at_a_time_and_hides_the_dead(rig: Any) -> None:
    """With requests allowed to overlap, dead units cost the living nothing at all."""
    r = rig([device(n, FAST) for n in range(1, 51)], dead={3, 13, 23}, in_flight=4, answer_s=0.05)
    await r.run(60)
    assert r.field.most_busy == 4
    assert min(len(r.rounds(f"unit-{n}")) for n in range(1, 51) if n not in {3, 13, 23}) >= 57


async def test_wlcrs_tmodbus_88_a_slow_device_looked_dead(rig: Any) -> None:
    """A unit slower than its neighbours taught answers late once, is believed to be slow, and then is read every time."""
    r = rig([device(n, FAST) for n in range(1, 10)], slow_s={9: 0.4}, answer_s=0.002)
    await r.run(60)
    assert len(r.rounds("unit-9")) >= 50
    assert r.states[-1][2] is UnitState.OK


async def test_a_far_end_that_accepts_and_hangs_up_is_not_stormed(rig: Any) -> None:
    """A serial server that serves one master closes every other at once: hundreds of connections a second would drown it."""
    r = rig([device(n, FAST) for n in range(1, 6)])
    r.field.hangs_up = True
    await r.run(60)
    assert 2 <= len(r.field.connects) <= 12


async def test_a_far_end_that_closes_between_polls_is_opened_for_each(rig: Any) -> None:
    """Closing an idle connection is no failure: one connection a poll, none in between, and no poll missed."""
    r = rig([device(1, FAST, dry_s=10)])
    r.field.closes_idle = True
    await r.run(100)
    assert 10 <= len(r.rounds("unit-1")) <= 11
    assert len(r.field.connects) == len(r.rounds("unit-1"))


async def test_storm_mode_takes_effect_at_once(rig: Any) -> None:
    """A device set to storm is polled at that interval from now on, and back."""
    r = rig([device(1, FAST, dry_s=60)])
    await r.run(5)
    r.bus.set_mode("unit-1", Mode.STORM)
    before = len(r.requests(1))
    await r.run(60)
    assert len(r.requests(1)) - before in (9, 10, 11)
    r.bus.set_mode("unit-1", Mode.DRY)
    before = len(r.requests(1))
    await r.run(120)
    assert len(r.requests(1)) - before <= 3


async def test_writes_go_first_then_reads_on_demand(rig: Any) -> None:
    """Of what others queue while the bus is busy, writes are served before reads and polls."""
    r = rig([device(1, [*FAST, register("d", 90, poll=PollClass.DEMAND)])], answer_s=0.2)
    await r.run(2)
    read = asyncio.create_task(r.bus.read("unit-1"))
    write = asyncio.create_task(r.bus.write_registers("unit-1", 7, [1]))
    await r.run(1)
    ((plan, data),) = await read
    await write
    assert plan.block.address == 90
    assert data == b"\0\0"
    (asked,) = [at for at, _, block in r.field.read_events if block.address == 90]
    assert r.field.writes[0][0] < asked
    assert any(p.block.address == 90 for *_, answers in r.answers for p, _ in answers)


async def test_pitfall_2_giving_up_a_wait_leaves_the_request_alone(rig: Any) -> None:
    """A caller that is cancelled neither cancels what is on the wire nor stops the bus."""
    r = rig([device(1, [*FAST, register("d", 90, poll=PollClass.DEMAND)])], answer_s=0.2)
    await r.run(0.05)
    waiting = asyncio.create_task(r.bus.read("unit-1"))
    await r.run(0.25)
    waiting.cancel()
    await r.run(5)
    assert r.field.most_busy == 1
    assert len(r.rounds("unit-1")) >= 4


async def test_a_stopped_bus_refuses_what_waits_and_what_comes(rig: Any) -> None:
    """Whoever waits for a bus that is stopped learns it, rather than wait for ever or be cancelled."""
    r = rig([device(1, FAST)], answer_s=0.2)
    await r.run(0.9)
    waiting = [asyncio.create_task(r.bus.write_registers("unit-1", n, [1])) for n in range(3)]
    await r.run(0.1)
    r.task.cancel()
    results = await asyncio.gather(r.task, *waiting, return_exceptions=True)
    assert all(isinstance(each, LinkDown) for each in results[1:])
    with pytest.raises(LinkDown, match="stopped"):
        await r.bus.write_coils("unit-1", 0, [True])
    assert not r.field.connected


async def test_a_write_to_a_dead_unit_says_so(rig: Any) -> None:
    """Whoever writes learns that it failed."""
    r = rig([device(1, FAST)], dead={1})
    await r.run(1)
    write = asyncio.create_task(r.bus.write_coils("unit-1", 0, [True]))
    await r.run(2)
    with pytest.raises(NoAnswer):
        await write


async def test_a_lost_link_ends_the_round_and_comes_back(rig: Any) -> None:
    """Link down: units are dead, requests of others fail at once, reconnecting is spaced, and then all are read again."""
    r = rig([device(n, FAST) for n in range(1, 4)])
    await r.run(5)
    r.field.up = False
    await r.run(120)
    assert [state for _, who, state in r.states if who == "unit-2"][-1] is UnitState.DEAD
    assert 4 <= len(r.field.connects) <= 14
    wish = asyncio.create_task(r.bus.write_registers("unit-1", 0, [1]))
    await r.run(1)
    with pytest.raises(LinkDown):
        await wish
    r.field.up = True
    await r.run(35)
    assert [state for _, who, state in r.states if who == "unit-2"][-1] is UnitState.OK
    assert r.bus.counters.overruns == 0


async def test_a_unit_that_makes_the_link_drop_does_not_take_the_others_along(rig: Any) -> None:
    """A unit whose request closes the connection is backed off like a silent one."""
    r = rig([device(n, FAST) for n in range(1, 6)], drops_on={3})
    await r.run(60)
    assert len(r.rounds("unit-1")) >= 50
    assert len(r.requests(3)) < 20


async def test_overload_is_told_and_never_piles_up(rig: Any, caplog: Any) -> None:
    """More requests than fit: slots are skipped and counted, a warning names the cure, and every unit still gets its turn."""
    caplog.set_level(logging.WARNING)
    r = rig([device(n, FAST) for n in range(1, 41)], answer_s=0.05)
    await r.run(60)
    assert r.bus.counters.overruns > 1000
    counts = [len(r.rounds(f"unit-{n}")) for n in range(1, 41)]
    assert min(counts) >= 24
    assert [m for m in caplog.messages if "overloaded" in m] == [m for m in caplog.messages if "overloaded" in m][:1]
    assert r.bus.status().cycle_s == pytest.approx(2.0, rel=0.1)
    assert r.bus.status().load == pytest.approx(1.0, rel=0.05)


async def test_tb_2132_an_exception_killed_the_poll_task_for_good(rig: Any, caplog: Any) -> None:
    """Whatever the consumer of answers raises, polling goes on, counted and told once."""

    def broken(*_: object) -> None:
        raise ZeroDivisionError

    r = rig([device(1, FAST)], on_answers=broken)
    await r.run(10)
    assert len(r.requests(1)) >= 10
    assert r.bus.counters.crashes >= 10
    assert len([m for m in caplog.messages if "unexpected" in m]) == 1


async def test_an_unexpected_error_in_the_link_does_not_end_the_polling(rig: Any, caplog: Any) -> None:
    """A bug below is logged with its traceback, and after a pause the loop goes on."""
    r = rig([device(1, FAST)])
    await r.run(2)
    good, r.field._read = r.field._read, None
    await r.run(2)
    r.field._read = good
    await r.run(10)
    assert r.bus.counters.crashes == 1
    assert r.rounds("unit-1")[-1] > 8
    assert "unexpected error in the poll loop" in caplog.text


async def test_times_of_a_device_never_repeat(rig: Any) -> None:
    """A fast and a slow round within the same millisecond still have different times."""
    r = rig([device(1, [*FAST, register("s", 50, poll=PollClass.SLOW)], slow_s=1)], answer_s=0)
    await r.run(10)
    times = [ms for _, _, ms, _ in r.answers]
    assert len(set(times)) == len(times) >= 18


async def test_a_half_open_link_is_made_anew(rig: Any) -> None:
    """When nothing at all answers any more, the connection is opened again."""
    r = rig([device(n, FAST) for n in range(1, 6)])
    await r.run(5)
    r.field.dead = {1, 2, 3, 4, 5}
    await r.run(60)
    assert len(r.field.connects) >= 2


@pytest.mark.parametrize("transport", [Transport.RTU, Transport.RTU_OVER_TCP])
async def test_pitfall_1_a_silent_rtu_unit_is_left_alone_while_its_answer_may_be_late(rig: Any, transport: Transport) -> None:
    """A converter may pass a late answer on to a new connection: the unit itself is not asked again for three timeouts."""
    r = rig([device(1, FAST), device(2, FAST)], transport=transport, timeout_s=1.0)
    await r.run(20)
    r.field.dead.add(1)
    await r.run(20)
    failed = [at for at in r.requests(1) if at > 20]
    assert len(failed) >= 2
    assert min(b - a for a, b in itertools.pairwise(failed)) >= 3.0
    assert len(r.rounds("unit-2")) >= 35
