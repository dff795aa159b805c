"""What the figures are made from: plain lists out of the journal. Times are epoch ms UTC, None = has not happened."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from control.orders.sla import Times


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """One announced occurrence; those nobody was told of (suppressed, shelved, out of service) are no load and do not count.
    ``announced_at``: the first time; ``acked_at``: the first acknowledgement after that; ``respond_ms``: the time to respond.
    """

    number: int
    key: str
    priority: int
    raised_at: int
    announced_at: int
    respond_ms: int
    acked_at: int | None = None
    cleared_at: int | None = None
    closed_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """Something else that the journal tells: ``kind`` is announced-again, shelved, suppressed or out-of-service."""

    at: int
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """How many alarms are silent at one instant, by each means; one may count twice."""

    shelved: int
    suppressed: int
    out_of_service: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One notification to one address. ``accepted_at``: when the vendor took it."""

    created: int
    kind: str
    priority: int
    state: str
    accepted_at: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One hand-over to a vendor. ``same``: equal for the same text to the same address; ``taken``: the vendor took it, or may
    have.
    """

    at: int
    same: str
    taken: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One work order."""

    created: int
    due: int
    sla: str
    times: Times


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """Everything for one position (an area, or the whole county). It speaks of [``since``, ``until``) and of nothing else. Lives
    and letters should reach a day further back than the period that is asked for, so that a flood that stands at its start is
    seen. ``held``: at the end of the period, None = not known.
    """

    since: int
    until: int
    lives: Sequence[Life] = field(default_factory=tuple)
    marks: Sequence[Mark] = field(default_factory=tuple)
    deliveries: Sequence[Delivery] = field(default_factory=tuple)
    letters: Sequence[Letter] = field(default_factory=tuple)
    jobs: Sequence[Job] = field(default_factory=tuple)
    held: Held | None = None
