"""The time that lamps go by, when the machine's own clock may be unset, stepped or wrong. Pure.

It runs on the monotonic clock and follows the machine's calendar only as far as that can be believed. Devices keep clocks of
their own; where they can be read they are a witness of which of two times is right.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median_low
from typing import NamedTuple

from gateway.clockwatch import DISTRUST_S, EARLIEST_MS, STEP_MS

SLACK_MS = 500
"""The calendar may wander so far from the monotonic clock before it is followed."""
NOTICE_S = 5.0
"""A step is not followed sooner: whoever watches the clock needs a moment to see it as well."""
MARGIN_MS = 15 * 60_000
"""While the time is in doubt lamps are on so much before and after the program says (unverified choice)."""


class Reckoned(NamedTuple):
    """``at``: epoch ms. Not ``known``: it only goes on from the last time there was. ``margin_ms``: how far lamps are to be on
    the safe side of it. ``moved``: by how much it was set since the last time, ms; times noted before are to move along.
    """

    at: int
    known: bool
    margin_ms: int = 0
    moved: int = 0


class Steady:
    """``saved``: the last time this node knew in an earlier life, epoch ms; 0 none."""

    def __init__(self, saved: int) -> None:
        self._saved = saved
        self._offset: float | None = None
        self._known = self._by_wall = False
        self._began = 0.0
        self._seen_step: float | None = None

    def reckon(self, wall: int, mono: float, *, trusted: bool, witness: int | None = None) -> Reckoned:
        """The time now. ``wall``: the machine's calendar, ``trusted`` or not; ``mono``: seconds; ``witness``: see there."""
        first = self._offset is None
        if self._offset is None:
            self._began = mono
            self._offset = (self._saved or wall) - mono * 1000
        at = self._offset + mono * 1000
        heading = self._heading(wall, at, mono, trusted=trusted, witness=witness)
        moved = 0 if heading is None else round(heading - at)
        self._offset += moved
        doubt = not self._by_wall or not trusted or self._seen_step is not None
        margin = MARGIN_MS if self._known and doubt else 0
        return Reckoned(round(at) + moved, self._known, margin, 0 if first else moved)

    def _heading(self, wall: int, at: float, mono: float, *, trusted: bool, witness: int | None) -> float | None:
        """The time to set ours to; None: let it run on."""
        off = abs(wall - at)
        if self._by_wall and off <= STEP_MS:
            self._seen_step = None
            return wall if off >= SLACK_MS else None
        if self._may_follow(wall, at, mono, trusted=trusted, witness=witness):
            self._known = self._by_wall = True
            self._seen_step = None
            return wall
        if not self._by_wall and witness is not None and witness >= max(EARLIEST_MS, self._saved - STEP_MS):
            was_known, self._known = self._known, True
            return witness if not was_known or abs(witness - at) > STEP_MS else None
        return None

    def _may_follow(self, wall: int, at: float, mono: float, *, trusted: bool, witness: int | None) -> bool:
        """Whether a calendar that shows another time than ours is to be believed."""
        if wall < EARLIEST_MS:
            return False
        if witness is not None and abs(witness - wall) <= STEP_MS:
            return True
        if not self._by_wall:  # we have nothing better; but a calendar behind the last time we knew must first prove itself
            return trusted and (wall >= self._saved - STEP_MS or mono - self._began >= DISTRUST_S)
        if self._seen_step is None:
            self._seen_step = mono
        witnessed = witness is not None and abs(witness - at) <= STEP_MS
        return trusted and not witnessed and mono - self._seen_step >= NOTICE_S


def witness_of(clocks: Sequence[int]) -> int | None:
    """What the devices' clocks (epoch ms, each brought to now) say together; None where there is none or they disagree."""
    sane = sorted(clock for clock in clocks if clock >= EARLIEST_MS)
    if not sane:
        return None
    middle = median_low(sane)
    agreeing = sum(1 for clock in sane if abs(clock - middle) <= STEP_MS)
    return middle if 2 * agreeing > len(sane) else None
