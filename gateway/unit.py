"""What a bus knows of one unit: its plan, how it has been answering, and which of its blocks to ask in what order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from gateway.backoff import DEAD_AFTER, Backoff
from gateway.patience import RoundTrip
from gateway.plan import BlockPlan, DevicePlan, Mode, answer_bytes
from gateway.schedule import Job
from gateway.status import UnitStatus
from lampwell.points import PollClass

SAME_MOMENT_MS = 1000

UnitJob = Job[tuple["Unit", PollClass]]


@dataclass(slots=True, eq=False)
class Unit:
    """One unit of a link. ``main`` is the job that also probes it: the fast one, or the slow one where there is no fast point."""

    plan: DevicePlan
    backoff: Backoff
    mode: Mode = Mode.DRY
    trip: RoundTrip = field(default_factory=RoundTrip)
    errors: Counter[str] = field(default_factory=Counter)
    last_ok_ms: int | None = None
    round_s: float = 0.0
    jobs: dict[PollClass, UnitJob] = field(default_factory=dict)
    silent: dict[BlockPlan, Backoff] = field(default_factory=dict)
    _alive: BlockPlan | None = None
    _last_ms: int = 0

    @property
    def id(self) -> str:
        """The device's id."""
        return self.plan.device.id

    @property
    def number(self) -> int:
        """The unit's address on the link."""
        return self.plan.device.unit

    @property
    def main(self) -> UnitJob | None:
        """The job that probes the unit when it does not answer."""
        return self.jobs.get(PollClass.FAST) or self.jobs.get(PollClass.SLOW)

    def blocks(self, poll: PollClass) -> tuple[BlockPlan, ...]:
        """The blocks of a poll class."""
        return {PollClass.FAST: self.plan.fast, PollClass.SLOW: self.plan.slow, PollClass.DEMAND: self.plan.demand}[poll]

    def order(self, blocks: Sequence[BlockPlan], now: float) -> Sequence[BlockPlan]:
        """What to ask, in order. While the unit fails, a small block first: that one request is the probe. A block that stays
        silent while others answer is asked only when its own back-off is due, one of them a round, last.
        """
        if not self.backoff.failures and not self.silent:
            return blocks
        well = [b for b in blocks if b not in self.silent]
        due = [b for b in blocks if b in self.silent and self.silent[b].due <= now]
        if self.backoff.failures and well:
            probe = self._probe(well)
            well = [probe, *(b for b in well if b is not probe)]
        return well + due[:1]

    def answered(self, block: BlockPlan) -> None:
        """The block can be read: it will do as a probe, if it is the smallest such."""
        self.silent.pop(block, None)
        if self._alive is None or answer_bytes(block.block) < answer_bytes(self._alive.block):
            self._alive = block

    def silenced(self, block: BlockPlan, now: float) -> bool:
        """The block failed while others of the unit answered. True once that is no noise any more: its points have no value."""
        backoff = self.silent.setdefault(block, Backoff())
        backoff.failed(now)
        return backoff.failures >= DEAD_AFTER

    def stamp(self, now_ms: int) -> int:
        """The time of a scan: now, but never the same twice."""
        if now_ms <= self._last_ms < now_ms + SAME_MOMENT_MS:
            now_ms = self._last_ms + 1
        self._last_ms = now_ms
        return now_ms

    def status(self) -> UnitStatus:
        """For screens and health points."""
        return UnitStatus(
            device=self.id,
            state=str(self.backoff.state),
            last_ok_ms=self.last_ok_ms,
            rtt_ms=round(1000 * self.trip.mean_s, 3) if self.trip.count else None,
            mode=str(self.mode),
            errors=dict(self.errors),
        )

    def _probe(self, blocks: Sequence[BlockPlan]) -> BlockPlan:
        """The smallest block known to answer; where none ever did, all of them in turn, smallest first."""
        if self._alive in blocks:
            return blocks[blocks.index(self._alive)]
        by_size = sorted(blocks, key=lambda b: answer_bytes(b.block))
        return by_size[(self.backoff.failures - 1) % len(by_size)]
