"""The figures of one position over one period, as values. None always means "no data", never "fine". Shares are 0 to 1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from control.kpi.facts import Held


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """Announced alarms. ``busy_hours``: share of hours with more than 30; ``busy_tens``: share of ten minutes with more than 10;
    ``most_ten``: the most in any ten minutes, wherever they begin.
    """

    alarms: int
    per_day: float
    per_hour: float
    per_ten: float
    most_day: int
    most_hour: int
    most_ten: int
    busy_hours: float
    busy_tens: float
    floods: int
    flood_s: float
    flood_share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Nuisance:
    """``top``: the ten most frequent alarms and how often; ``top_share``: their share of all. ``chattering``: alarm keys.
    ``fleeting``: occurrences. ``stale_day``: the most alarms that were stale on one day; ``stale_end``: at the end.
    """

    top: tuple[tuple[str, int], ...]
    top_share: float | None
    chattering: tuple[str, ...]
    fleeting: int
    stale_day: int
    stale_end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Acks:
    """Acknowledgement. ``decided``: acknowledged, or the time to respond went by while it was active; ``in_time``: the share of
    those that were acknowledged within it. One that cleared by itself before is neither.
    """

    announced: int
    acked: int
    median_s: float | None
    p90_s: float | None
    decided: int
    in_time: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Open occurrences at the end of the period: all, those still active, and those nobody has answered."""

    open: int
    active: int
    unanswered: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """Seconds from the announcement to the vendor's acceptance of its first messages; grouping and digests wait on purpose."""

    count: int
    p50_s: float
    p95_s: float
    p99_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Messages:
    """Deliveries by their state now. ``letters``: hand-overs that a vendor took or may have; ``per_alarm``: how many of these an
    alarm cost; ``duplicates``: those with a text that had gone to the same address before. ``latency`` by priority.
    """

    deliveries: int
    states: Mapping[str, int]
    letters: int
    per_alarm: float | None
    duplicates: int
    latency: Mapping[int, Latency]


@dataclass(frozen=True, slots=True, kw_only=True)
class Repairs:
    """Work orders opened in the period. Seconds from opening to the first answer and to the repair; ``in_time``: share within the
    SLA of the ``decided`` ones.
    """

    orders: int
    repaired: int
    reopened: int
    cancelled: int
    response_s: float | None
    repair_s: float | None
    decided: int
    in_time: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """All of it. ``days``: how long the journal speaks of within the period. ``split``: share of each priority of the announced
    alarms, empty where there were none. ``acks`` by priority, 0 = all. ``marks``: how often alarms were announced again,
    shelved, suppressed and taken out of service; ``held``: how many are so at the end.
    """

    start: int
    end: int
    days: float
    load: Load
    nuisance: Nuisance
    split: Mapping[int, float]
    acks: Mapping[int, Acks]
    standing: Standing
    marks: Mapping[str, int]
    held: Held | None
    messages: Messages
    repairs: Repairs


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One county day of one position by the ids of its measures; None = no data."""

    day: date
    area: str
    values: Mapping[str, float | None]
