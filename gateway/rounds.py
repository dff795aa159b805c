"""Rounds of a unit on its link: its blocks asked one by one, and what an answer or its absence means for the unit.

An answer that would come after its request was given up may still hold up a converter behind the link: until the configured
timeout of that request is over, others are given so much longer.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway.backoff import ProbeBudget, UnitState
from gateway.linkstate import LinkState
from gateway.meter import BusCounters, Meter
from gateway.modbus.port import ModbusLink
from gateway.patience import Patience
from gateway.plan import BlockPlan
from gateway.unit import Unit
from lampwell.assets import Link
from lampwell.clock import Clock
from lampwell.errors import BadAnswer, DeviceRefused, LinkDown, ModbusError, NoAnswer

log = logging.getLogger(__name__)

Answers = Sequence[tuple[BlockPlan, bytes | None]]
OnState = Callable[[str, UnitState], None]

BUSY = frozenset({5, 6})  # the device is at work: no reading this time, nothing wrong with the block
NOT_REACHED = frozenset({10, 11})  # a gateway on the way speaks for a unit that does not answer


@dataclass(slots=True, eq=False, kw_only=True)
class Rounds:
    """``ticks``: real seconds, since round trips are hardware's time, whatever the county's clock does. ``budget``: of waiting
    for units that do not answer. ``on_state(device, state)``: on every change. ``on_recovery(unit)``: it answers again.
    """

    link: Link
    modbus: ModbusLink
    state: LinkState
    clock: Clock
    ticks: Callable[[], float]
    budget: ProbeBudget
    meter: Meter
    counters: BusCounters
    on_state: OnState
    on_recovery: Callable[[Unit], None]
    patience: Patience
    _blocked_until: float = 0.0

    async def poll(self, unit: Unit, blocks: Sequence[BlockPlan]) -> Answers:
        """Read blocks of one unit until one fails; what came is kept, and the failure is charged to the unit or to the block."""
        began = self.clock.monotonic()
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
                    self.state.lost(failure)
                elif alive and unit.silenced(plan, self.clock.monotonic()):
                    answers.append((plan, None))
                break
            alive = True
            unit.answered(plan)
        self._judge(unit, began, alive=alive, error=error)
        return answers if alive else []

    async def ask(self, unit: Unit, blocks: Sequence[BlockPlan]) -> Answers:
        """Read blocks that somebody waits for: with the configured timeout, whatever the unit's state. ModbusError."""
        answers: list[tuple[BlockPlan, bytes | None]] = []
        for plan in blocks:
            try:
                answers.append((plan, await self.modbus.read(unit.number, plan.block)))
            except DeviceRefused as refusal:
                self._count(unit, refusal)
                if refusal.code in BUSY | NOT_REACHED:
                    raise
                answers.append((plan, None))
        return answers

    def forgive(self, unit: Unit) -> None:
        """If a late answer came: the unit lives, it is only slower (or was held up longer) than believed."""
        late = self.modbus.counters.late_s
        if late and (late_s := late.pop(unit.number, None)) is not None:
            unit.trip.learn_late(late_s)
            unit.backoff.forgive()

    def tell(self, unit: Unit, error: ModbusError | None = None) -> None:
        """Log once when it breaks and once when it heals, and say the new state."""
        state = unit.backoff.state
        log.log(logging.INFO if error is None else logging.WARNING, "%s is %s%s", unit.id, state, f": {error}" if error else "")
        self.on_state(unit.id, state)

    async def _read(self, unit: Unit, plan: BlockPlan) -> bytes:
        own_s = self.patience.timeout_s(unit.trip, plan.block, unit.backoff.failures)
        began = self.ticks()
        blocked_s = max(0.0, self._blocked_until - began)
        try:
            data = await self.modbus.read(unit.number, plan.block, own_s + blocked_s)
        except NoAnswer:
            if blocked_s or own_s < self.link.timeout_s:
                self._blocked_until = max(self._blocked_until, began) + self.link.timeout_s
            await self.state.unheard()
            raise
        except DeviceRefused:
            self.state.heard()
            raise
        self.state.heard()
        if blocked_s:
            self._blocked_until = 0.0
            self.budget.spend(self.clock.monotonic(), max(0.0, self.ticks() - began - own_s))
        else:
            self.patience.learn(unit.trip, plan.block, self.ticks() - began)
        return data

    def _judge(self, unit: Unit, began: float, *, alive: bool, error: ModbusError | None) -> None:
        """After a round: the unit's state, and what the waiting cost."""
        now = self.clock.monotonic()
        self.meter.busy(now, now - began)
        if error is not None:
            self.budget.spend(now, now - began)
        if not alive and error is not None:
            if unit.backoff.failed(now):
                self.tell(unit, error)
            return
        was_failing = unit.backoff.failures > 0
        if unit.backoff.succeeded():
            self.tell(unit)
        if was_failing:
            self.on_recovery(unit)
        unit.round_s = now - began

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
