"""One row per life of an alarm: what a change does to the occurrences, as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import msgspec

from control.alarms.events import Acknowledge, Change, Effect
from control.alarms.model import NOTHING, Alarm, Condition, Evidence, Text
from lampwell.points import Value


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """One life of an alarm. ``number`` is what people call it by. Times are epoch ms, None = has not happened. ``raised_at`` is
    when the engine raised it, ``source_time`` when the condition began at its source. ``superseded``: ended unacknowledged
    because the next one began. ``value``: what raised it; ``limit``: what it was held against.
    """

    number: int
    key: str
    rule: str
    priority: int
    area: str
    road: str
    edge: str
    device: str
    component: str
    text: Text
    place: Text
    first_out: str
    source_time: int
    raised_at: int
    annunciated_at: int | None = None
    acked_at: int | None = None
    acked_by: str = ""
    ack_note: str = ""
    cleared_at: int | None = None
    closed_at: int | None = None
    superseded: bool = False
    value: Value | None = None
    limit: float | None = None
    unit: str = ""
    why: Text = NOTHING
    evidence: tuple[Evidence, ...] = ()


def follow(change: Change, known: Mapping[int, Occurrence], because: Condition | None) -> list[Occurrence]:
    """The occurrences as ``change`` leaves them, oldest first. ``known``: those still open; ``because``: the newest condition
    of the alarm, which explains a raise.
    """
    done, state = change.step.effects, change.state
    found: list[Occurrence] = []
    before = known.get(change.before.occurrence)
    if change.step.ended is not None and before is not None:
        found.append(replace(before, closed_at=change.at, superseded=Effect.SUPERSEDED in done))
    now = _begin(change, because) if Effect.RAISED in done else before
    if now is None:
        return found
    after = _go_on(now, change)
    if Effect.CLOSED in done and state.occurrence == change.before.occurrence:
        after = replace(after, closed_at=change.at)
    return [*found, after] if after is not before else found


def _begin(change: Change, because: Condition | None) -> Occurrence:
    alarm, state = change.alarm, change.state
    place, rule = alarm.place, alarm.rule
    return Occurrence(
        number=state.occurrence,
        key=alarm.key,
        rule=rule.id,
        priority=int(rule.priority),
        area=place.area,
        road=place.road,
        edge=place.edge,
        device=place.device,
        component=place.component,
        text=rule.text,
        place=place.text,
        first_out=_group(alarm),
        source_time=state.since,
        raised_at=change.at,
        value=state.value,
        limit=alarm.limit.value if alarm.limit else None,
        unit=alarm.limit.unit if alarm.limit else "",
        why=because.why if because else NOTHING,
        evidence=because.evidence if because else (),
    )


def _go_on(occurrence: Occurrence, change: Change) -> Occurrence:
    done, event = change.step.effects, change.event
    if Effect.ANNOUNCED in done and occurrence.annunciated_at is None:
        occurrence = replace(occurrence, annunciated_at=change.at)
    if Effect.ACKED in done and isinstance(event, Acknowledge):
        occurrence = replace(occurrence, acked_at=change.at, acked_by=event.who, ack_note=event.note)
    if Effect.EXPIRED in done:
        occurrence = replace(occurrence, acked_at=None, acked_by="", ack_note="")  # the journal keeps who it was
    if Effect.CLEARED in done:
        occurrence = replace(occurrence, cleared_at=change.at)
    return occurrence


def _group(alarm: Alarm) -> str:
    return f"{alarm.rule.first_out}@{alarm.place.device or alarm.place.edge}" if alarm.rule.first_out else ""


FIRST_OUT_MS = 5_000
"""Alarms of one group within so long of each other, by source time, are compared (domain alarms 1.1)."""


def first_out(members: Mapping[int, int]) -> frozenset[int]:
    """Which of a group's occurrences (number -> source time) came first in their burst; equal times are a tie: all of them.

    A burst is a chain in which each follows the one before within 5 s; one alone is no race, so nobody came first in it.
    """
    firsts: set[int] = set()
    burst: list[tuple[int, int]] = []
    for time, number in [*sorted((time, number) for number, time in members.items()), (1 << 62, 0)]:
        if burst and time - burst[-1][0] > FIRST_OUT_MS:
            if len(burst) > 1:
                firsts |= {each for at, each in burst if at == burst[0][0]}
            burst = []
        burst.append((time, number))
    return frozenset(firsts)


def pack_evidence(evidence: tuple[Evidence, ...]) -> str:
    """Evidence as JSON text."""
    return msgspec.json.encode(evidence).decode()


def unpack_evidence(text: str) -> tuple[Evidence, ...]:
    """Evidence of JSON text."""
    return msgspec.json.decode(text, type=tuple[Evidence, ...])
