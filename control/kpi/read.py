"""The journal's tables as plain lists for the figures, for one area or the whole county.

How long the journal speaks: from its first row to its last, or to when control last said that it was alive. A time in between in
which control did not run can not be told from a quiet one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping

from sqlalchemy import ColumnElement, Connection, func, or_, select

from control.alarms.events import Effect
from control.alarms.states import unpack
from control.kpi.facts import Delivery, Held, Job, Journal, Letter, Life, Mark
from control.messages.port import Outcome
from control.orders.listing import rows
from control.store.journal import alive_at
from control.store.tables import delivery, letter, notification, occurrence, transition, work_order

BACK_MS = 86_400_000
"""How much further back than the period is read, for floods and repeats that reach into it."""

RESPOND_S = {1: 180.0, 2: 600.0, 3: 3600.0, 4: 43_200.0}
"""Time to respond where the caller knows no better, by priority (domain alarms 1.1 [P]; "next shift" taken as 12 h)."""

_MARKS = {str(one): str(one) for one in (Effect.SHELVED, Effect.SUPPRESSED, Effect.OUT)}
_MAY_HAVE_COME = (str(Outcome.SENT), str(Outcome.UNKNOWN), "")
"""Outcomes after which a letter may be with its reader; "" = the sender died before it knew."""


def by_priority(rule: str, priority: int) -> float:  # noqa: ARG001 - a rule's own time is what other callers look up
    """The default time to respond."""
    return RESPOND_S.get(priority, RESPOND_S[4])


def read(
    connection: Connection,
    start: int,
    end: int,
    *,
    area: str = "",
    respond_s: Callable[[str, int], float] = by_priority,
    areas: Mapping[str, str] | None = None,
) -> Journal | None:
    """What the journal holds for the figures of [start, end); None = it is empty. ``respond_s``: time to respond of (rule,
    priority); ``areas``: area by alarm key, for alarms that never had an occurrence (else they count for the county alone).
    """
    spoken = _spoken(connection)
    if spoken is None:
        return None
    places = None if not area else _keys(connection, area, areas or {})
    return Journal(
        since=spoken[0],
        until=spoken[1],
        lives=tuple(_lives(connection, start, end, area, respond_s)),
        marks=tuple(_marks(connection, start, end, places)),
        deliveries=tuple(_deliveries(connection, start, end, area)),
        letters=tuple(_letters(connection, start, end, area)),
        jobs=tuple(_jobs(connection, start, end, area, spoken[1])),
        held=_held(connection, end, places),
    )


def positions(connection: Connection) -> tuple[str, ...]:
    """The areas that the journal knows."""
    return tuple(connection.scalars(select(occurrence.c.area).where(occurrence.c.area != "").distinct().order_by("area")))


# -- alarms --------------------------------------------------------------------------------------------------------------------


def _spoken(connection: Connection) -> tuple[int, int] | None:
    first, last = connection.execute(select(func.min(transition.c.at), func.max(transition.c.at))).one()
    if first is None:
        return None
    return first, max(last + 1, alive_at(connection) or 0)


def _lives(connection: Connection, start: int, end: int, area: str, respond_s: Callable[[str, int], float]) -> Iterator[Life]:
    since, one = start - BACK_MS, occurrence.c
    query = select(
        one.number, one.key, one.rule, one.priority, one.raised_at, one.annunciated_at, one.cleared_at, one.closed_at
    ).where(
        one.annunciated_at < end,
        or_(one.annunciated_at >= since, one.closed_at.is_(None), one.closed_at >= since),
        *([one.area == area] if area else []),
    )
    acked = _acked(connection, since)
    for row in connection.execute(query):
        yield Life(
            number=row.number,
            key=row.key,
            priority=row.priority,
            raised_at=row.raised_at,
            announced_at=row.annunciated_at,
            respond_ms=round(respond_s(row.rule, row.priority) * 1000),
            acked_at=next((at for at in acked.get(row.number, ()) if at >= row.annunciated_at), None),
            cleared_at=row.closed_at if row.cleared_at is None else row.cleared_at,  # its rule was taken out while active
            closed_at=row.closed_at,
        )


def _acked(connection: Connection, since: int) -> dict[int, list[int]]:
    """When each occurrence was acknowledged: the journal keeps what an expiry takes from the occurrence's row."""
    recent = select(occurrence.c.number).where(or_(occurrence.c.closed_at.is_(None), occurrence.c.closed_at >= since))
    query = select(transition.c.occurrence, transition.c.at, transition.c.kinds).where(
        transition.c.kinds.like(f"%{Effect.ACKED}%"), transition.c.occurrence.in_(recent)
    )
    found: dict[int, list[int]] = defaultdict(list)
    for number, at, kinds in connection.execute(query.order_by(transition.c.id)):
        if Effect.ACKED in kinds.split():
            found[number].append(at)
    return found


def _keys(connection: Connection, area: str, areas: Mapping[str, str]) -> frozenset[str]:
    known = connection.scalars(select(occurrence.c.key).where(occurrence.c.area == area).distinct())
    return frozenset(known) | {key for key, where in areas.items() if where == area}


def _marks(connection: Connection, start: int, end: int, keys: frozenset[str] | None) -> Iterator[Mark]:
    wanted = or_(*(transition.c.kinds.like(f"%{kind}%") for kind in _MARKS))
    query = select(transition.c.at, transition.c.key, transition.c.kinds).where(
        transition.c.at >= start, transition.c.at < end, wanted
    )
    for at, key, kinds in connection.execute(query):
        if keys is None or key in keys:
            yield from (Mark(at=at, kind=_MARKS[each]) for each in kinds.split() if each in _MARKS)
    yield from _again(connection, start, end, keys)


def _again(connection: Connection, start: int, end: int, keys: frozenset[str] | None) -> Iterator[Mark]:
    """Announcements of an occurrence after its first."""
    query = (
        select(transition.c.at, transition.c.key, transition.c.kinds)
        .join(occurrence, occurrence.c.number == transition.c.occurrence)
        .where(
            transition.c.at >= start,
            transition.c.at < end,
            transition.c.at > occurrence.c.annunciated_at,
            transition.c.kinds.like(f"%{Effect.ANNOUNCED}%"),
        )
    )
    for at, key, kinds in connection.execute(query):
        if Effect.ANNOUNCED in kinds.split() and (keys is None or key in keys):
            yield Mark(at=at, kind="announced-again")


def _held(connection: Connection, end: int, keys: frozenset[str] | None) -> Held:
    """From the newest state of every alarm before the end. UnreadableState."""
    newest = select(func.max(transition.c.id)).where(transition.c.at < end).group_by(transition.c.key)
    query = select(transition.c.key, transition.c.state).where(transition.c.id.in_(newest))
    states = [unpack(text) for key, text in connection.execute(query) if keys is None or key in keys]
    return Held(
        shelved=sum(one.shelved_until is not None for one in states),
        suppressed=sum(one.suppressed for one in states),
        out_of_service=sum(one.out_of_service for one in states),
    )


# -- messages and repairs ------------------------------------------------------------------------------------------------------


def _in_area(area: str) -> list[ColumnElement[bool]]:
    """Of the notifications: those about occurrences of an area."""
    mine = select(occurrence.c.number).where(occurrence.c.area == area)
    return [notification.c.occurrence.in_(mine)] if area else []


def _deliveries(connection: Connection, start: int, end: int, area: str) -> Iterator[Delivery]:
    query = (
        select(notification.c.created, notification.c.kind, notification.c.priority, delivery.c.state, delivery.c.sent_at)
        .join(notification, notification.c.id == delivery.c.notification)
        .where(notification.c.created >= start, notification.c.created < end, *_in_area(area))
    )
    for created, kind, priority, state, sent_at in connection.execute(query):
        yield Delivery(created=created, kind=kind, priority=priority, state=state, accepted_at=sent_at)


def _letters(connection: Connection, start: int, end: int, area: str) -> Iterator[Letter]:
    """An area's letters are those that carried one of its deliveries, and their repeats."""
    query = select(letter.c.id, letter.c.channel, letter.c.address, letter.c.text, letter.c.handed_at, letter.c.outcome).where(
        letter.c.handed_at >= start - BACK_MS, letter.c.handed_at < end
    )
    found = connection.execute(query.order_by(letter.c.handed_at, letter.c.id)).all()
    same = {row.id: f"{row.channel}\0{row.address}\0{row.text}" for row in found}
    mine = set(same.values())
    if area:
        carried = (
            select(delivery.c.letter).join(notification, notification.c.id == delivery.c.notification).where(*_in_area(area))
        )
        mine = {same[each] for each in connection.scalars(carried) if each in same}
    for row in found:
        if same[row.id] in mine:
            yield Letter(at=row.handed_at, same=same[row.id], taken=row.outcome in _MAY_HAVE_COME)


def _jobs(connection: Connection, start: int, end: int, area: str, now: int) -> Iterator[Job]:
    query = select(work_order).where(work_order.c.created >= start, work_order.c.created < end)
    query = query.where(work_order.c.area == area) if area else query
    for one in rows(connection, query, now):
        yield Job(created=one.created, due=one.due, sla=one.sla, times=one.times)
