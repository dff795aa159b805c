"""The values of a work order: what it is, what happens to it, why something is refused. Times are epoch ms UTC.

An **order** asks a crew for one repair. It is opened by an occurrence or by hand and ends closed (the readings confirm the
repair, or a person says why they close it) or cancelled.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """Where an order is. The last two are its ends."""

    OPEN = "open"
    ASSIGNED = "assigned"
    ACCEPTED = "accepted"
    ON_SITE = "on-site"
    DONE = "done"  # the crew says so; the readings have not confirmed it yet
    REOPENED = "reopened"
    CLOSED = "closed"
    CANCELLED = "cancelled"


ENDED = frozenset({State.CLOSED, State.CANCELLED})


class Kind(StrEnum):
    """What a row of an order's history tells."""

    CREATED = "created"
    ASSIGNED = "assigned"
    ACCEPTED = "accepted"
    ON_SITE = "on-site"
    DONE = "done"
    CONFIRMED = "confirmed"
    REOPENED = "reopened"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    JOINED = "joined"
    NOTE = "note"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """An order as the machine sees it. ``key``: its alarm, "" = none (opened by hand). ``at``: its newest event. ``done_at``:
    when the crew said it is repaired, None = it is not called so. ``wait_ms``: how long the readings must agree before they
    confirm or contradict that; ``at_night``: only time with the lamps lit counts.
    """

    state: State = State.OPEN
    key: str = ""
    at: int
    done_at: int | None = None
    crew: str = ""
    person: str = ""
    wait_ms: int = 600_000
    at_night: bool = False

    @property
    def ended(self) -> bool:
        """Nothing more is expected."""
        return self.state in ENDED


# -- events --------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Assign:
    """A dispatcher, or a rule, gives it to a crew and perhaps to one person of it."""

    who: str
    crew: str
    person: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Accept:
    """The crew takes it on."""

    who: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrive:
    """The crew is on site."""

    who: str
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """The crew says it is repaired; ``note`` says what was done."""

    who: str
    note: str
    photo: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What is known of its alarm. ``active``: it is an alarm now. ``known``: the field can be believed at this moment, and no
    delay runs. ``since``: an active alarm was raised then; a clear one has been clear **and known** without a break since then.
    ``lit_since``: the lamps there have been lit since then; None = they are dark, or it is not known.
    """

    active: bool
    known: bool
    since: int
    lit_since: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Join:
    """A new occurrence of its alarm."""

    occurrence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reopen:
    """A person says it is not repaired."""

    who: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """A person closes it, whatever the readings say."""

    who: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """Nobody need go (opened by mistake, another's affair)."""

    who: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A remark or a photo."""

    who: str
    note: str = ""
    photo: bytes | None = None


Event = Assign | Accept | Arrive | Finish | Look | Join | Reopen | Close | Cancel | Note


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The order after an event, and the rows its history gains, in order: (kind, remark). None = the event changed nothing."""

    order: Order
    rows: tuple[tuple[Kind, str], ...] = ()


class Why(StrEnum):
    """Why an event had no effect, in words for people."""

    ENDED = "工单已结束 the order is over"
    NOT_NOW = "当前状态不允许 its present state does not allow that"
    NOT_ASSIGNED = "请先派单 assign it first"
    NO_CREW = "请写明班组 name a crew"
    NO_REASON = "请写明原因 a reason is needed"
    NO_NOTE = "请写明做了什么 say what was done"
    NOTHING_SAID = "没有内容 there is nothing in it"
    NO_ALARM = "该工单没有对应报警 the order has no alarm"
    PHOTO_TOO_BIG = "照片超过2 MB the photo is larger than 2 MB"
    PHOTO_KIND = "照片不是 JPEG、PNG 或 WebP the photo is no JPEG, PNG or WebP"
    LONG = "文字超过2000字 the text is longer than 2,000 characters"


@dataclass(frozen=True, slots=True)
class Refused:
    """An event that had no effect."""

    reason: Why
