"""Earliest deadline first, pure: which poll is next. A slot that was missed is skipped and counted; nothing piles up."""

from __future__ import annotations

import heapq
import math
from dataclasses import dataclass
from typing import Generic, TypeVar

Key = TypeVar("Key")
FIRST_WITHIN_S = 1.0  # every first poll happens within this of the start, however long its interval


@dataclass(slots=True, eq=False)
class Job(Generic[Key]):
    """A poll that comes back every ``interval_s``, at ``phase`` (0..1) of it. Its deadline is its next slot plus ``slack_s``."""

    key: Key
    interval_s: float
    phase: float
    slack_s: float = 0.0
    release: float = 0.0
    version: int = 0
    taken: bool = False


class Schedule(Generic[Key]):
    """Jobs on their grids of slots, which begin at ``start``. A job that was taken comes back by ``done`` or ``defer``."""

    def __init__(self, start: float) -> None:
        self._start = start
        self._count = 0
        self._waiting: list[tuple[float, int, int, Job[Key]]] = []
        self._ready: list[tuple[float, int, int, Job[Key]]] = []

    def add(self, key: Key, interval_s: float, phase: float, slack_s: float = 0.0) -> Job[Key]:
        """A new job, due for the first time within ``FIRST_WITHIN_S``."""
        job = Job(key, interval_s, phase, slack_s)
        self._put(job, self._start + phase * min(interval_s, FIRST_WITHIN_S))
        return job

    def take(self, now: float) -> Job[Key] | None:
        """Of the jobs whose slot has come, the one with the earliest deadline."""
        while self._waiting and self._waiting[0][0] <= now:
            _, count, version, job = heapq.heappop(self._waiting)
            if version == job.version:
                heapq.heappush(self._ready, (job.release + job.interval_s + job.slack_s, count, version, job))
        while self._ready:
            _, _, version, job = heapq.heappop(self._ready)
            if version == job.version:
                job.taken = True
                job.version += 1
                return job
        return None

    def wait_s(self, now: float) -> float | None:
        """Seconds until the next slot; None without jobs."""
        if self._ready:
            return 0.0
        return max(0.0, self._waiting[0][0] - now) if self._waiting else None

    def done(self, job: Job[Key], started: float) -> int:
        """The job ran from ``started``; its next slot is the first after that. Returns how many slots it missed before."""
        missed = max(0, math.floor((started - job.release) / job.interval_s + 1e-9))
        self._put(job, self._slot_after(job, started))
        return missed

    def defer(self, job: Job[Key], at: float) -> None:
        """Not now: let it be due then."""
        self._put(job, at)

    def retime(self, job: Job[Key], interval_s: float, now: float) -> None:
        """From now on another interval; a shorter one takes effect at once, a longer one after the slot that is waited for, so
        that no gap is longer than the interval.
        """
        job.interval_s = interval_s
        if not job.taken:
            self._put(job, min(self._slot_after(job, now), now + interval_s, job.release))

    def hasten(self, job: Job[Key], now: float) -> None:
        """Let it be due now, if it is not running."""
        if not job.taken:
            self._put(job, now)

    def _slot_after(self, job: Job[Key], now: float) -> float:
        origin = self._start + job.phase * job.interval_s
        return origin + (math.floor((now - origin) / job.interval_s + 1e-9) + 1) * job.interval_s

    def _put(self, job: Job[Key], release: float) -> None:
        self._count += 1
        job.version += 1
        job.taken = False
        job.release = release
        heapq.heappush(self._waiting, (release, self._count, job.version, job))
