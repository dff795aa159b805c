"""What was tried for one target, and when it may be tried again. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.lighting.following import Check
from lampwell.lighting.wire import Said

TRIES, LATER_S = 3, 600.0
REASSERT_S = 60.0
"""A level that was right and was changed by another hand is set again, but no fight is fought over it."""


@dataclass(slots=True)
class Hand:
    """``sent``: the last level written; ``due``: not before (monotonic s); ``wrote``: the last write; ``since``: it is not as
    wanted since then; ``error``: why the last write did not reach the device. ``check`` was made from ``basis``.
    """

    wanted: int = -1
    sent: int = -1
    tries: int = 0
    due: float = float("-inf")
    wrote: float = float("-inf")
    failed: bool = False
    settled: bool = False
    since: float = float("-inf")
    error: Said | None = None
    basis: tuple[object, ...] = ()
    check: Check | None = None

    def turn(self, level: int, now: float, gap_s: float) -> None:
        """Something else is wanted now: the tries begin anew, levels ``gap_s`` apart."""
        if self.wanted == level:
            return
        self.wanted, self.tries, self.failed, self.settled, self.error, self.since = level, 0, False, False, None, now
        self.due = max(now, self.wrote + gap_s) if level else now

    def may_try(self, now: float) -> bool:
        """Whether it is time for a write. After the third in vain it has failed, and is tried again much later."""
        if self.settled:
            self.settled, self.since = False, now
        if now < self.due:
            return False
        if self.tries >= TRIES and not self.failed:
            self.failed, self.due = True, now + LATER_S
            return False
        return True

    def tried(self, now: float, wait_s: float) -> None:
        """It was written; ``wait_s`` is how long the device may take."""
        self.sent, self.wrote = self.wanted, now
        self.tries += 1
        self.due = now + (LATER_S if self.failed else wait_s)

    def right(self, *, dims: bool) -> None:
        """It is as wanted."""
        self.tries, self.failed, self.settled, self.error = 0, False, True, None
        if dims:
            self.due = self.wrote + REASSERT_S
