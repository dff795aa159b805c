"""Points: one quantity of one component of a device, and how its samples are to be judged and reported."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

Value = float | int | bool | str
"""What a reading can hold; ``None`` beside it means "no value", never zero."""


class Kind(StrEnum):
    """The Python shape of a point's value, and so its Sparkplug datatype (Double, Int64, Boolean, String)."""

    FLOAT = "float"
    INT = "int"
    BOOL = "bool"
    TEXT = "text"


class PollClass(StrEnum):
    """How often a point is read: with every fast round, with the slow round, or only when asked."""

    FAST = "fast"
    SLOW = "slow"
    DEMAND = "demand"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadband:
    """Report by exception: a value is reported when it moved by ``absolute`` or ``percent`` of the last reported
    one (whichever is larger), when its quality changed, or ``heartbeat_s`` after the last report. 0 = any change.
    """

    absolute: float = 0.0
    percent: float = 0.0
    heartbeat_s: float = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tests:
    """The quality tests on a point's samples; ``None`` switches a test off. Units are the point's own, per minute for rates.

    ``low``/``high``: gross range, outside is bad. ``rate_suspect``/``rate_bad``: change per minute. ``spike``: a jump above
    this that goes back within 3 samples. ``flat_s``: no change for so long is doubtful. ``blind_above``: at or above this the
    sensor is in its blind zone: doubtful (surcharge suspected), never missing. ``status``: path of the device's own status
    point; any value but 0 makes the sample bad. Defaults: domain drainage 3.2.
    """

    low: float | None = None
    high: float | None = None
    rate_suspect: float | None = None
    rate_bad: float | None = None
    spike: float | None = None
    flat_s: float | None = None
    blind_above: float | None = None
    status: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One quantity: ``path`` is ``component/quantity`` (``loop3/i_a``) or just ``quantity``, unique on its device."""

    path: str
    kind: Kind = Kind.FLOAT
    unit: str = ""
    zh: str = ""
    en: str = ""
    poll: PollClass = PollClass.FAST
    deadband: Deadband = field(default_factory=Deadband)
    tests: Tests = field(default_factory=Tests)
    writable: bool = False

    @property
    def component(self) -> str:
        """The component's name, or "" for a point of the device itself."""
        return self.path.rpartition("/")[0]
