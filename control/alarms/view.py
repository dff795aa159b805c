"""An alarm as people see it: what stands, what the readings say of it, and in which order."""

from __future__ import annotations

from dataclasses import dataclass

from control.alarms.model import NOTHING, WAITING, Alarm, AlarmState, Condition, Text
from control.alarms.occurrences import Occurrence


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmView:
    """One alarm as a person sees it: its present state and the occurrence it is about (None = nothing open). ``newest``: what was
    last said of it in this life.
    """

    alarm: Alarm
    state: AlarmState
    occurrence: Occurrence | None
    first: bool = False
    newest: Condition | None = None

    @property
    def why(self) -> Text:
        """What the readings say: now, where logic has words for what still stands; else at the raise."""
        if self.newest is not None and self.state.active and self.newest.value is True and self.newest.why != NOTHING:
            return self.newest.why
        return self.occurrence.why if self.occurrence else NOTHING

    @property
    def standing(self) -> bool:
        """Whether it belongs on the alarm list: an open occurrence that people were, or may be, told of."""
        return self.occurrence is not None and not self.state.silent


def rank(view: AlarmView) -> tuple[bool, int, int, str]:
    """Order of the alarm list: unacknowledged first, then by priority and age."""
    waiting = view.state.core in WAITING
    raised = view.occurrence.raised_at if view.occurrence else 0
    return (not waiting, int(view.alarm.rule.priority), -raised, view.alarm.key)
