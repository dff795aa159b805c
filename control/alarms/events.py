"""What happens to an alarm, and what a step made of it. Values only; times are epoch ms."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from control.alarms.model import Alarm, AlarmState, Condition


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """A condition was observed."""

    condition: Condition


@dataclass(frozen=True, slots=True, kw_only=True)
class Elapsed:
    """Time has passed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledge:
    """A person has taken notice of one occurrence."""

    who: str
    occurrence: int
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reset:
    """A person releases a latched alarm."""

    who: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelve:
    """A person does not want to hear of it until then, for a reason."""

    who: str
    until: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Unshelve:
    """A person wants to hear of it again."""

    who: str
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A person takes it out of service for maintenance, or puts it back. No time limit; listed and audited."""

    who: str
    out: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppress:
    """Logic suppresses it, because of ``why`` (the key of a parent, or an enabling condition), or no longer does."""

    on: bool
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited:
    """Its limit or its rule was changed; the last observation is judged anew."""

    who: str = ""


Event = Observed | Elapsed | Acknowledge | Reset | Shelve | Unshelve | Service | Suppress | Edited


class Effect(StrEnum):
    """What a step did, for the journal; only ``ANNOUNCED`` makes messages, ``CLEARED`` may."""

    PENDING = "pending"  # a delay began
    DROPPED = "dropped"  # a delay ended before its time
    RAISED = "raised"  # a new occurrence
    ANNOUNCED = "announced"  # people are to be told
    CLEARED = "cleared"
    LATCHED = "latched"
    ACKED = "acked"
    EXPIRED = "ack-expired"
    RESET = "reset"
    CLOSED = "closed"  # the occurrence is over
    SUPERSEDED = "superseded"  # the occurrence ended unacknowledged because the next one began
    SHELVED = "shelved"
    UNSHELVED = "unshelved"
    OUT = "out-of-service"
    IN = "in-service"
    SUPPRESSED = "suppressed"
    RELEASED = "released"


class Refused(StrEnum):
    """Why a person's event had no effect."""

    NOT_THIS = "no such occurrence: it is over, or a newer one has begun"
    ALREADY = "it is acknowledged already"
    NOTHING_TO_ACK = "there is nothing to acknowledge"
    NOT_LATCHED = "it is not latched"
    ACK_FIRST = "acknowledge it first"
    STILL_ACTIVE = "the condition is still there"
    TOO_LONG = "it may not be shelved for so long"
    PAST = "that time is past"
    NOT_SHELVED = "it is not shelved"
    NO_CHANGE = "it is so already"
    NO_REASON = "a reason is needed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The outcome of one event: the state after it, what it did in order, and, for a person's event, why it was refused."""

    state: AlarmState
    effects: tuple[Effect, ...] = ()
    refused: Refused | None = None
    ended: int | None = None
    """The number of an occurrence that this step superseded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A step that changed something worth keeping: one row of the journal."""

    at: int
    alarm: Alarm
    event: Event
    before: AlarmState
    step: Step

    @property
    def state(self) -> AlarmState:
        """The state after it."""
        return self.step.state
