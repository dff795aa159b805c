"""What an order may believe of its alarm, from the alarm's state.

The caller keeps one ``Sight`` for each key whose order waits to be confirmed, renews it at each change and by a timer, and gives
it to ``orders.settle``. After a restart it begins anew, which only confirms later.
"""

from __future__ import annotations

from dataclasses import dataclass

from control.alarms.model import AlarmState


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """``known``: the newest observation was usable, no delay runs, and no root cause speaks in the alarm's place. ``since``: when
    an active alarm was raised; since when a clear one has been clear and known without a break.
    """

    active: bool
    known: bool
    since: int


def sight(before: Sight | None, state: AlarmState, raised_at: int | None, now: int) -> Sight:
    """What can be believed now. ``before``: the last one, None = none yet; ``raised_at``: of the alarm's open occurrence."""
    known = state.known and state.due is None and not state.suppressed
    if state.active:
        return Sight(active=True, known=known, since=now if raised_at is None else raised_at)
    unbroken = known and before is not None and before.known and not before.active
    return Sight(active=False, known=known, since=before.since if before is not None and unbroken else now)
