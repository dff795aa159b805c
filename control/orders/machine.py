"""One order, one event: the pure heart. No clock, no I/O, no other order.

::

    open --assign--> assigned --accept--> accepted --arrive--> on-site --finish--> done --the readings confirm--> closed
    done --the readings, a new occurrence or a person contradict--> reopened, which goes on like assigned (its crew is known)

A step may be left out on the way forward (repaired from afar, accepted by going there); only assigning anew goes back.
Any order that has not ended can be closed by hand with a reason; one that is not done can be cancelled with a reason.
The readings close an order only when its alarm is clear, and never while they are unknown.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from control.orders.model import (
    Accept,
    Arrive,
    Assign,
    Cancel,
    Close,
    Event,
    Finish,
    Join,
    Kind,
    Look,
    Note,
    Order,
    Refused,
    Reopen,
    State,
    Step,
    Why,
)
from control.orders.photo import photo_kind

LONGEST = 2_000
"""Characters of a remark."""

_WORKING = (State.ASSIGNED, State.ACCEPTED, State.ON_SITE, State.REOPENED)
_FROM = {
    Assign: frozenset({State.OPEN, *_WORKING}),
    Accept: frozenset({State.ASSIGNED, State.REOPENED}),
    Arrive: frozenset({State.ASSIGNED, State.ACCEPTED, State.REOPENED}),
    Finish: frozenset(_WORKING),
    Reopen: frozenset({State.DONE}),
    Close: frozenset({State.OPEN, *_WORKING, State.DONE}),
    Cancel: frozenset({State.OPEN, *_WORKING}),
}
"""From which states a person's event leads on."""


def step(order: Order, event: Event, now: int) -> Step | Refused:
    """What ``event`` does to ``order`` at ``now`` (epoch ms); a clock set back counts as the time of the newest event."""
    at = max(now, order.at)
    match event:
        case Look():
            return _looked(order, event, at)
        case Join():
            return _joined(order, event, at)
        case Note():
            return _noted(order, event, at)
    wrong = _wrong(order, event)
    return Refused(wrong) if wrong else _moved(order, event, at)


# -- what people do ------------------------------------------------------------------------------------------------------------

_Act = Assign | Accept | Arrive | Finish | Reopen | Close | Cancel


def _wrong(order: Order, event: _Act) -> Why | None:
    """Why a person's event can not be; None = it can."""
    if order.ended:
        return Why.ENDED
    if order.state not in _FROM[type(event)]:
        return Why.NOT_ASSIGNED if order.state is State.OPEN else Why.NOT_NOW
    if len(_said(event)) > LONGEST:
        return Why.LONG
    match event:
        case Assign(crew=crew) if not crew.strip():
            return Why.NO_CREW
        case Accept() | Arrive() | Finish() if not order.crew:
            return Why.NOT_ASSIGNED
        case Finish(note=note) if not note.strip():
            return Why.NO_NOTE
        case Finish(photo=bytes() as photo):
            kind = photo_kind(photo)
            return kind if isinstance(kind, Why) else None
        case Reopen(reason=reason) | Close(reason=reason) | Cancel(reason=reason) if not reason.strip():
            return Why.NO_REASON
    return None


def _moved(order: Order, event: _Act, at: int) -> Step:
    said = _said(event)
    match event:
        case Assign(crew=crew, person=person):
            told = f"{crew}/{person}" if person else crew
            return _to(order, State.ASSIGNED, at, Kind.ASSIGNED, f"{told} {said}".strip(), crew=crew, person=person)
        case Accept():
            return _to(order, State.ACCEPTED, at, Kind.ACCEPTED, said)
        case Arrive():
            return _to(order, State.ON_SITE, at, Kind.ON_SITE, said)
        case Finish():
            return _to(order, State.DONE, at, Kind.DONE, said, done_at=at)
        case Reopen():
            return _to(order, State.REOPENED, at, Kind.REOPENED, said, done_at=None)
        case Close():
            return _to(order, State.CLOSED, at, Kind.CLOSED, said)
        case Cancel():
            return _to(order, State.CANCELLED, at, Kind.CANCELLED, said)


def _noted(order: Order, event: Note, at: int) -> Step | Refused:
    """A remark may come at any time, also after the end."""
    if not event.note.strip() and event.photo is None:
        return Refused(Why.NOTHING_SAID)
    if len(event.note) > LONGEST:
        return Refused(Why.LONG)
    kind = photo_kind(event.photo) if event.photo is not None else ""
    if isinstance(kind, Why):
        return Refused(kind)
    return Step(order=replace(order, at=at), rows=((Kind.NOTE, event.note.strip()),))


def _said(event: _Act) -> str:
    return (event.reason if isinstance(event, Reopen | Close | Cancel) else event.note).strip()


# -- what the readings say -----------------------------------------------------------------------------------------------------


def _joined(order: Order, event: Join, at: int) -> Step | Refused:
    """A new life of the alarm belongs to the order; what was called done was not."""
    if not order.key:
        return Refused(Why.NO_ALARM)
    if order.ended:
        return Refused(Why.ENDED)
    joined = (Kind.JOINED, str(event.occurrence))
    if order.state is not State.DONE:
        return Step(order=replace(order, at=at), rows=(joined,))
    again = (Kind.REOPENED, "同一报警再次发生 the alarm came again")
    return Step(order=replace(order, state=State.REOPENED, at=at, done_at=None), rows=(joined, again))


def _looked(order: Order, event: Look, at: int) -> Step | Refused:
    """Confirm, contradict or wait. Only an order that its crew calls done is looked at."""
    if not order.key:
        return Refused(Why.NO_ALARM)
    if order.done_at is None or order.state is not State.DONE or not event.known:
        return Step(order=order)
    if event.active and event.since > order.done_at:
        return _to(order, State.REOPENED, at, Kind.REOPENED, "报警再次发生 the alarm is active again", done_at=None)
    if at - _counted_from(order, event, at) < order.wait_ms:
        return Step(order=order)
    if event.active:
        return _to(order, State.REOPENED, at, Kind.REOPENED, "报警仍未消除 the alarm is still active", done_at=None)
    return _to(order, State.CLOSED, at, Kind.CONFIRMED, "读数确认修复 the readings confirm the repair")


def _counted_from(order: Order, event: Look, at: int) -> int:
    """Since when the readings have spoken of the repair."""
    assert order.done_at is not None, "asked only of one that is done"
    if order.at_night and event.lit_since is None:
        return at
    marks = [order.done_at, *([] if event.active else [event.since]), *([event.lit_since or 0] if order.at_night else [])]
    return max(marks)


def _to(order: Order, state: State, at: int, kind: Kind, said: str, **changed: Any) -> Step:
    """The order in another state; what is not named stays."""
    return Step(order=replace(order, state=state, at=at, **changed), rows=((kind, said),))
