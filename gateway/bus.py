"""The bus: the one owner of a link. It decides which request is next, and nobody else may send one or cancel one.

Earliest deadline first over (device, poll class); writes that others queue go before polls, reads on demand after the writes. A
unit that does not answer is left alone for growing times and asked with one request, and all such waiting together takes at most
a twentieth of the link's time, so the dead never starve the living (domain pitfalls 1, facts 3 and 4).

An answer that would come after its request was given up may still hold up a converter behind the link: until the configured
timeout of that request is over, others are given so much longer. On links with a window of more than one, so many owners' hands
work on one schedule.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
import zlib
from collections.abc import Callable, Sequence

from gateway.backoff import Backoff, ProbeBudget, Reconnect, UnitState
from gateway.meter import BusCounters, Meter
from gateway.modbus.port import ModbusLink
from gateway.patience import Patience
from gateway.plan import BlockPlan, DevicePlan, Mode
from gateway.requests import Nap, Requests
from gateway.schedule import Schedule
from gateway.status import LinkStatus
from gateway.unit import Unit, UnitJob
from lampwell.assets import Link, Transport
from lampwell.clock import Clock
from lampwell.errors import BadAnswer, DeviceRefused, LinkDown, ModbusError, NoAnswer
from lampwell.points import PollClass

log = logging.getLogger(__name__)

Answers = Sequence[tuple[BlockPlan, bytes | None]]
OnAnswers = Callable[[str, int, Answers], None]
OnState = Callable[[str, UnitState], None]

BUSY = frozenset({5, 6})  # the device is at work: no reading this time, nothing wrong with the block
NOT_REACHED = frozenset({10, 11})  # a gateway on the way speaks for a unit that does not answer
BUDGET_S = 3.0  # of waiting for silent units may be saved up
RTU_QUARANTINE = 3.0  # timeouts that a failed RTU unit is not asked: its late answer must not meet a new request to itself
SILENT_LINK = 4  # requests in a row without any answer, and the connection is made anew (it may be half open)
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
        self._on_state = on_state
        self._ticks = ticks  # real seconds: round trips are hardware's time, whatever the county's clock does
        self._start = clock.monotonic()
        self._schedule: Schedule[tuple[Unit, PollClass]] = Schedule(self._start)
        least_s = 0.0 if link.transport is Transport.TCP else RTU_QUARANTINE * link.timeout_s
        self._units = {p.device.id: Unit(p, Backoff(least_s=least_s, rng=rng)) for p in plans}
        self._patience = Patience(link)
        self._budget = ProbeBudget(max(BUDGET_S, link.timeout_s))
        self._down = Reconnect(rng)
        self._connecting = asyncio.Lock()
        self._hands = link.in_flight if link.transport is Transport.TCP else 1
        self._nap = Nap(clock)
        self._requests = Requests(self._nap.wake)
        self._probing = False
        self._blocked_until = 0.0
        self._unanswered = 0
        self._meter = Meter(link.id, self.counters, self._start)
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
            connected=self._modbus.connected,
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
        if not self._modbus.connected:
            if self._is_idle(now):
                await self._nap.until(self._schedule.wait_s(now))
                return
            if not await self._connect(now):
                return
        if asked := self._requests.next():
            error = await asked.serve()
            if isinstance(error, LinkDown):
                self._lost(error)
            return
        job = self._schedule.take(now + SOON_S)
        if job is None:
            await self._nap.until(self._schedule.wait_s(now))
        else:
            await self._poll(job, max(now, job.release))

    async def _poll(self, job: UnitJob, now: float) -> None:
        unit, poll = job.key
        self._forgive(unit)
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
            answers = await self._round(unit, unit.blocks(poll))
            self._report(unit, answers)
        finally:
            self._probing = self._probing and not probing
            self._reschedule(job, now)

    async def _round(self, unit: Unit, blocks: Sequence[BlockPlan]) -> list[tuple[BlockPlan, bytes | None]]:
        """Read blocks of one unit until one fails; what came is kept, and the failure is charged to the unit or to the block."""
        began = self._clock.monotonic()
        answers: list[tuple[BlockPlan, bytes | None]] = []
        alive = False
        error: ModbusError | None = None
        for plan in unit.order(blocks, began):
            try:
                answers.append((plan, await self._read(unit, plan)))
            except DeviceRefused as refusal:
                self._count(unit, refusal)
                if refusal.code in NOT_REACHED:
                    error = refusal
                    break
                if refusal.code not in BUSY:
                    answers.append((plan, None))
            except ModbusError as failure:
                self._count(unit, failure)
                error = failure
                if isinstance(failure, LinkDown):
                    self._lost(failure)
                elif alive and unit.silenced(plan, self._clock.monotonic()):
                    answers.append((plan, None))
                break
            alive = True
            unit.answered(plan)
        self._judge(unit, began, alive=alive, error=error)
        return answers if alive else []

    async def _read(self, unit: Unit, plan: BlockPlan) -> bytes:
        own_s = self._patience.timeout_s(unit.trip, plan.block, unit.backoff.failures)
        began = self._ticks()
        blocked_s = max(0.0, self._blocked_until - began)
        try:
            data = await self._modbus.read(unit.number, plan.block, own_s + blocked_s)
        except NoAnswer:
            if blocked_s or own_s < self.link.timeout_s:
                self._blocked_until = max(self._blocked_until, began) + self.link.timeout_s
            await self._unheard()
            raise
        except DeviceRefused:
            self._heard()
            raise
        self._heard()
        if blocked_s:
            self._blocked_until = 0.0
            self._budget.spend(self._clock.monotonic(), max(0.0, self._ticks() - began - own_s))
        else:
            self._patience.learn(unit.trip, plan.block, self._ticks() - began)
        return data

    def _forgive(self, unit: Unit) -> None:
        """A late answer came: the unit lives, it is only slower (or was held up longer) than believed."""
        late = self._modbus.counters.late_s
        if late and (late_s := late.pop(unit.number, None)) is not None:
            unit.trip.learn_late(late_s)
            unit.backoff.forgive()

    # -- what an answer or a failure means ---------------------------------------------------------------------------------------

    def _judge(self, unit: Unit, began: float, *, alive: bool, error: ModbusError | None) -> None:
        """After a round: the unit's state, and what the waiting cost."""
        now = self._clock.monotonic()
        self._meter.busy(now, now - began)
        if error is not None:
            self._budget.spend(now, now - began)
        if not alive and error is not None:
            if unit.backoff.failed(now):
                self._tell(unit, error)
            return
        was_failing = unit.backoff.failures > 0
        if unit.backoff.succeeded():
            self._tell(unit)
        if was_failing and (slow := unit.jobs.get(PollClass.SLOW)):
            self._schedule.hasten(slow, now)
        unit.round_s = now - began

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

    def _heard(self) -> None:
        self._unanswered = 0
        if self._down.failures:
            log.info("link %s: answers again after %d failures", self.link.id, self._down.failures)
            self._down.succeeded()

    async def _unheard(self) -> None:
        self._unanswered += 1
        if self._unanswered >= SILENT_LINK * self._hands:
            self._unanswered = 0
            await self._modbus.close()

    def _count(self, unit: Unit, error: ModbusError) -> None:
        match error:
            case DeviceRefused():
                kind = f"refused-{error.code}"
            case NoAnswer():
                kind = "no-answer"
            case BadAnswer():
                kind = "bad-answer"
                log.debug("link %s: %s", self.link.id, error)
            case _:
                kind = "link-down"
        unit.errors[kind] += 1
        self.counters.errors[kind] += 1

    def _tell(self, unit: Unit, error: ModbusError | None = None) -> None:
        """Log once when it breaks and once when it heals, and say the new state."""
        state = unit.backoff.state
        log.log(logging.INFO if error is None else logging.WARNING, "%s is %s%s", unit.id, state, f": {error}" if error else "")
        self._on_state(unit.id, state)

    def _is_idle(self, now: float) -> bool:
        """Nothing is wrong and nothing to be asked: a far end that closes idle connections is not opened for nothing."""
        wait_s = self._schedule.wait_s(now)
        return not self._down.failures and not self._requests.waiting and (wait_s is None or wait_s > SOON_S)

    # -- the link ----------------------------------------------------------------------------------------------------------------

    async def _connect(self, now: float) -> bool:
        """Open the link if its time has come; otherwise wait for it. True when it is open."""
        async with self._connecting:
            if self._modbus.connected:
                return True
            if self._down.due <= now:
                try:
                    await self._modbus.connect()
                except LinkDown as error:
                    self._lost(error)
                    self._all_dead(error)
                else:
                    self._opened()
                    return True
            self._requests.refuse(LinkDown(f"{self.link.id}: {self.link.endpoint} is down"))
            wait_s = self._down.due - self._clock.monotonic()
        await self._nap.until(wait_s)
        return False

    def _opened(self) -> None:
        """After an outage all are asked at once, but for units that had long been silent; what passed meanwhile is no overrun."""
        if not self._down.failures:
            return
        now = self._clock.monotonic()
        for unit in self._units.values():
            for job in unit.jobs.values():
                if unit.backoff.failures <= 1 or job.release < now:
                    self._schedule.hasten(job, now)

    def _lost(self, error: LinkDown) -> None:
        if not self._down.failures:
            log.warning("link %s: %s", self.link.id, error)
        self._down.failed(self._clock.monotonic())

    def _all_dead(self, error: LinkDown) -> None:
        self.counters.errors["link-down"] += 1
        for unit in self._units.values():
            if unit.backoff.link_lost():
                self._tell(unit, error)

    async def _read_now(self, unit: Unit, blocks: Sequence[BlockPlan]) -> Answers:
        answers: list[tuple[BlockPlan, bytes | None]] = []
        for plan in blocks:
            try:
                answers.append((plan, await self._modbus.read(unit.number, plan.block)))
            except DeviceRefused as refusal:
                self._count(unit, refusal)
                if refusal.code in BUSY | NOT_REACHED:
                    raise
                answers.append((plan, None))
        self._report(unit, answers)
        return answers

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
