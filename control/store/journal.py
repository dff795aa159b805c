"""The alarm journal in the database: what a batch of changes writes, what a start reads, and the state from the journal alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec
from sqlalchemy import Connection, Row, Select, Table, bindparam, delete, func, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from control.alarms.engine import durable, resumed
from control.alarms.events import Acknowledge, Change, Reset, Service, Shelve, Suppress, Unshelve
from control.alarms.model import AlarmState, Text
from control.alarms.occurrences import Occurrence, pack_evidence, unpack_evidence
from control.alarms.states import pack, unpack
from control.store.notes import note, noted_ms
from control.store.tables import alarm_state, occurrence, transition

_ALIVE = "alive_at"
_NORMAL = durable(AlarmState())


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What an earlier life left: states by key, the highest occurrence number, the occurrences still open, and when it last
    wrote (None = never).
    """

    states: dict[str, AlarmState]
    number: int
    open: dict[int, Occurrence]
    alive_at: int | None


def keep(connection: Connection, changes: Sequence[Change], occurrences: Iterable[Occurrence]) -> None:
    """Write changes and the occurrences they left, in the caller's transaction."""
    if changes:
        connection.execute(_ADD, [_row(change) for change in changes])
        _keep_states(connection, {change.alarm.key: change for change in changes})
    if rows := [_occurrence_row(one) for one in {each.number: each for each in occurrences}.values()]:
        connection.execute(_UPSERT[connection.dialect.name], rows)


def alive(connection: Connection, now: int) -> None:
    """Note that control was alive at ``now``."""
    note(connection, _ALIVE, now)


def alive_at(connection: Connection) -> int | None:
    """When control last noted that it was alive; None = never."""
    return noted_ms(connection, _ALIVE)


def load(connection: Connection, now: int) -> Kept:
    """What an earlier life left. After a long stop what it knew of the field counts as unknown."""
    last = alive_at(connection)
    down_ms = now - last if last is not None else 0
    states = {
        key: resumed(unpack(text), down_ms) for key, text in connection.execute(select(alarm_state.c.key, alarm_state.c.state))
    }
    number = connection.scalar(select(func.max(occurrence.c.number))) or 0
    still_open = {one.number: one for one in read(connection, select(occurrence).where(occurrence.c.closed_at.is_(None)))}
    return Kept(states=states, number=number, open=still_open, alive_at=last)


def rebuild(connection: Connection) -> dict[str, AlarmState]:
    """Every alarm's state from the journal alone: for tests, and for a person whose ``alarm_state`` is damaged."""
    newest = select(func.max(transition.c.id)).group_by(transition.c.key)
    rows = connection.execute(select(transition.c.key, transition.c.state).where(transition.c.id.in_(newest)))
    return {key: state for key, text in rows if durable(state := unpack(text)) != _NORMAL}


def read(connection: Connection, query: Select[Any]) -> list[Occurrence]:
    """The occurrences of a query on their table."""
    return [_occurrence(row) for row in connection.execute(query)]


def history(connection: Connection, number: int) -> list[tuple[int, str, str, str]]:
    """What happened to one occurrence, oldest first: (time, effects, who, note)."""
    columns = (transition.c.at, transition.c.kinds, transition.c.who, transition.c.note)
    rows = connection.execute(select(*columns).where(transition.c.occurrence == number).order_by(transition.c.id))
    return [(row.at, row.kinds, row.who, row.note) for row in rows]


# -- rows ----------------------------------------------------------------------------------------------------------------------


def _row(change: Change) -> dict[str, Any]:
    who, note = _said(change)
    return {
        "at": change.at,
        "key": change.alarm.key,
        "occurrence": change.state.occurrence or None,
        "kinds": " ".join(change.step.effects),
        "who": who,
        "note": note,
        "state": pack(change.state),
    }


def _said(change: Change) -> tuple[str, str]:
    match change.event:
        case Acknowledge(who=who, note=note) | Reset(who=who, note=note):
            return who, note
        case Shelve(who=who, reason=reason) | Unshelve(who=who, reason=reason) | Service(who=who, reason=reason):
            return who, reason
        case Suppress(why=why):
            return "", why
    return "", ""


def _keep_states(connection: Connection, newest: Mapping[str, Change]) -> None:
    connection.execute(_FORGET, [{"gone": key} for key in newest])
    kept = [
        {"key": key, "state": pack(change.state), "at": change.at}
        for key, change in newest.items()
        if durable(change.state) != _NORMAL
    ]
    if kept:
        connection.execute(_REMEMBER, kept)


_APART = ("value", "evidence")
_PLAIN = tuple(
    column.name for column in occurrence.c if column.name in Occurrence.__dataclass_fields__ and column.name not in _APART
)


def _upsert(make: Callable[[Table], Any]) -> Any:
    """A row for an occurrence, new or in place of the one with its number."""
    statement = make(occurrence)
    return statement.on_conflict_do_update(
        index_elements=["number"], set_={column.name: statement.excluded[column.name] for column in occurrence.c}
    )


_ADD, _REMEMBER = insert(transition), insert(alarm_state)
_FORGET = delete(alarm_state).where(alarm_state.c.key == bindparam("gone"))
_UPSERT = {"sqlite": _upsert(sqlite.insert), "postgresql": _upsert(postgresql.insert)}
"""Made once: to build and key such a statement anew costs more than the database takes for it."""


def _occurrence_row(one: Occurrence) -> dict[str, Any]:
    return {name: getattr(one, name) for name in _PLAIN} | {
        "zh": one.text.zh,
        "en": one.text.en,
        "place_zh": one.place.zh,
        "place_en": one.place.en,
        "why_zh": one.why.zh,
        "why_en": one.why.en,
        "value": msgspec.json.encode(one.value).decode(),
        "evidence": pack_evidence(one.evidence),
    }


def _occurrence(row: Row[Any]) -> Occurrence:
    fields = row._mapping
    return Occurrence(
        text=Text(zh=row.zh, en=row.en),
        place=Text(zh=row.place_zh, en=row.place_en),
        why=Text(zh=row.why_zh, en=row.why_en),
        value=msgspec.json.decode(row.value) if row.value else None,
        evidence=unpack_evidence(row.evidence),
        **{name: fields[name] for name in _PLAIN},
    )


def closed_now(occurrences: Iterable[Occurrence], numbers: Iterable[int], now: int) -> list[Occurrence]:
    """Open occurrences that no state speaks of any more (their rule was taken out while control was down) end now."""
    alive_numbers = set(numbers)
    return [replace(one, closed_at=now) for one in occurrences if one.closed_at is None and one.number not in alive_numbers]
