"""The bus: the one owner of a link. It decides which request is next, and nobody else may send one or cancel one.

Earliest deadline first over (device, poll class); writes that others queue go before polls, reads on demand after the writes. A
unit that does not answer is left alone for growing times and asked with one request, and all such waiting together takes at most
a twentieth of the link's time, so the dead never starve the living (domain pitfalls 1, facts 3 and 4).

On links with a window of more than one, so many owners' hands work on one schedule.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
import zlib
from collections.abc import Callable, Sequence

from gateway.backoff import Backoff, ProbeBudget, UnitState
from gateway.linkstate import LinkState
from gateway.meter import BusCounters, Meter
from gateway.modbus.port import ModbusLink
from gateway.patience import Patience
from gateway.plan import BlockPlan, DevicePlan, Mode
from gateway.requests import Nap, Requests
from gateway.rounds import Answers, OnState, Rounds
from gateway.schedule import Schedule
from gateway.status import LinkStatus
from gateway.unit import Unit, UnitJob
from lampwell.assets import Link, Transport
from lampwell.clock import Clock
from lampwell.errors import LinkDown
from lampwell.points import PollClass

log = logging.getLogger(__name__)

OnAnswers = Callable[[str, int, Answers], None]

BUDGET_S = 3.0  # of waiting for silent units may be saved up
RTU_QUARANTINE = 3.0  # timeouts that a failed RTU unit is not asked: its late answer must not meet a new request to itself
UNSURE_S = 10.0  # later deadline of a unit that may not answer: those that do are served first
SOON_S = 0.001  # less than this is now: a wait must move the clock
AFTER_CRASH_S = 5.0


class Bus:
    """One link and its units. ``run`` until cancelled.

    ``on_answers(device, time, answers)``: one poll round = one call = one time, the clock's when the round's last answer had come
    (epoch ms, never the same twice for a device). ``None`` in place of data: the device refuses that block (or keeps silent
    on it while it answers others), so its points have no value. Blocks that just did not come this time are left out.
    ``on_state(device, state)``: on every change, before the answers that caused it.
    """

    def __init__(
        self,
        link: Link,
        modbus: ModbusLink,
        plans: Sequence[DevicePlan],
        *,
        clock: Clock,
        on_answers: OnAnswers,
        on_state: OnState = lambda _device, _state: None,
        rng: Callable[[], float] = random.random,
        ticks: Callable[[], float] = time.perf_counter,
    ) -> None:
        self.link = link
        self.counters = BusCounters()
        self._modbus = modbus
        self._clock = clock
        self._on_answers = on_answers
        self._start = clock.monotonic()
        self._schedule: Schedule[tuple[Unit, PollClass]] = Schedule(self._start)
        least_s = 0.0 if link.transport is Transport.TCP else RTU_QUARANTINE * link.timeout_s
        self._units = {p.device.id: Unit(p, Backoff(least_s=least_s, rng=rng)) for p in plans}
        self._budget = ProbeBudget(max(BUDGET_S, link.timeout_s))
        self._hands = link.in_flight if link.transport is Transport.TCP else 1
        self._nap = Nap(clock)
        self._requests = Requests(self._nap.wake)
        self._probing = False
        self._meter = Meter(link.id, self.counters, self._start)
        self._state = LinkState(link, modbus, clock, rng, hands=self._hands, on_open=self._opened, on_down=self._all_dead)
        self._rounds = Rounds(
            link=link,
            modbus=modbus,
            state=self._state,
            clock=clock,
            ticks=ticks,
            patience=Patience(link),
            budget=self._budget,
            meter=self._meter,
            counters=self.counters,
            on_state=on_state,
            on_recovery=self._recovered,
        )
        self._spread()

    async def run(self) -> None:
        """Own the link until cancelled; then close it."""
        try:
            async with asyncio.TaskGroup() as hands:
                for number in range(self._hands):
                    hands.create_task(self._work(), name=f"bus {self.link.id} {number}")
        finally:
            self._requests.close(LinkDown(f"{self.link.id}: stopped"))
            await self._modbus.close()

    def set_mode(self, device: str, mode: Mode) -> None:
        """Poll the device's fast points at that mode's interval from now on."""
        unit = self._units[device]
        if mode is unit.mode:
            return
        unit.mode = mode
        if job := unit.jobs.get(PollClass.FAST):
            self._schedule.retime(job, mode.interval_s(unit.plan.device.intervals), self._clock.monotonic())
            self._nap.wake()

    async def read(self, device: str, blocks: Sequence[BlockPlan] | None = None) -> Answers:
        """Read blocks (default: the demand blocks) before the next poll; the answers go to ``on_answers`` as well. ModbusError if
        the unit does not answer. Cancelling the wait leaves the request alone.
        """
        unit = self._units[device]
        chosen = unit.plan.demand if blocks is None else tuple(blocks)
        result: Answers = await self._requests.read(lambda: self._read_now(unit, chosen))
        return result

    async def write_registers(self, device: str, address: int, words: Sequence[int]) -> None:
        """Write holding registers before any poll; returns when the device confirmed, ModbusError if it did not."""
        unit = self._units[device]
        await self._requests.write(lambda: self._modbus.write_registers(unit.number, address, words))

    async def write_coils(self, device: str, address: int, bits: Sequence[bool]) -> None:
        """Write coils before any poll; returns when the device confirmed, ModbusError if it did not."""
        unit = self._units[device]
        await self._requests.write(lambda: self._modbus.write_coils(unit.number, address, bits))

    def status(self) -> LinkStatus:
        """For screens and health points. ``cycle_s``: the last rounds of all units together."""
        units = self._units.values()
        return LinkStatus(
            id=self.link.id,
            endpoint=self.link.endpoint,
            connected=self._state.connected,
            units=tuple(unit.status() for unit in units),
            cycle_s=sum(unit.round_s for unit in units),
            load=self._meter.load,
        )

    async def _work(self) -> None:
        while True:
            try:
                await self._turn()
            except Exception:  # whatever goes wrong inside, the polling of a whole link must not end with it
                self.counters.crashes += 1
                log.exception("link %s: unexpected error in the poll loop, going on", self.link.id)
                await self._clock.sleep(AFTER_CRASH_S)

    async def _turn(self) -> None:
        now = self._clock.monotonic()
        if not self._state.connected:
            if self._is_idle(now):
                await self._nap.until(self._schedule.wait_s(now))
                return
            if (wait_s := await self._state.open(now)) is not None:
                self._requests.refuse(LinkDown(f"{self.link.id}: {self.link.endpoint} is down"))
                await self._nap.until(wait_s)
                return
        if asked := self._requests.next():
            error = await asked.serve()
            if isinstance(error, LinkDown):
                self._state.lost(error)
            return
        job = self._schedule.take(now + SOON_S)
        if job is None:
            await self._nap.until(self._schedule.wait_s(now))
        else:
            await self._poll(job, max(now, job.release))

    async def _poll(self, job: UnitJob, now: float) -> None:
        unit, poll = job.key
        self._rounds.forgive(unit)
        probing = unit.backoff.failures > 0
        if probing:
            if job is not unit.main:
                self._schedule.done(job, now)
                return
            if (wait_s := self._probe_wait_s(unit, now)) > SOON_S:
                self._schedule.defer(job, now + wait_s)
                return
            self._probing = True
        try:
            answers = await self._rounds.poll(unit, unit.blocks(poll))
            self._report(unit, answers)
        finally:
            self._probing = self._probing and not probing
            self._reschedule(job, now)

    def _report(self, unit: Unit, answers: Answers) -> None:
        if answers:
            self.counters.polls += 1
            now_ms = self._clock.now()
            unit.last_ok_ms = now_ms
            try:
                self._on_answers(unit.id, unit.stamp(now_ms), answers)
            except Exception:  # a fault in what is made of the answers must not hold up the link; told once, then counted
                self.counters.crashes += 1
                unit.errors["crash"] += 1
                if unit.errors["crash"] == 1:
                    log.exception("%s: unexpected error with its answers, going on", unit.id)

    def _reschedule(self, job: UnitJob, started: float) -> None:
        unit, _ = job.key
        job.slack_s = 0.0 if unit.backoff.state is UnitState.OK else UNSURE_S
        missed = self._schedule.done(job, started)
        if unit.backoff.failures and unit.backoff.due > job.release:
            self._schedule.defer(job, unit.backoff.due)
        if missed:
            self._meter.overrun(started, unit.id, missed)

    def _probe_wait_s(self, unit: Unit, now: float) -> float:
        wait_s = max(unit.backoff.due - now, self._budget.wait_s(now, self.link.timeout_s))
        return max(wait_s, self.link.timeout_s / 10) if self._probing else wait_s

    def _is_idle(self, now: float) -> bool:
        """Nothing is wrong and nothing to be asked: a far end that closes idle connections is not opened for nothing."""
        wait_s = self._schedule.wait_s(now)
        return not self._state.failing and not self._requests.waiting and (wait_s is None or wait_s > SOON_S)

    def _opened(self) -> None:
        """After an outage all are asked at once, but for units that had long been silent; what passed meanwhile is no overrun."""
        now = self._clock.monotonic()
        for unit in self._units.values():
            for job in unit.jobs.values():
                if unit.backoff.failures <= 1 or job.release < now:
                    self._schedule.hasten(job, now)

    def _all_dead(self, error: LinkDown) -> None:
        self.counters.errors["link-down"] += 1
        for unit in self._units.values():
            if unit.backoff.link_lost():
                self._rounds.tell(unit, error)

    async def _read_now(self, unit: Unit, blocks: Sequence[BlockPlan]) -> Answers:
        answers = await self._rounds.ask(unit, blocks)
        self._report(unit, answers)
        return answers

    def _recovered(self, unit: Unit) -> None:
        if slow := unit.jobs.get(PollClass.SLOW):
            self._schedule.hasten(slow, self._clock.monotonic())

    def _spread(self) -> None:
        """Give every unit its place in the interval, and every link its own beginning."""
        base = zlib.crc32(self.link.id.encode()) / 2**32
        for number, unit in enumerate(self._units.values()):
            phase = (base + number / len(self._units)) % 1
            intervals = unit.plan.device.intervals
            if unit.plan.fast:
                unit.jobs[PollClass.FAST] = self._schedule.add(
                    (unit, PollClass.FAST), Mode.DRY.interval_s(intervals), phase, UNSURE_S
                )
            if unit.plan.slow:
                unit.jobs[PollClass.SLOW] = self._schedule.add((unit, PollClass.SLOW), intervals.slow_s, phase, UNSURE_S)
